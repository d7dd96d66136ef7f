"""`perpmaker run CONFIG`: find the plugins, check the file, connect, trade, stop cleanly, sum up."""

from __future__ import annotations

import math
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import attrs
import click
from anyio.abc import TaskStatus

from perpmaker.cli.installation import open_catalog
from perpmaker.config.configuration import Configuration, load_configuration
from perpmaker.engine.supervisor import Supervisor
from perpmaker.errors import ConnectivityError, ExitCode, StopNotProvenError
from perpmaker.report.summary import Summary, render, summarise

if TYPE_CHECKING:
    from perpmaker.sandbox.server import SandboxLine  # a wrong file is said before a server is imported

REDRAW_S = 0.5
FIRST_LOG_S = 2.0
LOG_S = 10.0
LEAST_START_S = 20.0
"""A run for a few seconds only is still given this long to begin."""


@attrs.define
class Screen:
    """Where a person reads: a line that is redrawn on a terminal, plain lines with the time otherwise.

    All of it goes to standard error; standard output belongs to the summary.
    """

    is_terminal: bool = attrs.field(factory=lambda: sys.stderr.isatty())  # noqa: PLW0108  # the stream of now
    _drawn: bool = False

    def tell(self, text: str) -> None:
        """Say something that stays."""
        stamp = time.strftime("%H:%M:%S", time.gmtime())
        self._clear()
        click.echo(f"{stamp}Z {_printable(text)}", err=True)

    def show(self, page: str) -> None:
        """Show a page of several lines as it is."""
        self._clear()
        click.echo(_printable(page), err=True)

    def draw(self, line: str) -> None:
        """Show how it goes: over the line before on a terminal, else as a line that stays."""
        if not self.is_terminal:
            self.tell(line)
            return

        click.echo(f"\r\x1b[K{line[: max(1, terminal_columns() - 1)]}", err=True, nl=False)
        self._drawn = True

    def close(self) -> None:
        """Leave the line that was drawn last on the terminal."""
        if self._drawn:
            click.echo("", err=True)
            self._drawn = False

    def _clear(self) -> None:
        if self._drawn:
            click.echo("\r\x1b[K", err=True, nl=False)
            self._drawn = False


def terminal_columns() -> int:
    """How wide the terminal is now; 80 for one that does not say."""
    return os.get_terminal_size(sys.stderr.fileno()).columns or 80


def _printable(text: str) -> str:
    """The text with control characters shown instead of obeyed: some of it is what a venue said."""
    return "".join(sign if sign.isprintable() or sign == "\n" else ascii(sign)[1:-1] for sign in text)


@attrs.define
class Handle:
    """What signals, timers and the sandbox's end pull at: before there is a bot they end the attempt to start one."""

    close: bool
    scope: anyio.CancelScope
    bot: Supervisor | None = None
    stopped: bool = False

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
@click.option("--for", "seconds", type=click.FloatRange(min=0, min_open=True), help="Stop after so many seconds.")
@click.option("--close", is_flag=True, help="Close the position before stopping.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object on the last line.")
@click.option("--sandbox-url", metavar="URL", help="Trade on the sandbox that is serving there.")
@click.option("--adopt", is_flag=True, help="Cancel orders of perpmaker's that the journal does not know, and start.")
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
    live: bool,
    confirm_account: str | None,
    trust_key: bool,
) -> None:
    """Trade what CONFIG says, until stopped.

    Ctrl-C or SIGTERM stops cleanly: quotes are cancelled and the venue is asked until they are proven gone; closing
    orders of an open position stay. A second one hurries.
    """
    configuration = load_configuration(config, overrides, open_catalog())
    require_consent(configuration.environment, live=live)
    check_surroundings(configuration.environment, os.environ)
    screen = Screen()
    wish = Wish(
        seconds=seconds,
        close=close,
        url=sandbox_url,
        adopt=adopt,
        trust_key=trust_key,
        account=AccountCheck(configuration.environment, confirm_account),
    )

    for note in configuration.notes:
        screen.tell(f"note: {note}")

    ended = anyio.run(_run, configuration, screen, wish)

    if ended is None:
        screen.tell("stopped before anything was sent")
        return

    click.echo(ended.summary.as_json() if as_json else ended.page)

    if ended.unproven is not None:
        raise StopNotProvenError(f"stopped, but not proven clean: {ended.unproven}. Look at the venue.")

    if ended.halted is not None:
        click.echo(f"it was halted: {ended.halted}", err=True)
        context.exit((ExitCode.REFUSED if ended.locked_out else ExitCode.BUG).value)


@attrs.frozen(kw_only=True)
class Wish:
    """What the command line asks for beside the configuration; `url` is that of a sandbox that is serving."""

    seconds: float | None
    close: bool
    url: str | None
    adopt: bool
    trust_key: bool
    account: AccountCheck


@attrs.frozen(kw_only=True)
class Ended:
    """How a run ended."""

    summary: Summary
    page: str
    unproven: str | None
    halted: str | None
    locked_out: bool


async def _run(configuration: Configuration, screen: Screen, wish: Wish) -> Ended | None:
    """Trade from beginning to end; None when it was stopped before there was a bot."""
    handle = Handle(close=wish.close, scope=anyio.CancelScope())

    async with anyio.create_task_group() as group:
        await group.start(_watch_signals, handle)
        ended = None

        if seconds is not None:
            handle.scope.deadline = anyio.current_time() + max(seconds, LEAST_START_S)

        with handle.scope:
            async with _open(configuration, screen, handle, url) as bot:
                handle.bot, handle.scope.deadline = bot, math.inf
                ended = await _trade(configuration, screen, handle, bot, seconds)

        group.cancel_scope.cancel()

    if ended is None and not handle.stopped:
        raise ConnectivityError(f"the venue could not be reached within the time that the run was given ({seconds} s)")

    return ended


@asynccontextmanager
async def _open(
    configuration: Configuration, screen: Screen, handle: Handle, url: str | None
) -> AsyncIterator[Supervisor]:
    """A bot connected to its venue, or to the sandbox that stands in for it."""
    from perpmaker.cli.plan import plan_of  # noqa: PLC0415  # a wrong file is said before anything heavy is imported
    from perpmaker.cli.survey import refuse, survey  # noqa: PLC0415  # the same
    from perpmaker.cli.venue import context_of  # noqa: PLC0415  # the same
    from perpmaker.engine.home import open_home  # noqa: PLC0415  # the same
    from perpmaker.engine.launch import Desk, open_bot  # noqa: PLC0415  # the same
    from perpmaker.report.preflight_page import render_preflight  # noqa: PLC0415  # the same

    home = open_home(os.environ)

    async with _open_sandbox(configuration, screen, handle, url) as line:
        context = context_of(configuration, line)

        async def inspect(desk: Desk) -> None:
            preflight = await survey(configuration, desk.connector, desk.instrument, context)
            screen.show(render_preflight(preflight))
            refuse(preflight)

        opened = open_bot(
            plan_of(configuration), context, home=home, tell=screen.tell, seed=os.getpid(), inspect=inspect
        )

        async with opened as bot:
            yield bot


@asynccontextmanager
async def _open_sandbox(
    configuration: Configuration, screen: Screen, handle: Handle, url: str | None
) -> AsyncIterator[SandboxLine | None]:
    """The sandbox that stands in for the venue; None where the venue itself is asked."""
    from perpmaker.cli.sandbox_child import attach_patiently, open_child  # noqa: PLC0415  # the same
    from perpmaker.cli.venue import wants_sandbox  # noqa: PLC0415  # the same

    def on_end() -> None:
        screen.tell("the sandbox has ended by itself")
        handle.stop()

    environment = configuration.environment.value

    async with AsyncExitStack() as stack:
        if not wants_sandbox(configuration, url):
            screen.tell(f"{environment}: {configuration.connector.name}")
            yield None
            return

        if url is None:
            line = await stack.enter_async_context(open_child(configuration, on_end))
        else:
            line = await attach_patiently(url, screen.tell)

        screen.tell(f"{environment}: {line.venue} at {line.url}, {line.origin}")
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

        closing = await bot.run()
        group.cancel_scope.cancel()

    screen.close()
    state = bot.trader.state
    summary = summarise(
        environment=environment,
        instrument=bot.instrument,
        seconds=anyio.current_time() - began_at,
        count=bot.count,
        totals=state.account.totals,
        before=bot.before,
        closing=closing,
        mark=state.market.mark,
    )
    other_fees = {asset: fee for asset, fee in state.account.totals.fees.items() if asset != bot.instrument.quote}

    return Ended(
        summary=summary,
        page=render(summary, bot.instrument, other_fees, closing.exits),
        unproven=closing.unproven,
        halted=bot.halted,
        locked_out=bot.was_locked_out,
    )


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
    """SIGINT and SIGTERM stop the bot cleanly; the second one hurries."""
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        task_status.started()

        async for _ in signals:
            handle.stop()
