"""From the venue's lists of markets, tiers, fees and intervals to an Instrument."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from decimal import Decimal

from perpmaker.connector.payload import Number, parse_amount, parse_decimal, parse_price
from perpmaker.errors import MarketClosedError, PayloadError, UnknownMarketError
from perpmaker.model.instrument import Instrument, MarginTier
from perpmaker_binance_perpetual.messages import (
    Bracket,
    Brackets,
    CommissionRate,
    ExchangeInfo,
    Filter,
    FundingInfo,
    RateLimit,
    Symbol,
)

# TradFi perpetuals are left out: they have trading hours and need an agreement signed on the venue's site.
_PERPETUAL = "PERPETUAL"
_DEFAULT_FUNDING_INTERVAL_H = 8
_ORDERS = ("ORDERS", "MINUTE", 1)
_SHOWN = 3


def find_symbol(info: ExchangeInfo, market: str) -> Symbol:
    """The perpetual of a market `BASE-QUOTE`; names are matched by assets, never by cutting the venue's symbol.

    UnknownMarketError with the nearest names where there is none; MarketClosedError where it is not trading.
    """
    symbols = {f"{row.baseAsset}-{row.quoteAsset}": row for row in info.symbols if row.contractType == _PERPETUAL}
    found = symbols.get(market)

    if found is None:
        nearest = difflib.get_close_matches(market.upper(), symbols, n=_SHOWN, cutoff=0.5)
        raise UnknownMarketError(market, "Binance USDⓈ-M", tuple(nearest))

    if found.status != "TRADING":
        raise MarketClosedError(market, "Binance USDⓈ-M", found.status)

    return found


def default_terms(symbol: str) -> tuple[Brackets, CommissionRate]:
    """Tiers and fees for whom the venue does not know: regular user's fees, and the margin of its default leverage.

    Source: the fee schedule's "Regular User", and `requiredMarginPercent` and `maintMarginPercent` of exchangeInfo, 5
    and 2.5 for every market. The real tiers allow more leverage on small positions, and less on very large ones.
    """
    tier = Bracket(initialLeverage=20, notionalCap=10**12, notionalFloor=0, maintMarginRatio="0.025", cum=0)
    fees = CommissionRate(symbol=symbol, makerCommissionRate="0.0002", takerCommissionRate="0.0005")

    return Brackets(symbol=symbol, brackets=[tier]), fees


def translate_instrument(
    symbol: Symbol,
    brackets: Brackets,
    fees: CommissionRate,
    intervals: Sequence[FundingInfo],
    limits: Sequence[RateLimit] = (),
) -> Instrument:
    """The market's rules; PayloadError where a filter that every market has is missing."""
    filters = {row.filterType: row for row in symbol.filters}
    price, lot = _filter(filters, "PRICE_FILTER"), _filter(filters, "LOT_SIZE")
    market_lot, notional = filters.get("MARKET_LOT_SIZE", lot), filters.get("MIN_NOTIONAL")
    band, orders = filters.get("PERCENT_PRICE"), filters.get("MAX_NUM_ORDERS")
    tiers = tuple(sorted(map(_translate_bracket, brackets.brackets), key=lambda tier: tier.floor))

    if not tiers:
        raise PayloadError(f"{symbol.symbol} has no leverage brackets")

    return Instrument(
        market=f"{symbol.baseAsset}-{symbol.quoteAsset}",
        symbol=symbol.symbol,
        base=symbol.baseAsset,
        quote=symbol.quoteAsset,
        tick=_needed(price.tickSize, "tickSize"),
        lot=_needed(lot.stepSize, "stepSize"),
        min_amount=_needed(lot.minQty, "minQty"),
        max_amount=_needed(lot.maxQty, "maxQty"),
        max_market_amount=_needed(market_lot.maxQty, "maxQty"),
        min_notional=Decimal(0) if notional is None else _needed(notional.notional, "notional"),
        max_leverage=max(tier.max_leverage for tier in tiers),
        maker_fee=parse_decimal(fees.makerCommissionRate),
        taker_fee=parse_decimal(fees.takerCommissionRate),
        tiers=tiers,
        min_price=_optional(price.minPrice) or Decimal(0),
        max_price=_optional(price.maxPrice),
        band_up=None if band is None else _optional(band.multiplierUp),
        band_down=None if band is None else _optional(band.multiplierDown),
        max_orders=None if orders is None else orders.limit,
        orders_per_minute=_orders_per_minute(limits),
        funding_interval_h=_interval(symbol.symbol, intervals),
    )


def _filter(filters: dict[str, Filter], kind: str) -> Filter:
    try:
        return filters[kind]
    except KeyError:
        raise PayloadError(f"a market without the filter {kind}") from None


def _needed(value: Number | None, name: str) -> Decimal:
    if value is None:
        raise PayloadError(f"a filter without {name}")

    return parse_price(value, path=name)


def _optional(value: Number | None) -> Decimal | None:
    """A bound; the venue writes 0 where it has none."""
    return None if value is None else parse_amount(value) or None


def _translate_bracket(bracket: Bracket) -> MarginTier:
    return MarginTier(
        floor=parse_amount(bracket.notionalFloor),
        cap=parse_amount(bracket.notionalCap),
        maintenance_ratio=parse_amount(bracket.maintMarginRatio),
        deduction=parse_amount(bracket.cum),
        max_leverage=bracket.initialLeverage,
    )


def _interval(symbol: str, intervals: Sequence[FundingInfo]) -> int:
    return next((row.fundingIntervalHours for row in intervals if row.symbol == symbol), _DEFAULT_FUNDING_INTERVAL_H)


def _orders_per_minute(limits: Sequence[RateLimit]) -> int | None:
    minutes = (row.limit for row in limits if (row.rateLimitType, row.interval, row.intervalNum) == _ORDERS)

    return next(minutes, None)
