"""How the command ends when it does not end well: what is said, and which exit code."""

from __future__ import annotations

import os
import tempfile
import traceback
from io import StringIO
from pathlib import Path

import click

from perpmaker.cli.screen import printable
from perpmaker.errors import (
    ExitCode,
    PerpmakerError,
    PluginError,
    PluginFaultError,
    StopNotProvenError,
    TaskEndedError,
    leaves,
)
from perpmaker.secret import redacted


def explain(error: BaseException) -> int:
    """Say on standard error what happened, and return the exit code.

    KeyboardInterrupt and SystemExit included.
    """
    errors = list(leaves(error))
    unproven = [one for one in errors if isinstance(one, StopNotProvenError)]
    others = [one for one in errors if one not in unproven]

    if unproven and others:  # whatever else went wrong: what is left on the venue goes first
        _said(list[BaseException](unproven))
        _explain(others, BaseExceptionGroup("beside", others))

        return ExitCode.NOT_PROVEN_CLEAN.value

    return _explain(errors, error)


def _explain(errors: list[BaseException], error: BaseException) -> int:
    """Say errors none of which goes before the others; `error` is what was raised, a group of them perhaps."""
    if all(isinstance(one, PerpmakerError) for one in errors):
        return _said(errors)

    unexpected = next(one for one in errors if not isinstance(one, PerpmakerError))

    match unexpected:
        case click.ClickException():
            said = StringIO()
            unexpected.show(said)
            click.echo(printable(said.getvalue()), err=True, nl=False)
            return ExitCode.FILE.value
        case click.exceptions.Exit():
            return unexpected.exit_code
        case click.Abort() | KeyboardInterrupt():
            return ExitCode.INTERRUPTED.value
        case SystemExit() | TaskEndedError():
            return _said_as_fault(error, unexpected)

    return _said_as_bug(error, unexpected)


def expected(error: BaseException) -> PerpmakerError | None:
    """Return the error that a person can do something about, when nothing else went wrong. None otherwise."""
    inner = list(leaves(error))
    errors = [one for one in inner if isinstance(one, PerpmakerError)]

    return errors[0] if errors and len(errors) == len(inner) else None


def _said(errors: list[BaseException]) -> int:
    """Say errors that people can do something about; the first one decides the exit code."""
    for text in dict.fromkeys(str(error) for error in errors):
        click.echo(printable(text), err=True)

    for error in errors:
        if isinstance(error, PluginError) and (detail := _detail(error)):
            path = _written(detail)
            click.echo(f"Its traceback {f'is in {path}' if path else 'could not be written'}.", err=True)

        if isinstance(error, StopNotProvenError) and error.__cause__ is not None:
            explain(error.__cause__)  # its exit code is not the one that counts

    first = expected(errors[0])

    return ExitCode.BUG.value if first is None else first.exit_code.value


def _detail(error: PluginError) -> str:
    """What the author of a plugin needs; empty where there is nothing, or it is in a file already."""
    if isinstance(error, PluginFaultError) and (error.detail or error.kept_in):
        return "" if error.kept_in else error.detail

    return "" if error.__cause__ is None else "".join(traceback.format_exception(error.__cause__))


def _said_as_fault(error: BaseException, unexpected: SystemExit | TaskEndedError) -> int:
    """Say that a plugin has ended the program in a task of its own, where nothing could contain it; never code 0."""
    if isinstance(unexpected, TaskEndedError):
        return _said_as_ended(error, unexpected)

    path = _written("".join(traceback.format_exception(error)))
    kept = f"the traceback that shows which one is in {path}" if path else "its traceback could not be written"
    click.echo(
        f"A plugin has ended the program ({type(unexpected).__name__}); {kept}. Look at the venue for what is left.",
        err=True,
    )

    return unexpected.code if isinstance(unexpected.code, int) and unexpected.code else ExitCode.PLUGIN.value


def _said_as_ended(error: BaseException, unexpected: TaskEndedError) -> int:
    """Say that the run was ended from inside of the process: nothing of the core does that, and any plugin can."""
    path = _written("".join(traceback.format_exception(error)))
    kept = f"its traceback is in {path}" if path else "its traceback could not be written"
    click.echo(
        f"{printable(str(unexpected))}: perpmaker never does that itself, so a plugin has; {kept}. Start without the "
        "plugins that you do not need.",
        err=True,
    )

    return ExitCode.PLUGIN.value


def _said_as_bug(error: BaseException, unexpected: BaseException) -> int:
    """Say that it is our mistake, and keep the traceback where it can be sent to us."""
    path = _written("".join(traceback.format_exception(error)))
    kept = f"the traceback is in {path}: please report it" if path else "its traceback could not be written"
    click.echo(f"This is a bug of perpmaker ({type(unexpected).__name__}); {kept}.", err=True)

    return ExitCode.BUG.value


def _written(text: str) -> Path | None:
    """Write a traceback to a new file that only we can read, in the state directory or else with temporary files."""
    try:
        from perpmaker.launch.traceback_file import write_traceback  # noqa: PLC0415  # only when something went wrong
    except (ImportError, OSError):  # no file can be opened any more
        return None

    try:
        from perpmaker.journal.state_dir import open_state_dir  # noqa: PLC0415  # the same

        folder = open_state_dir(os.environ).root
    except (ImportError, OSError, RuntimeError, PerpmakerError):  # RuntimeError: `~somebody` without a home
        try:
            folder = Path(tempfile.gettempdir())
        except OSError:  # there is no folder in which a file can be made
            return None

    return write_traceback(folder, redacted(text))
