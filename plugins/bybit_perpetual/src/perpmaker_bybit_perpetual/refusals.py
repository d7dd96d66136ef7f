"""What Bybit's refusals mean: a table from its codes to our reasons, and what proves nothing at all.

Source: Bybit v5, "Error Codes". Business errors come with HTTP 200 and a code; of some codes only the texts tell the
meanings apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from perpmaker import PayloadError
from perpmaker import venue as kit
from perpmaker_bybit_perpetual.messages import Envelope

POSITION_MODE_ALREADY_SET: Final = "110025"
MARGIN_MODE_ALREADY_SET: Final = "110026"
LEVERAGE_ALREADY_SET: Final = "110043"
STOP_ALREADY_SET: Final = "34040"
STOP_REFUSED: Final = frozenset({"110058", "110060"})
"""The position takes no stop of its own: a conditional order is left."""

_DUPLICATE_ID, _TIME, _PARAMETER = 110072, 10002, 10001
_UNDECIDED = frozenset({10000, 10014, 10016, 10019, 170007, _DUPLICATE_ID})
"""Codes that say nothing certain. A duplicate id or request means that an earlier attempt has arrived."""

_REASONS: Final[dict[int, kit.RefusalReason]] = {
    **dict.fromkeys((10003, 10004, 10005, 10007, 10010, 10029, 33004), kit.RefusalReason.AUTHENTICATION),
    **dict.fromkeys((10006, 10403, 10429, 429, 20003), kit.RefusalReason.RATE_LIMIT),
    **dict.fromkeys((_TIME,), kit.RefusalReason.TIMESTAMP),
    **dict.fromkeys((110001, 110008, 110010, 170213), kit.RefusalReason.NOT_FOUND),
    **dict.fromkeys((110003, 30208, 30209, 110120, 110121), kit.RefusalReason.PRICE_BAND),
    **dict.fromkeys(
        (
            110004,
            110006,
            110007,
            110012,
            110013,
            110021,
            110044,
            110045,
            110051,
            110052,
            110053,
            110086,
            110089,
            110090,
        ),
        kit.RefusalReason.INSUFFICIENT_MARGIN,
    ),
    **dict.fromkeys((110009, 110020, 110061), kit.RefusalReason.TOO_MANY_ORDERS),
    **dict.fromkeys((110017,), kit.RefusalReason.REDUCE_ONLY),
    **dict.fromkeys((34040, 110026, 110027, 110043), kit.RefusalReason.UNCHANGED),
    **dict.fromkeys((110092, 110093), kit.RefusalReason.WOULD_TRIGGER),
    **dict.fromkeys((40004, 110079), kit.RefusalReason.AMEND_PENDING),
    **dict.fromkeys((110094,), kit.RefusalReason.FILTER),
    **dict.fromkeys(
        [10008, 10024, 10027, 10028, 30228, 110022, 110023, 110042, 110063, 110066, 110074, 110088, 110103, 110132],
        kit.RefusalReason.RESTRICTED,
    ),
    **dict.fromkeys((*range(110095, 110100), *range(110123, 110126)), kit.RefusalReason.RESTRICTED),
}

_TEXTS: Final = (
    ("position idx not match", kit.RefusalReason.POSITION_MODE),
    ("zero position", kit.RefusalReason.REDUCE_ONLY),
    ("base_price", kit.RefusalReason.WOULD_TRIGGER),
    ("max_qty", kit.RefusalReason.FILTER),
    ("remains unchanged", kit.RefusalReason.UNCHANGED),
)
"""What 10001, which stands for any wrong parameter, means by its text."""

_HINTS = {
    10003: " Besides a wrong key: a key of another site or of the testnet; key and address belong together",
    10010: " The key is bound to other addresses than this machine's",
}
"""What a code may mean beyond the venue's own words."""

_SERVER_ERROR, _FORBIDDEN, _TOO_MANY = 500, 403, 429
_TOO_FREQUENT = "access too frequent"
_ADDRESS_BAN_S = 600.0
"""Seconds for which an address that asked too often has to keep still."""

_SHORTEST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 60.0
_MOST_DIGITS = 15

_ENVELOPE = kit.PayloadDecoder(Envelope)


def read_failure(status: int, body: bytes) -> kit.Failure | None:
    """Read Bybit's no in an answer; see `HttpDialect`. What is no envelope of the venue is nobody's no."""
    try:
        said = _ENVELOPE.decode(body)
    except PayloadError:
        if status == _TOO_MANY or (status == _FORBIDDEN and _TOO_FREQUENT in kit.one_line(body)):
            return kit.Failure(reason=kit.RefusalReason.RATE_LIMIT, text=kit.one_line(body))

        return None

    failure = failure_of(said.retCode, said.retMsg)

    if failure is not None and status >= _SERVER_ERROR:
        return kit.Failure(reason=None, code=failure.code, text=failure.text)

    return failure


def failure_of(code: int, text: str) -> kit.Failure | None:
    """The no that a code and its words are; None for 0, the venue's yes."""
    if code == 0:
        return None

    reason = None if code in _UNDECIDED else _REASONS.get(code, kit.RefusalReason.OTHER)

    if code == _PARAMETER:
        reason = next((meaning for words, meaning in _TEXTS if words in text.lower()), kit.RefusalReason.OTHER)

    return kit.Failure(reason=reason, code=str(code), text=kit.one_line(text), hint=_HINTS.get(code, ""))


def read_throttle(answer: kit.Answer, headers: Mapping[str, str], server_ms: int) -> kit.Throttle | None:
    """Read for how long a no wants silence: until the limit is new, or ten minutes where the address is shut out."""
    if answer.failure is None or answer.failure.reason is not kit.RefusalReason.RATE_LIMIT:
        return None

    if answer.status == _FORBIDDEN:
        return kit.Throttle(seconds=_ADDRESS_BAN_S, is_ban=True)

    reset = headers.get("x-bapi-limit-reset-timestamp", "")

    if reset.isascii() and reset.isdigit() and len(reset) <= _MOST_DIGITS:
        wait_s = (int(reset) - server_ms) / 1000

        return kit.Throttle(seconds=min(max(wait_s, _SHORTEST_PAUSE_S), _LONGEST_PAUSE_S))

    return kit.Throttle(seconds=kit.parse_retry_after(headers.get("retry-after", "1"), utc_ms=server_ms))
