"""All own orders by client id: the only place where an order's status changes, and only on evidence.

Every event may come twice, late, or before the one that should precede it; folding is idempotent and never
regresses. Orders that ended stay in a graveyard where late fills still find them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Final

from perpmaker.model.command_event import (
    CancelHandedOn,
    CancelRefused,
    OrderAccepted,
    OrderNotFound,
    OrderRefused,
    OrderUnknown,
)
from perpmaker.model.event import OrderCancelled
from perpmaker.model.order import CancelCause, Fill, NewOrder, OrderReport, OrderStatus
from perpmaker.model.refusal import Refusal, RefusalReason
from perpmaker.model.working_order import WorkingOrder
from perpmaker.state.amends import RESTING, Amends
from perpmaker.state.own_depth import OwnDepth
from perpmaker.state.slot_outcome import ended_as
from perpmaker.state.tracked_order import TrackedOrder, adopted
from perpmaker.state.view import End

CANCEL_DELAYS_S: Final = (0.0, 0.25, 0.5, 1.0, 2.0)
"""Pauses before a refused cancel is sent again; the last one repeats."""

UNCLAIMED: Final = 1_024
"""Fills of orders that are not known, or not yet, that are remembered."""

_PENDING, _CANCELLED, _REQUESTED = OrderStatus.PENDING, OrderStatus.CANCELLED, End.REQUESTED

_REOPENED: Final = frozenset({OrderStatus.CANCELLING, OrderStatus.AMENDING, OrderStatus.UNKNOWN})
"""What an order is not any more that was asked for, and rests."""


class Orders(Amends):
    """Own orders. `fence_s` is how long after a question about a known order the venue's "no such order" is proof."""

    def __init__(self, depth: OwnDepth, *, fence_s: float) -> None:
        super().__init__(depth, fence_s=fence_s)
        self._unclaimed: deque[tuple[Fill, int]] = deque(maxlen=UNCLAIMED)

    # --- what we do ----------------------------------------------------------------------------------------------

    def place(self, order: NewOrder, now: float) -> None:
        """An order is about to be sent: in flight from here on, before anything was awaited."""
        working = WorkingOrder(order, _PENDING, now, 0, None, 0, None, now)
        self.live[order.client_id] = TrackedOrder(working=working)

        if order.slot.kind.is_quote:
            self._foresee(now)
        else:
            self.version += 1

    def cancel(self, client_id: str, now: float) -> None:
        """A cancel is about to be sent; an order of unknown outcome stays unknown until that is proven."""
        record = self.live[client_id]
        is_plain = record.working.status.is_open and record.working.order.slot.kind.is_quote
        record.cancelling(now)

        if is_plain:
            self._foresee(now)
        else:
            self.version += 1

    def adopt(self, order: NewOrder, report: OrderReport, now: float) -> None:
        """Take over an order that an earlier run left on the venue, with the fills that are newer than its report."""
        record = self.live[order.client_id] = adopted(order, report, now)

        for fill, lots in self._unclaimed:
            if fill.client_id == order.client_id and fill.venue_ms > report.venue_ms:
                record.book(lots, fill.filled_lots, now)

        if record.working.filled_lots >= record.working.order.lots:
            self._end(record, End.FILLED, report.venue_ms, now)
        else:
            self._touch(record, report.venue_ms, now)

    # --- what the venue says ---------------------------------------------------------------------------------------

    def accepted(self, event: OrderAccepted, now: float) -> None:
        """The venue took the order; a no-op for one that is further on already."""
        record = self.live.get(event.client_id)

        if record is None:
            self._revive(event.client_id, now)
            return

        if event.by_gateway:
            record.hand_on(venue_id=event.venue_id, fence_at=event.fence_at or now + self._fence_s, now=now)
            self.version += 1
            return

        status, version = record.working.status, self.version
        record.accept(venue_id=event.venue_id, venue_ms=event.venue_ms, now=now, by_stream=event.by_stream)
        self._touch(record, event.venue_ms, now)

        if (status.is_pending or status.is_open) and record.working.order.slot.kind.is_quote:
            self.acceptances += self.version - version

    def refused(self, event: OrderRefused, now: float) -> None:
        """The order never was; unless the venue has shown it, or calls its id a duplicate: then it is asked."""
        record = self.live.get(event.client_id)

        if record is None:
            return

        if record.known or event.refusal.reason is RefusalReason.DUPLICATE_ID:
            record.fence(now + self._fence_s)
            record.put(status=OrderStatus.UNKNOWN if not record.known else record.working.status)
            record.ask(now)
            self.version += 1
            return

        self._finish(record, OrderStatus.REFUSED, End.REFUSED, now, refusal=event.refusal)

    def unknown(self, event: OrderUnknown, now: float) -> None:
        """A command went out and nobody knows what became of it: the slot is blocked, the venue is asked."""
        record = self.live.get(event.client_id)

        if record is not None:
            record.doubt(event.command, fence_at=event.fence_at, now=now)
            self.version += 1

    def not_found(self, event: OrderNotFound, now: float) -> None:
        """The venue does not know the order: proof only when it was asked past the fence."""
        record = self.live.get(event.client_id)

        is_answered = record is not None and (record.known or record.handed_on)

        if record is None or (record.working.status is OrderStatus.PENDING and not is_answered):
            return

        record.fence(now + self._fence_s)
        fence_at = record.working.fence_at

        if fence_at is None or event.asked_at < fence_at:
            record.ask_at = now if record.ask_at is None else record.ask_at
            self.version += 1
        elif record.known:
            self.lost.append(f"order {event.client_id} was accepted, and the venue knows it no more")
            end = End.REQUESTED if record.working.cancel_requested else End.UNEXPLAINED
            self._finish(record, OrderStatus.CANCELLED, end, now)
        else:
            self._finish(record, OrderStatus.REFUSED, End.NEVER_WAS, now)

    def cancelled(self, event: OrderCancelled, now: float) -> None:
        """The order is gone; fills that it had may still be on their way."""
        record = self.live.get(event.client_id)

        if record is None:
            self._told_late(event.client_id, event.filled_lots, now)
            return

        working = record.working

        if working.cancel_requested and not event.filled_lots and not working.filled_lots and not record.amends:
            self._show(record, 0, event.venue_ms, now)  # what we asked for, and nothing else: most orders end so
            self._close(record, _CANCELLED, _REQUESTED, now, detail=event.detail)
            return

        record.fill_up_to(event.filled_lots or 0, now)
        self._end(
            record, _ended(record, event.cause, by_amend=record.ended_by_amend(now)), event.venue_ms, now, event.detail
        )

    def cancel_handed_on(self, event: CancelHandedOn, now: float) -> None:
        """Nothing is proven yet: when nothing more is said of it, the venue is asked."""
        record = self.live.get(event.client_id)

        if record is not None and record.working.status is OrderStatus.CANCELLING:
            record.ask_later(now)
            self.version += 1

    def cancel_refused(self, event: CancelRefused, now: float) -> None:
        """The order was not cancelled: it is final already, and asked for; or it rests on, and is cancelled later."""
        record = self.live.get(event.client_id)

        if record is None:
            return

        if event.refusal.reason is RefusalReason.NOT_FOUND or record.working.status is OrderStatus.UNKNOWN:
            record.fence(now + self._fence_s)
            record.ask_at = now if record.ask_at is None else record.ask_at
        elif record.working.status is OrderStatus.CANCELLING:
            record.cancel_at = max(_cancel_again_at(record, now), now + event.refusal.retry_after_s)
            record.reopen(now)

        self.version += 1

    def reported(
        self, report: OrderReport, now: float, *, by_stream: bool = False, asked_at: float | None = None
    ) -> None:
        """The venue's word on an order, whole: the newest of it counts, and a status not understood proves nothing.

        `asked_at`: when it was asked for; what was asked past the fence of an amend proves what became of that.
        """
        record = self.live.get(report.client_id)

        if record is None:
            if report.status is OrderStatus.OPEN:
                self._revive(report.client_id, now)

            self._told_late(report.client_id, report.filled_lots, now)
            return

        if report.status is None:
            record.ask_at = now + 0.25 if record.ask_at is None else record.ask_at
            self.version += 1
            return

        if _was_never(record, report):
            refusal = report.refusal or Refusal(reason=RefusalReason.OTHER, text=report.raw_status)
            self._finish(record, OrderStatus.REFUSED, End.REFUSED, now, refusal=refusal)
            return

        if report.refusal is not None and record.working.status is OrderStatus.CANCELLING:
            self.cancel_refused(CancelRefused(client_id=report.client_id, refusal=report.refusal), now)

        self._follow(record, report, now, by_stream=by_stream, asked_at=asked_at)

    def filled(self, fill: Fill, lots: int, now: float) -> TrackedOrder | None:
        """Book a fill, seen for the first time, to its order, wherever that is by now; None for a foreign one."""
        record = self.live.get(fill.client_id) or self._revive(fill.client_id, now)

        if record is None:
            return self._book_late(fill, lots, now)

        if fill.venue_ms <= record.taken_over_ms:  # the report that the order was taken over by tells of it already
            return record

        record.accept(venue_id=fill.venue_id, venue_ms=fill.venue_ms, now=now, by_stream=True)
        record.book(lots, fill.filled_lots, now)

        if record.working.filled_lots >= record.working.most_lots:
            self._end(record, End.FILLED, fill.venue_ms, now)
        else:
            if record.working.filled_lots >= record.working.resting.lots and record.ask_at is None:
                record.ask(now)  # complete, or amended to more: only the venue can tell

            self._touch(record, fill.venue_ms, now)

        return record

    def listed(self, reports: Mapping[str, OrderReport], began_at: float, now: float) -> None:
        """All open orders, read from `began_at` on: what is not among them is asked for, one by one."""
        for record in list(self.live.values()):
            report = reports.get(record.working.client_id)

            if report is not None:
                self.reported(report, now, asked_at=began_at)
                record.put(confirmed=True)
            elif record.known and record.working.sent_at < began_at and record.ask_at is None:
                record.fence(now + self._fence_s)
                record.ask(now)

        self.version += 1

    # --- inside ----------------------------------------------------------------------------------------------------

    def _follow(
        self, record: TrackedOrder, report: OrderReport, now: float, *, by_stream: bool, asked_at: float | None
    ) -> None:
        asked = record.ask_at is not None and not by_stream
        record.accept(venue_id=report.venue_id, venue_ms=report.venue_ms, now=now, by_stream=by_stream)

        if report.triggered and not record.working.triggered:
            record.put(triggered=True)

        by_amend = record.ended_by_amend(now)
        fence_at = record.amend_fence
        is_proof = asked_at is not None and fence_at is not None and asked_at >= fence_at
        self._shape(record, report.ticks, report.lots or 0, report.venue_ms, now, is_proof=is_proof)
        record.fill_up_to(report.filled_lots, now)

        if report.status is OrderStatus.FILLED:
            record.fill_up_to(report.filled_lots or record.working.order.lots, now)
            self._end(record, End.FILLED, report.venue_ms, now)
        elif report.status is OrderStatus.OPEN:
            if asked and record.working.status in _REOPENED:
                record.cancel_at = _cancel_again_at(record, now)
                record.reopen(now)
            elif asked:
                record.calm()

            self._touch(record, report.venue_ms, now)
        else:
            by_venue = report.ended_by_venue or record.working.order.type not in RESTING
            cause = CancelCause.VENUE if by_venue else CancelCause.UNEXPLAINED
            cause = CancelCause.RULE if report.ended_by_rule else cause
            end = _ended(record, cause, by_amend=by_amend)
            self._end(record, end, report.venue_ms, now, report.ended_by_rule)

    def _book_late(self, fill: Fill, lots: int, now: float) -> TrackedOrder | None:
        record = self.finished.book(fill, lots, now)

        if record is None:
            self._unclaimed.append((fill, lots))
        else:
            is_complete = record.working.filled_lots >= record.working.order.lots
            self.version += 1

            if is_complete and record.end is not End.FILLED:
                self.endings.write(record, End.FILLED, now)

        return record

    def _told_late(self, client_id: str, filled_lots: int | None, now: float) -> None:
        self.finished.announce(client_id, filled_lots or 0, now)
        self.version += 1

    def _revive(self, client_id: str, now: float) -> TrackedOrder | None:
        """The venue shows an order that was believed never to have been: it is live until proven otherwise."""
        record = self.finished.exhume(client_id)

        if record is None:
            return None

        self.live[client_id] = record
        record.end = None
        record.known = True
        record.put(status=OrderStatus.OPEN, changed_at=now)
        record.ask(now)
        self._touch(record, 0, now)

        return record

    def _end(self, record: TrackedOrder, end: End, venue_ms: int, now: float, detail: str = "") -> None:
        self._show(record, 0, venue_ms, now)
        _forget_amend(record)
        complete = record.working.filled_lots >= record.working.order.lots
        status = OrderStatus.FILLED if complete else OrderStatus.CANCELLED
        self._close(record, status, End.FILLED if complete else end, now, detail=detail)

    def _finish(
        self, record: TrackedOrder, status: OrderStatus, end: End, now: float, *, refusal: Refusal | None = None
    ) -> None:
        """An order that never was, or that the venue knows no more, is not in the book."""
        self._show(record, 0, 0, now)
        self._close(record, status, end, now, refusal=refusal)

    def _close(
        self,
        record: TrackedOrder,
        status: OrderStatus,
        end: End,
        now: float,
        *,
        refusal: Refusal | None = None,
        detail: str = "",
    ) -> None:
        del self.live[record.working.order.client_id]
        record.ended(status, now)
        self.finished.bury(record)
        self.endings.write(record, end, now, refusal=refusal, detail=detail)
        self.version += 1


def _ended(record: TrackedOrder, cause: CancelCause, *, by_amend: bool) -> End:
    """How an order ended; an end that nobody explains and that an amend may have made is the venue's for its price."""
    if by_amend and cause is CancelCause.UNEXPLAINED:
        cause = CancelCause.VENUE

    return ended_as(record.working, cause)


def _forget_amend(record: TrackedOrder) -> None:
    """An order ends: as it rested by what is proven, unless more of it was filled than that."""
    working = record.working

    if working.amended_from is not None:
        rested = working.order if working.filled_lots > working.amended_from.lots else working.amended_from
        record.put(order=rested, amended_from=None)


def _was_never(record: TrackedOrder, report: OrderReport) -> bool:
    """Whether a report says that the order never stood in the book.

    One that did not execute, and ended by a refusal that nobody's cancel explains, did not, whatever was shown before.
    """
    if report.status is OrderStatus.REFUSED and not record.known:
        return True

    is_over = report.status in {OrderStatus.REFUSED, OrderStatus.CANCELLED}
    is_untouched = not report.filled_lots and not record.working.filled_lots

    return report.refusal is not None and is_over and is_untouched and not record.working.cancel_requested


def _cancel_again_at(record: TrackedOrder, now: float) -> float:
    """When an order whose cancel did not work may be cancelled again: at once the first time, then ever later."""
    return now + CANCEL_DELAYS_S[min(max(record.cancels - 1, 0), len(CANCEL_DELAYS_S) - 1)]
