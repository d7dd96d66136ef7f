"""What is due at which moment, in nanoseconds; of one moment commands come first, then answers, news and questions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import IntEnum
from heapq import heappop, heappush
from typing import TypeAlias

from perpmaker.decision.bounds import FAR
from perpmaker.model.event import Event

NEVER = FAR

Act: TypeAlias = Callable[[int], Sequence[Event]]
"""Does what is due, at a time, and returns what the bot hears then."""


class Turn(IntEnum):
    """Which of several things of one moment comes first."""

    COMMAND = 0
    ANSWER = 1
    STREAM = 2
    QUESTION = 3


class Agenda:
    """What is to be done, by its time."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, int, Act]] = []
        self._sequence = 0

    @property
    def next_ns(self) -> int:
        """When something is due next. NEVER when nothing is."""
        return self._heap[0][0] if self._heap else NEVER

    def put(self, at_ns: int, turn: Turn, act: Act) -> None:
        """Do this at that time."""
        self._sequence += 1
        heappush(self._heap, (at_ns, turn, self._sequence, act))

    def tell(self, at_ns: int, turn: Turn, events: Sequence[Event]) -> None:
        """Have the bot hear this at that time."""
        self.put(at_ns, turn, lambda _: events)

    def carry_out(self, now_ns: int) -> list[Event]:
        """Do what is due by now, and return what the bot hears."""
        events: list[Event] = []

        while self._heap and self._heap[0][0] <= now_ns:
            events.extend(heappop(self._heap)[3](now_ns))

        return events
