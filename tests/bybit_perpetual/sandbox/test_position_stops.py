"""The stop of a position: set by a request, or by an order that is filled."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from perpmaker.model.order import Side

from .conftest import LINEAR, limit_order

pytestmark = pytest.mark.anyio

SET = "/v5/position/trading-stop"
STOP = {"tpslMode": "Full", "positionIdx": 0, "slTriggerBy": "MarkPrice"}
ATTACHED = {"tpslMode": "Full", "slTriggerBy": "MarkPrice"}
REALTIME = "/v5/order/realtime"


async def set_stop(venue: Any, level: str, **changes: object) -> int:
    """The code of setting the stop."""
    code: int = await venue.code("POST", SET, **{**LINEAR, **STOP, "stopLoss": level, **changes})

    return code


async def test_a_stop_has_no_id_of_ours_and_follows_its_position(open_venue: Any) -> None:
    """It is as large as the position, and deactivated when that is flat."""
    async with open_venue() as venue, venue.listen_to_account("order") as ear:
        await venue.hold("0.010")
        assert await set_stop(venue, "59000") == 0
        await venue.hold("0.005")
        await venue.hold("0.003", "Sell", reduceOnly=True)
        await venue.hold("0.012", "Sell", reduceOnly=True)
        rows = [row for row in await ear.rows("order") if row["stopOrderType"] == "StopLoss"]

        assert [row["qty"] for row in rows] == ["0.010", "0.015", "0.012", "0.012"]
        assert [row["orderStatus"] for row in rows] == [*["Untriggered"] * 3, "Deactivated"]
        assert rows[-1]["cancelType"] == "CancelByTpSlTsClear"
        assert {(row["orderLinkId"], row["createType"]) for row in rows} == {("", "CreateByStopLoss")}
        assert {(row["reduceOnly"], row["closeOnTrigger"], row["triggerBy"]) for row in rows} == {
            (True, True, "MarkPrice")
        }
        assert len({row["orderId"] for row in rows}) == 1
        assert await venue.open_rows() == []


async def test_bybit_B1_a_fired_stop_closes_the_position_under_no_id_of_ours(open_venue: Any) -> None:
    """Untriggered, Triggered, Filled, under one id; once live, and once by question alone."""
    async with open_venue() as venue, venue.listen_to_account() as ear:
        await venue.hold("0.020")
        await set_stop(venue, "59500")
        await ear.hear_all()
        venue.move_mark("59500")
        messages = await ear.hear_all()
        orders = [one["data"][0] for one in messages if one["topic"] == "order"]
        (fill,) = [one["data"][0] for one in messages if one["topic"] == "execution"]
        (asked, _) = (await venue.get("/v5/execution/list", **LINEAR))["list"]

        assert [row["orderStatus"] for row in orders] == ["Triggered", "Filled"]
        assert (fill["orderLinkId"], fill["side"], fill["closedSize"]) == ("", "Sell", "0.020")
        assert (fill["stopOrderType"], fill["createType"]) == ("StopLoss", "CreateByStopLoss")
        assert asked == fill
        assert (await venue.position())["size"] == "0"


async def test_bybit_B2_a_fired_stop_leaves_one_list_and_is_found_by_its_id(open_venue: Any) -> None:
    """The list of conditions is empty then, and that proves nothing."""
    async with open_venue() as venue:
        await venue.hold()
        await set_stop(venue, "59500")
        (waiting,) = await venue.open_rows(orderFilter="StopOrder")
        assert await venue.open_rows(orderFilter="Order") == []
        venue.move_mark("59000")

        assert await venue.open_rows(orderFilter="StopOrder") == []
        assert (await venue.row(waiting["orderId"]))["orderStatus"] == "Filled"


@pytest.mark.parametrize("keeps", [True, False])
async def test_a_changed_level_is_one_stop(open_venue: Any, keeps: bool) -> None:
    """Under the same id, or under a new one beside which the old one is deactivated."""
    async with open_venue(stop_keeps_id=keeps) as venue, venue.listen_to_account("order") as ear:
        await venue.hold()
        await set_stop(venue, "59000")
        await set_stop(venue, "59100", slTriggerBy="LastPrice")
        (row,) = await venue.open_rows()
        rows = [one for one in await ear.rows("order") if one["stopOrderType"]]

        assert (row["triggerPrice"], row["triggerBy"]) == ("59100.0", "LastPrice")
        assert (await venue.position())["stopLoss"] == "59100.0"
        statuses = [(one["orderStatus"], one["orderId"] == row["orderId"]) for one in rows]
        assert statuses == (
            [("Untriggered", True)] * 2
            if keeps
            else [("Untriggered", False), ("Untriggered", True), ("Deactivated", False)]
        )


async def test_a_stop_is_taken_away_or_cancelled_by_its_id(open_venue: Any) -> None:
    """After either the position has none."""
    async with open_venue() as venue:
        await venue.hold()

        for ends_by_id in (True, False):
            await set_stop(venue, "59000")
            (row,) = await venue.open_rows()

            if ends_by_id:
                await venue.post("/v5/order/cancel", **LINEAR, orderId=row["orderId"])
            else:
                assert await set_stop(venue, "0") == 0

            assert await venue.open_rows() == []
            assert (await venue.position())["stopLoss"] == ""

        assert await set_stop(venue, "0") == 34040


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"stopLoss": "60000"}, 10001),
        ({"stopLoss": "60000.1", "slTriggerBy": "LastPrice"}, 10001),
        ({"stopLoss": "59000.05"}, 10001),
        ({"positionIdx": 1}, 10001),
        ({"tpslMode": "Partial"}, 10001),
        ({"slTriggerBy": "IndexPrice"}, 10001),
        ({"takeProfit": "70000"}, 10001),
        ({"stopLoss": None}, 34040),
        ({"symbol": "ETHUSDT"}, 10001),
    ],
)
async def test_what_is_no_stop_is_refused(open_venue: Any, changes: Any, code: int) -> None:
    """With the venue's words where it was passed already."""
    async with open_venue() as venue:
        await venue.hold()
        answer = (await venue.call("POST", SET, **{**LINEAR, **STOP, "stopLoss": "59000", **changes})).json()

        assert answer["retCode"] == code
        assert await venue.open_rows() == []

        if changes == {"stopLoss": "60000"}:
            assert "should lower than base_price:6000000000000" in answer["retMsg"]


async def test_a_flat_position_takes_no_stop_and_a_new_one_not_at_once(open_venue: Any) -> None:
    """For a time after its first fill the position is not yet known there."""
    async with open_venue(stop_after_fill_ms=300) as venue:
        answer = (await venue.call("POST", SET, **LINEAR, **STOP, stopLoss="59000")).json()
        assert (answer["retCode"], "zero position" in answer["retMsg"]) == (10001, True)
        await venue.hold()
        assert await set_stop(venue, "59000") == 10001
        await anyio.sleep(0.3)
        assert await set_stop(venue, "59000") == 0
        assert await set_stop(venue, "59000") == 34040


async def test_a_short_position_has_its_stop_above(open_venue: Any) -> None:
    """The same, the other way round; in Hedge mode each position has one of its own."""
    async with open_venue() as venue:
        await venue.post("/v5/position/switch-mode", **LINEAR, mode=3)
        await venue.hold(positionIdx=1)
        await venue.hold("0.004", "Sell", positionIdx=2)
        assert await set_stop(venue, "59000", positionIdx=1) == 0
        assert await set_stop(venue, "59000", positionIdx=2) == 10001
        assert await set_stop(venue, "61000", positionIdx=2) == 0
        venue.move_mark("61000")
        rows = (await venue.get("/v5/position/list", **LINEAR))["list"]

        assert [(row["positionIdx"], row["size"]) for row in rows] == [(1, "0.010"), (2, "0")]
        assert [(row["positionIdx"], row["side"]) for row in await venue.open_rows()] == [(1, "Sell")]


# --- stops that come with an order -----------------------------------------------------------------------------------


@pytest.mark.parametrize("replaces", [True, False])
async def test_each_fill_of_an_order_that_carries_a_stop_sets_it(open_venue: Any, replaces: bool) -> None:
    """Also a partial one; in the place of the stop that was there, or not, as the option says."""
    async with open_venue(fill_stop_replaces=replaces) as venue:
        await venue.hold("0.010")
        await set_stop(venue, "58500")
        await venue.order(price="59950.0", orderLinkId="mm-1", **ATTACHED, stopLoss="59000")
        venue.market.set_ladder([], [(600_100, 10)])
        venue.market.take(Side.SELL, 3)
        await anyio.sleep(0.2)
        (stop, _) = sorted(await venue.open_rows(), key=lambda row: row["orderStatus"], reverse=True)

        assert (stop["triggerPrice"], stop["qty"]) == ("59000.0" if replaces else "58500.0", "0.013")
        assert (await venue.position())["stopLoss"] == stop["triggerPrice"]


@pytest.mark.parametrize("keeps", [True, False])
async def test_an_order_that_fills_at_two_prices_leaves_one_stop(open_venue: Any, keeps: bool) -> None:
    """It is set twice in one moment, and is as large as the position then."""
    async with open_venue(stop_keeps_id=keeps) as venue, venue.listen_to_account("order") as ear:
        await venue.hold("1.500", **ATTACHED, stopLoss="59000")
        (row,) = await venue.open_rows()
        rows = [one for one in await ear.rows("order") if one["stopOrderType"]]

        assert (row["qty"], row["triggerPrice"]) == ("1.500", "59000.0")
        assert rows[-1]["orderStatus"] == ("Untriggered" if keeps else "Deactivated")
        venue.move_mark("59000")
        assert (await venue.position())["size"] == "0"
        assert await venue.open_rows() == []


async def test_a_stop_that_came_with_an_order_names_it(open_venue: Any) -> None:
    """By our id of that order; it protects at once, and once more after it has fired."""
    async with open_venue() as venue:
        for number in (1, 2):
            await venue.order(
                price="60000.1", timeInForce="GTC", orderLinkId=f"mm-{number}", **ATTACHED, stopLoss="59900"
            )
            (row,) = await venue.open_rows()
            assert (row["parentOrderLinkId"], row["stopOrderType"]) == (f"mm-{number}", "StopLoss")
            venue.move_mark("59900")
            assert (await venue.position())["size"] == "0"
            venue.move_mark("60000")


async def test_a_stop_that_is_passed_when_its_order_fills_closes_at_once(open_venue: Any) -> None:
    """The mark is beyond it already: the position is not left without."""
    async with open_venue() as venue:
        await venue.order(price="59999.0", **ATTACHED, stopLoss="59990")
        venue.move_mark("59980")
        venue.market.take(Side.SELL, 20_000)
        await anyio.sleep(0.3)
        fills = (await venue.get("/v5/execution/list", **LINEAR))["list"]

        assert [(row["side"], row["stopOrderType"]) for row in fills] == [("Sell", "StopLoss"), ("Buy", "UNKNOWN")]
        assert (await venue.position())["size"] == "0"


async def test_an_order_that_closes_sets_no_stop(open_venue: Any) -> None:
    """A buy with a stop that shortens a short position leaves that as it is."""
    async with open_venue() as venue:
        await venue.hold("0.020", "Sell")
        await venue.order(price="60000.1", timeInForce="GTC", **ATTACHED, stopLoss="59000")

        assert (await venue.position())["size"] == "0.010"
        assert await venue.open_rows() == []


async def test_a_position_that_turns_over_loses_its_stop(open_venue: Any) -> None:
    """It was the other one's."""
    async with open_venue() as venue:
        await venue.hold("0.010")
        await set_stop(venue, "59000")
        await venue.hold("0.030", "Sell")

        assert await venue.open_rows() == []
        assert (await venue.position())["stopLoss"] == ""


# --- what no document settles ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("takes", [True, False])
async def test_a_post_only_order_may_carry_a_stop_or_not(open_venue: Any, takes: bool) -> None:
    """A refusal has words."""
    async with open_venue(post_only_takes_stop=takes) as venue:
        asked = limit_order(**ATTACHED, stopLoss="58000")

        assert await venue.code("POST", "/v5/order/create", **asked) == (0 if takes else 10001)
        assert await venue.code("POST", "/v5/order/create", **{**asked, "timeInForce": "GTC"}) == 0


@pytest.mark.parametrize("beside", [True, False])
async def test_a_stop_beside_a_target_for_all_of_the_position(open_venue: Any, beside: bool) -> None:
    """Where it is taken and fires, the target gives way to it."""
    async with open_venue(refuses_stop_beside_target=not beside) as venue:
        await venue.hold()
        target = await venue.order(side="Sell", price="60500.0", timeInForce="GTC", reduceOnly=True)
        assert await set_stop(venue, "59000") == (0 if beside else 110058)
        venue.move_mark("59000")

        assert (await venue.position())["size"] == ("0" if beside else "0.010")
        row = await venue.row(target["orderId"])
        ended = ("Cancelled", "CancelByReduceOnly") if beside else ("New", "UNKNOWN")
        assert (row["orderStatus"], row["cancelType"]) == ended


@pytest.mark.parametrize("trades", [True, False])
async def test_a_stop_meets_an_order_of_our_own(open_venue: Any, trades: bool) -> None:
    """They trade with each other, or the resting one is cancelled."""
    async with open_venue(stop_trades_with_own=trades) as venue:
        await venue.hold("0.010")
        quote = await venue.order(price="60000.0", qty="0.004")
        await set_stop(venue, "59000")
        venue.move_mark("59000")
        row = await venue.row(quote["orderId"])

        assert row["orderStatus"] == ("Filled" if trades else "Cancelled")
        assert row["cancelType"] == ("UNKNOWN" if trades else "CancelBySmp")
        assert (await venue.position())["size"] == ("0.004" if trades else "0")
        assert not venue.sandbox.oracle.violations or {one.invariant for one in venue.sandbox.oracle.violations} == {
            "I19"
        }


@pytest.mark.parametrize("oldest", [True, False])
async def test_which_of_several_closing_orders_is_cut(open_venue: Any, oldest: bool) -> None:
    """When the position becomes smaller, the oldest one or the newest one."""
    async with open_venue(cuts_oldest=oldest) as venue:
        await venue.hold("0.010")
        first, second = [
            await venue.order(side="Sell", price=price, timeInForce="GTC", qty="0.005", reduceOnly=True)
            for price in ("60500.0", "60400.0")
        ]
        await venue.hold("0.006", "Sell")
        statuses = [(await venue.row(one["orderId"]))["orderStatus"] for one in (first, second)]
        amounts = [(await venue.row(one["orderId"]))["qty"] for one in (first, second)]

        assert (statuses, amounts) == (
            (["Cancelled", "New"], ["0.005", "0.004"]) if oldest else (["New", "Cancelled"], ["0.004", "0.005"])
        )


@pytest.mark.parametrize("counts", [True, False])
async def test_a_market_takes_ten_conditional_orders(open_venue: Any, counts: bool) -> None:
    """The stop of the position is one of them, or not."""
    async with open_venue(stops_count=counts, orders_per_s=50) as venue:
        await venue.hold()
        await set_stop(venue, "58000")
        trigger = {"side": "Sell", "orderType": "Market", "triggerPrice": "57000", "triggerDirection": 2}
        asked = limit_order(**trigger, price=None, timeInForce=None, reduceOnly=True)
        codes = [await venue.code("POST", "/v5/order/create", **asked) for _ in range(11)]

        assert codes == [0] * (9 if counts else 10) + [110009] * (2 if counts else 1)


@pytest.mark.parametrize(
    ("setting", "word", "ends"),
    [
        ("0", None, ("Filled", "Filled")),
        ("1", None, ("Cancelled", "Filled")),
        ("2", None, ("New", "Cancelled")),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                ("3", None, ("Cancelled", "Cancelled")),
                ("0", "CancelMaker", ("Cancelled", "Filled")),
                ("1", "CancelTaker", ("New", "Cancelled")),
                ("1", "CancelBoth", ("Cancelled", "Cancelled")),
                ("1", "None", ("Filled", "Filled")),
            )
        ),
    ],
)
async def test_orders_of_our_own_meet(open_venue: Any, setting: str, word: str | None, ends: tuple[str, str]) -> None:
    """The incoming order says what happens, else the account's setting; the resting one has no say."""
    async with open_venue(smp_type=setting) as venue:
        assert (await venue.get("/v5/account/user-setting-config"))["smpType"] == setting
        maker = await venue.order(price="60000.0", smpType="CancelBoth", timeInForce="GTC")
        taker = await venue.order(side="Sell", price="59990.0", smpType=word, timeInForce="IOC")
        rows = [await venue.row(one["orderId"]) for one in (maker, taker)]

        assert tuple(row["orderStatus"] for row in rows) == ends
