"""Stops that rest on the venue over whole sessions: kept, replaced, fired, rejected, removed, and left behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import anyio
import pytest

from perpmaker.engine.home import open_home
from perpmaker.model.order import OrderKind
from perpmaker.sandbox.server import ACCOUNT
from perpmaker.simulation.market import SyntheticMarket
from perpmaker.simulation.order import ConditionalOrder
from perpmaker.testing.session import Session, open_session, open_stage
from perpmaker.wire.fault import Fault, Reply

pytestmark = pytest.mark.anyio

EXAMPLE = Path(__file__).parents[2] / "examples" / "sandbox.toml"
VENUE = 'stop_loss_order="venue"'
FAR_TARGET = ("long_profit_taking_spread=5", "short_profit_taking_spread=5")


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Sessions on virtual time."""
    return virtual_time


def waiting(session: Session) -> list[ConditionalOrder]:
    """The stops that wait on the venue, by the venue's own books."""
    return list(session.sandbox.exchange.conditional_orders(ACCOUNT))


def position(session: Session) -> int:
    """The net position in lots, by the venue's own books."""
    return sum(one.lots for one in session.sandbox.exchange.account(ACCOUNT).positions)


async def until(condition: Callable[[], bool], within_s: float = 120.0) -> None:
    """Wait, on virtual time, until something is so."""
    with anyio.fail_after(within_s):
        while not condition():  # noqa: ASYNC110  # what is waited for is the state of the venue, not an event
            await anyio.sleep(0.01)


async def until_position(session: Session) -> None:
    """Wait until the venue shows a position and a stop that waits for it."""
    await until(lambda: bool(position(session) and waiting(session)))


def jump(session: Session, share: float) -> None:
    """Move the market against the position by a share of the price."""
    market = session.sandbox.market
    assert isinstance(market, SyntheticMarket)
    market.jump(1 - share if position(session) > 0 else 1 + share)


async def test_a_stop_rests_on_the_venue_as_long_as_the_position_stands() -> None:
    """Within a moment of the fill it is there, at the stop's distance from the entry."""
    async with open_session(EXAMPLE, VENUE, *FAR_TARGET, seed=3) as session, anyio.create_task_group() as group:
        group.start_soon(session.bot.run)
        await until_position(session)
        await anyio.sleep(1)
        (stop,) = waiting(session)
        (held,) = [one for one in session.sandbox.exchange.account(ACCOUNT).positions if one.lots]
        group.cancel_scope.cancel()

    entry, trigger = float(held.entry), float(session.bot.instrument.price(stop.trigger_ticks))
    assert stop.close_position
    assert abs(trigger / entry - 1) == pytest.approx(0.005, abs=0.0001)
    assert session.bot.known.kind(stop.client_id) is OrderKind.VENUE_STOP


async def test_F47_the_stop_is_removed_when_the_position_is_flat() -> None:
    """However the position ends, no stop stays behind; and none was there without a position for long."""
    async with open_session(EXAMPLE, VENUE, seed=4) as session:
        summary = await session.run(60, close=True)

        assert waiting(session) == []

    assert summary.fills > 0
    assert summary.position == 0
    assert (summary.exits_left, summary.open_orders_left) == (0, 0)
    assert not session.sandbox.oracle.violations


async def test_the_venue_fires_the_stop_and_the_session_knows_its_fills() -> None:
    """The position is closed by the venue, the fills are ours, and nothing else was sent for it."""
    async with open_session(EXAMPLE, VENUE, *FAR_TARGET, seed=3) as session:
        async with anyio.create_task_group() as group:
            group.start_soon(session.bot.run)
            await until_position(session)
            (stop,) = waiting(session)
            jump(session, 0.02)
            await anyio.sleep(1.5)
            group.cancel_scope.cancel()

        fired = session.sandbox.exchange.conditional(ACCOUNT, conditional_id=stop.conditional_id)
        assert fired is not None
        assert fired.order_id is not None
        state = session.bot.trader.state
        tracked = next(iter(state.account.tracked.values()))
        executions = session.sandbox.exchange.executions(ACCOUNT)

    assert state.account.totals.fills == len(executions)
    assert state.stop_closed_at
    assert tracked.external_since is None
    assert not [line for line in session.told if "without a fill of ours" in line]
    assert session.bot.count.placed[OrderKind.STOP_LOSS] == 0


async def test_a_clean_stop_leaves_a_stop_on_the_venue_and_the_next_run_takes_it_over(tmp_path: Path) -> None:
    """Also with stop_loss_order = "limit": it rests when the program is gone, is named, and goes when it is back."""
    home = open_home({"PERPMAKER_HOME": str(tmp_path)})

    async with open_stage(EXAMPLE, *FAR_TARGET, seed=3) as stage:
        async with stage.open_bot(home=home) as session:
            async with anyio.create_task_group() as group:
                group.start_soon(session.bot.run)
                await until(lambda: bool(position(session)))
                assert waiting(session) == []
                session.bot.request_stop()
                await until(lambda: bool(waiting(session)), within_s=20)

            (stop,) = waiting(session)

        assert any("stop" in line and "left" in line for line in session.told), session.told
        assert stop.close_position
        assert position(session) != 0
        executed = len(session.sandbox.exchange.executions(ACCOUNT))

        async with stage.open_bot(home=home) as session, anyio.create_task_group() as group:
            group.start_soon(session.bot.run)
            await anyio.sleep(2)
            assert any("kept as venue_stop" in line for line in session.told), session.told
            assert waiting(session) == []
            assert len(session.sandbox.exchange.executions(ACCOUNT)) >= executed
            group.cancel_scope.cancel()


@pytest.mark.parametrize("act", ["before", "after"])
async def test_F44_a_stop_whose_placement_is_lost_is_asked_for_and_rests_once(act: Literal["before", "after"]) -> None:
    """Whether or not it arrived, one stop waits soon after, and never are there two of one position."""
    async with open_session(EXAMPLE, VENUE, *FAR_TARGET, seed=3) as session, anyio.create_task_group() as group:
        fault = Fault(method="POST", path="/fapi/v1/algoOrder", act="drop", when=act)
        session.sandbox.faults.add(fault)
        group.start_soon(session.bot.run)
        await until_position(session)
        await anyio.sleep(6)
        assert len(waiting(session)) == 1
        assert len(session.sandbox.faults.fired) == 1
        group.cancel_scope.cancel()


async def test_F44_a_refused_stop_is_said_and_the_local_line_closes_at_market() -> None:
    """While the venue keeps none, the stop is watched here: at the trigger a market order goes at once."""
    async with open_session(EXAMPLE, VENUE, *FAR_TARGET, seed=3) as session, anyio.create_task_group() as group:
        reply = Reply(status=400, body='{"code":-4509,"msg":"not now"}')
        session.sandbox.faults.add(Fault(method="POST", path="/fapi/v1/algoOrder", act="status", arg=reply, times=None))
        group.start_soon(session.bot.run)
        await until(lambda: bool(position(session)))
        await anyio.sleep(1)
        assert waiting(session) == []
        assert any("not now" in line for line in session.told), session.told
        jump(session, 0.02)
        await until(lambda: not position(session), within_s=2)
        assert session.bot.count.placed[OrderKind.STOP_LOSS] >= 1
        group.cancel_scope.cancel()
