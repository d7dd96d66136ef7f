"""The WebSocket API: what HTTP does, on a socket, under the id of each request."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import pytest

from perpmaker_binance_perpetual.sandbox.signing import KEYS

pytestmark = pytest.mark.anyio

PATH = "/ws-fapi/v1"


def request(venue: Any, method: str, number: object = 1, /, **parameters: object) -> dict[str, object]:
    """A request that is signed over its sorted parameters."""
    words = {**parameters, "apiKey": KEYS.api_key, "timestamp": venue.clock.utc_ms()}
    text = "&".join(f"{name}={value}" for name, value in sorted(words.items()))
    signature = hmac.new(KEYS.api_secret.encode(), text.encode(), hashlib.sha256).hexdigest()

    return {"id": number, "method": method, "params": {**words, "signature": signature}}


async def ask(ear: Any, message: object) -> Any:
    """The answer to a request."""
    await ear.say(message)

    return await ear.hear()


async def test_orders_are_placed_moved_asked_for_and_cancelled(open_venue: Any, order_of: Any) -> None:
    """The same answers as over HTTP, each under the id of its request; the counts of orders are shown."""
    async with open_venue() as venue, venue.listen(PATH) as ear:
        terms = {name: value for name, value in order_of().items() if value is not None}
        placed = await ask(ear, request(venue, "order.place", "a", **{**terms, "quantity": 0.01}))
        order = {"symbol": "BTCUSDT", "orderId": placed["result"]["orderId"]}

        assert (placed["id"], placed["status"], placed["result"]["status"]) == ("a", 200, "NEW")
        assert [(limit["intervalNum"], limit["count"]) for limit in placed["rateLimits"]] == [(10, 1), (1, 1)]

        moved = await ask(ear, request(venue, "order.modify", 2, **order, side="BUY", quantity="0.011", price="58999"))
        shown = await ask(ear, request(venue, "order.status", 3, **order))
        cancelled = await ask(ear, request(venue, "order.cancel", 4, **order))

        assert moved["result"]["origQty"] == shown["result"]["origQty"] == "0.011"
        assert (cancelled["id"], cancelled["result"]["status"]) == (4, "CANCELED")
        assert await venue.ok("GET", "/fapi/v1/openOrders", symbol="BTCUSDT") == []


async def test_account_is_shown(open_venue: Any) -> None:
    """Balance, position and status as over HTTP."""
    async with open_venue() as venue, venue.listen(PATH) as ear:
        await venue.order(type="MARKET", timeInForce=None, price=None)
        balance = await ask(ear, request(venue, "v2/account.balance"))
        status = await ask(ear, request(venue, "account.status"))
        position = await ask(ear, request(venue, "v2/account.position", symbol="BTCUSDT"))

        assert balance["result"] == await venue.ok("GET", "/fapi/v3/balance")
        assert status["result"] == await venue.ok("GET", "/fapi/v2/account")
        assert position["result"][0]["positionAmt"] == "0.010"


async def test_orders_come_as_fast_as_their_own_limits_allow(open_venue: Any) -> None:
    """The streams' limit on control messages is not the API's: the orders of ten seconds are counted, with HTTP's."""
    async with open_venue(orders_10s=30) as venue, venue.listen(PATH) as ear:
        terms = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}

        for number in range(31):
            await ear.say(request(venue, "order.place", number, **terms, price=str(59_000 - number)))

        statuses = {answer["id"]: answer["status"] for answer in [await ear.hear() for _ in range(31)]}

        assert statuses == {**dict.fromkeys(range(30), 200), 30: 429}


async def test_what_is_wrong_is_refused_in_the_status_of_http(open_venue: Any, order_of: Any) -> None:
    """A bad key, a bad signature, an unknown order, a method that there is not, and no JSON."""
    async with open_venue() as venue, venue.listen(PATH) as ear:
        good = request(venue, "order.cancel", symbol="BTCUSDT", orderId=1)
        stranger = {**good, "params": {**good["params"], "apiKey": "nobody"}}
        forged = {**good, "params": {**good["params"], "orderId": 2}}

        for message, status, code in (
            (stranger, 401, -2015),
            (forged, 400, -1022),
            (good, 400, -2011),
            (request(venue, "order.guess"), 404, -5000),
            ([], 400, -1135),
            ({"id": 1, "method": "order.place", "params": []}, 400, -1135),
        ):
            answer = await ask(ear, message)

            assert (answer["status"], answer["error"]["code"]) == (status, code)

        silent = await ask(ear, request(venue, "order.place", returnRateLimits="false", **order_of(price="1")))

        assert "rateLimits" not in silent
        assert silent["error"]["code"] == -4164
