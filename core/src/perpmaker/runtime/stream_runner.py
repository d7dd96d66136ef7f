"""One stream, kept alive: connect, receive, notice silence, back off, connect again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from math import inf

import anyio
import attrs

from perpmaker.clock import Clock
from perpmaker.connector.interface import EventReceiver, Feed
from perpmaker.connector.price_source import ReferenceReceiver
from perpmaker.errors import (
    AuthenticationError,
    ConnectivityError,
    ExitCode,
    MarketClosedError,
    PayloadError,
    PluginFaultError,
    RateLimitedError,
    RefusedError,
)
from perpmaker.execution.action import Reconnect
from perpmaker.execution.dispatch import LOCKED_OUT_S, Emit
from perpmaker.model.event import Channel, Event, Halted, StreamLost, StreamRestored
from perpmaker.runtime.backoff import Backoff
from perpmaker.runtime.opening import opened_in_time
from perpmaker.runtime.plugin_guard import GuardedReceiver
from perpmaker.runtime.plugin_output_checks import checked_events
from perpmaker.runtime.stream_pace import PricePace, StreamPace
from perpmaker.secret import redacted

OPEN_S = 30.0
"""Seconds after which a stream that is still being opened is given up and opened anew."""

LATE = 0.05
"""How much later than it should be a silence may be noticed, as a share: to set an alarm anew takes as long as to read
a message."""

PROVEN_S = 2.0
"""A connection that lasted this long has worked: after it ends, the next try comes at once again."""


@attrs.define(kw_only=True)
class StreamRunner:
    """Runs one feed for as long as the bot lives. What it learns is emitted; it never raises for a venue's faults."""

    feed: Feed
    clock: Clock
    emit: Emit
    backoff: Backoff
    _scope: anyio.CancelScope | None = attrs.field(default=None, init=False)
    _is_off: bool = attrs.field(default=False, init=False)
    _asked: str = attrs.field(default="", init=False)

    async def run(self) -> None:
        """Connect and receive, again and again, until cancelled, or until the plugin had to be interrupted."""
        while True:
            reason, wait_s = await self._session()
            self.emit([StreamLost(channel=channel, reason=reason) for channel in self._channels()])

            if self._is_off:
                return

            await anyio.sleep(max(wait_s, self.backoff.next_s()))

    def reconnect(self, reason: str) -> None:
        """End the present connection, so that a new one is made; nothing when there is none."""
        if self._scope is not None:
            self._asked = reason
            self._scope.cancel()

    async def _session(self) -> tuple[str, float]:
        """One connection from its beginning to its end: why it ended, and the least time to wait before the next."""
        try:
            with anyio.CancelScope() as self._scope:
                await self._receive()
        except TimeoutError as error:
            return str(error) or f"silent for {self.feed.stall_s} s", 0.0
        except (ConnectivityError, PayloadError, MarketClosedError) as error:
            return str(error), 0.0
        except RateLimitedError as error:
            return str(error), error.retry_after_s
        except RefusedError as error:
            self.emit([Halted(reason=f"the {self._name()} stream was refused: {error}", code=error.exit_code)])
            return str(error), LOCKED_OUT_S if isinstance(error, AuthenticationError) else 0.0
        except Exception as error:  # noqa: BLE001  # the declared seam to plugins: contained here, and told as a halt
            return self._failed(error), 0.0
        finally:
            self._scope = None

        return self._asked, 0.0

    def _failed(self, error: Exception) -> str:
        """Tell what no plugin may raise as a halt; one that had to be interrupted is not opened again."""
        if isinstance(error, PluginFaultError):
            self._is_off, reason = error.interrupted, str(error)
        else:
            reason = redacted(f"the {self._name()} stream failed ({type(error).__name__}: {error})")

        self.emit([Halted(reason=reason, code=ExitCode.PLUGIN)])

        return reason

    async def _receive(self) -> None:
        """Open the feed and pass on what it brings; TimeoutError when it brings nothing for too long."""
        async with opened_in_time(self.feed.open, OPEN_S) as receiver:
            is_checked, pace = isinstance(receiver, GuardedReceiver), StreamPace()
            self.emit([StreamRestored(channel=channel) for channel in self._channels()])
            proven_at = self.clock.now() + PROVEN_S
            stall_s = inf if self.feed.stall_s is None else self.feed.stall_s
            margin_s = stall_s * LATE
            move_at = self.clock.now() + margin_s

            with anyio.CancelScope(deadline=anyio.current_time() + stall_s + margin_s) as silence:
                while True:
                    events = await receiver.receive()
                    self.emit(events if is_checked else checked_events(events))
                    now = self.clock.now()

                    if pace.is_due():
                        await pace.turn()

                    if now >= move_at:
                        silence.deadline, move_at = anyio.current_time() + stall_s + margin_s, now + margin_s

                    if now >= proven_at:
                        self.backoff.reset()

            raise TimeoutError

    def _channels(self) -> list[Channel]:
        return sorted(self.feed.channels, key=lambda channel: channel.value)

    def _name(self) -> str:
        return " and ".join(channel.value for channel in self._channels())


def reconnect(runners: Iterable[StreamRunner], action: Reconnect) -> None:
    """Have the channel that an action names connected anew."""
    for runner in runners:
        if action.channel in {channel.value for channel in runner.feed.channels}:
            runner.reconnect(action.reason)


@attrs.frozen(kw_only=True)
class ReferenceFeed:
    """A price source as a feed like any other; its own age decides when it is stale, so silence means nothing."""

    source: Callable[[], AbstractAsyncContextManager[ReferenceReceiver]]
    channels: frozenset[Channel] = frozenset({Channel.REFERENCE})
    stall_s: float | None = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[EventReceiver]:
        """Open the price source."""
        async with self.source() as receiver:
            yield _References(receiver)


@attrs.frozen
class _References:
    """One reference at a time, as events."""

    receiver: ReferenceReceiver
    pace: PricePace = attrs.field(factory=PricePace)

    async def receive(self) -> Sequence[Event]:
        """The next reference."""
        await self.pace.keep()

        return (await self.receiver.receive(),)
