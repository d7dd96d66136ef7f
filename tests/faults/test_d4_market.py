"""Row D4: the sandbox serves any market whose rules it is given, and says what it has otherwise."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest

from perpmaker.cli import main
from perpmaker.cli.venue import sandbox_settings
from perpmaker.config.loading import load_configuration
from perpmaker.errors import ConfigurationError, UnknownMarketError
from perpmaker.plugins.catalog import load_catalog
from perpmaker.sandbox.market_file import market_rules
from perpmaker.testing.session import open_stage
from perpmaker_binance_perpetual.sandbox import dialect
from perpmaker_price_sources.binance.sandbox import dialect as spot_dialect

FILE = Path(__file__).parents[2] / "examples" / "sandbox.toml"
DOGE = """
market = "DOGE-USDT"
price = 0.35
tick = 0.00001
lot = 1
max_leverage = 75
maintenance_ratio = 0.0065
maker_fee = -0.00005
"""


def listing() -> dict[str, Any]:
    """A list of markets as the venue sends it, with what this program has no use for."""

    def row(base: str, contract: str = "PERPETUAL", **more: Any) -> dict[str, Any]:
        return {
            "symbol": f"{base}USDC",
            "baseAsset": base,
            "quoteAsset": "USDC",
            "contractType": contract,
            "status": "TRADING",
            "pricePrecision": 7,
            "filters": [
                {"filterType": "PRICE_FILTER", "minPrice": "0.0000100", "maxPrice": "200", "tickSize": "0.0000100"},
                {"filterType": "LOT_SIZE", "minQty": "1", "maxQty": "50000000", "stepSize": "1"},
                {"filterType": "MARKET_LOT_SIZE", "minQty": "1", "maxQty": "9000000", "stepSize": "1"},
                {"filterType": "MAX_NUM_ORDERS", "limit": 200},
                {"filterType": "MIN_NOTIONAL", "notional": "5"},
                {
                    "filterType": "PERCENT_PRICE",
                    "multiplierUp": "1.1",
                    "multiplierDown": "0.9",
                    "multiplierDecimal": "4",
                },
                {"filterType": "POSITION_RISK_CONTROL", "positionControlSide": "NONE"},
            ],
            **more,
        }

    symbols = [row("1000PEPE", "CURRENT_QUARTER"), row("1000PEPE"), row("测试"), {"symbol": "?", "news": [1]}]

    return {"timezone": "UTC", "serverTime": 1, "rateLimits": [], "symbols": symbols}


@pytest.fixture
def doge(tmp_path: Path) -> Path:
    """A file of rules."""
    file = tmp_path / "doge.toml"
    file.write_text(DOGE)

    return file


@pytest.fixture
def markets(tmp_path: Path) -> Path:
    """The venue's list, saved."""
    file = tmp_path / "exchangeInfo.json"
    file.write_text(json.dumps(listing()))

    return file


def test_D4_a_market_without_rules_is_answered_with_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    """The markets of the sandbox, and the two ways to others."""
    with pytest.raises(SystemExit) as ended:
        main(["sandbox", "binance_perpetual", "--market", "DOGE-USDT"])

    said = capsys.readouterr().err
    assert ended.value.code == 3
    assert "The sandbox has BTC-USDT, ETH-USDT, SOL-USDT" in said
    assert 'environment = "paper" has every market of the venue' in said
    assert "--rules FILE" in said


def test_D4_rules_are_read_from_a_few_keys(doge: Path) -> None:
    """What is named is taken exactly, the rest is as on a large venue for a small market."""
    rules = market_rules(dialect(), "binance_perpetual", "DOGE-USDT", doge, None)
    instrument = rules.instrument

    assert (rules.price, instrument.symbol, instrument.quote) == (Decimal("0.35"), "DOGEUSDT", "USDT")
    assert (instrument.tick, instrument.lot, instrument.min_amount) == (Decimal("0.00001"), 1, 1)
    assert (instrument.max_leverage, instrument.tiers[0].maintenance_ratio) == (75, Decimal("0.0065"))
    assert (instrument.maker_fee, instrument.taker_fee) == (Decimal("-0.00005"), Decimal("0.0005"))
    assert market_rules(dialect(), "v", "DOGE-USDT", doge, Decimal(2)).price == 2


def test_D4_rules_are_read_from_the_venues_own_list(markets: Path) -> None:
    """Filters as on the venue, letters of any alphabet, rows that are no market beside it; the price is said."""
    rules = market_rules(dialect(), "binance_perpetual", "1000PEPE-USDC", markets, Decimal("0.0105"))
    instrument = rules.instrument

    assert (instrument.symbol, instrument.base, instrument.quote) == ("1000PEPEUSDC", "1000PEPE", "USDC")
    assert (instrument.tick, instrument.min_notional) == (Decimal("0.00001"), 5)
    assert (instrument.max_market_amount, instrument.band_up, instrument.max_orders) == (9_000_000, Decimal("1.1"), 200)
    assert market_rules(dialect(), "v", "测试-USDC", markets, Decimal(1)).instrument.symbol == "测试USDC"


def test_D4_what_is_wrong_with_the_rules_is_named(doge: Path) -> None:
    """The file and the key, before anything is served."""
    for change, said in [
        (("price = 0.35", ""), "price"),
        (("price = 0.35", "price = 0"), "must be above 0"),
        (("tick = 0.00001", "tick = -1"), "must be above 0"),
        (("tick = 0.00001", 'tick = "small"'), "tick"),
        (("lot = 1", "lot = 1\nlots = 2"), "lots = 2: is no key of a file of rules; there are market, price"),
        (("DOGE-USDT", "DOGE-USDC"), "must be the market that is traded: DOGE-USDT"),
        (("lot = 1", "lot ="), "is neither TOML nor a list of markets"),
    ]:
        doge.write_text(DOGE.replace(*change))

        with pytest.raises(ConfigurationError) as raised:
            market_rules(dialect(), "binance_perpetual", "DOGE-USDT", doge, None)

        assert said in str(raised.value)
        assert str(doge) in str(raised.value)


def test_D4_what_is_wrong_with_the_list_is_named(markets: Path, tmp_path: Path) -> None:
    """No price, no such market, no list, no filter, no file, and a venue that reads no lists."""
    with pytest.raises(ConfigurationError, match="price: is missing"):
        market_rules(dialect(), "v", "1000PEPE-USDC", markets, None)

    with pytest.raises(UnknownMarketError, match="Nearest: 1000PEPE-USDC"):
        market_rules(dialect(), "v", "1000PEPE-USDT", markets, Decimal(1))

    with pytest.raises(ConfigurationError, match="must be TOML"):
        market_rules(spot_dialect(), "v", "1000PEPE-USDC", markets, Decimal(1))

    without = listing()
    del without["symbols"][1]["filters"][0]["tickSize"]

    for content, said in (
        ("{}", "is no list of markets"),
        ("{", "is no list"),
        (json.dumps(without), "has no tickSize"),
    ):
        markets.write_text(content)

        with pytest.raises(ConfigurationError, match=said):
            market_rules(dialect(), "v", "1000PEPE-USDC", markets, Decimal(1))

    with pytest.raises(ConfigurationError, match="cannot be read: No such file"):
        market_rules(dialect(), "v", "DOGE-USDT", tmp_path / "none.toml", None)


def test_D4_rules_are_beside_the_file_that_names_them(doge: Path) -> None:
    """As recordings are; those of --set where the person is. A price without rules does nothing, and is a fault."""
    text = FILE.read_text().replace("[sandbox]", '[sandbox]\nrules = "doge.toml"\nprice = 0.4')
    file = doge.parent / "run.toml"
    file.write_text(text if "[sandbox]" in text else text + '\n[sandbox]\nrules = "doge.toml"\nprice = 0.4\n')
    settings = sandbox_settings(load_configuration(file, ['market="DOGE-USDT"'], load_catalog()))
    assert (settings.rules, settings.price) == (doge, Decimal("0.4"))

    here = sandbox_settings(load_configuration(file, ['sandbox.rules="other.toml"'], load_catalog()))
    assert here.rules == Path("other.toml")

    with pytest.raises(ConfigurationError, match="does nothing without rules"):
        load_configuration(FILE, ["sandbox.price=3"], load_catalog())


@pytest.mark.parametrize("kind", ["toml", pytest.param("listing", marks=pytest.mark.full)])
def test_D4_a_bot_trades_the_market_and_its_spot_beside(
    kind: str, doge: Path, markets: Path, virtual_time: Any
) -> None:
    """Quotes rest and are taken on its own steps, with the price source of the same market; the end is clean."""
    market, file, price = ("DOGE-USDT", doge, "0.35") if kind == "toml" else ("1000PEPE-USDC", markets, "0.0105")
    words = (
        f'market="{market}"',
        f'sandbox.rules="{file}"',
        f"sandbox.price={price}",
        "order_amount=20000",
        'price_source="external_market"',
        'price_source_derivative="binance"',
        f'price_source_market="{market}"',
        "bid_spread=0.01",
        "ask_spread=0.01",
        "order_refresh_time=1",
        "filled_order_delay=1",
    )

    async def trade() -> None:
        async with open_stage(FILE, *words, seed=3) as stage, stage.open_bot() as session:
            summary = await session.run(60)

            assert summary.market == market
            assert summary.quotes_placed >= 2
            assert summary.open_orders_left == 0
            assert stage.sandbox.oracle.violations == []
            assert abs(float(stage.sandbox.exchange.mark) / float(price) - 1) < 0.1

    name, options = virtual_time
    anyio.run(trade, backend=name, backend_options=options)
