"""Own orders as they stand: which are live, which ended, and what everybody else reads of that."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import inf
from types import MappingProxyType
from typing import Final

from perpmaker.model.order import PositionSide, Slot
from perpmaker.model.refusal import Refusal
from perpmaker.model.working_order import WorkingOrder
from perpmaker.state.closed_orders import ClosedOrders
from perpmaker.state.slot_outcome import SlotOutcomes
from perpmaker.state.survey import Survey
from perpmaker.state.tracked_order import TrackedOrder
from perpmaker.state.venue_clock import VenueClock

NOTICE_AGAIN_S: Final = 5.0
"""How long nothing is said of further orders that nobody here sent."""

CUT_S: Final = 1.0
"""How long an order that the venue cut is not sent again only to be larger."""


class OrderIndex:
    """What is known of own orders; how it comes to be known is the business of `Orders`.

    `live` holds orders that are or may become live, `finished` those that ended, `endings` how. `version` counts
    changes: what is made of the orders is kept with the version that it was made of. `acceptances` are those changes by
    which the venue took a quote, or told it once more by another way. `lost` collects what only a resync can explain,
    `amend_refusals` why amends were not made or quotes have moved, until the trader takes them.
    """

    def __init__(self) -> None:
        self.live: dict[str, TrackedOrder] = {}
        self.finished = ClosedOrders()
        self.endings = SlotOutcomes()
        self.lost: list[str] = []
        self.amend_refusals: list[tuple[Slot, Refusal]] = []
        self.version = self.acceptances = 0
        self._noticed_at = -inf
        self._surveyed = self._outlook_of = -1
        self._survey = Survey()
        self._by_slot: Mapping[Slot, WorkingOrder] = MappingProxyType({})

    def survey(self) -> Survey:
        """What one look at all live orders has found; nobody looks again while no order has changed."""
        if self._surveyed != self.version:
            before = self._survey
            self._survey = Survey(self.live.values())
            self._surveyed = self.version

            if before.working != self._survey.working:
                self._by_slot = MappingProxyType(self._survey.by_slot)

        return self._survey

    def outlook(self) -> Survey:
        """What the survey has of times and of what rests, with the quotes that were sent or taken off since."""
        return self._survey if self._outlook_of == self.version else self.survey()

    def _foresee(self, now: float) -> None:
        """A quote is placed, or one that rests is taken off: of all that the outlook tells, a command is under way."""
        if self.version in {self._surveyed, self._outlook_of}:
            self._survey.sent.append(now)
            self._outlook_of = self.version + 1

        self.version += 1

    def by_slot(self) -> Mapping[Slot, WorkingOrder]:
        """The newest live order of each slot; the same mapping as before while no order has changed."""
        self.survey()

        return self._by_slot

    def beside(self) -> tuple[WorkingOrder, ...]:
        """The live orders that `by_slot` leaves out, because their slot holds a newer one."""
        survey = self.survey()

        if len(survey.by_slot) == len(survey.working):
            return ()

        return tuple(order for order in survey.working if order is not survey.by_slot[order.slot])

    def working(self) -> Iterator[WorkingOrder]:
        """Every live order, oldest first."""
        return (record.working for record in self.live.values())

    def gaps(self) -> Sequence[TrackedOrder]:
        """Orders, live or ended, whose announced fills have not all arrived."""
        survey = self.survey()

        return survey.gaps if self.finished.is_settled else [*self.finished.settling, *survey.gaps]

    def missing(self) -> dict[Slot, int]:
        """Lots by slot that the venue said were executed, and whose fills have not arrived."""
        lots: dict[Slot, int] = {}

        for record in self.gaps():
            slot = record.working.slot
            lots[slot] = lots.get(slot, 0) + record.missing_lots

        return lots

    def cut(self, now: float, known_ms: Callable[[PositionSide], int] = lambda _: 0) -> set[str]:
        """Client ids of the orders of which the venue took less than we asked for, within the last `CUT_S`.

        Not those of a position of which more is known than the venue knew when it cut: `known_ms` is the venue's time
        of the newest fact of each.
        """
        return {
            client_id
            for client_id, record in self.live.items()
            if record.cut_at is not None
            and now < record.cut_at + CUT_S
            and known_ms(record.working.order.position_side) <= record.shaped_ms
        }

    def outdated(self) -> set[str]:
        """Client ids of the orders whose amend was not made."""
        return {client_id for client_id, record in self.live.items() if record.is_outdated}

    def redate(self, clock: VenueClock, now: float) -> None:
        """The venue's clock was measured: words on an order that are dated ahead of it do not bar newer ones."""
        venue_ms, latest_ms = clock.ms(now), clock.latest_ms(now)

        for record in self.live.values():
            if venue_ms is not None and latest_ms is not None and record.shaped_ms > latest_ms:
                record.shaped_ms = venue_ms

    def notice(self, client_id: str, now: float) -> None:
        """An order with our mark is open; one that nobody here sent was under way when an earlier run ended."""
        is_known = client_id in self.live or client_id in self.finished

        if not is_known and now >= self._noticed_at + NOTICE_AGAIN_S:
            self._noticed_at = now
            self.lost.append(f"order {client_id} is open, and this run did not send it")

    def forgive(self, before: float) -> None:
        """After a resync: fills announced before it that it did not bring will not come."""
        self.finished.forgive(before)

        for record in self.live.values():
            if record.gap_since is not None and record.gap_since <= before:
                record.forgive()

        self.version += 1

    @property
    def is_blocked(self) -> bool:
        """Whether the outcome of a command is unknown, or the position is known to be older than a fill.

        So too while a quote is taken off of which nobody knows the slot: it may fill beside what takes its place.
        """
        return not self.finished.is_settled or self.survey().is_blocked
