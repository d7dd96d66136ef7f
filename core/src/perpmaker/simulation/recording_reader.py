"""The files of one raw capture, in order, as market events: streamed, checked line by line, nothing held but a line.

A file that was cut off, in a line or in its compression, is used up to the cut.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Protocol, TypeAlias, runtime_checkable

import attrs

from perpmaker.errors import PayloadError, RecordingCutError, RecordingError
from perpmaker.model.event import BookLost, MarkChanged, MarketEvent
from perpmaker.model.instrument import Instrument
from perpmaker.simulation.recording_line import is_cut_line, split_line
from perpmaker.simulation.recording_note import GapNote, MarketNote, is_note, parse_note

_NS_PER_MS = 1_000_000
_BOOK = "book"
_BEGUN_ANEW = "the recording was begun anew here"
_NO_SNAPSHOT = (
    "there is no depth snapshot in it, so its book cannot be synchronised: "
    "record one after the stream is open (on Binance, GET /depth)"
)


@attrs.frozen
class Capture:
    """One file: its name, for people, and its lines, which may raise RecordingError.

    `portion` is how much of it has been read, 0 to 1, where that is known.
    """

    name: str
    lines: Callable[[], Iterator[bytes]]
    portion: Callable[[], float] = lambda: 0.0


class CaptureTranslator(Protocol):
    """The messages of one capture, in order, in the words of the venue that streamed them."""

    @property
    def is_live(self) -> bool:
        """Whether the book is known now."""

    def translate(self, text: bytes) -> Sequence[MarketEvent]:
        """Translate one message.

        Nothing for one that makes no market. ValueError or PayloadError say what is wrong.
        """

    def lose(self, reason: str) -> Sequence[MarketEvent]:
        """Take the book for unknown: the recorder says that messages are missing. Nothing where it already is."""


@runtime_checkable
class DatesByReceipt(Protocol):
    """What a `CaptureTranslator` has besides, whose venue does not date its messages: it is told when each came."""

    received_ms: int
    """The venue's time of the present message, milliseconds, as far as the recorder knew it."""


CaptureDialect: TypeAlias = Callable[[Instrument], CaptureTranslator]
"""Begins the translation of a capture of one market."""


@attrs.frozen(kw_only=True)
class Recorded:
    """An event and when it was received, in milliseconds of the recording machine's clock."""

    at_ms: int
    event: MarketEvent


class Recording:
    """The files of one capture, for the market that they are said to be of, in the words of `dialect`."""

    def __init__(self, instrument: Instrument, captures: Sequence[Capture], dialect: CaptureDialect) -> None:
        self.instrument = instrument
        self.captures = tuple(captures)
        self.dialect = dialect

    @property
    def name(self) -> str:
        """The names of the files."""
        return ", ".join(capture.name for capture in self.captures)

    def read(self) -> Iterator[Recorded]:
        """Yield the events, in order.

        RecordingError names file and line, and is raised when the book ends unknown.
        """
        return Reader(self).read()

    def check(self) -> tuple[int, int]:
        """Read everything, and return the times of the first and the last line.

        RecordingError for what is wrong.
        """
        reader = Reader(self)

        for _ in reader.read():
            pass

        return reader.first_ms, reader.last_ms


@attrs.frozen
class Loss:
    """Where the book was lost: how many events there were before, and when.

    `by_cut`: a file was cut off before that. `is_told`: the recorder has said that messages are missing.
    """

    events: int
    at_ms: int
    by_cut: bool
    is_told: bool = False


class Reader:
    """Reads a recording once.

    `first_ms` and `last_ms` are the times of the lines read so far, used or not.

    `place` is the file, and its line, that is being read; `cuts` are those where a file was cut off. `loss` is where
    the book was lost for good because of that, or as the recorder has told: there the recording ends. `market` is what
    the recorder has said last of the market; None where nobody did. What a recorder has kept is left out where it makes
    no sense, as it is live: `left_out` counts such lines, and `first_left_out` says what the first one is.
    """

    def __init__(self, recording: Recording) -> None:
        self.place: tuple[str, int] = (recording.name, 1)
        self.cuts: list[tuple[str, int]] = []
        self.loss: Loss | None = None
        self.market: MarketNote | None = None
        self.left_out = 0
        self.first_left_out: RecordingError | None = None
        self._gap_told = False
        self._clock_ahead_ms = 0
        self._recording = recording
        self._translator = recording.dialect(recording.instrument)
        self._dated = self._translator if isinstance(self._translator, DatesByReceipt) else None
        self._first_ns: int | None = None
        self._last_ns = 0
        self._files = 0

    @property
    def first_ms(self) -> int:
        """When the first line was received."""
        return (self._first_ns or 0) // _NS_PER_MS

    @property
    def last_ms(self) -> int:
        """When the last line was received."""
        return self._last_ns // _NS_PER_MS

    @property
    def last_ns(self) -> int:
        """The same in nanoseconds."""
        return self._last_ns

    @property
    def portion(self) -> float:
        """How much of the recording has been read, 0 to 1."""
        captures = self._recording.captures
        done = min(self._files, len(captures) - 1)

        return (done + captures[done].portion()) / len(captures)

    def read(self) -> Iterator[Recorded]:
        """Yield the events, in order."""
        lost = RecordingError(_NO_SNAPSHOT, file=self._recording.name)
        count = 0

        for events in self._batches():
            for event in events:
                if isinstance(event, BookLost):
                    lost = RecordingError(event.reason, file=self.place[0], line=self.place[1])
                    self.loss = Loss(count, self.last_ms, by_cut=bool(self.cuts), is_told=self._gap_told)

                yield Recorded(at_ms=self.last_ms, event=event)
                count += 1

        if self._translator.is_live:
            self.loss = None
        elif self.loss is None or not (self.loss.by_cut or self.loss.is_told):
            raise self._with_cut(lost)

    def _batches(self) -> Iterator[Sequence[MarketEvent]]:
        """What each line brings, file by file; each of them up to where it was cut off, if it was."""
        for number_of_file, capture in enumerate(self._recording.captures):
            self._files, self.place = number_of_file, (capture.name, 1)

            try:
                for number, line in enumerate(capture.lines(), start=1):
                    self.place = (capture.name, number)

                    if (events := self._events_of(line)) is not None:
                        yield events
            except RecordingCutError:
                self.cuts.append(self.place)

    def _events_of(self, line: bytes) -> Sequence[MarketEvent] | None:
        """What a line brings; None for one that was cut off."""
        try:
            return self._read(line)
        except (ValueError, PayloadError) as error:
            file, number = self.place

            if is_cut_line(line):
                self.cuts.append(self.place)
                return None

            if self._leaves_out(line):
                self.left_out += 1
                self.first_left_out = self.first_left_out or RecordingError(str(error), file=file, line=number)
                return ()

            raise RecordingError(f"this line cannot be used: {error}", file=file, line=number) from None

    def _leaves_out(self, line: bytes) -> bool:
        """Whether a line is one that a recorder has kept as it came, although it makes no sense, as live."""
        try:
            at_ns, text = split_line(line)
        except ValueError:
            return False

        return self.market is not None and at_ns == self._last_ns and not is_note(text)

    def _with_cut(self, lost: RecordingError) -> RecordingError:
        """Say of a book that was never known that the file may have been cut off before it was."""
        if not self.cuts or self.loss is not None:
            return lost

        file, number = self.cuts[0]

        return RecordingError("it was cut off here, before there was a depth snapshot", file=file, line=number)

    def _read(self, line: bytes) -> Sequence[MarketEvent]:
        at_ns, text = split_line(line)
        self._check_order(at_ns)
        self._first_ns, self._last_ns = at_ns if self._first_ns is None else self._first_ns, at_ns

        if is_note(text):
            return self._follow_note(text)

        self._gap_told = False

        if self._dated is not None:
            self._dated.received_ms = at_ns // _NS_PER_MS + self._clock_ahead_ms

        return self._translator.translate(text)

    def _follow_note(self, text: bytes) -> Sequence[MarketEvent]:
        """Take what the recorder itself says."""
        note = parse_note(text)

        if isinstance(note, MarketNote):
            self._check_market(note)
            is_first, self.market, self._clock_ahead_ms = self.market is None, note, note.clock_ahead_ms or 0

            if is_first:
                return self._first_mark(note)

            return self._lose(_BEGUN_ANEW) if note.part == 1 else ()

        return self._lose(note.reason) if isinstance(note, GapNote) and _BOOK in note.channels else ()

    def _first_mark(self, note: MarketNote) -> Sequence[MarketEvent]:
        """Mark price and funding as they were known when the first file began."""
        if note.mark is None:
            return ()

        mark = MarkChanged(
            mark=note.mark,
            index=note.index,
            funding_rate=note.funding_rate,
            next_funding_ms=note.next_funding_ms,
            venue_ms=self.last_ms + self._clock_ahead_ms,
        )

        return (mark,)

    def _lose(self, reason: str) -> Sequence[MarketEvent]:
        """Lose the book, as the recorder has told; where it was lost before, that is told now."""
        self._gap_told = True

        if self.loss is not None and not self._translator.is_live:
            self.loss = attrs.evolve(self.loss, is_told=True)

        return self._translator.lose(reason)

    def _check_market(self, note: MarketNote) -> None:
        """ValueError for a recording of another market, or of one whose steps have changed."""
        mine, other = self._recording.instrument, note.instrument

        if other.market != mine.market:
            raise ValueError(f"from here on it is of the market {other.market!a}, not of {mine.market}")

        if (other.tick, other.lot) != (mine.tick, mine.lot):
            raise ValueError(
                f"from here on {mine.market} has a tick of {other.tick.normalize():f} and a lot of "
                f"{other.lot.normalize():f}, not {mine.tick.normalize():f} and {mine.lot.normalize():f}: what comes "
                "before and what comes after it are two recordings"
            )

    def _check_order(self, at_ns: int) -> None:
        if at_ns < self._last_ns:
            raise ValueError("it is older than the one before it: name the files of a capture in their order")


def read_market(captures: Sequence[Capture]) -> MarketNote | None:
    """Return what the recorder says of the market at the top of a recording; None for a capture without it.

    RecordingError for what cannot be read.
    """
    for capture in captures[:1]:
        lines = capture.lines()

        try:
            line = next(iter(lines), b"")

            if line.endswith(b"\n"):
                _, text = split_line(line)
                note = parse_note(text) if is_note(text) else None

                return note if isinstance(note, MarketNote) else None
        except ValueError as error:
            raise RecordingError(f"this line cannot be used: {error}", file=capture.name, line=1) from None
        except RecordingCutError:
            return None
        finally:
            if isinstance(lines, Generator):
                lines.close()

    return None
