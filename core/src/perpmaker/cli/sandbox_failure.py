"""Why a sandbox did not start, as one JSON line: its parent, or another program, says it as its own."""

from __future__ import annotations

import attrs
import click
import msgspec

from perpmaker.cli.failure import expected
from perpmaker.errors import ExitCode, SandboxError


@attrs.frozen(kw_only=True)
class SandboxFailure:
    """What a person should read, and the exit code."""

    error: str
    exit_code: int


def failure_of(raised: Exception) -> SandboxFailure | None:
    """Return the failure that a person can do something about. None for one of ours."""
    if isinstance(raised, click.ClickException):
        return SandboxFailure(error=raised.format_message(), exit_code=ExitCode.FILE.value)

    error = expected(raised)

    return None if error is None else SandboxFailure(error=str(error), exit_code=error.exit_code.value)


def encode_failure(failure: SandboxFailure) -> str:
    """Return the failure as the line that is printed in place of the sandbox's own."""
    return msgspec.json.encode(attrs.asdict(failure)).decode()


def parse_failure(line: bytes) -> SandboxError | None:
    """Return the error that a line tells of. None for another line."""
    try:
        failure = msgspec.json.decode(line, type=SandboxFailure)
        code = ExitCode(failure.exit_code)
    except (msgspec.MsgspecError, ValueError):
        return None

    return SandboxError(failure.error, code)
