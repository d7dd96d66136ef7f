"""Notices that a plugin keeps the processor: says whose code it is, and ends its call where that is safe.

All of the bot runs in one thread. A plugin that sleeps, computes without end or waits for a lock stops exits and
signals too. The watchdog is a thread of its own: after `SAY_S` it says whose code is running and writes every stack to
a file, after `INTERRUPT_S` it sends the main thread a signal whose handler raises `Interruption` inside of it. The
handler raises only while the stretch of foreign code that the watchdog saw is still running, and only when no frame
between the wrapper and the top of the stack is the core's or the event loop's: what is ours is never left half done.
"""

from __future__ import annotations

import faulthandler
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import gmtime, monotonic, strftime
from types import FrameType
from typing import IO, Self

from perpmaker.foreign_code import CALLERS, RUNNING, ForeignCode, Interruption

SAY_S = 1.0
INTERRUPT_S = 5.0
INTERRUPT_RETRY_S = 0.05
"""Pause between two tries to interrupt, while the plugin is in the middle of something of ours."""

POLL_S = 0.1
GIVE_UP_S = 10.0
"""Seconds after which a call that could not be interrupted is told as one that cannot be."""

_SIGNAL = signal.SIGURG
"""Ignored by default and of no use to anybody here: a program without the handler is not ended by it."""

_OURS = frozenset({"perpmaker", "anyio", "asyncio", "trio", "sniffio", "outcome"})


class Watchdog:
    """A context: watches as long as it is entered, in the main thread. `tell` is called from the watchdog's thread."""

    def __init__(self, tell: Callable[[str], None], *, say_s: float = SAY_S, interrupt_s: float = INTERRUPT_S) -> None:
        self.tell = tell
        self._say_s = say_s
        self._interrupt_s = interrupt_s
        self._poll_s = min(POLL_S, say_s / 2)
        self._ended = threading.Event()
        self._main = threading.main_thread().ident
        self._aimed_at: int | None = None
        self._stacks: IO[str] | None = None
        self._stacks_path: Path | None = None
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        self._before: object = None

    def keep_stacks(self, folder: Path) -> None:
        """Write the stacks of a plugin that does not come back to a file of this folder; none is left without need."""
        path = folder / f"stacks-{strftime('%Y%m%dT%H%M%SZ', gmtime())}.txt"

        try:
            self._stacks = path.open("x", encoding="utf-8")
            path.chmod(0o600)
        except OSError:
            return

        self._stacks_path = path

    def __enter__(self) -> Self:
        """Begin to watch."""
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(_SIGNAL, self._interrupt)
            self._thread.start()

        return self

    def __exit__(self, *_: object) -> None:
        """Watch no more."""
        self._ended.set()

        if self._thread.ident is not None:
            self._thread.join(1.0)
            signal.signal(_SIGNAL, self._before)  # type: ignore[arg-type]  # what signal() has returned

        faulthandler.cancel_dump_traceback_later()

        with suppress(OSError):  # the directory may be gone, and what is watched has its result already
            if self._stacks is not None:
                self._stacks.close()

            if self._stacks_path is not None and self._stacks_path.stat().st_size == 0:
                self._stacks_path.unlink(missing_ok=True)

    # --- the watchdog's thread

    def _watch(self) -> None:
        """Look again and again at whose code is running."""
        stretch = _Stretch()

        while not self._ended.wait(INTERRUPT_RETRY_S if stretch.is_late else self._poll_s):
            code, serial, now = RUNNING.code, RUNNING.serial, monotonic()
            self._wind_up()

            if code is None or serial != stretch.serial:
                self._told_end(stretch, now)
                stretch = _Stretch(code, serial, now)
                continue

            self._judge(stretch, now - stretch.since)

    def _judge(self, stretch: _Stretch, stood_s: float) -> None:
        """Say and do what is due after so long."""
        who = "a plugin" if stretch.code is None else f"the {stretch.code.who}"

        if stood_s >= self._interrupt_s:
            stretch.is_late = True
            self._aimed_at = stretch.serial

            if self._main is not None:
                signal.pthread_kill(self._main, _SIGNAL)

        if stood_s >= self._say_s and not stretch.is_told:
            stretch.is_told = True
            self.tell(
                f"{who} has not come back for {stood_s:.1f} s: nothing else runs meanwhile, exits neither{self._dump()}"
            )

        if stood_s >= self._interrupt_s + GIVE_UP_S and not stretch.is_given_up:
            stretch.is_given_up = True
            self.tell(
                f"{who} cannot be interrupted: stops on the venue and its dead-man switch protect a position now. "
                "End this process from outside (kill -9) and start without that plugin"
            )

    def _told_end(self, stretch: _Stretch, now: float) -> None:
        """Say that it goes on."""
        self._aimed_at = None

        if stretch.is_told and stretch.code is not None:
            self.tell(f"it goes on: the {stretch.code.who} kept everything waiting for {now - stretch.since:.1f} s")

    def _dump(self) -> str:
        """Write every stack; words for where it is."""
        if self._stacks is None:
            return ""

        faulthandler.dump_traceback(self._stacks)

        return f"; its stack is in {self._stacks_path}"

    def _wind_up(self) -> None:
        """Have a thread of C write the stacks in a moment: it needs no lock of Python's, where a plugin holds that."""
        if self._stacks is not None:
            faulthandler.dump_traceback_later(self._say_s + self._poll_s, file=self._stacks)

    # --- the main thread

    def _interrupt(self, _: int, frame: FrameType | None) -> None:
        """Raise inside of the plugin, if it is still the one that was seen and nothing of ours would be cut."""
        if self._aimed_at is None or self._aimed_at != RUNNING.serial or not is_safe(frame):
            return

        self._aimed_at = None

        raise Interruption(f"it did not come back for {self._interrupt_s:g} s and was interrupted")


class _Stretch:
    """A stretch of foreign code as the watchdog sees it: since when, and what was said of it."""

    __slots__ = ("code", "is_given_up", "is_late", "is_told", "serial", "since")

    def __init__(self, code: ForeignCode | None = None, serial: int = -1, since: float = 0.0) -> None:
        self.code = code
        self.serial = serial
        self.since = since
        self.is_told = self.is_late = self.is_given_up = False


def is_safe(frame: FrameType | None) -> bool:
    """Whether everything from this frame down to the wrapper is foreign code, and there is some."""
    is_foreign = False

    while frame is not None:
        if frame.f_code in CALLERS:
            return is_foreign

        if str(frame.f_globals.get("__name__", "")).partition(".")[0] in _OURS:
            return False

        is_foreign = True
        frame = frame.f_back

    return False
