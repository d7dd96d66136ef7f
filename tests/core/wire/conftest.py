"""The wire's tests run on both networks and both backends: TCP in real time, memory on trio in virtual time."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from perpmaker.testing.network import open_server


@pytest.fixture(params=["tcp-asyncio", "tcp-trio", "memory-asyncio", "memory-trio"])
def wire_kind(request: pytest.FixtureRequest) -> str:
    """The network and the backend of a test."""
    return str(request.param)


@pytest.fixture
def anyio_backend(wire_kind: str, virtual_time: Any) -> Any:
    """Virtual time only in memory: real sockets need real time."""
    network, _, backend = wire_kind.partition("-")

    return virtual_time if (network, backend) == ("memory", "trio") else (backend, {})


@pytest.fixture
def serve_app(wire_kind: str) -> Any:
    """`async with serve_app(app) as served` on the network of this run."""
    return functools.partial(open_server, network=wire_kind.partition("-")[0])
