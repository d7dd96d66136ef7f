"""Rate limits, disconnect protection, faults, and options that cannot be."""

from __future__ import annotations

import json
from typing import Any

import anyio
import pytest

from perpmaker.clock import LoopClock
from perpmaker.errors import ConfigurationError
from perpmaker.sandbox.server import SandboxSettings, open_sandbox
from perpmaker.venue.sandbox import RefusalError
from perpmaker.wire.fault import Fault
from perpmaker.wire.memory import MemoryNetwork
from perpmaker_bybit_perpetual.sandbox import dialect
from perpmaker_bybit_perpetual.sandbox.counts import Limits
from perpmaker_bybit_perpetual.sandbox.options import Options

from .conftest import KEYS, LINEAR, limit_order

pytestmark = pytest.mark.anyio

CREATE, DCP = "/v5/order/create", "/v5/order/disconnected-cancel-all"


async def test_a_limit_is_shown_and_refuses_what_is_too_much(open_venue: Any) -> None:
    """10006 with HTTP 200, until the second is over; each kind of command is counted apart."""
    async with open_venue() as venue:
        for left in range(9, -1, -1):
            response = await venue.call("POST", CREATE, **limit_order())
            assert response.headers["X-Bapi-Limit-Status"] == str(left)

        refused = await venue.call("POST", CREATE, **limit_order())
        reset_ms = int(refused.headers["X-Bapi-Limit-Reset-Timestamp"])

        assert (refused.status_code, refused.json()["retCode"]) == (200, 10006)
        assert (refused.headers["X-Bapi-Limit"], refused.headers["X-Bapi-Limit-Status"]) == ("10", "0")
        assert 0 < reset_ms - venue.clock.utc_ms() <= 1000
        assert await venue.code("POST", "/v5/order/cancel-all", **LINEAR, orderFilter="Order") == 0
        await anyio.sleep((reset_ms - venue.clock.utc_ms()) / 1000)
        assert await venue.code("POST", CREATE, **limit_order()) == 0


async def test_an_address_that_asks_too_much_is_shut_out(open_venue: Any) -> None:
    """HTTP 403, with the venue's own body; for ten minutes."""
    async with open_venue() as venue:
        for _ in range(600):
            assert (await venue.http.get("/v5/market/time")).status_code == 200

        refused = await venue.http.get("/v5/market/time")
        assert (refused.status_code, "frequent" in refused.json()["retMsg"]) == (403, True)

    now = [1_767_225_600_000]
    counts = Limits(lambda: now[0], Options(), enforced=True).counts

    for _ in range(600):
        counts.spend_arrival({"address": 1})

    for later_ms in (0, 599_000):
        now[0] += later_ms

        with pytest.raises(RefusalError, match="frequent"):
            counts.spend_arrival({"address": 1})

    now[0] += 2_000
    counts.spend_arrival({"address": 1})


async def test_limits_may_be_shown_and_not_enforced(open_venue: Any) -> None:
    """Everything is counted all the same."""
    async with open_venue(enforce_limits=False, orders_per_s=1) as venue:
        assert [await venue.code("POST", CREATE, **limit_order()) for _ in range(3)] == [0, 0, 0]


async def test_an_ordinary_account_has_no_disconnect_protection(open_venue: Any) -> None:
    """It is not listed, and cannot be set."""
    async with open_venue() as venue:
        assert await venue.get("/v5/account/query-dcp-info") == {"dcpInfos": []}
        assert await venue.code("POST", DCP, product="DERIVATIVES", timeWindow=10) == 10005


@pytest.mark.parametrize("takes_stops", [True, False])
async def test_protection_acts_when_the_last_socket_that_asked_for_it_is_gone(
    open_venue: Any, takes_stops: bool
) -> None:
    """After its window, unless one is there again; what never asked does not count."""
    async with open_venue(has_dcp=True, switch_takes_stops=takes_stops) as venue:
        assert await venue.code("POST", DCP, product="DERIVATIVES", timeWindow=2) == 10001
        assert await venue.code("POST", DCP, timeWindow=5) == 0  # of options, which are not traded here
        await venue.post(DCP, product="DERIVATIVES", timeWindow=4)
        (info,) = (await venue.get("/v5/account/query-dcp-info"))["dcpInfos"]
        assert (info["product"], info["timeWindow"]) == ("DERIVATIVES", "4")
        await venue.hold()
        await venue.post("/v5/position/trading-stop", **LINEAR, positionIdx=0, stopLoss="58000", tpslMode="Full")
        placed = await venue.order()

        async with venue.listen_to_account("order"):
            await anyio.sleep(10)

        async with venue.listen_to_account("dcp.future"):
            await anyio.sleep(1)

        await anyio.sleep(3)

        async with venue.listen_to_account("dcp.future"):
            await anyio.sleep(1)

        await anyio.sleep(3.5)
        assert (await venue.row(placed["orderId"]))["orderStatus"] == "New"
        await anyio.sleep(1)
        assert (await venue.row(placed["orderId"]))["cancelType"] == "CancelByDCP"
        assert len(await venue.open_rows()) == (0 if takes_stops else 1)


async def test_faults_spoil_answers_and_messages(open_venue: Any) -> None:
    """A lost answer of an order that rests, and a lost change of the book, which its ids give away."""
    async with open_venue() as venue, venue.listen() as ear:
        await ear.say("subscribe", "orderbook.50.BTCUSDT")
        first = await ear.hear()
        venue.sandbox.faults.add(Fault(act="drop", when="after", method="POST", path=CREATE))
        venue.sandbox.faults.add(Fault(act="drop", method="WS", path="/v5/public/linear"))

        with anyio.move_on_after(1):
            await venue.post(CREATE, **limit_order(orderLinkId="lost"))

        await venue.post(CREATE, **limit_order(price="59001.0"))
        second = await ear.hear()
        assert [row["orderLinkId"] for row in await venue.open_rows()] == ["", "lost"]
        assert second["data"]["u"] == first["data"]["u"] + 2


async def test_a_service_that_restarts_is_a_message_of_a_fault(open_venue: Any) -> None:
    """What a trade socket answers then."""
    async with open_venue() as venue, venue.listen("/v5/trade") as ear:
        await ear.authenticate()
        body = json.dumps({"reqId": "r", "retCode": 10019, "retMsg": "restarting", "op": "order.create"})
        venue.sandbox.faults.add(Fault(act="body", method="WS", path="/v5/trade", arg=body))

        assert (await ear.command("order.create", "r", **limit_order()))["retCode"] == 10019


@pytest.mark.parametrize(
    "options",
    [
        {"market_maximum": "much"},
        {"page_overlap": -1},
        {"what": 1},
        *(
            pytest.param(one, marks=pytest.mark.full)
            for one in (
                {"post_only_status": "Gone"},
                {"has_dcp": 1},
            )
        ),
    ],
)
async def test_an_option_that_cannot_be_is_refused(options: dict[str, Any]) -> None:
    """Before anything is served."""
    network = MemoryNetwork()
    settings = SandboxSettings(venue="bybit_perpetual", options=options)

    with pytest.raises(ConfigurationError):
        async with open_sandbox(dialect(), settings, clock=LoopClock(), listener=await network.listen()):
            raise AssertionError("it is served")


async def test_a_synthetic_market_keeps_every_invariant(open_venue: Any) -> None:
    """A market that moves, with quotes, stops and positions on it: what never may be never is."""
    del open_venue
    network, clock = MemoryNetwork(), LoopClock()
    settings = SandboxSettings(venue="bybit_perpetual", seed=3, shape="wild")

    async with open_sandbox(dialect(), settings, clock=clock, listener=await network.listen()) as sandbox:
        assert sandbox.keys.api_key == KEYS.api_key
        await anyio.sleep(30)
        assert sandbox.oracle.violations == []
