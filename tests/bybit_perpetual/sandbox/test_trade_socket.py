"""Commands on the trade socket."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import KEYS, LINEAR, limit_order, sign

pytestmark = pytest.mark.anyio

TRADE = "/v5/trade"


async def test_a_command_is_answered_by_its_number(open_venue: Any) -> None:
    """With the limits in a header, and what it did is told on the private stream."""
    async with open_venue() as venue, venue.listen(TRADE) as ear, venue.listen_to_account("order") as account:
        answer = await ear.authenticate()
        assert (answer["retCode"], answer["retMsg"], answer["op"]) == (0, "OK", "auth")
        placed = await ear.command("order.create", "r-1", **limit_order(orderLinkId="mm-1"))

        assert (placed["reqId"], placed["retCode"], placed["op"]) == ("r-1", 0, "order.create")
        assert placed["data"]["orderLinkId"] == "mm-1"
        assert (placed["header"]["X-Bapi-Limit"], placed["header"]["X-Bapi-Limit-Status"]) == ("10", "9")
        assert placed["header"]["Timenow"] == str(venue.clock.utc_ms())
        moved = await ear.command("order.amend", "r-2", orderLinkId="mm-1", price="59001.0")
        gone = await ear.command("order.cancel", "r-3", orderLinkId="mm-1")
        again = await ear.command("order.cancel", "r-4", orderLinkId="mm-1")
        assert [one["retCode"] for one in (moved, gone, again)] == [0, 0, 110001]
        rows = await account.rows("order")
        assert [row["orderStatus"] for row in rows] == ["New", "New", "Cancelled"]
        assert {row["orderId"] for row in rows} == {placed["data"]["orderId"]}


async def test_a_batch_on_the_socket_answers_each_by_itself(open_venue: Any) -> None:
    """As by HTTP."""
    async with open_venue() as venue, venue.listen(TRADE) as ear:
        await ear.authenticate()
        request = [limit_order(orderLinkId="a"), limit_order(orderLinkId="a")]
        header = {"X-BAPI-TIMESTAMP": venue.clock.utc_ms(), "X-BAPI-RECV-WINDOW": 5000}
        asked = {"category": "linear", "request": request}
        answer = await ear.say("order.create-batch", asked, reqId="b", header=header)

        assert (answer["retCode"], [one["code"] for one in answer["retExtInfo"]["list"]]) == (0, [0, 110072])
        assert [bool(one["orderId"]) for one in answer["data"]["list"]] == [True, False]


async def test_what_is_no_command_is_refused(open_venue: Any) -> None:
    """Before the key, once more with a number, out of its time, of an op that there is not, without an object."""
    async with open_venue() as venue, venue.listen(TRADE) as ear:
        assert (await ear.command("order.create", "r", **limit_order()))["retCode"] == 10005
        await ear.authenticate()
        assert (await ear.authenticate())["retCode"] == 20001
        assert (await ear.command("order.create", "r-1", **limit_order()))["retCode"] == 0
        assert (await ear.command("order.create", "r-1", **limit_order()))["retCode"] == 20006
        assert (await ear.command("order.dance", "r-2"))["retCode"] == 10404
        old = {"X-BAPI-TIMESTAMP": str(venue.clock.utc_ms() - 6000)}
        assert (await ear.say("order.create", limit_order(), reqId="r-3", header=old))["retCode"] == 10002
        now = {"X-BAPI-TIMESTAMP": str(venue.clock.utc_ms())}
        assert (await ear.say("order.create", reqId="r-4", header=now))["retCode"] == 10001
        assert (await ear.say("order.create", limit_order(), reqId="r-5"))["retCode"] == 10001
        assert (await ear.say("order.create", limit_order(), reqId="x" * 37, header=now))["retCode"] == 10001
        assert len(await venue.open_rows()) == 1


async def test_a_bad_signature_opens_no_trade_socket(open_venue: Any) -> None:
    """10004, and 10001 for what is no key."""
    async with open_venue() as venue, venue.listen(TRADE) as ear:
        expires = venue.clock.utc_ms() + 1000
        assert (await ear.say("auth", KEYS.api_key, expires, "00"))["retCode"] == 10004
        assert (await ear.say("auth", "nobody", expires, sign(f"GET/realtime{expires}")))["retCode"] == 10003
        assert (await ear.say("auth", KEYS.api_key))["retCode"] == 10001


async def test_a_ping_says_the_time(open_venue: Any) -> None:
    """In the shape of an answer."""
    async with open_venue() as venue, venue.listen(TRADE) as ear:
        answer = await ear.say("ping")

        assert (answer["retCode"], answer["op"], answer["data"]) == (0, "pong", [str(venue.clock.utc_ms())])


async def test_limits_are_shared_with_http(open_venue: Any) -> None:
    """What was placed there is counted here."""
    async with open_venue(orders_per_s=2) as venue, venue.listen(TRADE) as ear:
        await ear.authenticate()

        for _ in range(2):
            assert await venue.code("POST", "/v5/order/create", **limit_order()) == 0

        refused = await ear.command("order.create", "r", **limit_order())
        assert (refused["retCode"], refused["header"]["X-Bapi-Limit-Status"]) == (10006, "0")
        assert await venue.code("POST", "/v5/order/cancel", **LINEAR, orderId="none") == 110001
