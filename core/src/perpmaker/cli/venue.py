"""A venue as commands reach it: today always a sandbox, one in this process or one that is already serving."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import msgspec

from perpmaker.clock import SystemClock
from perpmaker.config.configuration import Configuration
from perpmaker.connector.interface import ConnectorContext, DerivativeConnector, SandboxAccess
from perpmaker.errors import ConnectivityError, PluginError, RefusedError
from perpmaker.sandbox.server import SandboxLine, SandboxSettings, open_sandbox
from perpmaker.secret import References
from perpmaker.wire.http import open_client
from perpmaker.wire.memory import MemoryNetwork
from perpmaker.wire.pipe import Connect, connect_tcp

_OK = 200


@asynccontextmanager
async def open_venue(configuration: Configuration, url: str | None) -> AsyncIterator[DerivativeConnector]:
    """The configured connector, connected to the sandbox at a URL, or to one made for it in this process."""
    if url is not None:
        async with _open_connector(configuration, connect_tcp, await attach(url)) as connector:
            yield connector

        return

    network = MemoryNetwork()
    declaration = configuration.connector.declaration

    if declaration.sandbox is None:
        raise PluginError(f"{declaration.name} has no sandbox.")

    settings = sandbox_settings(configuration)
    listener = await network.listen()

    async with (
        open_sandbox(declaration.sandbox(), settings, clock=SystemClock(), listener=listener) as sandbox,
        _open_connector(configuration, network.connect, sandbox.line) as connector,
    ):
        yield connector


def sandbox_settings(configuration: Configuration) -> SandboxSettings:
    """The sandbox that a configuration asks for; without a seed, a market that nobody has seen yet."""
    wanted = configuration.sandbox

    return SandboxSettings(
        venue=configuration.connector.name,
        market=configuration.run.market,
        seed=secrets.randbelow(2**31) if wanted.seed is None else wanted.seed,
        balance=wanted.balance,
        recording=tuple(map(Path, wanted.recording)),
        recording_start=wanted.recording_start or 0.0,
    )


async def attach(url: str) -> SandboxLine:
    """What the sandbox at a URL says of itself; ConnectivityError names the host and the option."""
    try:
        async with open_client(connect_tcp, url, deadline_s=5.0) as client:
            response = await client.get("/_sandbox")
    except httpx.TransportError as error:
        raise ConnectivityError(f"--sandbox-url {url}: nothing answers there ({error})") from error
    except httpx.InvalidURL as error:
        raise ConnectivityError(f"--sandbox-url {url}: is no address ({error})") from error

    try:
        if response.status_code == _OK:
            return msgspec.json.decode(response.content, type=SandboxLine)
    except msgspec.MsgspecError:
        pass

    raise RefusedError(
        f"--sandbox-url {url}: what answers there is no sandbox of perpmaker", status=response.status_code
    )


@asynccontextmanager
async def _open_connector(
    configuration: Configuration, connect: Connect, line: SandboxLine
) -> AsyncIterator[DerivativeConnector]:
    chosen = configuration.connector
    access = SandboxAccess(url=line.url, api_key=line.api_key, api_secret=line.api_secret)
    context = ConnectorContext(
        clock=SystemClock(),
        connect=connect,
        signers=References(configuration.file.parent),
        environment=configuration.environment,
        sandbox=access,
    )

    async with chosen.declaration.open(chosen.settings, context) as connector:
        yield connector
