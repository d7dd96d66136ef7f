"""What a dialect says of one venue's HTTP protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import Enum, unique
from typing import Generic, Protocol, TypeAlias, TypeVar, runtime_checkable

import attrs

from perpmaker.venue.answer import Answer, Failure
from perpmaker.venue.request_budget import Limit
from perpmaker.wire.exchange import Outgoing
from perpmaker.wire.rate_limit import parse_retry_after

Shape_co = TypeVar("Shape_co", covariant=True)

_TOO_MANY = 429

Parameters: TypeAlias = Mapping[str, object]


@unique
class Access(Enum):
    """What the venue wants to see of us: nothing, the key alone, or a signature by the venue's clock."""

    PUBLIC = "public"
    KEYED = "keyed"
    SIGNED = "signed"


@attrs.frozen(kw_only=True)
class Endpoint(Generic[Shape_co]):
    """One thing that a venue can be asked or told.

    Args:
        method: of HTTP.
        path: within the venue's address.
        cost: units that each limit counts. A limit that is not named does not hold the request back, one with 0 does.
        access: what the request has to show.
        urgent: whether it may always use the budget's reserve.
        once: whether it must never be sent twice. Everything else is sent again when the venue refuses its time.
        recorded: whether the public streams cannot be understood without its answers: a recording has them too.
        parse: reads the body of a yes; PayloadError where it makes no sense.
    """

    method: str
    path: str
    cost: Mapping[Limit, int]
    access: Access = Access.SIGNED
    urgent: bool = False
    once: bool = False
    recorded: bool = False
    parse: Callable[[bytes], Shape_co]


@attrs.frozen(kw_only=True)
class Throttle:
    """The venue asks for silence.

    Args:
        seconds: for how long.
        kinds: what is meant, as `Limit.kind`; empty where everything is.
        is_ban: whether the venue has shut this address out, also for what is urgent.
    """

    seconds: float
    kinds: frozenset[str] = frozenset()
    is_ban: bool = False


class HttpDialect(Protocol):
    """One venue's HTTP protocol; see also `ThrottleDialect`, `UsageDialect`. It keeps the keys, and does no I/O."""

    @property
    def venue(self) -> str:
        """The venue's name in errors."""

    @property
    def clock(self) -> Endpoint[int]:
        """Where the venue tells its time, milliseconds since the epoch."""

    def encode(self, endpoint: Endpoint[object], parameters: Parameters, at_ms: int) -> Outgoing:
        """Write and sign a request as of a venue time; AuthenticationError where a key is needed and missing."""

    def read_failure(self, status: int, body: bytes) -> Failure | None:
        """Read the venue's own no; None where the answer is none, or is not the venue's."""


@runtime_checkable
class ThrottleDialect(Protocol):
    """What an `HttpDialect` has besides, whose venue says more of silence than a 429 with its `Retry-After`."""

    def read_throttle(self, answer: Answer, headers: Mapping[str, str], server_ms: int) -> Throttle | None:
        """Read for how long a no wants silence; None where it does not."""


@runtime_checkable
class UsageDialect(Protocol):
    """What an `HttpDialect` has besides, whose venue says in headers what it counts as used."""

    def read_usage(self, headers: Mapping[str, str]) -> Iterable[tuple[Limit, int]]:
        """Read what the venue counts as used; others may share the address or the account."""


def throttle_of(dialect: HttpDialect, answer: Answer, headers: Mapping[str, str], server_ms: int) -> Throttle | None:
    """Return for how long a no wants silence. Where the dialect does not say, a 429 does, by its `Retry-After`."""
    if isinstance(dialect, ThrottleDialect):
        return dialect.read_throttle(answer, headers, server_ms)

    if answer.status != _TOO_MANY:
        return None

    return Throttle(seconds=parse_retry_after(headers.get("retry-after"), utc_ms=server_ms))


def usage_of(dialect: HttpDialect, headers: Mapping[str, str]) -> Iterable[tuple[Limit, int]]:
    """Return what the venue counts as used, where the dialect reads it."""
    return dialect.read_usage(headers) if isinstance(dialect, UsageDialect) else ()
