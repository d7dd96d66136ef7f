"""What was traded, as everybody may ask: the newest trades, candles, and the figures of the last 24 hours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from perpmaker import Side
from perpmaker.venue.sandbox import MINUTE_MS, Bar, RequestParameters, TradePrinted, plain, rounded
from perpmaker_binance_perpetual.sandbox.market import last_traded
from perpmaker_binance_perpetual.sandbox.refusals import refusal
from perpmaker_binance_perpetual.sandbox.venue import Venue, VenueEndpoint, by_symbol, public

INTERVALS: Final[Mapping[str, int]] = {
    **{f"{minutes}m": minutes * MINUTE_MS for minutes in (1, 3, 5, 15, 30)},
    **{f"{hours}h": hours * 60 * MINUTE_MS for hours in (1, 2, 4, 6, 8, 12)},
    "1d": 1440 * MINUTE_MS,
}
"""The candles that are made, by their length in milliseconds. Those of several days need trades that are not kept."""

KLINE_WEIGHTS: Final = ((100, 1), (500, 2), (1001, 5))
KLINES: Final = 500
DAY_MS: Final = INTERVALS["1d"]


def aggregates(venue: Venue, parameters: RequestParameters) -> object:
    """List trades of one price, taker and time as one, oldest first: the newest, from an id on, or of a window."""
    venue.require_symbol(parameters)
    from_id = parameters.optional_integer("fromId")
    since_ms, until_ms = (venue.asked_ms(parameters, name) for name in ("startTime", "endTime"))
    limit = parameters.limit(default=500, most=1000)
    rows = [
        aggregate_row(venue, number, trades)
        for number, trades in venue.aggregates
        if number >= (from_id or 0)
        and (since_ms is None or trades[0].now_ms >= since_ms)
        and (until_ms is None or trades[0].now_ms <= until_ms)
    ]

    return rows[-limit:] if from_id is None and since_ms is None else rows[:limit]


def aggregate_row(venue: Venue, number: int, trades: Sequence[TradePrinted]) -> dict[str, object]:
    """Describe an aggregate, of which nothing is by orders that only people see."""
    amount = venue.notation.amount(sum(trade.lots for trade in trades))

    return {
        "a": number,
        "p": venue.notation.price(trades[0].ticks),
        "q": amount,
        "nq": amount,
        "f": trades[0].trade_id,
        "l": trades[-1].trade_id,
        "T": venue.shown_ms(trades[0].now_ms),
        "m": trades[0].taker is Side.SELL,
    }


def klines(venue: Venue, parameters: RequestParameters) -> object:
    """List candles, oldest first: the newest, or of a window, and last the one that is still being made."""
    venue.require_symbol(parameters)
    interval = parameters.text("interval")

    if interval not in INTERVALS:
        raise refusal(-1120)

    since_ms, until_ms = (venue.asked_ms(parameters, name) for name in ("startTime", "endTime"))
    limit = parameters.limit(default=KLINES, most=1500)
    rows = [
        kline(venue, bar, INTERVALS[interval])
        for bar in venue.bars.bars(INTERVALS[interval], venue.now_ms())
        if bar.begin_ms >= (since_ms or 0) and (until_ms is None or bar.begin_ms <= until_ms)
    ]

    return rows[-limit:] if since_ms is None else rows[:limit]


def kline(venue: Venue, bar: Bar, length_ms: int) -> tuple[object, ...]:
    """Describe a candle: times, prices, amounts, what takers bought, and a last word that means nothing."""
    price, amount = venue.notation.price, venue.notation.amount
    begin_ms = venue.shown_ms(bar.begin_ms)
    prices = map(price, (bar.first.ticks, bar.high, bar.low, bar.last.ticks))
    bought = amount(bar.bought_lots), plain(turnover(venue, bar.bought_value))
    ends = begin_ms + length_ms - 1

    return begin_ms, *prices, amount(bar.lots), ends, plain(turnover(venue, bar.value)), bar.count, *bought, "0"


def turnover(venue: Venue, value: int) -> Decimal:
    """Return what ticks times lots are in the quote asset."""
    return value * venue.instrument.tick * venue.instrument.lot


def day(venue: Venue, parameters: RequestParameters) -> object:
    """Describe the last 24 hours: as an object with a symbol, as a list without."""
    row = day_row(venue)

    return row if venue.has_symbol(parameters) else [row]


def day_row(venue: Venue) -> dict[str, object]:
    """Return the figures of the last 24 hours: zeros beside the last price where nothing was traded."""
    bar = venue.bars.day(venue.now_ms())
    figures = _nothing(venue) if bar is None else _figures(bar, venue)
    begin_ms = venue.server_ms() // MINUTE_MS * MINUTE_MS - DAY_MS

    return {"symbol": venue.instrument.symbol, "openTime": begin_ms, "closeTime": venue.server_ms(), **figures}


def _nothing(venue: Venue) -> dict[str, object]:
    prices = ("weightedAvgPrice", "lastPrice", "openPrice", "highPrice", "lowPrice")
    zeros = dict.fromkeys(("priceChange", "priceChangePercent", "lastQty", "volume", "quoteVolume"), "0")

    return {**zeros, **dict.fromkeys(prices, last_traded(venue)), "firstId": -1, "lastId": -1, "count": 0}


def _figures(bar: Bar, venue: Venue) -> dict[str, object]:
    price, amount, average = venue.notation.price, venue.notation.amount, turnover(venue, bar.value)
    change = bar.last.ticks - bar.first.ticks

    return {
        "priceChange": price(change),
        "priceChangePercent": rounded(Decimal(change) / bar.first.ticks * 100, 3),
        "weightedAvgPrice": venue.notation.average(average / venue.instrument.amount(bar.lots)),
        "lastPrice": price(bar.last.ticks),
        "lastQty": amount(bar.last.lots),
        "openPrice": price(bar.first.ticks),
        "highPrice": price(bar.high),
        "lowPrice": price(bar.low),
        "volume": amount(bar.lots),
        "quoteVolume": plain(average),
        "closeTime": venue.shown_ms(bar.last.now_ms),
        "firstId": bar.first.trade_id,
        "lastId": bar.last.trade_id,
        "count": bar.count,
    }


def _kline_weight(parameters: RequestParameters) -> int:
    limit = parameters.optional_integer("limit") or KLINES

    return next((weight for below, weight in KLINE_WEIGHTS if limit < below), 10)


_WINDOW: Final = ("startTime", "endTime", "limit")

ENDPOINTS: Final[tuple[VenueEndpoint, ...]] = (
    public("/fapi/v1/aggTrades", aggregates, "symbol", "fromId", *_WINDOW, weight=20),
    public("/fapi/v1/klines", klines, "symbol", "interval", *_WINDOW, weight=_kline_weight),
    public("/fapi/v1/ticker/24hr", day, "symbol", weight=by_symbol(1, 40)),
)
