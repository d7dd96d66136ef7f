"""How many transactions the chain takes of an owner in so many blocks; those that fail count as well."""

from __future__ import annotations

from collections import deque
from typing import Final

from perpmaker_dydx_perpetual.sandbox.refusals import clob
from perpmaker_dydx_perpetual.sandbox.validation import is_short_term
from perpmaker_dydx_perpetual.transactions import BatchCancel, ChainMessage, PlaceOrder, UpdateLeverage

SHORT_TERM, STATEFUL, LEVERAGE = "short-term orders and cancels", "stateful orders", "leverage updates"
LIMITS: Final = {SHORT_TERM: ((5, 4000),), STATEFUL: ((1, 2), (100, 20)), LEVERAGE: ((1, 1), (100, 100))}
BATCH_WEIGHT: Final = 2


class RateLimits:
    """Counts by block."""

    def __init__(self) -> None:
        self._counts: dict[str, deque[tuple[int, int]]] = {kind: deque() for kind in LIMITS}

    def spend(self, message: ChainMessage, height: int) -> None:
        """Count a message, or refuse it; clob 5001."""
        kind = _kind_of(message)

        if kind is None:
            return

        counts = self._counts[kind]
        counts.append((height, BATCH_WEIGHT if isinstance(message, BatchCancel) else 1))
        longest = max(blocks for blocks, _ in LIMITS[kind])

        while counts[0][0] <= height - longest:
            counts.popleft()

        for blocks, most in LIMITS[kind]:
            count = sum(weight for at, weight in counts if at > height - blocks)

            if count > most:
                text = f"Rate of {count} exceeds configured block rate limit of {most} {kind} in {blocks} blocks"
                raise clob(5001, f"{text}: Block rate limit exceeded")


def _kind_of(message: ChainMessage) -> str | None:
    if isinstance(message, UpdateLeverage):
        return LEVERAGE

    if is_short_term(message):
        return SHORT_TERM

    return STATEFUL if isinstance(message, PlaceOrder) else None
