"""The front door: whatever comes in, a JSON answer goes out; and the same on every backend."""

from __future__ import annotations

import hashlib
import hmac
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import anyio
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perpmaker.simulation.exchange import Exchange
from perpmaker.simulation.rules import MARKETS
from perpmaker.simulation.script import ScriptedMarket
from perpmaker.wire.server import Request, Response
from perpmaker_binance_perpetual.sandbox import dialect
from perpmaker_binance_perpetual.sandbox.app import ENDPOINTS
from perpmaker_binance_perpetual.sandbox.signing import KEYS
from perpmaker_binance_perpetual.sandbox.sockets import Route, Target, parse_target, stream_route
from perpmaker_binance_perpetual.sandbox.venue import SIGNED_PARAMETERS

NOW_MS = 1_767_225_600_000
NAMES = sorted({name for one in ENDPOINTS.endpoints for name in one.parameters or ()} - SIGNED_PARAMETERS)
PATHS = sorted((one.method, one.path) for one in ENDPOINTS.endpoints)
WORDS = st.one_of(
    st.sampled_from(["BTCUSDT", "BUY", "SELL", "LIMIT", "MARKET", "GTC", "GTX", "LONG", "true", "60000.0", "0.010"]),
    st.sampled_from(["[1]", '["a"]', "[{}]", '[{"symbol":"BTCUSDT","side":"BUY"}]', "[" * 5000, "1e999", "-0", ""]),
    st.integers().map(str),
    st.text(max_size=10),
)


class StandingClock:
    """A clock that stands still."""

    def now(self) -> float:
        """Always the same."""
        return 0.0

    def utc_ms(self) -> int:
        """Always the same."""
        return NOW_MS


def answer(request: Request) -> Response:
    """The answer of a fresh venue with a scripted market."""
    market = ScriptedMarket(bids=[(599_999, 1000)], asks=[(600_001, 1000)], mark=Decimal(60_000))
    exchange = Exchange(MARKETS["BTC-USDT"].instrument, market, start_ms=NOW_MS)
    exchange.open_account("main", Decimal(10_000))

    return anyio.run(dialect().app(exchange, StandingClock(), {}).respond, request)


@given(
    endpoint=st.sampled_from(PATHS),
    parameters=st.dictionaries(st.sampled_from(NAMES), WORDS, max_size=10),
    in_body=st.booleans(),
)
def test_any_parameters_are_answered_in_json(
    endpoint: tuple[str, str], parameters: dict[str, str], in_body: bool
) -> None:
    """Whatever the parameters of a signed call are, the answer is the venue's: 200, or a code."""
    text = urlencode({**parameters, "timestamp": str(NOW_MS), "recvWindow": "5000"})
    signed = f"{text}&signature={hmac.new(KEYS.api_secret.encode(), text.encode(), hashlib.sha256).hexdigest()}"
    response = answer(
        Request(
            method=endpoint[0],
            path=endpoint[1],
            query="" if in_body else signed,
            headers={"x-mbx-apikey": KEYS.api_key},
            body=signed.encode() if in_body else b"",
        )
    )
    body = msgspec.json.decode(response.body)

    assert response.headers["Content-Type"] == "application/json"
    assert response.status == 200 or body["code"] < 0


@given(query=st.text(max_size=50), body=st.binary(max_size=50))
def test_any_bytes_are_answered(query: str, body: bytes) -> None:
    """What is not even a form is refused with a code."""
    response = answer(
        Request(method="POST", path="/fapi/v1/order", query=query, headers={"x-mbx-apikey": KEYS.api_key}, body=body)
    )

    assert response.status == 400


def test_unknown_path_is_not_found() -> None:
    """A path or method that the venue does not have is 404 in JSON."""
    for method, path in (("GET", "/fapi/v1/nothing"), ("PATCH", "/fapi/v1/order")):
        response = answer(Request(method=method, path=path))

        assert (response.status, msgspec.json.decode(response.body)["code"]) == (404, -5000)


def test_spot_host_answers_whether_it_is_there() -> None:
    """Clients of spot and futures alike ask the spot host for a ping and the time before anything else."""
    ping, time = (answer(Request(method="GET", path=f"/api/v3/{name}")) for name in ("ping", "time"))

    assert msgspec.json.decode(ping.body) == {}
    assert msgspec.json.decode(time.body) == {"serverTime": NOW_MS}


def test_dialect_names_markets_and_shows_its_keys() -> None:
    """The sandbox asks the dialect for the venue's symbol and for keys to print."""
    assert dialect().symbol("BTC-USDT") == "BTCUSDT"
    assert dialect().keys == KEYS


def target(route: Route, *streams: str, wrapped: bool = False, events: frozenset[str] | None = None) -> Target:
    """What a socket asks for."""
    return Target(route=route, wrapped=wrapped, streams=streams, events=events)


@pytest.mark.parametrize(
    ("path", "query", "wanted"),
    [
        ("/public/ws", "", target(Route.PUBLIC)),
        ("/private/ws/k", "", target(Route.PRIVATE, "k")),
        ("/elsewhere", "", None),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                ("/public/ws/a@depth/b@depth", "", target(Route.PUBLIC, "a@depth", "b@depth")),
                (
                    "/market/stream",
                    "streams=a@aggTrade/b@aggTrade",
                    target(Route.MARKET, "a@aggTrade", "b@aggTrade", wrapped=True),
                ),
                ("/private/ws", "listenKey=k&events=A/B", target(Route.PRIVATE, "k", events=frozenset({"A", "B"}))),
                ("/stream", "streams=", target(Route.PUBLIC, wrapped=True)),
                ("/ws", "listenKey=", target(Route.PUBLIC)),
            )
        ),
    ],
)
def test_target_of_a_socket(path: str, query: str, wanted: Target | None) -> None:
    """Path and query say route, form, streams and the allow-list."""
    assert parse_target(Request(method="GET", path=path, query=query)) == wanted


def test_streams_have_their_class_by_name() -> None:
    """Books are public, listenKeys private, everything else is of the market class."""
    assert stream_route("btcusdt@depth5@100ms") is stream_route("!bookTicker") is Route.PUBLIC
    assert stream_route("btcusdt@markPrice@1s") is stream_route("!markPrice@arr") is Route.MARKET
    assert stream_route("0" * 64) is Route.PRIVATE


@pytest.mark.anyio
async def test_session_on_every_backend(open_venue: Any) -> None:
    """An order, its event, and a book's diff: on asyncio in real time and on trio in virtual time."""
    async with (
        open_venue() as venue,
        venue.listen_to_account() as account,
        venue.listen("/public/ws/btcusdt@depth@100ms") as book,
    ):
        placed = await venue.order(price="59999.80")
        told = await account.hear()
        diff = await book.hear()

        assert told["o"]["i"] == placed["orderId"]
        assert ["59999.80", "1.010"] in diff["b"]
