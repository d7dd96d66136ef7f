"""Whole sessions of the bot on Bybit's sandbox, on virtual time: what it does, what it leaves, and what it survives."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from perpmaker.journal.state_dir import StateDir
from perpmaker.model.income import IncomeKind
from perpmaker.model.order import OrderKind, OrderStatus
from perpmaker.sandbox.server import ACCOUNT
from perpmaker.simulation.market import SyntheticMarket
from perpmaker.simulation.order import ConditionalOrder
from perpmaker.testing.crash import Doom, live
from perpmaker.testing.rehearsal import rehearse, targets_filled
from perpmaker.testing.session import Session, Stage, open_session, open_stage
from perpmaker.wire.fault import Fault

pytestmark = pytest.mark.anyio

FILE = Path(__file__).with_name("session.toml")
SEEDS = int(os.environ.get("PERPMAKER_SEEDS", "2"))
FAR_TARGET = ("long_profit_taking_spread=5", "short_profit_taking_spread=5")
TRADE, PRIVATE = "/v5/trade", "/v5/private"


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """A minute of trading in a moment."""
    return virtual_time


async def until(condition: Callable[[], bool], within_s: float = 60.0) -> None:
    """Wait, on virtual time, until something is so."""
    with anyio.fail_after(within_s):
        while not condition():  # noqa: ASYNC110  # what is waited for is state of the bot or the venue, not an event
            await anyio.sleep(0.01)


@asynccontextmanager
async def running(*overrides: str, seed: int = 3, **options: Any) -> AsyncIterator[Session]:
    """A bot that runs, on a sandbox with these options."""
    async with open_session(FILE, *overrides, seed=seed, options=options) as session:
        async with anyio.create_task_group() as group:
            group.start_soon(session.bot.run)
            yield session
            group.cancel_scope.cancel()

        assert session.sandbox.oracle.violations == []


def lots(session: Session | Stage) -> int:
    """The net position, by the venue's own books."""
    return sum(one.lots for one in session.sandbox.exchange.account(ACCOUNT).positions)


def stops(session: Session | Stage) -> list[ConditionalOrder]:
    """The stops that wait, by the venue's own books."""
    return list(session.sandbox.exchange.conditional_orders(ACCOUNT))


def jump(session: Session | Stage, share: float) -> None:
    """Move the market by a share of its price."""
    market = session.sandbox.market
    assert isinstance(market, SyntheticMarket)
    market.jump(1 + share)


@pytest.mark.full
def test_every_session_has_a_fill_and_nearly_every_one_takes_profit() -> None:
    """Over the seeds: always a fill, in at least 95 % a filled target, no quote left, nothing violated."""
    sessions = [rehearse(FILE, seed, 45.0) for seed in range(3, 3 + SEEDS)]
    assert [session.seed for session in sessions if session.summary.fills == 0] == []
    assert [session.seed for session in sessions if session.open_quotes or session.violations] == []
    assert sum(session.targets_filled > 0 for session in sessions) >= 0.95 * SEEDS


@pytest.mark.parametrize("mode", [pytest.param("One-way", marks=pytest.mark.full), "Hedge"])
async def test_the_summary_is_the_venues_own_account(mode: str) -> None:
    """Profit, fees, funding, volume and fills are the venue's to the last digit, in both position modes."""
    async with open_session(FILE, f"position_mode={mode}", seed=4) as session:
        summary = await session.run(45)
        exchange = session.sandbox.exchange
        income = {kind: sum(one.amount for one in exchange.income(ACCOUNT) if one.kind is kind) for kind in IncomeKind}
        executions = exchange.executions(ACCOUNT)
        account = exchange.account(ACCOUNT)
        told = {
            one.asset: one.wallet for one in (await session.bot.connector.fetch_account(session.bot.instrument)).assets
        }

        assert summary.realized_pnl == income[IncomeKind.REALIZED]
        assert summary.fees == -income[IncomeKind.FEE] > 0
        assert summary.funding == income[IncomeKind.FUNDING]
        assert summary.fills == len(executions) > 0
        assert summary.volume == sum(one.price * one.amount for one in executions)
        assert summary.unrealized_pnl == sum(one.unrealized for one in account.positions)
        assert told["USDT"] == account.wallet
        assert targets_filled(session) > 0
        assert (session.open_quotes(), session.sandbox.oracle.violations) == ([], [])


async def test_it_quotes_both_sides_within_five_seconds_over_the_trade_socket() -> None:
    """From the first connection to quotes that rest on the venue, each with the stop of what it would open."""
    async with running(seed=1) as session:
        await until(lambda: len(session.open_quotes()) == 2, 5.0)
        quotes = [one.order for one in session.bot.trader.working() if one.slot.kind is OrderKind.QUOTE]
        assert len(quotes) == 2
        assert all(one.attached_stop is not None for one in quotes)


OTHERWISE: list[dict[str, Any]] = [
    {"post_only_status": "Rejected", "remainder_status": "Rejected", "crossing_amend": "refuses"},
    {"stop_keeps_id": False},
    {"fill_stop_replaces": False},
    {"stop_after_fill_ms": 500},
    {"stops_count": True, "batch_most": 10},
    {"lean_flat_rows": True, "page_overlap": 3},
    {"book_restart_ms": 7000, "restart_is_empty": True},
    {"rejects_out_of_band": True, "smp_type": "2"},
]


@pytest.mark.parametrize(
    "options",
    [*OTHERWISE[:1], *(pytest.param(one, marks=pytest.mark.full) for one in OTHERWISE[1:])],
    ids=lambda options: next(iter(options)),
)
async def test_whatever_no_document_says_a_session_goes_well(options: dict[str, Any]) -> None:
    """With the venue the other way: fills, each position has one stop, nothing is violated and nothing is left."""
    async with open_session(FILE, "filled_order_delay=0.5", seed=5, options=options) as session:
        bare_s = 0.0

        async def watch() -> None:
            nonlocal bare_s

            while True:
                bare_s = bare_s + 0.1 if lots(session) and not stops(session) else 0.0
                assert bare_s < 2, "a position without a stop"
                await anyio.sleep(0.1)

        async with anyio.create_task_group() as group:
            group.start_soon(watch)
            summary = await session.run(40)
            group.cancel_scope.cancel()

        assert summary.fills > 1
        assert (session.open_quotes(), session.sandbox.oracle.violations) == ([], [])


async def test_a_kill_with_quotes_live_leaves_a_stop_when_one_fills_afterwards(tmp_path: Path) -> None:
    """Nothing takes the quotes off there: the one that fills brings the stop of the position that it opens."""
    async with open_stage(FILE, *FAR_TARGET, "bid_spread=0.3", "ask_spread=0.3", seed=3) as stage:
        await live(stage, StateDir(tmp_path), Doom(), 4.0)
        resting = stage.sandbox.exchange.open_orders(ACCOUNT)
        assert (len(resting), lots(stage), stops(stage)) == (2, 0, [])
        jump(stage, -0.005)
        await until(lambda: lots(stage) > 0)
        await anyio.sleep(1)
        (stop,) = stops(stage)
        (held,) = [one for one in stage.sandbox.exchange.account(ACCOUNT).positions if one.lots]
        assert stop.trigger_ticks / 10 == pytest.approx(float(held.entry) * (1 - 0.00625), rel=1e-4)
        jump(stage, -0.02)
        await until(lambda: lots(stage) == 0)
        assert stage.sandbox.oracle.violations == []


async def test_bybit_B1_B2_a_stop_that_fires_at_the_venue_closes_and_is_told_as_that(tmp_path: Path) -> None:
    """The position is flat, by the stream and after a restart; no second stop is placed, and nobody has traded."""
    async with open_stage(FILE, 'stop_loss_order="venue"', *FAR_TARGET, seed=3) as stage:
        home = StateDir(tmp_path)

        for is_heard in (True, False):
            async with stage.open_bot(home=home) as session, anyio.create_task_group() as group:
                group.start_soon(session.bot.run)
                await until(lambda session=session: bool(lots(session)) and len(stops(session)) == 1)  # type: ignore[misc]  # as it is bound

                if is_heard:
                    jump(stage, -0.01 if lots(stage) > 0 else 0.01)
                    await until(lambda: lots(stage) == 0)
                    await anyio.sleep(1)
                    assert all(one.amount == 0 for one in session.bot.trader.state.account.positions.values())
                    assert not [line for line in session.told if "by hand" in line or "unprotected" in line]

                group.cancel_scope.cancel()

        jump(stage, -0.01 if lots(stage) > 0 else 0.01)
        await until(lambda: lots(stage) == 0)

        async with stage.open_bot(home=home) as session, anyio.create_task_group() as group:
            group.start_soon(session.bot.run)
            await until(lambda: len(session.open_quotes()) == 2)
            assert not [line for line in session.told if "by hand" in line]
            group.cancel_scope.cancel()

        assert stage.sandbox.oracle.violations == []


async def test_bybit_B4_a_close_above_the_market_maximum_goes_in_parts() -> None:
    """The venue takes no larger market order: a stop that fires here still closes the whole position."""
    options = {"market_maximum": "0.004"}

    async with running('stop_loss_order="market"', *FAR_TARGET, **options) as session:
        await until(lambda: bool(lots(session)))
        jump(session, -0.006 if lots(session) > 0 else 0.006)
        await until(lambda: lots(session) == 0)
        closing = [line for line in session.trace if " accepted pm-" in line]
        assert closing


async def test_bybit_B5_a_position_that_is_dated_after_its_last_fill_blocks_nothing() -> None:
    """The venue says that it was updated a while after the fill that did it: the exits go up all the same."""
    async with running(*FAR_TARGET, position_late_ms=900) as session:
        await until(lambda: bool(lots(session)))
        began = anyio.current_time()
        exits = {OrderKind.TAKE_PROFIT, OrderKind.VENUE_STOP}
        await until(
            lambda: exits <= {one.slot.kind for one in session.bot.trader.working() if one.status is OrderStatus.OPEN}
        )
        assert anyio.current_time() - began < 3


async def test_bybit_B6_nothing_is_replayed_when_the_trade_socket_comes_back() -> None:
    """While it is down orders go by REST; of what was decided before, nothing is sent again at an old price."""
    async with running("order_refresh_time=1", "order_refresh_tolerance_pct=-1", seed=1) as session:
        await anyio.sleep(4)

        for _ in range(4):
            await session.sandbox.faults.inject(Fault(act="close", when="now", method="WS", path=TRADE, arg=1011))
            jump(session, 0.0005)
            await anyio.sleep(3)

        assert session.bot.halted is None
        assert len(session.open_quotes()) <= 2


async def test_bybit_B7_an_answer_after_the_end_of_its_order_brings_nothing_back() -> None:
    """The stream tells that an order is filled before its placement is answered: the slot is free, and stays so."""
    overrides = ("bybit_perpetual.orders_by_socket=false", *FAR_TARGET)

    async with running(*overrides) as session:
        late = Fault(act="delay", when="after", method="POST", path="/v5/order", arg=0.4, times=None)
        session.sandbox.faults.add(late)
        await until(lambda: bool(lots(session)))
        await anyio.sleep(3)
        live_quotes = [one for one in session.bot.trader.working() if one.slot.kind is OrderKind.QUOTE]
        assert {one.client_id for one in live_quotes} == set(session.open_quotes())


async def test_a_private_stream_that_is_lost_while_orders_fill_loses_nothing() -> None:
    """The fill is read afterwards, and the position has its exits."""
    async with running(*FAR_TARGET) as session:
        await until(lambda: len(session.open_quotes()) == 2)
        session.sandbox.faults.add(Fault(act="drop", method="WS", path=PRIVATE, times=30))
        jump(session, -0.002)
        await until(lambda: bool(lots(session)))
        await until(lambda: len(stops(session)) == 1)
        await session.sandbox.faults.inject(Fault(act="close", when="now", method="WS", path=PRIVATE, arg=1011))
        session.sandbox.faults.clear()
        account = session.bot.trader.state.account
        await until(lambda: any(one.amount for one in account.positions.values()))
        await until(lambda: any(one.slot.kind is OrderKind.TAKE_PROFIT for one in session.bot.trader.working()))


async def test_an_account_with_disconnect_protection_says_so_and_is_cleared_when_the_process_is_gone(
    tmp_path: Path,
) -> None:
    """Its quotes carry no stop: the venue takes them off some seconds after the last connection."""
    protected = ("bybit_perpetual.disconnect_protection=true", "dead_man_switch_s=10")

    async with open_stage(FILE, *protected, seed=1, options={"has_dcp": True}) as stage:
        await live(stage, StateDir(tmp_path), Doom(), 5.0)
        resting = stage.sandbox.exchange.open_orders(ACCOUNT)
        assert resting
        await until(lambda: not stage.sandbox.exchange.open_orders(ACCOUNT), 25.0)


async def test_an_account_without_it_is_refused_before_anything_is_sent() -> None:
    """Whoever counts on it is told, and what to write instead."""
    with pytest.raises(Exception, match="has no disconnect protection"):
        async with open_session(FILE, "bybit_perpetual.disconnect_protection=true"):
            pass
