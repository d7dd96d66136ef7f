"""The distribution perpmaker-price-sources: what it declares, and how it is installed."""

from __future__ import annotations

from importlib.metadata import entry_points

from perpmaker import PriceSourceDeclaration
from perpmaker.plugins.catalog import load_catalog
from perpmaker_price_sources import register_price_sources

OF_A_MARKET = ("mid_price", "last_price", "last_own_trade_price", "best_bid", "best_ask")


def declared() -> dict[str, PriceSourceDeclaration]:
    """What the distribution declares, by name."""
    found: list[PriceSourceDeclaration] = []
    register_price_sources(found.append)

    return {source.name: source for source in found}


def test_four_sources_are_declared_and_one_is_never_opened() -> None:
    """current_market is derived from the traded book; the others are opened."""
    assert {name: source.open is None for name, source in declared().items()} == {
        "current_market": True,
        "external_market": False,
        "custom_api": False,
        "binance": False,
    }


def test_each_source_names_the_price_types_that_it_gives() -> None:
    """A market answers every price type; an address gives the price itself, which is also what the default means."""
    types = {name: source.price_types for name, source in declared().items()}
    assert types == dict.fromkeys(("current_market", "external_market", "binance"), OF_A_MARKET) | {
        "custom_api": ("custom", "mid_price")
    }


def test_only_binance_gives_prices_by_market() -> None:
    """It is chosen as an external market, and so it brings a sandbox."""
    assert [name for name, source in declared().items() if source.by_market] == ["binance"]
    assert [name for name, source in declared().items() if source.sandbox is not None] == ["binance"]


def test_distribution_is_found_by_its_entry_point() -> None:
    """The installed distribution is a plugin like a stranger's: found through its metadata alone."""
    (entry_point,) = entry_points(group="perpmaker", name="price_sources")
    assert entry_point.dist is not None
    assert entry_point.dist.name == "perpmaker-price-sources"
    assert set(declared()) <= set(load_catalog({}).names(PriceSourceDeclaration))
