"""Orders over the wire: what is answered, and the code of every refusal."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import anyio
import pytest

from perpmaker.model.order import Side

pytestmark = pytest.mark.anyio

ORDER = "/fapi/v1/order"
MARKET = {"type": "MARKET", "timeInForce": None, "price": None}


@pytest.fixture
def anyio_backend(virtual_time: Any) -> Any:
    """Windows of minutes pass: virtual time."""
    return virtual_time


@pytest.mark.parametrize("in_body", [False, True], ids=["query", "body"])
async def test_order_is_placed_asked_for_and_cancelled(open_venue: Any, in_body: bool) -> None:
    """An order's life over the wire, with its parameters in the query or in a form body."""
    async with open_venue() as venue:
        placed = await venue.order(newClientOrderId="pm-1", in_body=in_body)

        assert placed["status"] == "NEW"
        assert (placed["price"], placed["origQty"], placed["executedQty"]) == ("59000.00", "0.010", "0.000")
        assert (placed["timeInForce"], placed["type"], placed["positionSide"]) == ("GTX", "LIMIT", "BOTH")
        assert "avgPrice" not in placed

        names = {"symbol": "BTCUSDT", "origClientOrderId": "pm-1", "in_body": in_body}
        asked = await venue.ok("GET", ORDER, symbol="BTCUSDT", orderId=placed["orderId"])

        assert asked["clientOrderId"] == "pm-1"
        assert asked["avgPrice"] == "0.00000"
        assert [o["orderId"] for o in await venue.ok("GET", "/fapi/v1/openOrders")] == [placed["orderId"]]

        gone = await venue.ok("DELETE", ORDER, **names)

        assert gone["status"] == "CANCELED"
        assert await venue.code("DELETE", ORDER, **names) == -2011
        assert await venue.code("GET", "/fapi/v1/openOrder", symbol="BTCUSDT", origClientOrderId="pm-1") == -2013
        assert (await venue.ok("GET", ORDER, symbol="BTCUSDT", origClientOrderId="pm-1"))["status"] == "CANCELED"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"symbol": None}, -1102),
        ({"symbol": "DOGEUSDT"}, -1121),
        ({"side": "HOLD"}, -1117),
        ({"type": "ICEBERG"}, -1116),
        ({"type": "STOP_MARKET", "stopPrice": "50000"}, -4120),
        ({"timeInForce": "GTE"}, -1115),
        ({"price": ""}, -1105),
        ({"quantity": "-1"}, -1100),
        ({"stopPrice": "50000"}, -1106),
        ({"surprise": "1"}, -1104),
        ({"newClientOrderId": "with space"}, -4015),
        ({"type": "MARKET", "timeInForce": None}, -1106),
        ({"positionSide": "LONG"}, -4061),
        ({"positionSide": "UP"}, -1130),
        ({"price": "0"}, -4001),
        ({"quantity": "0"}, -4003),
        ({"quantity": "0.001", "price": "49000"}, -4164),
        ({"price": "63000.10"}, -4016),
        ({"price": "60000.10"}, -5022),
        ({"quantity": "900"}, -2019),
        ({"reduceOnly": "true"}, -2022),
        ({"timeInForce": "FOK", "price": "60000.10", "quantity": "3.000"}, -5021),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                ({"symbol": "btcusdt"}, -1121),
                ({"type": "TAKE_PROFIT"}, -4120),
                ({"timeInForce": None}, -1102),
                ({"price": None}, -1102),
                ({"quantity": None}, -1102),
                ({"price": "NaN"}, -1100),
                ({"newClientOrderId": "x" * 37}, -4015),
                ({"type": "MARKET", "price": None}, -1106),
                ({"reduceOnly": "maybe"}, -4062),
                ({"price": "0.05"}, -4013),
                ({"price": "99999999"}, -4002),
                ({"price": "59000.05"}, -4014),
                ({"price": "59000.001"}, -1111),
                ({"quantity": "0.0001"}, -1111),
                ({"quantity": "2000"}, -4005),
                ({**MARKET, "quantity": "200"}, -4005),
                ({"side": "SELL", "price": "56999.90"}, -4024),
                ({"side": "SELL", "price": "59999.90"}, -5022),
            )
        ),
    ],
    ids=str,
)
async def test_faulty_order_is_refused_with_its_code(
    open_venue: Any, order_of: Callable[..., dict[str, object]], changes: dict[str, object], code: int
) -> None:
    """Each fault of a new order has its code, and leaves no order behind."""
    async with open_venue() as venue:
        assert await venue.code("POST", ORDER, **order_of(**changes)) == code
        assert await venue.ok("GET", "/fapi/v1/openOrders") == []


async def test_refusals_that_depend_on_what_is_open(
    open_venue: Any, order_of: Callable[..., dict[str, object]]
) -> None:
    """A taken client id, competing closing orders, and settings that open orders and positions block."""
    async with open_venue() as venue:
        await venue.order(newClientOrderId="pm-1")

        assert await venue.code("POST", ORDER, **order_of(newClientOrderId="pm-1")) == -4116
        assert await venue.code("POST", "/fapi/v1/positionSide/dual", dualSidePosition="true") == -4067
        assert await venue.code("POST", "/fapi/v1/marginType", symbol="BTCUSDT", marginType="ISOLATED") == -4047

        await venue.ok("DELETE", "/fapi/v1/allOpenOrders", symbol="BTCUSDT")
        await venue.order(**MARKET)
        closing = {"side": "SELL", "price": "60500.00", "reduceOnly": "true"}
        await venue.order(**closing)

        assert await venue.code("POST", ORDER, **order_of(**closing)) == -4118

        await venue.ok("DELETE", "/fapi/v1/allOpenOrders", symbol="BTCUSDT")

        assert await venue.code("POST", "/fapi/v1/positionSide/dual", dualSidePosition="true") == -4068
        assert await venue.code("POST", "/fapi/v1/marginType", symbol="BTCUSDT", marginType="ISOLATED") == -4048


async def test_hedge_mode_wants_a_position_side_and_no_reduce_only(
    open_venue: Any, order_of: Callable[..., dict[str, object]]
) -> None:
    """In Hedge mode LONG or SHORT must be said, reduceOnly must not, and closing is SELL of LONG."""
    async with open_venue() as venue:
        await venue.ok("POST", "/fapi/v1/positionSide/dual", dualSidePosition="true")

        assert await venue.code("POST", ORDER, **order_of()) == -4061
        assert await venue.code("POST", ORDER, **order_of(positionSide="LONG", reduceOnly="true")) == -1106

        await venue.order(**MARKET, positionSide="LONG")
        closing = await venue.order(side="SELL", positionSide="LONG", price="60500.00")
        rows = await venue.ok("GET", "/fapi/v3/positionRisk")

        assert closing["positionSide"] == "LONG"
        assert [(row["positionSide"], row["positionAmt"]) for row in rows] == [("LONG", "0.010"), ("SHORT", "0.000")]
        assert await venue.code("POST", "/fapi/v1/positionSide/dual", dualSidePosition="true") == -4059


async def test_market_order_answers_what_was_asked_for(open_venue: Any) -> None:
    """ACK shows the order as it was taken, RESULT as it is after matching; both have filled."""
    async with open_venue() as venue:
        acknowledged = await venue.order(**MARKET)
        result = await venue.order(**MARKET, newOrderRespType="RESULT")
        trades = await venue.ok("GET", "/fapi/v1/userTrades", symbol="BTCUSDT")

        assert (acknowledged["status"], acknowledged["executedQty"]) == ("NEW", "0.000")
        assert (result["status"], result["executedQty"]) == ("FILLED", "0.010")
        assert [(t["price"], t["qty"], t["maker"], t["commission"]) for t in trades] == [
            ("60000.10", "0.010", False, "0.30000050"),
        ] * 2


async def test_modify_needs_both_and_keeps_the_order(open_venue: Any) -> None:
    """A modify moves price and total amount; the same values, an unknown order and too little are refused."""
    async with open_venue() as venue:
        placed = await venue.order(newClientOrderId="pm-1")
        change = {"symbol": "BTCUSDT", "side": "BUY", "origClientOrderId": "pm-1"}

        assert await venue.code("PUT", ORDER, **change, price="58000.00") == -1102
        assert await venue.code("PUT", ORDER, **change, quantity="0.010", price="59000.00") == -5027
        assert await venue.code("PUT", ORDER, **change, quantity="0.001", price="49000.00") == -5029
        assert await venue.code("PUT", ORDER, **{**change, "side": "SELL"}, quantity="1", price="1") == -2013

        moved = await venue.ok("PUT", ORDER, **change, quantity="0.020", price="58000.00", modifyId=7)

        assert (moved["orderId"], moved["clientOrderId"]) == (placed["orderId"], "pm-1")
        assert (moved["price"], moved["origQty"], moved["modifyId"]) == ("58000.00", "0.020", 7)

        taking = await venue.ok("PUT", ORDER, **change, quantity="0.020", price="60000.10")

        assert taking["status"] == "CANCELED"
        assert await venue.code("PUT", ORDER, **change, quantity="0.020", price="58000.00") == -2013


async def test_batch_answers_each_by_itself(open_venue: Any, order_of: Callable[..., dict[str, object]]) -> None:
    """A batch is not atomic: refused elements stand between accepted ones, in the order of the request."""
    orders = [order_of(newClientOrderId="a"), order_of(price="59000.05"), order_of(newClientOrderId="b", side="BUY")]

    async with open_venue() as venue:
        response = await venue.call("POST", "/fapi/v1/batchOrders", batchOrders=json.dumps(orders))
        answers = response.json()

        assert [answer.get("code", answer.get("clientOrderId")) for answer in answers] == ["a", -4014, "b"]
        assert response.headers["x-mbx-order-count-10s"] == "5"
        assert response.headers["x-mbx-order-count-1m"] == "1"
        assert await venue.code("POST", "/fapi/v1/batchOrders", batchOrders=json.dumps([orders[0]] * 6)) == -1130

        names = json.dumps(["a", "nobody", "b"])
        gone = await venue.ok(
            "DELETE", "/fapi/v1/batchOrders", symbol="BTCUSDT", origClientOrderIdList=names, in_body=True
        )

        assert [answer.get("code", answer.get("status")) for answer in gone] == ["CANCELED", -2011, "CANCELED"]


async def test_order_test_only_checks(open_venue: Any, order_of: Callable[..., dict[str, object]]) -> None:
    """A test order is checked and sent nowhere."""
    async with open_venue() as venue:
        assert await venue.ok("POST", "/fapi/v1/order/test", **order_of()) == {}
        assert await venue.code("POST", "/fapi/v1/order/test", **order_of(price="59000.05")) == -4014
        assert await venue.ok("GET", "/fapi/v1/openOrders") == []


async def test_dead_man_switch_cancels_what_is_open(open_venue: Any) -> None:
    """After the countdown the open orders are gone, as cancelled; 0 stops it."""
    async with open_venue() as venue:
        path = "/fapi/v1/countdownCancelAll"
        await venue.order(newClientOrderId="pm-1")

        assert await venue.ok("POST", path, symbol="BTCUSDT", countdownTime=5000) == {
            "symbol": "BTCUSDT",
            "countdownTime": "5000",
        }

        await anyio.sleep(4)
        await venue.ok("POST", path, symbol="BTCUSDT", countdownTime=5000)
        await anyio.sleep(4)

        assert len(await venue.ok("GET", "/fapi/v1/openOrders")) == 1

        await anyio.sleep(2)

        assert (await venue.ok("GET", ORDER, symbol="BTCUSDT", origClientOrderId="pm-1"))["status"] == "CANCELED"


async def test_conditional_orders_live_apart(open_venue: Any) -> None:
    """They are in no list of regular orders, survive cancel-all, and become a market order when triggered."""
    async with open_venue() as venue:
        await venue.order(**MARKET)
        stop = {"algoType": "CONDITIONAL", "symbol": "BTCUSDT", "side": "SELL", "type": "STOP_MARKET"}
        path = "/fapi/v1/algoOrder"
        placed = await venue.ok(
            "POST", path, **stop, triggerPrice="59500.00", closePosition="true", clientAlgoId="stop-1"
        )

        assert (placed["algoStatus"], placed["orderType"], placed["triggerPrice"]) == ("NEW", "STOP_MARKET", "59500.00")
        assert await venue.code("POST", path, **stop, triggerPrice="60500.00", quantity="0.010") == -2021
        assert await venue.code("POST", path, **stop, triggerPrice="59400.00", closePosition="true") == -4130
        assert await venue.ok("GET", "/fapi/v1/openOrders") == []

        await venue.ok("DELETE", "/fapi/v1/allOpenOrders", symbol="BTCUSDT")

        assert [o["clientAlgoId"] for o in await venue.ok("GET", "/fapi/v1/openAlgoOrders")] == ["stop-1"]

        venue.market.set_ladder([(594_000, 1000)], [(594_010, 1000)])
        venue.market.take(Side.SELL, lots=1)
        await venue.ok("GET", "/fapi/v1/openAlgoOrders")
        done = await venue.ok("GET", path, clientAlgoId="stop-1")
        order = await venue.ok("GET", ORDER, symbol="BTCUSDT", orderId=done["actualOrderId"])

        assert done["algoStatus"] == "FINISHED"
        assert (order["type"], order["origType"], order["status"]) == ("MARKET", "STOP_MARKET", "FILLED")
        assert await venue.ok("GET", "/fapi/v3/positionRisk") == []
        assert await venue.code("DELETE", path, clientAlgoId="stop-1") == -2011


async def test_a_reduce_only_order_is_moved_below_the_minimum_only_when_the_modify_says_so(open_venue: Any) -> None:
    """Left out, the minimum notional applies; said of another order, it is refused."""
    async with open_venue() as venue:
        await venue.order(**MARKET, side="SELL", quantity="0.010")
        await venue.order(reduceOnly="true", newClientOrderId="pm-2")
        await venue.order(newClientOrderId="pm-1")
        change = {"symbol": "BTCUSDT", "side": "BUY", "origClientOrderId": "pm-2", "quantity": "0.001"}
        other = {"symbol": "BTCUSDT", "side": "BUY", "origClientOrderId": "pm-1", "quantity": "0.011"}

        assert await venue.code("PUT", ORDER, **change, price="49000.00") == -5029
        assert await venue.code("PUT", ORDER, **other, price="59000.00", reduceOnly="true") == -5047

        moved = await venue.ok("PUT", ORDER, **change, price="49000.00", reduceOnly="true")
        assert moved["origQty"] == "0.001"


async def test_a_modified_order_has_no_self_trade_prevention_any_more(open_venue: Any) -> None:
    """As the venue documents it: a modify sets it to NONE."""
    async with open_venue() as venue, venue.listen_to_account() as ear:
        placed = await venue.order(newClientOrderId="pm-1")
        change = {"symbol": "BTCUSDT", "side": "BUY", "origClientOrderId": "pm-1", "quantity": "0.020"}
        moved = await venue.ok("PUT", ORDER, **change, price="58000.00", modifyId=7)
        events = [event["o"] for event in await ear.hear_until("ORDER_TRADE_UPDATE")]
        events += [event["o"] for event in await ear.hear_until("ORDER_TRADE_UPDATE")]

    assert [placed["selfTradePreventionMode"], moved["selfTradePreventionMode"]] == ["EXPIRE_MAKER", "NONE"]
    assert [(event["x"], event["V"]) for event in events] == [("NEW", "EXPIRE_MAKER"), ("AMENDMENT", "NONE")]


@pytest.mark.full
async def test_an_order_can_be_modified_less_than_ten_thousand_times(open_venue: Any) -> None:
    """The next one is refused, and the order stays."""
    async with open_venue() as venue:
        await venue.order(newClientOrderId="pm-1")
        exchange, account = venue.sandbox.exchange, venue.sandbox.exchange.accounts()[0]

        for number in range(9_999):
            exchange.amend(
                account,
                client_id="pm-1",
                price=exchange.instrument.price(590_000),
                amount=exchange.instrument.amount(11 + number % 2),
                now_ms=venue.clock.utc_ms(),
            )

        change = {"symbol": "BTCUSDT", "side": "BUY", "origClientOrderId": "pm-1", "quantity": "0.020"}
        assert await venue.code("PUT", ORDER, **change, price="58000.00") == -5026
        assert (await venue.ok("GET", ORDER, symbol="BTCUSDT", origClientOrderId="pm-1"))["price"] == "59000.00"


async def test_market_order_is_shown_as_good_till_cancelled(open_venue: Any) -> None:
    """In the answer, in a query and in its event, although it never rests."""
    async with open_venue() as venue, venue.listen_to_account() as account:
        terms = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.010"}
        placed = await venue.ok("POST", "/fapi/v1/order", **terms, newOrderRespType="RESULT")
        asked = await venue.ok("GET", "/fapi/v1/order", symbol="BTCUSDT", orderId=placed["orderId"])
        event = (await account.hear_until("ORDER_TRADE_UPDATE"))[-1]

        assert (placed["status"], placed["timeInForce"], asked["timeInForce"]) == ("FILLED", "GTC", "GTC")
        assert (event["o"]["o"], event["o"]["f"]) == ("MARKET", "GTC")
