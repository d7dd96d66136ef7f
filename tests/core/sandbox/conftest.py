from __future__ import annotations

from typing import Any

import anyio
import attrs
import pytest

from perpmaker.clock import Clock
from perpmaker.model.instrument import Instrument
from perpmaker.sandbox.dialect import TestKeys
from perpmaker.sandbox.latency import AT_ONCE, Latency
from perpmaker.simulation.exchange import Exchange
from perpmaker.wire.server import Request, Response
from perpmaker.wire.websocket import WebSocket
from perpmaker_binance_perpetual.sandbox.capture import BinanceCapture


class PlainApp:
    """A venue that knows one endpoint, and pushes nothing."""

    def __init__(self, exchange: Exchange, clock: Clock) -> None:
        self.exchange = exchange
        self.clock = clock

    async def respond(self, request: Request) -> Response:
        """Say the path and the mark price."""
        return Response(body=f"{request.path} {self.exchange.mark}".encode())

    async def converse(self, request: Request, socket: WebSocket) -> None:
        """Say the path."""
        await socket.send(request.path)

    async def run(self) -> None:
        """Nothing is done by itself."""
        await anyio.sleep_forever()


@attrs.frozen
class PlainDialect:
    """The dialect of a venue without quirks."""

    keys: TestKeys = attrs.field(factory=lambda: TestKeys(api_key="key", api_secret="secret"))

    def symbol(self, market: str) -> str:
        """The market's name without its dash."""
        return market.replace("-", "")

    def capture(self, instrument: Instrument) -> BinanceCapture:
        """Its recordings are in Binance's words."""
        return BinanceCapture(instrument)

    def app(self, exchange: Exchange, clock: Clock, options: dict[str, Any], latency: Latency = AT_ONCE) -> PlainApp:
        """The app; it has no options."""
        assert options == {}
        del latency

        return PlainApp(exchange, clock)


@pytest.fixture
def dialect() -> PlainDialect:
    """A dialect."""
    return PlainDialect()
