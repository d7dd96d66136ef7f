"""How a run has ended, for whoever waits for it from another shell: its exit code, and what it has left."""

from __future__ import annotations

from perpmaker.cli.failure import expected
from perpmaker.cli.run_end import Course
from perpmaker.errors import ExitCode, StopNotProvenError, TaskEndedError, leaves
from perpmaker.report.summary import left_on_venue


def exit_code_of(course: Course, error: BaseException | None) -> ExitCode:
    """Return the exit code of a run that has come so far. `error` is what takes it out of its event loop, if any."""
    if course.ended is not None:
        if course.ended.unproven is not None:
            return ExitCode.NOT_PROVEN_CLEAN

        return ExitCode.OK if course.ended.halted is None else course.ended.halt_code

    return ExitCode.INTERRUPTED if error is None else _code_of(course.judge(error))


def left_words(course: Course) -> str:
    """Return what a run has left on the venue, in words."""
    if course.ended is not None:
        summary = course.ended.summary
        held = f"position {summary.position:f}" if summary.position else "flat"

        return f"{left_on_venue(summary)}, {held}"

    return "nothing: nothing was sent" if course.bot is None else "unknown: look at the venue"


def _code_of(error: BaseException) -> ExitCode:
    inner = list(leaves(error))

    if any(isinstance(one, StopNotProvenError) for one in inner):
        return ExitCode.NOT_PROVEN_CLEAN

    if (known := expected(error)) is not None:
        return known.exit_code

    if any(isinstance(one, TaskEndedError | SystemExit) for one in inner):
        return ExitCode.PLUGIN

    return ExitCode.INTERRUPTED if isinstance(inner[0], KeyboardInterrupt) else ExitCode.BUG
