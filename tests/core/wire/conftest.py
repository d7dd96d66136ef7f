"""The wire's tests: in memory, on virtual time; with `--full` over TCP and on trio too."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import anyio
import pytest
from anyio.abc import ByteStream, SocketAttribute

from perpmaker.testing.network import open_server
from perpmaker.wire.pipe import LOST, Connect, MemoryNetwork, connect_tcp


@pytest.fixture(
    params=[
        "memory-asyncio",
        *(pytest.param(kind, marks=pytest.mark.full) for kind in ("tcp-asyncio", "tcp-trio", "memory-trio")),
    ]
)
def wire_kind(request: pytest.FixtureRequest) -> str:
    """The network and the backend of a test."""
    return str(request.param)


@pytest.fixture
def anyio_backend(wire_kind: str, request: pytest.FixtureRequest) -> Any:
    """Virtual time only in memory: real sockets need real time."""
    network, _, backend = wire_kind.partition("-")

    return request.getfixturevalue(f"virtual_{backend}") if network == "memory" else (backend, {})


@pytest.fixture
def serve_app(wire_kind: str) -> Any:
    """Opens a server for an app on the network of this run, as an async context manager of `Served`."""
    return functools.partial(open_server, network="memory" if wire_kind.startswith("memory") else "tcp")


@pytest.fixture
def serve_bytes(wire_kind: str) -> Any:
    """Opens a server that speaks no protocol but its handler's, as an async context manager of (connect, port)."""

    @contextlib.asynccontextmanager
    async def serving(handler: Callable[[ByteStream], Awaitable[None]]) -> AsyncIterator[tuple[Connect, int]]:
        async def handle(stream: ByteStream) -> None:
            with contextlib.suppress(anyio.EndOfStream, *LOST):
                await handler(stream)

        network = MemoryNetwork()
        in_memory = wire_kind.startswith("memory")
        listener: Any = await (network.listen() if in_memory else anyio.create_tcp_listener(local_host="127.0.0.1"))
        async with listener, anyio.create_task_group() as tasks:
            tasks.start_soon(listener.serve, handle, tasks)
            port = listener.extra(SocketAttribute.local_port)  # noqa: S610  # anyio's typed attribute
            yield (network.connect if in_memory else connect_tcp), port
            tasks.cancel_scope.cancel()

    return serving
