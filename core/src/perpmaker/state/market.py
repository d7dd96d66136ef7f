"""What the market says besides its book: mark, last trade, funding, the external reference, and how old each is."""

from __future__ import annotations

from decimal import Decimal
from math import inf

from perpmaker.model.event import Channel, MarkChanged, ReferenceChanged


class Market:
    """The newest word of each channel, and when each channel last proved alive (engine's clock)."""

    def __init__(self) -> None:
        self.mark: Decimal | None = None
        self.index: Decimal | None = None
        self.funding_rate: Decimal | None = None
        self.next_funding_ms: int | None = None
        self.last_trade: int | None = None
        self.reference: ReferenceChanged | None = None
        self._alive_at: dict[Channel, float] = {}

    def alive(self, channel: Channel, now: float) -> None:
        """The channel proved alive."""
        self._alive_at[channel] = now

    def lose(self, channel: Channel) -> None:
        """The channel is gone: what it said is stale, however new it is."""
        self._alive_at.pop(channel, None)

    def age_s(self, channel: Channel, now: float) -> float:
        """Seconds since the channel last proved alive; infinite while it does not."""
        alive_at = self._alive_at.get(channel)

        return inf if alive_at is None else now - alive_at

    def marked(self, event: MarkChanged, now: float) -> None:
        """Take the venue's mark price and its funding."""
        self.mark = event.mark
        self.index = event.index
        self.funding_rate = event.funding_rate
        self.next_funding_ms = event.next_funding_ms
        self.alive(Channel.MARK, now)

    def referred(self, event: ReferenceChanged) -> None:
        """Take the reference; its age counts from when the source says it was true."""
        self.reference = event
        self.alive(Channel.REFERENCE, event.at)
