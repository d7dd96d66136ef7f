"""A price source inside a scenario: a plugin's own, opened as in a run, on the scenario's clock.

The source is asynchronous and a scenario is not: the source runs in a thread of its own, and never at the same time as
the scenario. It is let go on until everything in it waits, and then stands still until the scenario has moved on.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from math import inf
from pathlib import Path
from random import Random
from threading import Event as Flag
from threading import Thread
from typing import Any, Final, NoReturn

import anyio
import attrs
from anyio.lowlevel import current_token

from perpmaker.connector.interface import ConnectorContext, Environment
from perpmaker.errors import ConnectivityError
from perpmaker.launch.price_source import SourcePlan, Standstill, judged, source_opener
from perpmaker.model.event import Event
from perpmaker.plugins.declarations import Declaration
from perpmaker.plugins.start import Report
from perpmaker.runtime.backoff import Backoff
from perpmaker.runtime.stream_runner import ReferenceFeed, StreamRunner
from perpmaker.runtime.traded_market import WatchedMarket
from perpmaker.secret import References
from perpmaker.state.state import State
from perpmaker.testing.scenario_agenda import moment
from perpmaker.testing.virtual import require_trio

STUCK_S: Final = 30.0
"""Seconds of real time after which a source that never waits for anything is given up."""

_NANOSECOND_S: Final = 1e-9

_LONG_S: Final = 1e9
"""Longer than any wait for input: the loop sleeps until it is woken."""


class _Steps:
    """The source's clock, and the hook that tells when everything in its loop waits. trio's names, see its docs."""

    def __init__(self, now: float) -> None:
        self.now = now
        self.next_at = inf
        self.waits = Flag()

    def start_clock(self) -> None:
        """Begin; there is nothing to begin."""

    def current_time(self) -> float:
        """The scenario's time."""
        return self.now

    def deadline_to_sleep_time(self, deadline: float) -> float:
        """How long the loop may wait for input: not at all when something is due, else until it is woken."""
        self.next_at = moment(deadline) if deadline < inf else inf

        if self.next_at < deadline:  # woken then, the loop would find nothing to do, again and again
            self.next_at = moment(deadline + _NANOSECOND_S)

        return 0.0 if deadline <= self.now else _LONG_S

    def before_io_wait(self, timeout: float) -> None:
        """Tell that everything waits."""
        if timeout > 0:
            self.waits.set()


@attrs.define(kw_only=True)
class _Clock:
    """The scenario's clock as a plugin is given it."""

    steps: _Steps
    start_ms: int

    def now(self) -> float:
        """Seconds since the scenario began."""
        return self.steps.now

    def utc_ms(self) -> int:
        """The venue's time in the scenario."""
        return self.start_ms + round(self.steps.now * 1000)


class RunningSource:
    """A price source that speaks in a scenario. `next_at` is when it wants to do something next.

    `emit` is given its events while `reach` or `see` is called, and at no other time. `state` has the traded market.
    """

    def __init__(
        self,
        plan: SourcePlan,
        *,
        report: Report,
        now: float,
        start_ms: int,
        state: State,
        standstill: Standstill,
        emit: Callable[[Sequence[Event]], None],
    ) -> None:
        require_trio()
        self._traded = WatchedMarket(state) if plan.declaration.reads_traded_book else None
        self._steps = _Steps(now)
        self._name = plan.declaration.name
        clock = _Clock(steps=self._steps, start_ms=start_ms)
        context = ConnectorContext(
            clock=clock, connect=_no_network, signers=References(Path(), {}), environment=Environment.SANDBOX
        )
        runner = StreamRunner(
            feed=ReferenceFeed(source=judged(source_opener(plan, context, report, traded=self._traded), standstill)),
            clock=clock,
            emit=emit,
            backoff=Backoff(Random(0)),  # noqa: S311  # jitter, not cryptography
        )
        loop = _Loop(runner, self._steps)
        self._loop = loop
        Thread(target=loop.run, name=f"price source {self._name}", daemon=True).start()
        self._wait()
        weakref.finalize(self, loop.end)

    @property
    def next_at(self) -> float:
        """When the source wants to do something next, in seconds of the scenario; infinite when never."""
        return self._steps.next_at

    def reach(self, now: float) -> None:
        """Let the source do everything that is due by this time of the scenario."""
        self._steps.now = now

        if self.next_at <= now:
            self._steps.waits.clear()
            self._loop.soon(_nothing)
            self._wait()

    def see(self, events: Sequence[Event]) -> None:
        """Let a source that reads the traded book see what the bot has taken in."""
        if self._traded is not None:
            self._steps.waits.clear()
            self._loop.soon(partial(self._traded.see, events))
            self._wait()

    def close(self) -> None:
        """Let the source close what it has opened, and end."""
        self._loop.end()
        self._loop.ended.wait(STUCK_S)

    def _wait(self) -> None:
        if not self._steps.waits.wait(STUCK_S):
            raise AssertionError(f"the price source {self._name} never waits for anything: it has no `await` that does")


class _Loop:
    """The loop in which a source runs; everything but `run` is called from the scenario's thread."""

    def __init__(self, runner: StreamRunner, steps: _Steps) -> None:
        self.ended = Flag()
        self._runner = runner
        self._steps = steps
        self._scope: anyio.CancelScope | None = None
        self._token: Any = None

    def run(self) -> None:
        """Run the source until its end."""
        try:
            options = {"clock": self._steps, "instruments": [self._steps]}
            anyio.run(self._main, backend="trio", backend_options=options)
        finally:
            self.ended.set()
            self._steps.waits.set()

    def soon(self, act: Callable[[], object]) -> None:
        """Do this in the loop, which is woken for it, and do not wait; nothing where the loop has ended."""
        if self._token is not None:
            with suppress(RuntimeError):  # it has ended meanwhile
                self._token.run_sync_soon(act)

    def end(self) -> None:
        """Have the loop end."""
        if self._scope is not None:
            self.soon(self._scope.cancel)

    async def _main(self) -> None:
        self._token = current_token().native_token

        with anyio.CancelScope() as self._scope:
            await self._runner.run()


def is_handed_over(plan: SourcePlan, plugins: Sequence[Declaration]) -> bool:
    """Whether the price source of a plan, or what it names as external market, is among these plugins."""
    return plan.declaration in plugins or (plan.external is not None and plan.external[0] in plugins)


def _nothing() -> None:
    """Wake the loop."""


async def _no_network(host: str, port: int, *, tls: bool) -> NoReturn:
    """A scenario has no network."""
    del tls

    raise ConnectivityError(f"{host}:{port}: a scenario has no network; say its prices with `reference`")
