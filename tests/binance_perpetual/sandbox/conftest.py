"""A scripted market behind the dialect, and a client that signs by itself: nothing of the connector is used."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from decimal import Decimal
from typing import Any, TypeAlias
from urllib.parse import urlencode

import anyio
import attrs
import httpx
import msgspec
import pytest

from perpmaker.clock import LoopClock
from perpmaker.sandbox.latency import AT_ONCE
from perpmaker.sandbox.server import Sandbox, SandboxSettings, open_sandbox
from perpmaker.simulation.script import ScriptedMarket
from perpmaker.wire.http import open_client
from perpmaker.wire.memory import MemoryNetwork
from perpmaker.wire.websocket import WebSocket, open_websocket
from perpmaker_binance_perpetual.sandbox import dialect
from perpmaker_binance_perpetual.sandbox.signing import KEYS


@attrs.frozen(eq=False)
class Ear:
    """A socket of a test."""

    socket: WebSocket

    async def hear(self) -> Any:
        """The next message, decoded."""
        with anyio.fail_after(10):
            return msgspec.json.decode(await self.socket.receive())

    async def say(self, message: object) -> None:
        """Send a control message."""
        await self.socket.send(msgspec.json.encode(message).decode())

    async def hear_until(self, event: str) -> list[Any]:
        """Every message up to the first one of this event."""
        messages = [await self.hear()]

        while messages[-1].get("e") != event:
            messages.append(await self.hear())

        return messages

    async def hears_nothing(self, seconds: float) -> bool:
        """Whether nothing comes for so long."""
        with anyio.move_on_after(seconds):
            await self.socket.receive()
            return False

        return True


@attrs.frozen(eq=False)
class Client:
    """A sandbox with a scripted market (BTC-USDT, bids from 59999.9 down, asks from 60000.1 up), and who calls it."""

    sandbox: Sandbox
    market: ScriptedMarket
    clock: LoopClock
    http: httpx.AsyncClient
    network: MemoryNetwork
    offset_ms: int

    async def call(self, method: str, path: str, /, *, in_body: bool = False, **parameters: object) -> httpx.Response:
        """A signed call; its parameters travel in the query, or in a form body."""
        words = {name: value for name, value in parameters.items() if value is not None}
        text = urlencode({**words, "timestamp": self.clock.utc_ms() + self.offset_ms})
        signature = hmac.new(KEYS.api_secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        signed = f"{text}&signature={signature}"
        headers = {"X-MBX-APIKEY": KEYS.api_key, "Content-Type": "application/x-www-form-urlencoded"}

        if in_body:
            return await self.http.request(method, path, content=signed, headers=headers)

        return await self.http.request(method, f"{path}?{signed}", headers=headers)

    async def ok(self, method: str, path: str, /, **parameters: object) -> Any:
        """The decoded answer of a signed call that must succeed."""
        response = await self.call(method, path, **parameters)
        assert response.status_code == 200, response.text

        return msgspec.json.decode(response.content)

    async def code(self, method: str, path: str, /, **parameters: object) -> int:
        """The code of a signed call that must be refused, in JSON."""
        response = await self.call(method, path, **parameters)
        assert response.status_code != 200, response.text
        assert response.headers["content-type"] == "application/json"

        return int(msgspec.json.decode(response.content)["code"])

    async def order(self, /, **changes: object) -> Any:
        """Place a post-only buy of 0.010 at 59000, or what is changed of it."""
        return await self.ok("POST", "/fapi/v1/order", **limit_order(**changes))

    async def listen_key(self) -> str:
        """The account's listenKey."""
        response = await self.http.post("/fapi/v1/listenKey", headers={"X-MBX-APIKEY": KEYS.api_key})

        return str(msgspec.json.decode(response.content)["listenKey"])

    @asynccontextmanager
    async def listen(self, target: str) -> AsyncIterator[Ear]:
        """Open a socket at this path and query."""
        url = self.sandbox.line.url.replace("http:", "ws:") + target

        async with open_websocket(self.network.connect, url) as socket:
            yield Ear(socket)

    @asynccontextmanager
    async def listen_to_account(self) -> AsyncIterator[Ear]:
        """Open a socket under the account's listenKey."""
        async with self.listen(f"/private/ws?listenKey={await self.listen_key()}") as ear:
            yield ear


OpenVenue: TypeAlias = Callable[..., AbstractAsyncContextManager[Client]]


def limit_order(**changes: object) -> dict[str, object]:
    """The parameters of a post-only buy of 0.010 at 59000; None takes a parameter away."""
    order: dict[str, object] = {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTX",
        "quantity": "0.010",
        "price": "59000.00",
    }

    return {**order, **changes}


@pytest.fixture
def order_of() -> Callable[..., dict[str, object]]:
    """Makes the parameters of an order."""
    return limit_order


@pytest.fixture
def open_venue() -> OpenVenue:
    """Opens a venue at a time, with the given options of the dialect."""

    @asynccontextmanager
    async def opened(*, epoch_ms: int = 1_767_225_600_000, **options: object) -> AsyncIterator[Client]:
        network = MemoryNetwork()
        clock = LoopClock(epoch_ms)
        market = ScriptedMarket(
            bids=[(599_999 - level, 1000) for level in range(30)],
            asks=[(600_001 + level, 1000) for level in range(30)],
            mark=Decimal(60_000),
        )
        settings = SandboxSettings(venue="binance_perpetual", options=options, latency=AT_ONCE)
        listener = await network.listen()

        async with (
            open_sandbox(dialect(), settings, clock=clock, listener=listener, market=market) as sandbox,
            open_client(network.connect, sandbox.line.url) as http,
        ):
            offset_ms = options.get("server_time_offset_ms", 0)
            assert isinstance(offset_ms, int)
            yield Client(sandbox, market, clock, http, network, offset_ms)

    return opened
