"""Records the public streams of one market: connects, keeps what comes, says what is missing, writes it down.

The streams are translated as they are live, by the connector itself: that is how a gap is known. What is written is
what came.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from random import Random
from typing import Final

import anyio
import attrs

from perpmaker.capture.files import CaptureFiles
from perpmaker.capture.lines import Lines, write
from perpmaker.clock import Clock
from perpmaker.connector.abilities import PriceReading, Timekeeping
from perpmaker.connector.interface import DerivativeConnector, Feed
from perpmaker.connector.tape import Tape
from perpmaker.errors import CaptureError, ExitCode, PerpmakerError
from perpmaker.model.event import (
    BookChanged,
    BookLost,
    BookSnapshot,
    Channel,
    Event,
    Halted,
    MarkChanged,
    StreamLost,
    StreamRestored,
    Traded,
)
from perpmaker.model.instrument import Instrument
from perpmaker.runtime.backoff import Backoff
from perpmaker.runtime.stream_lines import StreamLines
from perpmaker.runtime.stream_runner import StreamRunner
from perpmaker.simulation.recording_note import EndNote, GapNote, MarketNote, ReconnectNote

WRITE_S: Final = 0.5
"""Seconds between two writes: so much is lost, and not more, when the process is killed."""

RULES_S: Final = 600.0
"""Seconds after which the market's rules are read again."""

SET_BACK_S: Final = 1.0
"""Seconds by which the machine's clock has to be behind the recording's before that is told."""

_SPOKEN = (BookSnapshot, BookChanged, Traded, MarkChanged)

InThread = Callable[[Callable[[], object]], Awaitable[object]]
"""Lets something be done where it holds up nothing else."""


async def in_thread(do: Callable[[], object]) -> object:
    """Do it in a thread: a disk that is slow delays no message."""
    return await anyio.to_thread.run_sync(do)


@attrs.define(kw_only=True)
class Recorder:
    """Records one market until `stop` is called, or it cannot go on.

    `tape` is the one that the connector was opened with; `label` and `version` are written down with the market.
    `tell` is given what a person should read.
    """

    connector: DerivativeConnector
    instrument: Instrument
    environment: str
    tape: Tape
    files: CaptureFiles
    clock: Clock
    utc_ns: Callable[[], int]
    tell: Callable[[str], None]
    version: str = ""
    in_thread: InThread = in_thread
    gaps: int = attrs.field(default=0, init=False)
    reconnects: int = attrs.field(default=0, init=False)
    stop_reason: str = attrs.field(default="", init=False)
    lines: Lines = attrs.field(init=False)
    _failure: PerpmakerError | None = attrs.field(default=None, init=False)
    _over: anyio.Event = attrs.field(factory=anyio.Event, init=False)
    _mark: MarkChanged | None = attrs.field(default=None, init=False)
    _last_ticks: int | None = attrs.field(default=None, init=False)
    _lost_at: dict[Channel, float] = attrs.field(factory=dict, init=False)
    _known: set[Channel] = attrs.field(factory=set, init=False)
    _is_set_back: bool = attrs.field(default=False, init=False)
    _words: StreamLines = attrs.field(factory=StreamLines, init=False)

    def __attrs_post_init__(self) -> None:
        """Have the tape's messages kept as lines."""
        self.lines = Lines(self.utc_ns, self._head, self._tail)
        self.tape.keep = self.lines.keep

    @property
    def last_price(self) -> str:
        """The price of the last trade, the mark price before there was one; empty before that."""
        if self._last_ticks is not None:
            return f"{self.instrument.price(self._last_ticks):f}"

        return "" if self._mark is None else f"{self._mark.mark:f}"

    def stop(self, reason: str) -> None:
        """End the recording; the first reason counts."""
        self.stop_reason = self.stop_reason or reason
        self._over.set()

    async def run(self) -> None:
        """Record. Raises what it could not go on for, when all that came before is written."""
        await self._ask_mark()
        self.lines.begin()
        await self._write()

        try:
            async with anyio.create_task_group() as tasks:
                for number, feed in enumerate(self._public_feeds()):
                    backoff = Backoff(Random(number))  # noqa: S311  # jitter, not cryptography
                    runner = StreamRunner(feed=feed, clock=self.clock, emit=self._take, backoff=backoff)
                    tasks.start_soon(runner.run)

                tasks.start_soon(self._write_again_and_again)
                tasks.start_soon(self._follow_rules)
                await self._over.wait()
                tasks.cancel_scope.cancel()
        finally:
            with anyio.CancelScope(shield=True):
                await self._end()

        if self._failure is not None:
            raise self._failure

    def _public_feeds(self) -> Sequence[Feed]:
        """The streams that say something of the market. Without a key, nothing else comes by them."""
        return [feed for feed in self.connector.feeds(self.instrument) if feed.channels - {Channel.ACCOUNT}]

    # --- what comes ---------------------------------------------------------------------------------------------------

    def _take(self, events: Sequence[Event]) -> None:
        """Take what a stream says, translated: it was kept already, as it came."""
        changes = [event for event in events if isinstance(event, StreamLost | StreamRestored)]

        for line in self._words.lines(changes, self.clock.now()) if changes else ():
            self.tell(line)

        self._follow([one for one in changes if isinstance(one, StreamLost)])
        self._greet([one.channel for one in changes if isinstance(one, StreamRestored)])

        for event in events:
            match event:
                case Traded():
                    self._last_ticks = event.ticks
                case MarkChanged():
                    self._mark = event
                case BookLost():
                    self._miss((Channel.BOOK,), event.reason)
                    self.tell(f"book lost: {event.reason}")
                case Halted():
                    self._fail(CaptureError(event.reason, event.code))

        if not self.lines.messages and any(isinstance(event, _SPOKEN) for event in events):
            name = self.connector.name
            self._fail(
                CaptureError(
                    f"the connector {name} does not hand on what its venue says, so it cannot be recorded: its author "
                    "finds in docs/recording.md what a recording needs",
                    ExitCode.PLUGIN,
                )
            )

    def _follow(self, lost: Sequence[StreamLost]) -> None:
        """Note that streams were lost; those that never were there are only missing."""
        now = self.clock.now()
        channels = tuple(one.channel for one in lost if one.channel in self._known)

        for one in lost:
            self._lost_at.setdefault(one.channel, now)
            self._known.discard(one.channel)

        if channels:
            self._miss(channels, lost[0].reason)

    def _greet(self, channels: Sequence[Channel]) -> None:
        """Note that streams are there, where they had been lost."""
        if not channels:
            return

        self._known.update(channels)
        lost_at = [at for channel in channels if (at := self._lost_at.pop(channel, None)) is not None]

        if lost_at:
            self.reconnects += 1
            after_ms = round((self.clock.now() - min(lost_at)) * 1000)
            self.lines.note(ReconnectNote(channels=_names(channels), after_ms=after_ms))

    def _miss(self, channels: Sequence[Channel], reason: str) -> None:
        """Note that messages are missing from here on."""
        self.gaps += 1
        self.lines.note(GapNote(channels=_names(channels), reason=reason))

    # --- the market ---------------------------------------------------------------------------------------------------

    def _head(self) -> MarketNote:
        """The top of a file; with it the venue is asked for everything anew."""
        self.tape.beginnings += 1

        return self._market_note()

    def _tail(self, reason: str) -> EndNote:
        """The end of a file: what the recording holds so far."""
        return EndNote(reason=reason, messages=self.lines.messages, gaps=self.gaps)

    def _market_note(self) -> MarketNote:
        """What is known of the market now."""
        mark, told = self._mark, None

        if isinstance(self.connector, Timekeeping):
            with suppress(PerpmakerError):  # a file is not lost for want of the venue's time
                told = self.connector.venue_time(self.clock.now())

        return MarketNote(
            connector=self.connector.name,
            environment=self.environment,
            instrument=self.instrument,
            recorder=self.version,
            part=self.tape.beginnings,
            clock_ahead_ms=None if told is None else told.ms - self.utc_ns() // 1_000_000,
            clock_uncertain_ms=None if told is None else round(told.uncertainty_s * 1000),
            mark=None if mark is None else mark.mark,
            index=None if mark is None else mark.index,
            funding_rate=None if mark is None else mark.funding_rate,
            next_funding_ms=None if mark is None else mark.next_funding_ms,
        )

    async def _ask_mark(self) -> None:
        """Ask for mark price and funding, where the venue answers: the top of the first file tells them."""
        if isinstance(self.connector, PriceReading):
            try:
                self._mark = await self.connector.fetch_mark(self.instrument)
            except PerpmakerError:
                return  # the stream tells them

    async def _follow_rules(self) -> None:
        """Read the market's rules again and again, and note them where they have changed."""
        while True:
            await anyio.sleep(RULES_S)

            try:
                now = await self.connector.fetch_instrument(self.instrument.market)
            except PerpmakerError:
                continue  # what is wrong with the venue shows in the streams

            if (now.tick, now.lot) != (self.instrument.tick, self.instrument.lot):
                tick, lot = now.tick.normalize(), now.lot.normalize()
                text = f"{now.market} has a tick of {tick:f} and a lot of {lot:f} now"
                again = "the recording of it as it was ends here; start another one"
                self._fail(CaptureError(f"{text}: {again}", ExitCode.REFUSED))
            elif now != self.instrument:
                self.instrument = now
                self.tell(f"the rules of {now.market} have changed: they are noted")
                self.lines.note(self._market_note())

    # --- the disk -----------------------------------------------------------------------------------------------------

    async def _write_again_and_again(self) -> None:
        while not self._over.is_set():
            await anyio.sleep(WRITE_S)

            try:
                await self._write()
            except CaptureError as error:
                self.files.abandon()
                self._fail(error)

            self._watch_clock()

            if self.lines.is_full:
                self._fail(CaptureError("the disk is slower than the venue, so the recording ends here"))

    def _watch_clock(self) -> None:
        """Tell when the machine's clock was set back, once each time."""
        behind_s = (self.lines.last_ns - self.utc_ns()) / 1_000_000_000

        if behind_s > SET_BACK_S and not self._is_set_back:
            self.tell(
                f"this machine's clock was set back by {behind_s:.0f} s: "
                "the times of the recording stand still until it has caught up"
            )

        self._is_set_back = behind_s > SET_BACK_S

    async def _write(self) -> None:
        """Write what there is. Nobody ends this halfway: what was taken is kept nowhere else."""
        with anyio.CancelScope(shield=True):
            await self.in_thread(partial(write, self.files, self.lines.take()))

    async def _end(self) -> None:
        """Write what there is, and that it ends; nothing more after the disk has refused."""
        if self._failure is None or self.files.is_open:
            self.lines.note(self._tail(self.stop_reason))

        try:
            await self._write()
            await self.in_thread(self.files.end)
        except CaptureError as error:
            self.files.abandon()
            self._failure = self._failure or error

    def _fail(self, error: PerpmakerError) -> None:
        """End the recording by what it cannot go on for; the first one counts."""
        self._failure = self._failure or error
        self.stop("error")


def _names(channels: Sequence[Channel]) -> tuple[str, ...]:
    return tuple(channel.value for channel in channels)
