"""Makes a column file of a capture: it is read once, by the reader that also the sandbox plays it with."""

from __future__ import annotations

from array import array
from collections.abc import Generator
from heapq import nlargest
from pathlib import Path

import attrs

from perpmaker.backtest.columns import (
    BOUGHT,
    CHANGE,
    CHUNK_MESSAGES,
    CHUNK_ROWS,
    LOST,
    MARK,
    MOST_GAPS,
    NS,
    NS_PER_MS,
    SNAPSHOT,
    SOLD,
    VERSION,
    ColumnWriter,
    Foot,
    Gap,
    Gathered,
)
from perpmaker.errors import RecordingError
from perpmaker.model.event import BookChanged, BookLost, BookSnapshot, MarkChanged, MarketEvent, Traded
from perpmaker.model.order import Side
from perpmaker.simulation.recording_check import STEP_EVENTS, Progress, crossed, notes_of
from perpmaker.simulation.recording_reader import Reader, Recording
from perpmaker.state.book import Half


def convert(recording: Recording, path: Path, key: str) -> Generator[Progress, None, Foot]:
    """Write the column file of a recording, saying how far it is; `key` is that of the recording's files.

    RecordingError for what is wrong with the recording, with file and line; then no file is there.
    """
    reader = Reader(recording)
    conversion = _Conversion(recording=recording, reader=reader, writer=ColumnWriter(path))

    try:
        for count, recorded in enumerate(reader.read(), start=1):
            conversion.take(recorded.event)

            if count % STEP_EVENTS == 0:
                yield Progress(portion=reader.portion, file=reader.place[0], at_ms=reader.last_ms)

        foot = conversion.foot(key)
        conversion.writer.finish(foot)
    finally:
        conversion.writer.close()

    return foot


@attrs.define(kw_only=True)
class _Conversion:
    recording: Recording
    reader: Reader
    writer: ColumnWriter
    _chunk: Gathered = attrs.field(factory=Gathered)
    _bids: Half = attrs.field(factory=lambda: Half(Side.BUY.sign))
    _asks: Half = attrs.field(factory=lambda: Half(Side.SELL.sign))
    _last: int = 0
    _messages: int = 0
    _rows: int = 0
    _gaps: list[Gap] = attrs.field(factory=list)
    _lost: tuple[int, str] | None = None
    _per_second: array[int] = attrs.field(factory=lambda: array("I"))
    _least_lag_ns: int | None = None
    _at_loss: tuple[int, int] = (0, 0)

    def take(self, event: MarketEvent) -> None:
        """Write down one event. Those that make no market are left out."""
        chunk = self._chunk

        match event:
            case BookChanged():
                self._bids.change(event.bids)
                self._asks.change(event.asks)
                self._book(CHANGE, event)
            case Traded():
                kind = BOUGHT if event.taker is Side.BUY else SOLD
                self._rows += 1
                self._last = event.ticks
                self._message(kind, event.venue_ms, event.lots)
            case MarkChanged():
                index, rate = event.index, event.funding_rate
                chunk.texts.append(
                    (
                        f"{event.mark:f}",
                        None if index is None else f"{index:f}",
                        None if rate is None else f"{rate:f}",
                        event.next_funding_ms,
                        event.venue_ms,
                    )
                )
                self._message(MARK, event.venue_ms, len(chunk.texts) - 1)
            case BookSnapshot():
                self._bids.replace(event.bids)
                self._asks.replace(event.asks)
                self._find()
                self._book(SNAPSHOT, event)
            case BookLost():
                self._at_loss = self._messages, self._rows
                self._lose(event.reason)
                chunk.texts.append(event.reason)
                self._bids.replace(())
                self._asks.replace(())
                self._message(LOST, 0, len(chunk.texts) - 1)
            case _:
                pass

    def foot(self, key: str) -> Foot:
        """Write what is left, and return the foot."""
        reader, recording = self.reader, self.recording
        self.writer.put(self._chunk)
        messages, rows, last_ns = self._messages, self._rows, reader.last_ns

        if reader.loss is not None:  # nothing of what comes after it can be used
            (messages, rows), last_ns = self._at_loss, reader.loss.at_ms * NS_PER_MS

        return Foot(
            version=VERSION,
            key=key,
            names=tuple(Path(capture.name).name for capture in recording.captures),
            instrument=recording.instrument,
            first_ns=reader.first_ms * NS_PER_MS,
            last_ns=last_ns,
            messages=messages,
            rows=rows,
            gaps=tuple(self._gaps),
            busy_seconds=self._busy_seconds(),
            least_lag_ns=self._least_lag_ns,
            notes=notes_of(reader),
            environment="" if reader.market is None else reader.market.environment,
        )

    def _lose(self, reason: str) -> None:
        if self._lost is None:
            self._lost = self.reader.last_ns, reason

    def _find(self) -> None:
        if self._lost is not None and len(self._gaps) < MOST_GAPS:
            self._gaps.append(Gap(from_ns=self._lost[0], until_ns=self.reader.last_ns, reason=self._lost[1]))

        self._lost = None

    def _count(self, second: int) -> None:
        """Count a message of a second since the first line."""
        counts = self._per_second

        if second >= len(counts):
            counts.extend([0] * (second + 1 - len(counts)))

        counts[second] += 1

    def _busy_seconds(self) -> tuple[int, ...]:
        """The busiest 1 % of its seconds."""
        counts, first = self._per_second, self.reader.first_ms // 1000
        most = nlargest(len(counts) // 100, range(len(counts)), key=counts.__getitem__)

        return tuple(sorted(first + second for second in most))

    def _book(self, kind: int, event: BookSnapshot | BookChanged) -> None:
        if (words := crossed(self.recording.instrument, self._bids.best, self._asks.best)) is not None:
            file, line = self.reader.place
            raise RecordingError(words, file=file, line=line)

        chunk = self._chunk
        chunk.bid_ticks.extend([ticks for ticks, _ in event.bids])
        chunk.bid_lots.extend([lots for _, lots in event.bids])
        chunk.ask_ticks.extend([ticks for ticks, _ in event.asks])
        chunk.ask_lots.extend([lots for _, lots in event.asks])
        self._rows += len(event.bids) + len(event.asks)
        self._message(kind, event.venue_ms, 0, len(event.bids), len(event.asks))

    def _message(self, kind: int, venue_ms: int, value: int, bids: int = 0, asks: int = 0) -> None:
        chunk, received_ns = self._chunk, self.reader.last_ns
        chunk.received.append(received_ns)
        chunk.venue.append(venue_ms * NS_PER_MS)
        chunk.kind.append(kind)
        chunk.best_bid.append(self._bids.best or 0)
        chunk.best_ask.append(self._asks.best or 0)
        chunk.last.append(self._last)
        chunk.value.append(value)
        chunk.bids.append(bids)
        chunk.asks.append(asks)
        self._messages += 1
        self._count(received_ns // NS - self.reader.first_ms // 1000)

        if venue_ms:
            lag_ns = received_ns - venue_ms * NS_PER_MS
            self._least_lag_ns = lag_ns if self._least_lag_ns is None else min(self._least_lag_ns, lag_ns)

        if len(chunk.kind) >= CHUNK_MESSAGES or len(chunk.bid_ticks) + len(chunk.ask_ticks) >= CHUNK_ROWS:
            self.writer.put(chunk)
            self._chunk = Gathered()
