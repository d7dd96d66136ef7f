"""The clock of a venue, which may differ from ours, and the time that a signed request claims."""

from __future__ import annotations

import attrs

from perpmaker.clock import Clock


class VenueClock:
    """The exchange lives on our clock; callers see the venue's clock, and are measured by it.

    Args:
        clock: ours.
        offset_ms: how far the venue's clock is ahead.
    """

    def __init__(self, clock: Clock, offset_ms: int) -> None:
        self._clock = clock
        self._offset_ms = offset_ms
        self._latest_ms = 0

    def now_ms(self) -> int:
        """Return the exchange's time: our clock's, which for the exchange never goes back."""
        self._latest_ms = max(self._latest_ms, self._clock.utc_ms())

        return self._latest_ms

    def server_ms(self) -> int:
        """Return the venue's time."""
        return self.shown_ms(self.now_ms())

    def shown_ms(self, exchange_ms: int) -> int:
        """Return a time of the exchange as the venue shows it; 0, which is never, stays 0."""
        return exchange_ms and exchange_ms + self._offset_ms

    def exchange_ms(self, shown_ms: int) -> int:
        """Return a time on the venue's clock as one of the exchange; 0 stays 0."""
        return shown_ms and shown_ms - self._offset_ms


@attrs.frozen(kw_only=True)
class Window:
    """The time that a signed request claims, and how long it wants to be good for, in milliseconds."""

    timestamp_ms: int
    length_ms: int

    def is_over(self, server_ms: int) -> bool:
        """Return whether the venue's time is past the window."""
        return server_ms - self.timestamp_ms > self.length_ms
