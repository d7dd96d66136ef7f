"""Market data by question."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import LINEAR, SYMBOL

pytestmark = pytest.mark.anyio

INSTRUMENTS = "/v5/market/instruments-info"


async def test_markets_come_page_by_page_with_what_is_no_perpetual(open_venue: Any) -> None:
    """A dated contract and one that is not open yet stand beside the perpetual, whose interval is in minutes."""
    async with open_venue() as venue:
        cursor, rows = None, []

        while cursor != "":
            page = await venue.get(INSTRUMENTS, category="linear", limit=1, cursor=cursor)
            cursor = page["nextPageCursor"]
            rows += page["list"]

        kinds = [(row["contractType"], row["status"], row["isPreListing"]) for row in rows]
        assert kinds == [
            ("LinearFutures", "Trading", False),
            ("LinearPerpetual", "PreLaunch", True),
            ("LinearPerpetual", "Trading", False),
        ]
        assert (rows[-1]["symbol"], rows[-1]["fundingInterval"]) == (SYMBOL, 480)
        assert rows[-1]["lotSizeFilter"]["maxMktOrderQty"] == "100.000"
        (one,) = (await venue.get(INSTRUMENTS, **LINEAR))["list"]
        assert one == rows[-1]


@pytest.mark.parametrize("asked", [{"category": "shares"}, {"category": "linear", "limit": 1001}, {}])
async def test_what_cannot_be_asked_is_10001(open_venue: Any, asked: Any) -> None:
    """Another category, more than there is, or nothing."""
    async with open_venue() as venue:
        assert await venue.code("GET", INSTRUMENTS, **asked) == 10001


async def test_the_book_fits_the_stream_of_a_thousand_levels(open_venue: Any) -> None:
    """Best prices first, and its age is said."""
    async with open_venue() as venue:
        book = await venue.get("/v5/market/orderbook", **LINEAR, limit=2)

        assert book["b"] == [["59999.9", "1.000"], ["59999.8", "1.000"]]
        assert book["a"] == [["60000.1", "1.000"], ["60000.2", "1.000"]]
        assert book["ts"] == book["cts"] == venue.clock.utc_ms()


async def test_prices_tiers_and_trades_are_the_exchanges(open_venue: Any) -> None:
    """Mark, funding, tiers as decimals, and the newest trade first with its taker."""
    async with open_venue() as venue:
        await venue.hold("0.002")
        await venue.hold("0.003", "Sell")
        (ticker,) = (await venue.get("/v5/market/tickers", **LINEAR))["list"]
        (first, *_) = (await venue.get("/v5/market/risk-limit", **LINEAR))["list"]
        trades = (await venue.get("/v5/market/recent-trade", **LINEAR))["list"]

        assert (ticker["markPrice"], ticker["fundingRate"]) == ("60000", "0.0001")
        assert ticker["nextFundingTime"] == str(venue.sandbox.exchange.next_funding_ms)
        assert (first["initialMargin"], first["maxLeverage"]) == ("0.00800000", "125.00")
        assert [(trade["side"], trade["size"]) for trade in trades] == [("Sell", "0.003"), ("Buy", "0.002")]


async def test_past_funding_wants_an_end_with_its_begin(open_venue: Any) -> None:
    """Newest first."""
    path = "/v5/market/funding/history"

    async with open_venue() as venue:
        newest, before = (await venue.get(path, **LINEAR))["list"]

        assert int(newest["fundingRateTimestamp"]) - int(before["fundingRateTimestamp"]) == 8 * 3_600_000
        assert await venue.code("GET", path, **LINEAR, startTime=1) == 10001
        assert (await venue.get(path, **LINEAR, startTime=1, endTime=2))["list"] == []


async def test_other_categories_have_nothing(open_venue: Any) -> None:
    """Clients that ask for every kind of market find this one alone."""
    async with open_venue() as venue:
        for category in ("spot", "inverse", "option"):
            assert (await venue.get(INSTRUMENTS, category=category))["list"] == []
            assert (await venue.get("/v5/position/list", category=category))["list"] == []
