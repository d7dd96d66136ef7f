"""B6: once a run has its verdict, nothing that a plugin has left keeps the process; no signal is ignored."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from .plugin_site import MODULE, PluginSite

ONCE = """
        if not getattr(self, "is_done", False):
            self.is_done = True
            {act}

        return Approved(quote=quote)"""

NEVER = "lambda: time.sleep(1_000_000)"
STUBBORN = """
async def stubborn():
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            pass
"""
POOL = "loop's own pool"
LEFT = {
    "thread": f"threading.Thread(target={NEVER}, name='tide pool').start()",
    "pool": f"concurrent.futures.ThreadPoolExecutor(1, 'tide pool').submit({NEVER})",
    POOL: f"asyncio.get_running_loop().run_in_executor(None, {NEVER})",
    "task": "self.task = asyncio.get_running_loop().create_task(stubborn())",
    "at exit": f"atexit.register({NEVER})",
}


_begun: list[subprocess.Popen[bytes]] = []


@pytest.fixture(autouse=True)
def _none_left() -> Iterator[None]:
    yield

    while _begun:
        _begun.pop().kill()


def with_act(site: PluginSite, act: str) -> None:
    """Install a module that does something foreign in its first review."""
    heading = f"import asyncio, atexit, concurrent.futures, os, signal, threading\n{STUBBORN}\n"
    site.install(heading + MODULE.format(body=ONCE.format(act=act)))


def begun(site: PluginSite, *options: str) -> subprocess.Popen[bytes]:
    """A run with the module that is installed; what it says goes to files."""
    with (site.root / "out").open("wb") as out, (site.root / "err").open("wb") as err:
        process = subprocess.Popen(  # noqa: S603  # our own command
            [sys.executable, "-m", "perpmaker", "run", str(site.configure(tables="[risk.tide]\n")), *options],
            env=site.environment,
            stdout=out,
            stderr=err,
        )

    _begun.append(process)

    return process


def said(site: PluginSite, stream: str = "err") -> str:
    """What it has said so far."""
    return (site.root / stream).read_text(encoding="utf-8")


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for what a process says or does."""
    until = time.monotonic() + 300

    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.parametrize(
    "left", ["thread", *(pytest.param(left, marks=pytest.mark.full) for left in LEFT if left != "thread")]
)
def test_B6_a_run_leaves_without_what_a_plugin_has_left(site: PluginSite, left: str) -> None:
    """Its page is complete, what still runs is named in a line, and the exit code is that of the run."""
    with_act(site, LEFT[left])

    assert begun(site, "--json", "--for", "3").wait(timeout=300) == 0, said(site)
    assert json.loads(said(site, "out"))["environment"] == "sandbox"
    line = said(site).splitlines()[-1]
    assert "the process ends" in line

    if left in {"thread", "pool"}:
        assert "tide pool" in line


@pytest.mark.full
def test_B6_a_second_signal_is_heard_after_the_verdict(site: PluginSite) -> None:
    """Whoever asks once more while a thread is given its moment gets the end at once, with the same exit code."""
    with_act(site, LEFT["thread"])
    process = begun(site, "--for", "2")
    wait_until(lambda: "stopped by" in said(site, "out"))
    asked_at = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=300) == 0, said(site)
    assert time.monotonic() - asked_at < 3


def test_B6_a_command_that_only_asks_leaves_too(site: PluginSite) -> None:
    """`check` with a module that starts a thread when it is imported."""
    site.install(f"import threading\n{LEFT['thread']}\n" + MODULE.format(body="return Approved(quote=quote)"))
    done = site.command("check", site.configure(tables="[risk.tide]\n"), timeout=300)
    assert done.code == 0, done.said
    assert "tide pool" in done.err


def test_B6_a_command_that_only_asks_leaves_the_loop_s_own_pool(site: PluginSite) -> None:
    """`check` with a module that keeps it busy when it is built: the answer is whole, and the process ends."""
    module = MODULE.format(body="return Approved(quote=quote)")
    kept = module.replace("class Module:", f"class Module:\n    def __init__(self):\n        {LEFT[POOL]}\n")
    site.install(f"import asyncio, time\n{kept}")
    done = site.command("check", site.configure(tables="[risk.tide]\n"), timeout=300)
    assert done.code == 0, done.said
    assert "Everything else" in done.out
    assert "the process ends" in done.err


TAKEN = {
    "ignored": "signal.signal(signal.SIGTERM, signal.SIG_IGN)",
    "another handler": "signal.signal(signal.SIGTERM, lambda *_: None)",
    "in the event loop": "asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lambda: None)",
    "blocked": "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])",
    "wakeup": "signal.set_wakeup_fd(-1); signal.signal(signal.SIGTERM, signal.SIG_DFL)",
}


@pytest.mark.parametrize(
    "taken", ["ignored", *(pytest.param(taken, marks=pytest.mark.full) for taken in TAKEN if taken != "ignored")]
)
@pytest.mark.full
def test_B6_signals_that_a_plugin_takes_are_taken_back(site: PluginSite, taken: str) -> None:
    """It is told once, and the run stops cleanly at the signal."""
    with_act(site, TAKEN[taken])
    process = begun(site)
    wait_until(lambda: "took SIGTERM away from this run" in said(site) and "orders" in said(site))
    time.sleep(1)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=300) == 0, said(site)
    assert "stopped by      signal" in said(site, "out")
    assert said(site).count("took SIGTERM away from this run") == 1


@pytest.mark.full
def test_B6_a_plugin_that_ignores_signals_when_it_is_imported_changes_nothing(site: PluginSite) -> None:
    """What is ignored on purpose is what was so before any plugin was there."""
    site.install(f"import signal\n{TAKEN['ignored']}\n" + MODULE.format(body="return Approved(quote=quote)"))
    process = begun(site)
    wait_until(lambda: "sandbox:" in said(site))
    time.sleep(2)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=300) in {0, 130}, said(site)
