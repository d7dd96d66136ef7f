from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perpmaker.exits.settings import ExitSettings
from perpmaker.exits.target import take_profit
from perpmaker.model.order import OrderKind, PositionMode, PositionSide, Side, Slot
from perpmaker.model.position import Position
from perpmaker.model.quote import WantedExits
from perpmaker.state.view import End
from perpmaker.testing.view import make_instrument, make_order, make_position

Targets = Callable[[WantedExits], list[tuple[int, int]]]

SELL = Slot(OrderKind.TAKE_PROFIT, Side.SELL)


def test_target_stands_at_its_distance_from_entry(venue: Any, targets: Targets) -> None:
    """Long: entry x (1 + spread) rounded up; short: entry x (1 - spread) rounded down; 0 is the entry price."""
    for amount, entry, spread, ticks in [
        ("1", "100", "0.01", 10100),
        ("-1", "100", "0.01", 9900),
        ("1", "100.003", "0.005", 10051),  # 100.503015 rounded up
        ("-1", "100.003", "0.005", 9950),  # 99.502985 rounded down
        ("1", "100", "0", 10000),
        ("-1", "100", "0", 10000),
    ]:
        both = {"long_profit_taking_spread": Decimal(spread), "short_profit_taking_spread": Decimal(spread)}
        wanted = venue(**both, positions=make_position(amount, entry)).decide()

        assert targets(wanted) == [(ticks, 1000)]
        assert wanted.exits[0].slot.side is (Side.SELL if Decimal(amount) > 0 else Side.BUY)


def test_the_size_is_the_position_and_follows_it(venue: Any, targets: Targets) -> None:
    """When the position grows or shrinks the target is wanted for what there is now."""
    market = venue()

    assert targets(market.decide()) == [(10100, 1000)]
    assert targets(market.decide(positions=make_position("1.5", "99"))) == [(9999, 1500)]
    assert targets(market.decide(positions=make_position("0.25", "99"))) == [(9999, 250)]
    assert market.decide(positions=make_position("0")).exits == ()


def test_dust_is_never_sent(venue: Any) -> None:
    """Less than a lot has no exit; what is above whole lots is left out of the size."""
    assert venue(positions=make_position("0.0009")).decide().exits == ()
    assert venue(positions=make_position("0.0019")).decide().exits[0].lots == 1


def test_a_position_without_an_entry_price_waits_for_one(venue: Any) -> None:
    """An exit is never priced from nothing."""
    assert venue(positions=make_position("1", "0")).decide().exits == ()


def test_under_the_minimum_notional_is_sent_all_the_same(venue: Any, targets: Targets) -> None:
    """Closing orders are exempt from the minimum notional."""
    market = venue(positions=make_position("0.001"), instrument=make_instrument(min_notional=Decimal(5)))

    assert targets(market.decide()) == [(10100, 1)]


def test_a_position_larger_than_one_order_is_closed_in_parts(venue: Any, targets: Targets) -> None:
    """No exit is larger than the market takes at once."""
    market = venue(instrument=make_instrument(max_amount=Decimal("0.4")))

    assert targets(market.decide()) == [(10100, 400)]


def test_a_part_of_a_larger_position_keeps_its_place_while_it_is_filled(venue: Any, targets: Targets) -> None:
    """What one order cannot close waits for its turn: an order that was filled in part is not made larger again."""
    market = venue(instrument=make_instrument(max_amount=Decimal("0.4")))
    market.decide()
    market.accept()
    slot = market.wanted.exits[0].slot
    market.orders[slot] = attrs.evolve(market.orders[slot], filled_lots=100)

    assert targets(market.decide(positions=make_position("0.9"))) == [(10100, 300)]

    market.orders.clear()

    assert targets(market.decide(positions=make_position("0.6"))) == [(10100, 400)]


def test_hedge_positions_have_their_own_targets(venue: Any, targets: Targets) -> None:
    """Long and short each have an exit of their own, in slots of their own."""
    positions = {**make_position("1", "100", PositionSide.LONG), **make_position("-2", "101", PositionSide.SHORT)}
    wanted = venue(position_mode=PositionMode.HEDGE, positions=positions).decide()

    assert targets(wanted) == [(10100, 1000), (9999, 2000)]
    assert [one.slot.position_side for one in wanted.exits] == [PositionSide.LONG, PositionSide.SHORT]


def test_a_target_that_vanished_is_sent_again_at_once_then_ever_later(venue: Any, targets: Targets) -> None:
    """At once, then after 0.25, 0.5, 1 and 2 s, without end; and when 2 s are over, should it have to go to market."""
    market = venue(stop_loss_spread=None)
    waits = []

    for _ in range(7):
        market.decide()
        market.end(SELL, End.REFUSED)
        waited = 0.0

        while not targets(market.decide()):
            assert market.wanted.wake.at is not None
            waited += market.wanted.wake.at - market.now
            market.fields["now"] = market.wanted.wake.at

        waits.append(waited)

    assert waits == pytest.approx([0, 0.25, 0.5, 1, 0.25, 2, 2])


def test_a_refused_target_that_the_market_passed_goes_to_market_after_two_seconds(venue: Any, targets: Targets) -> None:
    """A target that could execute and keeps being refused is closed at market; one that could not just waits."""
    market = venue(bid=10200, ask=10202)

    for _ in range(5):
        market.end(SELL, End.REFUSED)
        market.decide(after=0.5)

    market.decide(after=2.0)
    assert [(one.slot.kind, one.lots) for one in market.wanted.exits] == [(OrderKind.CLOSE, 1000)]
    assert targets(market.decide(bid=9999, ask=10001)) == [(10100, 1000)]


def test_while_quoting_continues_closing_quotes_count(venue: Any, targets: Targets) -> None:
    """`continue`: the target is the position less the live quotes that close it too, none if nothing is left."""
    market = venue(quotes_continue=True)
    quote = Slot(OrderKind.QUOTE, Side.SELL)
    market.orders = {quote: make_order(quote, 10050, 700, filled_lots=100)}

    assert targets(market.decide()) == [(10100, 400)]
    assert targets(market.decide(positions=make_position("0.6"))) == []


def test_otherwise_closing_quotes_do_not_count(venue: Any, targets: Targets) -> None:
    """With `hold` and `pause` the target does not wait for quotes that are being cancelled."""
    market = venue()
    quote = Slot(OrderKind.QUOTE, Side.SELL)
    market.orders = {quote: make_order(quote, 10050, 700)}

    assert targets(market.decide()) == [(10100, 1000)]


@given(
    entry=st.decimals("0.5", "100000", places=4),
    spread=st.decimals("0", "0.99", places=4),
    amount=st.decimals("-100", "100", places=3).filter(lambda amount: amount != 0),
)
def test_a_target_never_gives_less_than_asked_for(entry: Decimal, spread: Decimal, amount: Decimal) -> None:
    """Rounding is away from the market and by less than a tick, for either side."""
    settings = ExitSettings(long_profit_taking_spread=spread, short_profit_taking_spread=spread)
    instrument = make_instrument()
    position = Position(side=PositionSide.NET, amount=amount, entry=entry)
    target = take_profit(settings, instrument, position, 1)
    sign = 1 if amount > 0 else -1
    gain = sign * (instrument.price(target.ticks) - entry * (1 + sign * spread))

    assert 0 <= gain < instrument.tick or target.ticks == 1
