"""`perpmaker check CONFIG`: everything that can be known to be wrong before a run, and the pre-flight report."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import anyio
import attrs
import click
from anyio.abc import TaskStatus

from perpmaker.cli.event_loop import run_async
from perpmaker.cli.failure import expected, explain
from perpmaker.cli.guard import check_surroundings
from perpmaker.cli.installation import open_catalog, watched
from perpmaker.cli.leaving import Departure
from perpmaker.cli.output import claim, finish, is_owned, result
from perpmaker.cli.references import check_references
from perpmaker.cli.screen import printable
from perpmaker.config.configuration import Configuration
from perpmaker.config.loading import load_configuration
from perpmaker.connector.interface import ConnectorContext, Environment
from perpmaker.errors import ConfigurationError, ExitCode, MarketRulesError, PerpmakerError, abridged

if TYPE_CHECKING:
    from perpmaker.report.preflight import Preflight  # a wrong file is said before the engine is imported

_REFUSED = "REFUSED"


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Lay a value over the file's.")
@click.option("--sandbox-url", metavar="URL", help="Ask the sandbox that is serving there.")
@click.option("--full", is_flag=True, help="Print everything: rules, levels, each figure, the checklist, plugins.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def check(
    config: Path,
    overrides: tuple[str, ...],
    sandbox_url: str | None,
    *,
    full: bool,
    as_json: bool,
) -> None:
    """Check a configuration against the installed plugins and the market, and print the pre-flight report.

    Nothing is set and nothing is traded, so that environment live needs no --live here. What a live run asks of its
    key and of its surroundings holds all the same. Every fault of CONFIG is said at once. The report begins with its
    verdict: OK, how many things there are to look at, or REFUSED.
    """
    claim()
    inquiry = _Inquiry(config=config, as_json=as_json, full=full)

    def last_words() -> int:
        """Say the answer where something foreign keeps the event loop from ending."""
        try:
            inquiry.answer()
        except BaseException as error:  # noqa: BLE001  # the outermost place: whatever ends the process is said here
            return explain(error)
        finally:
            finish()

        return 0

    with Departure(last_words) as departure:
        try:
            inquiry.configuration = configuration = load_configuration(config, overrides, open_catalog())
            check_surroundings(configuration.environment, os.environ)
            check_references(configuration)

            with watched(lambda line: click.echo(printable(line), err=True)):
                run_async(_ask_to_leave, inquiry, configuration, sandbox_url, departure)
        except BaseException as error:  # noqa: BLE001  # judged, and raised again
            inquiry.error = error

    inquiry.answer()


@attrs.frozen(kw_only=True)
class _Found:
    """What the venue told. `account` is whose it is, None where it is simulated; `notes` are about file and key."""

    preflight: Preflight
    account: str | None
    notes: tuple[str, ...]


@attrs.define(kw_only=True)
class _Inquiry:
    """A check of one file: how it is to be answered, and what has come of it so far."""

    config: Path
    as_json: bool
    full: bool
    configuration: Configuration | None = None
    found: _Found | None = None
    error: BaseException | None = None

    def answer(self) -> None:
        """Print the report, or what is wrong. The exit code is that of what is raised."""
        if self.configuration is None or self.found is None:
            self._refuse()
        else:
            _show(self.configuration, self.found, as_json=self.as_json, full=self.full)

            if self.found.preflight.refusals:
                self._end(MarketRulesError("\n".join(self.found.preflight.refusals)))

    def _refuse(self) -> None:
        raised = KeyboardInterrupt() if self.error is None else self.error
        error = expected(raised)

        if error is not None and error.exit_code is ExitCode.REFUSED and not self.as_json:
            result(_REFUSED)

        if error is None or not self.as_json:
            raise raised

        result(json.dumps(_refusal(self.config, error), indent=2), as_json=True)
        self._end(error)

    def _end(self, error: PerpmakerError) -> NoReturn:
        """End with the exit code of an error that, for programs, is in the answer already."""
        if self.as_json:
            raise click.exceptions.Exit(error.exit_code.value)

        raise error


def _refusal(config: Path, error: PerpmakerError) -> dict[str, object]:
    """What is wrong, for programs: the problems of the file one by one, or the message."""
    problems = [attrs.asdict(problem) for problem in error.problems] if isinstance(error, ConfigurationError) else []

    verdict = _REFUSED if error.exit_code is ExitCode.REFUSED else None

    return {"file": str(config), "ok": False, "verdict": verdict, "error": abridged(str(error)), "problems": problems}


def _show(configuration: Configuration, found: _Found, *, as_json: bool, full: bool) -> None:
    """The report, for people or for programs."""
    from perpmaker.report.preflight_page import plain_preflight, render_preflight  # noqa: PLC0415  # not for --help

    if as_json:
        answer = {
            "file": str(configuration.file),
            "ok": not found.preflight.refusals,
            "verdict": found.preflight.verdict,
            "plugins": list(_plugins(configuration)),
            "account": found.account,
            "notes": list(found.notes),
            "report": plain_preflight(found.preflight),
        }
        result(json.dumps(answer, indent=2), as_json=True)
        return

    result(render_preflight(found.preflight, full=full))

    if found.account is not None:
        result(f"  the key in [{configuration.connector.name}] opens account {found.account}")

    if full:
        result("\n".join(_file_lines(configuration)))
    else:
        result(f"Everything else: perpmaker check {configuration.file} --full")


def _file_lines(configuration: Configuration) -> Iterator[str]:
    """What was checked beside the market: the file, and what it names."""
    from perpmaker.report.preflight_wording import wrapped  # noqa: PLC0415  # not for --help

    yield ""
    yield f"Configuration {configuration.file}"
    yield "  ok every key is known, in its range, and agrees with the others"
    yield from wrapped(f"ok plugins: {', '.join(_plugins(configuration))}", "  ", "     ")


async def _ask_to_leave(inquiry: _Inquiry, configuration: Configuration, url: str | None, departure: Departure) -> None:
    """Ask the venue until it has answered, or a person has had enough; from then on let nothing keep the process."""
    try:
        async with anyio.create_task_group() as group:
            await group.start(_watch_signals, group.cancel_scope)
            inquiry.found = await _ask_venue(configuration, url)
            group.cancel_scope.cancel()
    except BaseException as error:
        inquiry.error = error
        raise
    finally:
        if is_owned():
            departure.begin()


async def _watch_signals(scope: anyio.CancelScope, *, task_status: TaskStatus[None]) -> None:
    """End the questions at SIGINT or SIGTERM; so none is raised as KeyboardInterrupt in the middle of a plugin."""
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        task_status.started()

        async for _ in signals:
            scope.cancel()


async def _ask_venue(configuration: Configuration, url: str | None) -> _Found:
    """Ask the venue for market and account, and report; MarketRulesError where there is nothing to report about."""
    from perpmaker.cli.sandbox_child import open_child  # noqa: PLC0415  # a wrong file is said before it is imported
    from perpmaker.cli.venue import attach, context_of, wants_sandbox  # noqa: PLC0415  # the same
    from perpmaker.journal.state_dir import open_state_dir  # noqa: PLC0415  # the same
    from perpmaker.launch.start_retry import Hold, once, venue_of  # noqa: PLC0415  # the same

    async with AsyncExitStack() as stack:
        line = None

        if wants_sandbox(configuration, url):
            opened = open_child(configuration, _ended)
            line = await stack.enter_async_context(opened) if url is None else await attach(url)

        context = context_of(configuration, line)
        name = configuration.connector.name
        home = None if line is not None else open_state_dir(os.environ)
        held = Hold(home=home, venue=venue_of(name, context), clock=context.clock)
        held.refuse()

        with once(name, configuration.environment, held.begin):
            return await _look(configuration, context, stack)


async def _look(configuration: Configuration, context: ConnectorContext, stack: AsyncExitStack) -> _Found:
    """Open the connector, as long as the stack, and look through it at the market, the account and what the key may."""
    from perpmaker.launch.configured_plan import plan_of  # noqa: PLC0415  # a wrong file is said before the engine is imported
    from perpmaker.launch.key_check import check_key  # noqa: PLC0415  # the same
    from perpmaker.launch.preflight import survey  # noqa: PLC0415  # the same
    from perpmaker.report.preflight import with_notes  # noqa: PLC0415  # the same
    from perpmaker.runtime.opening import open_connector  # noqa: PLC0415  # the same

    plan = plan_of(configuration)

    connector, instrument = await open_connector(
        plan.connector, plan.connector_settings, context, configuration.run.market, stack=stack
    )

    notes: list[str] = []
    await check_key(connector, configuration.environment, notes.append, trust=True)
    notes += configuration.notes
    preflight = with_notes(await survey(configuration, connector, instrument, context), notes)
    is_keyed = configuration.environment in {Environment.TESTNET, Environment.LIVE}

    return _Found(preflight=preflight, account=connector.account if is_keyed else None, notes=tuple(notes))


def _ended() -> None:
    """The sandbox has ended by itself; what is asked of it next fails and says so."""


def _plugins(configuration: Configuration) -> Iterator[str]:
    """The names of the plugins in use."""
    yield configuration.strategy.name
    yield configuration.connector.name
    yield configuration.price_source.name
    yield from (module.name for module in configuration.risk)
