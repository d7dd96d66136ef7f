"""An observer in a thread of its own: nothing that it does, or fails to do, reaches the bot.

What happens is put into a bounded queue, which never waits. An observer that raises is turned off, and so is one that
does not come back: it is interrupted, where it runs Python code, and left behind, where it does not.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from time import clock_gettime, monotonic, pthread_getcpuclockid
from typing import Any, Final

import attrs

from perpmaker.errors import PerpmakerError
from perpmaker.foreign_code import ForeignCode, Interruption
from perpmaker.plugins.observer import Happening, Kind
from perpmaker.watchdog import is_safe

MOST: Final = 1_000
"""Happenings that wait for an observer at most; what comes on top is dropped and counted."""

MOST_FREQUENT: Final = 500
"""How many may wait for one that is only a quote or a status to be queued: room is left for what matters more."""

FREQUENT: Final = frozenset[Kind]({"quote", "status"})

_LIMITS: Final = {"build": (60.0, 20.0), "observe": (30.0, 2.0), "close": (30.0, 2.0)}
"""Seconds after which a call of an observer counts as one that does not come back: in all, and of the processor.

The bot's own code has to wait while it computes. With building it libraries are imported.
"""

TRIES: Final = 40
"""How often an observer that does not come back is interrupted before it is left as it is."""


class _Late(Interruption):
    """Raised inside of an observer that does not come back."""

    def __init__(self) -> None:
        super().__init__("it did not come back and was interrupted")


@attrs.frozen(kw_only=True)
class _Call:
    """A call that is under way: since when, and what it may take."""

    began_at: float
    used_s: float
    wait_s: float
    compute_s: float


class ObserverThread:
    """Runs one observer, which is what `build` returns. `put` and `look` are the bot's; neither waits or raises."""

    def __init__(
        self, code: ForeignCode, build: Callable[[], Any], kinds: frozenset[Kind], tell: Callable[[str], None]
    ) -> None:
        self.kinds = kinds
        self.is_off = False
        self.dropped = 0
        self._code = code
        self._build = build
        self._tell = tell
        self._queue: SimpleQueue[Happening | None] = SimpleQueue()
        self._call: _Call | None = None
        self._tries = 0
        self._is_slow_told = False
        self._thread = threading.Thread(target=self._run, name=f"observer {code.name}", daemon=True)
        self._thread.start()

    @property
    def who(self) -> str:
        """What it is called in messages."""
        return self._code.who

    @property
    def is_alive(self) -> bool:
        """Whether its thread still runs."""
        return self._thread.is_alive()

    @property
    def is_late(self) -> bool:
        """Whether it was told that it does not come back."""
        return self._tries > 0

    def put(self, happening: Happening) -> None:
        """Queue something that happened. It is dropped where too much waits already."""
        most = MOST_FREQUENT if happening.kind in FREQUENT else MOST

        if self.is_off:
            return

        if self._queue.qsize() < most:
            self._queue.put(happening)
            return

        self.dropped += 1

        if not self._is_slow_told:
            self._is_slow_told = True
            self._tell(f"the {self._code.who} does not keep up: what it is told too much of is dropped for it")

    def end(self) -> None:
        """Let it end once it has taken what waits."""
        self._queue.put(None)

    def look(self) -> None:
        """Turn it off where a call does not come back, and interrupt that call again until it ends."""
        call = self._call

        if call is None or not self.is_alive or self._tries >= TRIES:
            return

        waited_s, used_s = monotonic() - call.began_at, self._used_s() - call.used_s

        if waited_s < call.wait_s and used_s < call.compute_s:
            return

        if not self.is_late:
            how = f"computes for {used_s:.0f} s" if used_s >= call.compute_s else f"is waiting for {waited_s:.0f} s"
            self._turn_off(f"the {self._code.who} {how} and does not come back")

        self._tries += 1
        self._interrupt()

        if self._tries == TRIES and self.is_alive:
            self._tell(f"the {self._code.who} cannot be interrupted: it is left as it is")

    def _interrupt(self) -> None:
        """Raise inside of it, unless what runs in its thread now is ours."""
        import ctypes  # noqa: PLC0415  # hardly ever needed

        ident = self._thread.ident

        # Both calls hold Python's lock, so the frame that was looked at is the one that is interrupted.
        if ident is not None and is_safe(sys._current_frames().get(ident)):  # noqa: SLF001  # the documented way
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), ctypes.py_object(_Late))

    def _used_s(self) -> float:
        """Seconds of the processor that its thread has had."""
        with suppress(OSError, TypeError):  # it ends in this moment
            return clock_gettime(pthread_getcpuclockid(self._thread.ident))  # type: ignore[arg-type]  # None: as above

        return 0.0

    # --- the observer's thread

    def _run(self) -> None:
        try:
            observer = self._called("build", self._built)

            while (happening := self._queue.get()) is not None and not self.is_off:
                self._called("observe", observer.observe, happening)

            if not self.is_off and callable(getattr(observer, "close", None)):
                self._called("close", observer.close)
        except PerpmakerError as error:
            if not self.is_late:
                kept_in = getattr(error, "kept_in", "")
                self._turn_off(f"{self._worded(error)}{f'; its traceback is in {kept_in}' if kept_in else ''}")
        except BaseException as error:  # noqa: BLE001  # an interruption that came a moment late, or no memory
            if not self.is_late:
                self._turn_off(f"the {self._code.who} failed ({type(error).__name__})")
        finally:
            self.is_off = True
            self._call = None

    def _built(self) -> Any:  # noqa: ANN401  # the plugin's
        made = self._build()

        if not callable(getattr(made, "observe", None)):
            raise TypeError(f"build returned {type(made).__name__}, which has no observe()")

        return made

    def _called(
        self,
        what: str,
        function: Callable[..., Any],
        *arguments: object,
    ) -> Any:  # noqa: ANN401  # the plugin's
        wait_s, compute_s = _LIMITS[what]
        self._call = _Call(began_at=monotonic(), used_s=self._used_s(), wait_s=wait_s, compute_s=compute_s)

        try:
            return self._code.call_apart(what, function, *arguments)
        finally:
            self._call = None

    def _worded(self, error: PerpmakerError) -> str:
        """The error, with the observer named."""
        text = str(error)

        return text if self._code.who in text else f"the {self._code.who} failed ({text})"

    def _turn_off(self, why: str) -> None:
        self.is_off = True
        self._tell(f"{why}: it is turned off, trading goes on")
