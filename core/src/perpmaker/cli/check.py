"""`perpmaker check CONFIG`: everything that can be known to be wrong before a run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import partial
from pathlib import Path

import anyio
import attrs
import click

from perpmaker.cli.failure import expected
from perpmaker.cli.installation import open_catalog
from perpmaker.config.configuration import Configuration, load_configuration
from perpmaker.errors import ConfigurationError, MarketRulesError, PerpmakerError
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import PositionMode
from perpmaker.model.position import Balance
from perpmaker.strategy.settings import StrategySettings


@attrs.frozen
class Checked:
    """One thing that was checked and holds, and what was found."""

    subject: str
    found: str


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Lay a value over the file's.")
@click.option("--sandbox-url", metavar="URL", help="Ask the sandbox that is serving there.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def check(
    context: click.Context, config: Path, overrides: tuple[str, ...], sandbox_url: str | None, as_json: bool
) -> None:
    """Check a configuration against the installed plugins and the market.

    Nothing is set and nothing is traded. Every fault of CONFIG is said at once.
    """
    try:
        configuration = load_configuration(config, overrides, open_catalog())
        checked = anyio.run(partial(_ask_venue, configuration, sandbox_url))
    except Exception as raised:
        error = expected(raised)

        if error is None or not as_json:
            raise

        click.echo(json.dumps(_refusal(config, error), indent=2))
        context.exit(error.exit_code.value)

    if as_json:
        found = {one.subject: one.found for one in checked}
        answer = {"file": str(config), "ok": True, "checked": found, "notes": configuration.notes}
        click.echo(json.dumps(answer, indent=2))
    else:
        for line in _report(configuration, checked):
            click.echo(line)


def _refusal(config: Path, error: PerpmakerError) -> dict[str, object]:
    """What is wrong, for programs: the problems of the file one by one, or the message."""
    problems = [attrs.asdict(problem) for problem in error.problems] if isinstance(error, ConfigurationError) else []

    return {"file": str(config), "ok": False, "error": str(error), "problems": problems}


def _report(configuration: Configuration, checked: list[Checked]) -> Iterator[str]:
    """What was checked, for people: the environment first."""
    yield f"{configuration.environment.value.upper()}  {configuration.file}"
    width = max(len(one.subject) for one in checked)
    yield from (f"  ok  {one.subject.ljust(width)}  {one.found}" for one in checked)
    yield from (f"  !   {note}" for note in configuration.notes)


async def _ask_venue(configuration: Configuration, url: str | None) -> list[Checked]:
    """Ask the venue for the market and the account, and compare; MarketRulesError names everything that breaks."""
    from perpmaker.cli.venue import open_venue  # noqa: PLC0415  # a wrong file is said before the network is imported

    run = configuration.run

    async with open_venue(configuration, url) as connector:
        instrument = await connector.instrument(run.market)
        balances = await connector.balances()

    broken = list(broken_rules(configuration, instrument))

    if broken:
        raise MarketRulesError("\n".join(broken))

    return list(_found(configuration, instrument, balances))


def broken_rules(configuration: Configuration, instrument: Instrument) -> Iterator[str]:
    """What the market's own rules do not allow of a configuration, each with the key and what is allowed."""
    run = configuration.run

    if run.leverage > instrument.max_leverage:
        yield f"leverage = {run.leverage}: {instrument.market} allows at most {instrument.max_leverage}"

    if run.position_mode is PositionMode.HEDGE and not instrument.has_hedge_mode:
        yield f'position_mode = "Hedge": {instrument.market} has only One-way positions'

    largest = _largest_amount(configuration)

    if largest is not None and instrument.amount(instrument.lots_down(largest)) < instrument.min_amount:
        least = f"{instrument.min_amount} {instrument.base}"
        yield f"order_amount: the largest level is {largest}, but {instrument.market} takes no order below {least}"


def _largest_amount(configuration: Configuration) -> Decimal | None:
    """The largest amount that any level would be quoted with; None for a strategy that is not made of levels."""
    settings = configuration.strategy.settings

    if not isinstance(settings, StrategySettings):
        return None

    last = settings.order_amount + (settings.order_levels - 1) * settings.order_level_amount
    amounts = [amount for _, _, amount in settings.order_override.values()] or [settings.order_amount, last]
    factor = configuration.run.leverage if settings.order_amount_basis == "margin" else 1

    return max(amounts) * factor


def _found(configuration: Configuration, instrument: Instrument, balances: Sequence[Balance]) -> Iterator[Checked]:
    """What was asked and holds."""
    run = configuration.run
    least = f"{instrument.min_amount} {instrument.base} and {instrument.min_notional} {instrument.quote}"
    money = ", ".join(f"{balance.wallet} {balance.asset}" for balance in balances if balance.wallet)
    yield Checked("file", "every key is known, in its range, and agrees with the others")
    yield Checked("plugins", ", ".join(_plugins(configuration)))
    yield Checked("market", f"{instrument.market} ({instrument.symbol}): tick {instrument.tick}, lot {instrument.lot}")
    yield Checked("order size", f"at least {least}")
    yield Checked("leverage", f"{run.leverage} of at most {instrument.max_leverage}")
    yield Checked("positions", run.position_mode.value)
    yield Checked("account", money or "empty")


def _plugins(configuration: Configuration) -> Iterator[str]:
    """The names of the plugins in use."""
    yield configuration.strategy.name
    yield configuration.connector.name
    yield configuration.price_source.name
    yield from (module.name for module in configuration.risk)
