"""Reading fills: the venue looks at a week at once, tells a thousand at most, and keeps three months."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import httpx
import pytest

from perpmaker.clock import LoopClock
from perpmaker.model.instrument import Instrument
from perpmaker.secret import Secret, make_signer
from perpmaker.venue import Credentials, VenueAccess
from perpmaker.wire.memory import MemoryNetwork
from perpmaker_binance_perpetual.connector import BinancePerpetual

from .clients import client_over

pytestmark = pytest.mark.anyio

NOW_MS = 1_767_225_600_000
DAY_MS = 86_400_000
TRADE = {
    "orderId": 7,
    "symbol": "BTCUSDT",
    "side": "BUY",
    "price": "60000.0",
    "qty": "0.001",
    "commission": "0.01",
    "commissionAsset": "USDT",
    "realizedPnl": "0",
    "maker": True,
}
ORDER = {
    "orderId": 7,
    "symbol": "BTCUSDT",
    "status": "FILLED",
    "clientOrderId": "pm-a-1",
    "price": "60000.0",
    "origQty": "1",
    "executedQty": "1",
    "type": "LIMIT",
    "side": "BUY",
}


@attrs.define
class Venue:
    """The venue's list of our trades, by id and time; what was asked of it is kept."""

    trades: dict[int, int]
    asked: list[dict[str, str]] = attrs.field(factory=list)

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer as the venue does, within its limits."""
        asked = dict(request.url.params)

        if request.url.path == "/fapi/v1/time":
            return httpx.Response(200, json={"serverTime": NOW_MS})

        if request.url.path == "/fapi/v1/order":
            return httpx.Response(200, json=ORDER)

        self.asked.append(asked)

        return httpx.Response(200, json=self._page(asked))

    def _page(self, asked: dict[str, str]) -> list[dict[str, Any]]:
        if "fromId" in asked:
            assert not {"startTime", "endTime"} & set(asked)
            found = [(trade_id, at) for trade_id, at in self.trades.items() if trade_id >= int(asked["fromId"])]
        else:
            since, until = int(asked["startTime"]), int(asked["endTime"])
            assert until - since < 7 * DAY_MS
            found = [(trade_id, at) for trade_id, at in self.trades.items() if since <= at <= until]

        return [{**TRADE, "id": trade_id, "time": at} for trade_id, at in sorted(found)[: int(asked["limit"])]]


@asynccontextmanager
async def open_connector(venue: Venue) -> AsyncIterator[BinancePerpetual]:
    """The connector to this venue."""
    credentials = Credentials(api_key="KEY", signer=make_signer(Secret("0123456789abcdef0123456789abcdef")))

    async with httpx.AsyncClient(transport=httpx.MockTransport(venue.answer), base_url="https://fapi.test") as http:
        clock = LoopClock()
        client = client_over(http, clock, credentials)
        access = VenueAccess(connect=MemoryNetwork().connect, url="ws://x", client=client, credentials=credentials)

        yield BinancePerpetual(access)


@pytest.mark.parametrize(
    "days",
    [
        (0,),
        (80, 40, 3, 0),
        (),
        *(
            pytest.param(one, marks=pytest.mark.full)
            for one in (
                (20, 1),
                (20, 12, 0),
                (100,),
            )
        ),
    ],
)
async def test_fills_of_every_week_since_the_last_run_are_read(instrument: Instrument, days: tuple[int, ...]) -> None:
    """A few in one week do not hide those of the weeks after it."""
    venue = Venue({100 + place: NOW_MS - age * DAY_MS - 1 for place, age in enumerate(days)})

    async with open_connector(venue) as connector:
        fills = await connector.fetch_fills(instrument, NOW_MS - 90 * DAY_MS)

    assert [fill.trade_id for fill in fills] == [str(100 + place) for place, age in enumerate(days) if age < 89]
    assert {fill.client_id for fill in fills} <= {"pm-a-1"}


async def test_more_fills_than_a_page_holds_are_read_page_by_page(instrument: Instrument) -> None:
    """Pages of a thousand go on from the last id, and end with the first that is not full."""
    venue = Venue({trade_id: NOW_MS - 20 * DAY_MS + trade_id * 600_000 for trade_id in range(1, 2_501)})

    async with open_connector(venue) as connector:
        fills = await connector.fetch_fills(instrument, NOW_MS - 21 * DAY_MS)

    assert [int(fill.trade_id) for fill in fills] == list(range(1, 2_501))


async def test_the_usual_question_is_one_request(instrument: Instrument) -> None:
    """What was asked a moment ago is asked again with one call."""
    venue = Venue({1: NOW_MS - 5_000})

    async with open_connector(venue) as connector:
        assert len(await connector.fetch_fills(instrument, NOW_MS - 10_000)) == 1

    assert len(venue.asked) == 1
