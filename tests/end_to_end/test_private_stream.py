"""The private stream over whole sessions: gone while the market trades with everything that rests, or expired."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from perpmaker.sandbox.server import ACCOUNT
from perpmaker.simulation.market import SyntheticMarket
from perpmaker.state.view import Mode
from perpmaker.testing.session import Session, open_session
from perpmaker.testing.waiting import until
from perpmaker.wire.fault import Fault, Reply

pytestmark = pytest.mark.anyio

EXAMPLE = Path(__file__).parents[1] / "practice.toml"
LEVELS = (
    "bid_spread=0.5",
    "ask_spread=0.5",
    "order_levels=3",
    "order_level_spread=0.1",
    'stop_loss_order="venue"',
    "stop_loss_spread=5",
    "long_profit_taking_spread=5",
    "short_profit_taking_spread=5",
)


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Sessions on virtual time."""
    return virtual_time


def is_known(session: Session) -> bool:
    """Whether the bot has every fill of the venue, and its position."""
    exchange, account = session.sandbox.exchange, session.bot.trader.state.account
    (held,) = exchange.account(ACCOUNT).positions
    (known,) = account.positions.values()

    return account.totals.fills == len(exchange.executions(ACCOUNT)) and known.amount == held.amount


@pytest.mark.parametrize("away_s", [0.5, 4.5])
async def test_F31_three_levels_that_fill_while_the_private_stream_is_gone_are_found_and_protected(
    away_s: float,
) -> None:
    """REDUCE within a second, nothing new but exits; then fills, position, target and stop are right, and RUN."""
    async with open_session(EXAMPLE, *LEVELS, seed=3) as session:
        async with anyio.create_task_group() as group:
            exchange, market, faults = session.sandbox.exchange, session.sandbox.market, session.sandbox.faults
            assert isinstance(market, SyntheticMarket)
            group.start_soon(session.bot.run)
            await until(lambda: len(session.open_quotes()) == 6)
            gone = Reply(status=503, body="<html>Service Unavailable</html>")
            faults.add(Fault(act="drop", method="DELETE", path="/fapi/v1/", times=None))
            faults.add(Fault(act="status", arg=gone, method="POST", path="/fapi/v1/listenKey", times=None))
            await faults.inject(Fault(act="reset", when="now", path="/private"))
            market.jump(0.98)
            await until(lambda: session.bot.mode is Mode.REDUCE, within_s=1.0)
            sent = len(session.bot.known.sent)
            await anyio.sleep(away_s)
            assert len(exchange.executions(ACCOUNT)) >= 3
            assert not is_known(session)
            assert all(order.slot.kind.is_exit for order in list(session.bot.known.sent.values())[sent:])

            faults.clear()
            await until(lambda: is_known(session) and session.bot.mode is Mode.RUN, within_s=12.0)
            await anyio.sleep(0.5)
            (held,) = exchange.account(ACCOUNT).positions
            targets = [order for order in exchange.open_orders(ACCOUNT) if order.closing]
            assert [order.lots for order in targets] == [abs(held.lots)]
            assert len(exchange.conditional_orders(ACCOUNT)) == 1
            group.cancel_scope.cancel()

        assert session.sandbox.oracle.violations == []


async def test_F32_an_expired_key_costs_a_moment_of_quoting_and_no_fill() -> None:
    """The venue says so on the stream: a new key, a new socket, everything read again, and it quotes within 3 s."""
    async with open_session(EXAMPLE, "bid_spread=2", "ask_spread=2", "order_refresh_time=2", seed=3) as session:
        async with anyio.create_task_group() as group:
            faults = session.sandbox.faults
            group.start_soon(session.bot.run)
            await until(lambda: len(session.open_quotes()) == 2 and session.bot.mode is Mode.RUN)
            expired = '{"e":"listenKeyExpired","E":1,"listenKey":"k"}'
            made = Fault(act="delay", arg=0.0, method="POST", path="/fapi/v1/listenKey", times=None)
            faults.add(made)
            faults.add(Fault(act="body", arg=expired, method="WS", path="/private"))
            await until(lambda: session.bot.mode is Mode.REDUCE)
            assert "has expired" in session.bot.mode_reason
            await until(lambda: session.bot.mode is Mode.RUN, within_s=1.0)
            await until(lambda: len(session.open_quotes()) == 2, within_s=3.0)
            assert sum(fault is made for fault in faults.fired) == 1
            group.cancel_scope.cancel()

        assert session.sandbox.oracle.violations == []
