"""What the private socket tells of the account, and how it answers."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from perpmaker.model.order import Side

from .conftest import KEYS, LINEAR, PRIVATE, limit_order, sign

pytestmark = pytest.mark.anyio

CREATE = "/v5/order/create"


async def test_a_key_opens_the_private_socket_and_nothing_else_does(open_venue: Any) -> None:
    """A signature that is none, a time that is over, and a subscription before the key are refused with words."""
    async with open_venue() as venue, venue.listen("/v5/private") as ear:
        expires = venue.clock.utc_ms() + 1000
        refused = await ear.say("subscribe", "order", req_id="s")
        assert (refused["success"], refused["req_id"], refused["op"]) == (False, "s", "subscribe")
        assert not (await ear.say("auth", KEYS.api_key, expires, "00"))["success"]
        assert not (await ear.say("auth", "nobody", expires, sign(f"GET/realtime{expires}")))["success"]
        assert not (await ear.say("auth", KEYS.api_key, 1, sign("GET/realtime1")))["success"]
        assert not (await ear.say("auth"))["success"]
        good = await ear.authenticate()
        assert (good["success"], good["op"], good["ret_msg"]) == (True, "auth", "")
        assert (await ear.say("subscribe", *PRIVATE))["success"]


async def test_topics_are_of_one_kind_and_there(open_venue: Any) -> None:
    """All categories or one, never both in a request; the messages bear the name that was subscribed."""
    async with open_venue() as venue, venue.listen("/v5/private") as ear:
        await ear.authenticate()
        assert not (await ear.say("subscribe", "order", "position.linear"))["success"]
        assert not (await ear.say("subscribe", "orders"))["success"]
        assert (await ear.say("subscribe", "order.linear"))["success"]
        await venue.order()
        (message,) = await ear.hear_all()
        assert (message["topic"], message["data"][0]["category"]) == ("order.linear", "linear")
        assert message["creationTime"] <= venue.clock.utc_ms()


async def test_a_ping_is_answered_in_another_shape_than_in_public(open_venue: Any) -> None:
    """The time stands in a list, as text."""
    async with open_venue() as venue, venue.listen("/v5/private") as ear:
        answer = await ear.say("ping", req_id="7")

        assert (answer["op"], answer["req_id"], answer["args"]) == ("pong", "7", [str(venue.clock.utc_ms())])


async def test_nothing_of_the_past_is_told(open_venue: Any) -> None:
    """A subscription begins with nothing, whatever rests."""
    async with open_venue() as venue:
        await venue.order()

        async with venue.listen_to_account() as ear:
            assert await ear.hear_all() == []


async def test_a_resting_order_that_fills_in_parts(open_venue: Any) -> None:
    """Executions, orders, positions and the wallet, each with its own word for what is left."""
    async with open_venue() as venue, venue.listen_to_account() as ear:
        await venue.order(side="Sell", price="60000.1", timeInForce="GTC", orderLinkId="mm-1")
        venue.market.set_ladder([], [])

        for lots in (4, 6):
            venue.market.take(Side.BUY, lots)
            await anyio.sleep(0.2)

        messages = await ear.hear_all()
        told = {topic: [one["data"][0] for one in messages if one["topic"] == topic] for topic in PRIVATE}
        fills = told["execution"]

        assert [row["orderStatus"] for row in told["order"]] == ["New", "PartiallyFilled", "Filled"]
        assert [(row["execQty"], row["leavesQty"], row["closedSize"]) for row in fills] == [
            ("0.004", "0.006", "0.000"),
            ("0.006", "0.000", "0.000"),
        ]
        assert {(row["isMaker"], row["execType"], row["orderLinkId"]) for row in fills} == {(True, "Trade", "mm-1")}
        assert [(row["side"], row["size"]) for row in told["position"]] == [
            ("", "0"),
            ("Sell", "0.004"),
            ("Sell", "0.010"),
        ]
        assert told["position"][-1]["seq"] == fills[-1]["seq"] > fills[0]["seq"]
        assert "avgPrice" not in told["position"][-1]
        assert len(told["wallet"]) == 2
        wallet = told["wallet"][-1]["coin"][0]["walletBalance"]
        assert wallet == f"{venue.sandbox.exchange.account('main').wallet}"


async def test_positions_are_told_with_every_order_and_the_wallet_only_when_it_changed(open_venue: Any) -> None:
    """Also when the position is as it was."""
    async with open_venue() as venue, venue.listen_to_account("position", "wallet") as ear:
        placed = await venue.order()
        await venue.post("/v5/order/cancel", **LINEAR, orderId=placed["orderId"])
        messages = await ear.hear_all()

        assert [message["topic"] for message in messages] == ["position", "position"]


async def test_bybit_B7_the_stream_may_be_ahead_of_the_answer(open_venue: Any) -> None:
    """With `race_ms` a fill is told now before the gateway's answer and now after it; no topic overtakes itself."""
    firsts = set()

    for seed in range(8):
        async with open_venue(race_ms=200, seed=seed) as venue, venue.listen_to_account("order", "execution") as ear:
            answered: list[float] = []

            async def place(venue: Any = venue, answered: list[float] = answered) -> None:
                await venue.post(CREATE, **limit_order(price="60000.1", timeInForce="GTC"))
                answered.append(venue.clock.now())

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(place)
                message = await ear.hear()
                heard_at = venue.clock.now()

            firsts.add(heard_at < answered[0])
            messages = [message, *await ear.hear_all()]
            statuses = [one["data"][0]["orderStatus"] for one in messages if one["topic"] == "order"]
            assert statuses == ["New", "Filled"]

    assert firsts == {True, False}


async def test_a_market_order_is_told_of_when_it_has_traded(open_venue: Any) -> None:
    """Two levels are two executions, of which each closes what was held before."""
    async with open_venue() as venue:
        await venue.hold("0.700", "Sell")

        async with venue.listen_to_account("order", "execution") as ear:
            await venue.hold("1.200")
            messages = await ear.hear_all()

        fills = [one["data"][0] for one in messages if one["topic"] == "execution"]
        assert [(row["execPrice"], row["execQty"], row["closedSize"]) for row in fills] == [
            ("60000.1", "1.000", "0.700"),
            ("60000.2", "0.200", "0.000"),
        ]
        assert len({row["execId"] for row in fills}) == 2


async def test_a_part_that_cannot_be_filled_ends(open_venue: Any) -> None:
    """An IOC order of which nothing is there ends with that reason."""
    async with open_venue() as venue:
        placed = await venue.order(timeInForce="IOC", price="59000.0")
        row = await venue.row(placed["orderId"])

        assert (row["orderStatus"], row["rejectReason"]) == ("Cancelled", "EC_NoImmediateQtyToFill")


async def test_bybit_B3_an_order_may_be_rejected_with_a_part_executed(open_venue: Any) -> None:
    """What was executed of it counts, by its row and by its execution; by default it ends as cancelled."""
    for status in ("Rejected", "Cancelled"):
        async with open_venue(remainder_status=status) as venue, venue.listen_to_account() as ear:
            venue.market.set_ladder([(599_990, 10)], [(600_010, 5)])
            placed = await venue.order(price="60001.0", timeInForce="IOC", qty="0.010")
            messages = await ear.hear_all()
            *_, last = [one["data"][0] for one in messages if one["topic"] == "order"]

            assert (last["orderId"], last["orderStatus"]) == (placed["orderId"], status)
            assert (last["qty"], last["cumExecQty"], last["leavesQty"]) == ("0.010", "0.005", "0.000")
            assert [one["data"][0]["execQty"] for one in messages if one["topic"] == "execution"] == ["0.005"]
            assert await venue.row(placed["orderId"]) == last


async def test_what_a_person_does_beside_us_is_told_too(open_venue: Any) -> None:
    """An order without an id of ours, with its own name where it has one."""
    async with open_venue() as venue, venue.listen_to_account("order", "position") as ear:
        request = {"do": "place", "side": "buy", "amount": "0.01", "price": "59000", "client_id": "desk-1"}
        token = {"Authorization": f"Bearer {venue.sandbox.line.control_token}"}
        assert (await venue.http.post("/_ctl/account", json=request, headers=token)).status_code == 200
        (row,) = await ear.rows("order")

        assert (row["orderLinkId"], row["createType"], row["orderStatus"]) == ("desk-1", "CreateByUser", "New")
        await venue.post("/v5/order/cancel", **LINEAR, orderId=row["orderId"])
        assert await venue.open_rows() == []
        await venue.post("/v5/position/set-leverage", **LINEAR, buyLeverage="7", sellLeverage="7")
        *_, position = await ear.rows("position")
        assert position["leverage"] == "7"
