"""A venue that bans, or is closed for a while, over whole sessions: nothing is stormed, and what protects stays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
import pytest

from perpmaker.sandbox.server import ACCOUNT
from perpmaker.state.view import Mode
from perpmaker.testing.session import Session, open_session
from perpmaker.testing.waiting import until
from perpmaker.wire.fault import Fault, Reply

pytestmark = pytest.mark.anyio

EXAMPLE = Path(__file__).parents[1] / "practice.toml"
STILL = ("bid_spread=2", "ask_spread=2")


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Sessions on virtual time."""
    return virtual_time


def fired(session: Session) -> int:
    """How many requests were answered with the fault."""
    return len(session.sandbox.faults.fired)


async def test_F13_while_banned_no_request_is_sent_and_trading_goes_on_afterwards() -> None:
    """418 with its time: at most what was under way is answered so; market data flows on; then all is read again."""
    async with open_session(EXAMPLE, *STILL, seed=3) as session, anyio.create_task_group() as group:
        group.start_soon(session.bot.run)
        await until(lambda: len(session.open_quotes()) == 2)
        reply = Reply(status=418, body='{"code":-1003,"msg":"Way too many requests"}', headers={"Retry-After": "60"})
        session.sandbox.faults.add(Fault(act="status", arg=reply, path="/fapi", times=None))
        await until(lambda: fired(session) > 0)
        await anyio.sleep(1)
        during = fired(session)
        await anyio.sleep(55)
        assert fired(session) == during <= 3
        assert session.bot.trader.state.book.ok
        assert session.bot.mode is Mode.REDUCE
        assert "the venue does not answer" in session.bot.mode_reason
        assert sum("the venue does not answer" in line for line in session.told) == 1

        session.sandbox.faults.clear()
        await anyio.sleep(30)
        assert session.bot.mode is Mode.RUN
        assert len(session.open_quotes()) == 2
        assert not session.sandbox.oracle.violations
        group.cancel_scope.cancel()


async def test_F13_a_ban_learned_with_a_position_open_is_reduced_to_what_protects_it() -> None:
    """Nobody can verify target and stop then: no quote is placed before the account was read after the ban."""
    overrides = ('stop_loss_order="venue"', "long_profit_taking_spread=5", "short_profit_taking_spread=5")

    async with open_session(EXAMPLE, *overrides, 'when_in_position="hold"', seed=3) as session:
        async with anyio.create_task_group() as group:
            exchange = session.sandbox.exchange
            group.start_soon(session.bot.run)
            await until(lambda: bool(exchange.conditional_orders(ACCOUNT)), within_s=120)
            await anyio.sleep(1)
            reply = Reply(status=418, body='{"code":-1003,"msg":"banned"}', headers={"Retry-After": "60"})
            session.sandbox.faults.add(Fault(act="status", arg=reply, path="/fapi", times=None))
            await until(lambda: fired(session) > 0)
            await until(lambda: session.bot.mode is Mode.REDUCE, within_s=2)
            banned_at = anyio.current_time()
            assert "shut" in session.bot.mode_reason
            await anyio.sleep(50)
            assert fired(session) <= 3
            session.sandbox.faults.clear()
            await until(lambda: session.bot.mode is Mode.RUN, within_s=20)
            assert anyio.current_time() - banned_at >= 55
            await until(lambda: sum(order.closing for order in exchange.open_orders(ACCOUNT)) == 1, within_s=2)
            assert len(exchange.conditional_orders(ACCOUNT)) == 1
            group.cancel_scope.cancel()

        assert not session.sandbox.oracle.violations


@pytest.mark.full
async def test_F57_a_venue_in_maintenance_is_not_stormed_and_quoting_resumes() -> None:
    """Orders are refused for certain for a minute: ever fewer tries, no violation, both quotes soon after."""
    async with open_session(EXAMPLE, *STILL, "order_refresh_tolerance_pct=-1", seed=3) as session:
        async with anyio.create_task_group() as group:
            group.start_soon(session.bot.run)
            await until(lambda: len(session.open_quotes()) == 2)
            reply = Reply(status=503, body='{"code":-1016,"msg":"This service is no longer available."}')

            for method, part in (("POST", "type"), ("PUT", "modifyId")):
                session.sandbox.faults.add(
                    Fault(method=method, act="status", arg=reply, path="/fapi/v1/", contains=part, times=None)
                )

            await anyio.sleep(60)
            tries = fired(session)
            session.sandbox.faults.clear()
            await until(lambda: len(session.open_quotes()) == 2, within_s=60)
            group.cancel_scope.cancel()

        assert 1 <= tries <= 60
        assert not session.sandbox.oracle.violations


@pytest.mark.full
async def test_F57_a_market_whose_status_is_no_longer_trading_is_not_quoted_until_it_trades_again() -> None:
    """The first refused order has its status read: quotes go, no further order is sent, and it resumes by itself."""
    async with open_session(EXAMPLE, *STILL, "order_refresh_tolerance_pct=-1", seed=3) as session:
        async with anyio.create_task_group() as group:
            group.start_soon(session.bot.run)
            await until(lambda: len(session.open_quotes()) == 2)
            refused = Reply(status=400, body='{"code":-4140,"msg":"Invalid symbol status for opening position."}')
            faults, rows = session.sandbox.faults, {"baseAsset": "BTC", "quoteAsset": "USDT", "filters": []}
            row = {"symbol": "BTCUSDT", "contractType": "PERPETUAL", "status": "SETTLING", **rows}
            info = Reply(status=200, body=json.dumps({"rateLimits": [], "symbols": [row]}))
            orders = [
                Fault(method=method, act="status", arg=refused, path="/fapi/v1/batchOrders", times=None)
                for method in ("POST", "PUT")
            ]

            for one in orders:
                faults.add(one)

            faults.add(Fault(act="status", arg=info, path="/fapi/v1/exchangeInfo", times=None))
            await until(lambda: session.bot.mode is Mode.REDUCE)
            assert session.bot.mode_reason == "the market is closed: its status is SETTLING"
            await until(lambda: session.open_quotes() == [], within_s=2)
            assert sum("the market is closed" in line for line in session.told) == 1
            refusals = sum(any(one is fault for fault in orders) for one in faults.fired)
            await anyio.sleep(120)
            assert sum(any(one is fault for fault in orders) for one in faults.fired) == refusals <= 2

            faults.clear()
            await until(lambda: session.bot.mode is Mode.RUN, within_s=6)
            await until(lambda: len(session.open_quotes()) == 2, within_s=4)
            group.cancel_scope.cancel()

        assert not session.sandbox.oracle.violations


async def test_F57_what_protects_a_position_rests_through_the_maintenance() -> None:
    """Neither target nor stop is touched while nothing can be sent; both are verified before anything is quoted."""
    spreads = ("long_profit_taking_spread=5", "short_profit_taking_spread=5")
    overrides = ('stop_loss_order="venue"', "dead_man_switch_s=0", *spreads)

    async with open_session(EXAMPLE, *overrides, seed=3) as session, anyio.create_task_group() as group:
        exchange = session.sandbox.exchange
        group.start_soon(session.bot.run)
        await until(lambda: bool(exchange.conditional_orders(ACCOUNT)), within_s=120)
        await anyio.sleep(1)
        (stop,) = exchange.conditional_orders(ACCOUNT)
        targets = [order.order_id for order in exchange.open_orders(ACCOUNT) if order.closing]
        reply = Reply(status=503, body="Service Unavailable.")
        session.sandbox.faults.add(Fault(act="status", arg=reply, path="/fapi/v1/", times=None))
        await anyio.sleep(40)
        assert session.bot.mode is Mode.REDUCE
        assert [order.order_id for order in exchange.open_orders(ACCOUNT) if order.closing] == targets
        assert exchange.conditional_orders(ACCOUNT) == [stop]
        session.sandbox.faults.clear()
        await until(lambda: session.bot.mode is Mode.RUN, within_s=11)
        assert [order.order_id for order in exchange.open_orders(ACCOUNT) if order.closing] == targets
        assert exchange.conditional_orders(ACCOUNT) == [stop]
        group.cancel_scope.cancel()
