from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl

import attrs
import httpx
import pytest
import respx

from perpmaker.clock import LoopClock
from perpmaker.connector.interface import CancelOrder
from perpmaker.errors import AuthenticationError, ConnectivityError, PayloadError, RateLimitedError, RefusedError
from perpmaker.model.event import Event
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import PositionMode
from perpmaker.model.position import MarginMode
from perpmaker.secret import Secret, make_signer
from perpmaker.venue import (
    Credentials,
    LateAnswerError,
    LostAnswerError,
    NotSentError,
    RestClient,
    StreamSpec,
    VenueAccess,
)
from perpmaker.wire.memory import MemoryNetwork
from perpmaker_binance_perpetual import rest as endpoints
from perpmaker_binance_perpetual.connector import BinancePerpetual
from perpmaker_binance_perpetual.market import MarketSettings
from perpmaker_binance_perpetual.orders import OrderQuestions
from perpmaker_binance_perpetual.signing import signature
from perpmaker_binance_perpetual.streams import fetch_depth
from perpmaker_binance_perpetual.user_stream import account_stream

from .clients import client_over

pytestmark = pytest.mark.anyio

BASE = "https://fapi.test"
SECRET = "NOT_A_SECRET_binance_test_0123456789abcdef"
SIGNER = make_signer(Secret(SECRET))
SERVER_MS = 1767225600000


@asynccontextmanager
async def open_rest(*, keys: bool = True) -> AsyncIterator[tuple[RestClient, respx.Router]]:
    """REST over a router that answers; the venue's clock is known to it."""
    router = respx.Router(base_url=BASE, assert_all_called=False)
    router.get("/fapi/v1/time").respond(json={"serverTime": SERVER_MS})
    credentials = Credentials(api_key="KEY", signer=SIGNER) if keys else None

    async with httpx.AsyncClient(transport=httpx.MockTransport(router.async_handler), base_url=BASE) as client:
        yield client_over(client, LoopClock(), credentials, patience_s=0.1), router


@attrs.frozen
class Room:
    """A client, and the connector over it with a market."""

    client: RestClient
    connector: BinancePerpetual
    access: VenueAccess
    instrument: Instrument

    def account_stream(self) -> StreamSpec[Event]:
        """The account's stream."""
        return account_stream(self.access, self.instrument, OrderQuestions(self.client), lambda: None)

    async def renew_listen_key(self) -> None:
        """What the account's stream does every twenty minutes."""
        renewal, _ = self.account_stream().begin(Silence()).chores
        await renewal.run()


class Silence:
    """A connection that brings nothing."""

    async def receive(self) -> str:
        """Nothing."""
        raise NotImplementedError

    async def send(self, message: str | bytes) -> None:
        """Nothing."""


def room_over(client: RestClient, instrument: Instrument) -> Room:
    """The connector over a client."""
    access = VenueAccess(
        connect=MemoryNetwork().connect,
        url="ws://x",
        client=client,
        credentials=Credentials(api_key="KEY", signer=SIGNER),
    )
    connector = BinancePerpetual(access, keys=client)

    return Room(client, connector, access, instrument)


ORDER = {
    "orderId": 7,
    "symbol": "BTCUSDT",
    "status": "NEW",
    "clientOrderId": "a",
    "price": "60000.00",
    "origQty": "0.010",
    "executedQty": "0.000",
    "type": "LIMIT",
    "side": "BUY",
}
TRADE = {
    "id": 5,
    "orderId": 7,
    "symbol": "BTCUSDT",
    "side": "BUY",
    "price": "1",
    "qty": "1",
    "commission": "0",
    "commissionAsset": "BNB",
    "realizedPnl": "0",
    "maker": True,
    "time": 9,
}
SYMBOL = {"symbol": "BTCUSDT"}
CONFIG = {"symbol": "BTCUSDT", "marginType": "CROSSED", "leverage": 20}
BRACKET = {"initialLeverage": 125, "notionalCap": 50000, "notionalFloor": 0, "maintMarginRatio": 0.004, "cum": 0.0}
BRACKETS = {"symbol": "BTCUSDT", "brackets": [BRACKET]}
FEES = {"symbol": "BTCUSDT", "makerCommissionRate": "0.0002", "takerCommissionRate": "0.0005"}
FILTERS = [
    {"filterType": "PRICE_FILTER", "minPrice": "1", "maxPrice": "9", "tickSize": "0.1"},
    {"filterType": "LOT_SIZE", "minQty": "1", "maxQty": "9", "stepSize": "1"},
]
MARKET = {
    "symbol": "BTCUSDT",
    "contractType": "PERPETUAL",
    "status": "TRADING",
    "baseAsset": "BTC",
    "quoteAsset": "USDT",
    "filters": FILTERS,
}
STOP = {"algoId": 3, "clientAlgoId": "s", "symbol": "BTCUSDT", "side": "SELL", "algoStatus": "NEW"}
RIGHTS = {"ipRestrict": True, "enableReading": True, "enableWithdrawals": False}
DONE = {"code": 200, "msg": "success"}
Calls = Callable[[Room], Awaitable[Any]]

ENDPOINTS: list[tuple[str, str, Calls, Any, dict[str, str]]] = [
    (
        "GET",
        "/fapi/v1/exchangeInfo",
        lambda room: room.connector.fetch_instrument("BTC-USDT"),
        {"symbols": [MARKET]},
        {},
    ),
    (
        "GET",
        "/fapi/v1/depth",
        lambda room: fetch_depth(room.client, room.instrument),
        {"lastUpdateId": 1, "bids": [["1", "2"]], "asks": []},
        {**SYMBOL, "limit": "1000"},
    ),
    ("GET", "/fapi/v1/fundingInfo", lambda room: room.connector.fetch_instrument("BTC-USDT"), [], {}),
    (
        "GET",
        "/fapi/v1/premiumIndex",
        lambda room: room.connector.fetch_mark(room.instrument),
        {"symbol": "BTCUSDT", "markPrice": "1", "time": 1},
        SYMBOL,
    ),
    ("GET", "/fapi/v1/leverageBracket", lambda room: room.connector.fetch_instrument("BTC-USDT"), [BRACKETS], SYMBOL),
    ("GET", "/fapi/v1/leverageBracket", lambda room: room.connector.fetch_instrument("BTC-USDT"), BRACKETS, SYMBOL),
    ("GET", "/fapi/v1/commissionRate", lambda room: room.connector.fetch_instrument("BTC-USDT"), FEES, SYMBOL),
    (
        "GET",
        "/fapi/v1/accountConfig",
        lambda room: room.connector.fetch_settings(room.instrument),
        {"dualSidePosition": True},
        {},
    ),
    ("GET", "/fapi/v1/symbolConfig", lambda room: room.connector.fetch_settings(room.instrument), [CONFIG], SYMBOL),
    ("GET", "/sapi/v1/account/apiRestrictions", lambda room: room.connector.fetch_key_rights(), RIGHTS, {}),
    (
        "POST",
        "/fapi/v1/leverage",
        lambda room: MarketSettings(room.client, room.instrument).set_leverage(3),
        CONFIG,
        {**SYMBOL, "leverage": "3"},
    ),
    (
        "POST",
        "/fapi/v1/marginType",
        lambda room: MarketSettings(room.client, room.instrument).set_margin_mode(MarginMode.ISOLATED),
        DONE,
        {**SYMBOL, "marginType": "ISOLATED"},
    ),
    (
        "POST",
        "/fapi/v1/positionSide/dual",
        lambda room: MarketSettings(room.client, room.instrument).set_position_mode(PositionMode.HEDGE),
        DONE,
        {"dualSidePosition": "true"},
    ),
    ("GET", "/fapi/v3/positionRisk", lambda room: room.connector.fetch_account(room.instrument), [], SYMBOL),
    ("GET", "/fapi/v3/account", lambda room: room.connector.fetch_account(room.instrument), {"assets": []}, {}),
    (
        "GET",
        "/fapi/v1/userTrades",
        lambda room: room.connector.fetch_fills(room.instrument, SERVER_MS - 1000),
        [TRADE],
        {**SYMBOL, "limit": "1000"},
    ),
    (
        "GET",
        "/fapi/v1/income",
        lambda room: room.connector.fetch_income(room.instrument, SERVER_MS - 1000),
        [],
        {**SYMBOL, "limit": "1000"},
    ),
    ("POST", "/fapi/v1/order", lambda room: room.client.send(endpoints.PLACE, {"a": "b c"}), ORDER, {"a": "b c"}),
    (
        "POST",
        "/fapi/v1/batchOrders",
        lambda room: room.client.send(endpoints.PLACE_BATCH, {"batchOrders": '[{"a":"1"},{"b":"2"}]'}),
        [ORDER],
        {"batchOrders": '[{"a":"1"},{"b":"2"}]'},
    ),
    (
        "DELETE",
        "/fapi/v1/order",
        lambda room: room.connector.cancel(room.instrument, [CancelOrder(client_id="a")]),
        ORDER,
        {**SYMBOL, "origClientOrderId": "a"},
    ),
    (
        "DELETE",
        "/fapi/v1/batchOrders",
        lambda room: room.connector.cancel(room.instrument, [CancelOrder(client_id=name) for name in "ab"]),
        [ORDER],
        {**SYMBOL, "origClientOrderIdList": '["a","b"]'},
    ),
    (
        "GET",
        "/fapi/v1/order",
        lambda room: room.connector.fetch_order(room.instrument, "a", "7"),
        ORDER,
        {**SYMBOL, "orderId": "7"},
    ),
    (
        "GET",
        "/fapi/v1/order",
        lambda room: room.connector.fetch_order(room.instrument, "a", None),
        ORDER,
        {**SYMBOL, "origClientOrderId": "a"},
    ),
    ("GET", "/fapi/v1/openOrders", lambda room: room.connector.fetch_open_orders(room.instrument), [ORDER], SYMBOL),
    (
        "POST",
        "/fapi/v1/countdownCancelAll",
        lambda room: room.connector.arm(room.instrument, 2.5),
        DONE,
        {**SYMBOL, "countdownTime": "2500"},
    ),
    (
        "DELETE",
        "/fapi/v1/algoOrder",
        lambda room: room.connector.cancel_stops(room.instrument, [CancelOrder(client_id="s")]),
        {**DONE, "algoId": 3, "clientAlgoId": "s"},
        {**SYMBOL, "clientAlgoId": "s"},
    ),
    (
        "GET",
        "/fapi/v1/algoOrder",
        lambda room: room.connector.fetch_stop(room.instrument, "s"),
        STOP,
        {"clientAlgoId": "s"},
    ),
    ("GET", "/fapi/v1/openAlgoOrders", lambda room: room.connector.fetch_open_stops(room.instrument), [STOP], SYMBOL),
    (
        "POST",
        "/fapi/v1/listenKey",
        lambda room: room.account_stream().url(),
        {"listenKey": "k"},
        {},
    ),
    ("PUT", "/fapi/v1/listenKey", lambda room: room.renew_listen_key(), {}, {}),
]
PUBLIC = {"/fapi/v1/exchangeInfo", "/fapi/v1/depth", "/fapi/v1/fundingInfo", "/fapi/v1/premiumIndex"}
KEYED = {"/fapi/v1/listenKey"}


@pytest.mark.parametrize(("method", "path", "call", "body", "parameters"), ENDPOINTS)
async def test_each_endpoint_is_asked_as_the_venue_wants_it(  # noqa: PLR0917  # the columns of the table
    instrument: Instrument, method: str, path: str, call: Calls, body: Any, parameters: dict[str, str]
) -> None:
    """Method, path and parameters in the query, an empty body, and exactly the headers and signature it needs."""
    async with open_rest() as (rest, router):
        for other_method, other_path, _, other_body, _ in ENDPOINTS:
            router.request(other_method, other_path).respond(json=other_body)

        route = router.request(method, path).respond(json=body)
        await call(room_over(rest, instrument))

    request = route.calls.last.request
    query, _, signed = request.url.query.decode().partition("&signature=")
    sent = dict(parse_qsl(query))

    assert request.content == b""
    assert request.headers["user-agent"] == "perpmaker"
    assert ("x-mbx-apikey" in request.headers) is (path not in PUBLIC)

    if path in PUBLIC | KEYED:
        assert not signed
    else:
        assert signed == signature(query, SIGNER)
        assert sent.pop("recvWindow") == "2000"
        assert abs(int(sent.pop("timestamp")) - SERVER_MS) < 1000

    assert {name: text for name, text in sent.items() if name not in {"startTime", "endTime"}} == parameters


def refusal(code: int) -> dict[str, Any]:
    """The venue's refusal."""
    return {"code": code, "msg": "words"}


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, refusal(-1121), RefusedError),
        (401, refusal(-2015), AuthenticationError),
        (429, refusal(-1003), RateLimitedError),
        (503, refusal(-1008), ConnectivityError),
        (200, refusal(-1007), ConnectivityError),
        (302, {}, ConnectivityError),
        (200, {"strange": 1}, PayloadError),
        *(pytest.param(*one, marks=pytest.mark.full) for one in ((200, refusal(-1121), RefusedError),)),
    ],
)
async def test_reads_raise_what_the_answer_means(status: int, body: Any, kind: type[Exception]) -> None:
    """Refusals, unavailability and strange shapes are different errors."""
    async with open_rest() as (rest, router):
        router.get("/fapi/v1/accountConfig").respond(status, json=body)

        with pytest.raises(kind) as caught:
            await rest.read(endpoints.ACCOUNT_CONFIG)

    assert type(caught.value) is kind


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (httpx.ConnectError("nobody there"), NotSentError),
        (httpx.ConnectTimeout("too slow"), NotSentError),
        (httpx.ReadTimeout("silent"), LateAnswerError),
        (httpx.ReadError("reset"), LostAnswerError),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in ((httpx.RemoteProtocolError("not HTTP"), LostAnswerError),)
        ),
    ],
)
async def test_what_may_have_been_sent_is_told_from_what_was_not(raised: Exception, kind: type[Exception]) -> None:
    """Only an error before the first byte proves that nothing was sent; no error shows the signed URL."""
    async with open_rest() as (rest, router):
        await rest.measure_clock()
        router.post("/fapi/v1/order").mock(side_effect=raised)

        with pytest.raises(kind) as caught:
            await rest.send(endpoints.PLACE, {"a": "b"})

    assert type(caught.value) is kind
    assert caught.value.__cause__ is None
    assert "signature" not in str(caught.value)


async def test_F17_a_placement_is_sent_once() -> None:
    """Whatever happens, one call is one request; -1021 too."""
    async with open_rest() as (rest, router):
        route = router.post("/fapi/v1/order").respond(400, json=refusal(-1021))
        answer = await rest.send(endpoints.PLACE, {"a": "b"})

    assert route.call_count == 1
    assert answer.failure is not None


@pytest.mark.parametrize("code", [-1021, -5028])
async def test_F66_what_may_be_repeated_is_repeated_once_with_a_new_clock(code: int) -> None:
    """A refused timestamp costs one measurement and one more try, no more."""
    async with open_rest() as (rest, router):
        clock = router.get("/fapi/v1/time").respond(json={"serverTime": SERVER_MS})
        route = router.get("/fapi/v1/openOrders").respond(400, json=refusal(code))

        with pytest.raises(RefusedError):
            await rest.read(endpoints.OPEN_ORDERS)

    assert route.call_count == 2
    assert clock.call_count == 2


async def test_without_a_clock_nothing_is_placed() -> None:
    """When the venue's time cannot be read, an order is not sent for certain."""
    async with open_rest() as (rest, router):
        router.get("/fapi/v1/time").mock(side_effect=httpx.ReadTimeout("silent"))
        route = router.post("/fapi/v1/order").respond(json=ORDER)

        with pytest.raises(NotSentError, match="clock"):
            await rest.send(endpoints.PLACE, {"a": "b"})

    assert not route.called


async def test_without_keys_only_public_calls_work() -> None:
    """A signed call says which keys of the file to set."""
    async with open_rest(keys=False) as (rest, router):
        router.get("/fapi/v1/fundingInfo").respond(json=[])
        assert await rest.read(endpoints.FUNDING_INFO) == []

        with pytest.raises(AuthenticationError, match="api_key"):
            await rest.read(endpoints.ACCOUNT)


async def test_F12_used_weight_of_others_counts() -> None:
    """When the venue says that the address's budget is nearly spent, only what is urgent goes on."""
    async with open_rest() as (rest, router):
        headers = {"X-MBX-USED-WEIGHT-1M": "2000", "X-MBX-ORDER-COUNT-10S": "x", "X-MBX-ORDER-COUNT-1M": "9" * 50}
        router.get("/fapi/v1/fundingInfo").respond(json=[], headers=headers)
        router.get("/fapi/v1/accountConfig").respond(json={"dualSidePosition": False})
        orders = router.get("/fapi/v1/openOrders").respond(json=[])
        await rest.measure_clock()
        await rest.read(endpoints.FUNDING_INFO)

        with pytest.raises(RateLimitedError, match="budget"):
            await rest.read(endpoints.ACCOUNT_CONFIG)

        await rest.read(endpoints.OPEN_ORDERS)

    assert orders.called


async def test_a_batch_of_any_size_counts_five_orders_in_ten_seconds() -> None:
    """So the venue counts: with four fifths of 300 for quotes, the forty-ninth batch has to wait."""
    async with open_rest() as (rest, router):
        await rest.measure_clock()
        route = router.post("/fapi/v1/batchOrders").respond(json=[])

        for _ in range(48):
            await rest.send(endpoints.PLACE_BATCH, {"batchOrders": "[]"})

        with pytest.raises(RateLimitedError, match="budget"):
            await rest.send(endpoints.PLACE_BATCH, {"batchOrders": "[]"})

    assert route.call_count == 48


async def test_F12_an_exit_never_waits_for_the_time_to_be_asked() -> None:
    """After a 429 an exit whose clock was refused measures it out of the reserve, and goes."""
    async with open_rest() as (rest, router):
        headers = {"X-MBX-USED-WEIGHT-1M": "2000", "Retry-After": "30"}
        router.get("/fapi/v1/fundingInfo").respond(429, json=refusal(-1003), headers=headers)
        route = router.post("/fapi/v1/order").respond(json=ORDER)

        with pytest.raises(RateLimitedError):
            await rest.read(endpoints.FUNDING_INFO)

        assert (await rest.send(endpoints.PLACE, {"a": "b"}, urgent=True)).ok

    assert route.called


async def test_a_secret_never_shows() -> None:
    """Neither the signer nor the key is in any representation of what carries them."""
    credentials = Credentials(api_key="KEY-canary", signer=SIGNER)

    assert "canary" not in repr(credentials)
    assert SECRET not in repr(credentials)
