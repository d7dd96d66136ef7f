"""The steps of one start: connect, open the journal, claim the account, set it, make the trader and its supervisor."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from random import Random

import attrs

from perpmaker.connector.abilities import VenueStops
from perpmaker.connector.interface import ConnectorContext, DerivativeConnector
from perpmaker.decision.drift_check import WantedSettings
from perpmaker.decision.trader import Trader
from perpmaker.journal.booked import recent_entries
from perpmaker.journal.journal import BOOT, LastKnown
from perpmaker.journal.opening import open_journal
from perpmaker.journal.order_intents import OrderIntents
from perpmaker.journal.state_dir import Key, StateDir
from perpmaker.launch.account_claim import AccountClaim
from perpmaker.launch.assembly import OpenSources
from perpmaker.launch.client_id_runs import BegunRuns, open_client_ids
from perpmaker.launch.findings import check_findings
from perpmaker.launch.identity import boot_id, instance_of, run_id
from perpmaker.launch.key_check import check_key
from perpmaker.launch.market_rules import check_market_rules
from perpmaker.launch.plan import Plan
from perpmaker.launch.start_retry import Hold, StartRetry, venue_of
from perpmaker.launch.trader_start import begin_trader, start_of
from perpmaker.model.instrument import Instrument
from perpmaker.model.position import VenueSettings
from perpmaker.model.reading import AccountSeen
from perpmaker.plugins.start import Report, starting
from perpmaker.runtime.account_exposure import MarketExposure
from perpmaker.runtime.account_setup import prepare
from perpmaker.runtime.backoff import Backoff
from perpmaker.runtime.early_stream import EarlyStream, open_early
from perpmaker.runtime.input_log import InputLog, LoggedIds
from perpmaker.runtime.observers import Observers
from perpmaker.runtime.opening import open_connector
from perpmaker.runtime.reconciliation import Reconciliation
from perpmaker.runtime.supervisor import Supervisor
from perpmaker.runtime.tasks import open_tasks


@attrs.frozen(kw_only=True)
class OpenMarket:
    """A connector that answered, and the market that it trades."""

    connector: DerivativeConnector
    instrument: Instrument


@attrs.define(kw_only=True)
class StartSteps:
    """The steps of one start, in the order in which they are taken; what they open is closed with the stack.

    `venue` asks again while the venue cannot be reached; `held` are the seconds for which it wants to hear nothing.
    """

    plan: Plan
    context: ConnectorContext
    home: StateDir | None
    tell: Callable[[str], None]
    seed: int
    stack: AsyncExitStack
    report: Report
    observers: Observers
    exposure: MarketExposure | None = None
    held: Hold = attrs.field(init=False)
    _began_at: float = attrs.field(init=False)
    _boot: str = attrs.field(init=False)
    venue: StartRetry = attrs.field(init=False)
    _begun: BegunRuns = attrs.field(init=False)
    _last_known: LastKnown | None = attrs.field(default=None, init=False)
    _seen: AccountSeen | None = attrs.field(default=None, init=False)
    _early: EarlyStream | None = attrs.field(default=None, init=False)
    _has_lost_tail: bool = attrs.field(default=False, init=False)
    _inputs: InputLog | None = attrs.field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        name, context = self.plan.connector.name, self.context
        self._began_at, self._boot = context.clock.now(), boot_id()
        self.held = Hold(home=self.home, venue=venue_of(name, context), clock=context.clock)
        self.venue = StartRetry(
            table=name,
            environment=context.environment,
            tell=self.tell,
            backoff=Backoff(Random(self.seed)),  # noqa: S311  # jitter, not cryptography
            held=self.held.begin,
        )

    async def connect(self, *, trust_key: bool) -> OpenMarket:
        """Return the market, once the venue has answered, with a key and rules that allow what the plan asks for."""
        await self.held.wait(self.tell)
        market = await self.venue.insist(self.open_market)
        environment = self.context.environment
        await self.venue.insist(lambda: check_key(market.connector, environment, self.tell, trust=trust_key))
        check_market_rules(self.plan, market.connector, market.instrument)
        check_findings(self.plan, market.connector, environment, self.context.findings)

        return market

    async def open_market(self) -> OpenMarket:
        """Open the connector and read the market's rules; on success it stays open as long as the stack."""
        plan = self.plan

        async with AsyncExitStack() as attempt:
            connector, instrument = await open_connector(
                plan.connector, plan.connector_settings, self.context, plan.market, stack=attempt, report=self.report
            )

            self.stack.push_async_exit(attempt.pop_all())

            return OpenMarket(connector=connector, instrument=instrument)

    async def open_journal(self, market: OpenMarket) -> OrderIntents:
        """Lock the account and market, and open what is remembered of it, under the ids of a new run."""
        key, run = self._key(market), run_id(self.context.clock.utc_ms())

        if self.home is not None:
            self.stack.enter_context(self.home.lock(key))

        path = None if self.home is None else self.home.journal(key)
        now_ms, retention = self.context.clock.utc_ms(), self.plan.retention
        opened = open_journal(path, key, run, retention=retention, tell=self.tell, utc_ms=now_ms)
        journal, damage = self.stack.enter_context(opened)
        self._begun = begun = BegunRuns(journal)
        self._has_lost_tail = journal.may_lack_rows(self._boot)

        if damage is not None:
            self.tell(
                f"the journal was damaged ({damage.reason}) and put aside as {damage.aside}; a new one was begun. What "
                "is on the venue counts: orders whose purpose is lost are cancelled, exits are set anew"
            )

        opening = lambda: open_client_ids(market.connector, market.instrument, run, begun)  # noqa: E731  # one word
        client_ids = await self.venue.insist(opening)

        return OrderIntents(journal=journal, client_ids=client_ids)

    def _key(self, market: OpenMarket) -> Key:
        return Key(
            environment=self.context.environment.value,
            venue=market.connector.name,
            account=instance_of(market.connector, self.context),
            market=market.instrument.market,
        )

    def reconciliation(self, market: OpenMarket) -> Reconciliation:
        """Return the part that reads the account."""
        return Reconciliation(connector=market.connector, instrument=market.instrument, clock=self.context.clock)

    async def hear_account(self, market: OpenMarket) -> None:
        """Open the account's stream before the account is read: what happens after the reading is heard."""
        tasks = await self.stack.enter_async_context(open_tasks())
        self._early = await open_early(market.connector, market.instrument, self.context.clock, tasks, self.seed)

    async def claim(self, market: OpenMarket, known: OrderIntents, *, adopt: bool, adopt_position: bool) -> None:
        """See that orders and position are this bot's to manage. From then on the run is in the journal."""
        account = AccountClaim(
            reconciliation=self.reconciliation(market),
            known=known,
            exits=self.plan.exits,
            environment=self.context.environment,
            adopt=adopt,
            adopt_position=adopt_position,
        )
        self._seen = await account.claim(self.venue, self.tell)
        about = {"key": str(self._key(market)), BOOT: self._boot, **self.plan.recorded}
        known.journal.record_run(self.context.clock.utc_ms(), about)
        self._begun.record()

    async def prepare(self, market: OpenMarket) -> VenueSettings:
        """Set the account, and have the venue confirm it."""
        plan = self.plan
        wanted = WantedSettings(leverage=plan.leverage, position_mode=plan.position_mode, margin_mode=plan.margin_mode)

        with starting("connector", plan.connector.name):
            return await prepare(market.connector, market.instrument, wanted, self.context.clock)

    def trader(
        self,
        market: OpenMarket,
        known: OrderIntents,
        settings: VenueSettings | None,
        *,
        released_ms: int | None = None,
    ) -> Trader:
        """Return the trader, with what earlier runs have left for it to know. `settings` None: none were set.

        `released_ms`: a halt is about to be released, at this time.
        """
        journal = known.journal
        self._last_known = journal.last_known()
        start = start_of(
            self.plan,
            market.connector,
            market.instrument,
            journal,
            self.context.clock,
            settings=settings,
            last_known=self._last_known,
            lost_since=self._began_at if self._has_lost_tail else None,
            released_ms=released_ms,
        )
        journal.record_start(start.utc_ms, start)
        self._inputs = log = InputLog(known, self.tell) if start.market_data else None
        trader = begin_trader(
            self.plan,
            start,
            recent_entries(journal.path, start.booked_since_ms),
            client_ids=known.client_ids if log is None else LoggedIds(known.client_ids, log),
            intent=known.intent if log is None else log.intent,
            is_strange=known.is_strange if log is None else log.is_strange,
            report=self.report if log is None else log.reporting(self.report),
        )
        journal.live = lambda: [order.client_id for order in trader.working()]

        if log is not None:
            log.names = trader.names

        return trader

    def supervisor(self, market: OpenMarket, known: OrderIntents, trader: Trader, sources: OpenSources) -> Supervisor:
        """Return the supervisor that runs the bot."""
        plan = self.plan

        return Supervisor(
            connector=market.connector,
            instrument=market.instrument,
            trader=trader,
            journal=known.journal,
            known=known,
            clock=self.context.clock,
            tell=self.tell,
            sources=sources.feeds,
            traded=sources.traded,
            seed=self.seed,
            dead_man_s=plan.dead_man_switch_s,
            dead_man_takes_foreign=plan.dead_man_switch_takes_foreign_orders,
            last_known=self._last_known,
            seen=self._seen,
            early=self._early,
            held=self.held.begin,
            exit_settings=plan.exits if isinstance(market.connector, VenueStops) else None,
            stop_wait_s=plan.stop_wait_s,
            observers=self.observers,
            inputs=self._inputs,
            join_account=None if self.exposure is None else partial(self.exposure.join, self._wallet(market)),
        )

    def _wallet(self, market: OpenMarket) -> tuple[str, ...]:
        """What markets of one account have in common: its name where it is, and the asset that they are settled in."""
        key = self._key(market)

        return key.environment, key.venue, key.account, market.instrument.quote
