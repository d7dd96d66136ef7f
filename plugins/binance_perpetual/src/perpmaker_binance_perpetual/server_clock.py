"""The venue's clock, told by our own monotonic one, so that jumps of the machine's wall clock mean nothing."""

from __future__ import annotations

from perpmaker.clock import Clock


class ServerClock:
    """Keeps the distance between the venue's time and the engine's clock, and how well it is known."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset_ms: float | None = None
        self.uncertainty_s = 0.0
        """Half of the round trip in which the distance was measured: the most that it can be wrong by."""

    @property
    def known(self) -> bool:
        """Whether the distance has been measured and not been proven wrong."""
        return self._offset_ms is not None

    def observe(self, sent_at: float, received_at: float, server_ms: int) -> None:
        """Take over a measurement: what the venue said its time was, between two readings of the engine's clock."""
        self.uncertainty_s = (received_at - sent_at) / 2
        self._offset_ms = server_ms - (sent_at + received_at) / 2 * 1000

    def forget(self) -> None:
        """The venue has refused a timestamp: measure again before the next one."""
        self._offset_ms = None

    def ms(self, at: float | None = None) -> int:
        """The venue's time at a moment of the engine's clock (default: now); before any measurement, the machine's."""
        if self._offset_ms is None:
            return self._clock.utc_ms()

        return round((self._clock.now() if at is None else at) * 1000 + self._offset_ms)
