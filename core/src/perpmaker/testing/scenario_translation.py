"""The simulated exchange's events as a scenario's streams tell them: in paper's words, each on its channel.

Unlike paper, a venue does not say who asked for a cancel, nor that an amend has ended an order, and tells a cut order
as an amended one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import attrs

from perpmaker.model.event import (
    AccountEvent,
    Channel,
    Event,
    OrderAmended,
    OrderCancelled,
    OrderReported,
)
from perpmaker.model.order import CancelCause
from perpmaker.paper.event_translation import CHANNELS, account_events, market_event
from perpmaker.simulation.event import OrderChanged, SimulationEvent
from perpmaker.simulation.exchange import Exchange
from perpmaker.simulation.order import Cause

BY_HAND = "hand-"
"""How the client ids of orders begin that a person sent."""


@attrs.frozen(kw_only=True)
class Told:
    """An event and the channel that tells it."""

    channel: Channel
    event: Event

    @property
    def private(self) -> bool:
        """Whether only the account hears it."""
        return self.channel is Channel.ACCOUNT


def translate(event: SimulationEvent, exchange: Exchange, *, by_venue: Collection[int], quiet: bool) -> Iterator[Told]:
    """What the streams tell of an event. `by_venue` are orders that the venue itself ends; `quiet`: none by hand."""
    public = market_event(event)

    if public is not None:
        yield Told(channel=CHANNELS[type(public)], event=public)

    if quiet and isinstance(event, OrderChanged) and event.order.client_id.startswith(BY_HAND):
        return

    for private in account_events(exchange, event):
        told = _as_venues_tell(private, event, by_venue) if isinstance(event, OrderChanged) else private
        yield Told(channel=Channel.ACCOUNT, event=told)


def _as_venues_tell(told: AccountEvent, event: OrderChanged, by_venue: Collection[int]) -> AccountEvent:
    order = event.order

    if isinstance(told, OrderCancelled) and event.cause in {Cause.CANCELLED, Cause.AMEND}:
        return attrs.evolve(told, cause=CancelCause.VENUE if order.order_id in by_venue else CancelCause.UNEXPLAINED)

    if isinstance(told, OrderReported) and event.cause is Cause.REDUCED and order.ticks is not None:
        return OrderAmended(client_id=order.client_id, ticks=order.ticks, lots=order.lots, venue_ms=event.now_ms)

    return told
