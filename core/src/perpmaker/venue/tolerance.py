"""How much of a stream may be unreadable before it counts as broken."""

from __future__ import annotations

from collections import Counter, deque

from perpmaker.clock import Clock
from perpmaker.errors import ConnectivityError, PayloadError

_MAX_NAMES = 100
"""Names of unknown messages that are counted apart; a venue gone mad must not fill the memory."""


class UnknownMessageError(PayloadError):
    """A message of a kind that the dialect does not know; it is left out and counted, and does no harm."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"a message of the unknown kind {name!r}")


class Tolerance:
    """Counts messages that cannot be read. Too many in a short time mean that the stream is of no use.

    Args:
        clock: the engine's clock.
        most: unreadable messages allowed within `within_s` seconds.
        within_s: seconds; `math.inf` where only `forgive` ends the count.
        stream: whose stream it is, as an error begins: "Ore Exchange's stream".
    """

    def __init__(self, clock: Clock, *, most: int, within_s: float = 10.0, stream: str = "the stream") -> None:
        self.malformed = 0
        """Unreadable messages so far."""

        self.unknown: Counter[str] = Counter()
        """Messages of unknown kinds, by kind."""

        self._clock = clock
        self._most = most
        self._within_s = within_s
        self._stream = stream
        self._recent: deque[float] = deque()

    def bear(self, error: PayloadError) -> None:
        """Count a message that was left out.

        Raises:
            ConnectivityError: there were too many of them.
        """
        if isinstance(error, UnknownMessageError):
            self.note(error.name)
            return

        now = self._clock.now()
        self.malformed += 1
        self._recent.append(now)

        while self._recent[0] <= now - self._within_s:
            self._recent.popleft()

        if len(self._recent) > self._most:
            raise ConnectivityError(f"{self._stream} cannot be understood: {error}") from None

    def forgive(self) -> None:
        """Begin the count anew, where a dialect bears so many unreadable messages in a row."""
        self._recent.clear()

    def note(self, name: str) -> None:
        """Count a message of a kind that the dialect does not know."""
        if name in self.unknown or len(self.unknown) < _MAX_NAMES:
            self.unknown[name] += 1
