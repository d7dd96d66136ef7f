"""What the public socket hears: books, trades, tickers, price bands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Final, Protocol

from perpmaker.venue.sandbox import Rhythms, SimulationEvent, TradePrinted
from perpmaker_bybit_perpetual.sandbox.fills import sequence
from perpmaker_bybit_perpetual.sandbox.market import BOOK_BEGIN, band_row, public_trade, ticker_row
from perpmaker_bybit_perpetual.sandbox.venue import Row, Venue

BOOKS: Final[Mapping[int, int]] = {1: 0, 50: 0, 200: 100, 1000: 200}
"""Levels of the books, and how often they speak in milliseconds; 0: as often as anything."""

TICKER_MS: Final = 100
BAND_MS: Final = 300
SILENCE_MS: Final = 3000
MOST_TRADES: Final = 1024
RESTARTED: Final = 1


class Topic(Protocol):
    """A public topic."""

    def publish(self) -> None:
        """Tell whoever listens what is new."""

    def snapshot(self) -> Row | None:
        """What a new listener hears first; the others have heard everything until then."""


class BookTopic:
    """A book of so many levels: a snapshot, then what changed of those levels; of one level there are only snapshots.

    `u` grows by one with each message.
    """

    def __init__(self, venue: Venue, name: str, levels: int) -> None:
        self._venue = venue
        self._name = name
        self._levels = levels
        self._id = BOOK_BEGIN
        self._sides: tuple[dict[int, int], dict[int, int]] = ({}, {})
        self._said_ms = 0
        self._begins = False

    def publish(self) -> None:
        """Tell what changed."""
        self._venue.parts.hub.publish(self._name, self._news)

    def snapshot(self) -> Row:
        """The book as whoever listens has it now."""
        self.publish()
        now = self._now()
        self._id += now != self._sides  # nobody has listened meanwhile
        self._sides = now

        return self._message("snapshot", *now)

    def restart(self) -> None:
        """Begin anew, with an update id of 1; at first with nothing on either side where the venue is set so."""
        is_empty = self._venue.options.restart_is_empty
        self._id, self._begins = RESTARTED, is_empty
        self._sides = ({}, {}) if is_empty else self._now()
        self._venue.parts.hub.publish(self._name, partial(self._message, "snapshot", *self._sides))

    def _news(self) -> Row | None:
        now = self._now()

        if self._begins or self._levels == 1:
            return self._whole(now)

        bids, asks = (_changes(before, after) for before, after in zip(self._sides, now, strict=True))
        self._sides = now

        if not bids and not asks:
            return None

        self._id += 1

        return self._message("delta", bids, asks)

    def _whole(self, now: tuple[dict[int, int], dict[int, int]]) -> Row | None:
        """A snapshot where something is new; the same once more after a silence, with the same id."""
        is_new = now != self._sides or self._begins

        if not is_new and self._venue.now_ms() - self._said_ms < SILENCE_MS:
            return None

        self._id += is_new
        self._begins, self._sides = False, now

        return self._message("snapshot", *now)

    def _now(self) -> tuple[dict[int, int], dict[int, int]]:
        book = self._venue.exchange.depth(self._levels)

        return dict(book.bids), dict(book.asks)

    def _message(self, kind: str, bids: Mapping[int, int], asks: Mapping[int, int]) -> Row:
        venue = self._venue
        book = venue.exchange.depth(1)
        self._said_ms = venue.now_ms()
        data = {
            "s": venue.instrument.symbol,
            "b": venue.notation.levels(tuple(bids.items())),
            "a": venue.notation.levels(tuple(asks.items())),
            "u": self._id,
            "seq": sequence(book.update_id),
        }
        shown_ms = venue.shown_ms(book.now_ms)

        return {"topic": self._name, "type": kind, "ts": venue.server_ms(), "data": data, "cts": shown_ms}


class TickerTopic:
    """The ticker: a snapshot, then only the fields that changed."""

    def __init__(self, venue: Venue, name: str) -> None:
        self._venue = venue
        self._name = name
        self._said: Row = {}

    def publish(self) -> None:
        """Tell what changed."""
        self._venue.parts.hub.publish(self._name, self._news)

    def snapshot(self) -> Row:
        """The whole ticker."""
        self.publish()
        self._said = ticker_row(self._venue)

        return self._message("snapshot", self._said)

    def _news(self) -> Row | None:
        now = ticker_row(self._venue)
        changed = {name: value for name, value in now.items() if self._said.get(name) != value}
        self._said = now

        return self._message("delta", {"symbol": now["symbol"], **changed}) if changed else None

    def _message(self, kind: str, data: Row) -> Row:
        venue = self._venue
        number = sequence(venue.exchange.depth(1).update_id)

        return {"topic": self._name, "type": kind, "data": data, "cs": number, "ts": venue.server_ms()}


class TradeTopic:
    """The public trades since the last message, at most so many in one."""

    def __init__(self, venue: Venue, name: str) -> None:
        self._venue = venue
        self._name = name
        self._trades: list[TradePrinted] = []

    def note(self, trade: TradePrinted) -> None:
        """Keep a trade for the next message."""
        self._trades.append(trade)

    def publish(self) -> None:
        """Tell the trades."""
        for first in range(0, len(self._trades), MOST_TRADES):
            trades = self._trades[first : first + MOST_TRADES]
            self._venue.parts.hub.publish(self._name, partial(self._message, trades))

        self._trades.clear()

    def snapshot(self) -> None:
        """Nothing is told of what was before, and the others are told first."""
        self.publish()

    def _message(self, trades: list[TradePrinted]) -> Row:
        rows = [public_trade(trade, self._venue) for trade in trades]

        return {"topic": self._name, "type": "snapshot", "ts": self._venue.server_ms(), "data": rows}


class BandTopic:
    """The price band, again and again."""

    def __init__(self, venue: Venue, name: str) -> None:
        self._venue = venue
        self._name = name

    def publish(self) -> None:
        """Tell the band."""
        self._venue.parts.hub.publish(self._name, self.snapshot)

    def snapshot(self) -> Row:
        """The band as it is now."""
        data = band_row(self._venue, self._venue.instrument.symbol)

        return {"topic": self._name, "data": data, "ts": self._venue.server_ms()}


class MarketStreams:
    """The topics of the market, each in its own rhythm."""

    def __init__(self, venue: Venue) -> None:
        symbol, options = venue.instrument.symbol, venue.options
        rhythm_ms = venue.parts.options.rhythm_ms
        self._books = {levels: BookTopic(venue, f"orderbook.{levels}.{symbol}", levels) for levels in BOOKS}
        self._trades = TradeTopic(venue, f"publicTrade.{symbol}")
        ticker = TickerTopic(venue, f"tickers.{symbol}")
        band = BandTopic(venue, f"priceLimit.{symbol}")
        self.topics: dict[str, Topic] = {
            **{f"orderbook.{levels}.{symbol}": book for levels, book in self._books.items()},
            f"publicTrade.{symbol}": self._trades,
            f"tickers.{symbol}": ticker,
            f"priceLimit.{symbol}": band,
        }
        self._rhythms = Rhythms(venue.now_ms())

        for every_ms, act in self._acts(rhythm_ms, ticker, band):
            self._rhythms.add(every_ms, act)

        if options.book_restart_ms:
            self._rhythms.add(options.book_restart_ms, self._restart)

        self.tick = self._rhythms.tick
        venue.exchange.subscribe(self._note)

    def _acts(self, rhythm_ms: int, ticker: Topic, band: Topic) -> Iterator[tuple[int, Callable[[], None]]]:
        yield rhythm_ms, self._trades.publish

        for levels, every_ms in BOOKS.items():
            yield every_ms or rhythm_ms, self._books[levels].publish

        yield max(rhythm_ms, TICKER_MS), ticker.publish
        yield BAND_MS, band.publish

    def _restart(self) -> None:
        for book in self._books.values():
            book.restart()

    def _note(self, event: SimulationEvent) -> None:
        if isinstance(event, TradePrinted):
            self._trades.note(event)


def _changes(before: Mapping[int, int], after: Mapping[int, int]) -> dict[int, int]:
    """The levels that hold something else now, 0 for those that are gone."""
    gone = {ticks: 0 for ticks in before if ticks not in after}

    return {**gone, **{ticks: lots for ticks, lots in after.items() if before.get(ticks) != lots}}
