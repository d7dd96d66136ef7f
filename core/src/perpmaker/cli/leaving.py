"""The way out of the process: once it is known how a command ended, nothing foreign keeps the process from ending.

A plugin or a library may leave a thread that does not end, a task that refuses to be cancelled, or work for the end
that does not come back. `Departure` gives that a moment, names it, has the last words said and ends the process.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from time import monotonic, sleep
from types import FrameType
from typing import NoReturn, Self

from perpmaker.cli.output import say_past
from perpmaker.cli.signals import wanted_signals

LEAVE_S = 1.0
"""Seconds that what is foreign is given to end by itself."""

POLL_S = 0.05

_MACHINERY = frozenset({"threading", "concurrent.futures.thread", "runpy", "__main__"})


class _Hurry:
    """Whether a further signal came after the run had ended; a flag, because a handler may interrupt a handler."""

    is_on = False


def hurry() -> None:
    """Wait no more for what is foreign: for handlers of signals."""
    _Hurry.is_on = True


class Departure:
    """Ends the process in a moment where it does not end by itself.

    A context that is left in time prevents that.

    `last_words` says how the command ended and returns the exit code. It is called from a thread of its own.
    """

    def __init__(self, last_words: Callable[[], int], within_s: float = LEAVE_S) -> None:
        self._last_words = last_words
        self._within_s = within_s
        self._is_off = False
        self._lock = threading.Lock()  # held to the end of the process by whoever speaks last
        self._thread = threading.Thread(target=self._wait, name="departure", daemon=True)

    def begin(self) -> None:
        """Begin to wait."""
        self._thread.start()

    def __enter__(self) -> Self:
        """Nothing is waited for before `begin`."""
        return self

    def __exit__(self, *_: object) -> None:
        """Wait no more: what was waited for has come to its end."""
        with self._lock:
            self._is_off = True

    def _wait(self) -> None:
        until = monotonic() + self._within_s

        while monotonic() < until and not _Hurry.is_on:
            if self._is_off:
                return

            sleep(POLL_S)

        with self._lock:
            if not self._is_off:
                self._end()

    def _end(self) -> NoReturn:
        code = 1

        try:
            code = self._last_words()
            say_past(f"{line}\n" for line in still_running())
        finally:
            os._exit(code)


def depart(code: int) -> NoReturn:
    """End the process with this exit code, whatever a plugin or a library still has running or does at the end."""
    for one in wanted_signals():  # how it ended has been said: whoever asks for the end once more gets it at once
        signal.signal(one, lambda *_: os._exit(code))

    Departure(lambda: code).begin()
    sys.exit(code)


def still_running() -> Iterator[str]:
    """Say which threads keep the process from ending, or else what the main thread is at."""
    frames = sys._current_frames()  # noqa: SLF001  # the documented way to the frames of other threads
    main = threading.main_thread()
    others = [one for one in threading.enumerate() if not one.daemon and one is not main]

    for thread in others:
        place = _place(frames.get(thread.ident or 0))
        yield f"The thread {thread.name}{place} is still running: the process ends without it. A plugin has left it."

    if not others:
        place = _place(frames.get(main.ident or 0))
        yield f"Something that a plugin or a library does at the end{place} does not come back: the process ends now."


def _place(frame: FrameType | None) -> str:
    """Where a thread is, by the outermost function that is not the machinery of threads."""
    found = ""

    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))

        if module not in _MACHINERY and not module.startswith("perpmaker."):
            found = f" ({frame.f_code.co_name} in {module})"

        frame = frame.f_back

    return found
