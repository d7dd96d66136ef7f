"""Row D2: what the sandbox says, takes and refuses, as the venue does."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import anyio
import pytest

from perpmaker.model.order import Side

pytestmark = pytest.mark.anyio

ORDER = "/fapi/v1/order"
ALGO = "/fapi/v1/algoOrder"
MARKET = {"type": "MARKET", "timeInForce": None, "price": None}
START_MS = 1_767_225_600_000


@pytest.fixture
def anyio_backend(virtual_time: Any) -> Any:
    """Orders live for ten minutes: virtual time."""
    return virtual_time


def algo(**changes: object) -> dict[str, object]:
    """The parameters of a selling stop of 0.010 at 59000; None takes a parameter away."""
    order: dict[str, object] = {
        "algoType": "CONDITIONAL",
        "symbol": "BTCUSDT",
        "side": "SELL",
        "type": "STOP_MARKET",
        "quantity": "0.010",
        "triggerPrice": "59000.00",
    }

    return {**order, **changes}


async def test_D2_the_id_of_a_change_is_text_and_only_with_the_change(open_venue: Any) -> None:
    """`M` comes with AMENDMENT alone, as text; without a modifyId not even there."""
    async with open_venue() as venue, venue.listen_to_account() as ear:
        await venue.order(newClientOrderId="pm-1")
        change = {"symbol": "BTCUSDT", "side": "BUY", "origClientOrderId": "pm-1", "quantity": "0.010"}
        answer = await venue.ok("PUT", ORDER, **change, price="59000.10", modifyId=77)
        await venue.ok("PUT", ORDER, **change, price="59000.20")
        await venue.ok("DELETE", ORDER, symbol="BTCUSDT", origClientOrderId="pm-1")
        events = [(await ear.hear())["o"] for _ in range(4)]

        assert answer["modifyId"] == 77
        assert [event["x"] for event in events] == ["NEW", "AMENDMENT", "AMENDMENT", "CANCELED"]
        assert [event.get("M", "absent") for event in events] == ["absent", "77", "absent", "absent"]


@pytest.mark.parametrize("offset_ms", [-1520, -60_000, 1520])
async def test_D2_a_time_that_is_none_is_shown_as_none(open_venue: Any, offset_ms: int) -> None:
    """A position that never was has updateTime 0 on a clock that runs behind or ahead; other times are shifted."""
    async with open_venue(server_time_offset_ms=offset_ms) as venue:
        placed = await venue.order()
        (row,) = await venue.ok("GET", "/fapi/v3/positionRisk")
        (asked,) = await venue.ok("GET", "/fapi/v1/allOrders", startTime=START_MS + offset_ms, symbol="BTCUSDT")

        assert row["updateTime"] == 0
        assert placed["updateTime"] == asked["time"] == START_MS + offset_ms
        assert (await venue.http.get("/fapi/v1/time")).json() == {"serverTime": START_MS + offset_ms}


@pytest.mark.parametrize(("side", "sign"), [("BUY", 1), ("SELL", -1)])
async def test_D2_the_break_even_price_earns_the_fees_back(open_venue: Any, side: str, sign: int) -> None:
    """Entry and the fees of what is held; half of it closed changes neither, more of it averages, flat is 0."""
    async with open_venue() as venue, venue.listen_to_account() as ear:
        await venue.order(**MARKET, side=side, quantity="0.020")
        told = (await ear.hear_until("ACCOUNT_UPDATE"))[-1]["a"]["P"][0]
        (row,) = await venue.ok("GET", "/fapi/v3/positionRisk")
        entry = Decimal("60000.1") if sign > 0 else Decimal("59999.9")
        expected = entry + sign * entry * Decimal("0.0005")

        assert Decimal(row["breakEvenPrice"]) == Decimal(told["bep"]) == expected
        assert Decimal(row["entryPrice"]) == entry

        await venue.order(**MARKET, side="SELL" if sign > 0 else "BUY")
        (half,) = await venue.ok("GET", "/fapi/v3/positionRisk")
        assert Decimal(half["breakEvenPrice"]) == expected

        await venue.order(**MARKET, side="SELL" if sign > 0 else "BUY")
        flat = [event["a"]["P"][0]["bep"] for event in await hear_all(ear) if event["e"] == "ACCOUNT_UPDATE"][-1]
        assert float(flat) == 0


async def hear_all(ear: Any) -> list[Any]:
    """Everything that is said within a second."""
    heard = []

    with anyio.move_on_after(1):
        while True:
            heard.append(await ear.hear())

    return heard


async def test_D2_an_order_that_closes_the_position_lives_as_long_as_it(open_venue: Any) -> None:
    """GTE_GTC is shown on it, in answers and events, and on no other; sent, the venue does not take it."""
    async with open_venue() as venue, venue.listen_to_account() as ear:
        await venue.order(**MARKET)
        await ear.hear_until("ACCOUNT_UPDATE")
        closing = algo(closePosition="true", quantity=None)
        answers = [await venue.ok("POST", ALGO, **closing), await venue.ok("POST", ALGO, **algo(reduceOnly="true"))]
        told = [event["o"]["f"] for event in await hear_all(ear) if event["e"] == "ALGO_UPDATE"]

        assert [answer["timeInForce"] for answer in answers] == told == ["GTE_GTC", "GTC"]
        assert (
            await venue.code("POST", ALGO, **{**closing, "type": "TAKE_PROFIT_MARKET"}, timeInForce="GTE_GTC") == -1115
        )
        assert await venue.code("POST", ALGO, **algo(timeInForce="DAY")) == -1115
        assert (
            await venue.code("POST", ORDER, symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTE_GTC") == -1115
        )


@pytest.mark.parametrize(
    ("now", "symbol"),
    [
        ("2026-01-01", "BTCUSDT_260327"),
        ("2026-12-25T08:00:00", "BTCUSDT_270326"),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                ("2026-03-27T07:59:59", "BTCUSDT_260327"),
                ("2026-03-27T08:00:00", "BTCUSDT_260626"),
                ("2026-11-30", "BTCUSDT_261225"),
            )
        ),
    ],
)
async def test_D2_no_delivered_contract_is_listed(open_venue: Any, now: str, symbol: str) -> None:
    """The quarterly contract beside the perpetual is the one that is still to be delivered."""
    epoch_ms = int(datetime.fromisoformat(now).replace(tzinfo=UTC).timestamp()) * 1000

    async with open_venue(epoch_ms=epoch_ms) as venue:
        listed = (await venue.http.get("/fapi/v1/exchangeInfo")).json()["symbols"]
        (quarter,) = [one for one in listed if one["contractType"] == "CURRENT_QUARTER"]

        assert quarter["symbol"] == symbol
        assert quarter["deliveryDate"] > epoch_ms
        assert {one["status"] for one in listed} == {"TRADING"}


async def test_D2_self_trades_are_always_prevented(open_venue: Any) -> None:
    """NONE has been refused since December 2024, on orders, batches and conditional orders alike; the others pass."""
    async with open_venue() as venue:
        assert await venue.code("POST", ALGO, **algo(selfTradePreventionMode="NONE")) == -5039
        one = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTX", "quantity": "0.010"}
        batch = [{**one, "price": "59000", "selfTradePreventionMode": "NONE"}]
        (refused,) = await venue.ok("POST", "/fapi/v1/batchOrders", batchOrders=json.dumps(batch))
        assert refused["code"] == -5039
        assert await venue.code("POST", ORDER, **one, price="59000", selfTradePreventionMode="NONE") == refused["code"]

        for mode in ("EXPIRE_MAKER", "EXPIRE_TAKER", "EXPIRE_BOTH"):
            await venue.order(selfTradePreventionMode=mode)
            await venue.ok("POST", ALGO, **algo(selfTradePreventionMode=mode))


async def test_D2_an_order_good_till_a_date_ends_by_itself(open_venue: Any) -> None:
    """To the second, EXPIRED; it is shown as GTD with its date."""
    async with open_venue() as venue, venue.listen_to_account() as ear:
        until_ms = START_MS + 700_999
        placed = await venue.order(timeInForce="GTD", goodTillDate=until_ms, newClientOrderId="pm-1")
        assert (placed["timeInForce"], placed["goodTillDate"]) == ("GTD", START_MS + 700_000)

        new = (await ear.hear())["o"]
        assert await ear.hears_nothing(699)
        asked = await venue.ok("GET", ORDER, symbol="BTCUSDT", origClientOrderId="pm-1")
        assert (asked["status"], asked["goodTillDate"]) == ("NEW", START_MS + 700_000)

        expired = (await ear.hear())["o"]
        assert (new["f"], new["gtd"], expired["x"], expired["X"]) == ("GTD", START_MS + 700_000, "EXPIRED", "EXPIRED")
        assert expired["T"] == START_MS + 700_000


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"timeInForce": "GTD"}, -1102),
        ({"timeInForce": "GTD", "goodTillDate": START_MS + 600_000}, -5040),
        ({"goodTillDate": START_MS + 700_000}, -1106),
        ({**MARKET, "goodTillDate": START_MS + 700_000}, -1106),
        ({**MARKET, "priceMatch": "QUEUE"}, -5038),
        ({"priceMatch": "BEST", "price": None}, -5037),
        ({"priceMatch": "QUEUE"}, -1106),
        ({"activatePrice": "60000"}, -1106),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                ({"timeInForce": "GTD", "goodTillDate": START_MS - 1}, -5040),
                ({"timeInForce": "GTD", "goodTillDate": 253_402_300_800_000}, -5040),
                ({"callbackRate": "1"}, -1106),
                ({"priceProtect": "true"}, -1106),
            )
        ),
    ],
)
async def test_D2_real_parameters_are_read(open_venue: Any, order_of: Any, changes: Any, code: int) -> None:
    """Each is known, and refused for its own reason where it does not fit."""
    async with open_venue() as venue:
        assert await venue.code("POST", ORDER, **order_of(**changes)) == code


@pytest.mark.parametrize(
    ("word", "price"),
    [
        ("QUEUE", "59999.90"),
        ("OPPONENT", "60000.10"),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                ("QUEUE_5", "59999.50"),
                ("QUEUE_20", "59998.00"),
                ("OPPONENT_10", "60001.00"),
            )
        ),
    ],
)
async def test_D2_a_price_is_taken_from_the_book(open_venue: Any, word: str, price: str) -> None:
    """The best or a deeper level of either side, for a new order and for a change."""
    async with open_venue() as venue:
        placed = await venue.order(priceMatch=word, price=None, timeInForce="GTC", quantity="0.001")
        assert (placed["price"], placed["priceMatch"]) == (price, word)

        await venue.order(newClientOrderId="pm-1", quantity="0.010")
        change = {"symbol": "BTCUSDT", "side": "BUY", "origClientOrderId": "pm-1", "quantity": "0.010"}

        if word.startswith("QUEUE"):
            assert (await venue.ok("PUT", ORDER, **change, priceMatch=word))["price"] in {price, "59999.90"}

        venue.market.set_ladder([(599_999, 1000)], [(600_001, 1000)])
        venue.sandbox.exchange.advance(venue.clock.utc_ms())
        deep = await venue.call(
            "POST",
            ORDER,
            symbol="BTCUSDT",
            side="SELL",
            type="LIMIT",
            timeInForce="GTC",
            quantity="0.010",
            priceMatch="QUEUE_20",
        )
        assert deep.json()["code"] == -5041


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"callbackRate": "1"}, -1106),
        ({"price": "59000"}, -1106),
        ({"type": "STOP"}, -1102),
        ({"type": "STOP", "price": "59000", "closePosition": "true", "quantity": None}, -4136),
        ({"type": "TRAILING_STOP_MARKET", "triggerPrice": None}, -1102),
        ({"type": "TRAILING_STOP_MARKET", "triggerPrice": None, "callbackRate": "0.05"}, -2007),
        (
            {"type": "TRAILING_STOP_MARKET", "triggerPrice": None, "callbackRate": "1", "activatePrice": "59000"},
            -4135,
        ),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                ({"activatePrice": "61000"}, -1106),
                ({"goodTillDate": START_MS + 700_000}, -1106),
                ({"type": "TRAILING_STOP_MARKET"}, -1106),
                ({"type": "TRAILING_STOP_MARKET", "triggerPrice": None, "callbackRate": "10.1"}, -2007),
            )
        ),
    ],
)
async def test_D2_conditional_parameters_are_read(open_venue: Any, changes: Any, code: int) -> None:
    """Each is known, and refused for its own reason where it does not fit."""
    async with open_venue() as venue:
        assert await venue.code("POST", ALGO, **algo(**changes)) == code


async def test_D2_a_stop_with_a_price_becomes_a_limit_order(open_venue: Any) -> None:
    """Triggered, it rests at its price instead of taking any."""
    async with open_venue() as venue:
        await venue.order(**MARKET)
        stop = algo(type="STOP", price="59500.00", triggerPrice="59600.00", reduceOnly="true", timeInForce="GTC")
        placed = await venue.ok("POST", ALGO, **stop)
        assert (placed["orderType"], placed["price"]) == ("STOP", "59500.00")

        venue.market.set_ladder([(594_000, 1000)], [(594_010, 1000)])
        venue.market.take(Side.SELL, 1)
        await anyio.sleep(1)
        (resting,) = await venue.ok("GET", "/fapi/v1/openOrders")
        assert (resting["price"], resting["origType"], resting["stopPrice"]) == ("59500.00", "STOP", "59600.00")


@pytest.mark.parametrize(("side", "sign"), [("SELL", 1), ("BUY", -1)])
async def test_D2_a_trailing_stop_follows_and_turns(open_venue: Any, side: str, sign: int) -> None:
    """From its activation on it follows the best price, and goes when the price turns back by its share."""
    async with open_venue() as venue:
        await venue.order(**MARKET, side="BUY" if sign > 0 else "SELL")
        begin = Decimal(60_000) + sign * 300
        placed = await venue.ok(
            "POST",
            ALGO,
            **algo(type="TRAILING_STOP_MARKET", triggerPrice=None, side=side, reduceOnly="true"),
            callbackRate="1",
            activatePrice=f"{begin:.2f}",
        )
        assert (placed["activatePrice"], Decimal(placed["callbackRate"])) == (f"{begin:.2f}", 1)

        async def move(to: int) -> str:
            middle = 600_000 + sign * to
            venue.market.set_ladder([(middle - 1, 1000)], [(middle + 1, 1000)])
            venue.market.take(Side.BUY, 1)
            venue.market.take(Side.SELL, 1)
            await anyio.sleep(1)
            answer = await venue.ok("GET", ALGO, algoId=placed["algoId"])

            return str(answer["algoStatus"])

        # Before its activation a fall of more than its share changes nothing; then 1 % of 60600 is 606.
        assert [await move(to) for to in (-7_000, 6_000, 100)] == ["NEW", "NEW", "NEW"]
        assert await move(-100) == "FINISHED"
        assert await venue.ok("GET", "/fapi/v3/positionRisk") == []


async def test_D2_price_protect_holds_back_while_last_and_mark_are_apart(open_venue: Any) -> None:
    """A last price 6 % from the mark triggers nothing that is protected; the mark follows, and it goes."""
    async with open_venue() as venue:
        await venue.order(**MARKET)
        plain = await venue.ok("POST", ALGO, **algo(quantity="0.001", reduceOnly="true", priceProtect="false"))
        guarded = await venue.ok("POST", ALGO, **algo(quantity="0.001", reduceOnly="true", priceProtect="true"))
        assert (plain["priceProtect"], guarded["priceProtect"]) == (False, True)

        async def status(order: Any) -> str:
            venue.market.take(Side.SELL, 1)
            await anyio.sleep(1)

            return str((await venue.ok("GET", ALGO, algoId=order["algoId"]))["algoStatus"])

        venue.market.set_ladder([(564_000, 1000)], [(564_010, 1000)])
        assert await status(guarded) == "NEW"
        assert await status(plain) == "REJECTED"  # it triggered, and the band around the mark refused its price

        venue.market.set_mark(Decimal(56_500))
        assert await status(guarded) == "FINISHED"


async def test_D2_lists_of_ids_are_taken_in_lower_case(open_venue: Any) -> None:
    """As some clients send them; -1102 still names the list when there is none."""
    async with open_venue() as venue:
        placed = [await venue.order(newClientOrderId=f"pm-{number}") for number in range(3)]
        batch = ("DELETE", "/fapi/v1/batchOrders")
        ids = json.dumps([placed[0]["orderId"]])
        (first,) = await venue.ok(*batch, symbol="BTCUSDT", orderidlist=ids)
        (second,) = await venue.ok(*batch, symbol="BTCUSDT", origclientorderidlist='["pm-1"]')

        assert (first["status"], second["status"]) == ("CANCELED", "CANCELED")
        assert await venue.code(*batch, symbol="BTCUSDT") == -1102
