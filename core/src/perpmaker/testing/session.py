"""A whole session in one event loop: the bot, its connector, and the venue's sandbox behind a network in memory.

On virtual time (see `perpmaker.testing.virtual`) a minute of trading takes well under a second, and the same seed is
the same session.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import anyio
import attrs

from perpmaker.cli.source import source_access, source_dialect, source_wanted
from perpmaker.cli.venue import sandbox_settings
from perpmaker.clock import Clock, LoopClock
from perpmaker.config.configuration import Configuration
from perpmaker.config.loading import load_configuration
from perpmaker.connector.interface import ConnectorContext, Environment, SandboxAccess
from perpmaker.errors import PluginError
from perpmaker.journal.order_intents import OrderIntents
from perpmaker.journal.state_dir import StateDir
from perpmaker.launch.configured_plan import plan_of
from perpmaker.launch.launch import prepare_run
from perpmaker.model.order import OrderKind
from perpmaker.plugins.catalog import load_catalog
from perpmaker.report.summary import RunFacts, Summary, summarise
from perpmaker.runtime.shutdown import Closing
from perpmaker.runtime.supervisor import Supervisor
from perpmaker.sandbox.dialect import Dialect
from perpmaker.sandbox.server import ACCOUNT, Sandbox, SandboxSettings, open_sandbox, rules_for
from perpmaker.sandbox.source_sandbox import SourceMarket, SourceSandbox, open_source_sandbox
from perpmaker.secret import References
from perpmaker.simulation.event import OrderChanged, SimulationEvent
from perpmaker.wire.memory import MemoryNetwork
from perpmaker.wire.pipe import Connect


@attrs.define(kw_only=True)
class Session:
    """A bot and the sandbox it trades on. `told` are the lines that a person would have read.

    `trace` is everything that became of orders at the venue, one line each: equal for equal sessions.
    """

    bot: Supervisor
    sandbox: Sandbox
    network: MemoryNetwork
    clock: Clock
    told: list[str]
    trace: list[str] = attrs.field(factory=list)

    async def run(self, seconds: float, *, close: bool = False) -> Summary:
        """Trade for so many seconds, stop cleanly, and sum up."""
        closing, ran_s = await self.run_bot(seconds, close=close)
        account = self.bot.trader.state.account

        return summarise(
            environment=Environment.SANDBOX.value,
            instrument=self.bot.instrument,
            seconds=ran_s,
            count=self.bot.count,
            totals=account.totals,
            before=self.bot.before,
            ledger=self.bot.ledger,
            closing=closing,
            positions=tuple(account.positions.values()) if closing.account is None else closing.account.positions,
            mark=self.bot.trader.state.market.mark,
            facts=RunFacts(
                account=self.bot.connector.account,
                run_id=self.bot.known.client_ids.run,
                stop_reason="--for",
                halted=self.bot.halted,
            ),
            origin=self.sandbox.line.worth,
        )

    async def run_bot(self, seconds: float, *, close: bool = False) -> tuple[Closing, float]:
        """Trade for so many seconds and stop; how it ended, and how long it took."""
        began_at = self.clock.now()

        async with anyio.create_task_group() as group:
            group.start_soon(self._stop_after, seconds, close)
            closing = await self.bot.run()
            group.cancel_scope.cancel()

        return closing, self.clock.now() - began_at

    def open_quotes(self) -> Sequence[str]:
        """The client ids of the bot's quotes that rest on the venue now, by the venue's own books."""
        orders = self.sandbox.exchange.open_orders(ACCOUNT)

        return [order.client_id for order in orders if self.bot.known.kind(order.client_id) is OrderKind.QUOTE]

    async def _stop_after(self, seconds: float, close: bool) -> None:  # start_soon has no keywords
        await anyio.sleep(seconds)
        self.bot.request_stop(close=close)

    def note(self, event: SimulationEvent) -> None:
        """Write down what became of an order at the venue."""
        if isinstance(event, OrderChanged):
            order = event.order
            self.trace.append(
                f"{event.account} {event.cause.value} {order.client_id} {order.side.value} {order.ticks} "
                f"{order.lots} {order.filled_lots} {event.execution}"
            )


@attrs.frozen
class _Slots(Mapping[str, str]):
    """The slot of each order of the bot, for the oracle: one slot never has two live orders."""

    known: OrderIntents

    def __getitem__(self, client_id: str) -> str:
        order = self.known.intent(client_id)

        if order is None:
            raise KeyError(client_id)

        return str(order.slot)

    def __iter__(self) -> Iterator[str]:
        return iter(self.known.sent)

    def __len__(self) -> int:
        return len(self.known.sent)


@attrs.frozen(kw_only=True)
class Stage:
    """A sandbox that is served in memory, and a configuration for bots that trade on it, one after the other.

    `source` is the sandbox of the external market that the price source reads; None where there is none. `connect` is
    the network as bots see it; None: as it is. `environment` is what bots take the venue for.
    """

    configuration: Configuration
    sandbox: Sandbox
    source: Sandbox | None
    network: MemoryNetwork
    clock: Clock
    connect: Connect | None = None
    environment: Environment = Environment.SANDBOX

    @asynccontextmanager
    async def open_bot(
        self,
        *,
        home: StateDir | None = None,
        api_secret: str | None = None,
        told: list[str] | None = None,
        adopt: bool = False,
        adopt_position: bool = False,
        resume: bool = False,
    ) -> AsyncIterator[Session]:
        """Open a bot of the configuration; `api_secret` takes the place of the one that the sandbox accepts.

        `told` collects what a person would have read, also when nothing could be opened; `adopt`, `adopt_position` and
        `resume` are as the command's.
        """
        line, told = self.sandbox.line, [] if told is None else told
        context = ConnectorContext(
            clock=self.clock,
            connect=self.connect or self.network.connect,
            signers=References(self.configuration.file.parent, {}),
            environment=self.environment,
            sandbox=SandboxAccess(url=line.url, api_key=line.api_key, api_secret=api_secret or line.api_secret),
            source_sandbox=source_access(self.configuration, line),
        )
        plan = plan_of(self.configuration)

        prepared = prepare_run(
            plan,
            context,
            home=home,
            tell=told.append,
            seed=line.seed,
            adopt=adopt,
            adopt_position=adopt_position,
            resume=resume,
        )

        async with prepared as ready:
            bot = await ready.start()
            expected = self.sandbox.oracle.expect(ACCOUNT)
            expected.slots, expected.is_own = _Slots(bot.known), bot.known.client_ids.is_ours
            session = Session(bot=bot, sandbox=self.sandbox, network=self.network, clock=self.clock, told=told)
            self.sandbox.exchange.subscribe(session.note)

            yield session


@asynccontextmanager
async def open_stage(
    file: Path,
    *overrides: str,
    seed: int = 0,
    latency_s: float = 0.001,
    market: str | None = None,
    options: Mapping[str, object] | None = None,
) -> AsyncIterator[Stage]:
    """Serve a sandbox of the file's venue with this seed.

    `market` is what it serves when not what the file names, `options` are the venue's own.
    """
    configuration = load_configuration(file, overrides, load_catalog())
    declaration = configuration.connector.declaration

    if declaration.sandbox is None:
        raise PluginError(f"{declaration.name} has no sandbox.")

    clock, network, dialect = LoopClock(), MemoryNetwork(latency_s=latency_s), declaration.sandbox()
    served = market or configuration.run.market
    settings = attrs.evolve(sandbox_settings(configuration), seed=seed, market=served, options=options or {})

    async with AsyncExitStack() as stack:
        beside = await stack.enter_async_context(_open_source(configuration, settings, dialect, network, clock))
        line = None if beside is None else beside.line
        opened = open_sandbox(dialect, settings, clock=clock, listener=await network.listen(), source=line)
        sandbox = await stack.enter_async_context(opened)

        if beside is not None:
            beside.follow(sandbox.exchange)

        source = None if beside is None else beside.sandbox

        yield Stage(configuration=configuration, sandbox=sandbox, source=source, network=network, clock=clock)


@asynccontextmanager
async def _open_source(
    configuration: Configuration, settings: SandboxSettings, traded: Dialect, network: MemoryNetwork, clock: Clock
) -> AsyncIterator[SourceSandbox | None]:
    """The sandbox of what the price source reads, where the configuration names something external."""
    wanted = source_wanted(configuration)

    if wanted is None:
        yield None
        return

    name, market = wanted
    dialect = source_dialect(load_catalog(), name)
    source = SourceMarket(
        venue=name, dialect=dialect, market=market, listener=await network.listen(), traded=rules_for(traded, settings)
    )

    async with open_source_sandbox(source, settings, clock=clock) as beside:
        yield beside


@asynccontextmanager
async def open_session(
    file: Path,
    *overrides: str,
    seed: int = 0,
    latency_s: float = 0.001,
    home: StateDir | None = None,
    options: Mapping[str, object] | None = None,
) -> AsyncIterator[Session]:
    """Open a sandbox of the file's venue with this seed, and a bot of this configuration connected to it."""
    opened = open_stage(file, *overrides, seed=seed, latency_s=latency_s, options=options)

    async with opened as stage, stage.open_bot(home=home) as bot:
        yield bot
