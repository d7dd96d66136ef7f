"""A venue as commands reach it: itself, or a sandbox, as that is asked for and as it is found."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import click
import httpx

from perpmaker.cli.source import source_access
from perpmaker.clock import SystemClock
from perpmaker.config.configuration import Configuration
from perpmaker.config.pasted import address_words
from perpmaker.connector.interface import ConnectorContext, Environment, SandboxAccess
from perpmaker.connector.payload import PayloadDecoder
from perpmaker.errors import ConnectivityError, PayloadError, RefusedError
from perpmaker.sandbox.latency import Latency
from perpmaker.sandbox.server import SandboxLine, SandboxSettings
from perpmaker.secret import References
from perpmaker.simulation.market import DEFAULT_SHAPE
from perpmaker.wire.http import open_client
from perpmaker.wire.pipe import connect_tcp

_OK = 200
_LONGEST_HOST, _LONGEST_LABEL = 253, 63  # characters of a name that DNS can hold
_HIGHEST_PORT = 65535
_LINE = PayloadDecoder(SandboxLine)


def sandbox_settings(configuration: Configuration) -> SandboxSettings:
    """Return the sandbox that a configuration asks for. Without a seed, it is a new market."""
    wanted = configuration.sandbox

    return SandboxSettings(
        venue=configuration.connector.name,
        market=configuration.run.market,
        seed=secrets.randbelow(2**31) if wanted.seed is None else wanted.seed,
        shape=wanted.shape or DEFAULT_SHAPE,
        balance=wanted.balance,
        recording=tuple(map(Path, wanted.recording)),
        recording_start=wanted.recording_start or 0.0,
        rules=None if wanted.rules is None else Path(wanted.rules),
        price=wanted.price,
        latency=Latency(order_ms=wanted.order_latency_ms, feed_ms=wanted.feed_latency_ms),
    )


async def attach(url: str) -> SandboxLine:
    """Return what the sandbox at a URL says of itself. ConnectivityError names the host and the option."""
    try:
        async with open_client(connect_tcp, url, deadline_s=5.0) as client:
            response = await client.get("/_sandbox")
    except httpx.TransportError as error:
        raise ConnectivityError(f"--sandbox-url {address_words(url)}: nothing answers there ({error})") from error

    try:
        if response.status_code == _OK:
            return _LINE.decode(response.content)
    except PayloadError:
        pass

    raise RefusedError(
        f"--sandbox-url {address_words(url)}: what answers there is no sandbox of perpmaker",
        status=response.status_code,
    )


def wants_sandbox(configuration: Configuration, url: str | None) -> bool:
    """Return whether a sandbox stands in for the venue.

    UsageError when one is named and none may, or not by an address.

    On paper it does when one is named, and for a recording, which it plays.
    """
    if url is not None and not _is_address(url):
        raise click.UsageError(
            f"--sandbox-url {address_words(url)}: is no address; a sandbox prints its own, http://127.0.0.1:PORT"
        )

    if configuration.environment is Environment.SANDBOX:
        return True

    if configuration.environment is Environment.PAPER:
        return url is not None or bool(configuration.sandbox.recording)

    if url is not None:
        name, environment = configuration.connector.name, configuration.environment.value
        raise click.UsageError(f'--sandbox-url is for sandbox and paper, and [{name}] environment = "{environment}"')

    return False


def worth_of(configuration: Configuration, line: SandboxLine | None) -> tuple[str, ...]:
    """What a result is worth, for the summary: where the market came from and what took time, unless all was real."""
    if line is not None:
        return line.worth

    if configuration.environment is Environment.PAPER:
        return (f"orders simulated here, under way {configuration.sandbox.order_latency_ms} ms",)

    return ()


def _is_address(url: str) -> bool:
    """Whether a client could ask there at all: what could not is a slip, and waiting for it would never end."""
    try:
        parts = httpx.URL(url)
    except httpx.InvalidURL:
        return False

    labels = parts.raw_host.split(b".")
    is_host = len(parts.raw_host) <= _LONGEST_HOST and all(len(label) <= _LONGEST_LABEL for label in labels)

    is_port = parts.port is None or 0 < parts.port <= _HIGHEST_PORT

    return parts.scheme in {"http", "https"} and bool(parts.host) and is_host and is_port


def context_of(configuration: Configuration, line: SandboxLine | None, instance: str = "") -> ConnectorContext:
    """What connector and price source are opened with, on a sandbox that is serving, or (None) on the venue itself.

    `instance` is that of a sandbox which the run has started for itself.

    What the references of the configuration bring is taken out of messages from here on, whether or not it is used.
    """
    references = References(configuration.file.parent)
    chosen = (configuration.connector, configuration.price_source, configuration.external, *configuration.risk)
    references.hide(text for one in chosen if one is not None for text in _texts(one.settings))

    return ConnectorContext(
        clock=SystemClock(),
        connect=connect_tcp,
        signers=references,
        environment=configuration.environment,
        sandbox=None if line is None else attrs.evolve(_access(line), instance=instance),
        source_sandbox=None if line is None else source_access(configuration, line),
        findings=_findings(configuration),
    )


def sandbox_context(line: SandboxLine) -> ConnectorContext:
    """Return what a connector is opened with on a sandbox that is serving, where no configuration says more."""
    references = References(Path.cwd())

    return ConnectorContext(
        clock=SystemClock(),
        connect=connect_tcp,
        signers=references,
        environment=Environment.SANDBOX,
        sandbox=_access(line),
    )


def _findings(configuration: Configuration) -> Mapping[str, str]:
    """What a probe of the venue has shown; nothing is read for a sandbox."""
    if configuration.environment not in {Environment.TESTNET, Environment.LIVE}:
        return {}

    from perpmaker.journal.state_dir import open_state_dir  # noqa: PLC0415  # a wrong file is said before it is imported
    from perpmaker.launch.findings import findings_for  # noqa: PLC0415  # the same

    return findings_for(open_state_dir(os.environ), configuration.connector.name, configuration.environment)


def _texts(settings: Any) -> Iterator[str]:  # noqa: ANN401  # of whatever attrs class
    """The texts of a plugin's settings."""
    for field in attrs.fields(type(settings)):
        value = getattr(settings, field.name)

        if isinstance(value, str):
            yield value


def _access(line: SandboxLine) -> SandboxAccess:
    return SandboxAccess(url=line.url, api_key=line.api_key, api_secret=line.api_secret)
