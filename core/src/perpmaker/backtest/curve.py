"""Thins a series of values as they come, in constant memory, and keeps every least and greatest value.

Times are put into buckets of equal length. Of each bucket and column the first, least, greatest and last value are
kept; where there are too many buckets, two neighbours become one. A value holds until the next one.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from decimal import Decimal
from typing import Final, TypeAlias

BUCKETS: Final = 400
"""Buckets that are kept at most; each comes to three times at most."""

Number: TypeAlias = Decimal | int
Row: TypeAlias = tuple[Number | None, ...]


class _Bucket:
    """What a span of time had of each column: least and greatest value, which of them came later, and the last."""

    __slots__ = ("first_ms", "greatest", "last", "last_ms", "least", "rises")

    def __init__(self, at_ms: int, values: Row) -> None:
        self.first_ms = self.last_ms = at_ms
        self.least, self.greatest = list(values), list(values)
        self.rises = [True] * len(values)
        self.last = values

    def add(self, at_ms: int, values: Row) -> None:
        self.last_ms, self.last = at_ms, values
        least, greatest, rises = self.least, self.greatest, self.rises

        for column, value in enumerate(values):
            if value is None:
                continue

            low, high = least[column], greatest[column]

            if low is None or high is None:
                least[column] = greatest[column] = value
            elif value < low:
                least[column], rises[column] = value, False
            elif value > high:
                greatest[column], rises[column] = value, True

    def join(self, later: _Bucket) -> None:
        """Take in the bucket that follows."""
        for column, (low, high) in enumerate(zip(later.least, later.greatest, strict=True)):
            ours_low, ours_high = self.least[column], self.greatest[column]

            if low is None or high is None:
                continue

            if ours_low is None or ours_high is None:
                self.least[column], self.greatest[column], self.rises[column] = low, high, later.rises[column]
                continue

            is_lower, is_higher = low < ours_low, high > ours_high

            if is_lower and is_higher:
                self.rises[column] = later.rises[column]
            elif is_lower or is_higher:
                self.rises[column] = is_higher

            self.least[column], self.greatest[column] = min(low, ours_low), max(high, ours_high)

        self.last_ms, self.last = later.last_ms, later.last

    def rows(self) -> Iterator[tuple[int, Row]]:
        """Yield what it comes to: the earlier extreme of each column, the later one, and how it ended."""
        one = tuple(
            low if rises else high for low, high, rises in zip(self.least, self.greatest, self.rises, strict=True)
        )
        two = tuple(
            high if rises else low for low, high, rises in zip(self.least, self.greatest, self.rises, strict=True)
        )
        found = [(self.first_ms, one)]

        if two != one:
            found.append(((self.first_ms + self.last_ms) // 2, two))

        if self.last != found[-1][1]:
            found.append((self.last_ms, self.last))

        yield from found


class Thinning:
    """Takes rows of values in the order of their times. `width` is how many values a row has."""

    def __init__(self, width: int, most: int = BUCKETS) -> None:
        self._width = width
        self._most = most
        self._span_ms = 1
        self._origin_ms = 0
        self._buckets: dict[int, _Bucket] = {}
        self._newest: _Bucket | None = None
        self._until_ms = 0

    def add(self, at_ms: int, values: Row) -> None:
        """Take in what is so from a time on; one that is earlier than the newest counts as of that."""
        newest = self._newest

        if newest is None:
            self._origin_ms = at_ms
        else:
            at_ms = max(at_ms, newest.last_ms)

            if at_ms < self._until_ms:
                newest.add(at_ms, values)
                return

        number = (at_ms - self._origin_ms) // self._span_ms
        self._newest = self._buckets[number] = _Bucket(at_ms, values)
        self._until_ms = self._origin_ms + (number + 1) * self._span_ms

        while len(self._buckets) > self._most:
            self._halve()

    def rows(self) -> list[tuple[int, Row]]:
        """Return the rows, each later than the one before it; the last of them is the newest row that was taken."""
        found: list[tuple[int, Row]] = []

        for bucket in self._buckets.values():
            for at_ms, row in bucket.rows():
                if found and at_ms <= found[-1][0]:
                    at_ms = found[-1][0] + 1  # noqa: PLW2901  # times of one millisecond stand beside each other

                found.append((at_ms, row))

        return found

    def without(self, columns: Container[int]) -> Thinning:
        """Return the same without what some columns had so far."""
        new = Thinning(self._width, self._most)

        for at_ms, row in self.rows():
            new.add(at_ms, tuple(None if number in columns else value for number, value in enumerate(row)))

        return new

    def _halve(self) -> None:
        """Make one bucket of each two neighbours."""
        self._span_ms *= 2
        joined: dict[int, _Bucket] = {}

        for number, bucket in self._buckets.items():
            known = joined.get(number // 2)

            if known is None:
                joined[number // 2] = bucket
            else:
                known.join(bucket)

        self._buckets = joined
        number = next(reversed(joined))
        self._newest = joined[number]
        self._until_ms = self._origin_ms + (number + 1) * self._span_ms


def column(rows: Sequence[tuple[int, Row]], number: int, unit: Decimal | None = None) -> tuple[Decimal | None, ...]:
    """Return one column of rows as Decimals; `unit` is what a whole number counts, as a tick."""
    return tuple(_scaled(row[number], unit) for _, row in rows)


def _scaled(value: Number | None, unit: Decimal | None) -> Decimal | None:
    if value is None:
        return None

    return Decimal(value) if unit is None else value * unit
