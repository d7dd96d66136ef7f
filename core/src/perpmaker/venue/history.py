"""What happened on an account, window by window: venues look at a few days at once, and answer in pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, TypeVar

import attrs

from perpmaker.errors import PayloadError

Row = TypeVar("Row")
Cursor = TypeVar("Cursor", bound=Hashable)


@attrs.frozen
class Page(Generic[Row, Cursor]):
    """One answer: its rows, and where the next page of the same window begins; None after the last one."""

    rows: Sequence[Row]
    cursor: Cursor | None = None


@attrs.frozen(kw_only=True)
class Span:
    """From when to when a history is read, in the venue's milliseconds, and in windows of which length.

    `kept_ms` is how long the venue keeps it: what is older is not asked for.
    """

    since_ms: int
    until_ms: int
    window_ms: int
    kept_ms: int


async def read_history(
    span: Span,
    fetch: Callable[[int, int, Cursor | None], Awaitable[Page[Row, Cursor]]],
    key: Callable[[Row], Hashable],
) -> list[Row]:
    """Read all rows of a span; a row that comes on two pages is taken once. Windows adjoin, the oldest first.

    Args:
        span: what is read.
        fetch: asks for a page of the window from the first to the second moment, both included; the cursor is None
            for the first page.
        key: what a row is recognised by.

    Returns:
        The rows in the order in which they came.

    Raises:
        PayloadError: the venue repeats a cursor, so that the history would never be whole.
    """
    found: dict[Hashable, Row] = {}
    start_ms = max(span.since_ms, span.until_ms - span.kept_ms)

    while start_ms <= span.until_ms:
        end_ms = start_ms + span.window_ms - 1
        cursor: Cursor | None = None
        seen: set[Cursor] = set()

        while True:
            page = await fetch(start_ms, end_ms, cursor)
            found.update((key(row), row) for row in page.rows)
            cursor = page.cursor

            if cursor is None:
                break

            if cursor in seen:
                raise PayloadError(f"the pages of a history repeat themselves at {cursor!r}")

            seen.add(cursor)

        start_ms = end_ms + 1

    return list(found.values())
