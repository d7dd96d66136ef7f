"""A venue's clock, told by the engine's monotonic one, so that jumps of the machine's wall clock do not matter."""

from __future__ import annotations

from perpmaker.clock import Clock
from perpmaker.connector.abilities import VenueTime


class ServerClock:
    """Keeps the distance between the venue's time and the engine's clock, and how exactly it is known.

    Args:
        clock: the engine's clock.
        least_uncertainty_s: seconds that the distance is always taken to be wrong by.
    """

    def __init__(self, clock: Clock, *, least_uncertainty_s: float = 0.0) -> None:
        self._clock = clock
        self._least_uncertainty_s = least_uncertainty_s
        self._offset_ms: float | None = None
        self.uncertainty_s = least_uncertainty_s
        """Seconds: half of the round trip of the measurement, which is the most that the distance can be wrong by."""

    @property
    def known(self) -> bool:
        """Whether the distance has been measured and the venue has not refused it since."""
        return self._offset_ms is not None

    def observe(self, sent_at: float, received_at: float, server_ms: int) -> None:
        """Take over a measurement.

        Args:
            sent_at: the engine's clock when the question was sent, seconds.
            received_at: the same when the answer came.
            server_ms: the venue's time in the answer, milliseconds since the epoch.
        """
        self.uncertainty_s = max(self._least_uncertainty_s, (received_at - sent_at) / 2)
        self._offset_ms = server_ms - (sent_at + received_at) / 2 * 1000

    def forget(self) -> None:
        """Drop the measurement, because the venue has refused a timestamp."""
        self._offset_ms = None

    def venue_time(self, at: float) -> VenueTime | None:
        """Return what the venue's clock shows at a moment of the engine's; None while it is not known."""
        return VenueTime(self.ms(at), self.uncertainty_s) if self.known else None

    def ms(self, at: float | None = None) -> int:
        """Return the venue's time, milliseconds since the epoch, at a moment of the engine's clock (default: now).

        Without a measurement it is the time of the machine's wall clock.
        """
        if self._offset_ms is None:
            return self._clock.utc_ms()

        return round((self._clock.now() if at is None else at) * 1000 + self._offset_ms)
