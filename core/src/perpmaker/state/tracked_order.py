"""One own order with what is known about it beyond `WorkingOrder`, and how each piece of evidence moves it.

An order only ever moves ahead on evidence, and never back: `filled_lots` never shrinks, a final order stays final
(the one exception: an order believed never to have been, which the venue then shows).
"""

from __future__ import annotations

from operator import attrgetter
from typing import Any

import attrs

from perpmaker.model.command_event import Command
from perpmaker.model.order import NewOrder, OrderReport, OrderStatus
from perpmaker.model.working_order import WorkingOrder
from perpmaker.state.view import End

ASK_DELAYS_S = (0.25, 0.5, 1.0, 2.0)
"""Pauses between one question about an order and the next; the last one repeats."""

GATEWAY_S = 1.0
"""How long a report may take after a venue's gateway has taken a command, before the venue is asked."""

AMEND_ENDS_S = 2.0
"""An end that nobody explains, so soon after an amend, is the venue's: it cannot tell a reason for it."""

_OPEN, _CANCELLING = OrderStatus.OPEN, OrderStatus.CANCELLING
_RESTS = frozenset({OrderStatus.OPEN, OrderStatus.AMENDING})
_LATER = frozenset({Command.CANCEL, Command.AMEND})
"""Commands about an order that the venue had before: that it has it proves nothing of them."""

_FIELDS = tuple(field.name for field in attrs.fields(WorkingOrder))
_values = attrgetter(*_FIELDS)


@attrs.define(kw_only=True)
class TrackedOrder:
    """An own order and its evidence.

    `known`: the venue has shown that it has, or had, the order; `handed_on`: its gateway has taken it. `unknown`: the
    command whose outcome is not known. `booked_lots`: what single fills account for; less than `filled_lots` while
    fills are still on their way, since `gap_since`, but for the `forgiven_lots` that are not waited for any more.
    `ask_at`: when to ask the venue about it next; None while there is nothing to ask. `shaped_ms`: the venue's time of
    its newest word on price and amount. `cut_at`: when it took less than we asked for. `displayed_lots`: what the book
    was told to leave out. `taken_over_ms`: fills up to this time of the venue were in the report by which the order was
    taken over from an earlier run. `amends`: how many amends were sent, which is the number of the newest;
    `amended_at`: when. `amend_fence`: the moment after which the newest, whose outcome is not known, cannot be made any
    more. `is_outdated`: an amend of it was not made, or the venue has moved it: it must be replaced.
    """

    working: WorkingOrder
    known: bool = False
    handed_on: bool = False
    unknown: Command | None = None
    booked_lots: int = 0
    forgiven_lots: int = 0
    gap_since: float | None = None
    accepted_at: float | None = None
    ask_at: float | None = None
    asks: int = 0
    cancel_at: float = 0.0
    cancels: int = 0
    shaped_ms: int = 0
    cut_at: float | None = None
    displayed_lots: int = 0
    taken_over_ms: int = -1
    amends: int = 0
    amended_at: float | None = None
    amend_fence: float | None = None
    is_outdated: bool = False
    end: End | None = None

    @property
    def missing_lots(self) -> int:
        """Lots that the venue told were executed, and whose fills are not here and still awaited."""
        return max(0, self.working.filled_lots - self.booked_lots - self.forgiven_lots)

    @property
    def has_gap(self) -> bool:
        """Whether the venue told of more executed lots than of fills."""
        return self.working.filled_lots > self.booked_lots + self.forgiven_lots

    def put(self, **changes: Any) -> None:  # noqa: ANN401  # the fields of WorkingOrder, checked by its constructor
        """Replace fields of the working order; what `attrs.evolve` does, in a third of its time."""
        known = dict(zip(_FIELDS, _values(self.working), strict=True))
        self.working = WorkingOrder(**{**known, **changes})

    def cancelling(self, now: float) -> None:
        """A cancel is on its way; one whose outcome is unknown stays so."""
        working = self.working
        self.cancels += 1
        self.working = WorkingOrder(
            working.order,
            _CANCELLING if working.status in _RESTS else working.status,
            working.sent_at,
            working.filled_lots,
            working.venue_id,
            working.venue_ms,
            working.fence_at,
            now,
            True,  # a cancel is requested
            working.confirmed,
            working.triggered,
            working.amended_from,
        )

    def ended(self, status: OrderStatus, now: float) -> None:
        """Nothing can become of the order any more."""
        self.unknown = None

        if self.ask_at is not None or self.asks or self.working.fence_at is not None:
            self.calm()

        working = self.working
        self.working = WorkingOrder(
            working.order,
            status,
            working.sent_at,
            working.filled_lots,
            working.venue_id,
            working.venue_ms,
            working.fence_at,
            now,
            working.cancel_requested,
            working.confirmed,
            working.triggered,
            working.amended_from,
        )
        self.watch_gap(now)

    def amending(self, order: NewOrder, now: float) -> None:
        """An amend that makes this of the order is on its way."""
        self.amends += 1
        self.amended_at = now
        self.amend_fence = None
        before = self.working.order
        self.put(order=order, amended_from=before, status=OrderStatus.AMENDING, changed_at=now)

    def prove_amend(self, order: NewOrder, now: float) -> None:
        """It is proven that the order rests like this: the amend under way was made, or it was not."""
        working = self.working
        is_settled = working.status is OrderStatus.AMENDING or self.unknown is Command.AMEND
        self.amend_fence = None
        self.is_outdated = order is not working.order

        if not is_settled:
            self.put(order=order, amended_from=None)
            return

        self.unknown = None
        self.put(order=order, amended_from=None, status=OrderStatus.OPEN, changed_at=now)
        self.calm()

    def ended_by_amend(self, now: float) -> bool:
        """Whether an end that nobody explains is that of an amend: a post-only order would have taken, say."""
        if self.amended_at is None:
            return False

        return self.working.amended_from is not None or now <= self.amended_at + AMEND_ENDS_S

    def accept(self, *, venue_id: str | None, venue_ms: int, now: float, by_stream: bool) -> None:
        """The venue has the order: it was taken, whatever has become of it since."""
        status = self.working.status

        if status.is_pending or (status.is_unknown and self.unknown not in _LATER):
            status = _OPEN
            self.unknown = None

            if self.ask_at is not None or self.asks or self.working.fence_at is not None:
                self.calm()

        working = self.working
        self.known = True
        self.accepted_at = now if self.accepted_at is None else self.accepted_at
        self.working = WorkingOrder(
            working.order,
            status,
            working.sent_at,
            working.filled_lots,
            venue_id or working.venue_id,
            max(venue_ms, working.venue_ms),
            working.fence_at,
            now if status is not working.status else working.changed_at,
            working.cancel_requested,
            by_stream or working.confirmed,
            working.triggered,
            working.amended_from,
        )

    def hand_on(self, *, venue_id: str | None, fence_at: float, now: float) -> None:
        """The venue's gateway has taken the order, which proves nothing: it stays in flight until a report comes."""
        if self.known or self.working.status is not OrderStatus.PENDING:
            return

        self.handed_on = True
        self.put(venue_id=venue_id or self.working.venue_id, fence_at=fence_at)
        self.ask_later(now)

    def ask_later(self, now: float) -> None:
        """Have the venue asked when its report does not come; a question that is due already stays so."""
        self.ask_at = now + GATEWAY_S if self.ask_at is None else self.ask_at

    def shaped(self, *, ticks: int | None, lots: int, venue_ms: int) -> NewOrder:
        """The order as the venue has it: older news changes nothing, and of two words at once the smaller counts.

        Venues cut closing orders to what is left of a position, and never enlarge any. A stop that rests on the venue
        has no amount there: it closes whatever the position is.
        """
        order = self.working.resting

        if venue_ms < self.shaped_ms or order.type.is_conditional:
            return order

        if lots <= 0:  # a stop that closes whatever there is then
            lots = order.lots
        elif venue_ms == self.shaped_ms:
            lots = min(lots, order.lots)

        return attrs.evolve(order, ticks=order.ticks if ticks is None else ticks, lots=lots)

    def shape(self, order: NewOrder, *, venue_ms: int, now: float, is_proof: bool = False) -> None:
        """Take over what `shaped` answered; an amount that shrank was cut.

        While an amend is not proven: what it was to make of the order proves that it was made, and what is said of it
        alone, or asked for when it could not be made any more (`is_proof`), tells whether it was.
        """
        self.shaped_ms = max(venue_ms, self.shaped_ms)
        working = self.working

        if working.amended_from is None:
            if order.lots < working.order.lots:
                self.cut_at = now

            self.put(order=order)
        elif (order.ticks, order.lots) == (working.order.ticks, working.order.lots):
            self.prove_amend(working.order, now)
        elif is_proof:
            self.prove_amend(order, now)
        else:
            self.put(amended_from=order)

    def doubt(self, command: Command, *, fence_at: float, now: float) -> None:
        """A command's outcome is not known: nothing is concluded until the venue has said something that proves it."""
        status = self.working.status

        if command is Command.PLACE and status is not OrderStatus.PENDING:
            return

        if command is Command.CANCEL and status not in {OrderStatus.CANCELLING, OrderStatus.UNKNOWN}:
            return

        if command is Command.AMEND:
            if status is not OrderStatus.AMENDING and self.working.amended_from is None:
                return

            self.amend_fence = fence_at

        if (self.unknown is Command.PLACE or self.handed_on) and self.working.fence_at is not None:
            fence_at = self.working.fence_at  # no cancel can bring an order that is lost, so that none puts this off

        self.unknown = command if self.unknown is None else self.unknown
        self.put(status=OrderStatus.UNKNOWN, fence_at=fence_at, changed_at=now)

        if status is not OrderStatus.UNKNOWN or self.ask_at is None:
            self.ask(now)  # one that is asked for already keeps its pauses: a venue that is gone must not be stormed

    def reopen(self, now: float) -> None:
        """The venue shows the order resting although it should be gone: it may be cancelled again.

        One of which an amend is not proven is in flight because of that, or unknown, and asked for on.
        """
        status = OrderStatus.OPEN

        if self.working.amended_from is not None:
            status = OrderStatus.AMENDING if self.amend_fence is None else OrderStatus.UNKNOWN

        self.unknown = Command.AMEND if status is OrderStatus.UNKNOWN else None

        if status is not self.working.status:
            self.put(status=status, changed_at=now)

        if status is OrderStatus.OPEN:
            self.calm()

    def fill_up_to(self, cumulative: int, now: float) -> None:
        """Take over a cumulative executed amount; less than is known already is older news."""
        if cumulative > self.working.filled_lots:
            self.put(filled_lots=min(cumulative, self.working.most_lots), changed_at=now)

        self.watch_gap(now)

    def book(self, lots: int, cumulative: int | None, now: float) -> None:
        """Book a fill, after which the order had executed `cumulative` lots (None: the venue did not say)."""
        if cumulative is None or cumulative - lots <= self.booked_lots:
            self.forgiven_lots = max(0, self.forgiven_lots - lots)

        self.booked_lots += lots
        self.fill_up_to(self.booked_lots if cumulative is None else cumulative, now)

    def forgive(self) -> None:
        """Announced fills that a resync did not bring are not waited for any more."""
        self.forgiven_lots = max(0, self.working.filled_lots - self.booked_lots)
        self.gap_since = None

    def watch_gap(self, now: float) -> None:
        """Start or end the wait for fills that the venue has announced."""
        if self.working.filled_lots <= self.booked_lots + self.forgiven_lots:
            self.gap_since = None
        elif self.gap_since is None:
            self.gap_since = now

    def fence(self, fence_at: float) -> None:
        """From this time on the venue's not knowing the order is proof; an earlier fence stands."""
        if self.working.fence_at is None:
            self.put(fence_at=fence_at)

    def ask(self, now: float) -> None:
        """Have the venue asked at once, beginning the series of questions anew."""
        self.ask_at = now
        self.asks = 0

    def asked(self, now: float) -> None:
        """The question went out: when is the next one, should no answer settle it? The fence is not slept through."""
        delay = ASK_DELAYS_S[min(self.asks, len(ASK_DELAYS_S) - 1)]
        fence_at = self.working.fence_at
        self.asks += 1
        self.ask_at = now + delay if fence_at is None or fence_at <= now else min(now + delay, fence_at)

    def calm(self) -> None:
        """There is nothing to ask any more."""
        self.ask_at = None
        self.asks = 0

        if self.working.fence_at is not None:
            self.put(fence_at=None)


def adopted(order: NewOrder, report: OrderReport, now: float) -> TrackedOrder:
    """A record of an order that an earlier run left on the venue: as it rests there, whatever was sent."""
    ticks = order.ticks if report.ticks is None else report.ticks
    lots = order.lots if order.type.is_conditional or report.lots is None else report.lots
    working = WorkingOrder(
        order=attrs.evolve(order, ticks=ticks, lots=lots, whole=report.whole, trigger=report.trigger or order.trigger),
        status=OrderStatus.OPEN,
        sent_at=now,
        filled_lots=report.filled_lots,
        venue_id=report.venue_id,
        venue_ms=report.venue_ms,
        changed_at=now,
        confirmed=True,
        triggered=report.triggered,
    )

    return TrackedOrder(
        working=working,
        known=True,
        booked_lots=report.filled_lots,
        accepted_at=now,
        shaped_ms=report.venue_ms,
        taken_over_ms=report.venue_ms if report.filled_lots else -1,
    )
