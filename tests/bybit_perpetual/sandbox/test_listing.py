"""Rules of a market from the venue's own list, saved as it came."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from perpmaker.errors import UnknownMarketError
from perpmaker_bybit_perpetual.sandbox import dialect

ROW: dict[str, Any] = {
    "symbol": "DOGEUSDT",
    "contractType": "LinearPerpetual",
    "status": "Trading",
    "baseCoin": "DOGE",
    "quoteCoin": "USDT",
    "fundingInterval": 240,
    "leverageFilter": {"minLeverage": "1", "maxLeverage": "75.00", "leverageStep": "0.01"},
    "priceFilter": {"minPrice": "0.00001", "maxPrice": "1.99998", "tickSize": "0.00001"},
    "lotSizeFilter": {
        "maxOrderQty": "8000000",
        "maxMktOrderQty": "1000000",
        "minOrderQty": "1",
        "qtyStep": "1",
        "minNotionalValue": "5",
    },
    "newestField": {"of": "yesterday"},
}


def listing(*rows: object) -> bytes:
    """An answer with these rows."""
    return json.dumps({"retCode": 0, "result": {"category": "linear", "list": rows}}).encode()


def test_a_market_of_the_list_has_its_rules() -> None:
    """A dated contract of the same coins is not taken for it."""
    dated = {**ROW, "symbol": "DOGEUSDT-25DEC26", "contractType": "LinearFutures"}
    market = dialect().listed(listing(ROW, dated), "DOGE-USDT")

    assert (market.symbol, market.tick, market.lot, market.min_notional) == ("DOGEUSDT", Decimal("0.00001"), 1, 5)
    assert (market.max_amount, market.max_market_amount) == (8_000_000, 1_000_000)
    assert (market.max_leverage, market.funding_interval_h) == (75, 4)


def test_an_unknown_market_names_the_nearest() -> None:
    """Those that are not traded are no help."""
    with pytest.raises(UnknownMarketError, match="DOGE-USDT"):
        dialect().listed(listing(ROW, {**ROW, "baseCoin": "DOGS", "status": "Closed"}), "DOGS-USDT")


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b'{"result": {"list": [{}]}}',
        listing({**ROW, "priceFilter": {}}),
        *(
            pytest.param(one, marks=pytest.mark.full)
            for one in (
                b"[]",
                listing({**ROW, "lotSizeFilter": 1}),
            )
        ),
    ],
)
def test_what_is_no_list_is_refused_with_words(content: bytes) -> None:
    """Whatever is wrong with it."""
    with pytest.raises(ValueError, match="instruments-info"):
        dialect().listed(content, "DOGE-USDT")


def test_a_step_of_zero_is_no_step() -> None:
    """It is refused as that."""
    broken = {**ROW, "priceFilter": {**ROW["priceFilter"], "tickSize": "0"}}

    with pytest.raises(ValueError, match="no step"):
        dialect().listed(listing(broken), "DOGE-USDT")


def test_names_of_markets_are_the_venues() -> None:
    """Those that settle in USDC have a name of another kind."""
    assert dialect().symbol("BTC-USDT") == "BTCUSDT"
    assert dialect().symbol("BTC-USDC") == "BTCPERP"
