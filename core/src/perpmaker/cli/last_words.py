"""What a run says when it has ended: its page, its verdict, and the exit code that goes with them."""

from __future__ import annotations

import click

from perpmaker.cli.failure import explain
from perpmaker.cli.output import result
from perpmaker.cli.run_end import Course, Ended
from perpmaker.cli.screen import printable
from perpmaker.errors import ExitCode, StopNotProvenError
from perpmaker.foreign_code import said


def said_outcome(course: Course, *, as_json: bool, with_page: bool = True) -> int:
    """Say how a run ended and return its exit code, whatever it is."""
    try:
        say_outcome(course, as_json=as_json, with_page=with_page)
    except BaseException as error:  # noqa: BLE001  # the outermost place: whatever ends the process is said here
        return explain(error)

    return 0


def say_outcome(course: Course, *, as_json: bool, with_page: bool = True) -> None:
    """Say how a run ended. Its exit code is that of what is raised.

    `with_page` False prints the verdict alone; the caller prints the summary.
    """
    if course.ended is not None:
        _say(course.ended, as_json=as_json, with_page=with_page, afterwards=course.error)
        return

    if course.error is None:  # a person or the system wants it gone
        raise click.exceptions.Exit(ExitCode.INTERRUPTED.value)

    if (honest := course.judge(course.error)) is course.error:
        raise honest

    raise honest from course.error


def _say(ended: Ended, *, as_json: bool, with_page: bool, afterwards: BaseException | None) -> None:
    """Say the page and the verdict of a run.

    `afterwards` is what went wrong while the program was leaving: it is said too, and replaces no verdict.
    """
    if with_page:
        result(ended.summary.as_json() if as_json else ended.page, may_be_lost=True, as_json=as_json)

    if ended.unproven is not None:
        verdict = StopNotProvenError(f"stopped, but not proven clean: {ended.unproven}. Look at the venue.")
        raise verdict if afterwards is None else BaseExceptionGroup("beside", [verdict, afterwards])

    if ended.halted is not None:
        click.echo(f"it was halted: {printable(ended.halted)}", err=True)

        if afterwards is not None:
            explain(afterwards)

        raise click.exceptions.Exit(ended.halt_code.value)

    if afterwards is not None and not isinstance(afterwards, OSError):
        raise afterwards

    if afterwards is not None:
        click.echo(f"It ended clean. Then something of this machine failed: {printable(said(afterwards))}.", err=True)
