"""The trader and events that come twice, late, or in another order than they should."""

from __future__ import annotations

from decimal import Decimal

from perpmaker.execution.action import Ask, Cancel, Place, Resync
from perpmaker.model.command_event import CancelRefused, OrderNotFound, OrderRefused
from perpmaker.model.event import BookChanged, BookLost
from perpmaker.model.order import OrderKind, OrderStatus, OrderType, Side, Slot
from perpmaker.model.quote import Exit, StopLoss, TakeProfit
from perpmaker.model.refusal import Refusal, RefusalReason
from perpmaker.state.view import End
from perpmaker.testing.scene import (
    BUY,
    FENCE_S,
    REFUSED_NOT_FOUND,
    ExitsOf,
    Scene,
    of,
    placed,
    quotes,
)


def test_F26_duplicated_messages_change_nothing() -> None:
    """The same fill, acceptance and cancel told twice are booked once."""
    scene = Scene().quoting()
    fill = scene.fill("1", 5, 5)
    gone = scene.cancelled("2")
    scene.tell(fill, fill, gone)
    scene.tell(gone, fill, scene.accepted("1"), scene.accepted("2"))

    assert scene.amount == Decimal("0.005")
    assert scene.trader.state.account.totals.fills == 1
    assert scene.status("1") is None


def test_F27_events_out_of_order_never_regress() -> None:
    """Filled before new, an older report after a newer one: cumulative amounts and finality win."""
    scene = Scene()
    scene.start()
    scene.tell(scene.accepted("2"), scene.fill("1", 3, 5), scene.fill("1", 2, 2))
    scene.tell(scene.report("1", OrderStatus.OPEN, 2, by_stream=True), scene.accepted("1"))

    assert scene.status("1") is None
    assert scene.amount == Decimal("0.005")
    assert scene.trader.state.orders.endings.by_slot[BUY].end is End.FILLED


def test_F28_lost_book_pulls_quotes_at_once_until_a_snapshot() -> None:
    """After a gap nothing is quoted from the book, and changes without a snapshot mean nothing."""
    scene = Scene().quoting()
    lost = scene.tell(BookLost(reason="gap"))

    assert len(of(lost.actions, Cancel)) == 2
    assert not scene.tell(scene.cancelled("1"), scene.cancelled("2"), BookChanged(((990, 1),), (), 5)).actions
    assert placed(scene.tell(scene.book()).actions) == ["quote buy 0", "quote sell 0"]


def test_F35_fill_before_the_answer_is_a_position_at_once() -> None:
    """The fill finds its order by client id; the answer that follows is a no-op."""
    scene = Scene()
    scene.start()
    filled = scene.tell(scene.fill("1", 5, 5))

    assert placed(filled.actions)[0] == "target sell"
    scene.tell(scene.accepted("1", by_stream=False))
    assert scene.status("1") is None
    assert scene.amount == Decimal("0.005")


def test_F36_every_partial_fill_is_protected() -> None:
    """The target follows the filled amount: the old one is cancelled, the new one placed on the acknowledgement."""
    scene = Scene().quoting()
    first = scene.tell(scene.fill("1", 2, 2))
    assert [action.order.lots for action in of(first.actions, Place)] == [2]
    scene.tell(scene.accepted("3"))
    assert [action.client_id for action in of(scene.tell(scene.fill("1", 1, 3)).actions, Cancel)] == ["pm-bot-r1-3"]
    assert [action.order.lots for action in of(scene.tell(scene.cancelled("3")).actions, Place)] == [3]


def test_F37_cancel_refused_because_filled_is_asked_for_and_not_repeated() -> None:
    """Not found on a cancel means final already: the venue is asked, the fill applied, no loop."""
    scene = Scene().quoting()
    scene.strategy.quotes = (quotes(ticks=1001, generation=2)[0], quotes()[1])
    scene.tell(scene.book())
    refused = scene.tell(CancelRefused(client_id="pm-bot-r1-1", refusal=REFUSED_NOT_FOUND))

    assert of(refused.actions, Ask)
    assert not of(refused.actions, Cancel)
    resolved = scene.tell(scene.report("1", OrderStatus.FILLED, 5), scene.fill("1", 5, 5))
    assert scene.amount == Decimal("0.005")
    assert "target sell" in placed(resolved.actions)


def test_F37_accepted_order_that_the_venue_forgot_is_final_only_after_the_fence_and_a_resync() -> None:
    """Gone without a trace: no conclusion before the fence, then everything is read again for its fills."""
    scene = Scene().quoting()
    scene.strategy.quotes = (quotes(ticks=1001, generation=2)[0], quotes()[1])
    scene.tell(scene.book())
    scene.tell(CancelRefused(client_id="pm-bot-r1-1", refusal=REFUSED_NOT_FOUND))
    scene.tell(OrderNotFound(client_id="pm-bot-r1-1", asked_at=scene.now))
    assert scene.status("1") is OrderStatus.CANCELLING
    scene.wait(FENCE_S + 0.1)
    assert of(scene.tell(OrderNotFound(client_id="pm-bot-r1-1", asked_at=scene.now)).actions, Resync)


def test_F38_partial_fill_while_cancelling_is_kept_and_protected() -> None:
    """The cancelled order's filled part is a position, with its exit."""
    scene = Scene().quoting()
    scene.strategy.quotes = (quotes(ticks=1001, generation=2)[0], quotes()[1])
    scene.tell(scene.book())
    filled = scene.tell(scene.fill("1", 2, 2))
    assert scene.status("1") is OrderStatus.CANCELLING
    assert [action.order.lots for action in of(filled.actions, Place)] == [2]
    scene.tell(scene.cancelled("1", filled=2))
    assert scene.amount == Decimal("0.002")


def test_F39_reduce_only_refusal_reads_the_account_and_cancels_competing_closes() -> None:
    """A close refused as not reducing goes again once the other closes are gone and the account was read."""
    wants: list[Exit] = []
    scene = Scene(exits=ExitsOf(lambda _: tuple(wants)))
    wants.append(TakeProfit(slot=Slot(OrderKind.TAKE_PROFIT, Side.SELL), ticks=1020, lots=5))
    scene.start(amount="0.005")
    scene.tell(*(scene.accepted(seq) for seq in ("1", "2", "3")))
    wants.append(StopLoss(slot=Slot(OrderKind.STOP_LOSS, Side.SELL), ticks=None, lots=5, type=OrderType.MARKET))
    scene.tell(scene.book())
    refusal = Refusal(reason=RefusalReason.REDUCE_ONLY, code="-2022")
    refused = scene.tell(OrderRefused(client_id="pm-bot-r1-4", refusal=refusal))

    assert of(refused.actions, Resync)
    assert "pm-bot-r1-1" in {action.client_id for action in of(refused.actions, Cancel)}
    assert not of(refused.actions, Place)
    gone = scene.tell(scene.cancelled("1"), scene.resynced(amount="0.005"))
    assert "stop loss sell" in placed(gone.actions)


def test_refused_quotes_do_not_turn_into_a_storm() -> None:
    """A venue that is busy gets a pause from all quotes, longer each time."""
    scene = Scene()
    scene.start()
    busy = Refusal(reason=RefusalReason.RATE_LIMIT, code="-1015")
    scene.tell(scene.accepted("2"), OrderRefused(client_id="pm-bot-r1-1", refusal=busy))

    assert not placed(scene.wait(0.9))
    assert placed(scene.wait(0.2)) == ["quote buy 0"]
