"""What the answer to a command proves about its order: accepted, rejected, or nothing."""

from __future__ import annotations

from typing import TypeAlias

import attrs

from perpmaker.model.order import OrderReport
from perpmaker.model.refusal import Refusal


@attrs.frozen(kw_only=True)
class Accepted:
    """The venue took the command; `report` is the order afterwards, where the answer says it.

    `by_gateway`: only the venue's gateway took it. That proves nothing about the book: what became of the command is
    told by a later report, which may refuse it (`OrderReport.refusal`), or by a question after the fence, `fence_at`
    in the engine's time (None: the connector's `fence_s` from now on).
    """

    client_id: str
    venue_id: str | None = None
    venue_ms: int = 0
    report: OrderReport | None = None
    by_gateway: bool = False
    fence_at: float | None = None


@attrs.frozen(kw_only=True)
class Rejected:
    """The venue refused the command for certain: nothing changed."""

    client_id: str
    refusal: Refusal


@attrs.frozen(kw_only=True)
class Unknown:
    """The command went out (or may have) and no answer tells what became of it.

    `signed_at` is the engine's time at which the request was signed: the venue's own deadline counts from there.
    `fence_at` is the moment after which this order can no longer appear, where that is known for it alone (a height of
    the chain, say); None: the connector's `fence_s` after `signed_at`.
    """

    client_id: str
    detail: str
    signed_at: float
    fence_at: float | None = None


Outcome: TypeAlias = Accepted | Rejected | Unknown
