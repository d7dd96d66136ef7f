"""What is to be recorded, and the way there: a venue's public streams, or those of a sandbox."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from time import time_ns
from typing import Any

import attrs
import click

from perpmaker.capture.files import CaptureFiles
from perpmaker.capture.recorder import Recorder
from perpmaker.cli.sandbox_child import open_process
from perpmaker.cli.venue import attach, sandbox_settings, wants_sandbox
from perpmaker.clock import SystemClock
from perpmaker.config.loading import load_configuration
from perpmaker.connector.interface import ConnectorContext, Environment, SandboxAccess
from perpmaker.connector.tape import Tape
from perpmaker.errors import RefusedError
from perpmaker.journal.state_dir import open_state_dir
from perpmaker.launch.start_retry import Hold, once, venue_of
from perpmaker.plugins.catalog import Catalog
from perpmaker.plugins.declarations import DerivativeConnectorDeclaration
from perpmaker.runtime.opening import open_connector
from perpmaker.sandbox.server import SandboxLine, SandboxSettings
from perpmaker.secret import References
from perpmaker.wire.pipe import connect_tcp


@attrs.frozen(kw_only=True)
class Chosen:
    """A market of a venue. `sandbox` is to be started where none serves at `url`; None for the venue itself."""

    declaration: DerivativeConnectorDeclaration[Any]
    settings: Any
    market: str
    environment: Environment
    sandbox: SandboxSettings | None = None
    sandbox_port: int = 0
    url: str | None = None


@attrs.define(kw_only=True)
class Opened:
    """A recorder that is ready, and the sandbox that it records."""

    recorder: Recorder
    line: SandboxLine | None


def chosen_in(file: Path, catalog: Catalog, environment: str | None, url: str | None) -> Chosen:
    """Return what a configuration says; ConfigurationError for a file that is wrong, whether or not it is recorded.

    `environment` takes the place of the file's. On paper, the venue's own streams are recorded.
    """
    configuration = load_configuration(file, (), catalog)
    told = configuration.environment if environment is None else Environment(environment)
    asked = Environment.LIVE if told is Environment.PAPER else told

    if environment is None and url is not None:
        wants_sandbox(configuration, url)
        asked = Environment.SANDBOX

    return Chosen(
        declaration=configuration.connector.declaration,
        settings=configuration.connector.settings,
        market=configuration.run.market,
        environment=asked,
        sandbox=sandbox_settings(configuration) if asked is Environment.SANDBOX else None,
        sandbox_port=configuration.sandbox.port,
        url=_checked(url, asked),
    )


def chosen_by_name(name: str, market: str, catalog: Catalog, environment: str | None, url: str | None) -> Chosen:
    """Return the market of a connector of which nothing else is said. PluginError when there is none of that name."""
    declaration = catalog.derivative_connector(name)
    asked = Environment(environment or "sandbox")

    try:
        settings = declaration.settings()
    except TypeError as error:
        raise click.UsageError(f"{name} needs settings ({error}): name a CONFIG that has them") from None

    return Chosen(
        declaration=declaration,
        settings=settings,
        market=market,
        environment=asked,
        sandbox=SandboxSettings(venue=name, market=market, seed=secrets.randbelow(2**31)),
        url=_checked(url, asked),
    )


def _checked(url: str | None, environment: Environment) -> str | None:
    if url is not None and environment is not Environment.SANDBOX:
        raise click.UsageError(f"--sandbox-url is for a sandbox, and --environment is {environment.value}")

    return url


@asynccontextmanager
async def open_source(
    chosen: Chosen, folder: Path, compression: str, tell: Callable[[str], None], ended: Callable[[], None]
) -> AsyncIterator[Opened]:
    """Connect without a key, read the market's rules, and make all ready to be recorded.

    `ended` is called when a sandbox that was started for it ends by itself.
    """
    files = CaptureFiles(folder, f"{chosen.declaration.name}_{chosen.market}", compression)
    files.prepare()

    async with AsyncExitStack() as stack:
        line = await _sandbox(chosen, stack, ended)
        tape = Tape(keep=lambda _: None)
        context = ConnectorContext(
            clock=SystemClock(),
            connect=connect_tcp,
            signers=References(Path.cwd()),
            environment=chosen.environment,
            sandbox=None if line is None else SandboxAccess(url=line.url, api_key="", api_secret=""),
            tape=tape,
        )
        name, home = chosen.declaration.name, None if line is not None else open_state_dir(os.environ)
        held = Hold(home=home, venue=venue_of(name, context), clock=context.clock)
        held.refuse()

        with once(name, chosen.environment, held.begin):
            connector, instrument = await open_connector(
                chosen.declaration, chosen.settings, context, chosen.market, stack=stack
            )

        recorder = Recorder(
            connector=connector,
            instrument=instrument,
            environment=chosen.environment.value,
            tape=tape,
            files=files,
            clock=context.clock,
            utc_ns=time_ns,
            tell=tell,
            version=f"perpmaker {version('perpmaker')}",
        )

        yield Opened(recorder=recorder, line=line)


async def _sandbox(chosen: Chosen, stack: AsyncExitStack, ended: Callable[[], None]) -> SandboxLine | None:
    """The sandbox that is recorded; None for the venue itself."""
    if chosen.environment is not Environment.SANDBOX:
        return None

    if chosen.url is None:
        assert chosen.sandbox is not None  # noqa: S101  # said by whoever has chosen
        return await stack.enter_async_context(open_process(chosen.sandbox, ended, port=chosen.sandbox_port))

    line = await attach(chosen.url)

    if (line.venue, line.market) != (chosen.declaration.name, chosen.market):
        raise RefusedError(
            f"the sandbox at {line.url} serves {line.market} of {line.venue}, "
            f"not {chosen.market} of {chosen.declaration.name}"
        )

    return line
