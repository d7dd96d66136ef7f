"""Serves the page of running bots on loopback, until a signal ends it."""

from __future__ import annotations

import socket
from collections.abc import Callable

import anyio
import uvicorn

from perpmaker.page.watch import BotSource, Watch
from perpmaker.page.web_app import web_app

HOST = "127.0.0.1"
END_S = 1
"""Seconds that pages are given to hang up at the end."""

_STEP_S = 0.05
_WAITING = 64


def listen(port: int) -> socket.socket:
    """Return a socket that listens on loopback; 0: on any port that is free. OSError where that cannot be done."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)

    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(_WAITING)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise

    return listener


async def serve(
    source: BotSource, token: str, listener: socket.socket, is_wanted: Callable[[], bool], on_start: Callable[[], None]
) -> None:
    """Serve for as long as it is wanted. `on_start` is called once pages are answered.

    Nothing of what is asked is logged: the token is a part of every address.
    """
    watch = Watch(source)
    app = web_app(watch, token, listener.getsockname()[1])
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="critical",
        access_log=False,
        lifespan="off",
        ws="none",
        http="h11",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=END_S,
        timeout_keep_alive=5,
        limit_concurrency=200,
    )
    server = uvicorn.Server(config)

    async def end() -> None:
        while not server.started:  # noqa: ASYNC110  # uvicorn has no event for it
            await anyio.sleep(_STEP_S)

        on_start()

        while is_wanted():  # noqa: ASYNC110  # a signal's handler sets it
            await anyio.sleep(_STEP_S)

        server.should_exit = True

    async with anyio.create_task_group() as group:
        group.start_soon(watch.run)
        group.start_soon(end)
        await server.serve(sockets=[listener])
        group.cancel_scope.cancel()
