"""The process that holds a lock is ended, whatever it is doing; another one never is."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from perpmaker.control.process import Holder, end_holder, holder_of
from perpmaker.errors import LockedError

HOLD = """
import fcntl, os, re, socket, sys, time
handle = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o600)
fcntl.flock(handle, fcntl.LOCK_EX)
os.write(handle, f"process {os.getpid()} on {socket.gethostname()}\\n".encode())
print("held", flush=True)
if sys.argv[2] == "busy":
    re.match("(a+)+$", "a" * 60 + "b")  # holds the interpreter for years, and no signal handler of Python's runs
time.sleep(600)
"""


@contextmanager
def holding(path: Path, how: str = "") -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lock; "busy": it calculates for ever, and Python's handlers get no turn."""
    words = [sys.executable, "-S", "-c", HOLD if how != "busy" else f"import signal\n{CATCH}{HOLD}", str(path), how]

    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603  # our own
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"

        try:
            yield process
        finally:
            process.kill()


HAND_OVER = """
import fcntl, os, socket, sys, time
handle = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o600)
fcntl.flock(handle, fcntl.LOCK_EX)
first = os.getpid()
os.pwrite(handle, f"process {first} on {socket.gethostname()}\\n".encode(), 0)
if again := os.fork():
    print(again, flush=True)
    time.sleep(600)
while os.getppid() == first:
    time.sleep(0.01)
os.ftruncate(handle, 0)
os.pwrite(handle, f"process {os.getpid()} on {socket.gethostname()}\\n".encode(), 0)
time.sleep(600)
"""
"""A process that holds the lock, and another one that has it as soon as the first is gone: it is free at no moment."""

CATCH = "signal.signal(signal.SIGTERM, lambda *_: None)\n"


def test_a_process_that_hangs_is_ended(tmp_path: Path) -> None:
    """By itself where it still can, else killed: stopped, or in a loop in which no signal is heard."""
    for how, ask_s, words in (
        ("", 300.0, "ended by itself"),
        ("stopped", 0.1, "was killed"),
        ("busy", 0.1, "was killed"),
    ):
        path, told = tmp_path / f"{how}.lock", list[str]()

        with holding(path, how) as process:
            if how == "stopped":
                os.kill(process.pid, signal.SIGSTOP)
                os.waitpid(process.pid, os.WUNTRACED)  # it has stopped: of two signals the other might come first

            assert holder_of(path) == Holder(pid=process.pid, host=socket.gethostname())
            assert end_holder(path, told.append, ask_s=ask_s, kill_s=300.0)
            assert process.wait(300) in {-signal.SIGTERM, -signal.SIGKILL}
            assert words in told[-1], how
            assert holder_of(path) is None


def test_a_process_that_is_started_again_meanwhile_is_not_taken_for_the_one_that_was_ended(tmp_path: Path) -> None:
    """What starts it again has to be stopped first: said, and nobody is killed for it."""
    path = tmp_path / "bot.lock"
    words = [sys.executable, "-S", "-c", HAND_OVER, str(path)]

    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as first:  # noqa: S603  # our own
        assert first.stdout is not None
        again = int(first.stdout.readline())

        try:
            with pytest.raises(LockedError, match=f"process {again} trades there already: something starts"):
                end_holder(path, lambda _: None, ask_s=300.0)
        finally:
            os.kill(again, signal.SIGKILL)  # it was alive until now, else this fails


def test_a_lock_that_nobody_holds_is_free(tmp_path: Path) -> None:
    """Whatever its file says, and where there is none."""
    path = tmp_path / "a.lock"
    assert end_holder(path, pytest.fail)
    path.write_text(f"process {os.getpid()} on {socket.gethostname()}\n", encoding="ascii")
    assert end_holder(path, pytest.fail)


def test_no_process_is_ended_that_does_not_hold_the_lock(tmp_path: Path) -> None:
    """A number that another process has now, another machine's, and none at all."""
    path = tmp_path / "a.lock"
    here = socket.gethostname()

    with holding(path) as process, holding(tmp_path / "other.lock") as other:
        for text, words in (
            (f"process {other.pid} on {here}\n", "does not hold it"),
            (f"process {process.pid} on elsewhere.invalid\n", "end it there"),
            ("garbage\n", "does not say by which process"),
            (f"process 1 on {here}\n", "does not say by which process"),
        ):
            path.write_text(text, encoding="ascii")

            with pytest.raises(LockedError, match=words):
                end_holder(path, pytest.fail)

        assert process.poll() is None
        assert other.poll() is None
