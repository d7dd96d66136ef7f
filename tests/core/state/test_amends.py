"""An own order with an amend under way: every piece of evidence, in whatever order it comes, and the book meanwhile."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from perpmaker.model.command_event import (
    AmendHandedOn,
    AmendRefused,
    CancelRefused,
    Command,
    OrderAccepted,
    OrderUnknown,
)
from perpmaker.model.event import BookChanged, BookSnapshot, OrderAmended, OrderCancelled
from perpmaker.model.order import CancelCause, NewOrder, OrderKind, OrderStatus, OrderType, Side, Slot
from perpmaker.model.refusal import Refusal, RefusalReason
from perpmaker.model.working_order import WorkingOrder
from perpmaker.state.book import Book
from perpmaker.state.orders import Orders
from perpmaker.state.view import End

from .test_orders import fill, report

QUOTE = NewOrder(
    client_id="pm-1", slot=Slot(OrderKind.QUOTE, Side.BUY), lots=5, ticks=90, type=OrderType.POST_ONLY, generation=1
)
MOVED = attrs.evolve(QUOTE, ticks=92, lots=8, generation=2)
SMALLER = attrs.evolve(QUOTE, lots=3, generation=2)
OTHER = attrs.evolve(QUOTE, ticks=80)
FENCE_S = 3.0


@attrs.define
class Stage:
    """Orders over a book, and the one of them that is told of."""

    book: Book = attrs.field(factory=Book)
    orders: Orders = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.orders = Orders(self.book.own, fence_s=FENCE_S)

    @property
    def order(self) -> WorkingOrder:
        """The order, which lives."""
        return self.orders.live["pm-1"].working

    @property
    def state(self) -> tuple[OrderStatus, int | None, int]:
        """Status, price and amount by what is proven."""
        return self.order.status, self.order.resting.ticks, self.order.resting.lots

    def see(self, ms: int, bids: tuple[tuple[int, int], ...]) -> list[tuple[int, int]]:
        """The book shows these bids at that time: what of them is other people's."""
        self.book.change(BookChanged(bids=bids, asks=(), venue_ms=ms), ms / 1000)

        return [level for level in self.book.levels(Side.BUY) if level[1]]

    def amend(self, order: NewOrder = MOVED, now: float = 1.0) -> int:
        """An amend is sent."""
        assert order.ticks is not None
        self.book.expect(order.client_id, order.side, order.ticks, order.lots)

        return self.orders.amend(order, now)

    def refuse(self, reason: RefusalReason, number: int = 1) -> None:
        """The venue does not make it."""
        refusal = Refusal(reason=reason, code="-1", text="no")
        self.orders.amend_refused(AmendRefused(client_id="pm-1", refusal=refusal, number=number), 2.0)

    def lose(self) -> None:
        """No answer comes; it cannot come any more after 4 s."""
        lost = OrderUnknown(client_id="pm-1", command=Command.AMEND, detail="", fence_at=4.0)
        self.orders.unknown(lost, 2.0)

    def tell(self, order: NewOrder, ms: int, number: int = 0) -> None:
        """The stream tells that the order was amended."""
        assert order.ticks is not None
        event = OrderAmended(client_id="pm-1", ticks=order.ticks, lots=order.lots, venue_ms=ms, number=number)
        self.orders.amended(event, ms / 1000)


@pytest.fixture
def stage() -> Stage:
    """An order that rests, in a book that shows it."""
    stage = Stage()
    stage.book.snapshot(BookSnapshot(bids=((90, 5), (80, 9)), asks=((110, 5),), venue_ms=100), 0.1)
    stage.orders.place(QUOTE, 0.0)
    stage.orders.accepted(OrderAccepted(client_id="pm-1", venue_id="7", venue_ms=100), 0.1)

    return stage


def test_an_order_under_way_to_another_place_may_be_at_both(stage: Stage) -> None:
    """The worse of both counts: the larger amount, the higher price; by what is proven it rests where it was."""
    assert stage.amend() == 1
    assert stage.state == (OrderStatus.AMENDING, 90, 5)
    assert (stage.order.prices, stage.order.highest_ticks, stage.order.remaining_lots) == ((92, 90), 92, 8)
    assert not stage.orders.is_blocked


@pytest.mark.parametrize("number", [0, 1])
def test_what_the_amend_was_to_make_of_it_proves_it(stage: Stage, number: int) -> None:
    """Whether the venue calls it by its number or not; the generation is that of the new quote."""
    stage.amend()
    stage.tell(MOVED, 1500, number)

    assert stage.state == (OrderStatus.OPEN, 92, 8)
    assert (stage.order.amended_from, stage.order.order.generation) == (None, 2)


def test_the_answer_to_an_older_amend_is_ignored(stage: Stage) -> None:
    """Neither a refusal nor a word of an earlier number says anything of the newest."""
    stage.amend()
    stage.tell(MOVED, 1500, 1)
    stage.amend(OTHER, 3.0)
    stage.refuse(RefusalReason.FILTER, number=1)
    assert stage.state == (OrderStatus.AMENDING, 92, 8)

    stage.tell(MOVED, 3100, 1)
    assert stage.state == (OrderStatus.AMENDING, 92, 8)

    stage.tell(OTHER, 3200, 2)
    assert stage.state == (OrderStatus.OPEN, 80, 5)


def test_older_news_of_the_order_as_it_is_to_be_proves_nothing(stage: Stage) -> None:
    """It had been there before: a report of that time comes late."""
    stage.amend()
    stage.tell(MOVED, 1500, 1)
    stage.amend(attrs.evolve(QUOTE, generation=3), 3.0)
    stage.orders.reported(report(QUOTE, 120), 3.1, by_stream=True)

    assert stage.state == (OrderStatus.AMENDING, 92, 8)


def test_this_very_amend_made_otherwise_is_proven_too_and_the_order_replaced(stage: Stage) -> None:
    """The venue cut it: it is what it is, and no more what is wanted."""
    stage.amend()
    stage.tell(attrs.evolve(MOVED, lots=6), 1500, 1)

    assert stage.state == (OrderStatus.OPEN, 92, 6)
    assert stage.orders.outdated() == {"pm-1"}


def test_the_order_as_it_was_proves_nothing_before_the_fence(stage: Stage) -> None:
    """The amend may still come."""
    stage.amend()
    stage.lose()
    assert stage.orders.is_blocked
    assert stage.orders.live["pm-1"].ask_at == 2.0

    stage.orders.live["pm-1"].asked(2.0)
    stage.orders.reported(report(QUOTE, 100), 2.1, asked_at=2.0)
    assert stage.state == (OrderStatus.UNKNOWN, 90, 5)
    assert stage.orders.live["pm-1"].ask_at is not None

    stage.orders.reported(report(QUOTE, 100), 4.2, asked_at=4.1)
    assert stage.state == (OrderStatus.OPEN, 90, 5)
    assert (stage.order.order, stage.orders.outdated()) == (QUOTE, {"pm-1"})
    assert stage.orders.live["pm-1"].ask_at is None


def test_what_was_asked_before_the_fence_and_answered_after_it_proves_nothing(stage: Stage) -> None:
    """The moment of the question counts."""
    stage.amend()
    stage.lose()
    stage.orders.reported(report(QUOTE, 100), 9.0, asked_at=3.9)

    assert stage.state == (OrderStatus.UNKNOWN, 90, 5)


def test_the_list_of_open_orders_proves_it_as_a_question_does(stage: Stage) -> None:
    """A reading that began past the fence."""
    stage.amend()
    stage.lose()
    stage.orders.listed({"pm-1": report(QUOTE, 100)}, 3.0, 3.5)
    assert stage.state == (OrderStatus.UNKNOWN, 90, 5)

    stage.orders.listed({"pm-1": report(QUOTE, 100)}, 4.5, 5.0)
    assert stage.state == (OrderStatus.OPEN, 90, 5)


def test_that_the_venue_has_the_order_is_no_word_on_its_amend(stage: Stage) -> None:
    """A fill where it was, or a late acknowledgement."""
    stage.amend()
    stage.lose()
    stage.orders.accepted(OrderAccepted(client_id="pm-1", venue_id="7", venue_ms=100), 2.5)
    stage.orders.reported(report(QUOTE, 200, filled_lots=1), 2.6, by_stream=True)

    assert stage.state == (OrderStatus.UNKNOWN, 90, 5)
    assert stage.orders.is_blocked


@pytest.mark.parametrize("reason", [RefusalReason.FILTER, RefusalReason.BUSY, RefusalReason.OTHER])
def test_a_certain_refusal_leaves_the_order_as_it_was(stage: Stage, reason: RefusalReason) -> None:
    """It is not where it should be: it has to be replaced, and its slot is told of the refusal."""
    stage.amend()
    stage.refuse(reason)

    assert stage.state == (OrderStatus.OPEN, 90, 5)
    assert (stage.order.order, stage.orders.outdated()) == (QUOTE, {"pm-1"})
    assert [slot for slot, _ in stage.orders.amend_refusals] == [QUOTE.slot]
    assert stage.orders.live["pm-1"].ask_at is None


def test_no_need_to_amend_means_that_it_is_as_wanted(stage: Stage) -> None:
    """It was made before; a look confirms it."""
    stage.amend()
    stage.refuse(RefusalReason.UNCHANGED)

    assert stage.state == (OrderStatus.OPEN, 92, 8)
    assert (stage.orders.outdated(), stage.orders.amend_refusals) == (set(), [])
    assert stage.orders.live["pm-1"].ask_at == 2.0


@pytest.mark.parametrize(
    "reason", [RefusalReason.NOT_FOUND, RefusalReason.AMEND_PENDING, RefusalReason.POST_ONLY_WOULD_TAKE]
)
def test_a_refusal_that_leaves_open_what_has_become_of_the_order_has_it_asked_for(
    stage: Stage, reason: RefusalReason
) -> None:
    """Nothing may be sent before the answer; it may be gone, or rest elsewhere."""
    stage.amend()
    stage.refuse(reason)
    assert stage.state == (OrderStatus.AMENDING, 90, 5)
    assert stage.orders.live["pm-1"].ask_at == 2.0

    stage.orders.reported(report(QUOTE, 100), 2.1, asked_at=2.0)
    assert stage.state == (OrderStatus.OPEN, 90, 5)
    assert stage.orders.outdated() == {"pm-1"}


def test_a_gateway_s_word_proves_nothing_but_says_when_it_can_not_come_any_more(stage: Stage) -> None:
    """As for new orders: a report, or a question past its fence."""
    stage.amend()
    stage.orders.amend_handed_on(AmendHandedOn(client_id="pm-1", number=1, fence_at=3.0), 1.1)
    assert stage.state == (OrderStatus.AMENDING, 90, 5)
    assert stage.orders.live["pm-1"].ask_at == pytest.approx(2.1)

    stage.orders.live["pm-1"].asked(3.1)
    stage.orders.reported(report(QUOTE, 100), 3.2, asked_at=3.1)
    assert stage.state == (OrderStatus.OPEN, 90, 5)


@pytest.mark.parametrize(("at", "end"), [(2.9, End.VENUE), (3.1, End.UNEXPLAINED)])
def test_an_end_that_nobody_explains_within_2_s_of_an_amend_is_the_venue_s(stage: Stage, at: float, end: End) -> None:
    """A post-only order that would have taken is cancelled, and the venue does not say why."""
    stage.amend()
    stage.tell(MOVED, 1500, 1)
    stage.orders.cancelled(OrderCancelled(client_id="pm-1", cause=CancelCause.UNEXPLAINED, venue_ms=1600), at)

    assert stage.orders.endings.by_slot[QUOTE.slot].end is end


def test_an_end_while_an_amend_is_not_proven_is_the_venue_s_as_well(stage: Stage) -> None:
    """However long that takes."""
    stage.amend()
    stage.lose()
    stage.orders.reported(report(QUOTE, 200, status=OrderStatus.CANCELLED), 9.0, asked_at=8.9)

    assert stage.orders.endings.by_slot[QUOTE.slot].end is End.VENUE
    assert not stage.orders.is_blocked


def test_a_cancel_may_be_sent_meanwhile_and_proves_it(stage: Stage) -> None:
    """What was asked for is never taken for the venue's doing."""
    stage.amend()
    stage.lose()
    stage.orders.cancel("pm-1", 2.1)
    assert stage.order.status is OrderStatus.UNKNOWN

    stage.orders.cancelled(OrderCancelled(client_id="pm-1", cause=CancelCause.REQUESTED, venue_ms=1600), 2.2)
    assert stage.orders.endings.by_slot[QUOTE.slot].end is End.REQUESTED
    assert stage.orders.live == {}


def test_a_cancel_that_is_refused_leaves_the_amend_under_way(stage: Stage) -> None:
    """It is not open by that."""
    stage.amend()
    stage.orders.cancel("pm-1", 1.1)
    assert stage.order.status is OrderStatus.CANCELLING

    busy = Refusal(reason=RefusalReason.BUSY, code="-1", text="busy")
    stage.orders.cancel_refused(CancelRefused(client_id="pm-1", refusal=busy), 1.2)
    assert stage.state == (OrderStatus.AMENDING, 90, 5)

    stage.tell(MOVED, 1500, 1)
    assert stage.state == (OrderStatus.OPEN, 92, 8)


def test_an_amend_s_answer_does_not_end_a_cancel(stage: Stage) -> None:
    """Both were sent: the cancel is still under way."""
    stage.amend()
    stage.orders.cancel("pm-1", 1.1)
    stage.tell(MOVED, 1500, 1)

    assert stage.state == (OrderStatus.CANCELLING, 92, 8)


def test_fills_that_complete_the_smaller_shape_leave_open_whether_more_rests(stage: Stage) -> None:
    """Five of five, or five of eight: the venue is asked."""
    stage.amend()
    stage.orders.filled(fill(5, 5), 5, 1.2)
    assert (stage.order.filled_lots, stage.order.remaining_lots) == (5, 3)
    assert stage.orders.live["pm-1"].ask_at == 1.2

    stage.orders.reported(report(QUOTE, 200, status=OrderStatus.FILLED, filled_lots=5), 1.3, asked_at=1.2)
    end = stage.orders.endings.by_slot[QUOTE.slot]
    assert (end.end, end.ticks, end.filled_lots) == (End.FILLED, 90, 5)


def test_fills_beyond_what_it_was_prove_nothing_less_than_what_it_is(stage: Stage) -> None:
    """All eight: it was amended, and is filled."""
    stage.amend()
    stage.orders.filled(fill(8, 8), 8, 1.2)

    end = stage.orders.endings.by_slot[QUOTE.slot]
    assert (end.end, end.ticks, end.filled_lots) == (End.FILLED, 92, 8)


def test_own_lots_are_left_out_of_the_book_at_both_places(stage: Stage) -> None:
    """Where it was by what is proven, where it is to be by what comes up there; then exactly."""
    stage.amend()
    assert stage.see(1400, ()) == [(80, 9)]
    assert stage.see(1450, ((92, 8), (90, 0))) == [(80, 9)]

    stage.tell(MOVED, 1420, 1)
    assert stage.see(1500, ((92, 10),)) == [(92, 2), (80, 9)]


def test_an_amend_that_was_not_made_hides_nothing_of_other_people_s(stage: Stage) -> None:
    """What came up at the new price meanwhile is theirs from then on."""
    stage.amend()
    stage.see(1400, ((92, 3),))
    stage.refuse(RefusalReason.FILTER)

    assert stage.see(2100, ()) == [(92, 3), (80, 9)]


def test_an_amount_cut_at_the_same_price_moves_nothing_in_the_book(stage: Stage) -> None:
    """What is left out is what is proven."""
    stage.amend(SMALLER)
    stage.tell(SMALLER, 1500, 1)

    assert stage.see(1600, ((90, 7),)) == [(90, 4), (80, 9)]


def test_a_second_loss_of_the_same_order_begins_a_fence_of_its_own(stage: Stage) -> None:
    """Proven lost, amended again, lost again: the first fence proves nothing of the second."""
    stage.amend()
    stage.lose()
    stage.orders.reported(report(QUOTE, 100), 4.2, asked_at=4.1)
    stage.amend(OTHER, 5.0)
    stage.orders.unknown(OrderUnknown(client_id="pm-1", command=Command.AMEND, detail="", fence_at=8.0), 6.0)
    stage.orders.reported(report(QUOTE, 100), 6.2, asked_at=6.1)
    assert stage.state == (OrderStatus.UNKNOWN, 90, 5)

    stage.orders.reported(report(QUOTE, 100), 8.2, asked_at=8.1)
    assert stage.state == (OrderStatus.OPEN, 90, 5)


def test_a_loss_that_is_told_after_the_proof_changes_nothing(stage: Stage) -> None:
    """The stream was quicker than the time limit of the request."""
    stage.amend()
    stage.tell(MOVED, 1500, 1)
    stage.lose()

    assert stage.state == (OrderStatus.OPEN, 92, 8)


def test_events_of_orders_that_are_not_known_mean_nothing(stage: Stage) -> None:
    """An order that has ended, or is somebody else's."""
    facts: dict[str, Any] = {"client_id": "pm-9", "number": 1}
    refusal = Refusal(reason=RefusalReason.OTHER, code="", text="")
    stage.orders.amend_refused(AmendRefused(refusal=refusal, **facts), 1.0)
    stage.orders.amend_handed_on(AmendHandedOn(fence_at=2.0, **facts), 1.0)
    stage.orders.amended(OrderAmended(ticks=1, lots=1, venue_ms=1, **facts), 1.0)

    assert list(stage.orders.live) == ["pm-1"]
