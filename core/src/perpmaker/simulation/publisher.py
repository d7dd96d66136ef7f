"""Events of the simulated exchange to its subscribers: collected during a command, given out after it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TypeAlias

from perpmaker.simulation.event import SimulationEvent

Subscriber: TypeAlias = Callable[[SimulationEvent], None]


class Publisher:
    """Collects events, and gives them to every subscriber in their order."""

    def __init__(self) -> None:
        self._subscribers: list[Subscriber] = []
        self._events: deque[SimulationEvent] = deque()
        self._publishing = False

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Add a subscriber, and return what removes it."""
        self._subscribers.append(subscriber)

        return lambda: self._subscribers.remove(subscriber)

    def emit(self, event: SimulationEvent) -> None:
        """Collect an event until the command is complete."""
        self._events.append(event)

    def publish(self) -> None:
        """Give out what was collected. Events of a command that a subscriber sends meanwhile follow after these."""
        if self._publishing:
            return

        self._publishing = True

        try:
            while self._events:
                event = self._events.popleft()

                for subscriber in tuple(self._subscribers):
                    subscriber(event)
        finally:
            self._publishing = False
