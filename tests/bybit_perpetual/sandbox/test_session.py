"""A long session of a client that does anything: what the venue says by every way is one story."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from random import Random
from typing import Any

import anyio
import pytest

from .conftest import LINEAR

pytestmark = pytest.mark.anyio

STEPS = 120
FINAL = {"Filled", "Cancelled", "Rejected", "Deactivated"}


def act(random: Random, hedge: bool, names: list[str]) -> tuple[str, dict[str, object]]:
    """A random command."""
    side = random.choice(("Buy", "Sell"))
    reduces = random.random() < 0.3
    opens = "Buy" if side == ("Sell" if reduces else "Buy") else "Sell"
    index = {"positionIdx": 0 if not hedge else 1 if opens == "Buy" else 2}
    price = f"{60_000 + random.randint(-30, 30) / 10:.1f}"
    name = f"n-{len(names)}"
    order: dict[str, object] = {
        "side": side,
        "orderType": random.choice(("Limit", "Limit", "Market")),
        "timeInForce": random.choice(("GTC", "IOC", "FOK", "PostOnly")),
        "qty": f"0.{random.randint(1, 30):03}",
        "price": price,
        "reduceOnly": reduces,
        "orderLinkId": name,
        "smpType": random.choice(("None", "CancelMaker", "CancelTaker", "CancelBoth")),
        **index,
    }
    level = 59_000 if opens == "Buy" else 61_000

    if not reduces and random.random() < 0.4:
        order |= {"stopLoss": str(level + random.randint(-900, 900)), "slTriggerBy": "MarkPrice", "tpslMode": "Full"}
    elif random.random() < 0.2:
        falls = random.random() < 0.5
        order |= {"triggerPrice": "59990" if falls else "60010", "triggerDirection": 2 if falls else 1}

    stop = {"stopLoss": random.choice(("0", str(level + random.randint(-900, 900)))), "tpslMode": "Full", **index}
    known = {"orderLinkId": random.choice(names or ["none"])}

    match random.randint(0, 9):
        case 0 | 1:
            return "order/cancel", known
        case 2:
            return "order/amend", {**known, "price": price}
        case 3:
            return "position/trading-stop", {**stop, "slTriggerBy": random.choice(("MarkPrice", "LastPrice"))}
        case 4:
            return "order/cancel-all", {"orderFilter": random.choice(("Order", "StopOrder"))}

    names.append(name)

    return "order/create", order


def rows_of(messages: list[Any], topic: str) -> Iterator[Any]:
    """The rows of a topic."""
    for message in messages:
        if message["topic"] == topic:
            yield from message["data"]


@pytest.mark.parametrize("seed", range(3))
async def test_what_is_told_by_every_way_is_one_story(open_venue: Any, seed: int) -> None:
    """Orders, executions, positions and the ledger: the stream says what questions say, and money adds up."""
    random = Random(seed)  # noqa: S311  # chance that a seed repeats
    hedge, options = seed % 2 == 1, {"stop_keeps_id": seed % 3 != 0, "cuts_oldest": seed % 3 == 1}

    async with (
        open_venue(order_ms=5, race_ms=40, seed=seed, enforce_limits=False, **options) as venue,
        venue.listen_to_account() as ear,
    ):
        venue.sandbox.oracle.expect("main").is_own = lambda _client_id: True
        names: list[str] = []
        codes = set()

        if hedge:
            await venue.post("/v5/position/switch-mode", **LINEAR, mode=3)

        for _ in range(STEPS):
            path, asked = act(random, hedge, names)
            codes.add(await venue.code("POST", f"/v5/{path}", **LINEAR, **asked))
            middle = 600_000 + random.randint(-25, 25)
            ladder = (
                [(middle - 1 - level, 40) for level in range(20)],
                [(middle + 1 + level, 40) for level in range(20)],
            )
            venue.market.set_ladder(*ladder)
            wick = random.random() < 0.05
            venue.move_mark(str(middle // 10 + (random.choice((-2500, 2500)) if wick else 0)))
            await anyio.sleep(random.random() / 20)

        await anyio.sleep(1)
        messages = await ear.hear_all()
        assert {0, 110001} <= codes
        last = {row["orderId"]: row for row in rows_of(messages, "order")}

        for order_id, row in last.items():
            asked_row = await venue.row(order_id)
            assert (row["orderStatus"], row["cumExecQty"]) == (asked_row["orderStatus"], asked_row["cumExecQty"])

        open_ids = {row["orderId"] for row in await venue.open_rows(limit=50)}
        assert open_ids == {order_id for order_id, row in last.items() if row["orderStatus"] not in FINAL}
        told = {row["execId"]: row for row in rows_of(messages, "execution")}
        page = await venue.get("/v5/execution/list", **LINEAR, limit=100)
        assert {row["execId"] for row in page["list"]} <= set(told)
        assert len(told) == len(venue.sandbox.exchange.executions("main"))
        held = dict.fromkeys(("0", "1", "2"), Decimal(0))

        for row in told.values():
            index = str(last[row["orderId"]]["positionIdx"])
            held[index] += Decimal(row["execQty"]) * (1 if row["side"] == "Buy" else -1)

        stops = [row for row in await venue.open_rows(limit=50) if row["stopOrderType"] == "StopLoss"]

        for row in (await venue.get("/v5/position/list", **LINEAR))["list"]:
            index = str(row["positionIdx"])
            assert abs(held[index]) == Decimal(row["size"])
            own = [stop for stop in stops if str(stop["positionIdx"]) == index]
            assert len(own) <= (1 if held[index] else 0)
            assert all((stop["qty"], stop["triggerPrice"]) == (row["size"], row["stopLoss"]) for stop in own)

        (newest, *_) = (await venue.get("/v5/account/transaction-log", category="linear"))["list"]
        assert Decimal(newest["cashBalance"]) == venue.sandbox.exchange.account("main").wallet
        assert {one.invariant for one in venue.sandbox.oracle.violations} <= {"I19"}  # it opens at market
