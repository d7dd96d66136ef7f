"""Price sources in a configuration file: what they need, and what is refused before anything connects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from perpmaker.config.configuration import Configuration
from perpmaker.config.loading import load_configuration
from perpmaker.connector.price_source import SourceRequest
from perpmaker.errors import ConfigurationError, Problem
from perpmaker.plugins.catalog import Catalog, load_catalog
from perpmaker_price_sources.binance.settings import Settings as BinanceSettings
from perpmaker_price_sources.custom_api.settings import Settings as CustomApiSettings

BASE = """\
strategy = "perpetual_market_making"
derivative = "binance_perpetual"
market = "BTC-USDT"
leverage = 3
bid_spread = 0.1
ask_spread = 0.1
order_amount = 0.01
order_refresh_time = 15
"""
SPOT = """\
price_source = "external_market"
price_source_derivative = "binance"
price_source_market = "BTC-USDT"
"""
CUSTOM = """\
price_source = "custom_api"
price_source_custom_api = "https://api.example/price"
"""


@pytest.fixture(scope="module")
def installed() -> Catalog:
    """The catalog of the installed distributions."""
    return load_catalog({})


@pytest.fixture
def load(tmp_path: Path, installed: Catalog) -> Callable[[str], Configuration]:
    """Load a configuration of these lines."""

    def loaded(lines: str) -> Configuration:
        file = tmp_path / "bot.toml"
        file.write_text(BASE + lines, encoding="utf-8")

        return load_configuration(file, (), installed)

    return loaded


@pytest.fixture
def problems(load: Callable[[str], Configuration]) -> Callable[[str], Sequence[Problem]]:
    """Everything that is wrong with these lines."""

    def found(lines: str) -> Sequence[Problem]:
        with pytest.raises(ConfigurationError) as refused:
            load(lines)

        return refused.value.problems

    return found


def test_spot_market_is_an_external_market(load: Callable[[str], Configuration]) -> None:
    """The spot source is named as connectors are, with its own table, and gives the market of the same name."""
    found = load(f'{SPOT}price_type = "last_price"\n[binance]\ndeadline_s = 1\n')
    assert found.price_source.name == "external_market"
    assert found.external is not None
    assert (found.external.name, found.external.settings) == ("binance", BinanceSettings(deadline_s=1.0))
    assert found.source_request == SourceRequest(market="BTC-USDT", price_type="last_price")


def test_connector_is_an_external_market_too(load: Callable[[str], Configuration]) -> None:
    """Another market of the same venue is read through its connector."""
    lines = SPOT.replace('"binance"', '"binance_perpetual"').replace("BTC-USDT", "ETH-USDT")
    found = load(f'{lines}[binance_perpetual]\nenvironment = "sandbox"\n')
    assert found.external is not None
    assert (found.external.name, found.source_request.market) == ("binance_perpetual", "ETH-USDT")
    assert found.external.settings == found.connector.settings


def test_address_is_a_price_source(load: Callable[[str], Configuration]) -> None:
    """Address and interval are at the top, the rest in the table; the default age is three intervals."""
    lines = f'{CUSTOM}custom_api_update_interval = 2\nprice_type = "custom"\n[custom_api]\njson_path = "a[0].b"\n'
    found = load(lines)
    assert found.price_source.settings == CustomApiSettings(json_path="a[0].b")
    expected = SourceRequest(market="BTC-USDT", price_type="custom", url="https://api.example/price", interval_s=2.0)
    assert found.source_request == expected
    assert found.strategy.settings.price_source_max_age == 6.0


def test_price_type_of_an_address_is_custom_or_left_out(
    load: Callable[[str], Configuration], problems: Callable[[str], Sequence[Problem]]
) -> None:
    """The address gives the price itself: custom and the default mean that, every other price type is refused."""
    assert load(f'{CUSTOM}price_type = "mid_price"\n').price_source.name == "custom_api"

    for price_type in ("last_price", "last_own_trade_price", "best_bid", "best_ask"):
        (problem,) = problems(f'{CUSTOM}price_type = "{price_type}"\n')
        assert (problem.key, problem.allowed) == ("price_type", "the price source custom_api gives custom, mid_price")


def test_S12_what_cannot_be_asked_is_refused_with_the_file(problems: Callable[[str], Sequence[Problem]]) -> None:
    """Addresses, paths and names that cannot work are refused before anything connects, each with its key."""
    for lines, key, words in [
        (CUSTOM.replace("https", "http"), "price_source_custom_api", "must begin with https://"),
        (CUSTOM.replace("api.example", "127.0.0.1"), "price_source_custom_api", "allow_loopback = true"),
        (CUSTOM.replace("api.example", "10.0.0.1"), "price_source_custom_api", "must not lead to 10.0.0.1"),
        (CUSTOM.replace("api.example", "a:b@api.example"), "price_source_custom_api", "must be an address"),
        (f"{CUSTOM}[custom_api]\njson_path = 'a..b'\n", "custom_api.json_path", "must be a path into the answer"),
        (f"{CUSTOM}[custom_api]\ntimeout_s = 30\n", "custom_api_update_interval", "must be at least a third"),
        (f"{CUSTOM}[custom_api]\nmax_byte = 30\n", "custom_api.max_byte", "no such key"),
        (f'{SPOT}price_type = "custom"\n', "price_type", "the price source external_market gives mid_price"),
        (f'{SPOT}[binance]\nrest_url = "https://evil.example"\n', "binance.rest_url", "Binance's spot markets"),
        (SPOT.replace('"binance"', '"binanse"'), "price_source_derivative", "No derivative connector is named"),
        (SPOT.replace('"binance"', '"custom_api"'), "price_source_derivative", "'custom_api'"),
        ('price_source = "binance"\n', "price_source", 'price_source_derivative = "binance"'),
    ]:
        said = [problem.allowed for problem in problems(lines) if problem.key == key]
        assert any(words in one for one in said), said


def test_traded_market_under_another_venue_is_fine(load: Callable[[str], Configuration]) -> None:
    """BTC-USDT of the spot venue is another market than the traded BTC-USDT."""
    assert load(SPOT).source_request.market == "BTC-USDT"


def test_keys_of_a_source_in_use_are_known(load: Callable[[str], Configuration]) -> None:
    """The table of a source that is not in use may stay in the file."""
    assert load('[custom_api]\njson_path = "p"\n[binance]\ndeadline_s = 2\n').external is None
