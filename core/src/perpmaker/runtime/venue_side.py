"""All of a run that talks to the venue: streams, readings, commands, questions, watches, and the venue's own timer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

import anyio
import attrs

from perpmaker.clock import Clock
from perpmaker.connector.abilities import DeadManSwitch
from perpmaker.connector.interface import DerivativeConnector, Feed
from perpmaker.decision.trader import Trader
from perpmaker.execution.dispatch import Dispatcher, Emit, Gate
from perpmaker.journal.order_intents import OrderIntents
from perpmaker.model.instrument import Instrument
from perpmaker.model.reading import AccountSeen
from perpmaker.plugins.start import starting
from perpmaker.runtime.account_reader import AccountReader
from perpmaker.runtime.backoff import Backoff
from perpmaker.runtime.dead_man_switch import SwitchKeeper
from perpmaker.runtime.early_stream import EarlyStream
from perpmaker.runtime.order_queries import OrderQueries
from perpmaker.runtime.reconciliation import Reconciliation
from perpmaker.runtime.retry import Retry
from perpmaker.runtime.stream_runner import StreamRunner
from perpmaker.runtime.tasks import Tasks
from perpmaker.runtime.watches import Watches, make_watches

CHECK_S = 30.0


@attrs.define(kw_only=True)
class VenueSide:
    """What is heard goes to `emit`; see `Supervisor` for what it is made of.

    `since_ms` is the venue's time from which on fills may not be known, `income_since_ms` the same of what was booked.
    `has_past`: whether there may be fills before this run. `early` is the account's stream, where the start has opened
    that.
    """

    connector: DerivativeConnector
    instrument: Instrument
    trader: Trader
    known: OrderIntents
    clock: Clock
    emit: Emit
    tell: Callable[[str], None]
    sources: Sequence[Feed]
    random: Random
    held: Callable[[float], None]
    since_ms: int
    income_since_ms: int
    has_past: bool = True
    seen: AccountSeen | None = None
    early: EarlyStream | None = None
    dead_man_s: float | None = None
    dead_man_takes_foreign: bool = False
    gate: Gate = attrs.field(init=False)
    reconciliation: Reconciliation = attrs.field(init=False)
    dispatcher: Dispatcher = attrs.field(init=False)
    watches: Watches = attrs.field(init=False)
    dead_man: SwitchKeeper | None = attrs.field(init=False)
    reader: AccountReader = attrs.field(init=False)
    asking: OrderQueries = attrs.field(init=False)
    runners: Sequence[StreamRunner] = attrs.field(init=False)
    _resync_wanted: anyio.Event = attrs.field(factory=anyio.Event, init=False)

    def __attrs_post_init__(self) -> None:
        connector, instrument, clock, emit = self.connector, self.instrument, self.clock, self.emit
        self.gate = gate = Gate(clock=clock)
        retry = Retry(gate=gate, emit=emit, random=self.random, held=self.held)
        self.reconciliation = reconciliation = Reconciliation(
            connector=connector, instrument=instrument, clock=clock, names=self.trader.names
        )
        self.dispatcher = Dispatcher(connector=connector, instrument=instrument, clock=clock, gate=gate, emit=emit)
        self.watches = make_watches(
            connector,
            instrument,
            reconciliation=reconciliation,
            clock=clock,
            gate=gate,
            emit=emit,
            since_ms=self.income_since_ms,
        )
        self.dead_man = self._switch_keeper()
        self.reader = AccountReader(
            reconciliation=reconciliation,
            trader=self.trader,
            retry=retry,
            emit=emit,
            since_ms=self.since_ms,
            has_past=self.has_past,
            seen=self.seen,
            early=self.early,
        )
        self.asking = OrderQueries(reconciliation=reconciliation, retry=retry, emit=emit)

        with starting("connector", connector.name):
            feeds = connector.feeds(instrument) if self.early is None else self.early.feeds

        self.runners = [self._runner(feed) for feed in (*feeds, *self.sources)]

        if self.early is not None:
            self.early.hand_over(emit)

    def start(self, tasks: Tasks) -> None:
        """Begin to hear, to read and to watch."""
        for runner in self.runners:
            tasks.start_soon(self.early.keep if self.early is not None and runner is self.early.runner else runner.run)

        tasks.start_soon(self.reader.look)
        tasks.start_soon(self._keep_synced)
        tasks.start_soon(self._check)
        self.watches.start(tasks)

        if self.dead_man is not None:
            tasks.start_soon(self.dead_man.run)

    def want_resync(self) -> None:
        """Have the account read; wishes that come while one waits are one."""
        self._resync_wanted.set()

    async def _keep_synced(self) -> None:
        """Read the account whenever somebody wants it read."""
        while True:
            await self._resync_wanted.wait()
            self._resync_wanted = anyio.Event()
            await self.reader.read()

    async def _check(self) -> None:
        """Compare with the venue every `CHECK_S`, whatever the streams say."""
        while True:
            await anyio.sleep(CHECK_S)
            self.want_resync()
            await self.watches.settings.look()

    def _runner(self, feed: Feed) -> StreamRunner:
        if self.early is not None and feed is self.early.feed:
            return self.early.runner

        backoff = Backoff(Random(self.random.random()))  # noqa: S311  # jitter, not cryptography

        return StreamRunner(feed=feed, clock=self.clock, emit=self.emit, backoff=backoff)

    def _switch_keeper(self) -> SwitchKeeper | None:
        """What keeps the venue's own timer armed; None where it has none, or it is off."""
        if self.dead_man_s is None or not isinstance(self.connector, DeadManSwitch):
            return None

        return SwitchKeeper(
            switch=self.connector,
            instrument=self.instrument,
            clock=self.clock,
            gate=self.gate,
            seconds=self.dead_man_s,
            fence_s=self.connector.fence_s,
            is_ours=self.known.client_ids.is_ours,
            takes_foreign=self.dead_man_takes_foreign,
            tell=self.tell,
            resync=self.want_resync,
            emit=self.emit,
        )
