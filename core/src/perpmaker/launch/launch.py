"""From a plan to a bot that trades: connect, read the market, claim the account, prepare it, assemble the trader."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from random import Random
from typing import Any, TypeAlias

import attrs

from perpmaker.clock import Clock
from perpmaker.connector.interface import (
    Amending,
    ConnectorContext,
    DeadManSwitch,
    DerivativeConnector,
    Environment,
    Feed,
    VenueStops,
)
from perpmaker.decision.drift_check import WantedSettings
from perpmaker.decision.trader import Trader
from perpmaker.exits.exits import Exits
from perpmaker.exits.settings import ExitSettings
from perpmaker.journal.journal import open_journal
from perpmaker.journal.last_orders import arriving_until
from perpmaker.journal.order_intents import OrderIntents
from perpmaker.journal.state_dir import Key, StateDir
from perpmaker.launch.account_claim import AccountClaim
from perpmaker.launch.client_id_runs import BegunRuns, open_client_ids
from perpmaker.launch.identity import instance_of, run_id
from perpmaker.launch.key_check import check_key
from perpmaker.launch.latched_start import check_halt
from perpmaker.launch.market_rules import check_market_rules
from perpmaker.launch.price_source import SourcePlan, Standstill, first_word, judged, source_opener, traded_mid
from perpmaker.launch.start_retry import Hold, StartRetry, venue_of
from perpmaker.launch.traceback_file import Tracebacks
from perpmaker.model.client_id import ClientIds
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import NewOrder, PositionMode
from perpmaker.model.position import MarginMode, VenueSettings
from perpmaker.plugins.declarations import (
    DerivativeConnectorDeclaration,
    RiskModuleDeclaration,
    StrategyDeclaration,
)
from perpmaker.plugins.start import Report, code_of, starting, unreported
from perpmaker.risk.interface import RiskModule
from perpmaker.risk.review import review
from perpmaker.runtime.account_setup import prepare
from perpmaker.runtime.backoff import Backoff
from perpmaker.runtime.opening import open_connector
from perpmaker.runtime.plugin_guard import guarded_module, guarded_strategy
from perpmaker.runtime.reconciliation import Reconciliation
from perpmaker.runtime.run_end import STOP_WAIT_S
from perpmaker.runtime.stream_runner import ReferenceFeed
from perpmaker.runtime.supervisor import Supervisor


@attrs.frozen(kw_only=True)
class Plan:
    """What a configuration comes to: what is traded, and each declaration that it names with its settings.

    `price_source` is None for the traded market itself. `quotes_continue`: quoting goes on while a position is open.
    `book_max_age_s`: the age from which the traded book is stale. `dead_man_switch_s` None: the venue's timer is not
    used; `dead_man_switch_takes_foreign_orders`: it is, also beside orders of somebody else. `stop_wait_s`: how long a
    clean end lets a stop that has fired go on.
    """

    market: str
    leverage: int
    position_mode: PositionMode
    margin_mode: MarginMode | None
    connector: DerivativeConnectorDeclaration
    connector_settings: Any
    strategy: StrategyDeclaration
    strategy_settings: Any
    exits: ExitSettings
    price_source: SourcePlan | None = None
    risk: Sequence[tuple[RiskModuleDeclaration, Any]] = ()
    quotes_continue: bool = False
    book_max_age_s: float = 10.0
    dead_man_switch_s: float | None = None
    dead_man_switch_takes_foreign_orders: bool = False
    stop_wait_s: float = STOP_WAIT_S


@attrs.frozen(kw_only=True)
class OpenMarket:
    """A connector that answered, and the market that it trades."""

    connector: DerivativeConnector
    instrument: Instrument


Inspect: TypeAlias = Callable[[OpenMarket], Awaitable[None]]


@asynccontextmanager
async def open_bot(
    plan: Plan,
    context: ConnectorContext,
    *,
    home: StateDir | None,
    tell: Callable[[str], None],
    seed: int,
    inspect: Inspect | None = None,
    adopt: bool = False,
    adopt_position: bool = False,
    trust_key: bool = False,
    resume: bool = False,
) -> AsyncIterator[Supervisor]:
    """Yield a bot that is ready to run. While the venue cannot be reached it is tried again, and that is told.

    `home` None keeps the journal in memory and takes no lock. The account and market are locked as long as it is open.
    `inspect` looks at the market before anything of the account is set; what it raises ends the start. `adopt`: orders
    with our mark whose run the journal does not know are taken for ours and cancelled, instead of refusing the start.
    `adopt_position`: on testnet and live, a position that the journal does not explain is managed, instead of refusing
    the start. `trust_key`: live, also where the venue does not tell what the key may do. `resume` releases a latched
    halt, once everything that may refuse the start has been passed.

    Raises:
        AuthenticationError: the venue does not accept the key; names the key of the configuration.
        UnknownMarketError: no such market; names the nearest.
        KeyRightsError: live, and the key may withdraw, or may not trade, or nobody says what it may.
        MarketRulesError: the market does not allow what the plan asks for (see `perpmaker.launch.market_rules`).
        LockedError: another process trades this account and market, or orders on the venue say that one does.
        HaltedError: a halt is latched, and `resume` was not given.
        UnexplainedPositionError: on testnet or live there is a position that the journal does not explain.
        JournalError: the journal cannot be opened, or belongs to something else.
    """
    report = Tracebacks(None if home is None else home.root, tell).keep

    async with AsyncExitStack() as stack:
        backoff = Backoff(Random(seed))  # noqa: S311  # jitter, not cryptography
        held = Hold(home=home, venue=venue_of(plan.connector.name, context), clock=context.clock)
        venue = StartRetry(
            table=plan.connector.name,
            environment=context.environment,
            tell=tell,
            backoff=backoff,
            held=held.begin,
        )
        await held.wait(tell)
        desk = await venue.insist(lambda: _open_desk(plan, context, stack, report))
        await venue.insist(lambda: check_key(desk.connector, context.environment, tell, trust=trust_key))
        check_market_rules(plan, desk.connector, desk.instrument)
        key = Key(
            environment=context.environment.value,
            venue=desk.connector.name,
            account=instance_of(desk.connector, context),
            market=desk.instrument.market,
        )
        run = run_id(context.clock.utc_ms())
        begun = BegunRuns()
        client_ids = await venue.insist(lambda: open_client_ids(desk.connector, desk.instrument, run, begun))

        if home is not None:
            stack.enter_context(home.lock(key))

        path = None if home is None else home.journal(key)
        journal, damage = stack.enter_context(open_journal(path, key, client_ids.run))

        if damage is not None:
            tell(
                f"the journal was damaged ({damage.reason}) and put aside as {damage.aside}; a new one was begun. What "
                "is on the venue counts: orders whose purpose is lost are cancelled, exits are set anew"
            )

        reconciliation = Reconciliation(connector=desk.connector, instrument=desk.instrument, clock=context.clock)
        known = OrderIntents(journal=journal, client_ids=client_ids)
        await check_halt(journal, reconciliation, known, resume=resume, tell=tell)
        account = AccountClaim(
            reconciliation=reconciliation,
            known=known,
            exits=plan.exits,
            environment=context.environment,
            adopt=adopt,
            adopt_position=adopt_position,
        )
        await account.claim(venue, tell)
        journal.record_run(context.clock.utc_ms(), {"key": str(key)})
        begun.record(journal, client_ids.run)

        if inspect is not None:
            await venue.insist(lambda: inspect(desk))

        settings = await venue.insist(lambda: _prepare(plan, desk, context.clock))
        last_known = journal.last_known()
        trader = build_trader(
            plan,
            desk.instrument,
            client_ids=client_ids,
            fence_s=desk.connector.fence_s,
            intent=known.intent,
            is_strange=known.is_strange,
            settings=settings,
            venue_stops=isinstance(desk.connector, VenueStops),
            two_stops=isinstance(desk.connector, VenueStops) and desk.connector.allows_two_stops,
            amends=isinstance(desk.connector, Amending),
            caps_resting_exits=desk.connector.caps_resting_exits,
            sizes_stops=isinstance(desk.connector, VenueStops) and desk.connector.sizes_stops,
            names_stops=not isinstance(desk.connector, VenueStops) or desk.connector.names_stops,
            known_trades=frozenset() if last_known is None else last_known.trades,
            report=report,
        )
        memory = journal.memory()

        if memory is not None:
            trader.recall(memory.moved(context.clock.now() - context.clock.utc_ms() / 1000, context.clock.now()))

        fence_s, utc_s = desk.connector.fence_s, context.clock.utc_ms() / 1000

        if (until := arriving_until(journal.last_steps(), fence_s)) is not None and until > utc_s:
            trader.await_arrivals(context.clock.now() + min(until - utc_s, fence_s))

        journal.live = lambda: [order.client_id for order in trader.working()]
        sources = await _sources(plan, context, trader, tell, report)

        if resume and journal.halt() is not None:
            journal.record_release(context.clock.utc_ms())

        can_stay = context.environment is not Environment.PAPER

        if can_stay and plan.dead_man_switch_s is not None and not isinstance(desk.connector, DeadManSwitch):
            tell(f"{desk.connector.name} has no dead-man switch: if this process is killed, its quotes stay there")

        yield Supervisor(
            connector=desk.connector,
            instrument=desk.instrument,
            trader=trader,
            journal=journal,
            known=known,
            clock=context.clock,
            tell=tell,
            sources=sources,
            seed=seed,
            dead_man_s=plan.dead_man_switch_s,
            dead_man_takes_foreign=plan.dead_man_switch_takes_foreign_orders,
            last_known=last_known,
            held=held.begin,
            exit_settings=plan.exits if isinstance(desk.connector, VenueStops) else None,
            stop_wait_s=plan.stop_wait_s,
        )


async def _open_desk(plan: Plan, context: ConnectorContext, stack: AsyncExitStack, report: Report) -> OpenMarket:
    """Open the connector and read the market's rules; on success it stays open as long as the stack."""
    async with AsyncExitStack() as attempt:
        connector, instrument = await open_connector(
            plan.connector, plan.connector_settings, context, plan.market, stack=attempt, report=report
        )

        stack.push_async_exit(attempt.pop_all())

        return OpenMarket(connector=connector, instrument=instrument)


async def _prepare(plan: Plan, desk: OpenMarket, clock: Clock) -> VenueSettings:
    """Set the account, and have the venue confirm it."""
    wanted = WantedSettings(leverage=plan.leverage, position_mode=plan.position_mode, margin_mode=plan.margin_mode)

    with starting("connector", plan.connector.name):
        return await prepare(desk.connector, desk.instrument, wanted, clock)


def build_risk(plan: Plan, instrument: Instrument, report: Report = unreported) -> tuple[RiskModule, ...]:
    """The risk modules of the plan, in its order, guarded."""
    modules = []

    for declaration, settings in plan.risk:
        with starting("risk module", declaration.name):
            build = partial(declaration.build, settings, instrument)
            modules.append(guarded_module(code_of(declaration, report), build))

    return tuple(modules)


def build_trader(
    plan: Plan,
    instrument: Instrument,
    *,
    client_ids: ClientIds,
    fence_s: float,
    intent: Callable[[str], NewOrder | None],
    is_strange: Callable[[str], bool] = lambda _: False,
    settings: VenueSettings | None = None,
    venue_stops: bool = False,
    two_stops: bool = False,
    amends: bool = False,
    caps_resting_exits: bool = True,
    sizes_stops: bool = False,
    names_stops: bool = True,
    report: Report = unreported,
    known_trades: Collection[str] = frozenset(),
) -> Trader:
    """Build what is pure: strategy, exits, risk modules, and the trader around them.

    `intent`, `is_strange`, `settings` and `known_trades` as the trader's. `venue_stops`: the venue keeps stops;
    `two_stops`: also two of them for one position; `amends`: it moves resting orders; `caps_resting_exits`: it caps a
    resting exit at its position; `sizes_stops`: its stops are for an amount, `names_stops`: they bear our ids.
    """
    with starting("strategy", plan.strategy.name):
        build = partial(plan.strategy.build, plan.strategy_settings, instrument)
        strategy = guarded_strategy(code_of(plan.strategy, report), build)

    modules = build_risk(plan, instrument, report)

    return Trader(
        instrument=instrument,
        strategy=strategy,
        exits=Exits(
            plan.exits,
            instrument,
            quotes_continue=plan.quotes_continue,
            venue_stops=venue_stops,
            caps_resting_exits=caps_resting_exits,
            sizes_stops=sizes_stops,
        ),
        client_ids=client_ids,
        leverage=plan.leverage,
        fence_s=fence_s,
        position_mode=plan.position_mode,
        review=lambda view, quotes: review(view, quotes, modules),
        intent=intent,
        is_strange=is_strange,
        external_reference=plan.price_source is not None,
        book_max_age_s=plan.book_max_age_s,
        two_stops=two_stops,
        amends=amends,
        caps_resting_exits=caps_resting_exits,
        names_stops=names_stops,
        stops=plan.exits,
        settings=settings,
        known_trades=known_trades,
    )


async def _sources(
    plan: Plan, context: ConnectorContext, trader: Trader, tell: Callable[[str], None], report: Report
) -> Sequence[Feed]:
    """The price source as a feed, where it is not the traded market itself."""
    if plan.price_source is None:
        return ()

    with starting("price source", plan.price_source.declaration.name):
        await first_word(source_opener(plan.price_source, context, strict=True), tell)

    source = source_opener(plan.price_source, context, report)
    standstill = Standstill(mid=lambda: traded_mid(trader.state), tell=tell)

    return (ReferenceFeed(source=judged(source, standstill)),)
