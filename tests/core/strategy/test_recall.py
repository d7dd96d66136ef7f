from __future__ import annotations

from decimal import Decimal
from typing import Any

import attrs
import pytest

from perpmaker.model.event import ReferenceChanged
from perpmaker.model.order import OrderKind, OrderStatus, PositionMode, PositionSide, Side, Slot
from perpmaker.state.view import End, Mode
from perpmaker.testing.view import make_book, make_instrument, make_position

BID = Slot(OrderKind.QUOTE, Side.BUY)


def test_the_last_answer_is_given_again_while_nothing_changed(desk: Any) -> None:
    """Time that passes and a market within the bounds cost nothing."""
    trading = desk()
    trading.decide()
    known = trading.decide()

    assert trading.decide(after=5.0, bid=9000, ask=11000, mark=Decimal(99), mark_age_s=3.0) is known


def test_whatever_a_decision_depends_on_is_decided_anew(desk: Any) -> None:
    """Each field of the view that could matter ends the recall."""
    for change in [
        {"book_ok": False},
        {"book_age_s": 10.0},
        {"book": make_book(None, 10001)},
        {"positions": make_position("1")},
        {"capital": Decimal(5)},
        {"quote_filled_at": {Side.BUY: 999.0}},
        {"stop_closed_at": {PositionSide.NET: 999.0}},
        {"no_quotes_for": frozenset({PositionSide.NET})},
        {"blocked": True},
        {"mode": Mode.REDUCE},
        {"leverage": 2},
        {"position_mode": PositionMode.HEDGE},
        {"instrument": make_instrument(tick=Decimal("0.1"))},
        {"last_own_trade": 9999},
        {"external_reference": True},
        {"reference": ReferenceChanged(price=Decimal(100), at=1.0)},
    ]:
        trading = desk()
        trading.decide()
        known = trading.decide()

        assert trading.decide(**change) is not known


def test_trades_that_became_stale_are_decided_anew(desk: Any) -> None:
    """Where the last price is the reference."""
    trading = desk(price_type="last_price", last_trade=10000)
    trading.decide()
    known = trading.decide()

    assert trading.decide(trade_age_s=9.9) is known
    assert trading.decide(trade_age_s=10.0) is not known


def test_an_order_that_changed_is_decided_anew(desk: Any) -> None:
    """A status, a fill or an end of one order is enough."""
    trading = desk()
    trading.decide()
    known = trading.decide()
    trading.mark(BID, status=OrderStatus.CANCELLING)
    changed = trading.decide()
    trading.end(BID, End.REQUESTED)

    assert changed is not known
    assert trading.decide() is not changed


@pytest.mark.parametrize("settings", [{}, {"order_levels": 3, "minimum_spread": "0.005"}, {"price_ceiling": "10"}])
def test_answers_to_what_was_wanted_are_no_news(desk: Any, settings: dict[str, Any]) -> None:
    """Orders on their way and resting orders want the same; so would a decision that is made anew."""
    trading = desk(**settings)
    known = trading.decide()
    placed = dict(trading.orders)

    for slot in placed:
        trading.mark(slot, status=OrderStatus.PENDING)

    assert trading.look() is known
    trading.orders = placed
    assert trading.look() is known
    trading.strategy._recall.forget()
    anew = trading.look()

    assert anew is not known
    assert (anew.quotes, anew.withheld, anew.wake, anew.memory) == (
        known.quotes,
        known.withheld,
        known.wake,
        known.memory,
    )


def test_an_order_that_is_not_as_it_was_wanted_is_news(desk: Any) -> None:
    """Filled in part, being cancelled, not placed, or smaller than it was wanted."""
    for change in [
        {"filled_lots": 1},
        {"status": OrderStatus.UNKNOWN},
        {"status": OrderStatus.CANCELLING},
        {"cancel_requested": True},
        {"order": None},
        {"order": "smaller"},
    ]:
        trading = desk()
        known = trading.decide()
        order = trading.orders[BID].order

        if change == {"order": None}:
            del trading.orders[BID]
        elif change == {"order": "smaller"}:
            trading.mark(BID, order=attrs.evolve(order, lots=order.lots - 1))
        else:
            trading.mark(BID, **change)

        assert trading.look() is not known


def test_a_memory_that_is_not_the_last_one_is_decided_anew(desk: Any) -> None:
    """A view from elsewhere (a replay, a restart) never meets the answer to another one."""
    trading = desk()
    trading.decide()
    known = trading.decide()
    trading.memory = attrs.evolve(trading.memory, generation=7)

    assert trading.decide() is not known
