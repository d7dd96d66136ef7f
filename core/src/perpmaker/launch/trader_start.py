"""With what the trader of a run begins: made once, written down, and the same trader can be made again from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.metadata import PackageNotFoundError, version

import attrs

from perpmaker.clock import Clock
from perpmaker.connector.interface import DerivativeConnector
from perpmaker.decision.checkpoint import Checkpoint
from perpmaker.decision.trader import Trader
from perpmaker.journal.journal import Journal, LastKnown
from perpmaker.journal.last_orders import arriving_until
from perpmaker.launch.assembly import VenueAbilities, abilities_of, build_trader
from perpmaker.launch.plan import Plan
from perpmaker.ledger.entries import LedgerEntry
from perpmaker.model.client_id import ClientIds
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import NewOrder
from perpmaker.model.position import VenueSettings
from perpmaker.plugins.declarations import Declaration
from perpmaker.plugins.start import Report, unreported

RECALLED_MS = 8 * 24 * 3_600_000
"""What was booked so long ago is known at a start: executions and income are read anew for a week at most."""


@attrs.frozen(kw_only=True)
class TraderStart:
    """What a trader begins with at `at`, by the engine's clock, beside its configuration.

    `market_data`: the journal keeps all that the trader is given. `memory` is what earlier runs have left, on the
    engine's clock; `released_ms`: when a person has released a halt last; `arriving_until`: until when what they sent
    may arrive. `known_ms`: up to when, by the venue, an earlier run knew of executions. `booked_since_ms`: from when on
    it knows what was booked. `versions` are those of the program and its plugins, by name.
    """

    at: float
    utc_ms: int
    market_data: bool
    instrument: Instrument
    abilities: VenueAbilities
    settings: VenueSettings | None = None
    known_trades: tuple[str, ...] = ()
    known_ms: int | None = None
    memory: Checkpoint | None = None
    released_ms: int | None = None
    arriving_until: float | None = None
    booked_since_ms: int = 0
    versions: dict[str, str] = attrs.field(factory=dict)


def start_of(
    plan: Plan,
    connector: DerivativeConnector,
    instrument: Instrument,
    journal: Journal,
    clock: Clock,
    *,
    settings: VenueSettings | None,
    last_known: LastKnown | None,
    lost_since: float | None,
    released_ms: int | None = None,
) -> TraderStart:
    """Return what a trader begins with: what earlier runs remembered, and how long what they sent may still arrive.

    `lost_since`: nobody knows what was sent until then, as the machine has lost rows with its power. `released_ms`: a
    halt is about to be released, at this time.
    """
    now, utc_ms = clock.now(), clock.utc_ms()
    memory, fence_s = journal.memory(), connector.fence_s
    arriving = arriving_until(journal.last_steps(), fence_s)
    waits_until = None

    if lost_since is not None:
        waits_until = lost_since + fence_s
    elif arriving is not None and arriving > utc_ms / 1000:
        waits_until = now + min(arriving - utc_ms / 1000, fence_s)

    return TraderStart(
        at=now,
        utc_ms=utc_ms,
        market_data=plan.journals_market_data,
        instrument=instrument,
        abilities=abilities_of(connector),
        settings=settings,
        known_trades=() if last_known is None else tuple(sorted(last_known.trades)),
        known_ms=None if last_known is None else last_known.venue_ms,
        memory=None if memory is None else memory.moved(now - utc_ms / 1000, now),
        released_ms=journal.released_ms() if released_ms is None else released_ms,
        arriving_until=waits_until,
        booked_since_ms=utc_ms - RECALLED_MS,
        versions=versions_of(plan),
    )


def begin_trader(
    plan: Plan,
    start: TraderStart,
    booked: Iterable[LedgerEntry],
    *,
    client_ids: ClientIds,
    intent: Callable[[str], NewOrder | None],
    is_strange: Callable[[str], bool],
    report: Report = unreported,
) -> Trader:
    """Build the trader of a plan, with what earlier runs have left for it to know; `booked` is what they booked."""
    trader = build_trader(
        plan,
        start.instrument,
        client_ids=client_ids,
        abilities=start.abilities,
        intent=intent,
        is_strange=is_strange,
        settings=start.settings,
        known_trades=frozenset(start.known_trades),
        report=report,
    )
    trader.keeper.recall(booked, start.at, start.known_ms)

    if start.memory is not None:
        trader.recall(start.memory)

    if start.released_ms is not None:
        trader.begin_anew(start.released_ms)

    if start.arriving_until is not None:
        trader.await_arrivals(start.arriving_until)

    return trader


def versions_of(plan: Plan) -> dict[str, str]:
    """Return the versions of the program and of the plugins that a plan names."""
    declarations: list[Declaration] = [plan.connector, plan.strategy, *(declaration for declaration, _ in plan.risk)]

    if plan.price_source is not None:
        declarations.append(plan.price_source.declaration)

    try:
        found = {"perpmaker": version("perpmaker")}
    except PackageNotFoundError:  # not installed, as in a checkout that is run as it is
        found = {}

    return found | {one.name: one.distribution for one in declarations if one.distribution}
