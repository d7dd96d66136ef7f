from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perpmaker.model.income import IncomeKind
from perpmaker.model.instrument import MarginTier, OrderMargin
from perpmaker.model.order import PositionMode, PositionSide, Side
from perpmaker.model.position import MarginMode
from perpmaker.simulation.event import AccountChanged, FundingSettled, Liquidated, OrderChanged
from perpmaker.simulation.exchange import Exchange
from perpmaker.simulation.market import SyntheticMarket
from perpmaker.simulation.order import Cause, OrderRequest, OrderState, TimeInForce
from perpmaker.simulation.rejection import Rejection, RejectionError
from perpmaker.simulation.rules import MARKETS

HOURS_8_MS = 8 * 3_600_000
ONE_TIER = (
    MarginTier(
        floor=Decimal(0),
        cap=Decimal(10**9),
        maintenance_ratio=Decimal("0.01"),
        deduction=Decimal(0),
        max_leverage=125,
    ),
)


def income(stage: Any, kind: IncomeKind, account: str = "a") -> Decimal:
    """What an account's income of one kind comes to."""
    return sum((i.amount for i in stage.exchange.income(account) if i.kind is kind), Decimal(0))


def test_maker_and_taker_pay_their_own_rates_exactly(stage: Any) -> None:
    """Ten at 100.1 cost the taker 0.05 % and the maker 0.02 %, to the last digit."""
    stage.place(Side.BUY, 1001, 10)
    stage.place(Side.BUY, 1000, 10, account="b")
    stage.take(Side.SELL, 10)

    assert income(stage, IncomeKind.FEE) == -Decimal("0.5005")
    assert income(stage, IncomeKind.FEE, "b") == -Decimal("0.2")


def test_profit_is_counted_from_the_average_entry(stage: Any) -> None:
    """Buying 10 at 100.1 and 20 at 100.2 and selling 15 at 99.9 realises the average's share."""
    stage.place(Side.BUY, 1002, 30)
    position = stage.exchange.account("a").positions[0]
    assert position.entry == Decimal("100.16666667")

    stage.show([(999, 100)], [(1001, 100)])
    stage.place(Side.SELL, 999, 15)
    assert income(stage, IncomeKind.REALIZED) == 15 * Decimal("99.9") - Decimal("1502.5")
    assert stage.lots() == 15


def test_order_through_zero_closes_and_opens_anew(stage: Any) -> None:
    """Selling 25 against a long of 10 realises the long and leaves a short of 15 with its own entry."""
    stage.place(Side.BUY, 1001, 10)
    stage.show([(999, 100)], [(1001, 100)])
    stage.place(Side.SELL, 999, 25)

    position = stage.exchange.account("a").positions[0]
    assert (position.lots, position.entry) == (-15, Decimal("99.9"))
    assert income(stage, IncomeKind.REALIZED) == -10 * Decimal("0.2")


@pytest.mark.parametrize(("side", "sign"), [(Side.BUY, -1), (Side.SELL, 1)])
def test_positive_funding_is_paid_by_longs_to_shorts(stage: Any, side: Side, sign: int) -> None:
    """At the settlement a position pays or receives mark x rate, once."""
    stage.place(side, None, 10)
    stage.exchange.advance(stage.exchange.next_funding_ms)
    stage.exchange.advance(stage.exchange.now_ms + 1000)

    assert income(stage, IncomeKind.FUNDING) == sign * Decimal("0.1")
    assert sum(isinstance(event, FundingSettled) for event in stage.events) == 1
    assert stage.exchange.next_funding_ms - stage.exchange.now_ms == HOURS_8_MS - 1000


def test_flat_account_pays_no_funding(stage: Any) -> None:
    """Without a position nothing is booked."""
    stage.exchange.advance(stage.exchange.next_funding_ms)

    assert income(stage, IncomeKind.FUNDING) == 0


def test_order_margin_and_position_margin_are_taken_from_what_is_available(stage: Any) -> None:
    """A bid of 1000 at leverage 10 ties up 100, of bids and asks only the larger side counts."""
    stage.exchange.set_leverage("a", 10, stage.now_ms)
    stage.place(Side.BUY, 990, 10)
    state = stage.exchange.account("a")
    assert (state.order_margin, state.available) == (Decimal(99), Decimal(999_901))

    stage.place(Side.SELL, 1010, 5)
    assert stage.exchange.account("a").order_margin == Decimal(99)

    stage.place(Side.BUY, 1001, 10)
    state = stage.exchange.account("a")
    assert state.position_margin == Decimal(100)
    assert state.unrealized == Decimal(-1)
    assert state.available == state.wallet - 100 - 99 - 1


def test_order_beyond_the_available_margin_is_refused(set_stage: Callable[..., Any]) -> None:
    """With 100 and leverage 20 a bid of 1980 passes and one of 2079 does not."""
    stage = set_stage(balance="100")

    with pytest.raises(RejectionError) as denied:
        stage.place(Side.BUY, 990, 21)

    assert denied.value.rejection is Rejection.INSUFFICIENT_MARGIN
    stage.place(Side.BUY, 990, 19)


def test_leverage_bounds_the_notional(set_stage: Callable[..., Any]) -> None:
    """At leverage 125 only the first tier may be filled, and a position in the second refuses that leverage."""
    stage = set_stage()
    stage.show([(999, 10_000)], [(1001, 10_000)])
    stage.exchange.set_leverage("a", 125, stage.now_ms)

    with pytest.raises(RejectionError) as denied:
        stage.place(Side.BUY, None, 600)

    assert denied.value.rejection is Rejection.LEVERAGE_LIMIT
    stage.exchange.set_leverage("a", 100, stage.now_ms)
    stage.place(Side.BUY, None, 600)

    for leverage, reason in ((125, Rejection.LEVERAGE_LIMIT), (126, Rejection.LEVERAGE), (0, Rejection.LEVERAGE)):
        with pytest.raises(RejectionError) as denied:
            stage.exchange.set_leverage("a", leverage, stage.now_ms)

        assert denied.value.rejection is reason

    assert stage.exchange.account("a").leverage == 100


def test_modes_change_only_while_the_account_is_idle(stage: Any) -> None:
    """Open orders and positions block both modes, and the same mode again is said to be unchanged."""
    order = stage.place(Side.BUY, 990, 10)
    changes = [
        (stage.exchange.set_margin_mode, MarginMode.ISOLATED, MarginMode.CROSS),
        (stage.exchange.set_position_mode, PositionMode.HEDGE, PositionMode.ONE_WAY),
    ]

    def denial(change: Any, value: Any) -> Rejection:
        with pytest.raises(RejectionError) as denied:
            change("a", value, stage.now_ms)

        return denied.value.rejection

    assert [denial(change, new) for change, new, _ in changes] == [Rejection.OPEN_ORDERS] * 2
    stage.exchange.cancel("a", order_id=order.order_id, now_ms=stage.now_ms)
    stage.place(Side.BUY, None, 5)
    assert [denial(change, new) for change, new, _ in changes] == [Rejection.OPEN_POSITION] * 2
    assert [denial(change, same) for change, _, same in changes] == [Rejection.UNCHANGED] * 2


@pytest.mark.parametrize(
    ("side", "mode", "before", "after"),
    [
        (Side.BUY, MarginMode.ISOLATED, "91.1", "91.0"),
        (Side.SELL, MarginMode.ISOLATED, "108.9", "109.0"),
        (Side.BUY, MarginMode.CROSS, "81.0", "80.8"),
    ],
)
def test_position_is_liquidated_when_the_mark_passes_its_own_figure(
    set_stage: Callable[..., Any], side: Side, mode: MarginMode, before: str, after: str
) -> None:
    """Ten times leverage at 100 dies near 91 and 109; with twice that behind it in cross mode, later."""
    stage = set_stage(tiers=ONE_TIER, balance="201")
    stage.exchange.set_leverage("a", 10, stage.now_ms)

    if mode is MarginMode.ISOLATED:
        stage.exchange.set_margin_mode("a", mode, stage.now_ms)

    stage.show([(1000, 10)], [(1002, 1)] if side is Side.SELL else [(1001, 10)])
    stage.place(side, None, 10)
    figure = stage.exchange.account("a").positions[0].liquidation
    assert min(Decimal(before), Decimal(after)) <= figure <= max(Decimal(before), Decimal(after))

    stage.show([(int(Decimal(after) * 10) - 1, 100)], [(int(Decimal(after) * 10) + 1, 100)])
    stage.mark(before)
    assert abs(stage.lots()) == 10

    stage.mark(after)
    assert stage.lots() == 0
    assert sum(isinstance(event, Liquidated) for event in stage.events) == 1
    forced = [e for e in stage.exchange.executions("a") if e.forced]
    assert len(forced) == 1
    assert income(stage, IncomeKind.LIQUIDATION_FEE) < 0


def test_liquidation_expires_orders_and_never_costs_more_than_what_is_at_stake(set_stage: Callable[..., Any]) -> None:
    """A gap far beyond bankruptcy leaves a cross account with nothing, and not with a debt."""
    stage = set_stage(tiers=ONE_TIER, balance="201")
    stage.exchange.set_leverage("a", 10, stage.now_ms)
    stage.place(Side.BUY, 1001, 10)
    resting = stage.place(Side.SELL, 1200, 1)
    stage.show([(600, 6)], [(610, 10)])
    stage.mark("60")
    assert stage.lots() == 4

    with pytest.raises(RejectionError) as denied:
        stage.place(Side.BUY, 600, 10)

    assert denied.value.rejection is Rejection.IN_LIQUIDATION
    stage.show([(600, 6)], [(610, 10)])
    stage.mark("60")
    assert stage.lots() == 0
    assert stage.exchange.account("a").wallet == 0
    assert income(stage, IncomeKind.INSURANCE) > 0
    assert stage.order(resting).state.value == "expired"


def test_isolated_liquidation_keeps_the_rest_of_the_wallet(set_stage: Callable[..., Any]) -> None:
    """With isolated margin no more than that margin is lost, however far the price gaps."""
    stage = set_stage(tiers=ONE_TIER)
    stage.exchange.set_margin_mode("a", MarginMode.ISOLATED, stage.now_ms)
    stage.exchange.set_leverage("a", 10, stage.now_ms)
    stage.place(Side.BUY, 1001, 10)
    wallet = stage.exchange.account("a").wallet
    margin = stage.exchange.account("a").positions[0].isolated_margin
    stage.show([(500, 100)], [(510, 10)])
    stage.mark("50")

    assert stage.exchange.account("a").wallet == wallet - margin


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "crowd", "cancel", "funding", "mark"]),
        st.sampled_from(list(Side)),
        st.integers(min_value=990, max_value=1010),
        st.integers(min_value=1, max_value=37),
        st.sampled_from([TimeInForce.GTC, TimeInForce.IOC, TimeInForce.POST_ONLY]),
        st.booleans(),
    ),
    max_size=60,
)


@settings(max_examples=settings().max_examples // 2)
@given(actions=ACTIONS, isolated=st.booleans())
def test_every_account_adds_up_to_the_last_digit(actions: Any, isolated: bool, make_stage: Any) -> None:
    """Whatever happens, each wallet is the sum of its income, lots are conserved, and the book never crosses."""
    stage = make_stage(funding_rate="0.000137")

    if isolated:
        stage.exchange.set_margin_mode("a", MarginMode.ISOLATED, stage.now_ms)

    for kind, side, ticks, lots, force, reduce_only in actions:
        act(stage, kind, (side, ticks, lots), force, reduce_only=reduce_only)
        bid, ask = stage.exchange.best(Side.BUY), stage.exchange.best(Side.SELL)
        assert bid is None or ask is None or bid[0] < ask[0]

    for account in ("a", "b"):
        check_money(stage, account)


def act(stage: Any, kind: str, order: tuple[Side, int, int], force: TimeInForce, *, reduce_only: bool) -> None:
    """Do one random thing; refusals are part of it."""
    side, ticks, lots = order
    stage.now_ms += 50
    price = str(Decimal(ticks) / 10)

    if kind == "crowd":
        stage.show([(ticks - 1, lots), (ticks - 3, lots)], [(ticks + 1, lots), (ticks + 2, 40 - lots)])
    elif kind == "funding":
        stage.now_ms = stage.exchange.next_funding_ms
        stage.settle()
    elif kind == "mark":
        stage.mark(price)
    elif kind == "cancel":
        stage.exchange.cancel_all("a", stage.now_ms)
    else:
        try:
            stage.place(side, ticks, lots, force=force, reduce_only=reduce_only, account=kind)
        except RejectionError:
            return


def check_money(stage: Any, account: str) -> None:
    """Wallet, income, executions and events agree exactly."""
    exchange = stage.exchange
    state, executions = exchange.account(account), exchange.executions(account)
    position = state.positions[0]
    assert state.wallet == sum((i.amount for i in exchange.income(account)), Decimal(0))
    assert income(stage, IncomeKind.FEE, account) == -sum((e.fee for e in executions), Decimal(0))
    assert income(stage, IncomeKind.REALIZED, account) == sum((e.realized for e in executions), Decimal(0))
    assert position.lots == sum(e.side.sign * e.lots for e in executions)
    cash = -sum((e.side.sign * e.price * e.amount for e in executions), Decimal(0))
    worth = position.amount * exchange.mark
    assert cash + worth == income(stage, IncomeKind.REALIZED, account) + position.unrealized
    events = [e for e in stage.events if isinstance(e, OrderChanged) and e.execution and e.account == account]
    assert [e.execution for e in events] == executions
    states = [e.state.wallet for e in stage.events if isinstance(e, AccountChanged) and e.account == account]
    assert states[-1] == state.wallet


def test_hedge_sides_share_one_wallet(stage: Any) -> None:
    """Profits of both positions go to the same wallet, each from its own entry."""
    stage.exchange.set_position_mode("a", PositionMode.HEDGE, stage.now_ms)
    stage.place(Side.BUY, 1001, 10, position_side=PositionSide.LONG)
    stage.place(Side.SELL, 999, 10, position_side=PositionSide.SHORT)
    stage.show([(1100, 100)], [(1101, 100)])
    stage.place(Side.SELL, None, 10, position_side=PositionSide.LONG)
    stage.place(Side.BUY, None, 10, position_side=PositionSide.SHORT)

    realized = {e.position_side: e.realized for e in stage.exchange.executions("a")}
    assert realized == {PositionSide.LONG: Decimal(99), PositionSide.SHORT: Decimal(-102)}


def test_real_lot_sizes_are_exact_too() -> None:
    """With BTC's tick and lot a thousand random fills leave no crumb behind."""
    rules = MARKETS["BTC-USDT"]
    market = SyntheticMarket(rules.instrument, price=rules.price, seed=5, start_ms=0)
    exchange = Exchange(rules.instrument, market, start_ms=0)
    exchange.open_account("a", Decimal(10_000))

    for step in range(400):
        side = Side.BUY if step * 7 % 13 < 6 else Side.SELL
        amount = Decimal(1 + step % 9) / 1000

        exchange.place("a", OrderRequest(side=side, amount=amount), step * 100)

    state = exchange.account("a")
    assert state.wallet == sum((i.amount for i in exchange.income("a")), Decimal(0))
    left = state.positions[0].amount
    exchange.place("a", OrderRequest(side=Side.SELL if left > 0 else Side.BUY, amount=abs(left)), 40_000)
    cash = -sum((e.side.sign * e.price * e.amount for e in exchange.executions("a")), Decimal(0))
    assert cash == sum((e.realized for e in exchange.executions("a")), Decimal(0))


def test_lower_leverage_needs_the_margin_for_it(set_stage: Callable[..., Any]) -> None:
    """A position held at 20x with little behind it cannot go down to 2x, in isolated mode not at all."""
    stage = set_stage(balance="100")
    stage.place(Side.BUY, None, 10)

    with pytest.raises(RejectionError) as denied:
        stage.exchange.set_leverage("a", 2, stage.now_ms)

    assert denied.value.rejection is Rejection.INSUFFICIENT_MARGIN
    stage.exchange.set_margin_mode("b", MarginMode.ISOLATED, stage.now_ms)
    stage.place(Side.BUY, None, 10, account="b")

    with pytest.raises(RejectionError) as denied:
        stage.exchange.set_leverage("b", 19, stage.now_ms)

    assert denied.value.rejection is Rejection.LEVERAGE_REDUCTION


def test_where_resting_orders_need_no_margin_each_trade_does(set_stage: Any) -> None:
    """What nothing backs any more ends when it is to be matched, resting or taking; what shrinks always trades."""
    stage = set_stage(balance="400", order_margin=OrderMargin.NONE)
    stage.exchange.set_leverage("a", 5, 0)
    resting = [stage.place(Side.BUY, 999, 15) for _ in range(2)]
    stage.take(Side.SELL, 10 + 30, 999)
    taking = stage.place(Side.BUY, 1001, 10)

    assert [stage.order(order).state for order in resting] == [OrderState.FILLED, OrderState.EXPIRED]
    assert [stage.order(order).filled_lots for order in resting] == [15, 0]
    assert (taking.state, taking.filled_lots) == (OrderState.EXPIRED, 0)
    assert stage.place(Side.SELL, None, 15).state is OrderState.FILLED
    assert [event.cause for event in stage.events if getattr(event, "cause", None) is Cause.MARGIN] == [
        Cause.MARGIN
    ] * 2


def test_a_crowd_that_runs_into_an_order_without_margin_ends_it(set_stage: Any) -> None:
    """Also where the book moves onto it, or a trade elsewhere is seen."""
    stage = set_stage(balance="100", order_margin=OrderMargin.NONE)
    stage.exchange.set_leverage("a", 1, 0)
    resting = stage.place(Side.BUY, 999, 15)
    stage.show([(990, 10)], [(999, 10)])

    assert stage.order(resting).state is OrderState.EXPIRED
    assert stage.exchange.best(Side.SELL) == (999, 10)
