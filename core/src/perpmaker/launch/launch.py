"""From a plan to a bot that trades: connect, read the market, claim the account, prepare it, assemble the trader."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TypeVar

import attrs

from perpmaker.connector.abilities import AccountRemarks, AttachedStops, DeadManSwitch, ExpiringQuotes
from perpmaker.connector.interface import ConnectorContext, Environment
from perpmaker.journal.order_intents import OrderIntents
from perpmaker.journal.state_dir import StateDir
from perpmaker.launch.assembly import open_sources
from perpmaker.launch.latched_start import check_halt
from perpmaker.launch.plan import Plan
from perpmaker.launch.start_steps import OpenMarket, StartSteps
from perpmaker.launch.traceback_file import Tracebacks
from perpmaker.runtime.account_exposure import MarketExposure
from perpmaker.runtime.observers import Observers
from perpmaker.runtime.supervisor import Supervisor

_Answer = TypeVar("_Answer")


@asynccontextmanager
async def prepare_run(
    plan: Plan,
    context: ConnectorContext,
    *,
    home: StateDir | None,
    tell: Callable[[str], None],
    seed: int,
    adopt: bool = False,
    adopt_position: bool = False,
    trust_key: bool = False,
    resume: bool = False,
    observers: Observers | None = None,
    exposure: MarketExposure | None = None,
) -> AsyncIterator[ReadyRun]:
    """Yield a run that may be started: connected, the account claimed, and nothing of it set or sent.

    While the venue cannot be reached it is tried again, and lines say so.
    `home` None keeps the journal in memory and takes no lock. The account and market are locked as long as it is open.
    `adopt`: orders with our mark whose run the journal does not know are taken for ours and cancelled, instead of
    refusing the start. `adopt_position`: on testnet and live, a position that the journal does not explain is managed,
    instead of refusing the start. `trust_key`: live, also where the venue does not tell what the key may do. `resume`
    releases a latched halt, once everything that may refuse the start has been passed. `observers` are told what
    happens to the bot; what they have a person told goes to `tell`, too. `exposure` is this market's among those that
    this process trades, where there are several.

    Raises:
        AuthenticationError: the venue does not accept the key; names the key of the configuration.
        UnknownMarketError: no such market; names the nearest.
        KeyRightsError: live, and the key may withdraw, or may not trade, or its rights are unknown.
        MarketRulesError: the market does not allow what the plan asks for (see `perpmaker.launch.market_rules`).
        LockedError: another process trades this account and market, or orders on the venue say that one does.
        HaltedError: a halt is latched, and `resume` was not given.
        UnexplainedPositionError: on testnet or live there is a position that the journal does not explain.
        JournalError: the journal cannot be opened, or belongs to something else.
    """
    report = Tracebacks(None if home is None else home.root, tell).keep

    async with AsyncExitStack() as stack:
        watchers = observers or Observers(tell)
        steps = StartSteps(
            plan=plan,
            context=context,
            home=home,
            tell=tell,
            seed=seed,
            stack=stack,
            report=report,
            observers=watchers,
            exposure=exposure,
        )
        market = await steps.connect(trust_key=trust_key)
        known = await steps.open_journal(market)
        await check_halt(known.journal, steps.reconciliation(market), known, resume=resume, tell=tell)
        await steps.hear_account(market)
        await steps.claim(market, known, adopt=adopt, adopt_position=adopt_position)

        yield ReadyRun(market=market, steps=steps, known=known, resume=resume)


@attrs.frozen(kw_only=True)
class ReadyRun:
    """A run that may be started. Its `market` is looked at, and a person is asked, before that."""

    market: OpenMarket
    _steps: StartSteps
    _known: OrderIntents
    _resume: bool

    async def insist(self, ask: Callable[[], Awaitable[_Answer]]) -> _Answer:
        """Ask the venue until it answers, as the start does."""
        return await self._steps.venue.insist(ask)

    async def start(self) -> Supervisor:
        """Set the account, and return the bot, which is ready to run.

        MarketRulesError where the venue does not set it; PluginFaultError where a price source fails.
        """
        steps, market, known = self._steps, self.market, self._known
        settings = await steps.venue.insist(lambda: steps.prepare(market))
        releases = self._resume and known.journal.halt() is not None
        released_ms = steps.context.clock.utc_ms() if releases else None
        trader = steps.trader(market, known, settings, released_ms=released_ms)
        sources = await open_sources(steps.plan, steps.context, trader, steps.tell, steps.report)

        if released_ms is not None:
            known.journal.record_release(released_ms)

        if (words := self._after_a_kill()) is not None:
            steps.tell(words)

        if steps.context.environment is not Environment.PAPER and isinstance(market.connector, AccountRemarks):
            fetch = partial(market.connector.fetch_remarks, market.instrument)

            for remark in await steps.venue.insist(fetch):
                steps.tell(remark)

        return steps.supervisor(market, known, trader, sources)

    def _after_a_kill(self) -> str | None:
        """What becomes of quotes when this process is killed, where no dead-man switch is armed against that."""
        steps, connector = self._steps, self.market.connector

        if steps.context.environment is Environment.PAPER or isinstance(connector, DeadManSwitch):
            return None

        if isinstance(connector, ExpiringQuotes):
            return f"{connector.name}: if this process is killed, its quotes end by themselves, {connector.quotes_last}"

        if steps.plan.dead_man_switch_s is None:
            return None

        is_carried = isinstance(connector, AttachedStops) and connector.attaches_stops
        stops = ", and those that open carry the stop of their position" if is_carried else ""

        return f"{connector.name} has no dead-man switch: if this process is killed, its quotes stay there{stops}"
