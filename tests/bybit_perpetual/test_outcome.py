"""Answers to commands: the gateway's yes proves nothing, its no is certain or it is not, and nothing is guessed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from perpmaker.connector.interface import AmendOrder, CancelOrder
from perpmaker.errors import AuthenticationError, ConnectivityError, RateLimitedError, RefusedError
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import NewOrder, OrderKind, OrderType, PositionSide, Side, Slot
from perpmaker.model.outcome import Accepted, Outcome, Rejected, Unknown
from perpmaker.model.refusal import RefusalReason
from perpmaker.venue import Answer, Incoming, OrderClient, error_of
from perpmaker_bybit_perpetual import rest
from perpmaker_bybit_perpetual.orders import OrderWords
from perpmaker_bybit_perpetual.refusals import failure_of, read_failure, read_throttle
from perpmaker_bybit_perpetual.trade_stream import TradeWords

from .clients import Venue, client_of, refused
from .payloads import NOW_MS, answer

pytestmark = pytest.mark.anyio
CREATE, BATCH = "/v5/order/create", "/v5/order/create-batch"
LONG, SHORT = PositionSide.LONG, PositionSide.SHORT


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Limits are of seconds."""
    return virtual_time


def order(name: str = "pm-b-r1-1", side: Side = Side.BUY, **values: Any) -> NewOrder:
    """A quote."""
    usual: dict[str, Any] = {
        "client_id": name,
        "slot": Slot(OrderKind.QUOTE, side),
        "lots": 10,
        "ticks": 600_000,
        "type": OrderType.POST_ONLY,
    }

    return NewOrder(**usual | values)


async def placed(venue: Venue, instrument: Instrument, *orders: NewOrder) -> list[Outcome]:
    """What becomes of placing orders."""
    return list(await OrderClient(client_of(venue), OrderWords(8)).place(instrument, orders))


def taken(said: dict[str, Any]) -> Any:
    """The gateway's yes to one order."""
    return {"orderId": f"v-{said['orderLinkId']}", "orderLinkId": said["orderLinkId"]}


async def test_an_order_is_written_as_the_venue_wants_it(instrument: Instrument) -> None:
    """Numbers are texts, the index and flags are not; the time in force is named, and what it may meet goes."""
    venue = Venue({CREATE: taken})
    await placed(venue, instrument, order())
    assert venue.asked == [
        (
            CREATE,
            {
                "category": "linear",
                "symbol": "BTCUSDT",
                "side": "Buy",
                "orderType": "Limit",
                "qty": "0.010",
                "positionIdx": 0,
                "orderLinkId": "pm-b-r1-1",
                "smpType": "CancelMaker",
                "price": "60000.0",
                "timeInForce": "PostOnly",
            },
        )
    ]


async def test_a_close_names_its_position_and_only_reduces(instrument: Instrument) -> None:
    """In Hedge by the index and reduce-only; a market order has no price."""
    venue = Venue({CREATE: taken})

    for side, position in ((Side.SELL, LONG), (Side.BUY, SHORT)):
        slot = Slot(OrderKind.CLOSE, side, 0, position)
        await placed(venue, instrument, order(slot=slot, type=OrderType.MARKET, ticks=None, reduce_only=True))

    said = [one for _, one in venue.asked]
    assert [(one["side"], one["positionIdx"], one["reduceOnly"]) for one in said] == [
        ("Sell", 1, True),
        ("Buy", 2, True),
    ]
    assert [(one["orderType"], one.get("price")) for one in said] == [("Market", None)] * 2


async def test_a_quote_carries_its_stop_and_a_close_does_not(instrument: Instrument) -> None:
    """By the mark price, for the whole position; the venue refuses one beside reduceOnly."""
    venue = Venue({CREATE: taken, "/v5/order/amend": taken})
    await placed(venue, instrument, order(attached_stop=587_500))
    await placed(venue, instrument, order(attached_stop=587_500, reduce_only=True))
    amend = AmendOrder(order=order(ticks=599_000, attached_stop=586_500), venue_id=None, number=1)
    await OrderClient(client_of(venue), OrderWords(8)).amend(instrument, [amend])
    (_, opening), (_, closing), (_, moved) = venue.asked

    assert (opening["stopLoss"], opening["slTriggerBy"], opening["tpslMode"]) == ("58750.0", "MarkPrice", "Full")
    assert not {"stopLoss", "slTriggerBy"} & set(closing)
    assert (moved["price"], moved["qty"], moved["stopLoss"]) == ("59900.0", "0.010", "58650.0")


async def test_the_gateways_yes_proves_nothing(instrument: Instrument) -> None:
    """Placed, amended and cancelled alike: what became of it is told later."""
    venue = Venue({CREATE: taken, "/v5/order/amend": taken, "/v5/order/cancel": taken})
    orders = OrderClient(client_of(venue), OrderWords(8))
    outcomes = [
        *await orders.place(instrument, [order()]),
        *await orders.amend(instrument, [AmendOrder(order=order(), venue_id=None, number=1)]),
        *await orders.cancel(instrument, [CancelOrder(client_id="pm-b-r1-1")]),
    ]
    expected = Accepted(client_id="pm-b-r1-1", venue_id="v-pm-b-r1-1", by_gateway=True)
    assert outcomes[0] == expected
    assert all(isinstance(one, Accepted) and one.by_gateway for one in outcomes)


async def test_each_order_of_a_batch_has_its_own_outcome(instrument: Instrument) -> None:
    """By its place in both lists; what the answer leaves out is not known."""
    names = ["pm-b-r1-1", "pm-b-r1-2", "pm-b-r1-3"]
    rows = [{"orderId": "v-1", "orderLinkId": names[0]}, {"orderId": "", "orderLinkId": ""}]
    codes = [{"code": 0, "msg": "OK"}, {"code": 110007, "msg": "ab not enough for new order"}]
    venue = Venue({BATCH: answer({"list": rows}, retExtInfo={"list": codes})})
    first, second, third = await placed(venue, instrument, *map(order, names))
    assert isinstance(first, Accepted)
    assert isinstance(second, Unknown)  # a list that is not whole counts by ids alone
    assert isinstance(third, Unknown)

    rows.append({"orderId": "v-3", "orderLinkId": names[2]})
    codes.append({"code": 0, "msg": "OK"})
    venue = Venue({BATCH: answer({"list": rows}, retExtInfo={"list": codes})})
    first, second, third = await placed(venue, instrument, *map(order, names))
    assert isinstance(second, Rejected)
    assert second.refusal.reason is RefusalReason.INSUFFICIENT_MARGIN
    assert isinstance(third, Accepted)
    assert [one["orderLinkId"] for one in venue.asked[0][1]["request"]] == names


REASONS = [
    (110001, "order not exists or too late to cancel", RefusalReason.NOT_FOUND),
    (110017, "reduce-only would be zero", RefusalReason.REDUCE_ONLY),
    (110003, "price out of permissible range", RefusalReason.PRICE_BAND),
    (110094, "notional below the minimum", RefusalReason.FILTER),
    (110020, "not allowed to have more than 500 orders", RefusalReason.TOO_MANY_ORDERS),
    (110079, "the order is processing", RefusalReason.AMEND_PENDING),
    (110023, "only reducing allowed", RefusalReason.RESTRICTED),
    (110096, "pre-market phase", RefusalReason.RESTRICTED),
    (10004, "error sign", RefusalReason.AUTHENTICATION),
    (10006, "Too many visits!", RefusalReason.RATE_LIMIT),
    (10001, "position idx not match position mode", RefusalReason.POSITION_MODE),
    (10001, "The order remains unchanged as the parameters entered match the existing ones", RefusalReason.UNCHANGED),
    (10001, "can not set tp/sl/ts for zero position", RefusalReason.REDUCE_ONLY),
    (10001, "StopLoss:1 set for Buy position should lower than base_price:1", RefusalReason.WOULD_TRIGGER),
    (10001, "The number of contracts exceeds: order_qty:579700000000 > max_qty:360000000000", RefusalReason.FILTER),
    (10001, "params error", RefusalReason.OTHER),
    (424242, "something new", RefusalReason.OTHER),
]


async def test_a_certain_no_is_a_rejection_with_its_reason(instrument: Instrument) -> None:
    """By its code; of 10001, which stands for every wrong parameter, by its text."""
    for code, text, reason in REASONS:
        (outcome,) = await placed(Venue({CREATE: refused(code, text)}), instrument, order())
        assert isinstance(outcome, Rejected), text
        assert (outcome.refusal.reason, outcome.refusal.code, outcome.refusal.text) == (reason, str(code), text)


async def test_what_proves_nothing_is_unknown(instrument: Instrument) -> None:
    """Errors of the server, duplicates (an earlier attempt has arrived), proxies, and nonsense."""
    undecided: list[Any] = [refused(code) for code in (10000, 10014, 10016, 10019, 110072)]
    undecided += [b"", b"{}", b"null", b"[]", b"<html>", answer({}), answer({"orderId": ""})]
    undecided += [Incoming(status=status, headers={}, body=b"<html>") for status in (401, 403, 404, 500, 502)]
    undecided += [Incoming(status=500, headers={}, body=refused(110007))]

    for body in undecided:
        (outcome,) = await placed(Venue({CREATE: body}), instrument, order())
        assert isinstance(outcome, Unknown), body


async def test_bybit_B8_a_create_whose_time_is_refused_is_decided_anew(instrument: Instrument) -> None:
    """It was certainly not placed, and is not sent again; a cancel and a question are, once, by a new clock."""
    venue = Venue({CREATE: refused(10002, "invalid request, please check your server timestamp")})
    (outcome,) = await placed(venue, instrument, order())
    assert isinstance(outcome, Rejected)
    assert outcome.refusal.reason is RefusalReason.TIMESTAMP
    assert venue.paths() == [CREATE]

    late = refused(10002)
    venue = Venue({"/v5/order/cancel": [late, taken], "/v5/position/list": [late, {"list": []}]})
    client = client_of(venue)
    (gone,) = await OrderClient(client, OrderWords(8)).cancel(instrument, [CancelOrder(client_id="pm-b-r1-1")])
    await client.read(rest.POSITIONS, {})
    assert isinstance(gone, Accepted)
    assert venue.paths() == ["/v5/order/cancel"] * 2 + ["/v5/position/list"] * 2


async def test_bybit_B8_a_quote_that_waits_too_long_for_its_turn_is_not_sent(instrument: Instrument) -> None:
    """Eight of ten a second are for quotes; the rest is kept for cancels and exits, which still go."""
    venue = Venue({CREATE: taken, "/v5/order/cancel": taken})
    client = OrderClient(client_of(venue), OrderWords(8))
    outcomes = [(await client.place(instrument, [order(f"pm-b-r1-{number}")]))[0] for number in range(10)]
    exit_ = order(slot=Slot(OrderKind.CLOSE, Side.SELL), type=OrderType.MARKET, ticks=None, reduce_only=True)
    (closed,) = await client.place(instrument, [exit_])
    late = [one.refusal.reason for one in outcomes if isinstance(one, Rejected)]
    assert late == [RefusalReason.RATE_LIMIT] * 2
    assert isinstance(closed, Accepted)
    assert len(venue.asked) == 9


@pytest.mark.each_value
@pytest.mark.parametrize("orders_per_s", [5, 10])
@pytest.mark.parametrize("urgent", [False, True])
async def test_many_cancels_fit_into_the_limit(instrument: Instrument, orders_per_s: int, urgent: bool) -> None:
    """A batch counts by its orders: one that is larger than its limit would never be sent."""
    venue = Venue({"/v5/order/cancel-batch": refused(10016), "/v5/order/cancel": taken})
    orders = OrderClient(client_of(venue, orders_per_s=orders_per_s), OrderWords(rest.largest_batch(orders_per_s)))
    cancels = [CancelOrder(client_id=f"pm-b-r1-{number}", urgent=urgent) for number in range(10)]
    assert len(await orders.cancel(instrument, cancels)) == 10
    assert "/v5/order/cancel-batch" in venue.paths()


def test_a_batch_is_never_larger_than_what_quotes_may_use() -> None:
    """It costs as many units as it has orders, so that a larger one could never go."""
    assert [rest.largest_batch(number) for number in (5, 10, 20, 400)] == [4, 8, 10, 10]
    endpoint = rest.of_batch(rest.PLACE_BATCH, 3)
    assert sorted(endpoint.cost.values()) == [1, 3]


def throttle(headers: dict[str, str], body: bytes = refused(10006), status: int = 200) -> Any:
    """For how long an answer wants silence."""
    answered = Answer(status=status, body=body, signed_at=0, failure=read_failure(status, body))

    return read_throttle(answered, headers, NOW_MS)


def test_a_limit_is_new_when_its_header_says_so() -> None:
    """Within a second mostly; ten minutes for an address that is shut out; nonsense is a second."""
    assert throttle({"x-bapi-limit-reset-timestamp": str(NOW_MS + 700)}).seconds == pytest.approx(0.7)
    assert throttle({"x-bapi-limit-reset-timestamp": "soon"}).seconds == 1
    shut = throttle({}, b"<html>access too frequent</html>", 403)
    assert (shut.is_ban, shut.seconds) == (True, 600)
    assert throttle({}, b"<html>forbidden</html>", 403) is None
    assert throttle({}, refused(110007)) is None


def test_a_question_that_is_refused_raises_what_helps() -> None:
    """A key, a limit, a server that is not there, and everything else."""
    for code, expected in [
        (10003, AuthenticationError),
        (10006, RateLimitedError),
        (10016, ConnectivityError),
        (10001, RefusedError),
    ]:
        failure = failure_of(code, "no")
        assert type(error_of(Answer(status=200, body=b"", signed_at=0, failure=failure), "Bybit")) is expected

    assert failure_of(0, "anything") is None


def test_the_words_of_a_socket_are_read_alike() -> None:
    """There the ids stand in `data`."""
    words = OrderWords(8)
    said = {
        "reqId": "1",
        "retCode": 0,
        "retMsg": "OK",
        "op": "order.create",
        "data": {"orderId": "v", "orderLinkId": "c"},
    }
    (yes,) = words.read(None, json.dumps(said).encode(), 1)  # type: ignore[arg-type]  # it does not matter
    assert yes is not None
    assert (yes.client_id, yes.venue_id, yes.by_gateway) == ("c", "v", True)  # type: ignore[union-attr]
    assert read_failure(200, json.dumps(said | {"retCode": 110007}).encode()) is not None


def test_an_answer_of_the_trade_socket_without_a_name_breaks_nothing() -> None:
    """A heartbeat's answer may have null for the name of its request, and for its headers."""
    name, read = TradeWords(2000).read('{"reqId":null,"retCode":0,"retMsg":"OK","op":"pong","header":null}')
    assert (name, read.status) == ("", 200)
