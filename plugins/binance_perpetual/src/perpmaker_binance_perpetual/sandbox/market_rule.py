"""The market's rules: as `exchangeInfo` words them, and as they are checked, each with its code."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from perpmaker.model.instrument import Instrument
from perpmaker_binance_perpetual.sandbox.notation import Notation, digits_of, plain
from perpmaker_binance_perpetual.sandbox.refusal import refusal
from perpmaker_binance_perpetual.sandbox.venue import Venue

HIGHEST_PRICE: Final = Decimal(10_000_000)
MOST_ORDERS: Final = 200
TRIGGER_PROTECT: Final = Decimal("0.05")
"""With priceProtect: the share of the mark by which last and mark price may differ when an order triggers."""

QUARTER_MONTHS: Final = 3
DELIVERY_HOUR: Final = 8
FRIDAY: Final = 4
DAY: Final = timedelta(days=1)
ORDER_TYPES: Final = (
    "LIMIT",
    "MARKET",
    "STOP",
    "STOP_MARKET",
    "TAKE_PROFIT",
    "TAKE_PROFIT_MARKET",
    "TRAILING_STOP_MARKET",
)


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
    quarter = (now.month - 1) // QUARTER_MONTHS

    while True:
        years, following = divmod(quarter + 1, 12 // QUARTER_MONTHS)
        last = datetime(now.year + years, following * QUARTER_MONTHS + 1, 1, DELIVERY_HOUR, tzinfo=UTC) - DAY
        friday = last - DAY * ((last.weekday() - FRIDAY) % 7)

        if friday > now:
            return friday

        quarter += 1


def check_price(price: Decimal, instrument: Instrument, notation: Notation) -> None:
    """Refuse a price outside PRICE_FILTER: -4001, -1111, -4013, -4002, -4014."""
    if price <= 0:
        raise refusal(-4001)

    if digits_of(price) > notation.price_digits:
        raise refusal(-1111)

    if price < lowest_price(instrument):
        raise refusal(-4013)

    if price > highest_price(instrument):
        raise refusal(-4002)

    if price % instrument.tick:
        raise refusal(-4014)


def check_amount(amount: Decimal, instrument: Instrument, notation: Notation, *, market: bool) -> None:
    """Refuse an amount outside LOT_SIZE or MARKET_LOT_SIZE: -4003, -1111, -4004, -4005, -4023."""
    if amount <= 0:
        raise refusal(-4003)

    if digits_of(amount) > notation.amount_digits:
        raise refusal(-1111)

    if amount < instrument.min_amount:
        raise refusal(-4004)

    if amount > (instrument.max_market_amount if market else instrument.max_amount):
        raise refusal(-4005)

    if amount % instrument.lot:
        raise refusal(-4023)


def check_notional(price: Decimal, amount: Decimal, instrument: Instrument, *, code: int = -4164) -> None:
    """Refuse an order below MIN_NOTIONAL; closing orders are not held to it."""
    if price * amount < instrument.min_notional:
        raise refusal(code, limit=plain(instrument.min_notional))


def check_band(price: Decimal, sign: int, mark: Decimal, venue: Venue) -> None:
    """Refuse a buy above, a sell below, the band around the mark (PERCENT_PRICE): -4016, -4024."""
    factor = venue.instrument.band_up if sign > 0 else venue.instrument.band_down

    if factor is not None and sign * (price - mark * factor) > 0:
        raise refusal(-4016 if sign > 0 else -4024, limit=venue.notation.price_value(mark * factor))


def lowest_price(instrument: Instrument) -> Decimal:
    """The lowest price there is: a tick, where the market has no other."""
    return max(instrument.min_price, instrument.tick)


def highest_price(instrument: Instrument) -> Decimal:
    """The highest price there is."""
    return HIGHEST_PRICE if instrument.max_price is None else instrument.max_price


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
