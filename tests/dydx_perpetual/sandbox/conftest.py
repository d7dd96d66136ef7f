"""A scripted market behind the dialect, and a client that signs by itself."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from decimal import Decimal
from typing import Any, TypeAlias

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
from perpmaker_dydx_perpetual import transactions as tx
from perpmaker_dydx_perpetual.sandbox import dialect
from perpmaker_dydx_perpetual.sandbox.accounts import ACCOUNT_NUMBER, AUTHENTICATOR, CHAIN_ID, KEYS
from perpmaker_dydx_perpetual.signing import read_key

BLOCK_MS = 500
STEP, TICK = 1_000_000, 100_000
"""Quantums in a lot, subticks in a tick."""

SUBACCOUNT = tx.SubaccountId(KEYS.api_key, 0)


@attrs.frozen(eq=False)
class Ear:
    """A socket of a test."""

    socket: WebSocket
    heard: list[Any] = attrs.field(factory=list)

    async def hear(self) -> Any:
        """The next message, decoded."""
        with anyio.fail_after(100):
            return await self._receive()

    async def _receive(self) -> Any:
        message = msgspec.json.decode(await self.socket.receive())
        self.heard.append(message)

        return message

    async def say(self, kind: str, channel: str, id_: str | None = None, **further: object) -> None:
        """Send a message."""
        known = {"type": kind, "channel": channel, **({} if id_ is None else {"id": id_}), **further}
        await self.socket.send(msgspec.json.encode(known).decode())

    async def subscribe(self, channel: str, id_: str | None = None, **further: object) -> Any:
        """Subscribe and return what it begins with."""
        await self.say("subscribe", channel, id_, **further)

        return await self.until(lambda message: message["type"] in {"subscribed", "error"})

    async def until(self, is_it: Callable[[Any], bool]) -> Any:
        """Return the next message of which this holds."""
        while not is_it(message := await self.hear()):
            pass

        return message

    async def order(self, status: str) -> Any:
        """Return the next message of the account with an order of this status."""
        return await self.until(lambda one: any(row["status"] == status for row in orders_of(one)))

    async def drain(self, seconds: float) -> list[Any]:
        """Return what comes within so long."""
        before = len(self.heard)

        with anyio.move_on_after(seconds):
            while True:
                await self._receive()

        return self.heard[before:]


@attrs.define(eq=False)
class Client:
    """A sandbox with a scripted market (BTC-USD, bids from 59999 down, asks from 60001 up), and who calls it."""

    sandbox: Sandbox
    market: ScriptedMarket
    clock: LoopClock
    http: httpx.AsyncClient
    network: MemoryNetwork
    nonce: int = 0

    async def get(self, path: str, **parameters: object) -> Any:
        """The decoded answer of the Indexer to a question that must succeed."""
        response = await self.http.get(f"/v4/{path}", params={name: str(value) for name, value in parameters.items()})
        assert response.status_code == 200, response.text

        return msgspec.json.decode(response.content)

    async def of_account(self, path: str, **parameters: object) -> Any:
        """The same about the account."""
        return await self.get(path, address=KEYS.api_key, subaccountNumber=0, **parameters)

    async def call(self, method: str, **parameters: object) -> Any:
        """The decoded answer of the node."""
        call = {"jsonrpc": "2.0", "id": 7, "method": method, "params": parameters}
        response = await self.http.post("/", content=msgspec.json.encode(call))
        answer = msgspec.json.decode(response.content)
        assert answer["id"] == 7

        return answer

    async def broadcast(self, sent: bytes) -> Any:
        """The answer to a transaction."""
        return await self.call("broadcast_tx_sync", tx=base64.b64encode(sent).decode())

    async def send(self, *messages: tx.ChainMessage, **changes: Any) -> tuple[str, int]:
        """The code space and code with which the chain answers messages that are signed as they should be."""
        result = (await self.broadcast(self.sign(*messages, **changes)))["result"]

        return result["codespace"], result["code"]

    def sign(self, *messages: tx.ChainMessage, **changes: Any) -> bytes:
        """A transaction, signed by the key that the owner permits, or what is changed of it."""
        key = read_key(changes.pop("secret", KEYS.api_secret))
        self.nonce = max(self.nonce + 1, self.clock.utc_ms())
        known: dict[str, Any] = {
            "public_key": key.public_key,
            "sequence": self.nonce,
            "chain_id": CHAIN_ID,
            "account_number": ACCOUNT_NUMBER,
            "authenticator": AUTHENTICATOR,
            "sign": key.sign,
        }

        return tx.write_transaction(messages, **{**known, **changes})

    async def height(self) -> int:
        """The newest height."""
        return int((await self.get("height"))["height"])

    async def quote(self, **changes: Any) -> tx.PlaceOrder:
        """A post-only buy of 0.0010 at 59000 for ten blocks, or what is changed of it."""
        return order(**{"good_til_block": await self.height() + 10, **changes})

    async def ok(self, *messages: tx.ChainMessage) -> None:
        """Send messages that the chain must take."""
        assert await self.send(*messages) == ("", 0)

    async def pass_blocks(self, count: int = 1) -> None:
        """Wait for so many blocks."""
        await anyio.sleep(count * BLOCK_MS / 1000 + 0.01)

    async def hold(self, side: int = tx.BUY, lots: int = 10) -> None:
        """Open a position."""
        price = 61000 if side == tx.BUY else 59000
        await self.ok(
            await self.quote(client_id=900 + self.nonce % 97, side=side, lots=lots, price=price, time_in_force=1)
        )
        await self.pass_blocks()

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[Ear]:
        """Open a socket and hear that it stands."""
        url = self.sandbox.line.url.replace("http:", "ws:") + "/v4/ws"

        async with open_websocket(self.network.connect, url) as socket:
            ear = Ear(socket)
            assert (await ear.hear())["type"] == "connected"
            yield ear

    @asynccontextmanager
    async def listen_to_account(self) -> AsyncIterator[Ear]:
        """Open a socket that hears of the account."""
        async with self.listen() as ear:
            assert (await ear.subscribe("v4_subaccounts", f"{KEYS.api_key}/0"))["type"] == "subscribed"
            yield ear


OpenVenue: TypeAlias = Callable[..., AbstractAsyncContextManager[Client]]


def orders_of(message: Any, *known: str) -> list[Any]:
    """The orders in a message of the account, or those of a status and flags."""
    rows: list[Any] = message.get("contents", {}).get("orders", [])

    return [row for row in rows if not known or (row["status"], row["orderFlags"]) == known]


def order_id(client_id: int = 1, flags: int = tx.SHORT_TERM, **changes: Any) -> tx.OrderId:
    """The id of an order of the account."""
    known: dict[str, Any] = {"subaccount": SUBACCOUNT, "client_id": client_id, "flags": flags}

    return tx.OrderId(**{**known, **changes})


def order(
    *, client_id: int = 1, flags: int = tx.SHORT_TERM, lots: int = 10, price: int = 59000, **changes: Any
) -> tx.PlaceOrder:
    """A post-only buy, or what is changed of it; prices in USD, which is the tick."""
    trigger = changes.pop("trigger", 0)
    known: dict[str, Any] = {
        "order_id": order_id(client_id, flags),
        "side": tx.BUY,
        "quantums": lots * STEP,
        "subticks": price * TICK,
        "time_in_force": tx.TimeInForce.POST_ONLY,
        "trigger_subticks": trigger * TICK,
    }

    return tx.PlaceOrder(order=tx.Order(**{**known, **changes}))


def cancel(client_id: int = 1, flags: int = tx.SHORT_TERM, **end: int) -> tx.CancelOrder:
    """The cancel of an order."""
    return tx.CancelOrder(order_id=order_id(client_id, flags), **end)


@pytest.fixture
def make() -> Any:
    """What makes messages."""

    class Make:
        """Makers of messages."""

        order, cancel = staticmethod(order), staticmethod(cancel)
        order_id, orders_of = staticmethod(order_id), staticmethod(orders_of)

    return Make


@pytest.fixture
def anyio_backend(virtual_time: Any) -> Any:
    """Blocks take their time: virtual time."""
    return virtual_time


@pytest.fixture
def open_venue() -> OpenVenue:
    """Opens a venue at a time, with the given options of the dialect."""

    @asynccontextmanager
    async def opened(*, epoch_ms: int = 1_767_225_600_000, **options: object) -> AsyncIterator[Client]:
        network = MemoryNetwork()
        clock = LoopClock(epoch_ms)
        market = ScriptedMarket(
            bids=[(59_999 - level, 1000) for level in range(30)],
            asks=[(60_001 + level, 1000) for level in range(30)],
            mark=Decimal(60_000),
        )
        known = {"block_ms": BLOCK_MS, **options}
        settings = SandboxSettings(venue="dydx_perpetual", market="BTC-USD", options=known, latency=AT_ONCE)
        listener = await network.listen()

        async with (
            open_sandbox(dialect(), settings, clock=clock, listener=listener, market=market) as sandbox,
            open_client(network.connect, sandbox.line.url) as http,
        ):
            yield Client(sandbox, market, clock, http, network)

    return opened
