"""An account and its market read straight from the venue, by a configuration, while no bot trades them."""

from __future__ import annotations

import os
from contextlib import AsyncExitStack

import attrs
import click

from perpmaker.cli.event_loop import run_async
from perpmaker.cli.guard import check_surroundings
from perpmaker.cli.installation import watched
from perpmaker.cli.references import check_references
from perpmaker.cli.screen import printable
from perpmaker.cli.venue import attach, context_of, wants_sandbox
from perpmaker.config.configuration import Configuration
from perpmaker.connector.abilities import PriceReading
from perpmaker.exits.settings import ExitSettings
from perpmaker.journal.state_dir import open_state_dir
from perpmaker.launch.configured_plan import plan_of
from perpmaker.launch.start_retry import Hold, once, venue_of
from perpmaker.model.event import MarkChanged
from perpmaker.model.instrument import Instrument
from perpmaker.model.reading import AccountSeen
from perpmaker.report.status import Status, iso
from perpmaker.report.status_of_venue import status_of_venue
from perpmaker.runtime.opening import open_connector
from perpmaker.runtime.reconciliation import Reconciliation


@attrs.frozen(kw_only=True)
class VenueReading:
    """What the venue said: the market's rules, the account with all that rests, and its mark price with funding.

    `account` is the venue's public name of the account, `utc_ms` when it was asked. `mark` is None where it tells none.
    """

    instrument: Instrument
    account: str
    seen: AccountSeen
    mark: MarkChanged | None
    utc_ms: int


def status_of_reading(
    found: VenueReading,
    *,
    name: str,
    environment: str,
    venue: str,
    exits: ExitSettings,
    file: str = "",
    last: Status | None = None,
) -> Status:
    """Return how a bot stands by a reading alone, or by what it said `last` with the reading over it."""
    asked_at = iso(found.utc_ms)
    nothing = Status(
        name=name,
        environment=environment,
        venue=venue,
        market=found.instrument.market,
        account=found.account,
        file=file,
        pid=None,
        run_id=None,
        running=False,
        since=asked_at,
        at=asked_at,
        mode="none",
        mode_reason="",
    )

    return status_of_venue(
        last or nothing,
        instrument=found.instrument,
        account=found.account,
        seen=found.seen,
        mark=found.mark,
        exits=exits,
        utc_ms=found.utc_ms,
    )


def read_venue(configuration: Configuration, url: str | None = None) -> VenueReading:
    """Ask the venue of a configuration once, or the sandbox that serves at `url`. Nothing is set and nothing is sent.

    Raises:
        VenueError: it cannot be reached, or refuses the question; the text says which keys mend it.
    """
    check_surroundings(configuration.environment, os.environ)
    check_references(configuration)

    with watched(lambda line: click.echo(printable(line), err=True)):
        return run_async(_read, configuration, url)


async def _read(configuration: Configuration, url: str | None) -> VenueReading:
    async with AsyncExitStack() as stack:
        line = await attach(url) if url is not None and wants_sandbox(configuration, url) else None
        context = context_of(configuration, line)
        name = configuration.connector.name
        home = None if line is not None else open_state_dir(os.environ)
        held = Hold(home=home, venue=venue_of(name, context), clock=context.clock)
        held.refuse()

        with once(name, configuration.environment, held.begin):
            plan = plan_of(configuration)
            connector, instrument = await open_connector(
                plan.connector, plan.connector_settings, context, plan.market, stack=stack
            )
            utc_ms = context.clock.utc_ms()
            seen = await Reconciliation(connector=connector, instrument=instrument, clock=context.clock).look()
            mark = await connector.fetch_mark(instrument) if isinstance(connector, PriceReading) else None

            return VenueReading(instrument=instrument, account=connector.account, seen=seen, mark=mark, utc_ms=utc_ms)
