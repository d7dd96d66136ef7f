"""A history in windows and pages, of a made-up venue that keeps a thousand milliseconds of it."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import pytest

from perpmaker.errors import ConnectivityError, PayloadError
from perpmaker.venue import Page, Span, read_history

pytestmark = pytest.mark.anyio

Row = tuple[int, str]


@attrs.define
class Mine:
    """Rows of (time, id), `most` on a page; a page begins again with the last row of the one before it."""

    rows: Sequence[Row]
    most: int = 3
    asked: list[tuple[int, int, int | None]] = attrs.field(factory=list)

    async def fetch(self, start_ms: int, end_ms: int, cursor: int | None) -> Page[Row, int]:
        """One page."""
        self.asked.append((start_ms, end_ms, cursor))
        rows = [row for row in self.rows if start_ms <= row[0] <= end_ms]
        begin = max(0, (cursor or 0) - 1)
        page = rows[begin : begin + self.most]
        following = begin + self.most

        return Page(page, following if following < len(rows) else None)


def span(since_ms: int, until_ms: int) -> Span:
    """Windows of a hundred."""
    return Span(since_ms=since_ms, until_ms=until_ms, window_ms=100, kept_ms=1_000)


async def read(mine: Mine, since_ms: int, until_ms: int) -> list[Row]:
    """The rows of a span."""
    return await read_history(span(since_ms, until_ms), mine.fetch, lambda row: row[1])


async def test_windows_adjoin_and_reach_the_end() -> None:
    """Rows of distant days are found, also where a window between them has none."""
    mine = Mine([(5, "a"), (99, "b"), (100, "c"), (350, "d")])

    assert await read(mine, 0, 350) == [(5, "a"), (99, "b"), (100, "c"), (350, "d")]
    assert mine.asked == [(0, 99, None), (100, 199, None), (200, 299, None), (300, 399, None)]


async def test_pages_of_a_window_are_followed_and_their_overlaps_taken_once() -> None:
    """Every page of a full window, to the last."""
    mine = Mine([(number, str(number)) for number in range(10)])

    assert await read(mine, 0, 50) == [(number, str(number)) for number in range(10)]
    assert len(mine.asked) == 5


async def test_rows_of_one_moment_are_told_apart_by_their_keys() -> None:
    """Two fills of one match have the same time."""
    assert await read(Mine([(5, "a"), (5, "b")]), 0, 9) == [(5, "a"), (5, "b")]


async def test_what_the_venue_does_not_keep_is_not_asked_for() -> None:
    """The span begins where its memory does."""
    mine = Mine([])
    await read(mine, 0, 5_000)

    assert mine.asked[0] == (4_000, 4_099, None)
    assert len(mine.asked) == 11


async def test_pages_that_repeat_themselves_are_no_history() -> None:
    """A cursor that comes again would come for ever."""

    async def fetch(_: int, __: int, cursor: str | None) -> Page[Row, str]:
        return Page([(1, "a")], "x" if cursor != "x" else "y")

    with pytest.raises(PayloadError, match="repeat themselves"):
        await read_history(span(0, 9), fetch, lambda row: row)


async def test_a_page_that_fails_is_no_end() -> None:
    """A part of a history is never given as the whole."""

    async def fetch(_: int, __: int, cursor: int | None) -> Page[Row, int]:
        if cursor is not None:
            raise ConnectivityError("gone")

        return Page([(1, "a")], 2)

    with pytest.raises(ConnectivityError):
        await read_history(span(0, 9), fetch, lambda row: row)
