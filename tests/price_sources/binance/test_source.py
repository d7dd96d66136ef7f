"""Binance's spot prices, against the sandbox that comes with them and against a scripted venue."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from itertools import pairwise
from typing import Any

import anyio
import attrs
import pytest

from perpmaker import ReferenceReceiver, SourceContext, SourceRequest
from perpmaker.clock import LoopClock
from perpmaker.errors import (
    ConfigurationError,
    ConnectivityError,
    MarketRulesError,
    RateLimitedError,
    RefusedError,
    UnknownMarketError,
)
from perpmaker.sandbox.server import Sandbox, SandboxSettings, open_sandbox
from perpmaker.testing.network import Served, open_server
from perpmaker.venue import SandboxAccess
from perpmaker.wire.fault import Fault
from perpmaker.wire.memory import MemoryNetwork
from perpmaker.wire.server import Request, Response
from perpmaker.wire.websocket import WebSocket
from perpmaker_price_sources.binance.sandbox import dialect
from perpmaker_price_sources.binance.settings import Settings
from perpmaker_price_sources.binance.source import QUIET_S, REPEAT_S, STALL_S, open_binance

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Silences last seconds of virtual time."""
    return virtual_time


@attrs.define(kw_only=True)
class ScriptedSpot:
    """A venue of one market that says what a test tells it to; streamed messages are put into `outgoing`."""

    best: tuple[str, str] = ("99.0", "101.0")
    last: str = "100.0"
    trading: str = "TRADING"
    status: int = 200
    answer: bytes | None = None
    headers: dict[str, str] = attrs.field(factory=dict)
    asked: list[str] = attrs.field(factory=list)
    sockets: list[WebSocket] = attrs.field(factory=list)
    paths: list[str] = attrs.field(factory=list)

    async def respond(self, request: Request) -> Response:
        """Answer over REST."""
        self.asked.append(request.path.rpartition("/")[2])
        bodies: dict[str, Any] = {
            "exchangeInfo": {
                "symbols": [
                    {"symbol": "BTCUSDT", "status": self.trading, "baseAsset": "BTC", "quoteAsset": "USDT", "x": 1}
                ]
            },
            "bookTicker": {"symbol": "BTCUSDT", "bidPrice": self.best[0], "askPrice": self.best[1], "bidQty": "1"},
            "price": {"symbol": "BTCUSDT", "price": self.last},
        }
        body = json.dumps(bodies[self.asked[-1]]).encode() if self.answer is None else self.answer

        return Response(status=self.status, body=body, headers=self.headers)

    async def converse(self, request: Request, socket: WebSocket) -> None:
        """Keep a socket."""
        self.paths.append(f"{request.path}?{request.query}")
        self.sockets.append(socket)

        while True:
            await socket.receive()

    async def say(self, stream: str, data: dict[str, Any]) -> None:
        """Stream a message."""
        await self.sockets[-1].send(json.dumps({"stream": f"btcusdt@{stream}", "data": data}))

    async def tick(self, update_id: int, bid: str, ask: str) -> None:
        """Stream best prices."""
        await self.say("bookTicker", {"u": update_id, "s": "BTCUSDT", "b": bid, "B": "1", "a": ask, "A": "1"})

    async def trade(self, price: str) -> None:
        """Stream a trade."""
        await self.say("trade", {"e": "trade", "E": 1, "s": "BTCUSDT", "t": 1, "p": price, "q": "1", "m": True})


@attrs.frozen
class Opened:
    """The source, and the venue that it reads."""

    source: ReferenceReceiver
    venue: ScriptedSpot
    served: Served


@asynccontextmanager
async def opened(
    make_context: Callable[..., SourceContext], venue: ScriptedSpot | None = None, **server: Any
) -> AsyncIterator[Opened]:
    """The source over a scripted venue in memory."""
    venue = venue or ScriptedSpot()

    async with open_server(venue, **server) as served:
        sandbox = SandboxAccess(url=served.url, api_key="", api_secret="")
        context = make_context(connect=served.connect, sandbox=sandbox, request=SourceRequest(market="BTC-USDT"))

        async with open_binance(Settings(), context) as source:
            yield Opened(source, venue, served)


@asynccontextmanager
async def opened_sandbox(
    make_context: Callable[..., SourceContext], market: str = "BTC-USDT"
) -> AsyncIterator[tuple[ReferenceReceiver, Sandbox]]:
    """The source over its own sandbox of BTC-USDT."""
    network, clock = MemoryNetwork(latency_s=0.001), LoopClock()
    settings = SandboxSettings(venue="binance", seed=3)

    async with open_sandbox(dialect(), settings, clock=clock, listener=await network.listen()) as sandbox:
        access = SandboxAccess(url=sandbox.line.url, api_key="", api_secret="")
        request = SourceRequest(market=market)
        context = make_context(clock=clock, connect=network.connect, sandbox=access, request=request)

        async with open_binance(Settings(), context) as source:
            yield source, sandbox


# --- against the sandbox -------------------------------------------------------------------------------------------


async def test_references_follow_the_sandbox(make_context: Any) -> None:
    """Best prices and trades of the sandbox's market arrive, each with its time, none older than before."""
    async with opened_sandbox(make_context) as (source, sandbox):
        words = [await source.receive() for _ in range(100)]

        instrument = sandbox.exchange.instrument
        newest = words[-1]
        assert newest.bid is not None
        assert newest.ask is not None
        assert 0 < newest.ask - newest.bid <= 10 * instrument.tick
        assert len({word.bid for word in words}) > 20
        assert len({word.last for word in words}) > 20
        assert [word.at for word in words] == sorted(word.at for word in words)
        assert anyio.current_time() - newest.at < 0.1


async def test_unknown_market_is_named(make_context: Any) -> None:
    """A market that the venue does not have is no connectivity problem."""
    with pytest.raises(UnknownMarketError, match="Binance spot has no market named 'NO-USDT'"):
        async with opened_sandbox(make_context, "NO-USDT"):
            pass


async def test_sandbox_answers_what_the_venue_answers(make_context: Any) -> None:
    """The sandbox has the questions that people ask first."""
    for path in ["/api/v3/ping", "/api/v3/time", "/api/v3/exchangeInfo"]:
        async with opened_sandbox(make_context) as (_, sandbox):
            app = dialect().app(sandbox.exchange, LoopClock(), {})
            assert (await app.respond(Request(method="GET", path=path))).status == 200


async def test_sandbox_refuses_as_the_venue_does(make_context: Any) -> None:
    """Unknown symbols and malformed lists have the venue's codes, other paths are not there."""
    for path, query, status, code in [
        ("/api/v3/ticker/price", "symbol=NOUSDT", 400, -1121),
        ("/api/v3/ticker/bookTicker", "", 400, -1121),
        ("/api/v3/exchangeInfo", "symbols=NOUSDT", 400, -1100),
        ("/api/v3/order", "", 404, None),
    ]:
        async with opened_sandbox(make_context) as (_, sandbox):
            app = dialect().app(sandbox.exchange, LoopClock(), {})
            response = await app.respond(Request(method="GET", path=path, query=query))
            assert response.status == status
            assert code is None or json.loads(response.body)["code"] == code


def test_sandbox_has_no_options() -> None:
    """An option that means nothing is refused."""
    with pytest.raises(ValueError, match="no option latency"):
        dialect().app(None, LoopClock, {"latency": 1})  # type: ignore[arg-type]  # never looked at


# --- against a scripted venue --------------------------------------------------------------------------------------


async def test_first_word_is_what_rest_says(make_context: Any) -> None:
    """The first reference is there before anything is streamed; both streams are asked for on one socket."""
    async with opened(make_context) as desk:
        began_at = anyio.current_time()
        word = await desk.source.receive()
        assert (word.bid, word.ask, word.last) == (99, 101, 100)
        assert word.at <= began_at
        assert desk.venue.paths == ["/stream?streams=btcusdt@bookTicker/btcusdt@trade"]


async def test_time_of_a_price_is_that_of_its_receipt(make_context: Any) -> None:
    """The venue gives no time with best prices: it is when they were received."""
    async with opened(make_context, latency_s=0.02) as desk:
        await desk.source.receive()
        await anyio.sleep(0.5)
        said_at = anyio.current_time()
        await desk.venue.tick(2, "99.5", "100.5")
        word = await desk.source.receive()
        assert (word.bid, word.ask) == (Decimal("99.5"), Decimal("100.5"))
        assert word.at == pytest.approx(said_at + 0.02)


async def test_fast_prices_are_given_as_the_newest(make_context: Any) -> None:
    """A burst of messages becomes one reference, the newest; an older update id changes nothing."""
    async with opened(make_context) as desk:
        await desk.source.receive()

        for number in range(200):
            await desk.venue.tick(number, f"99.{number:03}", "101")

        await desk.venue.tick(5, "1", "2")
        await desk.venue.trade("100.7")
        word = await desk.source.receive()
        assert (word.bid, word.ask, word.last) == (Decimal("99.199"), 101, Decimal("100.7"))


async def test_same_prices_are_repeated_while_the_stream_lives(make_context: Any) -> None:
    """Messages without new prices prove that the price is still that one, told once a second."""
    async with opened(make_context) as desk, anyio.create_task_group() as tasks:
        await desk.source.receive()

        async def murmur() -> None:
            for number in range(1, 100):
                await desk.venue.tick(number, "99.0", "101.0")
                await anyio.sleep(0.1)

        tasks.start_soon(murmur)
        times = [(await desk.source.receive()).at for _ in range(4)]
        gaps = [after - before for before, after in pairwise(times)]
        assert gaps == pytest.approx([REPEAT_S] * 3, abs=0.11)
        assert "bookTicker" not in desk.venue.asked[3:]
        tasks.cancel_scope.cancel()


async def test_quiet_market_is_proven_alive_over_rest(make_context: Any) -> None:
    """Nothing streamed and the same prices over REST: the price is as fresh as that question."""
    async with opened(make_context) as desk:
        await desk.source.receive()

        for _ in range(10):
            asked_before, before = len(desk.venue.asked), anyio.current_time()
            word = await desk.source.receive()
            assert (word.bid, word.ask) == (99, 101)
            assert word.at - before == pytest.approx(QUIET_S)
            assert desk.venue.asked[asked_before:] == ["bookTicker"]


async def test_F34_stream_that_is_silent_while_the_market_moves_is_dead(make_context: Any) -> None:
    """Other prices over REST, twice, while nothing is streamed: the connection is given up within seconds."""
    async with opened(make_context) as desk:
        await desk.source.receive()
        desk.venue.best = ("90.0", "91.0")
        began_at = anyio.current_time()

        with pytest.raises(ConnectivityError, match="silent while the market moves"):
            await desk.source.receive()

        assert anyio.current_time() - began_at <= 2 * QUIET_S + 0.1


async def test_one_disagreement_is_none(make_context: Any) -> None:
    """Prices that moved between REST and the stream are no sign of death: the stream's word comes and counts."""
    async with opened(make_context) as desk, anyio.create_task_group() as tasks:
        await desk.source.receive()
        desk.venue.best = ("90.0", "91.0")

        async def speak_late() -> None:
            await anyio.sleep(QUIET_S + 1)
            await desk.venue.tick(9, "90.0", "91.0")

        tasks.start_soon(speak_late)
        assert (await desk.source.receive()).bid == 90
        assert (await desk.source.receive()).at > anyio.current_time() - 0.1


async def test_F65_silence_that_nobody_explains_ends_the_connection(make_context: Any) -> None:
    """A silent stream and no usable answer over REST: the source is dead soon, and asks no more than it may."""
    for break_rest in [
        lambda venue: setattr(venue, "status", 500),
        lambda venue: setattr(venue, "status", 403),
        lambda venue: setattr(venue, "status", 451),
        lambda venue: setattr(venue, "answer", b"<html>"),
        lambda venue: (setattr(venue, "status", 429), setattr(venue, "headers", {"retry-after": "60"})),
    ]:
        async with opened(make_context) as desk:
            await desk.source.receive()
            break_rest(desk.venue)
            began_at, asked = anyio.current_time(), len(desk.venue.asked)

            with pytest.raises(ConnectivityError, match="has been silent for 15 s"):
                await desk.source.receive()

            assert anyio.current_time() - began_at <= STALL_S + 0.1

            if desk.venue.status == 429:
                assert len(desk.venue.asked) == asked + 1


async def test_announced_end_and_lost_socket_end_the_connection(make_context: Any) -> None:
    """serverShutdown, a closed socket and a reset are connectivity errors: the supervisor opens it again."""
    async with opened(make_context) as desk:
        await desk.venue.sockets[-1].send('{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1}}')
        await desk.source.receive()

        with pytest.raises(ConnectivityError, match="announced"):
            await desk.source.receive()

    for act in ("close", "reset"):
        async with opened(make_context) as desk:
            await desk.source.receive()
            await desk.served.faults.inject(Fault(act=act, when="now", method="WS", path="/stream"))  # type: ignore[arg-type]  # both are acts

            with pytest.raises(ConnectivityError):
                await desk.source.receive()


async def test_pings_are_answered(make_context: Any) -> None:
    """The venue pings every 20 s and drops who is silent; a source that listens stays."""
    async with opened(make_context, ping_s=20.0) as desk:
        with anyio.move_on_after(120):
            while True:
                await desk.source.receive()

        await desk.venue.tick(7, "98", "99")

        with anyio.fail_after(1):
            while (await desk.source.receive()).bid != 98:
                pass


async def test_F62_malformed_prices_are_dropped_and_too_many_end_the_connection(make_context: Any) -> None:
    """A frame that is no price changes nothing; a stream of them is of no use."""
    for data in [
        {"u": 1, "s": "BTCUSDT", "b": "NaN", "a": "1"},
        {"u": 1, "s": "BTCUSDT", "b": "-1", "a": "1"},
        {"u": 1, "s": "BTCUSDT", "b": None, "a": "1"},
        {"u": 1, "s": "BTCUSDT", "b": "1e99", "a": "1"},
        {"s": "BTCUSDT"},
    ]:
        async with opened(make_context) as desk:
            first = await desk.source.receive()

            for _ in range(5):
                await desk.venue.say("bookTicker", data)

            assert (await desk.source.receive()).bid == first.bid

            for _ in range(6):
                await desk.venue.say("bookTicker", data)

            with pytest.raises(ConnectivityError, match="cannot be understood"):
                await desk.source.receive()


async def test_empty_side_is_no_price(make_context: Any) -> None:
    """The venue writes zero for an empty side; here that is None."""
    async with opened(make_context) as desk:
        await desk.source.receive()
        await desk.venue.tick(3, "0.00000000", "101")
        word = await desk.source.receive()
        assert (word.bid, word.ask) == (None, 101)


async def test_other_market_on_the_stream_is_passed_over(make_context: Any) -> None:
    """Prices of another symbol are not ours, whatever stream they come on."""
    async with opened(make_context) as desk:
        await desk.source.receive()
        await desk.venue.say("bookTicker", {"u": 9, "s": "ETHUSDT", "b": "1", "a": "2"})
        await desk.venue.tick(2, "98", "99")
        assert (await desk.source.receive()).bid == 98


async def test_market_that_cannot_be_read_says_why(make_context: Any) -> None:
    """Unknown, halted, refused, limited and unreachable are different things, each with its words."""
    for changes, kind, words in [
        ({"trading": "HALT"}, MarketRulesError, "status is HALT"),
        ({"status": 400, "answer": b'{"code":-1121,"msg":"Invalid symbol."}'}, UnknownMarketError, "BTC-USDT"),
        ({"status": 400, "answer": b'{"code":-1003,"msg":"no"}'}, RefusedError, "no"),
        ({"status": 451, "answer": b"<html>"}, ConnectivityError, "451"),
        ({"status": 418, "headers": {"retry-after": "9"}}, RateLimitedError, "fewer"),
        ({"status": 302, "headers": {"location": "http://169.254.169.254/"}}, ConnectivityError, "302"),
        ({"status": 503}, ConnectivityError, "503"),
        ({"status": 403}, ConnectivityError, "403"),
        ({"answer": b'{"symbols":[]}'}, UnknownMarketError, "BTC-USDT"),
        ({"answer": b"<html>"}, ConnectivityError, "not answer in JSON"),
    ]:
        async with open_server(ScriptedSpot(**changes)) as served:
            sandbox = SandboxAccess(url=served.url, api_key="", api_secret="")
            context = make_context(connect=served.connect, sandbox=sandbox)

            with pytest.raises(kind, match=words):
                async with open_binance(Settings(), context):
                    pass


async def test_address_outside_the_venue_is_refused_when_opened(make_context: Any) -> None:
    """Settings that were not checked by a configuration are checked when the source is opened."""
    with pytest.raises(ConfigurationError, match=r"binance\.rest_url"):
        async with open_binance(Settings(rest_url="https://evil.example"), make_context()):
            pass
