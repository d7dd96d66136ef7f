"""What of the market concerns an account: where its orders rest, and what would fire its stops."""

from __future__ import annotations

import attrs

from perpmaker.backtest.columns import BOUGHT, SOLD
from perpmaker.backtest.loop import first_at_least, first_at_most, first_touch, first_trade
from perpmaker.backtest.timeline import Segment
from perpmaker.decision.bounds import FAR
from perpmaker.model.order import Side
from perpmaker.simulation.exchange import Exchange
from perpmaker.simulation.market_access import MarketAccess
from perpmaker.simulation.order import TriggerKind, TriggerPrice


@attrs.define
class Watch:
    """What of the market concerns the account now."""

    highest_bid: int = -FAR
    lowest_ask: int = FAR
    bids: tuple[int, ...] = ()
    asks: tuple[int, ...] = ()
    falls_to: int = -FAR
    rises_to: int = FAR
    has_stops: bool = False
    holds: bool = False
    is_careful: bool = False

    @property
    def is_idle(self) -> bool:
        """Whether nothing rests and nothing waits."""
        return not (self.bids or self.asks or self.has_stops)


def look(exchange: Exchange, access: MarketAccess, account: str) -> Watch:
    """Find out what of the market concerns the account now."""
    bids, asks = access.side(Side.BUY), access.side(Side.SELL)
    watch = Watch(bids=tuple(bids.watched), asks=tuple(asks.watched))
    watch.highest_bid = max(bids.queued, default=-FAR)
    watch.lowest_ask = min(asks.queued, default=FAR)
    waiting = exchange.conditional_orders(account)
    watch.has_stops = bool(waiting)
    watch.holds = access.holds(account)
    watch.is_careful = access.is_liquidating
    for order in waiting:
        if order.watch is not TriggerPrice.LAST:
            continue

        if (order.side is Side.BUY) is (order.kind is TriggerKind.STOP):
            watch.rises_to = min(watch.rises_to, order.trigger_ticks)
        else:
            watch.falls_to = max(watch.falls_to, order.trigger_ticks)

    return watch


def next_of_orders(segment: Segment, watch: Watch, first: int, end: int) -> int:
    """The first message that concerns what rests or waits. `end` where none before it does."""
    chunk, kinds = segment.chunk, segment.chunk.kind

    for ticks in watch.bids:
        end = first_touch(chunk.bid_ticks, chunk.bid_at, ticks, first, end)

    for ticks in watch.asks:
        end = first_touch(chunk.ask_ticks, chunk.ask_at, ticks, first, end)

    if watch.bids:
        end = first_at_most(chunk.best_ask, watch.highest_bid, first, end)
        end = first_trade(kinds, chunk.last, SOLD, 0, watch.highest_bid, first, end)

    if watch.asks:
        end = first_at_least(chunk.best_bid, watch.lowest_ask, first, end)
        end = first_trade(kinds, chunk.last, BOUGHT, watch.lowest_ask, FAR, first, end)

    if watch.has_stops:
        for kind in (SOLD, BOUGHT):
            end = first_trade(kinds, chunk.last, kind, 0, watch.falls_to, first, end)
            end = first_trade(kinds, chunk.last, kind, watch.rises_to, FAR, first, end)

    return end
