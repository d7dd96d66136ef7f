"""Looks at market and account before anything is traded, and reports what the configuration would do there."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import partial

import anyio
import attrs

from perpmaker.clock import Clock
from perpmaker.config.configuration import Configuration
from perpmaker.connector.abilities import SettingsReading, VenueStops
from perpmaker.connector.interface import ConnectorContext, DerivativeConnector, Feed
from perpmaker.decision.strategy_runner import Broken, DecidedQuotes, quote
from perpmaker.errors import MarketRulesError, PerpmakerError, PluginFaultError
from perpmaker.launch.assembly import build_risk, build_strategy
from perpmaker.launch.configured_plan import plan_of
from perpmaker.launch.findings import check_findings
from perpmaker.launch.market_rules import check_market_rules
from perpmaker.launch.plan import Plan
from perpmaker.launch.price_source import UNHEARD, source_opener, why_unheard
from perpmaker.model.account import AccountSnapshot, AssetMode
from perpmaker.model.event import Channel, Resynced
from perpmaker.model.instrument import Instrument
from perpmaker.model.position import VenueSettings
from perpmaker.plugins.start import starting
from perpmaker.report.preflight import Preflight, assess
from perpmaker.report.preflight_figure import Situation
from perpmaker.risk.modules import RiskModules
from perpmaker.runtime.reconciliation import Reconciliation
from perpmaker.runtime.stream_pace import StreamPace
from perpmaker.runtime.stream_runner import ReferenceFeed
from perpmaker.runtime.traded_market import WatchedMarket
from perpmaker.state.market import Market
from perpmaker.state.state import State
from perpmaker.state.view import Mode, View
from perpmaker.strategy.settings import StrategySettings

LOOK_S = 5.0
"""How long to listen for book, mark price and reference; what has not come by then is reported as missing."""


async def survey(
    configuration: Configuration, connector: DerivativeConnector, instrument: Instrument, context: ConnectorContext
) -> Preflight:
    """Read market and account, ask strategy and risk modules, and report.

    Nothing is set and nothing is sent.

    Raises the errors of `perpmaker.errors` when the venue cannot be read, and MarketRulesError for what the market does
    not allow, before any quote is computed; a price source that cannot be read is reported.
    """
    plan = plan_of(configuration)
    check_market_rules(plan, connector, instrument)
    check_findings(plan, connector, context.environment, context.findings)

    state = State(
        instrument,
        position_mode=plan.position_mode,
        leverage=plan.leverage,
        fence_s=connector.fence_s,
        is_ours=lambda _: False,
        external_reference=plan.price_source is not None,
    )
    state.position_cap = plan.position_cap
    clock = context.clock

    with starting("connector", plan.connector.name):
        settings = await connector.fetch_settings(instrument) if isinstance(connector, SettingsReading) else None
        account = await _read_account(state, connector, instrument, clock)

    traded = WatchedMarket(state)
    feeds = _feeds(plan, connector, instrument, context, traded)
    source_failure = await _listen(state, feeds, clock, configuration.traits.price_type, traded)
    view = state.view(clock.now(), mode=Mode.RUN, mode_reason="", memory=None)

    return assessed(
        configuration,
        plan,
        connector,
        view=view,
        market=state.market,
        settings=settings,
        account=account,
        source_failure=source_failure,
    )


def assessed(
    configuration: Configuration,
    plan: Plan,
    connector: DerivativeConnector,
    *,
    view: View,
    market: Market,
    settings: VenueSettings | None,
    account: AccountSnapshot,
    source_failure: str | None = None,
) -> Preflight:
    """Return what a configuration comes to on this view, with what the account has and is set to."""
    quoting, advice = quoted(plan, view.instrument, view)
    ours = plan.strategy_settings if isinstance(plan.strategy_settings, StrategySettings) else None

    return assess(
        Situation(
            environment=configuration.environment.value,
            venue=configuration.connector.name,
            view=view,
            wanted=quoting.wanted,
            approved=quoting.quotes,
            refused=quoting.refused,
            strategy=ours,
            exits=plan.exits,
            margin_mode=plan.margin_mode or (None if settings is None else settings.margin_mode),
            settings_now=settings,
            wallet=wallet_of(account, view.instrument.quote),
            account=account,
            funding_rate=market.funding_rate,
            next_funding_ms=market.next_funding_ms,
            given=configuration.given,
            source_failure=source_failure,
            advice=advice,
            venue_stops=isinstance(connector, VenueStops),
        )
    )


def quoted(plan: Plan, instrument: Instrument, view: View) -> tuple[DecidedQuotes, Sequence[str]]:
    """What strategy and risk modules come to on this view, and what the modules have to say before a start."""
    risk = RiskModules(build_risk(plan, instrument))
    assessed = risk.assess(view, ())
    advice = [*risk.advise(view)]

    if (demand := assessed.demand) is not None:
        advice.append(f"{demand.module} would demand a {demand.kind.value} now: {demand.reason}")

    strategy = build_strategy(plan, instrument)

    with starting("strategy", plan.strategy.name):
        quoting = quote(strategy, partial(risk.review, memories=assessed.memories), view)

        if isinstance(quoting, Broken):
            raise quoting.cause or PluginFaultError(quoting.reason, detail=quoting.detail)

    return quoting, advice


def refuse(preflight: Preflight) -> None:
    """Raise MarketRulesError with every reason of the report not to trade. Nothing when there is none."""
    if preflight.refusals:
        raise MarketRulesError("\n".join(preflight.refusals))


def wallet_of(account: AccountSnapshot, quote: str) -> Decimal | None:
    """What stands behind the positions: the quote asset's own wallet, or what all assets come to."""
    if account.asset_mode is not AssetMode.SINGLE:
        return account.available + account.order_margin

    return next((one.wallet for one in account.assets if one.asset == quote), None)


async def _read_account(
    state: State, connector: DerivativeConnector, instrument: Instrument, clock: Clock
) -> AccountSnapshot:
    """The account, as a reconciliation would bring it."""
    account = await Reconciliation(connector=connector, instrument=instrument, clock=clock).account()
    event = Resynced(began_at=account.asked_at, orders=(), finished=(), fills=(), account=account, venue_ms=0)
    state.fold(event, clock.now())

    return account


def _feeds(
    plan: Plan,
    connector: DerivativeConnector,
    instrument: Instrument,
    context: ConnectorContext,
    traded: WatchedMarket,
) -> Sequence[Feed]:
    """The streams of public data, and the price source where it is not the traded market itself."""
    feeds = [feed for feed in connector.feeds(instrument) if feed.channels - {Channel.ACCOUNT}]

    if plan.price_source is not None:
        shown = traded if plan.price_source.declaration.reads_traded_book else None
        feeds.append(ReferenceFeed(source=source_opener(plan.price_source, context, traded=shown, strict=True)))

    return feeds


async def _listen(
    state: State, feeds: Sequence[Feed], clock: Clock, price_type: str, traded: WatchedMarket
) -> str | None:
    """Fold what the streams bring until everything is there that a quote depends on, or the time is over.

    Returns why the price source cannot be heard, where it said so.
    """
    listener = _Listener(state=state, clock=clock, price_type=price_type, traded=traded)

    with anyio.move_on_after(LOOK_S):
        async with anyio.create_task_group() as tasks:
            for feed in feeds:
                tasks.start_soon(listener.follow, feed)

            await listener.ready.wait()
            tasks.cancel_scope.cancel()

    if listener.failure is not None:
        raise listener.failure

    return listener.source_failure


@attrs.define(kw_only=True)
class _Listener:
    """Follows streams until nothing is missing any more; a stream of the venue that fails ends it at once."""

    state: State
    clock: Clock
    price_type: str
    traded: WatchedMarket
    ready: anyio.Event = attrs.field(factory=anyio.Event)
    failure: PerpmakerError | None = None
    source_failure: str | None = None

    async def follow(self, feed: Feed) -> None:
        """Fold every event of a stream."""
        try:
            async with feed.open() as receiver:
                pace = StreamPace()

                while True:
                    events = await receiver.receive()

                    for event in events:
                        self.state.fold(event, self.clock.now())

                    self.traded.see(events)

                    if pace.is_due():
                        await pace.turn()

                    if self._is_complete():
                        self.ready.set()
        except UNHEARD as error:
            if Channel.REFERENCE in feed.channels:
                self.source_failure = why_unheard(error)
                return

            self.failure = error
            self.ready.set()

    def _is_complete(self) -> bool:
        state = self.state
        market = state.market

        return (
            state.book.ok
            and market.mark is not None
            and (not state.external_reference or market.reference is not None)
            and (self.price_type != "last_price" or state.external_reference or market.last_trade is not None)
        )
