"""Answers about orders to outcomes: accepted, rejected, or unknown, and nothing is ever guessed. Pure.

An order's outcome comes from evidence about that order alone. Whatever the answer does not say about it leaves it
unknown: the venue is asked, and the slot stays blocked until it has answered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

import attrs

from perpmaker.errors import AuthenticationError, PayloadError, RateLimitedError, VenueError
from perpmaker.model.order import NewOrder, OrderReport
from perpmaker.model.outcome import Accepted, Outcome, Rejected, Unknown
from perpmaker.model.refusal import Refusal, RefusalReason
from perpmaker.venue.answer import Answer, Failure, LostAnswerError


@attrs.frozen
class Taken:
    """A yes that does not show the order.

    It is the venue's, or only its gateway's, which proves nothing about the book.

    `client_id` is None where the answer does not repeat it: the yes then counts by its place.
    """

    client_id: str | None = None
    venue_id: str | None = None
    by_gateway: bool = False


Element: TypeAlias = OrderReport | Taken | Failure | None
"""What an answer says about one order: how it is now, yes, no, or nothing that can be read."""

ReadElements: TypeAlias = Callable[[bytes], Sequence[Element] | None]
"""What a body says about each order; None, or PayloadError, where it says nothing."""

Evidence: TypeAlias = Callable[[OrderReport, str], str]
"""What keeps an order in the answer of a venue of that name from proving that its command was carried out, if any."""


def placed(_: OrderReport, _venue: str) -> str:
    """Judge an order that was to be placed: the venue has it, in whatever state."""
    return ""


def cancelled(report: OrderReport, venue: str) -> str:
    """Judge an order that was to be cancelled: it is gone only once the venue shows it in a final state."""
    is_over = report.status is not None and report.status.is_final

    return "" if is_over else f"asked to cancel, {venue} shows the order as {report.raw_status}"


def amended(orders: Iterable[NewOrder]) -> Evidence:
    """Judge orders that were to be amended: each rests as it was to be, or the amend has ended it."""
    wanted = {order.client_id: (order.ticks, order.lots) for order in orders}

    def judge(report: OrderReport, venue: str) -> str:
        is_as_wanted = report.status is not None and (report.ticks, report.lots) == wanted[report.client_id]

        if is_as_wanted or (report.status is not None and report.status.is_final):
            return ""

        return f"asked to amend, {venue} shows the order as {report.raw_status} at {report.ticks} ticks"

    return judge


@attrs.frozen
class OutcomeReader:
    """Reads the answers of one command.

    Args:
        venue: the venue's name, for people.
        evidence: what an order in the answer proves.
        fence_at: the engine's time after which none of the orders can appear any more; None for the venue's own fence.
    """

    venue: str
    evidence: Evidence
    fence_at: float | None = None

    def outcomes(self, answer: Answer, read: ReadElements, client_ids: Sequence[str]) -> Sequence[Outcome]:
        """Return one outcome for each order that the command was about, in their order.

        Orders in the answer are known by their own ids. What carries no id counts by its place alone, so it counts
        only while the list is whole and no order in it stands where another should.

        Args:
            answer: the venue's answer.
            read: reads what a yes says of each order.
            client_ids: the orders.
        """
        elements = _elements_of(answer, read)

        if elements is None:
            return [self._without_order(answer, client_id) for client_id in client_ids]

        known = [None if isinstance(element, OrderReport) and element.lots is None else element for element in elements]
        by_id = {client_id: element for element in known if (client_id := _client_id_of(element)) is not None}
        in_place = len(known) == len(client_ids) and all(
            _client_id_of(element) in {None, client_id} for element, client_id in zip(known, client_ids, strict=True)
        )

        return [
            self._outcome(by_id.get(client_id, known[place] if in_place else None), client_id, answer)
            for place, client_id in enumerate(client_ids)
        ]

    def unsent_or_lost(self, error: VenueError, client_id: str) -> Outcome:
        """Return the outcome without an answer: rejected where certainly nothing was sent, else unknown."""
        if isinstance(error, LostAnswerError):
            return self._unknown(client_id, str(error), error.signed_at)

        reason, wait_s = RefusalReason.BUSY, 0.0

        if isinstance(error, RateLimitedError):
            reason, wait_s = RefusalReason.RATE_LIMIT, error.retry_after_s
        elif isinstance(error, AuthenticationError):
            reason = RefusalReason.AUTHENTICATION

        return Rejected(client_id=client_id, refusal=Refusal(reason=reason, text=str(error), retry_after_s=wait_s))

    def _outcome(self, element: Element, client_id: str, answer: Answer) -> Outcome:
        if isinstance(element, OrderReport):
            return self._judged(element, answer.signed_at)

        if isinstance(element, Taken):
            return Accepted(
                client_id=client_id,
                venue_id=element.venue_id,
                by_gateway=element.by_gateway,
                fence_at=self.fence_at,
            )

        refusal = None if element is None else element.refusal()

        if refusal is not None:
            return Rejected(client_id=client_id, refusal=refusal)

        return self._unknown(client_id, f"{self.venue}'s answer leaves this order out", answer.signed_at)

    def _judged(self, report: OrderReport, signed_at: float) -> Outcome:
        doubt = self.evidence(report, self.venue)

        if doubt:
            return self._unknown(report.client_id, doubt, signed_at)

        return Accepted(
            client_id=report.client_id,
            venue_id=report.venue_id,
            venue_ms=report.venue_ms,
            report=report,
            fence_at=self.fence_at,
        )

    def _without_order(self, answer: Answer, client_id: str) -> Outcome:
        refusal = answer.refusal

        if refusal is not None:
            return Rejected(client_id=client_id, refusal=refusal)

        return self._unknown(client_id, f"HTTP {answer.status}: {answer.text}", answer.signed_at)

    def _unknown(self, client_id: str, detail: str, signed_at: float) -> Unknown:
        return Unknown(client_id=client_id, detail=detail, signed_at=signed_at, fence_at=self.fence_at)


def _elements_of(answer: Answer, read: ReadElements) -> Sequence[Element] | None:
    try:
        return read(answer.body) if answer.ok else None
    except PayloadError:
        return None


def _client_id_of(element: Element) -> str | None:
    return element.client_id if isinstance(element, OrderReport | Taken) else None
