"""A scripted market behind the dialect, and a client that signs by itself: nothing of the connector is used."""

from __future__ import annotations

import hashlib
import hmac
import json
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
from perpmaker.sandbox.latency import Latency
from perpmaker.sandbox.server import Sandbox, SandboxSettings, open_sandbox
from perpmaker.simulation.script import ScriptedMarket
from perpmaker.wire.http import open_client
from perpmaker.wire.memory import MemoryNetwork
from perpmaker.wire.websocket import WebSocket, open_websocket
from perpmaker_bybit_perpetual.sandbox import dialect
from perpmaker_bybit_perpetual.sandbox.signing import KEYS

SYMBOL = "BTCUSDT"
LINEAR = {"category": "linear", "symbol": SYMBOL}
PRIVATE = ("order", "execution", "position", "wallet")


def sign(text: str) -> str:
    """The signature of a text with the sandbox's HMAC key."""
    return hmac.new(KEYS.api_secret.encode(), text.encode(), hashlib.sha256).hexdigest()


@attrs.frozen(eq=False)
class Ear:
    """A socket of a test."""

    socket: WebSocket
    clock: LoopClock

    async def hear(self) -> Any:
        """The next message, decoded."""
        with anyio.fail_after(10):
            return msgspec.json.decode(await self.socket.receive())

    async def say(self, op: str, *args: object, **further: object) -> Any:
        """Send a control message and hear the next one."""
        await self.socket.send(json.dumps({"op": op, "args": args, **further}))

        return await self.hear()

    async def hear_all(self, seconds: float = 0.5) -> list[Any]:
        """Every message that comes within so long."""
        messages = []

        with anyio.move_on_after(seconds):
            while True:
                messages.append(msgspec.json.decode(await self.socket.receive()))

        return messages

    async def rows(self, topic: str, seconds: float = 0.5) -> list[Any]:
        """The rows of a topic that come within so long."""
        return [row for one in await self.hear_all(seconds) if one["topic"] == topic for row in one["data"]]

    async def authenticate(self) -> Any:
        """Show the key."""
        expires = self.clock.utc_ms() + 10_000

        return await self.say("auth", KEYS.api_key, expires, sign(f"GET/realtime{expires}"))

    async def command(self, op: str, number: str = "", **asked: object) -> Any:
        """Send a command on the trade socket and hear its answer."""
        header = {"X-BAPI-TIMESTAMP": str(self.clock.utc_ms()), "X-BAPI-RECV-WINDOW": "5000"}

        return await self.say(op, {**LINEAR, **asked}, reqId=number, header=header)


@attrs.frozen(eq=False)
class Client:
    """A sandbox with a scripted market (BTC-USDT, bids from 59999.9 down, asks from 60000.1 up), and who calls it."""

    sandbox: Sandbox
    market: ScriptedMarket
    clock: LoopClock
    http: httpx.AsyncClient
    network: MemoryNetwork

    async def call(self, method: str, path: str, /, **parameters: object) -> httpx.Response:
        """A signed call; its parameters travel in the query, or as JSON."""
        words = {name: value for name, value in parameters.items() if value is not None}
        stamp = str(self.clock.utc_ms())
        text = json.dumps(words) if method == "POST" else urlencode(words)
        headers = {
            "X-BAPI-API-KEY": KEYS.api_key,
            "X-BAPI-TIMESTAMP": stamp,
            "X-BAPI-RECV-WINDOW": "5000",
            "X-BAPI-SIGN": sign(f"{stamp}{KEYS.api_key}5000{text}"),
            "Content-Type": "application/json",
        }

        if method == "POST":
            return await self.http.post(path, content=text, headers=headers)

        return await self.http.get(f"{path}?{text}" if text else path, headers=headers)

    async def get(self, path: str, /, **parameters: object) -> Any:
        """The result of a question that must succeed."""
        return await self._result("GET", path, parameters)

    async def post(self, path: str, /, **parameters: object) -> Any:
        """The result of a command that must succeed."""
        return await self._result("POST", path, parameters)

    async def code(self, method: str, path: str, /, **parameters: object) -> int:
        """The code of a call."""
        response = await self.call(method, path, **parameters)

        return int(msgspec.json.decode(response.content)["retCode"])

    async def order(self, /, **changes: object) -> Any:
        """Place a post-only buy of 0.010 at 59000, or what is changed of it, and let the exchange have it."""
        placed = await self.post("/v5/order/create", **limit_order(**changes))
        await anyio.sleep(0.02)

        return placed

    async def row(self, order_id: str) -> Any:
        """An order as it is asked for by its id."""
        (row,) = (await self.get("/v5/order/realtime", category="linear", orderId=order_id))["list"]

        return row

    async def open_rows(self, **parameters: object) -> Any:
        """The open orders."""
        return (await self.get("/v5/order/realtime", **LINEAR, **parameters))["list"]

    async def position(self) -> Any:
        """The position."""
        (row,) = (await self.get("/v5/position/list", **LINEAR))["list"]

        return row

    async def hold(self, qty: str = "0.010", side: str = "Buy", **further: object) -> Any:
        """Open a position at market."""
        return await self.order(side=side, orderType="Market", qty=qty, price=None, timeInForce=None, **further)

    def move_mark(self, price: str) -> None:
        """Let the mark price be this."""
        self.market.set_mark(Decimal(price))
        self.advance()

    def advance(self) -> None:
        """Let what was asked of the market happen."""
        self.sandbox.exchange.advance(self.clock.utc_ms())

    @asynccontextmanager
    async def listen(self, path: str = "/v5/public/linear") -> AsyncIterator[Ear]:
        """Open a socket at this path."""
        url = self.sandbox.line.url.replace("http:", "ws:") + path

        async with open_websocket(self.network.connect, url) as socket:
            yield Ear(socket, self.clock)

    @asynccontextmanager
    async def listen_to_account(self, *topics: str) -> AsyncIterator[Ear]:
        """Open a private socket with these topics, without any with all of them."""
        async with self.listen("/v5/private") as ear:
            assert (await ear.authenticate())["success"]
            assert (await ear.say("subscribe", *(topics or PRIVATE)))["success"]
            yield ear

    async def _result(self, method: str, path: str, parameters: dict[str, object]) -> Any:
        response = await self.call(method, path, **parameters)
        content = msgspec.json.decode(response.content)
        assert (response.status_code, content["retCode"]) == (200, 0), content

        return content["result"]


OpenVenue: TypeAlias = Callable[..., AbstractAsyncContextManager[Client]]


def limit_order(**changes: object) -> dict[str, object]:
    """The parameters of a post-only buy of 0.010 at 59000; None takes a parameter away."""
    order: dict[str, object] = {
        **LINEAR,
        "side": "Buy",
        "orderType": "Limit",
        "timeInForce": "PostOnly",
        "qty": "0.010",
        "price": "59000.0",
    }

    return {**order, **changes}


@pytest.fixture
def anyio_backend(virtual_time: Any) -> Any:
    """Windows of minutes pass: virtual time."""
    return virtual_time


@pytest.fixture
def order_of() -> Callable[..., dict[str, object]]:
    """Makes the parameters of an order."""
    return limit_order


@pytest.fixture
def open_venue() -> OpenVenue:
    """Opens a venue, with the given options of the dialect; what is under way takes no time where nothing is said."""

    @asynccontextmanager
    async def opened(*, order_ms: int = 0, feed_ms: int = 0, **options: object) -> AsyncIterator[Client]:
        network = MemoryNetwork()
        clock = LoopClock(1_767_225_600_000)
        market = ScriptedMarket(
            bids=[(599_999 - level, 1000) for level in range(30)],
            asks=[(600_001 + level, 1000) for level in range(30)],
            mark=Decimal(60_000),
        )
        latency = Latency(order_ms=order_ms, feed_ms=feed_ms)
        settings = SandboxSettings(venue="bybit_perpetual", options=options, latency=latency)
        listener = await network.listen()

        async with (
            open_sandbox(dialect(), settings, clock=clock, listener=listener, market=market) as sandbox,
            open_client(network.connect, sandbox.line.url) as http,
        ):
            yield Client(sandbox, market, clock, http, network)

    return opened
