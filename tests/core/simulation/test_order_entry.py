from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from perpmaker.model.order import PositionMode, PositionSide, Side
from perpmaker.model.refusal import RefusalReason
from perpmaker.simulation.event import OrderChanged
from perpmaker.simulation.order import Cause, OrderRequest, OrderState, TimeInForce
from perpmaker.simulation.rejection import Rejection, RejectionError


def causes(stage: Any) -> list[Cause]:
    """Why orders changed, in order."""
    return [event.cause for event in stage.events if isinstance(event, OrderChanged)]


def test_limit_order_takes_what_crosses_and_rests_with_the_remainder(stage: Any) -> None:
    """A buy through the touch takes both levels at their prices, and what is left becomes the best bid."""
    order = stage.place(Side.BUY, 1002, 40)

    assert (order.filled_lots, order.state) == (30, OrderState.OPEN)
    assert order.filled_notional == 10 * Decimal("100.1") + 20 * Decimal("100.2")
    assert stage.exchange.best(Side.BUY) == (1002, 10)
    assert stage.exchange.best(Side.SELL) == (1003, 30)
    assert causes(stage) == [Cause.ACCEPTED, Cause.TRADED, Cause.TRADED]


def test_check_says_what_place_would_and_takes_nothing(stage: Any) -> None:
    """A gateway asks before the book does: a good order leaves no trace, a bad one is rejected as by `place`."""
    instrument = stage.exchange.instrument
    good = OrderRequest(side=Side.BUY, amount=instrument.amount(40), price=instrument.price(1002))
    begun = len(stage.events)
    stage.exchange.check("a", good, stage.now_ms)

    assert stage.events[begun:] == []
    assert stage.exchange.orders("a") == []

    with pytest.raises(RejectionError) as denied:
        stage.exchange.check("a", OrderRequest(side=Side.SELL, amount=Decimal(1), reduce_only=True), stage.now_ms)

    assert denied.value.rejection is Rejection.REDUCE_ONLY


def test_own_order_waits_behind_what_was_displayed_before_it(stage: Any) -> None:
    """At one price the crowd's ten lots go first, then ours, then what came after us."""
    mine = stage.place(Side.BUY, 999, 5)
    theirs = stage.place(Side.BUY, 999, 5, account="b")
    stage.take(Side.SELL, 10)
    assert stage.order(mine).filled_lots == 0

    stage.take(Side.SELL, 7)
    assert stage.order(mine).state is OrderState.FILLED
    assert stage.order(theirs).filled_lots == 2


def test_crowd_that_leaves_by_itself_leaves_from_behind(stage: Any) -> None:
    """A place in the queue is kept when the crowd grows and is not won when somebody behind us leaves."""
    mine = stage.place(Side.BUY, 999, 5)
    stage.show([(999, 30)], [(1001, 10)])
    stage.show([(999, 10)], [(1001, 10)])
    stage.take(Side.SELL, 10)
    assert stage.order(mine).filled_lots == 0

    stage.take(Side.SELL, 5)
    assert stage.order(mine).state is OrderState.FILLED


def test_market_that_moves_through_a_quote_fills_it_at_its_own_price(stage: Any) -> None:
    """Bids shown at and above our ask trade with it, and only what is left of them is displayed."""
    mine = stage.place(Side.SELL, 1001, 15)
    stage.show([(1005, 10), (1004, 20)], [(1006, 10)])

    assert stage.order(mine).state is OrderState.FILLED
    assert [execution.ticks for execution in stage.exchange.executions("a")] == [1001, 1001]
    assert all(execution.maker for execution in stage.exchange.executions("a"))
    assert stage.exchange.depth().bids == ((1004, 15),)


def test_large_quote_stops_the_market_until_it_is_eaten(stage: Any) -> None:
    """What is too large for the flow that runs into it stays the best price, and the book never crosses."""
    mine = stage.place(Side.SELL, 1001, 100)
    stage.show([(1005, 10), (1004, 20)], [(1006, 10)])

    assert stage.order(mine).filled_lots == 30
    assert stage.exchange.depth().bids == ()
    assert stage.exchange.best(Side.SELL) == (1001, 70)


def test_post_only_that_would_take_is_refused_and_leaves_no_trace(stage: Any) -> None:
    """At the opposite best a post-only order is refused, one tick before it rests."""
    with pytest.raises(RejectionError) as denied:
        stage.place(Side.BUY, 1001, 5, force=TimeInForce.POST_ONLY)

    assert denied.value.refusal.reason is RefusalReason.POST_ONLY_WOULD_TAKE
    assert stage.exchange.orders("a") == []
    assert stage.place(Side.BUY, 1000, 5, force=TimeInForce.POST_ONLY).state is OrderState.OPEN


def test_immediate_orders_expire_with_what_they_could_not_take(stage: Any) -> None:
    """IOC and market orders keep what they took, fill-or-kill is refused as a whole."""
    order = stage.place(Side.BUY, 1001, 15, force=TimeInForce.IOC)
    assert (order.filled_lots, order.state) == (10, OrderState.EXPIRED)

    market = stage.place(Side.BUY, None, 100)
    assert (market.filled_lots, market.state) == (50, OrderState.EXPIRED)

    with pytest.raises(RejectionError, match="fill-or-kill"):
        stage.place(Side.SELL, 998, 31, force=TimeInForce.FOK)

    assert stage.place(Side.SELL, 998, 30, force=TimeInForce.FOK).state is OrderState.FILLED


def test_own_resting_order_expires_instead_of_trading_with_oneself(stage: Any) -> None:
    """An account's taker ends its own maker order and goes on to the next."""
    mine = stage.place(Side.SELL, 1000, 5)
    stage.place(Side.BUY, 1001, 10)

    assert stage.order(mine).state is OrderState.EXPIRED
    assert Cause.SELF_TRADE in causes(stage)
    assert stage.lots() == 10


def test_order_that_breaks_a_rule_is_refused_with_that_rule(stage: Any) -> None:
    """Each filter has a name of its own, and nothing is left of a refused order."""
    for changes, denial in [
        ({"price": "99.95"}, Rejection.TICK),
        ({"price": "-1"}, Rejection.PRICE_RANGE),
        ({"price": "NaN"}, Rejection.PRICE_RANGE),
        ({"price": "100000.1"}, Rejection.PRICE_RANGE),
        ({"price": "200.1"}, Rejection.BAND_UP),
        ({"price": "49.9", "side": Side.SELL}, Rejection.BAND_DOWN),
        ({"amount": "1.5"}, Rejection.LOT),
        ({"amount": "0"}, Rejection.MIN_AMOUNT),
        ({"amount": "Infinity"}, Rejection.MIN_AMOUNT),
        ({"amount": "100001"}, Rejection.MAX_AMOUNT),
        ({"amount": "50001", "price": None}, Rejection.MAX_AMOUNT),
        ({"price": "4", "amount": "1"}, Rejection.MIN_NOTIONAL),
        ({"position_side": PositionSide.LONG}, Rejection.POSITION_SIDE),
        ({"reduce_only": True}, Rejection.REDUCE_ONLY),
        ({"amount": "90000", "price": "199"}, Rejection.INSUFFICIENT_MARGIN),
    ]:
        values = {"side": Side.BUY, "price": "99", "amount": "10", **changes}
        values["amount"] = Decimal(values["amount"])
        values["price"] = None if values["price"] is None else Decimal(values["price"])

        with pytest.raises(RejectionError) as denied:
            stage.exchange.place("a", OrderRequest(**values), stage.now_ms)

        assert denied.value.rejection is denial
        assert stage.exchange.orders("a") == []


def test_client_id_is_unique_among_open_orders_only(stage: Any) -> None:
    """An id that an open order has is refused, and is free again once that order is gone."""
    first = stage.place(Side.BUY, 990, 5, client_id="x")

    with pytest.raises(RejectionError) as denied:
        stage.place(Side.BUY, 990, 5, client_id="x")

    assert denied.value.rejection is Rejection.DUPLICATE_ID
    stage.exchange.cancel("a", client_id="x", now_ms=stage.now_ms)
    second = stage.place(Side.BUY, 990, 5, client_id="x")
    assert stage.exchange.order("a", client_id="x") == second
    assert stage.order(first).state is OrderState.CANCELLED


def test_too_many_orders_are_refused(set_stage: Callable[..., Any]) -> None:
    """The market's own limit of open orders holds."""
    stage = set_stage(max_orders=2)
    stage.place(Side.BUY, 990, 1)
    stage.place(Side.BUY, 990, 1)

    with pytest.raises(RejectionError) as denied:
        stage.place(Side.BUY, 990, 1)

    assert denied.value.rejection is Rejection.TOO_MANY_ORDERS


def test_cancel_of_what_is_not_open_is_refused(stage: Any) -> None:
    """A filled, cancelled or unheard-of order cannot be cancelled."""
    order = stage.place(Side.BUY, 1001, 5)

    for ids in ({"order_id": order.order_id}, {"client_id": "nobody"}):
        with pytest.raises(RejectionError) as denied:
            stage.exchange.cancel("a", **ids, now_ms=stage.now_ms)

        assert denied.value.rejection is Rejection.UNKNOWN_ORDER


def test_amended_order_has_the_new_total_and_goes_to_the_back(stage: Any) -> None:
    """The amount of an amend is the total, filled lots included, and the place in the queue is lost."""
    mine = stage.place(Side.BUY, 1000, 10)
    other = stage.place(Side.BUY, 1000, 10, account="b")
    stage.take(Side.SELL, 4)
    moved = stage.exchange.amend(
        "a", order_id=mine.order_id, price=Decimal(100), amount=Decimal(12), now_ms=stage.now_ms
    )
    assert (moved.order_id, moved.lots, moved.filled_lots) == (mine.order_id, 12, 4)

    stage.take(Side.SELL, 10)
    assert stage.order(other).state is OrderState.FILLED
    assert stage.order(mine).filled_lots == 4


def test_amend_that_cannot_rest_ends_the_order(stage: Any) -> None:
    """A total that is filled already, and a post-only order that would take, are cancelled by the amend."""
    for price, amount, cause in [("100", "4", Cause.AMEND), ("100.1", "10", Cause.AMEND)]:
        mine = stage.place(Side.BUY, 1000, 10, force=TimeInForce.POST_ONLY)
        stage.take(Side.SELL, 4)
        stage.exchange.amend(
            "a", order_id=mine.order_id, price=Decimal(price), amount=Decimal(amount), now_ms=stage.now_ms
        )

        assert stage.order(mine).state is OrderState.CANCELLED
        assert causes(stage)[-1] is cause


def test_refused_amend_leaves_the_order_as_it_was(stage: Any) -> None:
    """The same values again and a broken filter change nothing."""
    mine = stage.place(Side.BUY, 990, 10)

    for price, amount, denial in (("99", "10", Rejection.UNCHANGED), ("99.05", "10", Rejection.TICK)):
        with pytest.raises(RejectionError) as denied:
            stage.exchange.amend(
                "a", order_id=mine.order_id, price=Decimal(price), amount=Decimal(amount), now_ms=stage.now_ms
            )

        assert denied.value.rejection is denial
        assert stage.order(mine) == mine


def test_reduce_only_never_flips_a_position(stage: Any) -> None:
    """A reduce-only order is cut to the position on arrival, and ends with the position."""
    stage.place(Side.BUY, 1001, 10)
    order = stage.place(Side.SELL, 1004, 25, reduce_only=True)
    assert order.lots == 10

    stage.place(Side.SELL, 999, 4)
    assert stage.order(order).lots == 6
    assert Cause.REDUCED in causes(stage)

    stage.place(Side.SELL, 998, 6)
    assert stage.lots() == 0
    assert stage.order(order).state is OrderState.EXPIRED


def test_closing_orders_that_hold_the_whole_position_refuse_another(stage: Any) -> None:
    """A resting target over the whole position stands in the way of a reduce-only market close."""
    stage.place(Side.BUY, 1001, 10)
    stage.place(Side.SELL, 1004, 10, reduce_only=True)

    with pytest.raises(RejectionError) as denied:
        stage.place(Side.SELL, None, 10, reduce_only=True)

    assert denied.value.rejection is Rejection.REDUCE_ONLY_COMPETING
    assert denied.value.refusal.reason is RefusalReason.REDUCE_ONLY


def test_hedge_positions_stand_beside_each_other_and_close_by_position_side(stage: Any) -> None:
    """Long and short have their own entry, a close acts on its side only, and reduce-only is not said."""
    stage.exchange.set_position_mode("a", PositionMode.HEDGE, stage.now_ms)
    stage.place(Side.BUY, 1001, 10, position_side=PositionSide.LONG)
    stage.place(Side.SELL, 999, 5, position_side=PositionSide.SHORT)
    close = stage.place(Side.SELL, 1010, 20, position_side=PositionSide.LONG)
    assert (stage.lots(PositionSide.LONG), stage.lots(PositionSide.SHORT), close.lots) == (10, -5, 10)

    for denial, arguments in (
        (Rejection.POSITION_SIDE, {}),
        (Rejection.REDUCE_ONLY_IN_HEDGE, {"position_side": PositionSide.LONG, "reduce_only": True}),
    ):
        with pytest.raises(RejectionError) as denied:
            stage.place(Side.SELL, 1010, 1, **arguments)

        assert denied.value.rejection is denial

    stage.take(Side.BUY, 1000)
    assert (stage.lots(PositionSide.LONG), stage.lots(PositionSide.SHORT)) == (0, -5)


def test_oldest_orders_that_have_ended_are_forgotten(stage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An account that trades for weeks keeps what is open, what is recent, and no more than so many orders."""
    monkeypatch.setattr("perpmaker.simulation.matching_engine._KEPT_ORDERS", 6)
    monkeypatch.setattr("perpmaker.simulation.matching_engine._FORGOTTEN_AT_ONCE", 3)
    resting = stage.place(Side.BUY, 990, 1, client_id="rests")

    for number in range(20):
        stage.place(Side.BUY, 991, 1, client_id=f"q{number}")
        stage.exchange.cancel("a", client_id=f"q{number}", now_ms=stage.now_ms)

    assert len(stage.exchange.orders("a")) <= 6
    assert stage.order(resting).state is OrderState.OPEN
    assert stage.exchange.order("a", client_id="q19").state is OrderState.CANCELLED
    assert stage.exchange.order("a", client_id="q0") is None
