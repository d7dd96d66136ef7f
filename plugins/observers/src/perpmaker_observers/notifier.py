"""What webhook and apprise have in common: the chosen events go to a courier."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final

from perpmaker import Happening, ObserverContext
from perpmaker_observers.courier import Courier

CLOSE_S: Final = 4.5
"""Seconds that an end waits for what is still to be delivered: a little less than the core gives an observer."""


class Notifier:
    """An observer that has chosen events delivered. `ended` is called last."""

    def __init__(
        self,
        send: Callable[[Happening], None],
        context: ObserverContext,
        *,
        events: Collection[str],
        most_per_minute: int,
        give_up_s: float,
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        self._events = frozenset(events)
        self._ended = ended
        self._courier = Courier(send, context.tell, most_per_minute=most_per_minute, give_up_s=give_up_s)
        self._courier.start()

    def observe(self, happening: Happening) -> None:
        """Have it delivered, where it was chosen."""
        if happening.kind in self._events:
            self._courier.put(happening)

    def close(self) -> None:
        """Deliver what waits."""
        self._courier.close(CLOSE_S)
        self._ended()
