from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import anyio
import pytest

from perpmaker.errors import AuthenticationError, LockedError, MarketRulesError, UnknownMarketError
from perpmaker.journal.state_dir import StateDir
from perpmaker.model.income import IncomeKind
from perpmaker.model.order import OrderKind, PositionSide
from perpmaker.sandbox.server import ACCOUNT
from perpmaker.simulation.market import SyntheticMarket
from perpmaker.testing.rehearsal import rehearse, targets_filled
from perpmaker.testing.session import open_session, open_stage
from perpmaker.testing.virtual import virtual_backend
from perpmaker.testing.waiting import until
from perpmaker.wire.fault import Fault

FILE = Path(__file__).parents[1] / "practice.toml"
SEEDS = int(os.environ.get("PERPMAKER_SEEDS", "2"))
"""How many sessions the statistics take; `--full` takes 200, as the figures of the documentation do."""

Result = TypeVar("Result")


def run_virtual(scenario: Callable[[], Awaitable[Result]]) -> Result:
    """Run a scenario on a virtual clock of its own."""
    name, options = virtual_backend()

    return anyio.run(scenario, backend=name, backend_options=options)


@pytest.mark.full
def test_every_session_has_a_fill_and_nearly_every_one_takes_profit() -> None:
    """Over many seeds: always a fill, in at least 95 % a filled profit-taking order, nothing left, nothing violated."""
    sessions = [rehearse(FILE, seed, 45.0) for seed in range(SEEDS)]

    assert [session.seed for session in sessions if session.summary.fills == 0] == []
    assert [session.seed for session in sessions if session.open_quotes or session.violations] == []
    assert sum(session.targets_filled > 0 for session in sessions) >= 0.95 * SEEDS


@pytest.mark.full
def test_the_same_seed_is_the_same_session_and_another_one_is_not() -> None:
    """Everything that became of every order at the venue is the same twice, to the last digit."""
    first, again, other = (rehearse(FILE, seed, 20.0) for seed in (3, 3, 4))

    assert len(first.trace) > 10
    assert first == again
    assert first.trace != other.trace


@pytest.mark.parametrize("close", [pytest.param(False, marks=pytest.mark.full), True])
def test_the_summary_is_the_venues_own_account(close: bool) -> None:
    """Realised profit, fees, funding and volume are the exchange's to the last digit; with close nothing is held."""

    async def scenario() -> None:
        async with open_session(FILE, seed=1) as session:
            summary = await session.run(60, close=close)
            exchange = session.sandbox.exchange
            income = {
                kind: sum(one.amount for one in exchange.income(ACCOUNT) if one.kind is kind) for kind in IncomeKind
            }
            executions = exchange.executions(ACCOUNT)
            (position,) = exchange.account(ACCOUNT).positions

            assert summary.realized_pnl == income[IncomeKind.REALIZED]
            assert summary.fees == -income[IncomeKind.FEE] > 0
            assert summary.funding == income[IncomeKind.FUNDING]
            assert summary.fills == len(executions) > 0
            assert summary.volume == sum(one.price * one.amount for one in executions)
            assert summary.position == position.amount
            assert summary.unrealized_pnl == position.unrealized
            assert summary.open_orders_left == len(session.open_quotes()) == 0
            left = (*exchange.open_orders(ACCOUNT), *exchange.conditional_orders(ACCOUNT))
            assert summary.exits_left == len(left)
            assert not (close and summary.position)

    run_virtual(scenario)


def test_it_quotes_both_sides_within_five_seconds() -> None:
    """From the first connection to quotes that rest on the venue."""

    async def scenario() -> None:
        async with open_session(FILE, seed=1) as session, anyio.create_task_group() as group:
            group.start_soon(session.run_bot, 30.0)
            await anyio.sleep(5)
            assert sum("accepted" in line for line in session.trace) >= 2
            group.cancel_scope.cancel()

    run_virtual(scenario)


def test_hedge_mode_trades_long_and_short_beside_each_other() -> None:
    """The whole path in Hedge positions: quotes, fills, targets, nothing violated."""

    async def scenario() -> None:
        async with open_session(FILE, "position_mode=Hedge", seed=2) as session:
            summary = await session.run(60)

            assert summary.fills > 0
            assert targets_filled(session) > 0
            assert session.sandbox.oracle.violations == []
            assert session.open_quotes() == []

    run_virtual(scenario)


def test_a_position_is_closed_by_its_stop_when_the_market_runs_away() -> None:
    """A jump of two percent against the position ends in a stop order and a flat account."""

    async def scenario() -> None:
        async with open_session(FILE, seed=1) as session, anyio.create_task_group() as group:
            group.start_soon(session.run_bot, 120.0)
            account = session.bot.trader.state.account

            await until(lambda: account.positions[PositionSide.NET].amount != 0)

            assert isinstance(session.sandbox.market, SyntheticMarket)
            session.sandbox.market.jump(0.98 if account.positions[PositionSide.NET].amount > 0 else 1.02)
            await anyio.sleep(5)

            assert session.bot.count.placed[OrderKind.STOP_LOSS] >= 1
            assert session.sandbox.oracle.violations == []
            group.cancel_scope.cancel()

    run_virtual(scenario)


def test_F55_a_second_bot_on_the_same_account_and_market_is_refused(tmp_path: Path) -> None:
    """The lock is held as long as the first one lives."""

    async def scenario() -> None:
        async with open_stage(FILE, seed=1) as stage, stage.open_bot(home=StateDir(tmp_path)):
            with pytest.raises(LockedError, match="already traded by process"):
                await stage.open_bot(home=StateDir(tmp_path)).__aenter__()

    run_virtual(scenario)


def test_F71_orders_of_a_run_that_was_cut_off_are_adopted_by_the_next(tmp_path: Path) -> None:
    """A crash leaves quotes on the venue; the next run takes them over by its journal, and none is left at its end."""

    async def scenario() -> None:
        home = StateDir(tmp_path)

        async with open_stage(FILE, seed=1) as stage:
            async with stage.open_bot(home=home) as first, anyio.create_task_group() as group:
                group.start_soon(first.run_bot, 600.0)

                await until(lambda: len(first.open_quotes()) == 2)
                left = first.open_quotes()
                stage.sandbox.faults.add(Fault(act="drop", method=None, times=None))
                await stage.network.reset_connections()
                group.cancel_scope.cancel()

            stage.sandbox.faults.clear()
            assert isinstance(stage.sandbox.market, SyntheticMarket)
            stage.sandbox.market.paused = True

            async with stage.open_bot(home=home) as second:
                closing, _ = await second.run_bot(5.0)
                adopted = [second.bot.known.intent(client_id) for client_id in left]

                assert all(order is not None and order.slot.kind is OrderKind.QUOTE for order in adopted)
                assert closing.unproven is None
                assert second.open_quotes() == []
                assert stage.sandbox.oracle.violations == []

    run_virtual(scenario)


@pytest.mark.parametrize(
    ("override", "error", "words"),
    [
        ("leverage=200", MarketRulesError, "leverage = 200: BTC-USDT allows at most 125"),
        ("market=BTC-USDX", UnknownMarketError, "Nearest: BTC-USDT"),
    ],
)
def test_what_the_market_does_not_allow_is_refused_before_anything_is_sent(
    override: str, error: type[Exception], words: str
) -> None:
    """Leverage above the maximum names the maximum; an unknown market names the nearest."""

    async def scenario() -> None:
        async with open_stage(FILE, override, seed=1, market="BTC-USDT") as stage:
            with pytest.raises(error, match=words):
                await stage.open_bot().__aenter__()

    run_virtual(scenario)


def test_F14_a_wrong_key_at_the_start_is_refused_with_the_venues_words() -> None:
    """The keys of the configuration are named, and what the venue said of them."""

    async def scenario() -> None:
        async with open_stage(FILE, seed=1) as stage:
            words = r"\[binance_perpetual\] api_key, api_secret\): .*code -1022"

            with pytest.raises(AuthenticationError, match=words):
                await stage.open_bot(api_secret="wrong").__aenter__()

    run_virtual(scenario)
