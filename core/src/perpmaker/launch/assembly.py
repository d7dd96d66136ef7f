"""What is assembled of a plan: the trader with its strategy, exits and risk modules, and the feed of a price source."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial

import attrs

from perpmaker.config.recorded import read_recorded
from perpmaker.connector.abilities import Amending, AttachedStops, UnguardedStops, VenueStops, VenueTargets
from perpmaker.connector.interface import ConnectorContext, DerivativeConnector, Feed
from perpmaker.decision.parameters import TradedParts
from perpmaker.decision.trader import Trader
from perpmaker.exits.exits import Exits
from perpmaker.launch.configured_plan import plan_of
from perpmaker.launch.plan import Plan
from perpmaker.launch.price_source import Standstill, first_word, judged, source_opener, traded_mid
from perpmaker.model.client_id import ClientIds
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import NewOrder
from perpmaker.model.parameters import ParametersChanged
from perpmaker.model.position import VenueSettings
from perpmaker.plugins.catalog import load_catalog
from perpmaker.plugins.start import Report, code_of, starting, unreported
from perpmaker.risk.interface import RiskModule
from perpmaker.runtime.plugin_guard import guarded_module, guarded_strategy
from perpmaker.runtime.stream_runner import ReferenceFeed
from perpmaker.runtime.traded_market import WatchedMarket
from perpmaker.strategy.interface import Strategy


@attrs.frozen(kw_only=True)
class VenueAbilities:
    """What a venue does of what the trader and its exits ask for.

    `keeps_stops`: it keeps conditional stops; `two_stops`: also two of them for one position; `sizes_stops`: they are
    for an amount; `names_stops`: they bear our ids; `keeps_targets`: it fires targets too; `attaches_stops`: quotes
    carry the stop of their position; `stops_meet_quotes`: a stop there may trade with our quotes; `amends`: it moves
    resting orders; `caps_resting_exits`: it caps a resting exit at its position; `fence_s`: so long after it was sent a
    command may still arrive.
    """

    fence_s: float
    keeps_stops: bool = False
    two_stops: bool = False
    sizes_stops: bool = False
    names_stops: bool = True
    keeps_targets: bool = False
    attaches_stops: bool = False
    stops_meet_quotes: bool = False
    amends: bool = False
    caps_resting_exits: bool = True


def abilities_of(connector: DerivativeConnector) -> VenueAbilities:
    """Return what the connector says that its venue does."""
    stops = connector if isinstance(connector, VenueStops) else None

    return VenueAbilities(
        fence_s=connector.fence_s,
        keeps_stops=stops is not None,
        two_stops=stops is not None and stops.allows_two_stops,
        sizes_stops=stops is not None and stops.sizes_stops,
        names_stops=stops is None or stops.names_stops,
        keeps_targets=isinstance(connector, VenueTargets) and connector.keeps_targets,
        attaches_stops=isinstance(connector, AttachedStops) and connector.attaches_stops,
        stops_meet_quotes=isinstance(connector, UnguardedStops) and connector.stops_meet_quotes,
        amends=isinstance(connector, Amending),
        caps_resting_exits=connector.caps_resting_exits,
    )


def build_risk(plan: Plan, instrument: Instrument, report: Report = unreported) -> tuple[RiskModule, ...]:
    """Return the risk modules of the plan, in its order, guarded; those that bound the exposure see what is left."""
    modules = []

    for declaration, settings in sorted(plan.risk, key=lambda one: one[0].bounds_exposure):
        with starting("risk module", declaration.name):
            build = partial(declaration.build, settings, instrument)
            code = code_of(declaration, report)
            modules.append(guarded_module(code, build, changes_targets=declaration.changes_targets))

    return tuple(modules)


def build_strategy(plan: Plan, instrument: Instrument, report: Report = unreported) -> Strategy:
    """Return the strategy of the plan, guarded."""
    with starting("strategy", plan.strategy.name):
        build = partial(plan.strategy.build, plan.strategy_settings, instrument)

        return guarded_strategy(code_of(plan.strategy, report), build)


def _build_exits(plan: Plan, instrument: Instrument, abilities: VenueAbilities) -> Exits:
    return Exits(
        plan.exits,
        instrument,
        quotes_continue=plan.quotes_continue,
        venue_stops=abilities.keeps_stops,
        caps_resting_exits=abilities.caps_resting_exits,
        sizes_stops=abilities.sizes_stops,
        keeps_targets=abilities.keeps_targets,
    )


@attrs.define(kw_only=True)
class Rebuilder:
    """Makes the parts of changed parameters: `Rebuild` of `perpmaker.decision.parameters`. `plan` is that of now.

    `expected` are plans that were read and checked already, by the configuration that they were read from; what a
    replay brings is read here.
    """

    plan: Plan
    abilities: VenueAbilities
    report: Report
    expected: dict[str, Plan] = attrs.field(factory=dict)

    def __call__(self, event: ParametersChanged, instrument: Instrument) -> TradedParts:
        """Return the parts, and go by their plan from then on. PerpmakerError where they cannot be made."""
        plan = self.expected.pop(event.configuration, None)

        if plan is None:
            plan = plan_of(read_recorded(event.configuration, event.file, load_catalog()))

        parts = self.parts(plan, instrument)
        self.plan = plan

        return parts

    def parts(self, plan: Plan, instrument: Instrument) -> TradedParts:
        """Return what is another one by a plan, and what is not."""
        same_strategy = plan.strategy_settings == self.plan.strategy_settings
        same_risk = plan.risk == self.plan.risk

        return TradedParts(
            strategy=None if same_strategy else build_strategy(plan, instrument, self.report),
            exits=_build_exits(plan, instrument, self.abilities),
            modules=None if same_risk else build_risk(plan, instrument, self.report),
            stops=plan.exits,
            book_max_age_s=plan.book_max_age_s,
            position_cap=plan.position_cap,
            stop_wait_s=plan.stop_wait_s,
        )


def build_trader(
    plan: Plan,
    instrument: Instrument,
    *,
    client_ids: ClientIds,
    abilities: VenueAbilities,
    intent: Callable[[str], NewOrder | None],
    is_strange: Callable[[str], bool] = lambda _: False,
    settings: VenueSettings | None = None,
    report: Report = unreported,
    known_trades: Collection[str] = frozenset(),
) -> Trader:
    """Build what is pure: strategy, exits, risk modules, and the trader around them.

    `intent`, `is_strange`, `settings` and `known_trades` as the trader's.
    """
    trader = Trader(
        instrument=instrument,
        strategy=build_strategy(plan, instrument, report),
        exits=_build_exits(plan, instrument, abilities),
        client_ids=client_ids,
        leverage=plan.leverage,
        fence_s=abilities.fence_s,
        position_mode=plan.position_mode,
        modules=build_risk(plan, instrument, report),
        intent=intent,
        is_strange=is_strange,
        external_reference=plan.price_source is not None,
        book_max_age_s=plan.book_max_age_s,
        two_stops=abilities.two_stops,
        amends=abilities.amends,
        caps_resting_exits=abilities.caps_resting_exits,
        names_stops=abilities.names_stops,
        attaches_stops=abilities.attaches_stops,
        stops_meet_quotes=abilities.stops_meet_quotes,
        stops=plan.exits,
        settings=settings,
        known_trades=known_trades,
    )
    trader.state.position_cap = plan.position_cap
    trader.parameters.rebuild = Rebuilder(plan=plan, abilities=abilities, report=report)

    return trader


@attrs.frozen(kw_only=True)
class OpenSources:
    """The price source as a feed, where it is not the traded market itself, and the market that it makes its price of.

    `traded` is None where it looks at another one.
    """

    feeds: Sequence[Feed] = ()
    traded: WatchedMarket | None = None


async def open_sources(
    plan: Plan, context: ConnectorContext, trader: Trader, tell: Callable[[str], None], report: Report
) -> OpenSources:
    """Open the price source. One that looks at another market is heard once before the run."""
    if plan.price_source is None:
        return OpenSources()

    traded = WatchedMarket(trader.state) if plan.price_source.declaration.reads_traded_book else None

    if traded is None:
        with starting("price source", plan.price_source.declaration.name):
            await first_word(source_opener(plan.price_source, context, strict=True), tell)

    source = source_opener(plan.price_source, context, report, traded=traded)
    standstill = Standstill(mid=lambda: traded_mid(trader.state), tell=tell)

    return OpenSources(feeds=(ReferenceFeed(source=judged(source, standstill)),), traded=traded)
