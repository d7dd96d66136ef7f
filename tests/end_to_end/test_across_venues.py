"""The market of any connector gives the reference price for any other's, on their sandboxes too."""

from __future__ import annotations

from pathlib import Path

import pytest

from perpmaker.testing.session import open_session

FILE = Path(__file__).parents[1] / "practice.toml"
pytestmark = pytest.mark.anyio
MARKETS = {"binance_perpetual": "BTC-USDT", "bybit_perpetual": "BTC-USDT", "dydx_perpetual": "BTC-USD"}


@pytest.fixture
def anyio_backend(virtual_time: object) -> object:
    """Whole sessions on virtual time."""
    return virtual_time


@pytest.mark.parametrize(
    ("traded", "source"),
    [
        ("binance_perpetual", "bybit_perpetual"),
        ("bybit_perpetual", "dydx_perpetual"),
        ("dydx_perpetual", "binance_perpetual"),
    ],
)
async def test_the_price_of_one_venue_makes_the_quotes_of_another(traded: str, source: str) -> None:
    """The source's sandbox follows the traded market; quotes are made of its price."""
    wanted = (
        f"derivative={traded}",
        f"market={MARKETS[traded]}",
        "price_source=external_market",
        f"price_source_derivative={source}",
        f"price_source_market={MARKETS[source]}",
        "bid_spread=1",
        "ask_spread=1",
    )

    async with open_session(FILE, *wanted, seed=1) as session:
        summary = await session.run(8)

    assert summary.quotes_placed >= 2
    assert summary.open_orders_left == 0
    assert any(line.startswith("price source: bid") for line in session.told)
    assert session.sandbox.oracle.violations == []
