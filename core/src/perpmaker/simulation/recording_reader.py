"""The files of one raw capture, in order, as market events: streamed, checked line by line, nothing held but a line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import attrs

from perpmaker.errors import RecordingError
from perpmaker.model.event import BookLost, MarkChanged, MarketEvent, Traded
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import Side
from perpmaker.simulation.recording_book import BookSync, Steps, parse_number
from perpmaker.simulation.recording_message import DepthUpdate, MarkPrice, Message, Snapshot, Trade, parse_line

_NS_PER_MS = 1_000_000
_MARKET = "MARKET"
_NO_SNAPSHOT = (
    "there is no REST depth snapshot in it, so its book cannot be synchronised: "
    "record one (GET /depth) after the stream is open"
)


@attrs.frozen
class Capture:
    """One file: its name, for people, and its lines, which may raise RecordingError."""

    name: str
    lines: Callable[[], Iterator[bytes]]


@attrs.frozen(kw_only=True)
class Recorded:
    """An event and when it was received, in milliseconds of the recording machine's clock."""

    at_ms: int
    event: MarketEvent


class Recording:
    """The files of one capture, for the market that they are said to be of."""

    def __init__(self, instrument: Instrument, captures: Sequence[Capture]) -> None:
        self.instrument = instrument
        self.captures = tuple(captures)

    @property
    def name(self) -> str:
        """The names of the files."""
        return ", ".join(capture.name for capture in self.captures)

    def read(self) -> Iterator[Recorded]:
        """The events, in order; RecordingError names file and line, and is raised when the book ends unknown."""
        return Reader(self).read()

    def check(self) -> tuple[int, int]:
        """Read everything, and return the times of the first and the last line; RecordingError for what is wrong."""
        reader = Reader(self)

        for _ in reader.read():
            pass

        return reader.first_ms, reader.last_ms


class Reader:
    """Reads a recording once. `first_ms` and `last_ms` are the times of the lines read so far, used or not."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._steps = Steps(recording.instrument)
        self._sync = BookSync(self._steps)
        self._first_ns: int | None = None
        self._last_ns = 0

    @property
    def first_ms(self) -> int:
        """When the first line was received."""
        return (self._first_ns or 0) // _NS_PER_MS

    @property
    def last_ms(self) -> int:
        """When the last line was received."""
        return self._last_ns // _NS_PER_MS

    def read(self) -> Iterator[Recorded]:
        """The events, in order."""
        lost = RecordingError(_NO_SNAPSHOT, file=self._recording.name)

        for capture in self._recording.captures:
            for number, line in enumerate(capture.lines(), start=1):
                try:
                    events = self._read(line)
                except ValueError as error:
                    raise RecordingError(f"this line cannot be used: {error}", file=capture.name, line=number) from None

                for event in events:
                    if isinstance(event, BookLost):
                        lost = RecordingError(event.reason, file=capture.name, line=number)

                    yield Recorded(at_ms=self.last_ms, event=event)

        if not self._sync.is_live:
            raise lost

    def _read(self, line: bytes) -> Sequence[MarketEvent]:
        at_ns, message = parse_line(line)
        self._check_order(at_ns)
        self._first_ns, self._last_ns = at_ns if self._first_ns is None else self._first_ns, at_ns

        return () if message is None else self._events(message)

    def _check_order(self, at_ns: int) -> None:
        if at_ns < self._last_ns:
            raise ValueError("it is older than the one before it: name the files of a capture in their order")

    def _events(self, message: Message) -> Sequence[MarketEvent]:
        if isinstance(message, Snapshot):
            return self._sync.restore(message)

        if message.s != self._recording.instrument.symbol:
            raise ValueError(f"it is of the market {message.s!a}, not of {self._recording.instrument.symbol}")

        match message:
            case DepthUpdate():
                return self._sync.offer(message)
            case Trade():
                return self._trade(message)
            case MarkPrice():
                return (_mark(message),)

    def _trade(self, message: Trade) -> Sequence[MarketEvent]:
        """A trade of the market; the insurance fund's and deleveraging are at prices that nobody else can have.

        Before the book is known there is nobody whom it could concern.
        """
        if message.X != _MARKET or not self._sync.is_live:
            return ()

        taker = Side.SELL if message.m else Side.BUY
        ticks, lots = self._steps.ticks(message.p), self._steps.lots(message.q)

        return (Traded(ticks=ticks, lots=lots, taker=taker, venue_ms=message.T),)


def _mark(message: MarkPrice) -> MarkChanged:
    return MarkChanged(
        mark=parse_number(message.p),
        index=parse_number(message.i),
        funding_rate=parse_number(message.r),
        next_funding_ms=message.T or None,
        venue_ms=message.E,
    )
