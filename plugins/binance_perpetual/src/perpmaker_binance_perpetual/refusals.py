"""What Binance's refusals mean: a table from its codes to our reasons, and what proves nothing at all.

Source: USDⓈ-M futures, "Error Codes" and "HTTP Return Codes". A command's answer is read in one of three ways: it was
obeyed, it was refused for certain, or nobody can tell (`refusal_of` returns None) and the venue has to be asked.
"""

from __future__ import annotations

import re
from typing import Final

import attrs

from perpmaker.connector.payload import PayloadDecoder
from perpmaker.errors import (
    AuthenticationError,
    ConnectivityError,
    PayloadError,
    RateLimitedError,
    RefusedError,
    VenueError,
)
from perpmaker.model.order import Refusal, RefusalReason
from perpmaker_binance_perpetual.messages import Failure

DUPLICATE_ID: Final = -4116
NO_SUCH_ORDER: Final = -2013
LISTEN_KEY_GONE: Final = -1125
TIMESTAMP: Final = frozenset({-1021, -5028})
MARGIN_MODE_ALREADY_SET: Final = -4046
POSITION_MODE_ALREADY_SET: Final = -4059

_THROTTLED = -1008
_AUTHENTICATION = frozenset({-1002, -1022, -2014, -2015, -2017})
_RATE_LIMIT = frozenset({-1003, -1015})
_UNDECIDED = frozenset({-1000, -1001, -1006, -1007, -1010, -1016, DUPLICATE_ID})
"""Codes that say nothing certain. A duplicate id means that an earlier attempt probably succeeded."""

_DEFINITE_503 = ("Service Unavailable.", "Internal error; unable to process your request")
"""The two texts of a 503 that the venue documents as a certain failure; the third one is `Unknown error, ...`."""

_UNAVAILABLE = frozenset({-1000, -1001, -1006, -1007, -1008, -1010, -1016})
_REASONS: Final[dict[int, RefusalReason]] = {
    **dict.fromkeys(_AUTHENTICATION, RefusalReason.AUTHENTICATION),
    **dict.fromkeys(_RATE_LIMIT, RefusalReason.RATE_LIMIT),
    **dict.fromkeys(TIMESTAMP, RefusalReason.TIMESTAMP),
    **dict.fromkeys((-1008,), RefusalReason.BUSY),
    **dict.fromkeys((-2011, NO_SUCH_ORDER), RefusalReason.NOT_FOUND),
    **dict.fromkeys((-2018, -2019, -2027, -2028), RefusalReason.INSUFFICIENT_MARGIN),
    **dict.fromkeys((-2022, -4118), RefusalReason.REDUCE_ONLY),
    **dict.fromkeys((-2021,), RefusalReason.WOULD_TRIGGER),
    **dict.fromkeys((-4130,), RefusalReason.STOP_EXISTS),
    **dict.fromkeys((-2025,), RefusalReason.TOO_MANY_ORDERS),
    **dict.fromkeys(
        (-1111, -4001, -4002, -4003, -4004, -4005, -4013, -4014, -4023, -4164, -5029), RefusalReason.FILTER
    ),
    **dict.fromkeys((-4016, -4024, -4131), RefusalReason.PRICE_BAND),
    **dict.fromkeys((-4061, -4062), RefusalReason.POSITION_MODE),
    **dict.fromkeys((-5022,), RefusalReason.POST_ONLY_WOULD_TAKE),
    **dict.fromkeys((-2023,), RefusalReason.LIQUIDATION),
    **dict.fromkeys((-5027,), RefusalReason.UNCHANGED),
    **dict.fromkeys((-5043,), RefusalReason.AMEND_PENDING),
    **dict.fromkeys(
        (-4108, -4109, -4140, -4141, -4192, -4400, -4401, -4405, -4407, -4517, -4518, -4519),
        RefusalReason.RESTRICTED,
    ),
}

_CAUSES = {
    -2015: (
        ' Besides a wrong key or address: "Enable Futures" is off for the key, the key was made before the futures '
        "account was opened, or the account is a portfolio-margin account, which these endpoints do not serve"
    )
}
"""What a code may mean beyond the venue's own words."""

_BAD_REQUEST, _SERVER_ERROR = 400, 500
_BANNED, _TOO_MANY = 418, 429
_REQUEST_TIMEOUT = 408
_UNAVAILABLE_STATUS = 503
_SHOWN = 300
_BANNED_UNTIL = re.compile(r"banned until ([0-9]{13})")

_FAILURES = PayloadDecoder(Failure)


@attrs.frozen(kw_only=True)
class Answer:
    """A venue's answer as it came, with the engine's time at which its request was signed.

    `retry_after_s` is what the answer itself says about coming back; it means something on 418 and 429 only.
    """

    status: int
    body: bytes
    signed_at: float
    retry_after_s: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether the venue took the request as a whole."""
        return self.status < _BAD_REQUEST - 100 and self.failure is None

    @property
    def failure(self) -> Failure | None:
        """The venue's refusal, where the body is one; negative codes count whatever the status."""
        return failure_of(self.body)

    @property
    def text(self) -> str:
        """The venue's words, or the beginning of whatever came instead, on one line."""
        failure = self.failure
        words = failure.msg if failure is not None else self.body[:_SHOWN].decode("utf-8", "replace")

        return " ".join(words[:_SHOWN].split()) or f"HTTP {self.status}"


def failure_of(body: bytes) -> Failure | None:
    """The refusal in a body or in one element of a batch; None where it is something else."""
    try:
        failure = _FAILURES.decode(body)
    except PayloadError:
        return None

    return failure if failure.code < 0 else None


def refusal_of(answer: Answer) -> Refusal | None:
    """The certain refusal of a command, with how long the venue takes nothing where it said so; None: unproven.

    An answer without the venue's own error body proves nothing: a proxy may have sent it, before or after the venue.
    """
    refusal = _refusal_of(answer)

    return refusal and attrs.evolve(refusal, retry_after_s=answer.retry_after_s)


def _refusal_of(answer: Answer) -> Refusal | None:
    failure = answer.failure

    if answer.status >= _SERVER_ERROR:
        return _refusal_of_server_error(answer, failure)

    if failure is not None and answer.status != _REQUEST_TIMEOUT:
        return refusal_of_failure(failure)

    if answer.status in {_BANNED, _TOO_MANY}:
        return _refusal(RefusalReason.RATE_LIMIT, answer)

    return None


def refusal_of_failure(failure: Failure) -> Refusal | None:
    """The certain refusal that a code stands for; None for codes that prove nothing."""
    if failure.code in _UNDECIDED:
        return None

    reason = _REASONS.get(failure.code, RefusalReason.OTHER)

    return Refusal(reason=reason, code=str(failure.code), text=failure.msg[:_SHOWN])


def _refusal_of_server_error(answer: Answer, failure: Failure | None) -> Refusal | None:
    if failure is not None and failure.code == _THROTTLED:
        return refusal_of_failure(failure)

    if answer.status == _UNAVAILABLE_STATUS and answer.text.startswith(_DEFINITE_503):
        return _refusal(RefusalReason.BUSY, answer)

    return None


def _refusal(reason: RefusalReason, answer: Answer) -> Refusal:
    failure = answer.failure
    code = str(answer.status) if failure is None else str(failure.code)

    return Refusal(reason=reason, code=code, text=answer.text)


def error_of(answer: Answer) -> VenueError:
    """The error that a read, or a change of settings, ends with; connectivity and refusal are told apart."""
    failure, status, text = answer.failure, answer.status, answer.text
    code = str(failure.code) if failure is not None else ""

    if status in {_BANNED, _TOO_MANY} or (failure is not None and failure.code in _RATE_LIMIT):
        return RateLimitedError(text, code=code, status=status, retry_after_s=max(1.0, answer.retry_after_s))

    if failure is None:
        return ConnectivityError(f"something between here and Binance answered with HTTP {status}: {text}")

    if status >= _SERVER_ERROR or status == _REQUEST_TIMEOUT or failure.code in _UNAVAILABLE:
        return ConnectivityError(f"Binance is not available: {text} (HTTP {status})")

    if failure.code in _AUTHENTICATION:
        return AuthenticationError(text + _CAUSES.get(failure.code, ""), code=code, status=status)

    return RefusedError(text, code=code, status=status)


def ban_of(text: str, server_ms: int) -> float | None:
    """Seconds that a ban still lasts, from its words `banned until <ms>`; None where they are not there."""
    found = _BANNED_UNTIL.search(text)

    return None if found is None else max(0.0, (int(found[1]) - server_ms) / 1000)
