"""Market data and the market's rules, for which no key is asked."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from perpmaker import Instrument, Side
from perpmaker.venue.sandbox import RequestParameters, TradePrinted, plain, rounded
from perpmaker_bybit_perpetual.sandbox.fills import sequence
from perpmaker_bybit_perpetual.sandbox.venue import (
    CATEGORIES,
    CATEGORY,
    RATIO_X,
    RATIO_Y,
    Row,
    Venue,
    VenueEndpoint,
    public,
)
from perpmaker_bybit_perpetual.sandbox.words import SIDE_WORDS

FULL_DEPTH: Final = 1000
BOOK_BEGIN: Final = 40_000
"""Where the update ids of books begin: 1 says that the service has restarted."""

LAUNCHED_MS: Final = 1_585_526_400_000
MINUTES: Final = 60
QUARTER: Final = "LinearFutures"
FUNDING_BOUND: Final = Decimal("0.00375")


def server_time(venue: Venue, _parameters: RequestParameters) -> Row:
    """The venue's time."""
    now_ms = venue.server_ms()

    return {"timeSecond": str(now_ms // 1000), "timeNano": str(now_ms * 1_000_000)}


def instruments(venue: Venue, parameters: RequestParameters) -> Row:
    """The markets with their rules, page by page: a dated contract, one that is not open yet, and the perpetual."""
    wanted = {name: parameters.text(name) for name in ("symbol", "baseCoin", "status") if name in parameters}
    is_ours = parameters.word("category", CATEGORIES) == CATEGORY
    rows = [row for row in _markets(venue) if is_ours and all(row[name] == text for name, text in wanted.items())]

    return venue.page(rows, parameters, default=500, most=1000)


def orderbook(venue: Venue, parameters: RequestParameters) -> Row:
    """The book, from the best outward; its `u` is that of the stream of 1000 levels."""
    symbol = venue.require_symbol(parameters)
    book = venue.exchange.depth(parameters.limit(default=25, most=FULL_DEPTH))
    shown_ms = venue.shown_ms(book.now_ms)

    return {
        "s": symbol,
        "b": venue.notation.levels(book.bids),
        "a": venue.notation.levels(book.asks),
        "ts": venue.server_ms(),
        "u": BOOK_BEGIN + book.update_id,
        "seq": sequence(book.update_id),
        "cts": shown_ms,
    }


def tickers(venue: Venue, parameters: RequestParameters) -> Row:
    """The market's prices and funding."""
    is_asked = venue.is_asked(parameters, required=False)

    return {"category": CATEGORY, "list": [ticker_row(venue)] if is_asked else []}


def ticker_row(venue: Venue) -> Row:
    """Last, mark and index price, funding, and the best prices."""
    exchange, notation = venue.exchange, venue.notation
    book = exchange.depth(1)
    (bid, bid_lots), (ask, ask_lots) = (side[0] if side else (0, 0) for side in (book.bids, book.asks))
    last = notation.price(exchange.last_ticks) if exchange.last_ticks else rounded(exchange.mark, notation.price_digits)

    return {
        "symbol": venue.instrument.symbol,
        **dict.fromkeys(("price24hPcnt", "openInterest", "openInterestValue", "turnover24h", "volume24h"), "0"),
        **dict.fromkeys(("lastPrice", "prevPrice24h", "highPrice24h", "lowPrice24h", "prevPrice1h"), last),
        "indexPrice": plain(exchange.index),
        "markPrice": plain(exchange.mark),
        "fundingRate": plain(exchange.funding_rate),
        "nextFundingTime": str(venue.shown_ms(exchange.next_funding_ms)),
        "fundingIntervalHour": str(venue.instrument.funding_interval_h),
        "fundingCap": plain(FUNDING_BOUND),
        "bid1Price": notation.price(bid) if bid else "",
        "bid1Size": notation.amount(bid_lots) if bid else "",
        "ask1Price": notation.price(ask) if ask else "",
        "ask1Size": notation.amount(ask_lots) if ask else "",
        "deliveryTime": "0",
        "curPreListingPhase": "",
    }


def recent_trades(venue: Venue, parameters: RequestParameters) -> Row:
    """The newest public trades, the newest first."""
    symbol = venue.require_symbol(parameters)
    trades = venue.exchange.trades(parameters.limit(default=500, most=1000))

    return {"category": CATEGORY, "list": [_trade_row(trade, symbol, venue) for trade in reversed(trades)]}


def funding_history(venue: Venue, parameters: RequestParameters) -> Row:
    """Past settlements, the newest first; a begin without an end is refused."""
    symbol = venue.require_symbol(parameters)

    if "startTime" in parameters:
        parameters.integer("endTime")

    since_ms, until_ms = (
        venue.parts.clock.exchange_ms(parameters.optional_integer(name) or 0) for name in ("startTime", "endTime")
    )
    rows = [
        {
            "symbol": symbol,
            "fundingRate": plain(one.rate),
            "fundingRateTimestamp": str(venue.shown_ms(one.time_ms)),
        }
        for one in reversed(venue.funding.settlements())
        if since_ms <= one.time_ms and (not until_ms or one.time_ms <= until_ms)
    ]

    return {"category": CATEGORY, "list": rows[: parameters.limit(default=200, most=200)]}


def risk_limit(venue: Venue, parameters: RequestParameters) -> Row:
    """The maintenance tiers, as decimals."""
    is_asked = venue.is_asked(parameters, required=False)
    rows: list[Row] = [
        {
            "id": number,
            "symbol": venue.instrument.symbol,
            "riskLimitValue": plain(tier.cap),
            "maintenanceMargin": plain(tier.maintenance_ratio),
            "initialMargin": rounded(Decimal(1) / tier.max_leverage),
            "isLowestRisk": int(number == 1),
            "maxLeverage": f"{tier.max_leverage}.00",
            "mmDeduction": plain(tier.deduction) if tier.deduction else "",
        }
        for number, tier in enumerate(venue.instrument.tiers, start=1)
    ]

    return {"category": CATEGORY, "list": rows if is_asked else [], "nextPageCursor": ""}


def band_row(venue: Venue, symbol: str) -> Row:
    """The highest price of a buy and the lowest of a sell."""
    price = venue.notation.price_value

    return {"symbol": symbol, "buyLmt": price(venue.band(Side.BUY)), "sellLmt": price(venue.band(Side.SELL))}


def public_trade(trade: TradePrinted, venue: Venue) -> Row:
    """A trade as the stream tells it."""
    return {
        "T": venue.shown_ms(trade.now_ms),
        "s": venue.instrument.symbol,
        "S": SIDE_WORDS[trade.taker],
        "v": venue.notation.amount(trade.lots),
        "p": venue.notation.price(trade.ticks),
        "L": "ZeroPlusTick",
        "i": _trade_id(trade),
        "BT": False,
        "RPI": False,
        "seq": sequence(trade.trade_id),
    }


def _trade_row(trade: TradePrinted, symbol: str, venue: Venue) -> Row:
    return {
        "execId": _trade_id(trade),
        "symbol": symbol,
        "price": venue.notation.price(trade.ticks),
        "size": venue.notation.amount(trade.lots),
        "side": SIDE_WORDS[trade.taker],
        "time": str(venue.shown_ms(trade.now_ms)),
        "isBlockTrade": False,
        "isRPITrade": False,
        "seq": str(sequence(trade.trade_id)),
    }


def _trade_id(trade: TradePrinted) -> str:
    return f"{trade.trade_id:08d}-0000-5000-8000-000000000000"


def _markets(venue: Venue) -> list[Row]:
    perpetual = _described(venue.instrument, venue)
    symbol = venue.instrument.symbol
    dated = {**perpetual, "symbol": f"{symbol}-25DEC26", "contractType": QUARTER, "deliveryTime": "1798185600000"}
    early = {**perpetual, "symbol": f"1000{symbol}", "baseCoin": f"1000{venue.instrument.base}"}

    return [dated, {**early, "status": "PreLaunch", "isPreListing": True}, perpetual]


def _described(one: Instrument, venue: Venue) -> Row:
    price, amount = venue.notation.price_value, venue.notation.amount_value

    return {
        "symbol": one.symbol,
        "symbolId": 1,
        "contractType": "LinearPerpetual",
        "status": "Trading",
        "baseCoin": one.base,
        "quoteCoin": one.quote,
        "settleCoin": one.quote,
        "symbolType": "",
        "launchTime": str(LAUNCHED_MS),
        "deliveryTime": "0",
        "deliveryFeeRate": "",
        "priceScale": str(venue.notation.price_digits),
        "leverageFilter": {"minLeverage": "1", "maxLeverage": f"{one.max_leverage}.00", "leverageStep": "0.01"},
        "priceFilter": {
            "minPrice": price(max(one.min_price, one.tick)),
            "maxPrice": price(one.max_price or 10**7 * one.tick),
            "tickSize": price(one.tick),
        },
        "lotSizeFilter": {
            "maxOrderQty": amount(one.max_amount),
            "maxMktOrderQty": amount(one.max_market_amount),
            "minOrderQty": amount(one.min_amount),
            "qtyStep": amount(one.lot),
            "postOnlyMaxOrderQty": amount(one.max_amount),
            "minNotionalValue": plain(one.min_notional),
        },
        "unifiedMarginTrade": True,
        "fundingInterval": one.funding_interval_h * MINUTES,
        "upperFundingRate": plain(FUNDING_BOUND),
        "lowerFundingRate": plain(-FUNDING_BOUND),
        "copyTrading": "both",
        "isPreListing": False,
        "preListingInfo": None,
        "riskParameters": {"priceLimitRatioX": plain(RATIO_X), "priceLimitRatioY": plain(RATIO_Y)},
        "forbidUplWithdrawal": False,
        "displayName": "",
    }


ENDPOINTS: Final[tuple[VenueEndpoint, ...]] = (
    public("/v5/market/time", server_time),
    public("/v5/market/instruments-info", instruments),
    public("/v5/market/orderbook", orderbook),
    public("/v5/market/tickers", tickers),
    public("/v5/market/recent-trade", recent_trades),
    public("/v5/market/funding/history", funding_history),
    public("/v5/market/risk-limit", risk_limit),
)
