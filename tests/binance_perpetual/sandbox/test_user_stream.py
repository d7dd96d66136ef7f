"""User events: the order in which they come, what they say, and who hears them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import anyio
import pytest

from perpmaker.model.order import Side

pytestmark = pytest.mark.anyio

MARKET = {"type": "MARKET", "timeInForce": None, "price": None}


@pytest.fixture
def anyio_backend(virtual_time: Any) -> Any:
    """Keys live for an hour: virtual time."""
    return virtual_time


async def test_events_of_a_maker_fill_come_in_the_documented_order(open_venue: Any) -> None:
    """NEW, then ACCOUNT_UPDATE, then TRADE; profit, fee and balance are exact decimal text."""
    async with open_venue(trade_lite=False) as venue, venue.listen_to_account() as ear:
        placed = await venue.order(price="59999.90", newClientOrderId="pm-1")
        venue.market.take(Side.SELL, 1010)
        events = [await ear.hear() for _ in range(3)]
        new, account, trade = events[0]["o"], events[1]["a"], events[2]["o"]

        assert [event["e"] for event in events] == ["ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE", "ORDER_TRADE_UPDATE"]
        assert (new["x"], new["X"], new["i"], new["c"]) == ("NEW", "NEW", placed["orderId"], "pm-1")
        assert "n" not in new
        assert (trade["x"], trade["X"], trade["l"], trade["z"]) == ("TRADE", "FILLED", "0.010", "0.010")
        assert (trade["L"], trade["m"], trade["N"], trade["rp"]) == ("59999.90", True, "USDT", "0")
        assert Decimal(trade["n"]) == Decimal("59999.9") * Decimal("0.01") * Decimal("0.0002")
        assert account["m"] == "ORDER"
        assert Decimal(account["B"][0]["wb"]) == 10_000 - Decimal(trade["n"])
        assert [(p["s"], p["pa"], p["ps"]) for p in account["P"]] == [("BTCUSDT", "0.010", "BOTH")]
        assert Decimal(account["P"][0]["ep"]) == Decimal("59999.9")


async def test_realised_profit_and_income_add_up_to_the_wallet(open_venue: Any) -> None:
    """The rows of income sum to the wallet, exactly, and `rp` of the closing fill is among them."""
    async with open_venue() as venue, venue.listen_to_account() as ear:
        await venue.order(**MARKET)
        venue.market.set_ladder([(599_500, 1000)], [(599_510, 1000)])
        await venue.order(**MARKET, side="SELL", reduceOnly="true")
        await ear.hear_until("ACCOUNT_UPDATE")
        await ear.hear_until("ACCOUNT_UPDATE")
        closing = (await ear.hear())["o"]
        income = await venue.ok("GET", "/fapi/v1/income", limit=1000)
        (balance,) = await venue.ok("GET", "/fapi/v3/balance")

        assert Decimal(closing["rp"]) == (Decimal(59950) - Decimal("60000.1")) * Decimal("0.01")
        assert closing["rp"] in {row["income"] for row in income if row["incomeType"] == "REALIZED_PNL"}
        assert sum(Decimal(row["income"]) for row in income) == Decimal(balance["balance"])


async def test_every_way_of_listening_hears_the_same(open_venue: Any) -> None:
    """By query, by path, and by SUBSCRIBE on /private/stream, where the payload is wrapped."""
    async with open_venue() as venue:
        key = await venue.listen_key()

        async with (
            venue.listen(f"/private/ws?listenKey={key}") as by_query,
            venue.listen(f"/private/ws/{key}") as by_path,
            venue.listen("/private/stream") as by_subscription,
            venue.listen(f"/public/ws/{key}") as on_the_wrong_route,
        ):
            await by_subscription.say({"method": "SUBSCRIBE", "params": [key], "id": "x"})

            assert (await by_subscription.hear()) == {"result": None, "id": "x"}

            await venue.order()
            event = await by_query.hear()

            assert await by_path.hear() == event
            assert await by_subscription.hear() == {"stream": key, "data": event}
            assert await on_the_wrong_route.hears_nothing(1)


async def test_events_parameter_is_an_allow_list(open_venue: Any) -> None:
    """Only the named events come, and without its name not even the key's expiry."""
    async with open_venue(listen_key_life_s=5) as venue:
        key = await venue.listen_key()

        async with (
            venue.listen(f"/private/ws?listenKey={key}&events=ACCOUNT_UPDATE") as balance_only,
            venue.listen(f"/private/ws?listenKey={key}&events=ORDER_TRADE_UPDATE/listenKeyExpired") as orders_only,
        ):
            await venue.order(**MARKET)

            assert (await balance_only.hear())["e"] == "ACCOUNT_UPDATE"
            assert [event["e"] for event in await orders_only.hear_until("listenKeyExpired")] == [
                "ORDER_TRADE_UPDATE",
                "ORDER_TRADE_UPDATE",
                "listenKeyExpired",
            ]
            assert await balance_only.hears_nothing(20)


async def test_expired_key_leaves_an_open_and_silent_socket(open_venue: Any) -> None:
    """ListenKeyExpired is the last word; a new key opens a new stream, the old socket stays silent."""
    async with open_venue(listen_key_life_s=60) as venue, venue.listen_to_account() as ear:
        await anyio.sleep(61)

        assert (await ear.hear())["e"] == "listenKeyExpired"

        async with venue.listen_to_account() as fresh:
            await venue.order()

            assert (await fresh.hear())["e"] == "ORDER_TRADE_UPDATE"
            assert await ear.hears_nothing(1)


async def test_leverage_is_announced_when_it_changes(open_venue: Any) -> None:
    """ACCOUNT_CONFIG_UPDATE says the market's new leverage."""
    async with open_venue() as venue, venue.listen_to_account() as ear:
        await venue.ok("POST", "/fapi/v1/leverage", symbol="BTCUSDT", leverage=3)
        event = await ear.hear()

        assert (event["e"], event["ac"]) == ("ACCOUNT_CONFIG_UPDATE", {"s": "BTCUSDT", "l": 3})


async def test_funding_is_announced_and_booked(open_venue: Any) -> None:
    """FUNDING_FEE names the symbol and no position, `bc` is what was paid, and income has the same row."""
    async with open_venue(epoch_ms=1_767_254_400_000 - 5_000) as venue:
        await venue.order(**MARKET)

        async with venue.listen_to_account() as ear:
            changes = (await ear.hear_until("ACCOUNT_UPDATE"))[-1]["a"]

        (row,) = await venue.ok("GET", "/fapi/v1/income", incomeType="FUNDING_FEE")
        history = (await venue.http.get("/fapi/v1/fundingRate?symbol=BTCUSDT")).json()

        assert (changes["m"], changes["S"], changes["P"]) == ("FUNDING_FEE", "BTCUSDT", [])
        assert Decimal(changes["B"][0]["bc"]) == Decimal(row["income"]) == Decimal("-0.06")
        assert [row["fundingTime"] for row in history] == [
            1_767_254_400_000 - hours * 3_600_000 for hours in (16, 8, 0)
        ]


async def test_conditional_order_tells_its_life(open_venue: Any) -> None:
    """ALGO_UPDATE: NEW, TRIGGERING, TRIGGERED, and FINISHED once the order that it became has filled."""
    async with open_venue() as venue, venue.listen_to_account() as ear:
        await venue.order(**MARKET)
        await venue.ok(
            "POST",
            "/fapi/v1/algoOrder",
            algoType="CONDITIONAL",
            symbol="BTCUSDT",
            side="SELL",
            type="STOP_MARKET",
            triggerPrice="59500.00",
            closePosition="true",
        )
        venue.market.set_ladder([(594_000, 1000)], [(594_010, 1000)])
        venue.market.take(Side.SELL, 1)
        events = []

        with anyio.move_on_after(1):
            while True:
                events.append(await ear.hear())

        story = [event["o"] for event in events if event["e"] == "ALGO_UPDATE"]

        assert [told["X"] for told in story] == ["NEW", "TRIGGERING", "TRIGGERED", "FINISHED"]
        assert {(told["ai"], float(told["aq"])) for told in story[:2]} == {("", 0.0)}
        assert [event["o"]["ot"] for event in events if event["e"] == "ORDER_TRADE_UPDATE"][-1] == "STOP_MARKET"


async def test_liquidation_is_told_by_its_client_id(open_venue: Any) -> None:
    """Open orders expire, the venue's own order closes the position as autoclose-, and nothing is left."""
    async with open_venue() as venue, venue.listen_to_account() as ear:
        await venue.order(**{**MARKET, "quantity": "1.000"})
        await venue.order(newClientOrderId="pm-1")
        await ear.hear_until("ACCOUNT_UPDATE")
        await ear.hear()
        venue.market.set_ladder([(501_000, 9000)], [(501_010, 9000)])
        venue.market.set_mark(Decimal(50_100))
        events = []

        with anyio.move_on_after(1):
            while True:
                events.append(await ear.hear())

        orders = [event["o"] for event in events if event["e"] == "ORDER_TRADE_UPDATE"]
        forced = [order for order in orders if order["c"].startswith("autoclose-")]

        assert (forced[-1]["x"], forced[-1]["X"], forced[-1]["o"]) == ("CALCULATED", "FILLED", "LIQUIDATION")
        assert await venue.ok("GET", "/fapi/v3/positionRisk") == []

        income = await venue.ok("GET", "/fapi/v1/income", limit=1000)
        (balance,) = await venue.ok("GET", "/fapi/v3/balance")

        assert "INSURANCE_CLEAR" in {row["incomeType"] for row in income}
        assert sum(Decimal(row["income"]) for row in income) == Decimal(balance["balance"])


async def test_liquidation_expires_open_orders(open_venue: Any) -> None:
    """What rests when the account is liquidated expires, with the reason for it."""
    async with open_venue() as venue, venue.listen_to_account() as ear:
        await venue.order(**{**MARKET, "quantity": "1.000"})
        await venue.order(newClientOrderId="pm-1", price="57000.00")
        venue.market.set_mark(Decimal(50_100))
        events = []

        with anyio.move_on_after(1):
            while True:
                events.append(await ear.hear())

        resting = [event["o"] for event in events if "o" in event and event["o"]["c"] == "pm-1"]

        assert [(order["x"], order["X"], order["er"]) for order in resting] == [
            ("NEW", "NEW", "0"),
            ("EXPIRED", "EXPIRED", "5"),
        ]


async def test_trade_lite_comes_ahead_of_the_same_fill(open_venue: Any) -> None:
    """Each fill is told twice under one trade id."""
    async with open_venue() as venue, venue.listen_to_account() as ear:
        await venue.order(**MARKET)
        new, lite, _, trade = [await ear.hear() for _ in range(4)]

        assert (new["o"]["x"], lite["e"], trade["o"]["x"]) == ("NEW", "TRADE_LITE", "TRADE")
        assert lite["t"] == trade["o"]["t"]


async def test_answer_and_stream_race_by_the_seed(open_venue: Any) -> None:
    """With race_ms either may be first; the same seed runs the same race."""
    outcomes = []

    for seed in (1, 1, 2, 3, 4, 5):
        async with open_venue(race_ms=200, seed=seed) as venue, venue.listen_to_account() as ear:
            firsts = [await _first(venue, ear) for _ in range(6)]
            outcomes.append("".join(firsts))

    assert outcomes[0] == outcomes[1]
    assert set("".join(outcomes)) == {"a", "s"}


async def _first(venue: Any, ear: Any) -> str:
    firsts: list[str] = []

    async def place() -> None:
        await venue.order()
        firsts.append("a")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(place)
        await ear.hear()
        firsts.append("s")

    return firsts[0]
