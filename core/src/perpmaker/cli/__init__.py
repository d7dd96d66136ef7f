"""The command perpmaker: one file per subcommand, imported only when called."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

import click

from perpmaker.cli.output import owned, result_fault

_INTERRUPTED = 130
_UNWRITTEN = 2
"""Exit code of a command whose results nobody could be given."""

COMMANDS = {
    "backtest": "Run what CONFIG says over recorded data, and show what it would have come to.",
    "balance": "Show what an account has: wallets, margin in use, free margin.",
    "check": "Check a configuration against the installed plugins and the market.",
    "config": "Compare a configuration with what a bot goes by, and change that while it runs.",
    "flatten": "End running bots, and close their positions at market.",
    "history": "Show fills, fees, funding and what they come to, day by day.",
    "import": "Turn a Hummingbot configuration of perpetual_market_making into TOML.",
    "keys": "Look after the API keys of configurations.",
    "logs": "Show what a bot has logged, and follow it.",
    "new": "Write a commented configuration.",
    "panic": "End a bot that hangs, and take its quotes off the venue.",
    "plugins": "List the installed plugins, and what became of each.",
    "probe": "Try out, on a testnet or a sandbox, what no document of VENUE settles.",
    "record": "Record a market: every public message of the venue as it comes.",
    "report": "Show what happened in the runs of a bot, or in a backtest.",
    "resume": "Release a halt that is latched.",
    "replay": "Decide again what a bot has decided, and show the first decision that differs.",
    "run": "Trade what CONFIG says, until stopped.",
    "sandbox": "Serve a sandbox of VENUE on this machine.",
    "status": "Show how bots stand: position, quotes, money, margin, funding.",
    "stop": "End running bots cleanly.",
    "sweep": "Play CONFIG with many values of its keys over the same data.",
    "web": "Show all running bots on a page in a browser, until stopped.",
    "why": "Show why each level is quoted, or is not.",
}
"""Every subcommand with its line of the help, so that showing the help imports none of them."""


_MODULES = {"import": "import_file"}
"""Where a subcommand is whose name is a word of Python's."""


class _LazyGroup(click.Group):
    """A group whose subcommand NAME is the function NAME of the module `perpmaker.cli.NAME`."""

    def list_commands(self, _: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None

        name = _MODULES.get(cmd_name, cmd_name)
        command = getattr(import_module(f"perpmaker.cli.{name}"), name)

        if not isinstance(command, click.Command):
            raise TypeError(f"perpmaker.cli.{name}.{name} is no command")

        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run the subcommand. Ctrl-C is silent, which it is not where click itself receives it."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise click.exceptions.Exit(_INTERRUPTED) from None

    def format_commands(self, _: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="perpmaker", message="%(prog)s %(version)s")
def perpmaker() -> None:
    """Perpetual market making with plugins.

    Exit codes: 0 ok, 1 our bug, 2 the configuration or the command line, 3 refused by the venue or the market's
    rules, 4 the venue cannot be reached, 5 stopped but not proven clean, 6 a plugin's fault, 7 halted, 8 a comparison
    differs, 130 interrupted before anything was sent.
    """


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command. Every way to end becomes a message and an exit code, and none of them a traceback."""
    if callable(signal.getsignal(signal.SIGINT)):
        signal.signal(signal.SIGINT, signal.default_int_handler)  # from here on it is contained, below

    with owned():
        code = _run(arguments)

        try:
            fault = result_fault()
        except KeyboardInterrupt:  # nobody reads on, and a person does not wait
            fault, code = None, code or _INTERRUPTED

        if fault is not None:
            click.echo(f"Standard output could not be written: {fault.strerror}.", err=True)
            code = code or _UNWRITTEN

    sys.exit(code)


def _run(arguments: Sequence[str] | None) -> int:
    """Run the command and say how it ended: the exit code."""
    try:
        ended = perpmaker.main(args=arguments, prog_name="perpmaker", standalone_mode=False)
    except BaseException as error:  # noqa: BLE001  # the outermost place: whatever ends the process is said here
        from perpmaker.cli.failure import explain  # noqa: PLC0415  # only when something went wrong; a run has it

        return explain(error)

    return ended if isinstance(ended, int) else 0
