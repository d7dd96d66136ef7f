"""Delivers messages from a thread of its own, in order: tried again for a while, not too many, never waited for."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any, Final

import attrs

from perpmaker import Happening

MOST: Final = 200
"""Messages that wait at most. The oldest of those that matter least are dropped first, and counted."""

PAUSES_S: Final = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Seconds between two tries; the last one again and again."""

LONGEST_PAUSE_S: Final = 60.0
MOST_LINES: Final = 20
"""Lines of a message that several were made one of."""

URGENCY: Final = ("halt", "stop", "end", "start", "disconnect", "notice", "fill", "exit", "reconnect", "refusal")
"""Kinds by how much they matter."""


class UndeliveredError(Exception):
    """A message was not delivered, and why, in words without a secret. `is_final`: another try would change nothing."""

    def __init__(self, why: str, *, is_final: bool = False, wait_s: float | None = None) -> None:
        super().__init__(why)
        self.is_final = is_final
        self.wait_s = wait_s


@attrs.frozen
class _Waiting:
    happening: Happening
    since: float


class Courier:
    """Delivers by `send`, which may wait, and raises UndeliveredError. `tell` is given what a person should know of it.

    While nothing hinders it each message goes out by itself, at once. What has had to wait goes out as one message.
    """

    def __init__(
        self,
        send: Callable[[Happening], None],
        tell: Callable[[str], None],
        *,
        most_per_minute: int,
        give_up_s: float,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.dropped = 0
        self._send = send
        self._tell = tell
        self._limit = _Limit(most_per_minute, clock())
        self._give_up_s = give_up_s
        self._clock = clock
        self._waiting: deque[_Waiting] = deque()
        self._changed = threading.Condition()
        self._is_closing = False
        self._failures = 0
        self._not_before = 0.0
        self._thread = threading.Thread(target=self._run, name="courier", daemon=True)

    def start(self) -> None:
        """Begin to deliver."""
        self._thread.start()

    def put(self, happening: Happening) -> None:
        """Have something delivered. Returns at once."""
        with self._changed:
            self._waiting.append(_Waiting(happening, self._clock()))

            if len(self._waiting) > MOST:
                self._drop_one()

            self._changed.notify_all()

    def close(self, within_s: float) -> None:
        """Deliver what waits, within so many seconds; what could not be delivered is told."""
        with self._changed:
            self._is_closing = True
            self._not_before = 0.0  # one more try
            self._changed.notify_all()

        self._thread.join(within_s)

        if self._waiting or self.dropped:
            self._tell(f"{len(self._waiting) + self.dropped} messages were not delivered")

    def due_s(self) -> float:
        """Seconds until the next delivery may be tried; 0 where one may be tried now."""
        now = self._clock()
        limit_s = 0.0 if self._is_closing else self._limit.wait_s(now)

        return max(0.0, self._not_before - now, limit_s)

    def deliver(self) -> None:
        """Try to deliver what waits, once."""
        with self._changed:
            self._give_up()
            taken = list(self._waiting)
            self._waiting.clear()

        if not taken:
            return

        self._limit.take(self._clock())

        try:
            self._send(merged([one.happening for one in taken]))
        except UndeliveredError as error:
            self._failed(taken, error)
        except Exception as error:  # noqa: BLE001  # a service's library may raise anything, and the next may pass
            self._failed(taken, UndeliveredError(f"it failed ({type(error).__name__})", is_final=True))
        else:
            self._failures = 0

    # --- the courier's thread

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._is_closing:
                    self._changed.wait()

                if not self._waiting:
                    return

                wait_s = self.due_s()

                if wait_s > 0:
                    self._changed.wait(wait_s)
                    continue

            self.deliver()

            if self._is_closing and self._failures:
                return

    def _failed(self, taken: Sequence[_Waiting], error: UndeliveredError) -> None:
        """Keep what was not delivered for another try, unless that would change nothing."""
        with self._changed:
            if error.is_final:
                self.dropped += len(taken)
                self._tell(f"{error}: what it was to deliver is dropped")
                return

            self._waiting.extendleft(reversed(taken))
            pause_s = PAUSES_S[min(self._failures, len(PAUSES_S) - 1)]
            pause_s = pause_s if error.wait_s is None else min(max(error.wait_s, pause_s), LONGEST_PAUSE_S)
            self._failures += 1
            self._not_before = self._clock() + pause_s

        self._tell(f"{error}: it is tried again for {self._give_up_s:g} s")

    def _give_up(self) -> None:
        """Drop what has waited for too long."""
        while self._waiting and self._clock() - self._waiting[0].since > self._give_up_s:
            self._waiting.popleft()
            self.dropped += 1

    def _drop_one(self) -> None:
        worst = max(self._waiting, key=lambda one: URGENCY.index(one.happening.kind))
        self._waiting.remove(worst)
        self.dropped += 1


class _Limit:
    """So many deliveries a minute: a minute's worth may go out at once, then they come back one by one."""

    def __init__(self, most_per_minute: int, now: float) -> None:
        self._most = float(most_per_minute)
        self._left = self._most
        self._at = now

    def wait_s(self, now: float) -> float:
        """Seconds until one may go out."""
        self._left = min(self._most, self._left + (now - self._at) * self._most / 60)
        self._at = now

        return max(0.0, (1 - self._left) * 60 / self._most)

    def take(self, now: float) -> None:
        """One goes out."""
        self.wait_s(now)
        self._left = max(0.0, self._left - 1)


def merged(happenings: Sequence[Happening]) -> Happening:
    """Return several happenings as one: the kind that matters most, and a line of each."""
    if len(happenings) == 1:
        return happenings[0]

    first = min(happenings, key=lambda one: URGENCY.index(one.kind))
    by_urgency = sorted(happenings, key=lambda one: URGENCY.index(one.kind))[:MOST_LINES]
    shown = [one for one in happenings if any(one is kept for kept in by_urgency)]
    lines = [f"{one.at[11:19]} {one.text}" for one in shown]
    rest = Counter(one.kind for one in happenings) - Counter(one.kind for one in shown)

    if rest:
        lines.append(f"and {rest.total()} more ({', '.join(f'{number} {kind}' for kind, number in rest.items())})")

    facts: dict[str, Any] = {"merged": len(happenings)}

    return attrs.evolve(first, text="\n".join(lines), facts=facts)
