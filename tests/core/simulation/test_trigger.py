from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from perpmaker.model.order import PositionMode, PositionSide, Side
from perpmaker.simulation.event import ConditionalChanged
from perpmaker.simulation.order import (
    Cause,
    ConditionalOrder,
    ConditionalRequest,
    ConditionalState,
    OrderState,
    TriggerKind,
    TriggerPrice,
)
from perpmaker.simulation.rejection import Rejection, RejectionError


def conditional(stage: Any, side: Side, trigger: str, **values: Any) -> ConditionalOrder:
    """Place a conditional order of account a."""
    order: ConditionalOrder = stage.exchange.place_conditional(
        "a", ConditionalRequest(side=side, trigger=Decimal(trigger), **values), stage.now_ms
    )

    return order


def test_conditional_orders_are_seen_by_no_ordinary_query(stage: Any) -> None:
    """They have a namespace of their own, and cancelling all orders leaves them."""
    order = conditional(stage, Side.SELL, "99", client_id="stop")
    stage.exchange.cancel_all("a", stage.now_ms)

    assert stage.exchange.open_orders("a") == ()
    assert stage.exchange.order("a", client_id="stop") is None
    assert stage.exchange.conditional_orders("a") == [order]
    stage.exchange.cancel_all_conditional("a", stage.now_ms)
    assert stage.exchange.conditional_orders("a") == []


@pytest.mark.parametrize(
    ("side", "kind", "trigger", "sweep"),
    [
        (Side.SELL, TriggerKind.STOP, "99.8", Side.SELL),
        (Side.SELL, TriggerKind.TAKE_PROFIT, "100.2", Side.BUY),
    ],
)
def test_trade_at_the_trigger_sends_the_close(
    stage: Any, side: Side, kind: TriggerKind, trigger: str, sweep: Side
) -> None:
    """A stop below and a take-profit above close the long when a trade reaches them, and not before."""
    stage.place(Side.BUY, None, 5)
    order = conditional(stage, side, trigger, kind=kind)
    stage.take(sweep, 5)
    assert stage.lots() == 5

    stage.take(sweep, 15)
    closed = stage.exchange.conditional("a", conditional_id=order.conditional_id)
    assert closed.state is ConditionalState.TRIGGERED
    assert stage.exchange.order("a", order_id=closed.order_id).state is OrderState.FILLED
    assert stage.lots() == 0


def test_mark_price_triggers_only_what_watches_it(stage: Any) -> None:
    """A jump of the mark leaves the order that watches the last price waiting."""
    stage.place(Side.BUY, None, 5)
    last = conditional(stage, Side.SELL, "99", amount=Decimal(1), reduce_only=True)
    conditional(stage, Side.SELL, "99", amount=Decimal(2), reduce_only=True, watch=TriggerPrice.MARK)
    stage.mark("98.9")

    assert stage.lots() == 3
    assert stage.exchange.conditional_orders("a") == [last]


def test_close_of_the_whole_position_makes_other_closing_orders_give_way(stage: Any) -> None:
    """A resting target over the whole position does not keep a triggered close-position from working."""
    stage.place(Side.BUY, None, 5)
    target = stage.place(Side.SELL, 1010, 5, reduce_only=True)
    conditional(stage, Side.SELL, "99.9")
    stage.take(Side.SELL, 1)

    assert stage.lots() == 0
    assert stage.order(target).state is OrderState.EXPIRED


def test_trigger_that_has_been_passed_already_is_refused(stage: Any) -> None:
    """A selling stop above the last price would trigger at once."""
    stage.take(Side.BUY, 1)

    with pytest.raises(RejectionError) as denied:
        conditional(stage, Side.SELL, "101")

    assert denied.value.rejection is Rejection.WOULD_TRIGGER


def test_triggered_order_may_still_be_refused(stage: Any) -> None:
    """A close that finds no position any more is rejected after its trigger, and says why."""
    order = conditional(stage, Side.SELL, "99.9")
    stage.take(Side.SELL, 1)
    rejected = stage.exchange.conditional("a", conditional_id=order.conditional_id)

    assert rejected.state is ConditionalState.REJECTED
    assert rejected.detail
    causes = [event.cause for event in stage.events if isinstance(event, ConditionalChanged)]
    assert causes == [Cause.ACCEPTED, Cause.TRIGGER_REFUSED]


def test_cancel_of_a_conditional_order_that_does_not_wait_is_refused(stage: Any) -> None:
    """Cancelling twice, and an unheard-of id, are unknown orders; a used id is free again."""
    conditional(stage, Side.SELL, "99", client_id="x")

    with pytest.raises(RejectionError) as denied:
        conditional(stage, Side.SELL, "99", client_id="x")

    assert denied.value.rejection is Rejection.DUPLICATE_ID
    stage.exchange.cancel_conditional("a", client_id="x", now_ms=stage.now_ms)

    for client_id in ("x", "y"):
        with pytest.raises(RejectionError) as denied:
            stage.exchange.cancel_conditional("a", client_id=client_id, now_ms=stage.now_ms)

        assert denied.value.rejection is Rejection.UNKNOWN_ORDER


def test_dead_mans_switch_expires_ordinary_orders_and_leaves_conditional_ones(stage: Any) -> None:
    """It fires when it is not set again in time, and only then."""
    order = stage.place(Side.BUY, 990, 5)
    stop = conditional(stage, Side.SELL, "98")
    stage.exchange.set_countdown("a", 1_000, stage.now_ms)
    stage.exchange.advance(stage.now_ms + 900)
    stage.exchange.set_countdown("a", 1_000, stage.now_ms + 900)
    stage.exchange.advance(stage.now_ms + 1_899)
    assert stage.order(order).state is OrderState.OPEN

    stage.exchange.advance(stage.now_ms + 1_900)
    assert stage.order(order).state is OrderState.EXPIRED
    assert stage.exchange.conditional_orders("a") == [stop]


def test_close_of_a_hedge_position_must_be_on_its_closing_side(stage: Any) -> None:
    """A close-position that would enlarge a long is refused when it is placed."""
    stage.exchange.set_position_mode("a", PositionMode.HEDGE, stage.now_ms)
    stage.place(Side.BUY, None, 5, position_side=PositionSide.LONG)

    with pytest.raises(RejectionError) as denied:
        conditional(stage, Side.BUY, "101", position_side=PositionSide.LONG)

    assert denied.value.rejection is Rejection.POSITION_SIDE
    conditional(stage, Side.SELL, "99.9", position_side=PositionSide.LONG)
    stage.take(Side.SELL, 1)
    assert stage.lots(PositionSide.LONG) == 0


def test_oldest_conditional_orders_that_have_ended_are_forgotten(stage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stop that is replaced for weeks leaves no trail that every market event would have to look through."""
    monkeypatch.setattr("perpmaker.simulation.trigger._KEPT", 6)
    monkeypatch.setattr("perpmaker.simulation.trigger._FORGOTTEN_AT_ONCE", 3)
    waiting = conditional(stage, Side.SELL, "90", client_id="waits")

    for number in range(20):
        conditional(stage, Side.SELL, "91", client_id=f"s{number}")
        stage.exchange.cancel_conditional("a", client_id=f"s{number}", now_ms=stage.now_ms)

    assert len(stage.exchange.conditional_orders("a", waiting_only=False)) <= 6
    assert stage.exchange.conditional_orders("a") == [waiting]
    assert stage.exchange.conditional("a", client_id="s19").state is ConditionalState.CANCELLED


def test_a_held_conditional_order_triggers_only_when_it_is_told_to(stage: Any) -> None:
    """Whatever the price is when it comes and afterwards; then it is as any other."""
    order = conditional(stage, Side.SELL, "101", held=True, amount=Decimal(2), price=Decimal("99.8"))
    stage.mark("90")

    assert stage.exchange.conditional_orders("a") == [order]
    sent = stage.exchange.trigger_conditional("a", order.conditional_id, stage.now_ms)

    assert (sent.state, stage.lots()) == (ConditionalState.TRIGGERED, -2)

    with pytest.raises(RejectionError) as denied:
        stage.exchange.trigger_conditional("a", order.conditional_id, stage.now_ms)

    assert denied.value.rejection is Rejection.UNKNOWN_ORDER
