"""Whatever comes is answered: no bytes of a client end the sandbox."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest

from perpmaker_bybit_perpetual.sandbox.app import ENDPOINTS
from perpmaker_bybit_perpetual.sandbox.sockets import OPS

from .conftest import KEYS, LINEAR, limit_order, sign

pytestmark = pytest.mark.anyio

VALUES = (
    *("", "0", "-1", "1e9", "NaN", "9" * 20, "9" * 5000, "0.00000000000000000001", "²", "BTCUSDT", "linear", "Buy"),
    *(0, -1, 10**18, 1.5, True, False, None, [], {}, [1], [{}], [[]], {"a": 1}, ["Buy"], "UNIFIED", "1", "Full"),
)
NAMES = (
    *("category", "symbol", "side", "orderType", "qty", "price", "timeInForce", "positionIdx", "reduceOnly"),
    *("orderLinkId", "orderId", "triggerPrice", "triggerDirection", "stopLoss", "tpslMode", "request", "limit"),
    *("cursor", "startTime", "endTime", "orderFilter", "mode", "coin", "buyLeverage", "sellLeverage", "accountType"),
    *("timeWindow", "product", "modifyEnable", "_until", "execType", "openOnly", "type", "settleCoin"),
)
BYTES = (b"", b"{", b"[]", b"null", b"\xff\xfe", b'"text"', b"1e999", b"[" * 5000, b'{"op":["auth"]}')
MESSAGES = (
    *("{", "[]", "null", "[" * 5000, '{"op":"auth","args":{}}', '{"op":"subscribe","args":[[],{},1,null]}'),
    *('{"op":"auth","args":["a","²","b"]}', '{"op":"auth","args":["a",1e300,"b"]}', '{"op":"subscribe"}', "1"),
    *('{"op":"unsubscribe","args":[{}]}', '{"op":"ping","req_id":{}}', '{"op":{}}', '{"op":"order.create","reqId":1}'),
)


@pytest.mark.parametrize("seed", range(2))
async def test_parameters_that_make_no_sense_are_refused(open_venue: Any, seed: int) -> None:
    """Any values under any names, on every endpoint: HTTP 200 with a code, and the next order is taken."""
    random = Random(seed)  # noqa: S311  # chance that a seed repeats

    async with open_venue(enforce_limits=False) as venue:
        for endpoint in ENDPOINTS.endpoints:
            for _ in range(8):
                base = random.choice(({}, LINEAR, limit_order()))
                asked = {**base, **{random.choice(NAMES): random.choice(VALUES) for _ in range(random.randint(0, 6))}}
                response = await venue.call(endpoint.method, endpoint.path, **asked)

                assert response.status_code == 200, (endpoint.path, asked)
                assert isinstance(response.json()["retCode"], int)

        assert await venue.code("POST", "/v5/order/create", **limit_order(orderLinkId="last")) in {0, 110007, 10001}


async def test_bodies_and_headers_that_are_none_are_refused(open_venue: Any) -> None:
    """Signed all the same, or with a time that is no time."""
    async with open_venue() as venue:
        for body in BYTES:
            stamp = str(venue.clock.utc_ms())
            signed = f"{stamp}{KEYS.api_key}5000".encode() + body
            headers = {"X-BAPI-API-KEY": KEYS.api_key, "X-BAPI-TIMESTAMP": stamp, "X-BAPI-RECV-WINDOW": "5000"}
            headers["X-BAPI-SIGN"] = sign(signed.decode("latin-1"))
            response = await venue.http.post("/v5/order/create", content=body, headers=headers)
            assert response.json()["retCode"] in {10001, 10004}

        for name, value in (("TIMESTAMP", b"\xb2"), ("RECV-WINDOW", b"\xb2"), ("TIMESTAMP", b"9" * 5000)):
            raw = {"X-BAPI-API-KEY": KEYS.api_key, "X-BAPI-TIMESTAMP": b"1", f"X-BAPI-{name}": value}
            response = await venue.http.get("/v5/account/info", headers=raw)
            assert response.json()["retCode"] in {10001, 10002}


@pytest.mark.parametrize("path", ["/v5/public/linear", "/v5/private", "/v5/trade"])
async def test_messages_that_make_no_sense_are_answered(open_venue: Any, path: str) -> None:
    """The socket stays, and so do those that come after."""
    random = Random(1)  # noqa: S311  # chance that a seed repeats

    async with open_venue(enforce_limits=False) as venue, venue.listen(path) as ear:
        for message in MESSAGES:
            await ear.socket.send(message)
            assert isinstance(await ear.hear(), dict)

        if path != "/v5/public/linear":
            await ear.authenticate()

        for number in range(60):
            header = {"X-BAPI-TIMESTAMP": random.choice((str(venue.clock.utc_ms()), *VALUES))}
            asked = {random.choice(NAMES): random.choice(VALUES) for _ in range(5)}
            args = random.choice(([asked], [{**limit_order(), **asked}], asked, [asked, asked], []))
            op = random.choice(("subscribe", "unsubscribe", "auth", *OPS))
            await ear.socket.send(json.dumps({"op": op, "args": args, "reqId": f"r-{number}", "header": header}))
            assert isinstance(await ear.hear(), dict)

        assert "pong" in json.dumps(await ear.say("ping"))
