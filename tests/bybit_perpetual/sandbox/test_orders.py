"""Orders by HTTP: what the gateway answers, and what the exchange does then."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from perpmaker.model.order import Side

from .conftest import LINEAR, limit_order

pytestmark = pytest.mark.anyio

CREATE, AMEND, CANCEL = "/v5/order/create", "/v5/order/amend", "/v5/order/cancel"
CANCEL_ALL, REALTIME, HISTORY = "/v5/order/cancel-all", "/v5/order/realtime", "/v5/order/history"
MARKET = {"orderType": "Market", "price": None, "timeInForce": None}
STOP = {"stopLoss": "58000", "slTriggerBy": "MarkPrice", "tpslMode": "Full"}
TRIGGER = {**MARKET, "side": "Sell", "triggerPrice": "58000", "triggerDirection": 2, "triggerBy": "MarkPrice"}


async def test_an_order_rests_is_asked_for_and_is_cancelled(open_venue: Any) -> None:
    """Its life by question: open, gone, and in the history."""
    async with open_venue() as venue:
        placed = await venue.order(orderLinkId="mm-1")
        (row,) = await venue.open_rows()

        assert (row["orderId"], row["orderLinkId"]) == (placed["orderId"], "mm-1")
        assert (row["orderStatus"], row["price"], row["qty"], row["leavesQty"]) == ("New", "59000.0", "0.010", "0.010")
        assert (row["timeInForce"], row["positionIdx"], row["reduceOnly"], row["avgPrice"]) == (
            "PostOnly",
            0,
            False,
            "",
        )
        assert await venue.post(CANCEL, **LINEAR, orderLinkId="mm-1") == placed
        assert await venue.open_rows() == []
        (gone,) = (await venue.get(HISTORY, category="linear"))["list"]
        assert (gone["orderStatus"], gone["cancelType"], gone["leavesQty"]) == ("Cancelled", "CancelByUser", "0.000")
        assert await venue.code("POST", CANCEL, **LINEAR, orderLinkId="mm-1") == 110001
        assert await venue.code("POST", CANCEL, **LINEAR, orderLinkId="mm-2") == 110001


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"category": "spot"}, 10001),
        ({"symbol": "DOGEUSDT"}, 10001),
        ({"side": "buy"}, 10001),
        ({"orderType": "Stop"}, 10001),
        ({"qty": None}, 10001),
        ({"qty": "-1"}, 10001),
        ({"qty": "0.0005"}, 10001),
        ({"qty": "0.0015"}, 10001),
        ({"qty": "1001"}, 10001),
        ({"price": "59000.05"}, 10001),
        ({"price": "0"}, 110003),
        ({"qty": "0.001", "price": "40000"}, 110094),
        ({"qty": "900"}, 110007),
        ({"timeInForce": "GTX"}, 10001),
        ({"orderLinkId": "with space"}, 10001),
        ({"positionIdx": 1}, 10001),
        ({"reduceOnly": True}, 110017),
        ({"reduceOnly": True, **STOP}, 10001),
        ({**STOP, "stopLoss": "59000.0"}, 10001),
        ({**STOP, "tpslMode": "Partial"}, 10001),
        ({**TRIGGER, "triggerDirection": None}, 10001),
        ({**TRIGGER, "triggerPrice": "60001"}, 110093),
        ({**TRIGGER, "triggerDirection": 1}, 110092),
        ({**TRIGGER, "triggerBy": "IndexPrice"}, 10001),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                ({"price": None}, 10001),
                ({"price": "99999999"}, 110003),
                ({"orderLinkId": "x" * 37}, 10001),
            )
        ),
    ],
)
async def test_what_the_gateway_refuses_leaves_nothing(open_venue: Any, changes: Any, code: int) -> None:
    """Its id may be used again."""
    async with open_venue() as venue:
        asked = limit_order(**{"orderLinkId": "mm-1", **changes})

        assert await venue.code("POST", CREATE, **asked) == code
        assert (await venue.get(HISTORY, category="linear"))["list"] == await venue.open_rows() == []
        assert await venue.code("POST", CREATE, **limit_order(orderLinkId="mm-1")) == 0


@pytest.mark.parametrize("status", ["Cancelled", "Rejected"])
async def test_a_post_only_order_that_would_take_is_taken_by_the_gateway(open_venue: Any, status: str) -> None:
    """Its end comes on the stream, with its reason, and by question."""
    async with open_venue(post_only_status=status) as venue, venue.listen_to_account("order") as ear:
        placed = await venue.order(price="60000.1")
        (row,) = await ear.rows("order")

        assert (row["orderId"], row["orderStatus"]) == (placed["orderId"], status)
        assert (row["rejectReason"], row["cumExecQty"]) == ("EC_PostOnlyWillTakeLiquidity", "0.000")
        assert await venue.row(placed["orderId"]) == row
        assert [one["orderId"] for one in (await venue.get(HISTORY, category="linear"))["list"]] == [row["orderId"]]


async def test_a_gateway_answers_before_the_exchange_has_the_order(open_venue: Any) -> None:
    """Until then neither a question nor a cancel finds it."""
    async with open_venue(order_ms=200) as venue:
        placed = await venue.post(CREATE, **limit_order())

        assert (await venue.get(REALTIME, category="linear", orderId=placed["orderId"]))["list"] == []
        assert await venue.code("POST", CANCEL, **LINEAR, orderId=placed["orderId"]) == 110001
        await anyio.sleep(0.3)
        assert (await venue.row(placed["orderId"]))["orderStatus"] == "New"


async def test_a_close_that_another_one_overtakes_ends_as_one_that_has_nothing_to_reduce(open_venue: Any) -> None:
    """The gateway took both, for the position was there."""
    async with open_venue(order_ms=100) as venue:
        await venue.hold()
        await anyio.sleep(0.2)
        asked = {**limit_order(**MARKET), "side": "Sell", "reduceOnly": True}
        first, second = [await venue.post(CREATE, **asked) for _ in range(2)]
        await anyio.sleep(0.2)
        rows = [await venue.row(one["orderId"]) for one in (first, second)]

        assert [row["orderStatus"] for row in rows] == ["Filled", "Cancelled"]
        assert rows[1]["cancelType"] == "CancelByReduceOnly"
        assert (await venue.position())["size"] == "0"


async def test_an_id_of_ours_is_never_used_twice(open_venue: Any) -> None:
    """Not while the order rests, not after it has ended, and not after it was refused by the exchange."""
    async with open_venue() as venue:
        await venue.order(orderLinkId="a")
        await venue.order(orderLinkId="b", price="60000.1")
        await venue.post(CANCEL, **LINEAR, orderLinkId="a")

        for name in ("a", "b"):
            assert await venue.code("POST", CREATE, **limit_order(orderLinkId=name)) == 110072


async def test_bybit_B4_a_market_order_above_its_maximum_is_refused_with_both_in_units(open_venue: Any) -> None:
    """Reduce-only or not; the maximum may be less than the rules say."""
    async with open_venue(market_maximum="0.005") as venue:
        await venue.hold("0.005")
        await venue.hold("0.005")
        asked = {**limit_order(**MARKET), "side": "Sell", "reduceOnly": True, "qty": "0.010"}
        answer = (await venue.call("POST", CREATE, **asked)).json()

        assert answer["retCode"] == 10001
        assert "order_qty:1000000 > max_qty:500000" in answer["retMsg"]
        assert await venue.code("POST", CREATE, **{**asked, "qty": "0.005"}) == 0


async def test_a_venue_may_split_what_only_reduces(open_venue: Any) -> None:
    """Then the close of everything is taken, and an opening order of that size is not."""
    async with open_venue(market_maximum="0.005", splits_closing=True) as venue:
        await venue.hold("0.005")
        await venue.hold("0.005")
        asked = {**limit_order(**MARKET), "side": "Sell", "qty": "0.010"}

        assert await venue.code("POST", CREATE, **asked) == 10001
        assert await venue.code("POST", CREATE, **asked, reduceOnly=True) == 0
        assert (await venue.position())["size"] == "0"


@pytest.mark.parametrize("lists", [True, False])
async def test_bybit_B2_open_orders_without_a_filter_may_lack_the_stops(open_venue: Any, lists: bool) -> None:
    """Whoever wants both asks for both."""
    async with open_venue(lists_stops=lists) as venue:
        await venue.order()
        await venue.order(**TRIGGER)

        assert len(await venue.open_rows()) == (2 if lists else 1)
        assert (
            len(await venue.open_rows(orderFilter="StopOrder")) == len(await venue.open_rows(orderFilter="Order")) == 1
        )


async def test_a_price_beyond_the_band_is_moved_to_its_edge_or_refused(open_venue: Any) -> None:
    """As the account is set; the order says the price that it has."""
    async with open_venue() as venue:
        moved = await venue.order(side="Sell", price="59000.0", timeInForce="IOC")
        row = await venue.row(moved["orderId"])
        assert row["price"] == "59400.0"
        assert not (await venue.get("/v5/account/user-setting-config"))["lpaPerp"]
        await venue.post("/v5/account/set-limit-px-action", category="linear", modifyEnable=False)
        assert (await venue.get("/v5/account/user-setting-config"))["lpaPerp"]
        assert await venue.code("POST", CREATE, **limit_order(price="60600.1")) == 110003
        assert await venue.code("POST", CREATE, **limit_order(price="60600.0", timeInForce="GTC")) == 0


async def test_an_amend_changes_what_is_sent_and_keeps_the_ids(open_venue: Any) -> None:
    """Price alone, amount alone; nothing is refused as unchanged, and what is filled stays."""
    async with open_venue() as venue:
        placed = await venue.order(side="Sell", price="60000.1", timeInForce="GTC", qty="0.010")
        known = {**LINEAR, "orderId": placed["orderId"]}
        venue.market.set_ladder([], [])
        venue.market.take(Side.BUY, 4)
        await anyio.sleep(0.2)
        assert await venue.post(AMEND, **known, price="60001.0") == placed
        await venue.post(AMEND, **known, qty="0.020")
        row = await venue.row(placed["orderId"])

        assert (row["price"], row["qty"], row["cumExecQty"], row["orderStatus"]) == (
            "60001.0",
            "0.020",
            "0.004",
            "PartiallyFilled",
        )
        assert await venue.code("POST", AMEND, **known, price="60001.0") == 10001
        assert await venue.code("POST", AMEND, **known, qty="0.004") == 110064
        assert await venue.code("POST", AMEND, **known, stopLoss="61000") == 110059
        assert await venue.code("POST", AMEND, **LINEAR, orderLinkId="none", price="60000") == 110001


@pytest.mark.parametrize("locks", [True, False])
async def test_an_order_that_is_being_changed(open_venue: Any, locks: bool) -> None:
    """It is locked meanwhile, or what comes next is done next."""
    async with open_venue(order_ms=100, locks_moving=locks) as venue:
        placed = await venue.order()
        await anyio.sleep(0.2)
        known = {**LINEAR, "orderId": placed["orderId"]}
        await venue.post(AMEND, **known, price="59001.0")
        codes = [await venue.code("POST", AMEND, **known, price="59002.0"), await venue.code("POST", CANCEL, **known)]
        assert codes == ([110079, 110079] if locks else [0, 0])
        await anyio.sleep(0.3)
        assert (await venue.row(placed["orderId"]))["orderStatus"] == ("New" if locks else "Cancelled")
        assert await venue.code("POST", CANCEL, **known) == (0 if locks else 110001)


async def test_an_order_that_has_ended_may_be_nowhere_for_a_moment(open_venue: Any) -> None:
    """Neither among the open ones nor by its id nor in the history: its absence proves nothing."""
    async with open_venue(ended_hides_ms=500) as venue:
        placed = await venue.order()
        known = {"category": "linear", "orderId": placed["orderId"]}
        await venue.post(CANCEL, **LINEAR, orderId=placed["orderId"])

        for path in (REALTIME, HISTORY):
            assert (await venue.get(path, **known))["list"] == []

        await anyio.sleep(0.6)

        for path in (REALTIME, HISTORY):
            assert [row["orderStatus"] for row in (await venue.get(path, **known))["list"]] == ["Cancelled"]


async def test_an_attached_stop_stays_where_it_is_until_it_is_changed(open_venue: Any) -> None:
    """A new price of the order leaves it; `0` takes it away."""
    async with open_venue() as venue:
        placed = await venue.order(**STOP)
        known = {**LINEAR, "orderId": placed["orderId"]}
        seen = []

        for changes in ({"price": "58900.0"}, {"stopLoss": "58500", "slTriggerBy": "LastPrice"}, {"stopLoss": "0"}):
            await venue.post(AMEND, **known, **changes)
            row = await venue.row(placed["orderId"])
            seen.append((row["price"], row["stopLoss"], row["slTriggerBy"]))

        assert seen == [
            ("58900.0", "58000.0", "MarkPrice"),
            ("58900.0", "58500.0", "LastPrice"),
            ("58900.0", "", ""),
        ]


@pytest.mark.parametrize("crossing", ["cancels", "refuses"])
async def test_a_post_only_order_moved_to_where_it_would_take_never_takes(open_venue: Any, crossing: str) -> None:
    """It ends, or stays where it was; either way its row says why."""
    async with open_venue(crossing_amend=crossing) as venue, venue.listen_to_account("order") as ear:
        placed = await venue.order()
        await venue.post(AMEND, **LINEAR, orderId=placed["orderId"], price="60000.1")
        *_, row = await ear.rows("order")

        assert row["rejectReason"] == "EC_PostOnlyWillTakeLiquidity"
        assert (row["orderStatus"], row["price"]) == {
            "cancels": ("Cancelled", "59000.0"),
            "refuses": ("New", "59000.0"),
        }[crossing]
        assert not venue.sandbox.exchange.executions("main")


async def test_a_cancel_that_comes_too_late_tells_the_fill_once_more(open_venue: Any) -> None:
    """The gateway took it while the order was open: the second row says why it came to nothing."""
    async with open_venue(order_ms=100) as venue:
        placed = await venue.order(side="Sell", price="60000.1", timeInForce="GTC")
        await anyio.sleep(0.2)

        async with venue.listen_to_account("order") as ear:
            await venue.post(CANCEL, **LINEAR, orderId=placed["orderId"])
            venue.market.set_ladder([], [])
            venue.market.take(Side.BUY, 10)
            venue.advance()
            first, second = await ear.rows("order")

        assert [first["orderStatus"], second["orderStatus"]] == ["Filled", "Filled"]
        assert (second["cancelType"], second["rejectReason"]) == ("CancelByUser", "EC_OrigClOrdIDDoesNotExist")


async def test_cancel_all_takes_what_its_filter_says(open_venue: Any) -> None:
    """Without one it takes conditions and stops of positions too."""
    for kind, left in (("Order", 2), ("StopOrder", 1), (None, 0)):
        async with open_venue() as venue:
            await venue.hold()
            await venue.post("/v5/position/trading-stop", **LINEAR, positionIdx=0, **STOP)
            await venue.order(**TRIGGER, reduceOnly=True)
            await venue.order()
            ended = await venue.post(CANCEL_ALL, **LINEAR, orderFilter=kind)

            assert (len(ended["list"]), ended["success"]) == (3 - left, "1")
            assert len(await venue.open_rows()) == left


async def test_a_batch_answers_each_order_by_itself(open_venue: Any) -> None:
    """In its place, twice: with its id, and with its code; one that is refused has no id."""
    async with open_venue(orders_per_s=4) as venue:
        asked = [limit_order(orderLinkId=f"b-{number}") for number in range(6)]
        asked[1] |= {"qty": "0.0015"}
        asked[2] |= {"orderLinkId": "b-0"}
        response = (await venue.call("POST", "/v5/order/create-batch", category="linear", request=asked)).json()
        codes = [one["code"] for one in response["retExtInfo"]["list"]]

        assert (response["retCode"], codes) == (0, [0, 10001, 110072, 0, 10006, 10006])
        assert [bool(one["orderId"]) for one in response["result"]["list"]] == [code == 0 for code in codes]
        assert [one["orderLinkId"] for one in response["result"]["list"]] == ["b-0", "b-1", "b-0", "b-3", "b-4", "b-5"]
        names = [{**LINEAR, "orderLinkId": name} for name in ("b-0", "b-1")]
        moved = [{**one, "price": "58000.0"} for one in names]

        for path, request in (("amend", moved), ("cancel", names)):
            answer = await venue.call("POST", f"/v5/order/{path}-batch", category="linear", request=request)
            assert [one["code"] for one in answer.json()["retExtInfo"]["list"]] == [0, 110001]

        assert [row["orderLinkId"] for row in await venue.open_rows()] == ["b-3"]


async def test_a_batch_is_no_larger_than_the_venue_says(open_venue: Any) -> None:
    """Twenty, or what is set."""
    async with open_venue(batch_most=2) as venue:
        asked = [limit_order() for _ in range(3)]

        assert await venue.code("POST", "/v5/order/create-batch", category="linear", request=asked) == 10001


@pytest.mark.parametrize(
    ("side", "index", "reduces", "code"),
    [
        ("Sell", 1, True, 0),
        ("Sell", 2, False, 0),
        ("Buy", 2, True, 110017),
        ("Sell", 1, False, 10001),
        ("Buy", 1, True, 110017),
        ("Buy", 0, False, 10001),
        *(pytest.param(*one, marks=pytest.mark.full) for one in (("Buy", 1, False, 0),)),
    ],
)
async def test_in_hedge_mode_an_order_names_its_position(
    open_venue: Any, side: str, index: int, reduces: bool, code: int
) -> None:
    """The wrong combination is refused; what closes says that it reduces, and is shown as that."""
    async with open_venue() as venue:
        await venue.post("/v5/position/switch-mode", **LINEAR, mode=3)
        await venue.hold("0.010", positionIdx=1)
        price = "59000.0" if side == "Buy" else "60500.0"
        asked = limit_order(side=side, price=price, positionIdx=index, reduceOnly=reduces)
        assert await venue.code("POST", CREATE, **asked) == code

        if code == 0:
            (row,) = await venue.open_rows()
            assert (row["positionIdx"], row["reduceOnly"]) == (index, reduces)


async def test_a_close_of_everything_names_no_amount(open_venue: Any) -> None:
    """Zero that reduces and closes on trigger is the whole position."""
    async with open_venue() as venue:
        await venue.hold("0.013")
        whole = {**limit_order(**MARKET), "side": "Sell", "qty": "0", "reduceOnly": True, "closeOnTrigger": True}
        assert await venue.code("POST", CREATE, **whole) == 0
        assert (await venue.position())["size"] == "0"
        assert await venue.code("POST", CREATE, **whole) == 110017


async def test_a_conditional_order_has_one_id_from_first_to_last(open_venue: Any) -> None:
    """It waits under our id, is triggered by its own price source, and is the order that it becomes."""
    async with open_venue() as venue, venue.listen_to_account("order", "execution") as ear:
        await venue.hold()
        await ear.hear_all()
        placed = await venue.order(**TRIGGER, reduceOnly=True, orderLinkId="stop-1")
        (row,) = await venue.open_rows(orderFilter="StopOrder")
        assert (row["orderStatus"], row["stopOrderType"], row["triggerBy"]) == ("Untriggered", "Stop", "MarkPrice")
        assert (row["triggerPrice"], row["triggerDirection"], row["orderLinkId"]) == ("58000.0", 2, "stop-1")
        venue.move_mark("58000")
        messages = await ear.hear_all()
        rows = [one for message in messages for one in message["data"]]

        assert {one["orderId"] for one in rows} == {placed["orderId"]}
        statuses = [one["orderStatus"] for one in rows if "orderStatus" in one]
        assert statuses == ["Untriggered", "Triggered", "Filled"]
        assert (await venue.row(placed["orderId"]))["orderStatus"] == "Filled"


async def test_bybit_B10_a_trigger_without_a_source_watches_the_last_price(open_venue: Any) -> None:
    """It says so, and a wick of trades fires it while the mark stands still."""
    async with open_venue() as venue:
        await venue.hold()
        placed = await venue.order(**{**TRIGGER, "triggerBy": None, "triggerPrice": "59999.5"}, reduceOnly=True)
        assert (await venue.row(placed["orderId"]))["triggerBy"] == "LastPrice"
        venue.market.take(Side.SELL, 6000)
        await anyio.sleep(0.2)

        assert (await venue.position())["size"] == "0"


async def test_a_cancelled_condition_is_deactivated(open_venue: Any) -> None:
    """It is gone from every list of open orders, and in the history."""
    async with open_venue() as venue:
        placed = await venue.order(**TRIGGER, orderLinkId="s")
        await venue.post(CANCEL, **LINEAR, orderLinkId="s")

        assert await venue.open_rows() == []
        assert (await venue.row(placed["orderId"]))["orderStatus"] == "Deactivated"
        (gone,) = (await venue.get(HISTORY, **LINEAR, orderFilter="StopOrder"))["list"]
        assert gone["cancelType"] == "CancelByUser"


async def test_reads_may_lag_and_new_orders_hide(open_venue: Any) -> None:
    """A question is answered as it was so long ago; the stream is not late."""
    async with open_venue(read_lag_ms=400) as venue, venue.listen_to_account("order") as ear:
        await anyio.sleep(1)
        placed = await venue.order()
        assert [row["orderStatus"] for row in await ear.rows("order", 0.1)] == ["New"]
        assert await venue.open_rows() == []
        await anyio.sleep(0.5)
        assert [row["orderId"] for row in await venue.open_rows()] == [placed["orderId"]]
        await venue.post(CANCEL, **LINEAR, orderId=placed["orderId"])
        assert [row["orderStatus"] for row in await venue.open_rows()] == ["New"]
        await anyio.sleep(0.5)
        assert await venue.open_rows() == []

    async with open_venue(hidden_for_ms=300) as venue:
        placed = await venue.order()
        assert await venue.open_rows() == []
        await anyio.sleep(0.4)
        assert [row["orderId"] for row in await venue.open_rows()] == [placed["orderId"]]


async def test_what_reaches_the_exchange_after_its_window_is_not_done(open_venue: Any) -> None:
    """The gateway has taken it, and its end is told; it can be set that the exchange takes it all the same."""
    for checks, status in ((True, "Rejected"), (False, "New")):
        async with open_venue(late_match_ms=6000, checks_window_at_match=checks) as venue:
            placed = await venue.post(CREATE, **limit_order())
            await anyio.sleep(7)

            assert (await venue.row(placed["orderId"]))["orderStatus"] == status


async def test_recent_orders_that_ended_are_asked_for_apart(open_venue: Any) -> None:
    """`openOnly=1` shows those alone."""
    async with open_venue() as venue:
        gone, open_ = await venue.order(), await venue.order()
        await venue.post(CANCEL, **LINEAR, orderId=gone["orderId"])

        assert [row["orderId"] for row in await venue.open_rows(openOnly=0)] == [open_["orderId"]]
        assert [row["orderId"] for row in await venue.open_rows(openOnly=1)] == [gone["orderId"]]
        assert await venue.code("GET", REALTIME, category="linear") == 10001
