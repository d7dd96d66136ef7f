"""`perpmaker run CONFIG`: find the plugins, check the file, connect, trade, stop cleanly, sum up."""

from __future__ import annotations

import math
import os
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import attrs
import click

from perpmaker.cli.company import Company
from perpmaker.cli.event_loop import run_async
from perpmaker.cli.guard import AccountCheck, check_surroundings, require_consent
from perpmaker.cli.handle import Handle, watch_signals
from perpmaker.cli.installation import open_catalog, watched
from perpmaker.cli.last_words import said_outcome, say_outcome
from perpmaker.cli.leaving import Departure
from perpmaker.cli.output import claim, finish, is_owned, keep_unsaid_in
from perpmaker.cli.references import check_references
from perpmaker.cli.run_end import Course, sum_up
from perpmaker.cli.run_options import RunOptions
from perpmaker.cli.screen import Screen
from perpmaker.cli.seconds import Seconds
from perpmaker.cli.unsaid import earlier
from perpmaker.config.configuration import Configuration
from perpmaker.config.pasted import address_words
from perpmaker.config.several import load_each
from perpmaker.connector.interface import Environment
from perpmaker.runtime.supervisor import Supervisor

if TYPE_CHECKING:
    from perpmaker.cli.run_log import RunLog  # the same
    from perpmaker.journal.state_dir import StateDir  # the same
    from perpmaker.sandbox.server import SandboxLine  # a wrong file is said before a server is imported

LEAST_START_S = 20.0  # a run for a few seconds only is still given this long to begin
LEAST_ATTACH_S = 5.0  # and this long to find the sandbox that is said to be serving


@click.command()
@click.argument("config", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Lay a value over the file's.")
@click.option("--for", "seconds", type=Seconds(min=0, min_open=True), help="Stop after so many seconds.")
@click.option("--close", is_flag=True, help="Close the position before stopping.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object on the last line.")
@click.option("--plain", is_flag=True, help="Show lines that stay, as in a log, instead of a page.")
@click.option("--sandbox-url", metavar="URL", help="Trade on the sandbox that is serving there.")
@click.option("--adopt", is_flag=True, help="Cancel orders of perpmaker's that the journal does not know, and start.")
@click.option("--resume", is_flag=True, help="Release the halt that an earlier run has left, and start.")
@click.option("--adopt-position", is_flag=True, help="Manage a position that the journal does not explain.")
@click.option("--live", is_flag=True, help="Trade real money, where the configuration says so.")
@click.option("--confirm-account", metavar="NAME", help="The account that is meant, instead of typing its name.")
@click.option("--trust-key", is_flag=True, help="Trade live although the venue does not tell what the key may do.")
def run(
    config: tuple[Path, ...],
    overrides: tuple[str, ...],
    *,
    seconds: float | None,
    close: bool,
    as_json: bool,
    plain: bool,
    sandbox_url: str | None,
    adopt: bool,
    resume: bool,
    adopt_position: bool,
    live: bool,
    confirm_account: str | None,
    trust_key: bool,
) -> None:
    r"""Trade what CONFIG says, until stopped; several files trade side by side in this process.

    Ctrl-C, Ctrl-\, SIGTERM or a closed terminal stops cleanly: quotes are cancelled and proven gone, closing orders of
    an open position stay. A second one hurries.
    """
    claim()
    configurations = load_each(config, overrides, open_catalog())

    for configuration in configurations:
        require_consent(configuration.environment, live=live)
        check_surroundings(configuration.environment, os.environ)
        check_references(configuration)

    def options(configuration: Configuration) -> RunOptions:
        return RunOptions(
            seconds=seconds,
            close=close,
            url=sandbox_url,
            adopt=adopt,
            resume=resume,
            adopt_position=adopt_position,
            trust_key=trust_key,
            account=AccountCheck(configuration.environment, confirm_account),
            as_json=as_json,
            command=_words(configuration.file, overrides, sandbox_url, live=live),
        )

    screen = Screen(is_terminal=False) if plain else Screen()

    if len(configurations) > 1:
        from perpmaker.cli.run_several import run_several  # noqa: PLC0415  # only for several

        run_several([(each, options(each)) for each in configurations], screen, as_json=as_json)
        return

    _run_one(configurations[0], options(configurations[0]), screen)


def _run_one(configuration: Configuration, options: RunOptions, screen: Screen) -> None:
    """Trade one market. Its exit code is that of what is raised."""
    course = Course()
    say_notes(configuration, screen)
    _carried_out(configuration, screen, options, course)

    if course.is_unbegun and screen.has_spoken:
        screen.tell("stopped before anything was sent")

    say_outcome(course, as_json=options.as_json)


def say_notes(configuration: Configuration, screen: Screen) -> None:
    """Say what a person should know of a file that is right."""
    for note in configuration.notes:
        screen.tell(f"note: {note}")


def _carried_out(configuration: Configuration, screen: Screen, options: RunOptions, course: Course) -> None:
    """Carry out the run in an event loop of its own; `course` has how it ended, or this raises why it has not begun."""

    def last_words() -> int:
        """Say how it ended where something foreign keeps the event loop from ending."""
        screen.close()
        code = said_outcome(course, as_json=options.as_json)
        finish()

        return code

    with Departure(last_words) as departure:
        try:
            with watched(screen.tell):
                run_async(_run_to_leave, configuration, screen, options, course, departure)
        except BaseException as error:  # noqa: BLE001  # judged, and raised again
            course.error = error


async def _run_to_leave(
    configuration: Configuration, screen: Screen, options: RunOptions, course: Course, departure: Departure
) -> None:
    """Run, and from then on let nothing keep the process."""
    try:
        await _run(configuration, screen, options, course)
    except BaseException as error:
        course.error = error
        raise
    finally:
        if is_owned():
            departure.begin()


def _words(config: Path, overrides: Sequence[str], url: str | None, *, live: bool) -> tuple[str, ...]:
    """The words that start the same run again."""
    words = ["perpmaker", "run", str(config)]

    for override in overrides:
        words += ["--set", override]

    words += [] if url is None else ["--sandbox-url", address_words(url)]
    words += ["--live"] if live else []

    return tuple(words)


async def _run(configuration: Configuration, screen: Screen, options: RunOptions, course: Course) -> None:
    """Trade one market; signals stop it."""
    handle = Handle(close=options.close, seconds=options.seconds, scope=anyio.CancelScope(), tell=screen.tell)

    async with anyio.create_task_group() as group:
        await group.start(watch_signals, handle)
        await run_market(configuration, screen, options, course, handle)
        group.cancel_scope.cancel()


async def run_market(
    configuration: Configuration,
    screen: Screen,
    options: RunOptions,
    course: Course,
    handle: Handle,
    *,
    company: Company | None = None,
) -> None:
    """Trade one market from beginning to end; what ends it pulls at the handle. `company` are others of this process.

    `course` has no end when it was stopped before there was a bot.
    """
    from perpmaker.cli.desk import open_desk  # noqa: PLC0415  # a wrong file is said before it is imported
    from perpmaker.cli.observing import note_end  # noqa: PLC0415  # the same
    from perpmaker.cli.run_log import open_run_log  # noqa: PLC0415  # the same
    from perpmaker.cli.trading import trade  # noqa: PLC0415  # the same
    from perpmaker.journal.state_dir import open_state_dir  # noqa: PLC0415  # the same

    home = open_state_dir(os.environ)

    async with (
        open_run_log(configuration, home, handle, screen.tell) as log,
        open_desk(configuration, handle, screen, home, course) as desk,
    ):
        if company is not None:
            company.desks.append(desk)

        begin_s = math.inf if configuration.sandbox.recording else LEAST_START_S  # a recording is read first
        handle.allow(begin_s if options.url is None else LEAST_ATTACH_S)

        with handle.scope:
            async with _open(configuration, screen, handle, options, home=home, log=log, company=company) as bot:
                course.bot = handle.bot = bot
                handle.scope.deadline = math.inf
                began_at = anyio.current_time()
                closing = await trade(screen, desk, bot)
                course.unproven = closing.unproven
                handle.over()
                course.ended = sum_up(
                    bot,
                    closing,
                    environment=configuration.environment.value,
                    seconds=anyio.current_time() - began_at,
                    stop_reason=handle.stop_reason,
                    origin=handle.origin,
                    command=options.command,
                    account_ends=handle.has_own_sandbox,
                )
                note_end(bot, course.ended)

    if course.ended is None and not handle.stop_reason:
        raise course.unasked(handle.seconds, handle.allowed_s)


@asynccontextmanager
async def _open(
    configuration: Configuration,
    screen: Screen,
    handle: Handle,
    options: RunOptions,
    *,
    home: StateDir,
    log: RunLog,
    company: Company | None,
) -> AsyncIterator[Supervisor]:
    """A bot connected to its venue, or to the sandbox that stands in for it."""
    from perpmaker.cli.first_run import say_differences  # noqa: PLC0415  # the same
    from perpmaker.cli.observing import open_observers  # noqa: PLC0415  # the same
    from perpmaker.cli.report_once import show_report  # noqa: PLC0415  # the same
    from perpmaker.cli.venue import context_of  # noqa: PLC0415  # the same
    from perpmaker.journal.sandbox_journals import forget_old_sandboxes  # noqa: PLC0415  # the same
    from perpmaker.launch.configured_plan import plan_of  # noqa: PLC0415  # a wrong file is said before anything heavy is imported
    from perpmaker.launch.launch import prepare_run  # noqa: PLC0415  # the same
    from perpmaker.launch.preflight import refuse, survey  # noqa: PLC0415  # the same

    keep_unsaid_in(home.root)

    for words in (*earlier(home.root), *forget_old_sandboxes(home)):
        handle.tell(words)

    async with _open_sandbox(configuration, handle, options.url) as line:
        context = context_of(configuration, line, handle.instance)

        if company is not None:
            context = attrs.evolve(context, shared=company.shared)

        handle.allow(LEAST_START_S)

        async with (
            open_observers(configuration, home, log) as observers,
            prepare_run(
                plan_of(configuration),
                context,
                home=home,
                tell=observers.tell,
                seed=os.getpid(),
                adopt=options.adopt,
                resume=options.resume,
                adopt_position=options.adopt_position,
                trust_key=options.trust_key,
                observers=observers,
                exposure=None if company is None else company.exposure,
            ) as ready,
        ):
            connector, instrument = ready.market.connector, ready.market.instrument
            preflight = await ready.insist(lambda: survey(configuration, connector, instrument, context))
            show_report(screen, home, context.clock, configuration, preflight)
            refuse(preflight)
            say_differences(configuration, home, screen.tell)
            handle.scope.deadline = math.inf  # the venue was reached; a person may take his time
            await options.account.confirm(connector.name, connector.account)
            handle.allow(LEAST_START_S)

            yield await ready.start()


@asynccontextmanager
async def _open_sandbox(
    configuration: Configuration, handle: Handle, url: str | None
) -> AsyncIterator[SandboxLine | None]:
    """The sandbox that stands in for the venue; None where the venue itself is asked."""
    from perpmaker.cli.recording import open_watch  # noqa: PLC0415  # the same
    from perpmaker.cli.sandbox_child import attach_patiently, open_child  # noqa: PLC0415  # the same
    from perpmaker.cli.venue import wants_sandbox, worth_of  # noqa: PLC0415  # the same

    def on_end() -> None:
        handle.tell("the sandbox has ended by itself")
        handle.stop("sandbox ended")

    environment = configuration.environment.value

    async with AsyncExitStack() as stack:
        if not wants_sandbox(configuration, url):
            handle.tell(f"{environment}: {configuration.connector.name}")
            handle.origin = worth_of(configuration, None)
            yield None
            return

        if url is None:
            handle.has_own_sandbox = configuration.environment is Environment.SANDBOX
            handle.instance = secrets.token_hex(4)
            line = await stack.enter_async_context(open_child(configuration, on_end))
        else:
            line = await attach_patiently(url, handle.tell)

        handle.origin = worth_of(configuration, line)
        handle.tell(f"{environment}: {line.venue} at {line.url}, {line.origin}")
        await stack.enter_async_context(open_watch(line, handle.tell, partial(handle.stop, "recording ended")))
        yield line
