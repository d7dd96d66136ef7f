"""Quotes that are amended, end to end: the bot, the Binance connector and the sandbox, over HTTP on virtual time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from unittest import mock

import anyio
import pytest

from perpmaker.model.order import OrderKind, Side, Slot
from perpmaker.sandbox.server import ACCOUNT
from perpmaker.simulation.event import OrderChanged, SimulationEvent
from perpmaker.simulation.market import SyntheticMarket
from perpmaker.state.view import End, Mode
from perpmaker.testing.crash import crash
from perpmaker.testing.session import Session, open_session
from perpmaker.testing.virtual import virtual_backend
from perpmaker.testing.waiting import until
from perpmaker.venue import Answer, Endpoint, Parameters, RestClient
from perpmaker.wire.fault import Fault, Reply

FILE = Path(__file__).parents[1] / "practice.toml"
WIDE = ("bid_spread=2", "ask_spread=2", "order_refresh_time=2", "order_levels=5", "order_level_spread=0.1")
LEVELS = 10
ASK = Slot(OrderKind.QUOTE, Side.SELL)
PATHS = ("/fapi/v1/order", "/fapi/v1/batchOrders")


def run_virtual(scenario: Callable[[], Awaitable[None]]) -> None:
    """Run a scenario on a virtual clock of its own."""
    name, options = virtual_backend()
    anyio.run(scenario, backend=name, backend_options=options)


def jump(session: Session, share: float) -> None:
    """The market moves."""
    market = session.sandbox.market
    assert isinstance(market, SyntheticMarket)
    market.jump(1 + share)


def is_quoted(session: Session, levels: int = LEVELS) -> bool:
    """Whether so many levels rest where the bot takes them for resting, with nothing under way."""
    believed = {order.client_id: order.order for order in session.bot.trader.working()}
    resting = {order.client_id: order for order in session.sandbox.exchange.open_orders(ACCOUNT)}

    return (
        session.bot.mode is Mode.RUN
        and len(resting) == levels
        and all(order.status.value == "open" for order in session.bot.trader.working())
        and {one: (order.ticks, order.lots) for one, order in believed.items()}
        == {one: (order.ticks, order.lots) for one, order in resting.items()}
    )


def test_a_refresh_of_five_levels_is_two_requests_and_no_level_is_off_the_book() -> None:
    """Ten orders, two batches of five, and at no moment fewer than ten rest."""
    asked: list[tuple[str, str]] = []
    send = RestClient.send

    async def heard(
        self: RestClient, endpoint: Endpoint[object], parameters: Parameters, *, urgent: bool = False
    ) -> Answer:
        if endpoint.path in PATHS and endpoint.method != "GET":
            asked.append((endpoint.method, endpoint.path))

        return await send(self, endpoint, parameters, urgent=urgent)

    async def scenario() -> None:
        async with open_session(FILE, *WIDE, seed=2) as session, anyio.create_task_group() as group:
            group.start_soon(session.bot.run)
            await until(lambda: is_quoted(session))
            fewest: list[int] = []

            def watch(event: SimulationEvent) -> None:
                if isinstance(event, OrderChanged):
                    fewest.append(len(session.sandbox.exchange.open_orders(ACCOUNT)))

            session.sandbox.exchange.subscribe(watch)
            ids = set(session.open_quotes())
            asked.clear()
            jump(session, 0.001)
            await anyio.sleep(2.5)
            await until(lambda: is_quoted(session))

            assert asked == [("PUT", "/fapi/v1/batchOrders")] * 2
            assert min(fewest) == LEVELS
            assert set(session.open_quotes()) == ids
            assert session.bot.count.amends == LEVELS
            assert session.sandbox.oracle.violations == []
            group.cancel_scope.cancel()

    with mock.patch.object(RestClient, "send", heard):
        run_virtual(scenario)


FAULTS: dict[str, dict[str, Any]] = {
    "lost before": {"act": "drop", "when": "before"},
    "lost after": {"act": "drop", "when": "after"},
    "late": {"act": "delay", "when": "before", "arg": 1.5},
    "503": {"act": "status", "when": "after", "arg": Reply(status=503, body="<html>")},
    "-5043": {"act": "status", "when": "before", "arg": Reply(status=400, body='{"code":-5043,"msg":"pending"}')},
    "-5026": {"act": "status", "when": "before", "arg": Reply(status=400, body='{"code":-5026,"msg":"too often"}')},
    "-5027": {"act": "status", "when": "after", "arg": Reply(status=400, body='{"code":-5027,"msg":"no need"}')},
    "-2013": {"act": "status", "when": "before", "arg": Reply(status=400, body='{"code":-2013,"msg":"no order"}')},
    "-2019": {"act": "status", "when": "before", "arg": Reply(status=400, body='{"code":-2019,"msg":"margin"}')},
    "429": {"act": "status", "when": "before", "arg": Reply(status=429, body="", headers={"retry-after": "2"})},
}


@pytest.mark.parametrize("name", FAULTS)
def test_whatever_becomes_of_amends_the_bot_knows_where_its_quotes_rest_again(name: str) -> None:
    """Both batches of a refresh meet the fault; afterwards every level rests, once, where the bot knows it."""

    async def scenario() -> None:
        async with open_session(FILE, *WIDE, seed=2) as session, anyio.create_task_group() as group:
            group.start_soon(session.bot.run)
            await until(lambda: is_quoted(session))
            session.sandbox.faults.add(Fault(method="PUT", path="/fapi/v1/batchOrders", times=2, **FAULTS[name]))
            jump(session, 0.001)
            await anyio.sleep(2.5)
            await until(lambda: is_quoted(session), 40)
            slots = Counter(str(order.slot) for order in session.bot.trader.working())

            assert set(slots.values()) == {1}
            assert session.sandbox.oracle.violations == []
            assert session.bot.halted is None
            session.bot.request_stop()
            await until(lambda: not session.open_quotes())
            group.cancel_scope.cancel()

    run_virtual(scenario)


def test_an_amend_that_would_take_brings_its_level_back() -> None:
    """The market comes back while amends are under way: Binance cancels them, and the levels are placed again."""
    near = (
        "bid_spread=0.1",
        "ask_spread=0.1",
        "order_refresh_time=2",
        'sandbox.shape="calm"',
        "sandbox.order_latency_ms=200",
    )

    async def scenario() -> None:
        async with open_session(FILE, *near, seed=2) as session, anyio.create_task_group() as group:
            group.start_soon(session.bot.run)
            ends: list[str] = []

            def watch(event: SimulationEvent) -> None:
                if isinstance(event, OrderChanged):
                    ends.append(event.cause.value)

            session.sandbox.exchange.subscribe(watch)
            await until(lambda: is_quoted(session, 2))
            jump(session, -0.0008)
            await until(lambda: any(order.status.value == "amending" for order in session.bot.trader.working()))
            jump(session, 0.0013)
            await anyio.sleep(0.3)
            assert "amend" in ends
            assert session.bot.trader.state.orders.endings.by_slot[ASK].end is End.VENUE

            await until(lambda: is_quoted(session, 2), 1.5)
            assert session.sandbox.oracle.violations == []
            group.cancel_scope.cancel()

    run_virtual(scenario)


QUICK = (
    "order_refresh_time=0.5",
    "filled_order_delay=0.5",
    "bid_spread=0.04",
    "ask_spread=0.04",
    "long_profit_taking_spread=0.02",
    "short_profit_taking_spread=0.02",
)


@pytest.mark.full
def test_F71_killed_around_an_amend_the_next_process_reads_the_truth(full: bool) -> None:
    """Before it is sent, after that, and when its answer arrives."""
    steps = crash(FILE, QUICK, 6, seconds=3.0, at=None).steps
    around = [at for at, step in enumerate(steps) if step in {"before send", "after send", "answer arrived"}]
    crashes = {at: crash(FILE, QUICK, 6, seconds=3.0, at=at) for at in around[3 : 30 : 3 if full else 7]}

    assert len(around) > 12
    assert [(at, steps[at], one.faults) for at, one in crashes.items() if one.faults] == []
