"""What the public and market sockets hear: depth, best prices, trades, mark price."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import groupby
from typing import Final

from perpmaker import Side
from perpmaker.venue.sandbox import BookChanges, LevelsChanged, Rhythms, SimulationEvent, TradePrinted
from perpmaker_binance_perpetual.sandbox.market import premium_row, stream_id, ticker_row
from perpmaker_binance_perpetual.sandbox.order_words import named, names
from perpmaker_binance_perpetual.sandbox.trades import INTERVALS, aggregate_row, day_row, kline
from perpmaker_binance_perpetual.sandbox.venue import Venue

BEST: Final = "@bookTicker"
FASTEST: Final = "@depth@100ms"
DIFFS: Final[Mapping[str, int]] = {FASTEST: 100, "@depth": 250, "@depth@500ms": 500}
PARTIALS: Final = {
    f"@depth{levels}{suffix}": (levels, every_ms)
    for levels in (5, 10, 20)
    for suffix, every_ms in (("", 250), ("@100ms", 100), ("@250ms", 250), ("@500ms", 500))
}
MARKS: Final[Mapping[str, int]] = {"@markPrice@1s": 1000, "@markPrice": 3000}
MARK_NAMES: Final = names(
    "E=time s=symbol p=markPrice i=indexPrice P=estimatedSettlePrice r=lastFundingRate T=nextFundingTime"
)
BEST_NAMES: Final = names("u=lastUpdateId b=bidPrice B=bidQty a=askPrice A=askQty")
DAY: Final = "@miniTicker"
DAY_NAMES: Final = names("s=symbol c=lastPrice o=openPrice h=highPrice l=lowPrice v=volume q=quoteVolume")
KLINE_MS: Final = 250
KLINE: Final = ("t", "o", "h", "l", "c", "v", "T", "q", "n", "V", "Q", "B")
"""The names of a candle's figures, in the order of its row."""

UM: Final = 1
"""The venue's `st`: this is a USDⓈ-M market."""


class MarketStreams:
    """Publishes the market's streams: best prices at once, what else there is at `tick`, each in its own rhythm."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._prefix = venue.instrument.symbol.lower()
        update_id = venue.exchange.depth(1).update_id
        self._changes = {name: BookChanges(update_id) for name in DIFFS}
        self._trades: list[TradePrinted] = []
        self._aggregate_id = 0
        self._best_id = 0
        self._partial_id = stream_id(update_id)
        self._rhythms = Rhythms(venue.now_ms())

        for name, every_ms in {**DIFFS, FASTEST: venue.parts.options.rhythm_ms}.items():
            self._rhythms.add(every_ms, partial(self._publish_diff, name))

        for name, (levels, every_ms) in PARTIALS.items():
            self._rhythms.add(every_ms, partial(self._publish, name, partial(self._partial, levels)))

        for name, every_ms in MARKS.items():
            self._rhythms.add(every_ms, partial(self._publish, name, self._mark))

        self._rhythms.add(2000, partial(self._publish, DAY, self._day))

        for interval in INTERVALS:
            self._rhythms.add(KLINE_MS, partial(self._publish, f"@kline_{interval}", partial(self._kline, interval)))

        venue.exchange.subscribe(self._note)

    def tick(self, now_ms: int) -> None:
        """Publish what is due by then."""
        self._publish_trades()
        self._publish(BEST, self._best)
        self._rhythms.tick(now_ms)

    def _note(self, event: SimulationEvent) -> None:
        if isinstance(event, LevelsChanged):
            for changes in self._changes.values():
                changes.note(event)

            self._publish(BEST, self._best)
        elif isinstance(event, TradePrinted):
            self._trades.append(event)

    def _publish(self, name: str, make: Callable[[], Mapping[str, object] | None]) -> None:
        self._venue.parts.hub.publish(self._prefix + name, make)

    def _publish_diff(self, name: str) -> None:
        changes = self._changes[name]

        if changes.newest_id != changes.previous_id:
            self._publish(name, partial(self._diff, changes))
            changes.begin_next()

    def _diff(self, changes: BookChanges) -> dict[str, object]:
        """What changed. Ids are not contiguous: others lie between."""
        previous = stream_id(changes.previous_id)

        return {
            **self._head("depthUpdate", changes.changed_ms),
            "U": previous + 3,
            "u": stream_id(changes.newest_id),
            "pu": previous,
            "b": self._venue.notation.levels(changes.bids),
            "a": self._venue.notation.levels(changes.asks),
        }

    def _partial(self, levels: int) -> dict[str, object]:
        book = self._venue.exchange.depth(levels)
        newest = stream_id(book.update_id)
        previous, self._partial_id = self._partial_id, newest

        return {
            **self._head("depthUpdate", book.now_ms),
            "U": newest,
            "u": newest,
            "pu": previous,
            "b": self._venue.notation.levels(book.bids),
            "a": self._venue.notation.levels(book.asks),
        }

    def _best(self) -> dict[str, object] | None:
        """The best prices; None where they are known already."""
        book = self._venue.exchange.depth(1)

        if book.update_id == self._best_id or not book.bids or not book.asks:
            return None

        self._best_id = book.update_id

        return {**self._head("bookTicker", book.now_ms), **named(ticker_row(self._venue, book), BEST_NAMES)}

    def _publish_trades(self) -> None:
        for trade in self._trades:
            self._publish("@trade", partial(self._trade, trade))

        for _, group in groupby(self._trades, key=lambda trade: (trade.ticks, trade.taker, trade.now_ms)):
            self._aggregate_id += 1
            aggregated = list(group)
            self._venue.aggregates.append((self._aggregate_id, aggregated))
            self._publish("@aggTrade", partial(self._aggregate, self._aggregate_id, aggregated))

        self._trades.clear()

    def _aggregate(self, number: int, trades: list[TradePrinted]) -> dict[str, object]:
        row = aggregate_row(self._venue, number, trades)

        return {"e": "aggTrade", "E": self._venue.server_ms(), "s": self._venue.instrument.symbol, **row, "st": UM}

    def _trade(self, trade: TradePrinted) -> dict[str, object]:
        """A single trade. The venue does not document this stream of its futures; clients hear it all the same."""
        return {
            **self._head("trade", trade.now_ms),
            "t": trade.trade_id,
            "p": self._venue.notation.price(trade.ticks),
            "q": self._venue.notation.amount(trade.lots),
            "X": "MARKET",
            "m": trade.taker is Side.SELL,
        }

    def _day(self) -> dict[str, object]:
        figures = named(day_row(self._venue), DAY_NAMES)

        return {"e": "24hrMiniTicker", "E": self._venue.server_ms(), **figures, "st": UM}

    def _kline(self, interval: str) -> dict[str, object] | None:
        """The candle that is being made, or that has just ended; None before the first trade."""
        venue, length_ms, symbol = self._venue, INTERVALS[interval], self._venue.instrument.symbol
        bars = venue.bars.bars(length_ms, venue.now_ms())
        has_ended = len(bars) > 1 and venue.now_ms() % length_ms < KLINE_MS

        if not bars:
            return None

        bar = bars[-2 if has_ended else -1]
        figures = dict(zip(KLINE, kline(venue, bar, length_ms), strict=True))
        ids = {"f": bar.first.trade_id, "L": bar.last.trade_id}
        candle = {**figures, **ids, "s": symbol, "i": interval, "x": has_ended}

        return {"e": "kline", "E": venue.server_ms(), "s": symbol, "k": candle, "st": UM}

    def _mark(self) -> dict[str, object]:
        row = premium_row(self._venue)

        return {"e": "markPriceUpdate", **named(row, MARK_NAMES), "ap": row["markPrice"], "st": UM}

    def _head(self, event: str, at_ms: int) -> dict[str, object]:
        venue, symbol = self._venue, self._venue.instrument.symbol

        return {"e": event, "E": venue.server_ms(), "T": venue.shown_ms(at_ms), "s": symbol, "ps": symbol, "st": UM}
