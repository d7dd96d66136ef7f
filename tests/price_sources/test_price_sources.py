"""The distribution perpmaker-price-sources: what it declares, and how it is installed."""

from __future__ import annotations

from importlib.metadata import entry_points

from perpmaker import PriceSourceDeclaration
from perpmaker.catalog import load_catalog
from perpmaker_price_sources import register_price_sources


def test_current_market_is_declared_and_never_opened() -> None:
    """The one source so far is derived from the traded book, and answers every price type of the strategy's."""
    declared: list[PriceSourceDeclaration] = []
    register_price_sources(declared.append)
    (source,) = declared
    assert (source.name, source.open) == ("current_market", None)
    assert source.price_types == ("mid_price", "last_price", "last_own_trade_price", "best_bid", "best_ask")


def test_distribution_is_found_by_its_entry_point() -> None:
    """The installed distribution is a plugin like a stranger's: found through its metadata alone."""
    (entry_point,) = entry_points(group="perpmaker", name="price_sources")
    assert entry_point.dist is not None
    assert entry_point.dist.name == "perpmaker-price-sources"
    assert load_catalog({}).price_source("current_market").name == "current_market"
