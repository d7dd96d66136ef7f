"""The venue's own list of markets (`GET /v5/market/instruments-info`, saved as it came), read for one market."""

from __future__ import annotations

import difflib
from decimal import Decimal
from typing import Any, Final

import attrs
import msgspec

from perpmaker import Instrument, UnknownMarketError
from perpmaker.venue.sandbox import OrderMargin, tiers

NEAREST: Final = 3
MAKER_FEE: Final = Decimal("0.0002")
TAKER_FEE: Final = Decimal("0.00055")
"""The list has no fees: those of an account without a level."""

MAINTENANCE: Final = Decimal("0.5")
"""The list has no tiers: maintenance is this share of the margin at the greatest leverage, as in first tiers."""

MOST_ORDERS: Final = 500
MINUTES: Final = 60


@attrs.frozen(kw_only=True)
class ListedMarket:
    """A row of the list."""

    symbol: str
    baseCoin: str  # noqa: N815  # the venue's own word
    quoteCoin: str  # noqa: N815  # the venue's own word
    fundingInterval: int  # noqa: N815  # the venue's own word
    leverageFilter: dict[str, Any]  # noqa: N815  # the venue's own word
    priceFilter: dict[str, Any]  # noqa: N815  # the venue's own word
    lotSizeFilter: dict[str, Any]  # noqa: N815  # the venue's own word


def read_listing(listing: bytes, market: str) -> Instrument:
    """The rules of a perpetual; UnknownMarketError with the nearest names, ValueError for what is no such list."""
    try:
        rows = msgspec.json.decode(listing)["result"]["list"]
        found = {f"{row['baseCoin']}-{row['quoteCoin']}": row for row in rows if _is_perpetual(row)}

        if market not in found:
            nearest = difflib.get_close_matches(market, found, n=NEAREST, cutoff=0.5)
            raise UnknownMarketError(market, "that list of markets", tuple(nearest))

        return _instrument(market, msgspec.convert(found[market], ListedMarket))
    except (msgspec.MsgspecError, KeyError, TypeError, ArithmeticError) as error:
        raise ValueError(f"it is no answer of /v5/market/instruments-info ({error})") from None


def _is_perpetual(row: dict[str, Any]) -> bool:
    return bool(row["contractType"] == "LinearPerpetual" and row["status"] == "Trading")


def _instrument(market: str, row: ListedMarket) -> Instrument:
    price, lot = row.priceFilter, row.lotSizeFilter
    leverage = int(_positive(row.leverageFilter["maxLeverage"]))

    return Instrument(
        market=market,
        symbol=row.symbol,
        base=row.baseCoin,
        quote=row.quoteCoin,
        tick=_positive(price["tickSize"]),
        lot=_positive(lot["qtyStep"]),
        min_amount=_positive(lot["minOrderQty"]),
        max_amount=_positive(lot["maxOrderQty"]),
        max_market_amount=_positive(lot["maxMktOrderQty"]),
        min_notional=_positive(lot["minNotionalValue"]),
        max_leverage=leverage,
        maker_fee=MAKER_FEE,
        taker_fee=TAKER_FEE,
        tiers=tiers((10**12, str(MAINTENANCE / leverage), leverage)),
        min_price=_positive(price["minPrice"]),
        max_price=_positive(price["maxPrice"]),
        band_up=Decimal("1.05"),
        band_down=Decimal("0.95"),
        max_orders=MOST_ORDERS,
        funding_interval_h=max(row.fundingInterval // MINUTES, 1),
        order_margin=OrderMargin.LARGER_SIDE,
    )


def _positive(value: object) -> Decimal:
    number = Decimal(str(value))

    if not number.is_finite() or number <= 0:
        raise ValueError(f"{value} is no step and no bound")

    return number
