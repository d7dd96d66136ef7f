"""What stands between a configuration and real money: it is meant, none listens, the account is the right one."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping

import anyio
import attrs
import click

from perpmaker.cli.screen import printable
from perpmaker.connector.interface import Environment
from perpmaker.errors import ConfigurationError, Problem

_PROXIES = ("http_proxy", "https_proxy", "all_proxy")
_KEYLOG = "SSLKEYLOGFILE"


def require_consent(environment: Environment, *, live: bool) -> None:
    """Raise UsageError when real money would be traded without --live, or when --live is given for anything else."""
    if environment is Environment.LIVE and not live:
        raise click.UsageError('environment = "live" trades real money: add --live to say that this is meant')

    if live and environment is not Environment.LIVE:
        raise click.UsageError(f'--live is for environment = "live", and the configuration says "{environment.value}"')


def check_surroundings(environment: Environment, variables: Mapping[str, str]) -> None:
    """Raise ConfigurationError when live, and the process's variables would let another program read along.

    None of them is obeyed anyway; but where they are set another program may listen, or stand in between. Their values
    are not shown: they may hold passwords.
    """
    if environment is not Environment.LIVE:
        return

    problems = tuple(_listeners(variables))

    if problems:
        raise ConfigurationError(problems)


def _listeners(variables: Mapping[str, str]) -> Iterator[Problem]:
    for name, value in sorted(variables.items()):
        if not value:
            continue

        if name == _KEYLOG:
            allowed = "must not be set for a live run: with it the keys of connections are written to a file"
        elif name.lower() in _PROXIES:
            allowed = "must not be set for a live run: with it connections go through somebody else's machine"
        else:
            continue

        yield Problem(file="environment", key=name, allowed=allowed)


@attrs.define
class AccountCheck:
    """Asks once which account is meant.

    `given` is --confirm-account. Without it a person types it on the terminal.
    """

    environment: Environment
    given: str | None
    _passed: bool = attrs.field(default=False, init=False)

    async def confirm(self, venue: str, account: str) -> None:
        """Return when the account that the key opens is the one that is meant.

        UsageError when it is another one, or cannot be asked for.

        Live always asks. Elsewhere a name that is given has to be right, and nothing is asked.
        """
        if self._passed or (self.given is None and self.environment is not Environment.LIVE):
            return

        where = f"the key in [{venue}] opens account {account} of {venue} ({self.environment.value})"
        said = self.given

        if said is None:
            if not (sys.stdin.isatty() and sys.stderr.isatty()):
                raise click.UsageError(f"{where}: there is no terminal to ask on, so add --confirm-account {account}")

            said = await _typed(f"{where[0].upper()}{where[1:]}.\nType the account's name to trade it: ")

        if said != account:
            raise click.UsageError(f"{where}, and not {said!r}: nothing was sent")

        self._passed = True


async def _typed(question: str) -> str:
    """What a person types; the loop goes on meanwhile, so that signals still end it."""
    click.echo(printable(question), err=True, nl=False)
    await anyio.wait_readable(sys.stdin)

    return sys.stdin.readline().strip()
