"""`perpmaker probe VENUE`: what no document of the venue settles is tried out there, with the smallest amounts."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import attrs
import click

from perpmaker.cli.event_loop import run_async
from perpmaker.cli.installation import open_catalog, watched
from perpmaker.cli.output import claim, result
from perpmaker.cli.screen import printable
from perpmaker.cli.signals import wanted_signals
from perpmaker.config.configuration import Configuration
from perpmaker.config.loading import load_configuration
from perpmaker.connector.interface import ConnectorContext, Environment
from perpmaker.connector.probing import Experiment
from perpmaker.errors import ConfigurationError, ExitCode, Problem
from perpmaker.plugins.declarations import DerivativeConnectorDeclaration

if TYPE_CHECKING:
    from perpmaker.launch.findings import Result
    from perpmaker.launch.probe import Laboratory


@attrs.frozen(kw_only=True)
class _Request:
    """What is to be probed: where, which experiments (none named: all), and whether a person has agreed already."""

    declaration: DerivativeConnectorDeclaration[Any]
    settings: Any
    configuration: Configuration | None
    url: str | None
    market: str | None
    only: tuple[str, ...]
    yes: bool
    as_json: bool


@click.command()
@click.argument("venue")
@click.option("--config", type=click.Path(path_type=Path), help="Take keys, environment and market from this file.")
@click.option("--sandbox-url", metavar="URL", help="Probe the sandbox that is serving there.")
@click.option("--market", help="The market to use; it must have no position and no orders.")
@click.option("--only", multiple=True, metavar="EXPERIMENT", help="Make this experiment alone; may be given again.")
@click.option("--yes", is_flag=True, help="Make them all without asking before each.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as one JSON array.")
def probe(
    venue: str,
    config: Path | None,
    sandbox_url: str | None,
    market: str | None,
    only: tuple[str, ...],
    *,
    yes: bool,
    as_json: bool,
) -> None:
    """Try out, on a testnet or a sandbox, what no document of VENUE settles.

    Each experiment is described first and asked for; it trades the smallest amounts of one market and cleans up after
    itself. What was seen is written down, and runs on testnet and live go by it. Never with real money.
    """
    claim()

    if config is None and sandbox_url is None:
        raise click.UsageError(
            "--config FILE says with which keys and where; for a sandbox that is serving, --sandbox-url URL is enough"
        )

    if not yes and not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise click.UsageError("there is no terminal to ask on before each experiment: add --yes to agree to all")

    catalog = open_catalog()
    declaration = catalog.derivative_connector(venue)
    configuration = None if config is None else _configured(load_configuration(config, (), catalog), venue)
    settings = _default_settings(declaration) if configuration is None else configuration.connector.settings
    request = _Request(
        declaration=declaration,
        settings=settings,
        configuration=configuration,
        url=sandbox_url,
        market=market,
        only=only,
        yes=yes,
        as_json=as_json,
    )

    with watched(lambda line: click.echo(printable(line), err=True)):
        run_async(_probe_until_a_signal, request)


def _configured(configuration: Configuration, venue: str) -> Configuration:
    """The configuration, of this venue and of an environment without money; ConfigurationError for another."""
    name, environment = configuration.connector.name, configuration.environment

    if name != venue:
        raise _fault(configuration, "derivative", name, f"must be {venue}, which is to be probed")

    if environment not in {Environment.SANDBOX, Environment.TESTNET}:
        raise _fault(
            configuration, f"{name}.environment", environment.value, 'must be "testnet" or "sandbox" for experiments'
        )

    return configuration


def _fault(configuration: Configuration, key: str, value: str, allowed: str) -> ConfigurationError:
    return ConfigurationError((Problem(file=str(configuration.file), key=key, value=value, allowed=allowed),))


def _default_settings(declaration: DerivativeConnectorDeclaration[Any]) -> object:
    """The settings of a connector of which nothing is said; UsageError where it needs some."""
    try:
        return declaration.settings()
    except TypeError as error:
        raise click.UsageError(f"{declaration.name} needs settings ({error}): give them with --config FILE") from None


async def _probe_until_a_signal(request: _Request) -> None:
    """Probe; a signal that ends a program breaks off, and what was sent is taken off again before it ends."""
    received: list[signal.Signals] = []

    with anyio.open_signal_receiver(*wanted_signals()) as signals:  # until it is cleaned up: a second one waits
        async with anyio.create_task_group() as group:
            group.start_soon(_break_off, signals, group.cancel_scope, received)
            await _probe(request)
            group.cancel_scope.cancel()

    if received:
        click.echo(f"Broken off by {received[0].name}; what it had sent was taken off again.", err=True)
        raise click.exceptions.Exit(ExitCode.INTERRUPTED)


async def _break_off(
    signals: AsyncIterator[signal.Signals], scope: anyio.CancelScope, received: list[signal.Signals]
) -> None:
    async for one in signals:
        received.append(one)
        scope.cancel()


async def _probe(request: _Request) -> None:
    """Open the market, make the experiments that are agreed to, and write down what they have shown."""
    from perpmaker.journal.state_dir import open_state_dir  # noqa: PLC0415  # a wrong file is said before it is imported
    from perpmaker.launch.findings import write_results  # noqa: PLC0415  # the same
    from perpmaker.launch.probe import open_laboratory  # noqa: PLC0415  # the same

    home = open_state_dir(os.environ)

    async with AsyncExitStack() as stack:
        context, market = await _context(request, stack)
        opened = open_laboratory(request.declaration, request.settings, context, market, home)
        laboratory = await stack.enter_async_context(opened)
        experiments = list(_chosen(laboratory.experiments, request.only))
        path = home.findings(request.declaration.name, context.environment.value)
        _say(request, _heading(laboratory, context, len(experiments)))
        results: list[Result] = []

        for number, experiment in enumerate(experiments, 1):
            _say(request, f"\n{number}/{len(experiments)} {experiment.name}", f"  {experiment.question}")
            _say(request, f"  It {experiment.does}.")

            if not request.yes and not await _agreed():
                _say(request, "  left out")
                continue

            found = await laboratory.carry_out(experiment)
            write_results(path, [found])
            results.append(found)
            _say(request, *_lines(experiment, found))

        if request.as_json:
            result(json.dumps([attrs.asdict(one) for one in results], indent=2), as_json=True)
        elif results:
            result(f"\nWritten to {path}; {_readers(context.environment)}.")


async def _context(request: _Request, stack: AsyncExitStack) -> tuple[ConnectorContext, str]:
    """What the connector is opened with, and the market."""
    from perpmaker.cli.sandbox_child import open_child  # noqa: PLC0415  # a wrong file is said before it is imported
    from perpmaker.cli.venue import attach, context_of, sandbox_context, wants_sandbox  # noqa: PLC0415  # the same

    configuration = request.configuration

    if configuration is None:
        line = await attach(request.url or "")

        return sandbox_context(line), request.market or line.market

    market = request.market or configuration.run.market

    if not wants_sandbox(configuration, request.url):
        return context_of(configuration, None), market

    if request.url is not None:
        return context_of(configuration, await attach(request.url)), market

    line = await stack.enter_async_context(open_child(configuration, lambda: None))

    return context_of(configuration, line), market


def _chosen(experiments: Sequence[Experiment], only: tuple[str, ...]) -> Iterator[Experiment]:
    """The experiments of these names, all where none is given; UsageError for a name that there is not."""
    names = [one.name for one in experiments]

    if unknown := [name for name in only if name not in names]:
        raise click.UsageError(f"--only {unknown[0]}: there are {', '.join(names)}")

    yield from (one for one in experiments if not only or one.name in only)


def _heading(laboratory: Laboratory, context: ConnectorContext, count: int) -> str:
    bench = laboratory.bench

    return (
        f"Probe of {bench.connector.name} ({context.environment.value}), {bench.instrument.market} of account "
        f"{bench.connector.account}: {count} experiments, each with the smallest amounts, cleaned up after."
    )


def _lines(experiment: Experiment, found: Result) -> Iterator[str]:
    """What was seen, and which rule of ours that settles."""
    answer = experiment.conclusion(found.answer)

    if answer is None:
        yield f"  not settled: {found.seen}"
    else:
        yield f"  seen: {found.seen}"
        yield f"  so:   {answer.rule}"


def _readers(environment: Environment) -> str:
    if environment is Environment.TESTNET:
        return "runs on testnet and live go by it"

    return "a sandbox answers as it is set, so that no run goes by it"


def _say(request: _Request, *lines: str) -> None:
    """Say lines for people; with --json they go to standard error."""
    for line in lines:
        if request.as_json:
            click.echo(printable(line), err=True)
        else:
            result(line)


async def _agreed() -> bool:
    """Whether a person agrees to the experiment; the loop goes on meanwhile, so that signals still end it."""
    click.echo("  Do it? [y/N] ", err=True, nl=False)
    await anyio.wait_readable(sys.stdin)

    return sys.stdin.readline().strip().lower() in {"y", "yes"}
