"""What streams are made of: the changes of the book since the last message, rhythms, and events that are held back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from heapq import heappop, heappush
from itertools import count
from random import Random

from perpmaker.simulation.event import LevelsChanged

Act = Callable[[], None]
Levels = tuple[tuple[int, int], ...]


class BookChanges:
    """Every level touched since the last message, with what it holds now.

    A level that changed and changed back is sent all the same, because a snapshot may have been taken in between.

    Args:
        update_id: the newest update of the book before the first message.
    """

    def __init__(self, update_id: int) -> None:
        self.previous_id = self.newest_id = update_id
        self.changed_ms = 0
        self._bids: dict[int, int] = {}
        self._asks: dict[int, int] = {}

    def note(self, event: LevelsChanged) -> None:
        """Keep what changed for the next message."""
        self._bids.update(event.bids)
        self._asks.update(event.asks)
        self.newest_id = event.update_id
        self.changed_ms = event.now_ms

    @property
    def bids(self) -> Levels:
        """The bids that changed as (ticks, lots), the best first; 0 lots where a level is gone."""
        return tuple(sorted(self._bids.items(), reverse=True))

    @property
    def asks(self) -> Levels:
        """The asks that changed, as the bids."""
        return tuple(sorted(self._asks.items()))

    def begin_next(self) -> None:
        """Forget what the last message said."""
        self.previous_id = self.newest_id
        self._bids.clear()
        self._asks.clear()


class Rhythms:
    """Does things in rhythms that begin with the venue's seconds, in the order in which they were added."""

    def __init__(self, now_ms: int) -> None:
        self._ticked_ms = now_ms
        self._acts: list[tuple[int, Act]] = []

    def add(self, every_ms: int, act: Act) -> None:
        """Do this every so many milliseconds."""
        self._acts.append((every_ms, act))

    def tick(self, now_ms: int) -> None:
        """Do what is due by then."""
        for every_ms, act in self._acts:
            if now_ms // every_ms != self._ticked_ms // every_ms:
                act()

        self._ticked_ms = now_ms


class HeldEvents:
    """Holds events back at random: one kind may overtake another, two of one kind never.

    Args:
        send: sends an event of a kind.
        chance: what decides.
        most_ms: the longest that an event is held back; with 0 it is sent at once.
        now_ms: the time.
    """

    def __init__(
        self, send: Callable[[str, Mapping[str, object]], None], chance: Random, most_ms: int, now_ms: Callable[[], int]
    ) -> None:
        self._send = send
        self._chance = chance
        self._most_ms = most_ms
        self._now_ms = now_ms
        self._held: list[tuple[int, int, str, Mapping[str, object]]] = []
        self._numbers = count()
        self._latest: dict[str, int] = {}

    def put(self, kind: str, event: Mapping[str, object]) -> None:
        """Send the event now or later."""
        delay_ms = self._chance.randint(0, self._most_ms)

        if delay_ms == 0 and not self._held:
            self._send(kind, event)
            return

        due_ms = max(self._latest.get(kind, 0), self._now_ms() + delay_ms)
        self._latest[kind] = due_ms
        heappush(self._held, (due_ms, next(self._numbers), kind, event))

    def tick(self, now_ms: int) -> None:
        """Send what was held back until then."""
        while self._held and self._held[0][0] <= now_ms:
            _, _, kind, event = heappop(self._held)
            self._send(kind, event)
