"""What the first read finds: what was executed while nobody watched, and the positions that it has come to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Final

from perpmaker.engine.client_id import ClientIds
from perpmaker.engine.journal import LastKnown
from perpmaker.engine.notice import plain
from perpmaker.model.order import Fill, Side
from perpmaker.model.position import Position

OLDEST_MS: Final = 7 * 24 * 3_600_000
"""Executions older than a week are not read any more at a start: the position says what came of them."""


def unread_since(known: LastKnown | None, now_ms: int) -> int:
    """The venue's time from which on executions have to be read."""
    return now_ms if known is None else min(now_ms, max(known.venue_ms, now_ms - OLDEST_MS))


def missed(fills: Iterable[Fill], known: LastKnown | None, client_ids: ClientIds) -> Iterator[str]:
    """A line for each side of which orders of earlier runs were executed without any run knowing."""
    if known is None:
        return

    news = [
        fill
        for fill in fills
        if fill.trade_id not in known.trades and client_ids.run_of(fill.client_id) not in {None, client_ids.run}
    ]

    for side in Side:
        ours = [fill for fill in news if fill.side is side]
        amount = sum((fill.amount for fill in ours), Decimal(0))

        if ours:
            value = sum((fill.price * fill.amount for fill in ours), Decimal(0))
            yield (
                f"executed while no run watched: {side.value} {amount.normalize():f} at {(value / amount):.8g} "
                f"on average, in {len(ours)} fills of an earlier run's orders"
            )


def found(positions: Iterable[Position]) -> Iterator[str]:
    """A line for each position that is there from the start: it is taken over, with exits of its own."""
    for position in positions:
        if position.amount:
            entry = plain(round(position.entry, 8)) if position.entry > 0 else "an unknown price"
            yield f"at the start the {position.side.value} position is {plain(position.amount)}, entered at {entry}"
