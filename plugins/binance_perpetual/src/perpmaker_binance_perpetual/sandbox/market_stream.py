"""What the public and market sockets hear: depth, best prices, trades, mark price."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Final

from perpmaker.model.order import Side
from perpmaker.simulation.event import LevelsChanged, SimulationEvent, TradePrinted
from perpmaker_binance_perpetual.sandbox.hub import Hub
from perpmaker_binance_perpetual.sandbox.notation import rounded
from perpmaker_binance_perpetual.sandbox.rest_market import stream_id
from perpmaker_binance_perpetual.sandbox.venue import Venue

FASTEST: Final = "@depth@100ms"
DIFFS: Final[Mapping[str, int]] = {FASTEST: 100, "@depth": 250, "@depth@500ms": 500}
PARTIALS: Final = {
    f"@depth{levels}{suffix}": (levels, every_ms)
    for levels in (5, 10, 20)
    for suffix, every_ms in (("", 250), ("@100ms", 100), ("@250ms", 250), ("@500ms", 500))
}
MARKS: Final[Mapping[str, int]] = {"@markPrice@1s": 1000, "@markPrice": 3000}
UM: Final = 1
"""The venue's `st`: this is a USDⓈ-M market."""


class DepthFeed:
    """One diff stream: every level touched since its last message, with what it holds now.

    A level that changed and changed back is sent all the same, because a snapshot may have been taken in between.
    """

    def __init__(self, update_id: int) -> None:
        self._previous = stream_id(update_id)
        self._newest = self._previous
        self._bids: dict[int, int] = {}
        self._asks: dict[int, int] = {}
        self._changed_ms = 0

    def note(self, event: LevelsChanged) -> None:
        """Keep what changed for the next message."""
        self._bids.update(event.bids)
        self._asks.update(event.asks)
        self._newest = stream_id(event.update_id)
        self._changed_ms = event.now_ms

    @property
    def has_news(self) -> bool:
        """Whether anything changed since the last message."""
        return self._newest != self._previous

    def message(self, venue: Venue) -> dict[str, object]:
        """What changed. Ids are not contiguous: others lie between."""
        return {
            **_head("depthUpdate", venue, self._changed_ms),
            "U": self._previous + 3,
            "u": self._newest,
            "pu": self._previous,
            "b": venue.notation.levels(tuple(sorted(self._bids.items(), reverse=True))),
            "a": venue.notation.levels(tuple(sorted(self._asks.items()))),
        }

    def pass_on(self) -> None:
        """Begin the next message."""
        self._previous = self._newest
        self._bids.clear()
        self._asks.clear()


class MarketStreams:
    """Publishes the market's streams: best prices at once, what else there is at `tick`, each in its own rhythm.

    `rhythm_ms` is that of the fastest differences of the book.
    """

    def __init__(self, venue: Venue, hub: Hub, rhythm_ms: int) -> None:
        self._venue = venue
        self._hub = hub
        self._prefix = venue.instrument.symbol.lower()
        update_id = venue.exchange.depth(1).update_id
        self._rhythms = {**DIFFS, FASTEST: rhythm_ms}
        self._feeds = {name: DepthFeed(update_id) for name in DIFFS}
        self._trades: list[TradePrinted] = []
        self._aggregate_id = 0
        self._best_id = 0
        self._partial_id = stream_id(update_id)
        self._ticked_ms = venue.now_ms()
        venue.exchange.subscribe(self._note)

    def tick(self, now_ms: int) -> None:
        """Publish what is due by then."""
        self._publish_trades()
        self._publish_best()

        for name, every_ms in self._rhythms.items():
            if self._is_due(every_ms, now_ms):
                self._publish_diff(name)

        for name, (levels, every_ms) in PARTIALS.items():
            if self._is_due(every_ms, now_ms) and self._hub.has_hearers(self._prefix + name):
                self._publish_partial(name, levels)

        for name, every_ms in MARKS.items():
            if self._is_due(every_ms, now_ms):
                self._publish_mark(name)

        self._ticked_ms = now_ms

    def _note(self, event: SimulationEvent) -> None:
        if isinstance(event, LevelsChanged):
            for feed in self._feeds.values():
                feed.note(event)

            self._publish_best()
        elif isinstance(event, TradePrinted):
            self._trades.append(event)

    def _is_due(self, every_ms: int, now_ms: int) -> bool:
        return now_ms // every_ms != self._ticked_ms // every_ms

    def _publish(self, name: str, message: Mapping[str, object]) -> None:
        self._hub.publish(self._prefix + name, message)

    def _publish_diff(self, name: str) -> None:
        feed = self._feeds[name]

        if feed.has_news:
            if self._hub.has_hearers(self._prefix + name):
                self._publish(name, feed.message(self._venue))

            feed.pass_on()

    def _publish_partial(self, name: str, levels: int) -> None:
        book = self._venue.exchange.depth(levels)
        newest = stream_id(book.update_id)
        message = {
            **_head("depthUpdate", self._venue, book.now_ms),
            "U": newest,
            "u": newest,
            "pu": self._partial_id,
            "b": self._venue.notation.levels(book.bids),
            "a": self._venue.notation.levels(book.asks),
        }
        self._partial_id = newest
        self._publish(name, message)

    def _publish_best(self) -> None:
        if not self._hub.has_hearers(f"{self._prefix}@bookTicker"):
            return

        book = self._venue.exchange.depth(1)

        if book.update_id == self._best_id or not book.bids or not book.asks:
            return

        self._best_id = book.update_id
        notation = self._venue.notation
        message = {
            **_head("bookTicker", self._venue, book.now_ms),
            "u": stream_id(book.update_id),
            "b": notation.price(book.bids[0][0]),
            "B": notation.amount(book.bids[0][1]),
            "a": notation.price(book.asks[0][0]),
            "A": notation.amount(book.asks[0][1]),
        }
        self._publish("@bookTicker", message)

    def _publish_trades(self) -> None:
        for _, group in groupby(self._trades, key=lambda trade: (trade.ticks, trade.taker, trade.now_ms)):
            trades = list(group)
            self._aggregate_id += 1
            self._publish("@aggTrade", self._aggregate(trades))

        self._trades.clear()

    def _aggregate(self, trades: list[TradePrinted]) -> dict[str, object]:
        amount = self._venue.notation.amount(sum(trade.lots for trade in trades))

        return {
            "e": "aggTrade",
            "E": self._venue.server_ms(),
            "s": self._venue.instrument.symbol,
            "a": self._aggregate_id,
            "p": self._venue.notation.price(trades[0].ticks),
            "q": amount,
            "nq": amount,
            "f": trades[0].trade_id,
            "l": trades[-1].trade_id,
            "T": self._venue.shown_ms(trades[0].now_ms),
            "m": trades[0].taker is Side.SELL,
            "st": UM,
        }

    def _publish_mark(self, name: str) -> None:
        exchange = self._venue.exchange
        message = {
            "e": "markPriceUpdate",
            "E": self._venue.server_ms(),
            "s": self._venue.instrument.symbol,
            "p": rounded(exchange.mark),
            "ap": rounded(exchange.mark),
            "i": rounded(exchange.index),
            "P": rounded(exchange.index),
            "r": rounded(exchange.funding_rate),
            "T": self._venue.shown_ms(exchange.next_funding_ms),
            "st": UM,
        }
        self._publish(name, message)


def _head(event: str, venue: Venue, at_ms: int) -> dict[str, object]:
    symbol = venue.instrument.symbol

    return {"e": event, "E": venue.server_ms(), "T": venue.shown_ms(at_ms), "s": symbol, "ps": symbol, "st": UM}
