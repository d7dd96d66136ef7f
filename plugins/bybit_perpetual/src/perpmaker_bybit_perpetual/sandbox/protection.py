"""Disconnect protection: when no private socket that asked for it is there any more, the account's orders go."""

from __future__ import annotations

from perpmaker_bybit_perpetual.sandbox.sockets import DCP_TOPIC
from perpmaker_bybit_perpetual.sandbox.venue import Venue


class DisconnectProtection:
    """Counts the time since the last of those sockets was there. It begins once there was one, and acts once."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._is_armed = False
        self._runs = False

    def tick(self, _now_ms: int) -> None:
        """Look for those sockets, and start or stop the countdown."""
        venue = self._venue

        if not venue.options.has_dcp:
            return

        if self._is_heard():
            self._is_armed = True
            self._stop()
        elif self._is_armed and not self._runs:
            self._runs = True
            venue.exchange.set_countdown(venue.account, venue.dcp_window_s * 1000, venue.now_ms())

    def _stop(self) -> None:
        if self._runs:
            self._runs = False
            self._venue.exchange.set_countdown(self._venue.account, 0, self._venue.now_ms())

    def _is_heard(self) -> bool:
        """Whether a socket has asked for it; nothing is told there."""
        heard = []
        self._venue.parts.hub.publish(DCP_TOPIC, lambda: heard.append(True))

        return bool(heard)
