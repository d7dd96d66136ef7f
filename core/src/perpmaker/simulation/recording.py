"""A captured market, replayed as everybody else on the simulated exchange.

Nothing is held but the book: the files are streamed, once to check them from beginning to end, once to replay them.
How the accounts' orders fare in it is decided in `perpmaker.simulation.replayed_market`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from itertools import islice

import attrs

from perpmaker.errors import RecordingError
from perpmaker.model.event import BookChanged, BookLost, BookSnapshot, MarkChanged
from perpmaker.simulation.participants import Participants
from perpmaker.simulation.recording_check import STEP_EVENTS, Progress, check_gradually
from perpmaker.simulation.recording_reader import Recorded, Recording
from perpmaker.simulation.replayed_market import ReplayedMarket


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
        """Return the whole book."""
        bids = tuple(level for level in self.bids.items() if level[1])
        asks = tuple(level for level in self.asks.items() if level[1])

        return BookSnapshot(bids=bids, asks=asks, venue_ms=self.book_ms or 0)


class Replay:
    """A recording, checked from beginning to end and wound forward to where it is to begin.

    That is `offset_s` seconds after the first line, or once the book is known, whichever is later: `begin_ms` on the
    recording's clock. `opening` is the market then, `pending` the first event after it, `end_ms` when it ends, and
    `notes` what a person should know of it. RecordingError for what is wrong with the recording, and for an offset past
    its end.
    """

    def __init__(self, recording: Recording, offset_s: float = 0.0) -> None:
        for _ in self._read(recording, offset_s):
            pass

    @classmethod
    def gradually(cls, recording: Recording, offset_s: float) -> Generator[Progress, None, Replay]:
        """Yield the same in small steps, between which others may do something: long recordings take minutes."""
        replay = cls.__new__(cls)
        yield from replay._read(recording, offset_s)  # noqa: SLF001  # its own

        return replay

    def _read(self, recording: Recording, offset_s: float) -> Generator[Progress]:
        self.recording = recording
        self.opening = _Opening()
        checked = yield from check_gradually(recording)
        length_s = (checked.last_ms - checked.first_ms) / 1000

        if offset_s >= length_s:
            text = f"recording_start = {offset_s:g} is past its end: it is {length_s:.1f} s long"
            raise RecordingError(text, file=recording.name)

        self.end_ms, self.notes = checked.last_ms, checked.notes
        self._events = islice(recording.read(), checked.events)
        self.begin_ms = checked.first_ms + round(offset_s * 1000)
        self.pending = yield from self._wind()

    def advance(self) -> None:
        """Make the next event the pending one. None when there is no more."""
        self.pending = next(self._events, None)

    def _wind(self) -> Generator[Progress, None, Recorded | None]:
        """Fold what was before the beginning, and return the first event after it."""
        for count, recorded in enumerate(self._events, start=1):
            if count % STEP_EVENTS == 0:
                yield Progress(portion=1.0, file=self.recording.name, at_ms=recorded.at_ms)

            if recorded.at_ms >= self.begin_ms and self.opening.book_ms is not None:
                return recorded

            if isinstance(recorded.event, BookSnapshot):
                self.begin_ms = max(self.begin_ms, recorded.at_ms)

            self.opening.fold(recorded)

        return None


class RecordedMarket:
    """A replay as a `Market`, shifted so that it begins at `start_ms`.

    When there is no more, `on_end` is called once and the market stands still: its book stays as it is, and nobody
    trades.
    """

    def __init__(self, replay: Replay, *, start_ms: int, on_end: Callable[[], None] | None = None) -> None:
        self._replay = replay
        self._follower = ReplayedMarket(replay.recording.instrument)
        self._on_end = on_end
        self._shift_ms = start_ms - replay.begin_ms
        self._is_open = False
        self._next_ms: int | None = start_ms

    @property
    def next_ms(self) -> int | None:
        """When the next recorded event is due. None once the recording has ended."""
        return self._next_ms

    def step(self, crowd: Participants) -> None:
        """Let everything happen that was recorded until then."""
        now_ms = self._next_ms

        if now_ms is None:
            return

        if not self._is_open:
            self._open(crowd)
            self._is_open = True

        while (recorded := self._replay.pending) is not None and recorded.at_ms + self._shift_ms <= now_ms:
            self._follow(crowd, recorded)
            self._replay.advance()

        self._next_ms = None if recorded is None else recorded.at_ms + self._shift_ms

        if recorded is None and self._on_end is not None:
            self._on_end()

    def _open(self, crowd: Participants) -> None:
        opening = self._replay.opening
        self._follow(crowd, Recorded(at_ms=self._replay.begin_ms, event=opening.book()))

        if opening.mark is not None:
            self._follow(crowd, opening.mark)

    def _follow(self, crowd: Participants, recorded: Recorded) -> None:
        try:
            self._follower.follow(crowd, recorded.event, recorded.at_ms + self._shift_ms)
        except ValueError as error:
            raise RecordingError(f"it cannot be replayed: {error}", file=self._replay.recording.name) from None
