"""Answers about orders to outcomes: accepted, rejected, or unknown, and nothing is ever guessed. Pure.

An order's outcome comes from evidence about that order alone. Whatever the answer does not say about it leaves it
unknown: the venue is asked, and the slot stays blocked until it has answered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from perpmaker.errors import AuthenticationError, PayloadError, RateLimitedError, VenueError
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import Accepted, NewOrder, OrderReport, Outcome, Refusal, RefusalReason, Rejected, Unknown
from perpmaker_binance_perpetual.call import LostAnswerError
from perpmaker_binance_perpetual.element import elements_of, order_of
from perpmaker_binance_perpetual.refusals import Answer, failure_of, refusal_of, refusal_of_failure
from perpmaker_binance_perpetual.translate import translate_order

Settle: TypeAlias = Callable[[OrderReport, float], Outcome]
"""What an order in an answer means for the command that asked for it; the time is that of signing."""


def placed(report: OrderReport, signed_at: float) -> Outcome:
    """The venue has the order, in whatever state."""
    del signed_at

    return _accepted(report)


def cancelled(report: OrderReport, signed_at: float) -> Outcome:
    """The order is gone only once the venue shows it in a final state."""
    if report.status is not None and report.status.is_final:
        return _accepted(report)

    return Unknown(
        client_id=report.client_id,
        detail=f"asked to cancel, Binance shows the order as {report.raw_status}",
        signed_at=signed_at,
    )


def amended(orders: Iterable[NewOrder]) -> Settle:
    """The order rests as it was to be, or the amend has ended it; a word that shows it otherwise proves nothing."""
    wanted = {order.client_id: (order.ticks, order.lots) for order in orders}

    def settle(report: OrderReport, signed_at: float) -> Outcome:
        is_over = report.status is not None and report.status.is_final

        if is_over or (report.status is not None and (report.ticks, report.lots) == wanted[report.client_id]):
            return _accepted(report)

        detail = f"asked to amend, Binance shows the order as {report.raw_status} at {report.ticks} ticks"

        return Unknown(client_id=report.client_id, detail=detail, signed_at=signed_at)

    return settle


def single_outcome(answer: Answer, client_id: str, instrument: Instrument, settle: Settle) -> Outcome:
    """The outcome of a command about one order."""
    report = _report(answer.body, instrument) if answer.ok else None

    if report is not None and report.client_id == client_id:
        return settle(report, answer.signed_at)

    return _without_order(answer, client_id)


def batch_outcomes(
    answer: Answer, client_ids: Sequence[str], instrument: Instrument, settle: Settle
) -> Sequence[Outcome]:
    """The outcomes of a command about several orders, in their order.

    Orders in the answer are known by their own ids. Refusals carry no id and count by their place alone, so they
    count only while the list is whole and no order in it stands where another should.
    """
    elements = elements_of(answer) if answer.ok else None

    if elements is None:
        return [_without_order(answer, client_id) for client_id in client_ids]

    reports = [_report(element, instrument) for element in elements]
    by_id = {report.client_id: report for report in reports if report is not None}
    in_place = len(elements) == len(client_ids) and all(
        report is None or report.client_id == client_id for report, client_id in zip(reports, client_ids, strict=True)
    )
    refusals = [_refusal(element) if in_place else None for element in elements]

    return [
        _element_outcome(client_id, by_id.get(client_id), refusals[place] if in_place else None, answer, settle)
        for place, client_id in enumerate(client_ids)
    ]


def unsent_or_lost(error: VenueError, client_id: str) -> Outcome:
    """The outcome when there was no answer: rejected where nothing was sent for certain, otherwise unknown."""
    if isinstance(error, LostAnswerError):
        return Unknown(client_id=client_id, detail=str(error), signed_at=error.signed_at)

    if isinstance(error, RateLimitedError):
        return _rejected(client_id, RefusalReason.RATE_LIMIT, error)

    if isinstance(error, AuthenticationError):
        return _rejected(client_id, RefusalReason.AUTHENTICATION, error)

    return _rejected(client_id, RefusalReason.BUSY, error)


def _element_outcome(
    client_id: str, report: OrderReport | None, refusal: Refusal | None, answer: Answer, settle: Settle
) -> Outcome:
    if report is not None:
        return settle(report, answer.signed_at)

    if refusal is not None:
        return Rejected(client_id=client_id, refusal=refusal)

    return Unknown(client_id=client_id, detail="Binance's answer leaves this order out", signed_at=answer.signed_at)


def _without_order(answer: Answer, client_id: str) -> Outcome:
    refusal = refusal_of(answer)

    if refusal is not None:
        return Rejected(client_id=client_id, refusal=refusal)

    return Unknown(client_id=client_id, detail=f"HTTP {answer.status}: {answer.text}", signed_at=answer.signed_at)


def _report(body: bytes, instrument: Instrument) -> OrderReport | None:
    order = order_of(body)

    if order is None or order.symbol != instrument.symbol:
        return None

    try:
        report = translate_order(order, instrument)
    except PayloadError:
        return None

    return None if report.lots is None else report  # it is no answer to an order of whole lots


def _refusal(element: bytes) -> Refusal | None:
    failure = failure_of(element)

    return None if failure is None else refusal_of_failure(failure)


def _accepted(report: OrderReport) -> Accepted:
    return Accepted(client_id=report.client_id, venue_id=report.venue_id, venue_ms=report.venue_ms, report=report)


def _rejected(client_id: str, reason: RefusalReason, error: VenueError) -> Rejected:
    wait_s = error.retry_after_s if isinstance(error, RateLimitedError) else 0.0

    return Rejected(client_id=client_id, refusal=Refusal(reason=reason, text=str(error), retry_after_s=wait_s))
