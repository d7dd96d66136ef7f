"""A captured market, replayed: files of one raw capture, in order, as everybody else on the simulated exchange.

Nothing is held but the book: the files are streamed, once to check them from beginning to end, once to replay them.
How the accounts' orders fare in it is decided in `perpmaker.simulation.follower`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import attrs

from perpmaker.errors import RecordingError
from perpmaker.model.event import BookChanged, BookLost, BookSnapshot, MarkChanged, MarketEvent, Traded
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import Side
from perpmaker.simulation.crowd import Crowd
from perpmaker.simulation.follower import Follower
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


@attrs.define
class _Opening:
    """The market as it is when the replay begins."""

    bids: dict[int, int] = attrs.field(factory=dict)
    asks: dict[int, int] = attrs.field(factory=dict)
    book_ms: int | None = None
    mark: Recorded | None = None

    def fold(self, recorded: Recorded) -> None:
        """Take in one event."""
        match recorded.event:
            case BookSnapshot() as event:
                self.bids, self.asks, self.book_ms = dict(event.bids), dict(event.asks), event.venue_ms
            case BookChanged() as event:
                self.bids.update(event.bids)
                self.asks.update(event.asks)
                self.book_ms = event.venue_ms
            case BookLost():
                self.book_ms = None
            case MarkChanged():
                self.mark = recorded

    def book(self) -> BookSnapshot:
        """The whole book."""
        bids = tuple(level for level in self.bids.items() if level[1])
        asks = tuple(level for level in self.asks.items() if level[1])

        return BookSnapshot(bids=bids, asks=asks, venue_ms=self.book_ms or 0)


class RecordedMarket:
    """A recording as a `Market`, shifted so that it begins at `start_ms`.

    It begins `offset_s` seconds after the first line, or once the book is known, whichever is later. When there is no
    more, `on_end` is called once and the market stands still: its book stays as it is, and nobody trades.

    All of the recording is checked first; RecordingError for what is wrong with it, and for an offset past its end.
    """

    def __init__(
        self,
        recording: Recording,
        *,
        start_ms: int,
        offset_s: float = 0.0,
        on_end: Callable[[], None] | None = None,
    ) -> None:
        self._name = recording.name
        self._follower = Follower(recording.instrument)
        self._on_end = on_end
        first_ms, last_ms = recording.check()

        if offset_s * 1000 >= last_ms - first_ms:
            length = f"it is {(last_ms - first_ms) / 1000:.1f} s long"
            raise RecordingError(f"recording_start = {offset_s:g} is past its end: {length}", file=recording.name)

        self._events = recording.read()
        self._opening: _Opening | None = _Opening()
        self._pending = self._wind(self._opening, first_ms + round(offset_s * 1000))
        self._shift_ms = 0 if self._pending is None else start_ms - self._pending.at_ms
        self._next_ms: int | None = start_ms

    @property
    def next_ms(self) -> int | None:
        """When the next recorded event is due; None once the recording has ended."""
        return self._next_ms

    def step(self, crowd: Crowd) -> None:
        """Let everything happen that was recorded until then."""
        now_ms = self._next_ms

        if now_ms is None:
            return

        if self._opening is not None:
            self._open(crowd, self._opening, now_ms)
            self._opening = None

        while self._pending is not None and self._pending.at_ms + self._shift_ms <= now_ms:
            self._follow(crowd, self._pending)
            self._pending = next(self._events, None)

        if self._pending is None:
            self._next_ms = None

            if self._on_end is not None:
                self._on_end()
        else:
            self._next_ms = self._pending.at_ms + self._shift_ms

    def _wind(self, opening: _Opening, begin_ms: int) -> Recorded | None:
        """Fold what was before the beginning, and return the first event after it."""
        for recorded in self._events:
            if recorded.at_ms >= begin_ms and opening.book_ms is not None:
                return recorded

            opening.fold(recorded)

        return None

    def _open(self, crowd: Crowd, opening: _Opening, now_ms: int) -> None:
        self._follow(crowd, Recorded(at_ms=now_ms - self._shift_ms, event=opening.book()))

        if opening.mark is not None:
            self._follow(crowd, opening.mark)

    def _follow(self, crowd: Crowd, recorded: Recorded) -> None:
        try:
            self._follower.follow(crowd, recorded.event, recorded.at_ms + self._shift_ms)
        except ValueError as error:
            raise RecordingError(f"it cannot be replayed: {error}", file=self._name) from None
