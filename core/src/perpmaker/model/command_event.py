"""What has become of a command that was sent: events of one order, by its client id."""

from __future__ import annotations

from enum import unique

import attrs

from perpmaker.model.quick import quick
from perpmaker.model.refusal import Refusal
from perpmaker.model.word import Word


@quick
@attrs.frozen(kw_only=True)
class OrderAccepted:
    """The venue has the order; `by_stream` tells the private stream from the answer to our own request.

    `by_gateway`: it has been handed on only, and may still be refused; a venue that does not know it after `fence_at`
    never will.
    """

    client_id: str
    venue_id: str | None
    venue_ms: int
    by_stream: bool = False
    by_gateway: bool = False
    fence_at: float | None = None


@attrs.frozen(kw_only=True)
class OrderRefused:
    """The venue refused to take the order: it never was, and never will be."""

    client_id: str
    refusal: Refusal


@unique
class Command(Word):
    """What was asked of the venue."""

    PLACE = "place"
    CANCEL = "cancel"
    AMEND = "amend"


@attrs.frozen(kw_only=True)
class OrderUnknown:
    """A command's outcome is not known. After `fence_at` a venue that does not know the order never will."""

    client_id: str
    command: Command
    detail: str
    fence_at: float


@attrs.frozen(kw_only=True)
class OrderNotFound:
    """The venue, asked at `asked_at`, does not know the order; proof only when `asked_at` is past the fence."""

    client_id: str
    asked_at: float


@attrs.frozen(kw_only=True)
class CancelHandedOn:
    """The venue's gateway took a cancel: whether the order is gone is told by a report, or by a question."""

    client_id: str


@attrs.frozen(kw_only=True)
class CancelRefused:
    """The venue would not cancel; with NOT_FOUND the order is final already, and is asked for."""

    client_id: str
    refusal: Refusal


@attrs.frozen(kw_only=True)
class AmendRefused:
    """The venue would not make the amend of this number; the order stays as it was.

    UNCHANGED: it is already as wanted. NOT_FOUND: it is final already. NOT_FOUND, AMEND_PENDING (another amend of it is
    under way) and POST_ONLY_WOULD_TAKE (which may have taken it off) leave open what has become of it: it is asked for.
    """

    client_id: str
    refusal: Refusal
    number: int


@attrs.frozen(kw_only=True)
class AmendHandedOn:
    """The venue's gateway took an amend: whether it was made is told by a report, or by a question after `fence_at`."""

    client_id: str
    number: int
    fence_at: float
