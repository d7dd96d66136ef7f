"""`perpmaker record`: what a venue says of a market to everybody, written down as it comes."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic

import anyio
import attrs
import click

from perpmaker.cli.event_loop import run_async
from perpmaker.cli.installation import open_catalog, watched
from perpmaker.cli.output import claim, result
from perpmaker.cli.record_source import Chosen, Opened, chosen_by_name, chosen_in, open_source
from perpmaker.cli.record_words import Recorded, progress_line, start_lines
from perpmaker.cli.recording import open_watch
from perpmaker.cli.screen import Screen
from perpmaker.cli.seconds import Seconds
from perpmaker.cli.signals import wanted_signals
from perpmaker.errors import ConnectivityError, ExitCode, leaves
from perpmaker.sandbox.compression import COMPRESSIONS, NO_ZSTD, zstd_module

REDRAW_S, FIRST_S, LATER_S = 0.5, 2.0, 10.0
"""Seconds between two progress lines: on a terminal; until the first one elsewhere, and from then on."""


@click.command()
@click.argument("config", required=False, type=click.Path(path_type=Path))
@click.option("--connector", metavar="NAME", help="Record this venue, without a configuration.")
@click.option("--market", help="The market of --connector, BASE-QUOTE.")
@click.option("--out", "folder", required=True, type=click.Path(path_type=Path), metavar="DIR", help="Where to.")
@click.option("--for", "seconds", type=Seconds(min=0, min_open=True), metavar="SECONDS", help="End after so long.")
@click.option(
    "--environment",
    type=click.Choice(("sandbox", "testnet", "live")),
    help="Whose streams: a sandbox's, the testnet's, the venue's own.  [default: the file's, else sandbox]",
)
@click.option("--sandbox-url", metavar="URL", help="Record the sandbox that is serving there.")
@click.option("--compression", type=click.Choice(tuple(COMPRESSIONS)), default="gzip", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def record(  # noqa: PLR0917  # click passes by keyword
    config: Path | None,
    connector: str | None,
    market: str | None,
    folder: Path,
    seconds: float | None,
    environment: str | None,
    sandbox_url: str | None,
    compression: str,
    *,
    as_json: bool,
) -> None:
    """Record a market: every public message of the venue as it comes, with its time, until stopped.

    The market is that of CONFIG, or --market of --connector. No key is used and none is read. Ctrl-C, SIGTERM or --for
    ends it. What was recorded can be traded: see recording in [sandbox], and perpmaker sandbox --recording.
    """
    claim()

    if compression == "zstd" and zstd_module() is None:
        raise click.BadParameter(NO_ZSTD, param_hint="--compression")

    if config is not None and (connector is not None or market is not None):
        raise click.UsageError("CONFIG says which connector and market: leave --connector and --market out")

    catalog = open_catalog()

    if config is not None:
        chosen = chosen_in(config, catalog, environment, sandbox_url)
    elif connector is None or market is None:
        raise click.UsageError("say what to record: a CONFIG, or --connector NAME with --market BASE-QUOTE")
    else:
        chosen = chosen_by_name(connector, market, catalog, environment, sandbox_url)

    screen = Screen()
    session = _Session(chosen=chosen, folder=folder, compression=compression, seconds=seconds, screen=screen)
    failure: BaseException | None = None

    try:
        with watched(screen.tell):
            run_async(session.run)
    except BaseException as error:  # noqa: BLE001  # raised again, below the summary of what there is
        failure = next(leaves(error), error)

    screen.close()

    if (ended := session.ended(failure)) is not None:
        result(ended.as_json() if as_json else ended.as_text(), as_json=as_json)

    if failure is not None:
        raise failure


@attrs.define(kw_only=True)
class _Session:
    """One recording from its beginning to its end."""

    chosen: Chosen
    folder: Path
    compression: str
    seconds: float | None
    screen: Screen
    _opened: Opened | None = attrs.field(default=None, init=False)
    _began_at: float = attrs.field(default=0.0, init=False)
    _has_lost_sandbox: bool = attrs.field(default=False, init=False)

    async def run(self) -> None:
        """Record until one of the ways to end."""
        with anyio.open_signal_receiver(*wanted_signals()) as signals:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._listen, signals, tasks.cancel_scope)
                await self._record()
                tasks.cancel_scope.cancel()

        if self._opened is None:
            raise click.exceptions.Exit(ExitCode.INTERRUPTED)

    def ended(self, failure: BaseException | None) -> Recorded | None:
        """What has become of it; None where nothing was recorded."""
        if self._opened is None:
            return None

        seconds = monotonic() - self._began_at

        return Recorded.of(self._opened.recorder, self.folder, seconds, "" if failure is None else str(failure))

    async def _record(self) -> None:
        opening = open_source(self.chosen, self.folder, self.compression, self.screen.tell, self._lose_sandbox)

        async with opening as opened, anyio.create_task_group() as tasks:
            recorder = opened.recorder
            self._opened, self._began_at = opened, monotonic()

            for text in start_lines(recorder, opened.line, self.folder):
                self.screen.tell(text)

            tasks.start_soon(self._show, opened)

            if self.seconds is not None:
                tasks.start_soon(self._end_in, self.seconds)

            if opened.line is None:
                await recorder.run()
            else:
                async with open_watch(opened.line, self.screen.tell, lambda: recorder.stop("recording ended")):
                    await recorder.run()

            tasks.cancel_scope.cancel()

        if self._has_lost_sandbox:
            raise ConnectivityError("the sandbox has ended by itself: what it said until then is recorded")

    async def _listen(self, signals: AsyncIterator[signal.Signals], scope: anyio.CancelScope) -> None:
        """End the recording in order with the first signal, and at once with the second."""
        async for one in signals:
            if self._opened is None or self._opened.recorder.stop_reason:
                scope.cancel()
            else:
                self._opened.recorder.stop(one.name)

    async def _end_in(self, seconds: float) -> None:
        await anyio.sleep(seconds)

        if self._opened is not None:
            self._opened.recorder.stop("--for")

    async def _show(self, opened: Opened) -> None:
        """Draw how it goes again and again."""
        wait_s = REDRAW_S if self.screen.is_terminal else FIRST_S

        while True:
            await anyio.sleep(wait_s)
            wait_s = REDRAW_S if self.screen.is_terminal else LATER_S
            self.screen.draw(progress_line(opened.recorder, monotonic() - self._began_at))

    def _lose_sandbox(self) -> None:
        if self._opened is not None and not self._opened.recorder.stop_reason:
            self._has_lost_sandbox = True
            self._opened.recorder.stop("the sandbox has ended")
