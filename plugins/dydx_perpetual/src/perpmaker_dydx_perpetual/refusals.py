"""What refusals of the chain and of the Indexer mean, and what proves nothing at all.

A code means something within its codespace only. Source: dydxprotocol/v4-chain (x/clob/types/errors.go,
x/subaccounts/types/errors.go, x/accountplus), Cosmos SDK (types/errors).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from perpmaker.venue import RefusalReason

ALREADY_SENT: Final = "tx already exists in cache"
"""A node's words for a transaction whose bytes it has had before: no refusal."""

CANCELLED_BEFORE: Final = frozenset({"clob:9", "clob:32"})
"""The same cancel is known already: it is as good as taken."""

IN_MEMPOOL: Final = "sdk:19"
"""The node has these very bytes already: no refusal either."""

_BUSY_WORDS = ("mempool is full", "catching up", "too many requests")
_SERVER_ERROR = 500

_R = RefusalReason


def _of(codespace: str, codes: Iterable[int], reason: RefusalReason) -> dict[str, RefusalReason]:
    return dict.fromkeys((f"{codespace}:{code}" for code in codes), reason)


_REASONS: Final[dict[str, RefusalReason]] = {
    **_of("sdk", (32,), _R.TIMESTAMP),
    **_of("sdk", (4, 8, 9), _R.AUTHENTICATION),
    **_of("sdk", (20, 30), _R.BUSY),
    **_of("sdk", (22,), _R.NOT_FOUND),
    **_of("sdk", (5, 13), _R.INSUFFICIENT_MARGIN),
    **_of("dydxaccountplus", (*range(1, 7), *range(100, 106)), _R.AUTHENTICATION),
    **_of("clob", (2, 3, 4, 5, 6, 8, 12, 6000, 6001), _R.FILTER),
    **_of("clob", (7, 10, 11, 47), _R.BUSY),
    **_of("clob", (24, 30, 2004, 3006, 3008, 3009, 3010), _R.NOT_FOUND),
    **_of("clob", (20,), _R.AMEND_PENDING),
    **_of("clob", (3005,), _R.DUPLICATE_ID),
    **_of("clob", (34,), _R.RESTRICTED),
    **_of("clob", (2001, 2002, 9003), _R.REDUCE_ONLY),
    **_of("clob", (2003,), _R.POST_ONLY_WOULD_TAKE),
    **_of("clob", (3007, 2005), _R.INSUFFICIENT_MARGIN),
    **_of("clob", (5001,), _R.RATE_LIMIT),
    **_of("clob", (10001,), _R.TOO_MANY_ORDERS),
}

REMOVALS: Final[dict[str, RefusalReason]] = {
    "UNDERCOLLATERALIZED": _R.INSUFFICIENT_MARGIN,
    "POST_ONLY_WOULD_CROSS_MAKER_ORDER": _R.POST_ONLY_WOULD_TAKE,
    "EQUITY_TIER": _R.TOO_MANY_ORDERS,
    "VIOLATES_ISOLATED_SUBACCOUNT_CONSTRAINTS": _R.INSUFFICIENT_MARGIN,
}
"""Why an order was taken off that the node had taken: it is as if it had been refused."""

RULES: Final = frozenset({"SELF_TRADE_ERROR", "REDUCE_ONLY_RESIZE", "FINAL_SETTLEMENT", "INTERNAL_ERROR"})
"""Why an order was taken off by a rule that no price cures at once."""


def reason_of(codespace: str, code: int) -> tuple[str, RefusalReason]:
    """Return a code's name and what it proves."""
    name = f"{codespace}:{code}"

    return name, _REASONS.get(name, RefusalReason.OTHER)


def reason_of_error(text: str) -> RefusalReason | None:
    """Return what a node's own error proves about a command; None where that is nothing."""
    if any(words in text.lower() for words in _BUSY_WORDS):
        return RefusalReason.BUSY

    return None


def reason_of_status(status: int) -> RefusalReason | None:
    """Return what the status of the Indexer's refusal means; None where it is not available."""
    if status >= _SERVER_ERROR:
        return None

    known = {404: _R.NOT_FOUND, 403: _R.RESTRICTED, 429: _R.RATE_LIMIT}

    return known.get(status, _R.OTHER)
