"""`perpmaker panic` without the processes: a bot that is dead, and what is left on the venue once it was cleared."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import attrs
import pytest

from perpmaker.connector.interface import ConnectorContext, Environment, SandboxAccess
from perpmaker.errors import ConnectivityError, ExitCode
from perpmaker.journal.state_dir import StateDir
from perpmaker.launch import panic
from perpmaker.launch.configured_plan import plan_of
from perpmaker.launch.panic import Cleared, clear_market
from perpmaker.launch.release import Released, release_halt
from perpmaker.plugins.start import unreported
from perpmaker.sandbox.server import ACCOUNT
from perpmaker.secret import References
from perpmaker.simulation.order import OrderRequest, SimulatedOrder
from perpmaker.testing.crash import Doom, live
from perpmaker.testing.session import Stage, open_stage
from perpmaker.testing.virtual import virtual_backend

FILE = Path(__file__).parents[2] / "practice.toml"
ROOT = Path(__file__).parents[3]
WITH_STOP = ("stop_loss_spread=3", "long_profit_taking_spread=2", "short_profit_taking_spread=2", "order_levels=2")
NEAR = ("bid_spread=0.01", "ask_spread=0.01")
FILLED_S = 3.0
"""Seconds after which a bot with near quotes has a position."""


@pytest.fixture
def anyio_backend() -> Any:
    """A minute takes well under a second."""
    return virtual_backend()


pytestmark = pytest.mark.anyio


@asynccontextmanager
async def killed(tmp_path: Path, *overrides: str, file: Path = FILE, seconds: float = 6.0) -> AsyncIterator[Stage]:
    """A venue with what a bot has left there that was killed after so many seconds."""
    async with open_stage(file, *overrides, seed=6) as stage:
        await live(stage, StateDir(tmp_path), Doom(None), seconds)
        yield stage


def context_of(stage: Stage) -> ConnectorContext:
    """What a connector is opened with on that venue."""
    line = stage.sandbox.line

    return ConnectorContext(
        clock=stage.clock,
        connect=stage.connect or stage.network.connect,
        signers=References(FILE.parent, {}),
        environment=Environment.SANDBOX,
        sandbox=SandboxAccess(url=line.url, api_key=line.api_key, api_secret=line.api_secret),
    )


async def cleared(
    stage: Stage, tmp_path: Path | None, *, close: bool = False, told: list[str] | None = None
) -> Cleared:
    """Clear the market as the command does."""
    return await clear_market(
        plan_of(stage.configuration),
        context_of(stage),
        home=None if tmp_path is None else StateDir(tmp_path),
        tell=(told if told is not None else []).append,
        report=unreported,
        close=close,
        ended_at=stage.clock.now(),
    )


def resting(stage: Stage) -> list[str]:
    """The ids of what rests on the venue's book."""
    return [order.client_id for order in stage.sandbox.exchange.open_orders(ACCOUNT)]


def position(stage: Stage) -> Any:
    """The position by the venue's own books."""
    (held,) = stage.sandbox.exchange.account(ACCOUNT).positions

    return held.amount


async def test_quotes_of_a_dead_bot_are_taken_off_and_its_position_keeps_its_stop(tmp_path: Path, full: bool) -> None:
    """Flat and with a position: no quote is left, and what protects the position is."""
    for seconds, held, near in ((0.6, False, ()), (FILLED_S, True, NEAR)) if full else ((FILLED_S, True, NEAR),):
        async with killed(tmp_path / str(seconds), *WITH_STOP, *near, seconds=seconds) as stage:
            assert resting(stage)
            assert bool(position(stage)) is held
            found = await cleared(stage, tmp_path / str(seconds))

            assert found.unproven is None
            assert found.quotes == 0
            assert bool(found.positions) is held
            assert any("stop that the venue fires" in words for words in found.exits) is held
            assert stage.sandbox.oracle.violations == []


async def test_with_close_nothing_is_left(tmp_path: Path) -> None:
    """The position is closed at the market, and its exits go."""
    async with killed(tmp_path, *WITH_STOP, *NEAR, seconds=FILLED_S) as stage:
        assert position(stage)
        found = await cleared(stage, tmp_path, close=True)

        assert found == Cleared(unproven=None, quotes=0)
        assert not position(stage)
        assert resting(stage) == []


@pytest.mark.full
async def test_a_damaged_journal_or_none_keeps_nothing_on_the_venue(tmp_path: Path) -> None:
    """Orders whose purpose is lost are cancelled, and a position gets its stop anew; so where none can be opened."""
    for damage in ("scribble", "cut", "gone", "unused"):
        home = tmp_path / damage

        async with killed(home, *WITH_STOP, *NEAR, seconds=FILLED_S) as stage:
            (journal,) = (home / "journal").glob("*.sqlite3")
            content = journal.read_bytes()
            journal.with_name(f"{journal.name}-wal").unlink(missing_ok=True)

            if damage == "gone":
                journal.unlink()
            else:
                journal.write_bytes(content[:3000] if damage == "cut" else content[:9000] + b"x" * 4000)

            told: list[str] = []
            found = await cleared(stage, None if damage == "unused" else home, told=told)
            assert any("the journal was damaged" in line for line in told) is (damage in {"scribble", "cut"})
            assert found.unproven is None, damage
            assert (found.quotes, len(found.positions)) == (0, 1)
            assert any("stop that the venue fires" in words for words in found.exits), damage


@pytest.mark.full
async def test_a_venue_that_is_not_reached_is_not_proven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is tried for two minutes, and then said."""
    monkeypatch.setattr(panic, "LONGEST_S", 30.0)

    async def nobody(_: str, __: int, *, tls: bool) -> Any:
        raise ConnectivityError(f"gone (tls {tls})")

    async with killed(tmp_path, *WITH_STOP, seconds=1.0) as stage:
        found = await cleared(attrs.evolve(stage, connect=nobody), tmp_path)

    assert found.quotes is None
    assert "is unknown" in str(found.unproven)


async def test_what_arrives_after_the_kill_is_taken_off_too(tmp_path: Path) -> None:
    """An order that was under way when the process died rests a second later, and not for long."""
    async with killed(tmp_path, *WITH_STOP, seconds=1.0) as stage:
        exchange = stage.sandbox.exchange
        (sample, *_) = exchange.open_orders(ACCOUNT)
        late: list[str] = []

        async def arrive() -> None:
            await anyio.sleep(1.0)
            late.append(late_order(stage, sample))

        async with anyio.create_task_group() as group:
            group.start_soon(arrive)
            found = await cleared(stage, tmp_path)

        assert late
        assert found.unproven is None
        assert resting(stage) == []


async def test_the_wait_for_what_may_arrive_takes_no_time_from_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A venue whose fence is longer than the limit is proven all the same."""
    async with killed(tmp_path, *WITH_STOP, seconds=1.0) as stage:
        monkeypatch.setattr(panic, "LONGEST_S", 2.5)
        began_at = stage.clock.now()
        found = await cleared(stage, tmp_path)

    assert stage.clock.now() - began_at > 2.5
    assert found.unproven is None


def late_order(stage: Stage, like: SimulatedOrder) -> str:
    """Place an order of the dead run's, as its request that was under way does."""
    client_id = f"{like.client_id.rpartition('-')[0]}-77"
    price, amount = (
        stage.sandbox.exchange.instrument.price(like.ticks),
        stage.sandbox.exchange.instrument.amount(like.lots),
    )
    request = OrderRequest(client_id=client_id, side=like.side, amount=amount, price=price)
    stage.sandbox.exchange.place(ACCOUNT, request, stage.clock.utc_ms())

    return client_id


async def test_a_halt_is_released_only_where_a_person_agrees(tmp_path: Path) -> None:
    """Cause, position and free margin are shown; without one nothing is asked; what stays is still latched."""
    asked: list[Released] = []
    home = StateDir(tmp_path)

    async with killed(tmp_path, *WITH_STOP, seconds=1.0) as stage:

        async def release(*, agree: bool) -> Released:
            async def answer(found: Released) -> bool:
                asked.append(found)
                return agree

            plan = plan_of(stage.configuration)
            return await release_halt(
                plan, context_of(stage), home=home, tell=lambda _: None, report=unreported, agree=answer
            )

        assert await release(agree=True) == Released(latch=None)
        assert asked == []

        async with stage.open_bot(home=home) as session:
            session.bot.trader.trading_state.halt("liquidated", ExitCode.HALTED)
            session.bot.request_stop()
            await session.bot.run()

        kept = await release(agree=False)
        assert not kept.is_released
        assert "liquidated" in str(kept.latch)
        assert "position: " in kept.account
        assert "free margin: " in kept.account
        assert (await release(agree=True)).is_released
        assert (await release(agree=True)).latch is None
