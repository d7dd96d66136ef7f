"""Serve an app on a network of its own: in memory for virtual time, or on TCP's loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import anyio
import attrs
from anyio.abc import SocketAttribute

from perpmaker.wire.fault import FaultPlan
from perpmaker.wire.pipe import Connect, MemoryNetwork, connect_tcp
from perpmaker.wire.server import App, Request, Response, serve
from perpmaker.wire.websocket import WebSocket


@attrs.frozen(kw_only=True)
class Served:
    """An app being served: how to connect, where, and what goes wrong on the way."""

    connect: Connect
    host: str
    port: int
    faults: FaultPlan
    memory: MemoryNetwork | None

    @property
    def url(self) -> str:
        """The base URL of plain requests."""
        return f"http://{self.host}:{self.port}"

    @property
    def websocket_url(self) -> str:
        """The base URL of WebSockets."""
        return f"ws://{self.host}:{self.port}"


@asynccontextmanager
async def open_server(
    app: App,
    *,
    network: Literal["memory", "tcp"] = "memory",
    latency_s: float = 0.0,
    faults: FaultPlan | None = None,
    ping_s: float | None = None,
) -> AsyncIterator[Served]:
    """Serve an app while the block runs; `latency_s` is one way and in memory only, the rest as in `serve`."""
    memory = MemoryNetwork(latency_s=latency_s) if network == "memory" else None
    listener: Any = await (
        anyio.create_tcp_listener(local_host="127.0.0.1") if memory is None else memory.listen("127.0.0.1")
    )
    plan = FaultPlan() if faults is None else faults
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: serve(listener, app, faults=plan, ping_s=ping_s))
        yield Served(
            connect=connect_tcp if memory is None else memory.connect,
            host="127.0.0.1",
            port=listener.extra(SocketAttribute.local_port),  # noqa: S610  # anyio's typed attribute, not Django's query
            faults=plan,
            memory=memory,
        )
        tasks.cancel_scope.cancel()


@attrs.define(kw_only=True)
class EchoApp:
    """Answers a request with its method, target and body, echoes messages, and remembers what it was asked."""

    requests: list[Request] = attrs.field(factory=list)
    answered: list[Request] = attrs.field(factory=list)
    response: Response | None = None
    work_s: float = 0.0

    async def respond(self, request: Request) -> Response:
        """Answer after `work_s` seconds, with `response` where it is given."""
        self.requests.append(request)
        await anyio.sleep(self.work_s)
        self.answered.append(request)
        target = f"{request.path}?{request.query}" if request.query else request.path

        return self.response or Response(body=f"{request.method} {target} ".encode() + request.body)

    async def converse(self, request: Request, socket: WebSocket) -> None:
        """Echo every message until the client goes."""
        self.requests.append(request)
        while True:
            await socket.send(await socket.receive())
