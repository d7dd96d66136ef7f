"""`perpmaker balance [NAME]`: every asset, the margin and its marks, from a running bot or straight from the venue."""

from __future__ import annotations

import json
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from perpmaker.cli.output import claim, result
from perpmaker.errors import RefusedError, UnknownBotError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perpmaker.cli.venue_reading import VenueReading
    from perpmaker.config.configuration import Configuration
    from perpmaker.control.card import Card
    from perpmaker.plugins.declarations import DerivativeConnectorDeclaration
    from perpmaker.report.balance import AccountBalance

STATUS_S = 10.0
"""Seconds that a running bot is given to answer."""


@click.command()
@click.argument("name", required=False)
@click.option("--derivative", metavar="VENUE", help="The account of this connector, such as binance_perpetual.")
@click.option("--sandbox-url", metavar="URL", help="Where no bot runs: ask the sandbox that is serving there.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, or a list of several bots.")
def balance(name: str | None, *, derivative: str | None, sandbox_url: str | None, as_json: bool) -> None:
    """Show what an account has: wallets, margin in use, free margin.

    With the marks of 30 % and 20 %, and the venue's own ratio. NAME is a bot or a configuration file. A running bot is
    asked; where none runs, the venue is, with the keys of the configuration. Nothing is set and nothing is sent.
    """
    claim()
    found = _balances(name, derivative, sandbox_url)

    if as_json:
        from perpmaker.report.status import as_plain  # noqa: PLC0415  # not for --help

        values = [as_plain(one) for one in found]
        result(json.dumps(values[0] if len(values) == 1 else values, indent=2), as_json=True)
        return

    from perpmaker.report.balance import balance_page  # noqa: PLC0415  # not for --help

    for number, one in enumerate(found):
        for line in ("", *balance_page(one)) if number else balance_page(one):
            result(line)


def _balances(name: str | None, derivative: str | None, url: str | None) -> Sequence[AccountBalance]:
    """The accounts that are meant."""
    from perpmaker.cli.bots import open_bots  # noqa: PLC0415  # not for --help
    from perpmaker.control.card import read_cards  # noqa: PLC0415  # the same
    from perpmaker.control.names import matching  # noqa: PLC0415  # the same

    home = open_bots().home
    cards = [card for card in read_cards(home) if derivative in {None, card.venue}]
    running = cards if name is None else matching(cards, name)

    if running and url is None:
        return [_of_bot(card) for card in running]

    if name is not None and Path(name).is_file():
        return [_of_configuration(_loaded(Path(name), derivative), url)]

    if derivative is not None and url is not None:
        return [_of_sandbox(derivative, url)]

    return [_of_configuration(*_known(name, derivative, url))]


def _of_bot(card: Card) -> AccountBalance:
    """What a running bot knows of its account."""
    from perpmaker.cli.bots import open_bots  # noqa: PLC0415  # not for --help
    from perpmaker.control.client import ask  # noqa: PLC0415  # the same
    from perpmaker.report.balance import decode_balance  # noqa: PLC0415  # the same

    return decode_balance(ask(open_bots().home, card, "balance", STATUS_S)["balance"])


def _loaded(file: Path, derivative: str | None) -> Configuration:
    from perpmaker.cli.installation import open_catalog  # noqa: PLC0415  # not for --help
    from perpmaker.config.loading import load_configuration  # noqa: PLC0415  # the same

    configuration = load_configuration(file, (), open_catalog())

    if derivative not in {None, configuration.connector.name}:
        raise click.UsageError(f"--derivative {derivative}: {file} trades on {configuration.connector.name}")

    return configuration


def _known(name: str | None, derivative: str | None, url: str | None) -> tuple[Configuration, str | None]:
    """The configuration that a bot ran last with, of those that do not run now, and where its sandbox is, if in one."""
    from perpmaker.cli.bots import open_bots  # noqa: PLC0415  # not for --help
    from perpmaker.cli.installation import open_catalog  # noqa: PLC0415  # the same
    from perpmaker.config.recorded import read_recorded  # noqa: PLC0415  # the same
    from perpmaker.control.names import the_one  # noqa: PLC0415  # the same
    from perpmaker.launch.known_bots import known_bots  # noqa: PLC0415  # the same

    bots = [bot for bot in known_bots(open_bots().home) if derivative in {None, bot.venue} and bot.configuration]

    if not bots:
        where = "" if derivative is None else f" on {derivative}"
        raise UnknownBotError(
            f"No bot{where} runs or has run outside of a sandbox of its own. Name a configuration: perpmaker balance "
            "CONFIG (in a sandbox that serves: --derivative VENUE --sandbox-url URL)"
        )

    bot = the_one(bots, name, "known")

    return read_recorded(bot.configuration, bot.file, open_catalog()), url or bot.sandbox_url


def _of_configuration(configuration: Configuration, url: str | None = None) -> AccountBalance:
    """What the venue says of the account of a configuration."""
    from perpmaker.cli.venue_reading import read_venue  # noqa: PLC0415  # not for --help
    from perpmaker.connector.interface import Environment  # noqa: PLC0415  # the same
    from perpmaker.control.names import bot_name  # noqa: PLC0415  # the same

    environment, market = configuration.environment, configuration.run.market

    if environment is Environment.PAPER or (environment is Environment.SANDBOX and url is None):
        raise UnknownBotError(
            f"No bot trades {configuration.file}, and its account is simulated: it ends with its bot. Start one, or "
            "name a sandbox that serves with --sandbox-url"
        )

    name = bot_name(configuration.file, market)

    return _of_reading(
        read_venue(configuration, url), name, environment.value, configuration.connector.name, configuration.exits
    )


def _of_reading(found: VenueReading, name: str, environment: str, venue: str, exits: Any) -> AccountBalance:  # noqa: ANN401  # ExitSettings, not for --help
    from perpmaker.cli.venue_reading import status_of_reading  # noqa: PLC0415  # not for --help
    from perpmaker.report.balance import balance_of  # noqa: PLC0415  # the same

    status = status_of_reading(found, name=name, environment=environment, venue=venue, exits=exits)

    return balance_of(status, found.seen.account.assets, found.seen.account.asset_mode, "venue")


def _of_sandbox(derivative: str, url: str) -> AccountBalance:
    """What a sandbox that serves says of its account, without any configuration."""
    from perpmaker.cli.event_loop import run_async  # noqa: PLC0415  # not for --help
    from perpmaker.cli.installation import open_catalog  # noqa: PLC0415  # the same
    from perpmaker.exits.settings import ExitSettings  # noqa: PLC0415  # the same

    declaration = open_catalog().derivative_connector(derivative)
    found = run_async(_read_sandbox, declaration, url)

    return _of_reading(found, f"sandbox:{found.instrument.market}", "sandbox", derivative, ExitSettings())


async def _read_sandbox(declaration: DerivativeConnectorDeclaration[Any], url: str) -> VenueReading:
    from perpmaker.cli.venue import attach, sandbox_context  # noqa: PLC0415  # not for --help
    from perpmaker.cli.venue_reading import VenueReading  # noqa: PLC0415  # the same
    from perpmaker.connector.abilities import PriceReading  # noqa: PLC0415  # the same
    from perpmaker.runtime.opening import open_connector  # noqa: PLC0415  # the same
    from perpmaker.runtime.reconciliation import Reconciliation  # noqa: PLC0415  # the same

    line = await attach(url)

    if line.venue != declaration.name:
        raise RefusedError(f"--sandbox-url {url}: that sandbox is of {line.venue}, not of {declaration.name}")

    context = sandbox_context(line)

    async with AsyncExitStack() as stack:
        connector, instrument = await open_connector(
            declaration, declaration.settings(), context, line.market, stack=stack
        )
        utc_ms = context.clock.utc_ms()
        seen = await Reconciliation(connector=connector, instrument=instrument, clock=context.clock).look()
        mark = await connector.fetch_mark(instrument) if isinstance(connector, PriceReading) else None

        return VenueReading(instrument=instrument, account=connector.account, seen=seen, mark=mark, utc_ms=utc_ms)
