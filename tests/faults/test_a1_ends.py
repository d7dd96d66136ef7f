"""A1 and A2: however a run ends, an open position has its stop, or the exit code and the words say that it has not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from perpmaker.engine.home import Home, open_home
from perpmaker.errors import StopNotProvenError
from perpmaker.sandbox.server import ACCOUNT
from perpmaker.simulation.market import SyntheticMarket
from perpmaker.simulation.order import ConditionalOrder
from perpmaker.testing.session import Session, Stage, open_stage
from perpmaker.wire.fault import Fault, Reply

pytestmark = pytest.mark.anyio

EXAMPLE = Path(__file__).parents[1] / "practice.toml"
FAR_TARGET = ("long_profit_taking_spread=5", "short_profit_taking_spread=5", "filled_order_delay=60")
BUSY = Reply(status=503, body='{"code":-1001,"msg":"Internal error; unable to process your request."}')


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Sessions on virtual time."""
    return virtual_time


def stops(stage: Stage) -> list[ConditionalOrder]:
    """The stops that wait on the venue, by the venue's own books."""
    return list(stage.sandbox.exchange.conditional_orders(ACCOUNT))


def lots(stage: Stage) -> int:
    """The net position, by the venue's own books."""
    return sum(one.lots for one in stage.sandbox.exchange.account(ACCOUNT).positions)


async def until(condition: Callable[[], bool], within_s: float = 120.0) -> None:
    """Wait, on virtual time, until something is so."""
    with anyio.fail_after(within_s):
        while not condition():  # noqa: ASYNC110  # what is waited for is the state of the venue, not an event
            await anyio.sleep(0.01)


async def fall(stage: Stage, share: float) -> None:
    """Move the market against the position by a share of the price."""
    market = stage.sandbox.market
    assert isinstance(market, SyntheticMarket)
    market.jump(1 - share if lots(stage) > 0 else 1 + share)
    await anyio.lowlevel.checkpoint()


async def ended(session: Session, act: Callable[[], Awaitable[None]]) -> str | None:
    """Run a bot until it is in a position with its stop on the venue, then act: how the run ended."""
    closings: list[str | None] = []

    async def run() -> None:
        closings.append((await session.bot.run()).unproven)

    async with anyio.create_task_group() as group:
        group.start_soon(run)
        await until(lambda: bool(stops(session)) and bool(session.bot.trader.state.account.tracked))
        await act()
        await until(lambda: bool(closings), within_s=60)
        group.cancel_scope.cancel()

    return closings[0]


@pytest.mark.parametrize("order", ["limit", "market"])
@pytest.mark.parametrize("seconds", [1.0, 9.0, 11.0, 30.0])
async def test_A1_an_end_while_a_fired_stop_cannot_be_sent(tmp_path: Path, order: str, seconds: float) -> None:
    """Every POST is answered 503 for so long: never clean with an open position without a stop, safe 2 s later."""
    home = open_home({"PERPMAKER_HOME": str(tmp_path)})

    async with open_stage(EXAMPLE, f'stop_loss_order="{order}"', *FAR_TARGET, seed=3) as stage:
        faults = stage.sandbox.faults

        async with stage.open_bot(home=home) as session:

            async def act() -> None:
                faults.add(Fault(method="POST", path="/fapi", act="status", arg=BUSY, times=None))
                await fall(stage, 0.006)
                await anyio.sleep(0.2)
                session.bot.request_stop()

            async with anyio.create_task_group() as group:

                async def heal() -> None:
                    await until(lambda: bool(faults.fired), within_s=120)
                    await anyio.sleep(seconds)
                    faults.clear()

                group.start_soon(heal)
                unproven = await ended(session, act)

                if unproven is None:
                    assert not lots(stage) or stops(stage)

                group.cancel_scope.cancel()

        faults.clear()

        async with stage.open_bot(home=home) as session, anyio.create_task_group() as group:
            group.start_soon(session.bot.run)
            await anyio.sleep(2.5)
            assert not lots(stage) or stops(stage)
            group.cancel_scope.cancel()

        assert not stage.sandbox.oracle.violations


async def test_A1_a_position_whose_stop_has_fired_is_no_clean_end(tmp_path: Path) -> None:
    """The venue refuses every closing order: the end waits for a while, then says the position and what rests."""
    home = open_home({"PERPMAKER_HOME": str(tmp_path)})
    refused = Reply(status=400, body='{"code":-4131,"msg":"The counterparty\'s best price does not meet."}')

    async with open_stage(EXAMPLE, 'stop_loss_order="market"', *FAR_TARGET, seed=3) as stage:
        async with stage.open_bot(home=home) as session:

            async def act() -> None:
                fault = Fault(method="POST", path="/fapi/v1/order", act="status", arg=refused, times=None)
                stage.sandbox.faults.add(fault)
                await fall(stage, 0.0055)
                await anyio.sleep(0.2)
                session.bot.request_stop()

            unproven = await ended(session, act)

        if lots(stage):
            assert unproven is not None
            assert "its stop has fired and is not through" in unproven
            assert "a stop that the venue fires" in unproven


async def run_until_broken(stage: Stage, home: Home, error: BaseException, *faults: Fault) -> BaseException:
    """Trade until there is a position, then have the trader raise beside these faults of the venue: what came of it."""

    def broken(*_: object) -> object:
        for fault in faults:
            stage.sandbox.faults.add(fault)

        raise error

    try:
        async with stage.open_bot(home=home) as session, anyio.create_task_group() as group:
            group.start_soon(session.bot.run)
            await until(lambda: bool(lots(stage)))
            await anyio.sleep(1)
            session.bot.trader.handle = broken  # type: ignore[assignment,method-assign]
            await anyio.sleep(120)
    except BaseException as raised:  # noqa: BLE001  # what ends the run is what is looked at
        return only(raised)

    raise AssertionError("nothing ended the run")


def only(error: BaseException) -> BaseException:
    """The error itself, out of the groups that task groups wrap it in."""
    while isinstance(error, BaseExceptionGroup):
        (error,) = error.exceptions

    return error


@pytest.mark.parametrize("error", [KeyboardInterrupt("gone"), SystemExit("gone"), RuntimeError("gone")], ids=repr)
async def test_A2_an_end_by_an_error_leaves_what_a_clean_stop_leaves(tmp_path: Path, error: BaseException) -> None:
    """Whatever ends the trader: quotes are off, a stop rests, and the target outlives the dead-man switch."""
    home = open_home({"PERPMAKER_HOME": str(tmp_path)})
    keys = ("venue_backstop=false", *FAR_TARGET, "dead_man_switch_s=10")

    async with open_stage(EXAMPLE, *keys, seed=3) as stage:
        assert await run_until_broken(stage, home, error) is error
        await anyio.sleep(30)
        exchange = stage.sandbox.exchange
        assert [order for order in exchange.open_orders(ACCOUNT) if not order.closing] == []
        assert [order for order in exchange.open_orders(ACCOUNT) if order.closing]
        assert len(stops(stage)) == 1


async def test_A2_an_end_by_an_error_that_cannot_be_proven_is_exit_code_5(tmp_path: Path) -> None:
    """The venue does not answer any more when the trader breaks: the error says so, and keeps its cause."""
    home = open_home({"PERPMAKER_HOME": str(tmp_path)})
    gone = [Fault(method=method, path="/fapi", act="drop", times=None) for method in ("GET", "POST", "DELETE")]

    async with open_stage(EXAMPLE, "venue_backstop=false", *FAR_TARGET, seed=3) as stage:
        error = await run_until_broken(stage, home, RuntimeError("gone"), *gone)

    assert isinstance(error, StopNotProvenError)
    assert "not proven clean" in str(error)
    assert isinstance(only(error.__cause__ or error), RuntimeError)
