"""The spot stream goes on over the days, and what two connections bring never goes back in time."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import anyio
import pytest

from perpmaker.clock import LoopClock
from perpmaker.errors import ConnectivityError, PayloadError
from perpmaker.testing.network import open_server
from perpmaker.venue import open_stream
from perpmaker.wire.server import Request, Response
from perpmaker.wire.websocket import WebSocket
from perpmaker_price_sources.binance import stream
from perpmaker_price_sources.binance.rest import Best
from perpmaker_price_sources.binance.stream import Heard, SpotTranslator, spot_stream

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Days pass in a moment."""
    return virtual_time


def ticker(update_id: int, bid: str) -> str:
    """Best prices."""
    data = {"u": update_id, "s": "BTCUSDT", "b": bid, "B": "1", "a": "101", "A": "1"}

    return json.dumps({"stream": "btcusdt@bookTicker", "data": data})


def trade(trade_id: int, price: str, symbol: str = "BTCUSDT") -> str:
    """A trade."""
    return json.dumps({"stream": "btcusdt@trade", "data": {"s": symbol, "t": trade_id, "p": price}})


def test_what_is_older_says_only_that_the_stream_lives() -> None:
    """The connection before this one has brought it."""
    spot = SpotTranslator("BTCUSDT")
    said = [spot.translate(message) for message in (ticker(7, "99"), ticker(7, "98"), trade(5, "100"), trade(4, "90"))]

    assert said == [(Heard(best=Best(Decimal(99), Decimal(101))),), (Heard(),), (Heard(last=Decimal(100)),), (Heard(),)]
    assert spot.translate(trade(6, "1", symbol="ETHUSDT")) == (Heard(),)


def test_a_price_that_is_none_is_unreadable_and_an_announced_end_is_the_end() -> None:
    """Neither changes what is known."""
    spot = SpotTranslator("BTCUSDT")

    with pytest.raises(PayloadError):
        spot.translate(ticker(7, "NaN"))

    with pytest.raises(ConnectivityError, match="announced"):
        spot.translate('{"stream":"!serverShutdown","data":{}}')

    assert spot.translate(ticker(7, "99")) == (Heard(best=Best(Decimal(99), Decimal(101))),)


class Venue:
    """Streams a price every second on each connection."""

    def __init__(self) -> None:
        self.connections = 0

    async def respond(self, request: Request) -> Response:
        """No REST here."""
        raise AssertionError(request)

    async def converse(self, _: Request, socket: WebSocket) -> None:
        """Stream."""
        self.connections += 1

        while True:
            await anyio.sleep(1)
            await socket.send(ticker(round(anyio.current_time()), "99"))


async def test_the_next_connection_is_open_before_the_day_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing ends when one connection follows the other."""
    monkeypatch.setattr(stream, "LIFE_S", 100.0)
    venue, heard = Venue(), 0

    async with (
        open_server(venue) as served,
        open_stream(spot_stream(served.websocket_url, "BTCUSDT"), served.connect, LoopClock()) as source,
    ):
        with anyio.move_on_after(350):
            while True:
                heard += sum(said.best is not None for said in await source.receive())

    assert venue.connections == 4
    assert heard >= 345
