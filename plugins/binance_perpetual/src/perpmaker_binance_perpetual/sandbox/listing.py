"""The venue's own list of markets (`GET /fapi/v1/exchangeInfo`, saved as it came), read for the rules of one market."""

from __future__ import annotations

import difflib
from decimal import Decimal
from typing import Any, Final

import attrs
import msgspec

from perpmaker import Instrument, UnknownMarketError
from perpmaker.venue.sandbox import OrderMargin, tiers

NEAREST: Final = 3
PERPETUAL: Final = "PERPETUAL"

# The list has no tiers and no fees. Those of its default leverage (requiredMarginPercent 5 and maintMarginPercent 2.5
# on every market), and the fee schedule's "Regular User".
TIERS: Final = tiers((10**12, "0.025", 20))
MAKER_FEE: Final = Decimal("0.0002")
TAKER_FEE: Final = Decimal("0.0005")


@attrs.frozen(kw_only=True)
class ListedMarket:
    """A row of the list; its `filters` are read by their type, whatever else there is in them."""

    symbol: str
    baseAsset: str  # noqa: N815  # the venue's own word
    quoteAsset: str  # noqa: N815  # the venue's own word
    contractType: str  # noqa: N815  # the venue's own word
    filters: list[dict[str, Any]]


@attrs.frozen(kw_only=True)
class Listing:
    """The list."""

    symbols: list[dict[str, Any]]


def read_listing(listing: bytes, market: str) -> Instrument:
    """The rules of a perpetual; UnknownMarketError with the nearest names, ValueError for what is no such list."""
    try:
        rows = msgspec.json.decode(listing, type=Listing).symbols
        found = {f"{row.get('baseAsset')}-{row.get('quoteAsset')}": row for row in rows if _is_perpetual(row)}

        if market not in found:
            nearest = difflib.get_close_matches(market, found, n=NEAREST, cutoff=0.5)
            raise UnknownMarketError(market, "that list of markets", tuple(nearest))

        return _instrument(market, msgspec.convert(found[market], ListedMarket))
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from None


def _is_perpetual(row: dict[str, Any]) -> bool:
    return row.get("contractType") == PERPETUAL


def _instrument(market: str, row: ListedMarket) -> Instrument:
    price, lot = _numbers(row, "PRICE_FILTER"), _numbers(row, "LOT_SIZE")
    market_lot = _numbers(row, "MARKET_LOT_SIZE") or lot
    notional, band = _numbers(row, "MIN_NOTIONAL"), _numbers(row, "PERCENT_PRICE")
    orders = _numbers(row, "MAX_NUM_ORDERS")

    try:
        return Instrument(
            market=market,
            symbol=row.symbol,
            base=row.baseAsset,
            quote=row.quoteAsset,
            tick=_positive(price["tickSize"]),
            lot=_positive(lot["stepSize"]),
            min_amount=_positive(lot["minQty"]),
            max_amount=_positive(lot["maxQty"]),
            max_market_amount=_positive(market_lot["maxQty"]),
            min_notional=notional.get("notional", Decimal(0)),
            max_leverage=TIERS[0].max_leverage,
            maker_fee=MAKER_FEE,
            taker_fee=TAKER_FEE,
            tiers=TIERS,
            min_price=price.get("minPrice", Decimal(0)),
            max_price=price.get("maxPrice") or None,
            band_up=band.get("multiplierUp"),
            band_down=band.get("multiplierDown"),
            max_orders=int(orders["limit"]) if "limit" in orders else None,
            order_margin=OrderMargin.LARGER_SIDE,
        )
    except KeyError as error:
        raise ValueError(f"{row.symbol} has no {error.args[0]}") from None


def _numbers(row: ListedMarket, kind: str) -> dict[str, Decimal]:
    """The numbers of the filter of a type; none where the market has no such filter."""
    values = next((one for one in row.filters if one.get("filterType") == kind), {})

    return {name: msgspec.convert(str(value), Decimal) for name, value in values.items() if name != "filterType"}


def _positive(value: Decimal) -> Decimal:
    if not value.is_finite() or value <= 0:
        raise ValueError(f"{value} is no step and no bound")

    return value
