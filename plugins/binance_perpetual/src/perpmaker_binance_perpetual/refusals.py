"""What Binance's refusals mean: a table from its codes to our reasons, and what proves nothing at all.

Source: USDⓈ-M futures, "Error Codes" and "HTTP Return Codes".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from perpmaker import PayloadError
from perpmaker import venue as kit
from perpmaker_binance_perpetual.messages import Refused

LISTEN_KEY_GONE: Final = "-1125"
MARGIN_MODE_ALREADY_SET: Final = "-4046"
POSITION_MODE_ALREADY_SET: Final = "-4059"

_THROTTLED, _TOO_MANY_ORDERS = -1008, -1015
_UNDECIDED = frozenset({-1000, -1001, -1006, -1007, -1010, -1016, -4116})
"""Codes that say nothing certain. A duplicate id means that an earlier attempt probably succeeded."""

_DEFINITE_503 = ("Service Unavailable.", "Internal error; unable to process your request")
"""The two texts of a 503 that the venue documents as a certain failure; the third one is `Unknown error, ...`."""

_REASONS: Final[dict[int, kit.RefusalReason]] = {
    **dict.fromkeys((-1002, -1022, -2014, -2015, -2017), kit.RefusalReason.AUTHENTICATION),
    **dict.fromkeys((-1003, _TOO_MANY_ORDERS), kit.RefusalReason.RATE_LIMIT),
    **dict.fromkeys((-1021, -5028), kit.RefusalReason.TIMESTAMP),
    **dict.fromkeys((_THROTTLED,), kit.RefusalReason.BUSY),
    **dict.fromkeys((-2011, -2013), kit.RefusalReason.NOT_FOUND),
    **dict.fromkeys((-2018, -2019, -2027, -2028), kit.RefusalReason.INSUFFICIENT_MARGIN),
    **dict.fromkeys((-2022, -4118), kit.RefusalReason.REDUCE_ONLY),
    **dict.fromkeys((-2021,), kit.RefusalReason.WOULD_TRIGGER),
    **dict.fromkeys((-4130,), kit.RefusalReason.STOP_EXISTS),
    **dict.fromkeys((-2025,), kit.RefusalReason.TOO_MANY_ORDERS),
    **dict.fromkeys(
        (-1111, -4001, -4002, -4003, -4004, -4005, -4013, -4014, -4023, -4164, -5029), kit.RefusalReason.FILTER
    ),
    **dict.fromkeys((-4016, -4024, -4131), kit.RefusalReason.PRICE_BAND),
    **dict.fromkeys((-4061, -4062), kit.RefusalReason.POSITION_MODE),
    **dict.fromkeys((-5022,), kit.RefusalReason.POST_ONLY_WOULD_TAKE),
    **dict.fromkeys((-2023,), kit.RefusalReason.LIQUIDATION),
    **dict.fromkeys((-5027,), kit.RefusalReason.UNCHANGED),
    **dict.fromkeys((-5043,), kit.RefusalReason.AMEND_PENDING),
    **dict.fromkeys(
        (-4108, -4109, -4140, -4141, -4192, -4400, -4401, -4405, -4407, -4517, -4518, -4519),
        kit.RefusalReason.RESTRICTED,
    ),
}

_HINTS = {
    -2015: (
        ' Besides a wrong key or address: "Enable Futures" is off for the key, the key was made before the futures '
        "account was opened, or the account is a portfolio-margin account, which these endpoints do not serve"
    )
}
"""What a code may mean beyond the venue's own words."""

_SERVER_ERROR, _UNAVAILABLE, _REQUEST_TIMEOUT = 500, 503, 408
_BANNED, _TOO_MANY = 418, 429
_REASON_OF_STATUS = dict.fromkeys((_BANNED, _TOO_MANY), kit.RefusalReason.RATE_LIMIT)
_SHORTEST_BAN_S = 120.0
_BANNED_UNTIL = re.compile(r"banned until ([0-9]{13})")

_REFUSED = kit.PayloadDecoder(Refused)


def read_failure(status: int, body: bytes) -> kit.Failure | None:
    """Read Binance's no in an answer; see `HttpDialect`. Negative codes count whatever the status."""
    refused = _refused(body)

    if refused is None and status < _SERVER_ERROR and status not in _REASON_OF_STATUS:
        return None

    text = kit.one_line(body if refused is None else refused.msg)
    is_definite = status == _UNAVAILABLE and text.startswith(_DEFINITE_503)

    if refused is None:
        reason = _REASON_OF_STATUS.get(status, kit.RefusalReason.BUSY if is_definite else None)

        return None if reason is None else kit.Failure(reason=reason, text=text)

    if status >= _SERVER_ERROR:
        is_certain = is_definite or refused.code == _THROTTLED
        reason = kit.RefusalReason.BUSY if is_certain else None
    elif status == _REQUEST_TIMEOUT or refused.code in _UNDECIDED:
        reason = None
    else:
        reason = _REASONS.get(refused.code, kit.RefusalReason.OTHER)

    return kit.Failure(reason=reason, code=str(refused.code), text=text, hint=_HINTS.get(refused.code, ""))


def read_throttle(answer: kit.Answer, headers: Mapping[str, str], server_ms: int) -> kit.Throttle | None:
    """Read for how long a 418 or 429 wants silence: by its header, or without one by the words of a ban.

    A ban that does not say until when is taken for the shortest.
    """
    if answer.status not in _REASON_OF_STATUS:
        return None

    header, is_ban = headers.get("retry-after"), answer.status == _BANNED
    seconds = ban_of(answer.text, server_ms) if header is None else None

    if seconds is None:
        is_silent = header is None and is_ban
        seconds = _SHORTEST_BAN_S if is_silent else kit.parse_retry_after(header, utc_ms=server_ms)

    is_of_orders = answer.failure is not None and answer.failure.code == str(_TOO_MANY_ORDERS)

    return kit.Throttle(seconds=seconds, kinds=frozenset({"ORDERS"} if is_of_orders else ()), is_ban=is_ban)


def ban_of(text: str, server_ms: int) -> float | None:
    """Seconds that a ban still lasts, from its words `banned until <ms>`; None where they are not there."""
    found = _BANNED_UNTIL.search(text)

    return None if found is None else max(0.0, (int(found[1]) - server_ms) / 1000)


def _refused(body: bytes) -> Refused | None:
    try:
        refused = _REFUSED.decode(body)
    except PayloadError:
        return None

    return refused if refused.code < 0 else None
