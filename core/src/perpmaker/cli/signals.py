"""The signals that end a run, received by handlers of our own: where something foreign replaces them they are put back.

A library that a plugin uses may install handlers too, or have a signal ignored. What was ignored when the process
began, as below nohup, is a person's own choice and stays so.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from types import FrameType
from typing import Any

ENDING = tuple(
    signal.Signals[name] for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT") if name in signal.Signals.__members__
)
"""The signals that end a run, as far as the system has them."""

_begun_with: dict[signal.Signals, Any] = {}


def note_inherited() -> None:
    """Note what the process was begun with, before a plugin is imported."""
    _begun_with.update({one: signal.getsignal(one) for one in ENDING})


def wanted_signals() -> tuple[signal.Signals, ...]:
    """Return the signals that the process was not started to ignore."""
    return tuple(one for one in ENDING if _begun_with.get(one, signal.getsignal(one)) is not signal.SIG_IGN)


class EndingSignals:
    """Receives the signals that end a run. `count` is how many came, `on_signal` is called with each."""

    def __init__(self) -> None:
        self.count = 0
        self.on_signal: Callable[[], None] | None = None
        self._wanted = wanted_signals()
        self._before: dict[signal.Signals, Any] = {}
        self._is_told = False

    def take(self) -> None:
        """Install our handlers."""
        self._before = {one: signal.signal(one, self._note) for one in self._wanted}
        signal.pthread_sigmask(signal.SIG_UNBLOCK, self._wanted)

    def give_back(self) -> None:
        """Install what was there before."""
        for one, before in self._before.items():
            signal.signal(one, signal.SIG_DFL if before is None else before)

    def put_back(self) -> Iterator[str]:
        """Install our handlers again where they were replaced or blocked. Yields the line that tells it, once."""
        taken = {one: now for one in self._wanted if (now := signal.getsignal(one)) != self._note}
        blocked = signal.pthread_sigmask(signal.SIG_UNBLOCK, self._wanted) & set(self._wanted)

        for one in taken:
            signal.signal(one, self._note)

        if (taken or blocked) and not self._is_told:
            self._is_told = True
            names = ", ".join(one.name for one in self._wanted if one in taken or one in blocked)
            yield (
                f"{_culprit(taken.values())} took {names} away from this run, which would not have heard it: taken "
                "back. A plugin does that, or a library of one: tell its author"
            )

    def _note(self, _: int, __: FrameType | None) -> None:
        self.count += 1

        if self.on_signal is not None:
            self.on_signal()


def _culprit(handlers: Iterable[Any]) -> str:
    """Whose handler it is, as far as the handler tells."""
    for handler in handlers:
        with suppress(Exception):  # it is foreign, and only to be named
            if callable(handler) and not isinstance(handler, signal.Handlers):
                return f"{handler.__module__}.{handler.__qualname__}"

    return "A plugin or a library"
