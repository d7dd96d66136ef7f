"""What a venue answered, what its no proves about a command, and the errors that a question ends with."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import attrs

from perpmaker.connector.payload import is_json
from perpmaker.errors import (
    AuthenticationError,
    ConnectivityError,
    DeadlineError,
    PayloadError,
    RateLimitedError,
    RefusedError,
    VenueError,
)
from perpmaker.model.refusal import Refusal, RefusalReason

T = TypeVar("T")

_TAKEN_BELOW = 300
_SHOWN = 300


class NotSentError(ConnectivityError):
    """The connection could not be made: not one byte of the request has left."""


class LostAnswerError(ConnectivityError):
    """The request left, or may have, and no whole answer came back.

    `signed_at` is the engine's time of signing.
    """

    def __init__(self, text: str, *, signed_at: float) -> None:
        self.signed_at = signed_at
        super().__init__(text)


class LateAnswerError(LostAnswerError, DeadlineError):
    """The same, because the deadline passed first."""


@attrs.frozen(kw_only=True)
class Failure:
    """A venue's no, as its own words in a whole answer or in one element of it.

    Args:
        reason: what it proves about a command: that nothing changed, for this reason. None where it proves nothing.
        code: the venue's own; empty where only the status says no.
        text: the venue's own words.
        hint: what the code may mean besides, for people.
    """

    reason: RefusalReason | None
    code: str = ""
    text: str = ""
    hint: str = ""

    def refusal(self, status: int = 0, retry_after_s: float = 0.0) -> Refusal | None:
        """Return the certain refusal of a command, or None where nothing is proven."""
        if self.reason is None:
            return None

        return Refusal(reason=self.reason, code=self.code or str(status), text=self.text, retry_after_s=retry_after_s)


@attrs.frozen(kw_only=True)
class Answer:
    """An answer as it came.

    Args:
        status: of HTTP.
        body: the whole body.
        signed_at: the engine's time at which the request was signed.
        failure: the venue's own no; None where it said none, and where something else than the venue has answered.
        retry_after_s: seconds for which the venue takes nothing, where it says so with its no.
    """

    status: int
    body: bytes
    signed_at: float
    failure: Failure | None = None
    retry_after_s: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether the venue took the request as a whole."""
        return self.status < _TAKEN_BELOW and self.failure is None

    @property
    def text(self) -> str:
        """The venue's words, or the beginning of whatever came instead, on one line."""
        words = self.failure.text if self.failure is not None else one_line(self.body)

        return words or f"HTTP {self.status}"

    @property
    def refusal(self) -> Refusal | None:
        """The certain refusal of a command; None where nothing is proven.

        An answer without the venue's own no proves nothing: a proxy may have sent it, before or after the venue.
        """
        return None if self.failure is None else self.failure.refusal(self.status, self.retry_after_s)


def one_line(text: bytes | str) -> str:
    """Return foreign text bounded and on one line."""
    shown = text[:_SHOWN] if isinstance(text, str) else text[:_SHOWN].decode("utf-8", "replace")

    return " ".join(shown.split())


def check(answer: Answer, venue: str) -> Answer:
    """Return an answer that is no refusal; raise what it means where it is one."""
    if not answer.ok:
        raise error_of(answer, venue)

    return answer


def error_of(answer: Answer, venue: str) -> VenueError:
    """Return the error that a question ends with: what helps to wait for is told apart from what does not."""
    failure, status, text = answer.failure, answer.status, answer.text

    if failure is None:
        return ConnectivityError(f"something between here and {venue} answered with HTTP {status}: {text}")

    if failure.reason is RefusalReason.RATE_LIMIT or answer.retry_after_s:
        retry_after_s = max(1.0, answer.retry_after_s)

        return RateLimitedError(text, code=failure.code, status=status, retry_after_s=retry_after_s)

    if failure.reason in {None, RefusalReason.BUSY}:
        return ConnectivityError(f"{venue} is not available: {text} (HTTP {status})")

    if failure.reason is RefusalReason.AUTHENTICATION:
        return AuthenticationError(text + failure.hint, code=failure.code, status=status)

    return RefusedError(text, code=failure.code, status=status)


def read_body(answer: Answer, parse: Callable[[bytes], T], venue: str) -> T:
    """Parse a body.

    Raises:
        ConnectivityError: it is a page of some proxy, or half an answer: the venue itself has not spoken.
        PayloadError: the venue has spoken, and it makes no sense.
    """
    try:
        return parse(answer.body)
    except PayloadError:
        if is_json(answer.body):
            raise

        raise ConnectivityError(f"{venue} did not answer in JSON: {answer.text[:80]!r}") from None
