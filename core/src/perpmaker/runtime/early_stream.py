"""The account's stream of a run that has not begun: heard before the account is read, so that one reading is enough."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random

import anyio
import attrs

from perpmaker.clock import Clock
from perpmaker.connector.interface import DerivativeConnector, Feed
from perpmaker.execution.dispatch import Emit
from perpmaker.model.event import Channel, Event, OrderFilled, OrderReported, StreamLost, StreamRestored
from perpmaker.model.instrument import Instrument
from perpmaker.plugins.start import starting
from perpmaker.runtime.backoff import Backoff
from perpmaker.runtime.event_queue import EventQueue
from perpmaker.runtime.stream_runner import StreamRunner
from perpmaker.runtime.tasks import Tasks, kept

OPENING_S = 5.0
"""Seconds that a start waits for the stream; without it the account is read again once the stream is there."""


@attrs.define(kw_only=True)
class EarlyStream:
    """Keeps what the stream brings until a run takes it over; from then on it is a stream of that run.

    `feeds` are those of the connector, `feed` the one of them that brings the account.
    """

    feeds: Sequence[Feed]
    feed: Feed
    clock: Clock
    runner: StreamRunner = attrs.field(init=False)
    _emit: Emit | None = attrs.field(default=None, init=False)
    _waiting: EventQueue = attrs.field(factory=EventQueue, init=False)
    _since: float | None = attrs.field(default=None, init=False)
    _tried: anyio.Event = attrs.field(factory=anyio.Event, init=False)
    _over: anyio.Event = attrs.field(factory=anyio.Event, init=False)
    _scope: anyio.CancelScope = attrs.field(factory=anyio.CancelScope, init=False)
    _error: Exception | None = attrs.field(default=None, init=False)

    @property
    def since(self) -> float | None:
        """The engine's time from which on it was heard and brought no order; None where it is not, or has brought one.

        An order that nobody has read yet may be another process's, whom only a reading finds.
        """
        return self._since

    async def open(self, tasks: Tasks, seed: int) -> None:
        """Begin to hear, and wait until the first connection is there, or has failed."""
        backoff = Backoff(Random(seed))  # noqa: S311  # jitter, not cryptography
        self.runner = StreamRunner(feed=self.feed, clock=self.clock, emit=self._hear, backoff=backoff)
        tasks.start_soon(self._run)

        with anyio.move_on_after(OPENING_S):
            await self._tried.wait()

    def hand_over(self, emit: Emit) -> None:
        """Give everything to a run, what has come so far among it."""
        self._emit = emit
        emit(self._waiting.take())

    async def keep(self) -> None:
        """Be a task of the run that has taken it over: it ends with that, and fails it where it fails."""
        try:
            await self._over.wait()
        finally:
            self._scope.cancel()

        if self._error is not None:
            raise self._error

    async def _run(self) -> None:
        try:
            with self._scope:
                await kept(self.runner.run)
        except Exception as error:  # noqa: BLE001  # raised again in the run: here it would end whoever prepares it
            self._error = error
        finally:
            self._over.set()
            self._tried.set()

    def _hear(self, events: Iterable[Event]) -> None:
        known = list(events)

        if self._emit is not None:
            self._judge(known)
            self._emit(known)
            return

        if not self._tried.is_set() and any(isinstance(event, StreamRestored) for event in known):
            self._since = self.clock.now()
            # The run begins with it: that it was restored would ask for one reading more.
            known = [event for event in known if not _is_restored_account(event)]
        else:
            self._judge(known)

        self._tried.set()
        self._waiting.put(known)

    def _judge(self, events: Sequence[Event]) -> None:
        if self._since is not None and any(map(_asks_for_a_reading, events)):
            self._since = None


def _asks_for_a_reading(event: Event) -> bool:
    is_lost = isinstance(event, StreamLost) and event.channel is Channel.ACCOUNT

    return is_lost or isinstance(event, (OrderReported, OrderFilled))


def _is_restored_account(event: Event) -> bool:
    return isinstance(event, StreamRestored) and event.channel is Channel.ACCOUNT


async def open_early(
    connector: DerivativeConnector, instrument: Instrument, clock: Clock, tasks: Tasks, seed: int
) -> EarlyStream | None:
    """Open the account's stream of a market; None where the connector offers none now."""
    with starting("connector", connector.name):
        feeds = tuple(connector.feeds(instrument))

    feed = next((one for one in feeds if Channel.ACCOUNT in one.channels), None)

    if feed is None:
        return None

    early = EarlyStream(feeds=feeds, feed=feed, clock=clock)
    await early.open(tasks, seed)

    return early
