"""`perpmaker run CONFIG`: find the plugins, check the file, connect, trade, stop cleanly, sum up."""

from __future__ import annotations

import gc
import math
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import attrs
import click
from anyio.abc import TaskStatus

from perpmaker.cli.guard import AccountCheck, check_surroundings, require_consent
from perpmaker.cli.installation import open_catalog, watched
from perpmaker.cli.output import claim, result
from perpmaker.cli.references import check_references
from perpmaker.cli.screen import Screen
from perpmaker.cli.seconds import Seconds
from perpmaker.config.configuration import Configuration, load_configuration
from perpmaker.engine.supervisor import Supervisor
from perpmaker.errors import ConnectivityError, ExitCode, StopNotProvenError
from perpmaker.report.summary import Summary, render, summarise

if TYPE_CHECKING:
    from perpmaker.sandbox.server import SandboxLine  # a wrong file is said before a server is imported

YOUNG_OBJECTS = 50_000
"""How many more objects there may be before a collection of garbage looks for cycles among the new ones."""

REDRAW_S = 0.5
FIRST_LOG_S = 2.0
LOG_S = 10.0
LEAST_START_S = 20.0  # a run for a few seconds only is still given this long to begin
LEAST_ATTACH_S = 5.0  # and this long to find the sandbox that is said to be serving


@attrs.define
class Handle:
    """What signals, timers and the sandbox's end pull at: before there is a bot they end the attempt to start one."""

    close: bool
    scope: anyio.CancelScope
    bot: Supervisor | None = None
    stopped: bool = False
    allowed_s: float = math.inf
    origin: tuple[str, ...] = ()

    def allow(self, wish: Wish, least_s: float) -> None:
        """Give the start the time that the run was given, but at least so much; a run without an end has all of it."""
        if wish.seconds is not None:
            self.allowed_s = max(wish.seconds, least_s)
            self.scope.deadline = anyio.current_time() + self.allowed_s

    def stop(self) -> None:
        """Stop cleanly; the second time: hurry."""
        self.stopped = True

        if self.bot is None:
            self.scope.cancel()
        else:
            self.bot.request_stop(close=self.close)


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Lay a value over the file's.")
@click.option("--for", "seconds", type=Seconds(min=0, min_open=True), help="Stop after so many seconds.")
@click.option("--close", is_flag=True, help="Close the position before stopping.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object on the last line.")
@click.option("--sandbox-url", metavar="URL", help="Trade on the sandbox that is serving there.")
@click.option("--adopt", is_flag=True, help="Cancel orders of perpmaker's that the journal does not know, and start.")
@click.option("--resume", is_flag=True, help="Release the halt that an earlier run has left, and start.")
@click.option("--live", is_flag=True, help="Trade real money, where the configuration says so.")
@click.option("--confirm-account", metavar="NAME", help="The account that is meant, instead of typing its name.")
@click.option("--trust-key", is_flag=True, help="Trade live although the venue does not tell what the key may do.")
@click.pass_context
def run(
    context: click.Context,
    config: Path,
    overrides: tuple[str, ...],
    *,
    seconds: float | None,
    close: bool,
    as_json: bool,
    sandbox_url: str | None,
    adopt: bool,
    resume: bool,
    live: bool,
    confirm_account: str | None,
    trust_key: bool,
) -> None:
    """Trade what CONFIG says, until stopped.

    Ctrl-C, SIGTERM or a closed terminal stops cleanly: quotes are cancelled and proven gone, closing orders of an open
    position stay. A second one hurries.
    """
    claim()
    configuration = load_configuration(config, overrides, open_catalog())
    require_consent(configuration.environment, live=live)
    check_surroundings(configuration.environment, os.environ)
    check_references(configuration)
    screen = Screen()
    wish = Wish(
        seconds=seconds,
        close=close,
        url=sandbox_url,
        adopt=adopt,
        resume=resume,
        trust_key=trust_key,
        account=AccountCheck(configuration.environment, confirm_account),
    )

    for note in configuration.notes:
        screen.tell(f"note: {note}")

    with watched(screen.tell):
        ended = anyio.run(_run, configuration, screen, wish)

    if ended is None:  # a person or the system wants it gone
        if screen.has_spoken:
            screen.tell("stopped before anything was sent")

        context.exit(ExitCode.INTERRUPTED.value)

    result(ended.summary.as_json() if as_json else ended.page, may_be_lost=True)

    if ended.unproven is not None:
        raise StopNotProvenError(f"stopped, but not proven clean: {ended.unproven}. Look at the venue.")

    if ended.halted is not None:
        click.echo(f"it was halted: {ended.halted}", err=True)
        context.exit(ended.halt_code.value)


@attrs.frozen(kw_only=True)
class Wish:
    """What the command line asks for beside the configuration; `url` is that of a sandbox that is serving."""

    seconds: float | None
    close: bool
    url: str | None
    adopt: bool
    resume: bool
    trust_key: bool
    account: AccountCheck


@attrs.frozen(kw_only=True)
class Ended:
    """How a run ended; `halt_code` is the exit code of what halted it, if anything did."""

    summary: Summary
    page: str
    unproven: str | None
    halted: str | None
    halt_code: ExitCode


async def _run(configuration: Configuration, screen: Screen, wish: Wish) -> Ended | None:
    """Trade from beginning to end; None when it was stopped before there was a bot."""
    handle = Handle(close=wish.close, scope=anyio.CancelScope())

    async with anyio.create_task_group() as group:
        await group.start(_watch_signals, handle)
        ended = None

        begin_s = math.inf if configuration.sandbox.recording else LEAST_START_S  # a recording is read first
        handle.allow(wish, begin_s if wish.url is None else LEAST_ATTACH_S)

        with handle.scope:
            async with _open(configuration, screen, handle, wish) as bot:
                handle.bot, handle.scope.deadline = bot, math.inf
                ended = await _trade(configuration, screen, handle, bot, wish.seconds)

        group.cancel_scope.cancel()

    if ended is None and not handle.stopped:
        raise ConnectivityError(
            f"the venue could not be reached within the {handle.allowed_s:g} s in which a run --for {wish.seconds:g} "
            "seconds has to begin"
        )

    return ended


@asynccontextmanager
async def _open(configuration: Configuration, screen: Screen, handle: Handle, wish: Wish) -> AsyncIterator[Supervisor]:
    """A bot connected to its venue, or to the sandbox that stands in for it."""
    from perpmaker.cli.plan import plan_of  # noqa: PLC0415  # a wrong file is said before anything heavy is imported
    from perpmaker.cli.report_once import show_report  # noqa: PLC0415  # the same
    from perpmaker.cli.survey import refuse, survey  # noqa: PLC0415  # the same
    from perpmaker.cli.venue import context_of  # noqa: PLC0415  # the same
    from perpmaker.engine.home import open_home  # noqa: PLC0415  # the same
    from perpmaker.engine.launch import Desk, open_bot  # noqa: PLC0415  # the same

    home = open_home(os.environ)

    async with _open_sandbox(configuration, screen, handle, wish.url) as line:
        context = context_of(configuration, line)
        handle.allow(wish, LEAST_START_S)

        async def inspect(desk: Desk) -> None:
            preflight = await survey(configuration, desk.connector, desk.instrument, context)
            show_report(screen, home, context.clock, configuration, preflight)
            refuse(preflight)
            handle.scope.deadline = math.inf  # the venue was reached; a person may take his time
            await wish.account.confirm(desk.connector.name, desk.connector.account)
            handle.allow(wish, LEAST_START_S)

        opened = open_bot(
            plan_of(configuration),
            context,
            home=home,
            tell=screen.tell,
            seed=os.getpid(),
            inspect=inspect,
            adopt=wish.adopt,
            resume=wish.resume,
            trust_key=wish.trust_key,
        )

        async with opened as bot:
            yield bot


@asynccontextmanager
async def _open_sandbox(
    configuration: Configuration, screen: Screen, handle: Handle, url: str | None
) -> AsyncIterator[SandboxLine | None]:
    """The sandbox that stands in for the venue; None where the venue itself is asked."""
    from perpmaker.cli.recording import open_watch  # noqa: PLC0415  # the same
    from perpmaker.cli.sandbox_child import attach_patiently, open_child  # noqa: PLC0415  # the same
    from perpmaker.cli.venue import wants_sandbox, worth_of  # noqa: PLC0415  # the same

    def on_end() -> None:
        screen.tell("the sandbox has ended by itself")
        handle.stop()

    environment = configuration.environment.value

    async with AsyncExitStack() as stack:
        if not wants_sandbox(configuration, url):
            screen.tell(f"{environment}: {configuration.connector.name}")
            handle.origin = worth_of(configuration, None)
            yield None
            return

        if url is None:
            line = await stack.enter_async_context(open_child(configuration, on_end))
        else:
            line = await attach_patiently(url, screen.tell)

        handle.origin = worth_of(configuration, line)
        screen.tell(f"{environment}: {line.venue} at {line.url}, {line.origin}")
        await stack.enter_async_context(open_watch(line, screen.tell, handle.stop))
        yield line


async def _trade(
    configuration: Configuration, screen: Screen, handle: Handle, bot: Supervisor, seconds: float | None
) -> Ended:
    """Trade, show how it goes, and sum up."""
    environment = configuration.environment.value
    began_at = anyio.current_time()

    async with anyio.create_task_group() as group:
        group.start_soon(_show, environment, screen, bot)

        if seconds is not None:
            group.start_soon(_call_later, seconds, handle.stop)

        with _start_kept_apart():
            closing = await bot.run()

        group.cancel_scope.cancel()

    screen.close()
    state = bot.trader.state
    believed = tuple(state.account.positions.values())
    positions = believed if closing.account is None else closing.account.positions
    summary = summarise(
        environment=environment,
        instrument=bot.instrument,
        seconds=anyio.current_time() - began_at,
        count=bot.count,
        totals=state.account.totals,
        before=bot.before,
        ledger=bot.ledger,
        closing=closing,
        positions=positions,
        mark=state.market.mark,
        origin=handle.origin,
    )

    return Ended(
        summary=summary,
        page=render(summary, bot.instrument, positions, closing.exits),
        unproven=closing.unproven,
        halted=bot.halted,
        halt_code=halt_code_of(bot),
    )


def halt_code_of(bot: Supervisor) -> ExitCode:
    """Whose doing a halt is: the venue's, that of what is kept here, or else a mistake of a plugin or of ours."""
    if bot.trader.permission.latched is not None:
        return ExitCode.HALTED

    if bot.was_locked_out:
        return ExitCode.REFUSED

    return bot.trader.permission.halt_code if bot.journal.broken is None else ExitCode.FILE


@contextmanager
def _start_kept_apart() -> Iterator[None]:
    """Have garbage collections leave out what the start has made, and come less often than with every other decision.

    To look through all of it takes milliseconds, and what a decision makes is gone without any: it has no cycles.
    """
    usual = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, *usual[1:])

    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()


async def _show(environment: str, screen: Screen, bot: Supervisor) -> None:
    """Draw the live line again and again."""
    from perpmaker.report.live import live_line  # noqa: PLC0415  # not before there is something to show

    wait_s = REDRAW_S if screen.is_terminal else FIRST_LOG_S

    while True:
        await anyio.sleep(wait_s)
        screen.draw(live_line(environment, bot))
        wait_s = REDRAW_S if screen.is_terminal else LOG_S


async def _call_later(seconds: float, call: Callable[[], None]) -> None:
    await anyio.sleep(seconds)
    call()


async def _watch_signals(handle: Handle, *, task_status: TaskStatus[None]) -> None:
    """SIGINT, SIGTERM and SIGHUP stop the bot cleanly; the second one hurries. Writing never stops the process."""
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)

    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
        task_status.started()

        async for _ in signals:
            handle.stop()
