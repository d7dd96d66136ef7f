"""A capture as columns of integers: what a backtest reads instead of JSON, chunk by chunk.

A file is a head, chunks and a foot. The head says that it is one of ours and of which version; the foot what it was
made of, the market's rules, and the time that it spans. Each chunk has a row for each message and, by side, a row for
each level that a message tells of::

    messages   received_ns  venue_ns  kind  best_bid  best_ask  last  value  bids  asks
    bid rows   ticks  lots
    ask rows   ticks  lots

`best_bid` and `best_ask` are the best prices after a message, `last` the price of the last trade by then, all in ticks
(0: none). `value` are the lots of a trade; of a mark price or of a loss of the book it is its place among the chunk's
texts. `bids` and `asks` count the level rows of a message.
"""

from __future__ import annotations

import os
import sys
from array import array
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO, Final

import attrs
import msgspec

from perpmaker.errors import RecordingError
from perpmaker.model.event import MarkChanged
from perpmaker.model.instrument import Instrument

VERSION: Final = 1
"""Of the layout and of what converts: a file of another one is made anew."""

MAGIC: Final = b"perpmaker columns\n"

SNAPSHOT, CHANGE, LOST, BOUGHT, SOLD, MARK = range(6)
"""The kinds of message: the whole book, a difference, its loss, a trade by its taker's side, a mark price."""

NS: Final = 1_000_000_000
NS_PER_MS: Final = 1_000_000

CHUNK_MESSAGES: Final = 8_192
CHUNK_ROWS: Final = 131_072
"""A chunk has no more messages, and about so many rows at most: what is read at once stays small."""

_WIDE: Final = "q"
_COUNT: Final = "I"
_KIND: Final = "B"
_HEAD_COUNTS: Final = 4
_FOOT_BYTES: Final = 8

_MarkText = tuple[str, str | None, str | None, int | None, int]


MOST_GAPS: Final = 500


@attrs.frozen(kw_only=True)
class Gap:
    """A time in which the book was not known, and why."""

    from_ns: int
    until_ns: int
    reason: str


@attrs.frozen(kw_only=True)
class Foot:
    """What stands at the end of a file: what it is made of, and what it holds.

    `key` is that of the files it was made of, `names` are theirs. Times are of the recording machine's clock.
    `least_lag_ns` is the least time from the venue's date of a message to its receipt, which is negative where the
    venue's clock was ahead; None where the venue dates nothing. `notes` are what a person should know,
    `busy_seconds` the busiest 1 % of its seconds, since 1970. `environment` is whose streams were recorded, empty where
    the capture does not say it.
    """

    version: int
    key: str
    names: tuple[str, ...]
    instrument: Instrument
    first_ns: int
    last_ns: int
    messages: int
    rows: int
    gaps: tuple[Gap, ...] = ()
    busy_seconds: tuple[int, ...] = ()
    least_lag_ns: int | None = None
    notes: tuple[str, ...] = ()
    environment: str = ""


@attrs.define
class Chunk:
    """A part of a file, as lists. `bid_at` and `ask_at` are where each message's rows begin, with one more at the end.

    `texts` are those of the marks and losses in it.
    """

    received: list[int]
    venue: list[int]
    kind: list[int]
    best_bid: list[int]
    best_ask: list[int]
    last: list[int]
    value: list[int]
    bid_at: list[int]
    ask_at: list[int]
    bid_ticks: list[int]
    bid_lots: list[int]
    ask_ticks: list[int]
    ask_lots: list[int]
    texts: list[object]

    def __len__(self) -> int:
        """How many messages it has."""
        return len(self.kind)

    def bids(self, first: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield the (ticks, lots) of the bids that messages from `first` up to `end` tell of."""
        low, high = self.bid_at[first], self.bid_at[end]

        return zip(self.bid_ticks[low:high], self.bid_lots[low:high], strict=True)

    def asks(self, first: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield the (ticks, lots) of the asks that messages from `first` up to `end` tell of."""
        low, high = self.ask_at[first], self.ask_at[end]

        return zip(self.ask_ticks[low:high], self.ask_lots[low:high], strict=True)

    def mark(self, message: int) -> MarkChanged:
        """Return the mark price that a message tells."""
        mark, index, rate, next_ms, venue_ms = msgspec.convert(self.texts[self.value[message]], _MarkText)

        return MarkChanged(
            mark=Decimal(mark),
            index=None if index is None else Decimal(index),
            funding_rate=None if rate is None else Decimal(rate),
            next_funding_ms=next_ms,
            venue_ms=venue_ms,
        )


@attrs.define
class Gathered:
    """The rows of a chunk that is being written."""

    received: array[int] = attrs.field(factory=lambda: array(_WIDE))
    venue: array[int] = attrs.field(factory=lambda: array(_WIDE))
    best_bid: array[int] = attrs.field(factory=lambda: array(_WIDE))
    best_ask: array[int] = attrs.field(factory=lambda: array(_WIDE))
    last: array[int] = attrs.field(factory=lambda: array(_WIDE))
    value: array[int] = attrs.field(factory=lambda: array(_WIDE))
    bids: array[int] = attrs.field(factory=lambda: array(_COUNT))
    asks: array[int] = attrs.field(factory=lambda: array(_COUNT))
    kind: array[int] = attrs.field(factory=lambda: array(_KIND))
    bid_ticks: array[int] = attrs.field(factory=lambda: array(_WIDE))
    bid_lots: array[int] = attrs.field(factory=lambda: array(_WIDE))
    ask_ticks: array[int] = attrs.field(factory=lambda: array(_WIDE))
    ask_lots: array[int] = attrs.field(factory=lambda: array(_WIDE))
    texts: list[object] = attrs.field(factory=list)

    def encode(self) -> bytes:
        """Return the chunk's bytes."""
        texts = msgspec.json.encode(self.texts)
        counts = array(_COUNT, (len(self.kind), len(self.bid_ticks), len(self.ask_ticks), len(texts)))
        prices = (self.best_bid, self.best_ask, self.last, self.value)
        columns = (self.received, self.venue, *prices, self.bids, self.asks, self.kind)
        rows = (self.bid_ticks, self.bid_lots, self.ask_ticks, self.ask_lots)

        return b"".join((_little(counts), *map(_little, columns), *map(_little, rows), texts))


class ColumnWriter:
    """Writes a column file beside its place, which it takes once `finish` has been called; `close` gives it up."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._draft = path.with_name(f"{path.name}.{os.getpid()}.part")
        self._file = self._draft.open("wb")
        self._file.write(MAGIC + VERSION.to_bytes(4, "little"))

    def put(self, gathered: Gathered) -> None:
        """Write a chunk."""
        content = gathered.encode()
        self._file.write(len(content).to_bytes(8, "little"))
        self._file.write(content)

    def finish(self, foot: Foot) -> None:
        """Write the foot, and put the file in its place."""
        content = msgspec.json.encode(foot)
        self._file.write((0).to_bytes(8, "little"))
        self._file.write(content + len(content).to_bytes(_FOOT_BYTES, "little") + MAGIC)
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._draft.replace(self._path)

    def close(self) -> None:
        """Leave nothing behind, unless it is finished."""
        self._file.close()
        self._draft.unlink(missing_ok=True)


class ColumnFile:
    """A column file that is whole and of this version. RecordingError says why another one is not used."""

    def __init__(self, path: Path) -> None:
        self.path = path

        try:
            with path.open("rb") as file:
                self.foot = _read_foot(file, path)
        except OSError as error:
            raise RecordingError(f"it cannot be read: {error.strerror or error}", file=str(path)) from None

    def chunks(self) -> Iterator[Chunk]:
        """Read it, chunk by chunk."""
        with self.path.open("rb") as file:
            file.seek(len(MAGIC) + 4)

            while size := int.from_bytes(file.read(8), "little"):
                yield _decode(file.read(size))


def _read_foot(file: BinaryIO, path: Path) -> Foot:
    """Return the foot of a file."""
    if file.read(len(MAGIC)) != MAGIC:
        raise RecordingError("it is no column file", file=str(path))

    version = int.from_bytes(file.read(4), "little")

    if version != VERSION:
        raise RecordingError(f"it is a column file of version {version}, and this is version {VERSION}", file=str(path))

    end = file.seek(0, os.SEEK_END)
    tail = len(MAGIC) + _FOOT_BYTES
    file.seek(max(0, end - tail))
    content = file.read()

    if not content.endswith(MAGIC) or end < 2 * tail:
        raise RecordingError("it is a column file without its end", file=str(path))

    size = int.from_bytes(content[:_FOOT_BYTES], "little")
    file.seek(max(0, end - tail - size))

    try:
        return msgspec.json.decode(file.read(size), type=Foot)
    except msgspec.MsgspecError as error:
        raise RecordingError(f"it is a column file whose end cannot be read ({error})", file=str(path)) from None


def _decode(content: bytes) -> Chunk:
    """Return a chunk of its bytes."""
    view = memoryview(content)
    place = 0

    def take(code: str, count: int) -> list[int]:
        nonlocal place
        column = array(code)
        size = column.itemsize * count
        column.frombytes(view[place : place + size])
        place += size

        if sys.byteorder == "big":
            column.byteswap()

        return column.tolist()

    messages, bid_rows, ask_rows, text_bytes = take(_COUNT, _HEAD_COUNTS)
    received, venue = take(_WIDE, messages), take(_WIDE, messages)
    best_bid, best_ask, last, value = (take(_WIDE, messages) for _ in range(4))
    bids, asks = take(_COUNT, messages), take(_COUNT, messages)
    kind = take(_KIND, messages)
    bid_ticks, bid_lots = take(_WIDE, bid_rows), take(_WIDE, bid_rows)
    ask_ticks, ask_lots = take(_WIDE, ask_rows), take(_WIDE, ask_rows)

    return Chunk(
        received=received,
        venue=venue,
        kind=kind,
        best_bid=best_bid,
        best_ask=best_ask,
        last=last,
        value=value,
        bid_at=_ends(bids),
        ask_at=_ends(asks),
        bid_ticks=bid_ticks,
        bid_lots=bid_lots,
        ask_ticks=ask_ticks,
        ask_lots=ask_lots,
        texts=msgspec.json.decode(view[place : place + text_bytes]),
    )


def _ends(counts: list[int]) -> list[int]:
    """Where each message's rows begin, and where the last one's end."""
    places = [0]
    place = 0

    for count in counts:
        place += count
        places.append(place)

    return places


def _little(column: array[int]) -> bytes:
    """Return the bytes of a column, the same on every machine."""
    if sys.byteorder == "big":
        column.byteswap()

    return column.tobytes()
