"""Lists of a venue, read row by row: what is not ours cannot keep us from reading what is.

A row of another market is not looked into. A row of ours that makes no sense is a PayloadError, as it would be alone;
anybody else's is left out and counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeAlias, TypeVar

import msgspec

from perpmaker.connector.payload import parser
from perpmaker.errors import PayloadError

Rows: TypeAlias = list[msgspec.Raw]
"""A list whose rows are undecoded."""

Head = TypeVar("Head")
Row = TypeVar("Row")
Translated = TypeVar("Translated")


class RowReader(Generic[Head]):
    """Reads rows, and counts what it leaves out.

    Args:
        read_head: reads what tells whose a row is. It must accept every row.
        market_of: the market that a head names, of whatever type, since it may be anybody's.
    """

    def __init__(self, read_head: Callable[[bytes], Head], market_of: Callable[[Head], object]) -> None:
        self.skipped: Counter[str] = Counter()
        """Rows that could not be read, by the list's name."""

        self._read_head = read_head
        self._market_of = market_of

    @classmethod
    def of(cls, shape: type[Head], market_of: Callable[[Head], object]) -> RowReader[Head]:
        """Read heads of a shape whose fields all have defaults; a row that is none has an empty one."""
        read = parser(shape)

        def read_head(row: bytes) -> Head:
            try:
                return read(row)
            except PayloadError:
                return shape()

        return cls(read_head, market_of)

    def rows(self, body: msgspec.Raw, name: str) -> Rows:
        """Return the rows of a list within a payload; none, and that is counted, where there is no list."""
        try:
            return parser(Rows)(bytes(body))
        except PayloadError:
            self.skipped[name] += 1

            return []

    def read(
        self,
        rows: Iterable[msgspec.Raw],
        parse: Callable[[bytes], Row],
        name: str,
        *,
        market: str | None = None,
        is_needed: Callable[[Head], bool] = lambda _: False,
    ) -> Iterator[Row]:
        """Read the rows of a market (None: of all). PayloadError for one that is needed and makes no sense."""
        for row in rows:
            raw = bytes(row)
            head = self._read_head(raw)

            if market is not None and (found := self._market_of(head)) != market:
                self.skipped[name] += not isinstance(found, str)
                continue

            try:
                yield parse(raw)
            except PayloadError:
                if is_needed(head):
                    raise

                self.skipped[name] += 1

    def translate(
        self, rows: Iterable[Row], translate: Callable[[Row], Translated], name: str, is_needed: Callable[[Row], bool]
    ) -> Iterator[Translated]:
        """Translate rows into the core's words, by the same rule."""
        for row in rows:
            try:
                yield translate(row)
            except PayloadError:
                if is_needed(row):
                    raise

                self.skipped[name] += 1
