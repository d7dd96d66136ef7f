"""What is found out of a recording before anything is traded on it: read from beginning to end, in many small steps."""

from __future__ import annotations

from collections.abc import Generator

import attrs

from perpmaker.errors import RecordingError
from perpmaker.model.event import BookChanged, BookSnapshot, MarketEvent
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import Side
from perpmaker.simulation.levels import Levels
from perpmaker.simulation.recording_reader import Reader, Recording

STEP_EVENTS = 2_000
"""So many events are read between two looks at the clock: a few hundredths of a second."""


@attrs.frozen(kw_only=True)
class Progress:
    """How far a recording has been read: `portion` of it, 0 to 1, in which file, and up to when."""

    portion: float
    file: str
    at_ms: int


@attrs.frozen(kw_only=True)
class Checked:
    """What a recording holds: the times of its first and last line, how many events, and what a person should know.

    `events` is None where all can be used; `notes` say where a file was cut off.
    """

    first_ms: int
    last_ms: int
    events: int | None
    notes: tuple[str, ...]


def check_gradually(recording: Recording) -> Generator[Progress, None, Checked]:
    """Read a recording from beginning to end.

    RecordingError for what is wrong with it, with file and line.
    """
    reader, book = Reader(recording), _Book(recording.instrument)

    for count, recorded in enumerate(reader.read(), start=1):
        if (crossed := book.follow(recorded.event)) is not None:
            file, line = reader.place
            raise RecordingError(crossed, file=file, line=line)

        if count % STEP_EVENTS == 0:
            yield Progress(portion=reader.portion, file=reader.place[0], at_ms=reader.last_ms)

    loss = reader.loss

    return Checked(
        first_ms=reader.first_ms,
        last_ms=reader.last_ms if loss is None else loss.at_ms,
        events=None if loss is None else loss.events,
        notes=notes_of(reader),
    )


def notes_of(reader: Reader) -> tuple[str, ...]:
    """Return what a person should know of a recording that was read to its end: where it was cut off."""
    cuts = [f"{file} was cut off in its line {line}: it is used up to there" for file, line in reader.cuts]

    if reader.first_left_out is not None:
        lines = "1 line makes" if reader.left_out == 1 else f"{reader.left_out} lines make"
        cuts.append(f"{lines} no sense, as they came, and are left out; the first: {reader.first_left_out}")

    if reader.loss is not None:
        until_s = (reader.loss.at_ms - reader.first_ms) / 1000
        cuts.append(f"what comes after its first {until_s:.1f} s does not go on from there: it is not used")

    return tuple(cuts)


class _Book:
    """The best prices of a recording, to see whether they ever cross."""

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument
        self._dirty: set[int] = set()
        self._bids = Levels(Side.BUY.sign, self._dirty)
        self._asks = Levels(Side.SELL.sign, self._dirty)

    def follow(self, event: MarketEvent) -> str | None:
        """Take in an event, and return what is wrong with the book after it, in words."""
        match event:
            case BookSnapshot():
                self._bids.replace(event.bids)
                self._asks.replace(event.asks)
            case BookChanged():
                self._bids.change(event.bids)
                self._asks.change(event.asks)
            case _:
                return None

        self._dirty.clear()
        bid, ask = self._bids.best(), self._asks.best()

        return crossed(self._instrument, bid, ask)


def crossed(instrument: Instrument, bid: int | None, ask: int | None) -> str | None:
    """Return what is wrong with a book of these best prices, in words. None for one that does not cross itself."""
    if bid is None or ask is None or bid < ask:
        return None

    return (
        f"the book crosses itself here, which no venue's does: it bids {instrument.price(bid):f} and asks "
        f"{instrument.price(ask):f}"
    )
