"""The command perpmaker, also as `python -m perpmaker`: an interruption while it is being imported is silent."""

from __future__ import annotations

import os
import signal
from typing import NoReturn

INTERRUPTED = 130
"""What shells expect of a program that Ctrl-C ended."""


def main() -> NoReturn:
    """Run the command; before its own handlers stand, Ctrl-C ends it at once and without a word."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not where it is ignored, as below nohup
        signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))

    from perpmaker.cli import main as run_command  # noqa: PLC0415  # what takes its time is interruptible
    from perpmaker.cli.leaving import depart  # noqa: PLC0415  # the same
    from perpmaker.cli.signals import note_inherited  # noqa: PLC0415  # the same

    note_inherited()

    try:
        run_command()
    except SystemExit as end:
        depart(end.code if isinstance(end.code, int) else 0)


if __name__ == "__main__":
    main()
