"""A price source that makes its price of the traded market's own book."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import anyio
import attrs
import pytest

from perpmaker import PriceSourceDeclaration, ReferenceChanged, Side, SourceContext
from perpmaker.plugins.catalog import Catalog, load_catalog
from perpmaker.plugins.loading import LoadedPlugin, PluginState
from perpmaker.testing import session
from perpmaker.testing.scenario import Scenario
from perpmaker.testing.virtual import virtual_backend

FILE = Path(__file__).parents[2] / "practice.toml"


@attrs.frozen
class NoSettings:
    """Nothing is set."""


@attrs.frozen
class Microprice:
    """The middle of the traded book, weighted by what stands on the other side."""

    context: SourceContext

    async def receive(self) -> ReferenceChanged:
        """The next one."""
        market = self.context.traded
        assert market is not None
        book = await market.book()
        (bid, bid_lots), (ask, ask_lots) = next(book.levels(Side.BUY)), next(book.levels(Side.SELL))
        ticks = Decimal(bid * ask_lots + ask * bid_lots) / (bid_lots + ask_lots)

        return ReferenceChanged(price=ticks * market.instrument.tick)


@asynccontextmanager
async def open_microprice(_: NoSettings, context: SourceContext) -> AsyncIterator[Microprice]:
    """Nothing to connect to."""
    yield Microprice(context)


MICROPRICE = PriceSourceDeclaration(
    name="microprice",
    summary="The traded book, weighted",
    settings=NoSettings,
    open=open_microprice,
    price_types=("mid_price",),
    reads_traded_book=True,
)
SETTINGS = {"price_source": "microprice", "bid_spread": 1, "ask_spread": 1, "order_refresh_time": 5}


def test_quotes_hang_on_a_price_that_a_source_makes_of_the_traded_book() -> None:
    """At once with each change of it; our own orders are not in it, and without a book nothing is quoted."""
    scenario = Scenario(SETTINGS, plugins=[MICROPRICE])
    scenario.advance(1)
    assert scenario.quotes() == []

    scenario.book(bids={99: 3}, asks={101: 1})
    scenario.advance(1)
    assert [order.price for order in scenario.orders()] == [Decimal("99.49"), Decimal("101.51")]  # 1 % off 100.50

    scenario.book(bids={99: 1}, asks={101: 1})
    scenario.advance(5)
    assert [order.price for order in scenario.orders()] == [Decimal("99.00"), Decimal("101.00")]

    scenario.restart()
    scenario.book(bids={99: 1}, asks={101: 3})
    scenario.advance(6)
    assert [order.price for order in scenario.orders()] == [Decimal("98.50"), Decimal("100.50")]


def test_a_run_has_no_need_to_hear_such_a_source_before_it_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no market of its own to be asked for: the run begins, and quotes once there is a book."""
    plugin = LoadedPlugin(
        name="microprice",
        distribution="strangers",
        version="1",
        state=PluginState.LOADED,
        declarations=(MICROPRICE,),
    )
    monkeypatch.setattr(session, "load_catalog", lambda: Catalog((*load_catalog().plugins, plugin)))

    async def scenario() -> None:
        async with (
            session.open_stage(FILE, "price_source=microprice", "bid_spread=1", seed=1) as stage,
            stage.open_bot() as opened,
        ):
            await opened.run(10)

        assert not [line for line in opened.told if "price source" in line]
        assert len(opened.trace) >= 2

    name, options = virtual_backend()
    anyio.run(scenario, backend=name, backend_options=options)
