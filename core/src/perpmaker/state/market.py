"""What the market says besides its book: mark, last trade, funding, the external reference, and how old each is."""

from __future__ import annotations

from decimal import Decimal
from math import inf

from perpmaker.model.event import Channel, MarkChanged, ReferenceChanged
from perpmaker.model.funding import Funding
from perpmaker.state.venue_clock import VenueClock


class Market:
    """The newest word of each channel, and when each channel last proved alive (engine's clock)."""

    def __init__(self) -> None:
        self.mark: Decimal | None = None
        self.index: Decimal | None = None
        self.funding_rate: Decimal | None = None
        self.next_funding_ms: int | None = None
        self.last_trade: int | None = None
        self.traded_at = -inf
        self.reference: ReferenceChanged | None = None
        self.alive_at = dict.fromkeys(Channel, -inf)
        """When each channel last proved alive: minus infinity while it does not."""
        self.mark_streamed_at = -inf

    def alive(self, channel: Channel, now: float) -> None:
        """The channel proved alive."""
        self.alive_at[channel] = now

        if channel is Channel.MARK:
            self.mark_streamed_at = now

    def lose(self, channel: Channel) -> None:
        """The channel is gone: what it said is stale, however new it is."""
        self.alive_at[channel] = -inf

        if channel is Channel.MARK:
            self.mark_streamed_at = -inf

    def age_s(self, channel: Channel, now: float) -> float:
        """Seconds since the channel last proved alive; infinite while it does not."""
        return now - self.alive_at[channel]

    def mark_stream_age_s(self, now: float) -> float:
        """Seconds since the stream of the mark price proved alive: answers to questions are not counted."""
        return now - self.mark_streamed_at

    def traded(self, ticks: int, now: float) -> None:
        """Take the newest trade; its own age is told beside that of its channel, which lives without trades too."""
        self.last_trade = ticks
        self.traded_at = now
        self.alive(Channel.TRADES, now)

    def marked(self, event: MarkChanged, now: float) -> None:
        """Take the venue's mark price and its funding."""
        self.mark = event.mark
        self.index = event.index
        self.funding_rate = event.funding_rate
        self.next_funding_ms = event.next_funding_ms

        if event.asked:
            self.alive_at[Channel.MARK] = now
        else:
            self.alive(Channel.MARK, now)

    def funding(self, clock: VenueClock, interval_h: int, now: float) -> Funding:
        """What the venue has announced of funding, its next payment on both clocks."""
        return Funding(
            rate=self.funding_rate,
            next_ms=self.next_funding_ms,
            next_at=None if self.next_funding_ms is None else clock.at(self.next_funding_ms),
            interval_h=interval_h,
            age_s=self.age_s(Channel.MARK, now),
        )

    def referred(self, event: ReferenceChanged) -> None:
        """Take the reference; its age counts from when the source says it was true."""
        self.reference = event
        self.alive(Channel.REFERENCE, event.at)
