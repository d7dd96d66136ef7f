from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from perpmaker.connector.payload import PayloadDecoder
from perpmaker.errors import MarketRulesError, PayloadError, UnknownMarketError
from perpmaker_binance_perpetual.market import find_symbol, translate_instrument
from perpmaker_binance_perpetual.messages import Bracket, Brackets, CommissionRate, FundingInfo, RateLimit, Symbol

FILTERS: list[dict[str, Any]] = [
    {"filterType": "PRICE_FILTER", "minPrice": "556.80", "maxPrice": "4529764", "tickSize": "0.10"},
    {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "1000", "stepSize": "0.001"},
    {"filterType": "MARKET_LOT_SIZE", "minQty": "0.001", "maxQty": "120", "stepSize": "0.001"},
    {"filterType": "MAX_NUM_ORDERS", "limit": 200},
    {"filterType": "MIN_NOTIONAL", "notional": "50"},
    {"filterType": "PERCENT_PRICE", "multiplierUp": "1.0500", "multiplierDown": "0.9500", "multiplierDecimal": "4"},
    {"filterType": "POSITION_RISK_CONTROL", "positionControlSide": "NONE"},
]
BRACKETS = Brackets(
    symbol="BTCUSDT",
    brackets=[
        Bracket(initialLeverage=100, notionalCap=600000, notionalFloor=50000, maintMarginRatio=0.005, cum=50.0),
        Bracket(initialLeverage=125, notionalCap=50000, notionalFloor=0, maintMarginRatio=0.004, cum=0.0),
    ],
)
FEES = CommissionRate(symbol="BTCUSDT", makerCommissionRate="-0.00005", takerCommissionRate="0.0004")


def info(*symbols: dict[str, Any]) -> list[Symbol]:
    """Markets as the venue lists them."""
    return PayloadDecoder(list[Symbol]).decode(msgspec.json.encode(symbols))


def symbol(base: str = "BTC", quote: str = "USDT", **values: Any) -> dict[str, Any]:
    """One market of the list."""
    usual = {
        "symbol": f"{base}{quote}",
        "pair": f"{base}{quote}",
        "contractType": "PERPETUAL",
        "status": "TRADING",
        "baseAsset": base,
        "quoteAsset": quote,
        "pricePrecision": 2,
        "filters": FILTERS,
    }

    return usual | values


def test_a_market_is_found_by_its_assets() -> None:
    """The venue's symbol is taken from the list, never put together."""
    listed = info(
        symbol(symbol="BTCUSDT_260327", contractType="CURRENT_QUARTER"),
        symbol("1000PEPE"),
        symbol(),
        symbol(quote="USDC"),
    )

    assert find_symbol(listed, "BTC-USDT").symbol == "BTCUSDT"
    assert find_symbol(listed, "1000PEPE-USDT").symbol == "1000PEPEUSDT"
    assert find_symbol(listed, "BTC-USDC").symbol == "BTCUSDC"


@pytest.mark.parametrize("market", ["BTC-USD", "btc-usdt", "BTCUSDT"])
def test_an_unknown_market_names_the_nearest(market: str) -> None:
    """A misspelt name is answered with names that exist."""
    with pytest.raises(UnknownMarketError) as caught:
        find_symbol(info(symbol(), symbol("ETH"), symbol("DOGE")), market)

    assert caught.value.nearest[0] == "BTC-USDT"


def test_stocks_and_quarters_are_no_markets_here() -> None:
    """Only plain perpetuals are traded."""
    listed = info(symbol("TSLA", contractType="TRADIFI_PERPETUAL"), symbol("BTC", contractType="CURRENT_QUARTER"))

    for market in ("TSLA-USDT", "BTC-USDT"):
        with pytest.raises(UnknownMarketError):
            find_symbol(listed, market)


def test_a_market_that_is_not_trading_says_so() -> None:
    """Its status is in the message."""
    with pytest.raises(MarketRulesError, match="SETTLING"):
        find_symbol(info(symbol(status="SETTLING")), "BTC-USDT")


def test_the_rules_come_from_filters_tiers_fees_and_interval() -> None:
    """Steps and bounds are those of the filters, tiers ascend, a rebate is negative."""
    market = translate_instrument(
        find_symbol(info(symbol()), "BTC-USDT"), BRACKETS, FEES, [FundingInfo(symbol="ETHUSDT", fundingIntervalHours=4)]
    )

    assert (market.tick, market.lot, market.min_notional) == (Decimal("0.10"), Decimal("0.001"), Decimal(50))
    assert (market.min_amount, market.max_amount, market.max_market_amount) == (
        Decimal("0.001"),
        Decimal(1000),
        Decimal(120),
    )
    assert (market.min_price, market.max_price, market.max_orders) == (Decimal("556.80"), Decimal(4529764), 200)
    assert (market.band_up, market.band_down) == (Decimal("1.05"), Decimal("0.95"))
    assert (market.maker_fee, market.taker_fee) == (Decimal("-0.00005"), Decimal("0.0004"))
    assert (market.max_leverage, market.funding_interval_h) == (125, 8)
    assert [(tier.floor, tier.maintenance_ratio, tier.deduction) for tier in market.tiers] == [
        (Decimal(0), Decimal("0.004"), Decimal(0)),
        (Decimal(50000), Decimal("0.005"), Decimal(50)),
    ]


def test_an_adjusted_funding_interval_is_taken_over() -> None:
    """Markets in the list have the interval given there."""
    market = translate_instrument(
        find_symbol(info(symbol()), "BTC-USDT"), BRACKETS, FEES, [FundingInfo(symbol="BTCUSDT", fundingIntervalHours=1)]
    )

    assert market.funding_interval_h == 1


def test_the_account_may_place_so_many_orders_a_minute() -> None:
    """The limit of a minute is told apart from that of ten seconds and from the request weight."""
    limits = [
        RateLimit(rateLimitType="REQUEST_WEIGHT", interval="MINUTE", intervalNum=1, limit=2400),
        RateLimit(rateLimitType="ORDERS", interval="SECOND", intervalNum=10, limit=300),
        RateLimit(rateLimitType="ORDERS", interval="MINUTE", intervalNum=1, limit=1200),
    ]
    assert (
        translate_instrument(find_symbol(info(symbol()), "BTC-USDT"), BRACKETS, FEES, [], limits).orders_per_minute
        == 1200
    )
    assert translate_instrument(find_symbol(info(symbol()), "BTC-USDT"), BRACKETS, FEES, []).orders_per_minute is None


@pytest.mark.parametrize("missing", ["PRICE_FILTER", "LOT_SIZE"])
def test_a_market_without_its_steps_is_refused(missing: str) -> None:
    """The missing filter is named."""
    filters = [row for row in FILTERS if row["filterType"] != missing]

    with pytest.raises(PayloadError, match=missing):
        translate_instrument(find_symbol(info(symbol(filters=filters)), "BTC-USDT"), BRACKETS, FEES, [])


@pytest.mark.parametrize(("name", "value"), [("tickSize", "NaN"), ("tickSize", "0"), ("tickSize", "-1")])
def test_F21_a_step_that_is_none_is_refused(name: str, value: str) -> None:
    """No market has a tick of zero."""
    filters = [{**row, name: value} if name in row else row for row in FILTERS]

    with pytest.raises(PayloadError):
        translate_instrument(find_symbol(info(symbol(filters=filters)), "BTC-USDT"), BRACKETS, FEES, [])


def test_a_market_without_tiers_is_refused() -> None:
    """Without tiers neither leverage nor liquidation can be told."""
    with pytest.raises(PayloadError, match="brackets"):
        translate_instrument(find_symbol(info(symbol()), "BTC-USDT"), Brackets(symbol="BTCUSDT", brackets=[]), FEES, [])
