"""Market data and the market's rules, for which no key is asked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from perpmaker import Instrument, Side
from perpmaker.venue.sandbox import Depth, Notation, RequestParameters, plain, rounded
from perpmaker_binance_perpetual.sandbox.order_parameters import TRIGGER_PROTECT, highest_price, lowest_price
from perpmaker_binance_perpetual.sandbox.order_words import ORDER_TYPES
from perpmaker_binance_perpetual.sandbox.refusals import refusal
from perpmaker_binance_perpetual.sandbox.venue import Venue, VenueEndpoint, by_symbol, public

DEPTH_WEIGHTS: Final[Mapping[int, int]] = {5: 2, 10: 2, 20: 2, 50: 2, 100: 5, 500: 10, 1000: 20}
DEFAULT_DEPTH: Final = 500
FUNDING_LIMIT: Final = 100
INTEREST_RATE: Final = "0.00010000"
MOST_ORDERS: Final = 200
QUARTERS: Final = (1, 4, 7, 10)
DELIVERY_HOUR: Final = 8
SATURDAY: Final = 5


def exchange_info(venue: Venue, _parameters: RequestParameters) -> object:
    """List the markets with their rules, and the rate limits."""
    return {
        "timezone": "UTC",
        "serverTime": venue.server_ms(),
        "futuresType": "U_MARGINED",
        "rateLimits": venue.limits.describe(),
        "exchangeFilters": [],
        "assets": [{"asset": venue.instrument.quote, "marginAvailable": True, "autoAssetExchange": "0"}],
        "symbols": describe_markets(venue),
    }


def depth(venue: Venue, parameters: RequestParameters) -> object:
    """The book, from the best outward; `lastUpdateId` fits the diffs of the streams."""
    venue.require_symbol(parameters)
    book = venue.exchange.depth(_depth_limit(parameters))

    return {
        "lastUpdateId": snapshot_id(book.update_id),
        "E": venue.server_ms(),
        "T": venue.shown_ms(book.now_ms),
        "bids": venue.notation.levels(book.bids),
        "asks": venue.notation.levels(book.asks),
    }


def book_ticker(venue: Venue, parameters: RequestParameters) -> object:
    """Best bid and ask: one object with a symbol, a list without."""
    return _one_or_all(venue, parameters, ticker_row(venue, venue.exchange.depth(1)))


def ticker_row(venue: Venue, book: Depth) -> dict[str, object]:
    """Best bid and ask of the book, zeros on an empty side."""
    bid, ask = (side[0] if side else (0, 0) for side in (book.bids, book.asks))
    notation = venue.notation

    return {
        "symbol": venue.instrument.symbol,
        "bidPrice": notation.price(bid[0]),
        "bidQty": notation.amount(bid[1]),
        "askPrice": notation.price(ask[0]),
        "askQty": notation.amount(ask[1]),
        "time": venue.shown_ms(book.now_ms),
        "lastUpdateId": stream_id(book.update_id),
    }


def last_price(venue: Venue, parameters: RequestParameters) -> object:
    """The price of the last trade, the best bid before there was one."""
    row = {"symbol": venue.instrument.symbol, "price": last_traded(venue), "time": venue.server_ms()}

    return _one_or_all(venue, parameters, row)


def last_traded(venue: Venue) -> str:
    """The price of the last trade, the best bid before there was one."""
    best = venue.exchange.best(Side.BUY)
    ticks = venue.exchange.last_ticks if venue.exchange.last_ticks is not None else best and best[0]

    return venue.notation.price(ticks)


def premium_index(venue: Venue, parameters: RequestParameters) -> object:
    """Mark and index price, and the funding rate as it would be charged next."""
    return _one_or_all(venue, parameters, premium_row(venue))


def premium_row(venue: Venue) -> dict[str, object]:
    """The market's mark and index price and its funding."""
    exchange = venue.exchange

    return {
        "symbol": venue.instrument.symbol,
        "markPrice": rounded(exchange.mark),
        "indexPrice": rounded(exchange.index),
        "estimatedSettlePrice": rounded(exchange.index),
        "lastFundingRate": rounded(exchange.funding_rate),
        "interestRate": INTEREST_RATE,
        "nextFundingTime": venue.shown_ms(exchange.next_funding_ms),
        "time": venue.server_ms(),
    }


def funding_info(venue: Venue, _parameters: RequestParameters) -> object:
    """The markets whose funding was adjusted; one that is not listed has 8 hours."""
    usual_hours = 8

    if venue.instrument.funding_interval_h == usual_hours:
        return []

    return [
        {
            "symbol": venue.instrument.symbol,
            "adjustedFundingRateCap": "0.02000000",
            "adjustedFundingRateFloor": "-0.02000000",
            "fundingIntervalHours": venue.instrument.funding_interval_h,
            "disclaimer": False,
            "updateTime": 0,
        }
    ]


def funding_history(venue: Venue, parameters: RequestParameters) -> object:
    """Past settlements, oldest first: with a start the first ones from there, without the newest."""
    venue.has_symbol(parameters)
    since_ms = venue.asked_ms(parameters, "startTime")
    until_ms = venue.asked_ms(parameters, "endTime")
    limit = parameters.limit(default=FUNDING_LIMIT, most=1000)
    rows = [
        {
            "symbol": venue.instrument.symbol,
            "fundingRate": rounded(row.rate),
            "fundingTime": venue.shown_ms(row.time_ms),
            "markPrice": rounded(row.mark),
            "rateType": "Regular",
        }
        for row in venue.funding.settlements()
        if (since_ms is None or row.time_ms >= since_ms) and (until_ms is None or row.time_ms <= until_ms)
    ]

    return rows[:limit] if since_ms is not None else rows[-limit:]


def stream_id(update_id: int) -> int:
    """The venue's id of a book update. Ids of one market are not contiguous: there are others in between."""
    return update_id * 10


def snapshot_id(update_id: int) -> int:
    """The id of a snapshot taken after that update: after it, and before the next one."""
    return stream_id(update_id) + 5


def _one_or_all(venue: Venue, parameters: RequestParameters, row: dict[str, object]) -> object:
    """The market's row where it was asked for, a list of every market's without a symbol."""
    return row if venue.has_symbol(parameters) else [row]


def _depth_limit(parameters: RequestParameters) -> int:
    limit = parameters.optional_integer("limit")

    if limit is None:
        return DEFAULT_DEPTH

    if limit not in DEPTH_WEIGHTS:
        raise refusal(-4021)

    return limit


def _depth_weight(parameters: RequestParameters) -> int:
    limit = parameters.optional_integer("limit")

    return DEPTH_WEIGHTS.get(DEFAULT_DEPTH if limit is None else limit, 1)


def describe_markets(venue: Venue) -> list[dict[str, object]]:
    """The perpetual and, as on the venue, a delivery contract of the same pair, which nobody should take for it."""
    perpetual = _described(venue.instrument, venue.notation)
    until = next_delivery(venue.server_ms())
    delivery = {
        **perpetual,
        "symbol": f"{venue.instrument.symbol}_{until:%y%m%d}",
        "contractType": "CURRENT_QUARTER",
        "deliveryDate": int(until.timestamp()) * 1000,
    }

    return [delivery, perpetual]


def next_delivery(now_ms: int) -> datetime:
    """When the present quarterly contract is delivered: 08:00 UTC on the last Friday of a quarter, and not yet over.

    A delivered contract is not listed any more.
    """
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    months = [(year, month) for year in (now.year, now.year + 1) for month in QUARTERS]
    begins = [datetime(year, month, 1, DELIVERY_HOUR, tzinfo=UTC) for year, month in months]
    fridays = (begin - timedelta(days=(begin.weekday() - SATURDAY) % 7 + 1) for begin in begins)

    return min(friday for friday in fridays if friday > now)


def _described(instrument: Instrument, notation: Notation) -> dict[str, object]:
    return {
        "symbol": instrument.symbol,
        "pair": instrument.symbol,
        "contractType": "PERPETUAL",
        "deliveryDate": 4_133_404_800_000,
        "onboardDate": 1_569_398_400_000,
        "status": "TRADING",
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": instrument.base,
        "quoteAsset": instrument.quote,
        "marginAsset": instrument.quote,
        "pricePrecision": notation.price_digits,
        "quantityPrecision": notation.amount_digits,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": ["PoW"],
        "settlePlan": 0,
        "triggerProtect": f"{TRIGGER_PROTECT:.4f}",
        "liquidationFee": "0.012500",
        "marketTakeBound": "0.05",
        "maxMoveOrderLimit": 10_000,
        "filters": _filters(instrument, notation),
        "orderTypes": list(ORDER_TYPES),
        "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
        "permissionSets": ["GRID", "COPY"],
    }


def _filters(instrument: Instrument, notation: Notation) -> list[dict[str, object]]:
    amount = {
        "minQty": notation.amount_value(instrument.min_amount),
        "maxQty": notation.amount_value(instrument.max_amount),
        "stepSize": notation.amount_value(instrument.lot),
    }
    filters: list[dict[str, object]] = [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": notation.price_value(lowest_price(instrument)),
            "maxPrice": notation.price_value(highest_price(instrument)),
            "tickSize": notation.price_value(instrument.tick),
        },
        {"filterType": "LOT_SIZE", **amount},
        {
            "filterType": "MARKET_LOT_SIZE",
            **amount,
            "maxQty": notation.amount_value(instrument.max_market_amount),
        },
        {"filterType": "MAX_NUM_ORDERS", "limit": instrument.max_orders or MOST_ORDERS},
        {"filterType": "MIN_NOTIONAL", "notional": plain(instrument.min_notional)},
        {"filterType": "POSITION_RISK_CONTROL", "positionControlSide": "NONE"},
    ]

    if instrument.band_up is not None and instrument.band_down is not None:
        band: dict[str, object] = {
            "filterType": "PERCENT_PRICE",
            "multiplierUp": plain(instrument.band_up),
            "multiplierDown": plain(instrument.band_down),
            "multiplierDecimal": "4",
        }
        filters.append(band)

    return filters


ENDPOINTS: Final[tuple[VenueEndpoint, ...]] = (
    public("/fapi/v1/ping", lambda _venue, _parameters: {}),
    public("/fapi/v1/time", lambda venue, _: {"serverTime": venue.server_ms()}),
    public("/fapi/v1/exchangeInfo", exchange_info),
    public("/fapi/v1/depth", depth, "symbol", "limit", weight=_depth_weight),
    public("/fapi/v1/ticker/bookTicker", book_ticker, "symbol", weight=by_symbol(2, 5)),
    public("/fapi/v1/ticker/price", last_price, "symbol", weight=by_symbol(1, 2)),
    public("/fapi/v2/ticker/price", last_price, "symbol", weight=by_symbol(1, 2)),
    public("/fapi/v1/premiumIndex", premium_index, "symbol", weight=by_symbol(1, 10)),
    public("/fapi/v1/fundingInfo", funding_info, weight=0),
    public("/fapi/v1/fundingRate", funding_history, "symbol", "startTime", "endTime", "limit", weight=0),
)
