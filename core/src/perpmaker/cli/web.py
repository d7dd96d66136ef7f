"""`perpmaker web`: a page in a browser over all running bots, on this machine alone, that only shows."""

from __future__ import annotations

import importlib.util
import os
import secrets
from typing import Final

import click

from perpmaker.cli.event_loop import run_async
from perpmaker.cli.output import claim, result
from perpmaker.cli.signals import EndingSignals

PORT: Final = 8747
_NEEDED: Final = ("starlette", "uvicorn")
_TOKEN_BYTES: Final = 24


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=PORT, show_default=True, help="0: any that is free.")
def web(port: int) -> None:
    """Show all running bots on a page in a browser, until stopped: positions, result, quotes with reasons, charts.

    The page is on this machine alone (127.0.0.1), behind a token that is in the address which is printed. Who has the
    address can see everything, and change nothing. Bots are asked once a second, however many pages are open.
    """
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]

    if missing:
        raise click.UsageError(f'it needs {" and ".join(missing)}: pip install "perpmaker[web]"')

    from perpmaker.journal.state_dir import open_state_dir  # noqa: PLC0415  # nothing is imported before it is needed
    from perpmaker.page.control_source import ControlSource  # noqa: PLC0415  # the same
    from perpmaker.page.web_server import HOST, listen, serve  # noqa: PLC0415  # starlette and uvicorn are an extra

    claim()

    try:
        listener = listen(port)
    except OSError as error:
        words = f"{HOST}:{port}: {error.strerror}; choose another one, or 0"
        raise click.BadParameter(words, param_hint="--port") from error

    home, token, signals = open_state_dir(os.environ), secrets.token_urlsafe(_TOKEN_BYTES), EndingSignals()
    address = f"http://{HOST}:{listener.getsockname()[1]}/{token}/"

    def begin() -> None:
        signals.take()
        result(address)
        click.echo(
            "This machine alone can open it; whoever has the address can see all bots. Ctrl-C ends it.", err=True
        )

    async def run() -> None:
        await serve(ControlSource(home), token, listener, lambda: not signals.count, begin)

    try:
        run_async(run)
    finally:
        signals.give_back()
