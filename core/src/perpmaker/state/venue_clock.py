"""The venue's clock as it is known here, told by the engine's own; what is dated ahead of it orders nothing.

A time that the venue writes on something is evidence. An old one keeps its date. One that lies ahead of the venue's
own clock, by more than the clock is known to and five seconds, says nothing about what came before what: an event
then counts from its receipt, a reading from the moment at which it was asked for.
"""

from __future__ import annotations

AHEAD_MS = 5_000
"""How far a time may lie ahead of the clock beyond what the clock itself may be wrong by."""

_SURELY_MS = AHEAD_MS - 2  # whatever is rounded


class VenueClock:
    """Measured by the connector; until then told by the newest time of the book, which is behind it by one trip."""

    __slots__ = ("_offset_ms", "_uncertainty_ms", "is_measured")

    def __init__(self) -> None:
        self.is_measured = False
        self._offset_ms: float | None = None
        self._uncertainty_ms = 0.0

    def measure(self, venue_ms: int, at: float, uncertainty_s: float) -> None:
        """Take over what the connector knows: the venue's time at a moment of the engine's clock."""
        self.is_measured = True
        self._offset_ms = venue_ms - at * 1000
        self._uncertainty_ms = uncertainty_s * 1000

    def notice(self, venue_ms: int, now: float) -> None:
        """Take the time of a message of the market, for want of a measurement."""
        if venue_ms > 0 and not self.is_measured:
            self._offset_ms = venue_ms - now * 1000

    def ms(self, at: float) -> int | None:
        """The venue's time at a moment of the engine's clock; None while nothing tells it."""
        return None if self._offset_ms is None else round(at * 1000 + self._offset_ms)

    def at(self, venue_ms: int) -> float | None:
        """The moment of the engine's clock at which the venue's shows this; None while nothing tells the clock."""
        return None if self._offset_ms is None else (venue_ms - self._offset_ms) / 1000

    def latest_ms(self, now: float) -> int | None:
        """The latest time that something of now may be dated at; None while nothing tells the clock."""
        ms = self.ms(now)

        return None if ms is None else round(ms + self._uncertainty_ms) + AHEAD_MS

    def dated(self, venue_ms: int, now: float, since: float | None = None) -> int:
        """The date of something that came `now`: its own; where that lies ahead, the clock's at `since`."""
        offset_ms = self._offset_ms

        # Nearly everything is within what any clock allows, and every answer to an order comes by here.
        if offset_ms is None or venue_ms <= now * 1000 + offset_ms + _SURELY_MS:
            return venue_ms

        latest_ms = self.latest_ms(now)

        if latest_ms is None or venue_ms <= latest_ms:
            return venue_ms

        return self.ms(now if since is None else since) or venue_ms
