"""`perpmaker keys test CONFIG`: what the key of a configuration may do, before it is trusted with money."""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click

from perpmaker.cli.event_loop import run_async
from perpmaker.cli.guard import check_surroundings
from perpmaker.cli.installation import open_catalog, watched
from perpmaker.cli.output import claim, result
from perpmaker.cli.references import check_references
from perpmaker.cli.screen import printable
from perpmaker.config.configuration import Configuration
from perpmaker.config.loading import load_configuration
from perpmaker.connector.interface import Environment
from perpmaker.errors import ConfigurationError, ExitCode

if TYPE_CHECKING:
    from perpmaker.launch.key_test import KeyTest

_WIDTH = 80
_COLUMN = 36


@click.group()
def keys() -> None:
    """Look after the API keys of configurations."""


@keys.command("test")
@click.argument("config", type=click.Path(path_type=Path))
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Lay a value over the file's.")
@click.option("--sandbox-url", metavar="URL", help="Try the key of the sandbox that is serving there.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def test(config: Path, overrides: tuple[str, ...], sandbox_url: str | None, *, as_json: bool) -> None:
    """Try the key that CONFIG names: can it read, trade, withdraw, and from where.

    Nothing is set, placed or moved, and no key is shown. Exit code 3 where no bot should trade with it.
    """
    claim()
    configuration = load_configuration(config, overrides, open_catalog())
    _refuse_keyless(configuration)
    check_surroundings(configuration.environment, os.environ)
    check_references(configuration)

    with watched(lambda line: click.echo(printable(line), err=True)):
        found = run_async(_try, configuration, sandbox_url)

    if as_json:
        result(json.dumps(_plain(configuration, found), indent=2), as_json=True)
    else:
        for line in _lines(configuration, found):
            result(line)

    if found.faults:
        raise click.exceptions.Exit(ExitCode.REFUSED.value)


def _refuse_keyless(configuration: Configuration) -> None:
    if configuration.environment is not Environment.PAPER:
        return

    name = configuration.connector.name
    words = "uses no key: there is nothing to try (testnet and live use one)"
    raise ConfigurationError((configuration.document.problem((name, "environment"), words, value="paper"),))


async def _try(configuration: Configuration, url: str | None) -> KeyTest:
    """Open the connector and try its key."""
    from perpmaker.cli.sandbox_child import open_child  # noqa: PLC0415  # a wrong file is said before it is imported
    from perpmaker.cli.venue import attach, context_of, wants_sandbox  # noqa: PLC0415  # the same
    from perpmaker.errors import AuthenticationError  # noqa: PLC0415  # the same
    from perpmaker.journal.state_dir import open_state_dir  # noqa: PLC0415  # the same
    from perpmaker.launch.key_test import KeyTest, try_key  # noqa: PLC0415  # the same
    from perpmaker.launch.start_retry import Hold, once, venue_of  # noqa: PLC0415  # the same
    from perpmaker.runtime.opening import open_connector  # noqa: PLC0415  # the same

    name, chosen = configuration.connector.name, configuration.connector

    async with AsyncExitStack() as stack:
        line = None

        if wants_sandbox(configuration, url):
            opened = open_child(configuration, lambda: None)
            line = await stack.enter_async_context(opened) if url is None else await attach(url)

        context = context_of(configuration, line)
        home = None if line is not None else open_state_dir(os.environ)
        held = Hold(home=home, venue=venue_of(name, context), clock=context.clock)
        held.refuse()

        try:
            with once(name, configuration.environment, held.begin):
                connector, instrument = await open_connector(
                    chosen.declaration, chosen.settings, context, configuration.run.market, stack=stack
                )
                return await try_key(connector, instrument)
        except AuthenticationError as error:
            return KeyTest(connector=name, reads=False, refusal=str(error))


def _lines(configuration: Configuration, found: KeyTest) -> Iterator[str]:
    yield found.verdict
    where = f"[{found.connector}], {configuration.environment.value}"
    yield f"The key in {where}{'' if found.account is None else f', opens account {found.account}'}"

    if found.refusal is None:
        from perpmaker.launch.key_test import rows  # noqa: PLC0415  # as above

        for name, answer in rows(found):
            yield f"  {name.ljust(_COLUMN)}{answer}"

    for sign, words in (*(("!!", one) for one in found.faults), *(("!", one) for one in found.remarks)):
        yield from textwrap.wrap(
            f"{sign} {words}",
            _WIDTH,
            initial_indent="  ",
            subsequent_indent=" " * (len(sign) + 3),
            break_on_hyphens=False,
        )


def _plain(configuration: Configuration, found: KeyTest) -> dict[str, object]:
    """What was seen, for programs."""
    return {
        "file": str(configuration.file),
        "environment": configuration.environment.value,
        **attrs.asdict(found),
        "ok": not found.faults,
        "verdict": found.verdict,
        "faults": list(found.faults),
        "remarks": list(found.remarks),
    }
