"""The sandbox that a run trades on: one that is already serving, or a child process that ends with us."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from math import inf
from random import Random

import anyio
import msgspec
from anyio.abc import Process

from perpmaker.cli.sandbox_failure import parse_failure
from perpmaker.cli.source import source_wanted
from perpmaker.cli.venue import attach, sandbox_settings
from perpmaker.config.configuration import Configuration
from perpmaker.config.pasted import address_words
from perpmaker.decision.notices import QUIET_S
from perpmaker.errors import ConnectivityError, ExitCode, PerpmakerError, SandboxError
from perpmaker.runtime.backoff import Backoff
from perpmaker.sandbox.server import SandboxLine, SandboxSettings

READY_S = 20.0
END_S = 5.0
_LONGEST_LINE = 1024 * 1024  # it names every file of a recording
_NOT_STARTED = "the sandbox did not start: what it had to say of it is on standard error"


async def attach_patiently(url: str, tell: Callable[[str], None]) -> SandboxLine:
    """Ask the sandbox at a URL who it is, again and again while it cannot be reached.

    A line says so once a minute.
    """
    backoff = Backoff(Random(url))  # noqa: S311  # jitter, not cryptography
    began_at, told_at = anyio.current_time(), -inf

    while True:
        try:
            return await attach(url)
        except ConnectivityError as error:
            now = anyio.current_time()

            if told_at == -inf:
                told_at = now
                tell(f"{error} It is tried again until something does.")
            elif now >= told_at + QUIET_S:
                told_at = now
                tell(f"--sandbox-url {address_words(url)}: still nothing after {now - began_at:.0f} s")

            await anyio.sleep(backoff.next_s())


@asynccontextmanager
async def open_child(configuration: Configuration, ended: Callable[[], None]) -> AsyncIterator[SandboxLine]:
    """Start the sandbox that a configuration asks for; see `open_process`."""
    settings, source = sandbox_settings(configuration), source_wanted(configuration)

    async with open_process(settings, ended, source=source, port=configuration.sandbox.port) as line:
        yield line


@asynccontextmanager
async def open_process(
    settings: SandboxSettings, ended: Callable[[], None], *, source: tuple[str, str] | None = None, port: int = 0
) -> AsyncIterator[SandboxLine]:
    """Start a sandbox in a process of its own.

    It ends when its standard input closes, so also when we are killed.

    `ended` is called when it ends by itself meanwhile. ConnectivityError when it does not come up.
    """
    reading, writing = os.pipe()

    try:
        process = await _start(settings, source, port, writing)
    finally:
        os.close(writing)

    async with process:
        try:
            # A recording takes as long as it takes: the child tells how far it has read.
            line = await _line(process, reading, inf if settings.recording else READY_S)

            async with anyio.create_task_group() as group:
                group.start_soon(_watch, process, ended)
                yield line
                group.cancel_scope.cancel()
        finally:
            os.close(reading)
            await _end(process)


async def _start(settings: SandboxSettings, source: tuple[str, str] | None, port: int, line_to: int) -> Process:
    """Start the child in a session of its own: Ctrl-C is for us, it is still needed to cancel the quotes.

    The child says where it serves on the pipe `line_to`, and not on standard output, to which plugins may print.
    """
    words = [sys.executable, "-m", "perpmaker", "sandbox", settings.venue, "--json", "--line-to-fd", str(line_to)]
    words += ["--until-stdin-closes", "--seed", str(settings.seed), "--balance", str(settings.balance)]
    words += ["--market", settings.market, "--port", str(port)]
    words += ["--order-latency-ms", str(settings.latency.order_ms)]
    words += ["--feed-latency-ms", str(settings.latency.feed_ms)]
    words += [] if settings.rules is None else [f"--rules={settings.rules}"]
    words += [] if settings.price is None else ["--price", str(settings.price)]
    words += [f"--recording={file}" for file in settings.recording]

    if source is not None:
        words += ["--source", ":".join(source)]

    if settings.recording:
        words += ["--recording-start", str(settings.recording_start)]
    else:
        words += ["--shape", settings.shape]

    # Where Ctrl-C meets the start of the child, the loop that ends would say so to a person, who meant just that.
    logging.getLogger("asyncio").addHandler(logging.NullHandler())

    return await anyio.open_process(
        words, stdin=subprocess.PIPE, stdout=None, stderr=None, start_new_session=True, pass_fds=(line_to,)
    )


async def _line(process: Process, reading: int, patience_s: float) -> SandboxLine:
    """The line that the child writes when it serves; SandboxError with its reason when it writes that instead."""
    content = b""

    try:
        with anyio.fail_after(patience_s):
            while not content.endswith(b"\n") and len(content) < _LONGEST_LINE:
                await anyio.wait_readable(reading)
                part = os.read(reading, 65_536)

                if not part:
                    raise _not_started(await process.wait())

                content += part

        if (failure := parse_failure(content)) is not None:
            raise failure

        return msgspec.json.decode(content, type=SandboxLine)
    except (TimeoutError, msgspec.MsgspecError):
        raise ConnectivityError(_NOT_STARTED) from None


def _not_started(code: int) -> PerpmakerError:
    """Why there is no line at all: what the child wrote on standard error, which is ours too; its code says whose."""
    if code in {ExitCode.FILE.value, ExitCode.REFUSED.value}:
        return SandboxError(_NOT_STARTED, ExitCode(code))

    return ConnectivityError(_NOT_STARTED)


async def _watch(process: Process, ended: Callable[[], None]) -> None:
    await process.wait()
    ended()


async def _end(process: Process) -> None:
    """Close its input and wait for it to go; what does not go is killed."""
    with anyio.CancelScope(shield=True):
        if process.stdin is not None:
            await process.stdin.aclose()

        with anyio.move_on_after(END_S):
            await process.wait()
            return

        process.kill()
        await process.wait()
