from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from perpmaker.model.instrument import OrderMargin
from perpmaker.model.order import OrderKind, Side, Slot
from perpmaker.model.quote import Rule
from perpmaker.strategy.filters import Budget, MarketFilter, MinimumSpread, Taking
from perpmaker.strategy.reference import Reference, read_reference
from perpmaker.testing.view import make_instrument, make_order, make_view


def test_the_markets_own_rules() -> None:
    """Amount, notional and price outside of the market's rules are withheld, exactly at the bound is right."""
    for rules, ticks, lots, rule in [
        ({}, 10000, 1000, None),
        ({"min_amount": Decimal("0.0015")}, 10000, 1, Rule.MIN_AMOUNT),
        ({"min_amount": Decimal("0.0015")}, 10000, 2, None),
        ({}, 10000, 0, Rule.MIN_AMOUNT),
        ({}, 10000, -5, Rule.MIN_AMOUNT),
        ({"max_amount": Decimal("0.5")}, 10000, 501, Rule.MAX_AMOUNT),
        ({"max_amount": Decimal("0.5")}, 10000, 500, None),
        ({"min_notional": Decimal(5)}, 10000, 49, Rule.MIN_NOTIONAL),
        ({"min_notional": Decimal(5)}, 10000, 50, None),
        ({}, 0, 1000, Rule.ROUNDING),
        ({"min_price": Decimal(50)}, 4999, 1000, Rule.ROUNDING),
        ({"max_price": Decimal(150)}, 15001, 1000, Rule.ROUNDING),
    ]:
        refused = MarketFilter(make_instrument(**rules)).check(Side.BUY, ticks, lots, Decimal(100))

        assert (None if refused is None else refused.rule) is rule


def test_the_venues_price_band_follows_the_mark() -> None:
    """Buys above and sells below the venue's multiple of the mark price are withheld; without a mark nothing is."""
    for side, ticks, withheld in [(Side.BUY, 10501, True), (Side.BUY, 9000, False), (Side.SELL, 9499, True)]:
        band = MarketFilter(make_instrument(band_up=Decimal("1.05"), band_down=Decimal("0.95")))

        assert (band.check(side, ticks, 1, Decimal(100)) is not None) is withheld
        assert band.check(side, ticks, 1, None) is None


def test_minimum_spread_is_measured_from_the_reference() -> None:
    """Nearer to the reference than minimum_spread is too near; exactly there is right."""
    for side, ticks, near in [
        (Side.BUY, 9950, False),
        (Side.BUY, 9951, True),
        (Side.SELL, 10050, False),
        (Side.SELL, 10049, True),
    ]:
        reference = read_reference(make_view(), "mid_price", 10.0)
        assert isinstance(reference, Reference)

        assert (MinimumSpread(Decimal("0.005")).check(side, ticks, reference) is not None) is near
        assert MinimumSpread(None).check(side, ticks, reference) is None


def test_at_or_through_the_opposite_best_is_taking() -> None:
    """A quote at or through the best of the other side is withheld."""
    for side, ticks, taking in [
        (Side.BUY, 10000, False),
        (Side.BUY, 10001, True),
        (Side.SELL, 10000, False),
        (Side.SELL, 9999, True),
    ]:
        assert (Taking(make_view(), ()).check(side, ticks) is not None) is taking


def test_a_quote_never_meets_our_own_order() -> None:
    """Our own live orders of the other side count too, exits included."""
    exit_order = make_order(Slot(OrderKind.TAKE_PROFIT, Side.SELL), 9970, 5)
    taking = Taking(make_view(), [exit_order, make_order(Slot(OrderKind.QUOTE, Side.SELL), 10050, 5)])

    assert taking.check(Side.BUY, 9970) is not None
    assert taking.check(Side.BUY, 9969) is None


def test_margin_of_a_quote_is_notional_by_leverage_plus_the_taker_fee() -> None:
    """1 at 100 with leverage 10 and a taker fee of 0.1 % needs 10.1."""
    instrument = make_instrument(taker_fee=Decimal("0.001"))
    one = (Side.BUY, 10000, 1000)

    assert Budget(make_view(instrument=instrument, leverage=10, capital=Decimal("10.1")), {}).grant(*one)
    assert not Budget(make_view(instrument=instrument, leverage=10, capital=Decimal("10.09")), {}).grant(*one)


def test_sides_are_summed_unless_the_venue_says_otherwise() -> None:
    """Both sides count, unless the venue demands margin for the larger side or for none."""
    for margin, granted in [(OrderMargin.BOTH_SIDES, False), (OrderMargin.LARGER_SIDE, True), (OrderMargin.NONE, True)]:
        budget = Budget(make_view(instrument=make_instrument(order_margin=margin), capital=Decimal(100)), {})

        assert budget.grant(Side.BUY, 10000, 1000)
        assert budget.grant(Side.SELL, 10000, 1000) is granted


def test_quotes_that_reduce_the_position_need_no_margin() -> None:
    """The part of a quote that only shrinks the position is free."""
    budget = Budget(make_view(capital=Decimal(0)), {Side.SELL: 500})

    assert budget.grant(Side.SELL, 10000, 300)
    assert budget.grant(Side.SELL, 10000, 200)
    assert not budget.grant(Side.SELL, 10000, 1)
    assert not budget.grant(Side.BUY, 10000, 1)


@given(
    capital=st.decimals("0", "1000", places=2),
    leverage=st.integers(1, 50),
    fee=st.decimals("0", "0.01", places=4),
    wanted=st.lists(
        st.tuples(st.sampled_from(Side), st.integers(1, 20_000), st.integers(1, 5_000)), min_size=1, max_size=10
    ),
)
def test_the_budget_is_never_exceeded(
    capital: Decimal, leverage: int, fee: Decimal, wanted: list[tuple[Side, int, int]]
) -> None:
    """The margin and fee of what was granted never exceed the capital."""
    instrument = make_instrument(taker_fee=fee)
    budget = Budget(make_view(instrument=instrument, leverage=leverage, capital=capital), {})
    granted = [one for one in wanted if budget.grant(*one)]
    notional = sum((instrument.price(ticks) * instrument.amount(lots) for _, ticks, lots in granted), Decimal(0))

    assert notional / leverage + notional * fee <= capital
