"""What holds a bot up for a while: a ban, a full disk, a halted market, a clock that jumps. Whole sessions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import attrs
import pytest

from perpmaker.cli.run_end import halt_code_of
from perpmaker.clock import LoopClock
from perpmaker.errors import ExitCode
from perpmaker.journal.state_dir import StateDir
from perpmaker.model.order import OrderStatus, PositionSide
from perpmaker.sandbox.server import ACCOUNT
from perpmaker.state.view import Mode
from perpmaker.testing.session import Session, Stage, open_session, open_stage
from perpmaker.testing.virtual import virtual_backend
from perpmaker.testing.waiting import until
from perpmaker.wire.fault import Fault, Reply

FILE = Path(__file__).parents[1] / "practice.toml"
FAR = ("bid_spread=2", "ask_spread=2", "order_refresh_time=2", "order_refresh_tolerance_pct=-1")
BAN_S = 120.0


def run_virtual(scenario: Callable[[], Awaitable[None]]) -> None:
    """Run a scenario on a virtual clock of its own."""
    name, options = virtual_backend()
    anyio.run(scenario, backend=name, backend_options=options)


@asynccontextmanager
async def trading(session: Session) -> AsyncIterator[None]:
    """Trade in the background; at the end stop, which must be proven clean."""
    async with anyio.create_task_group() as group:
        group.start_soon(session.bot.run)
        yield
        session.bot.request_stop()
        await until(lambda: not session.open_quotes())
        group.cancel_scope.cancel()

    assert session.sandbox.oracle.violations == []


def banned(stage: Stage) -> Fault:
    """Whatever is asked is answered with a ban that lasts `BAN_S` from now, in the venue's own words."""
    until_ms = stage.clock.utc_ms() + int(BAN_S * 1000)
    body = f'{{"code":-1003,"msg":"Way too many requests; IP banned until {until_ms}."}}'

    return Fault(act="status", arg=Reply(status=418, body=body), path="/fapi/", method=None, times=None)


def test_F13_a_banned_machine_sends_nothing_until_the_ban_is_over_also_after_a_restart(tmp_path: Path) -> None:
    """One request learns of the ban and no second one follows; a process started meanwhile waits before its first."""

    async def scenario() -> None:
        home = StateDir(tmp_path)

        async with open_stage(FILE, *FAR, seed=1) as stage:
            faults = stage.sandbox.faults

            async with stage.open_bot(home=home) as session, anyio.create_task_group() as group:
                group.start_soon(session.bot.run)
                await until(lambda: len(session.open_quotes()) == 2)
                ban = banned(stage)
                began_at = stage.clock.now()
                faults.add(ban)
                await until(lambda: len(faults.fired) > 0)
                await anyio.sleep(30)
                assert len(faults.fired) <= 2
                group.cancel_scope.cancel()

            asked, told = len(faults.fired), list[str]()

            async def lift() -> None:
                await anyio.sleep(began_at + BAN_S - 0.5 - stage.clock.now())
                assert len(faults.fired) == asked
                faults.clear()

            async with anyio.create_task_group() as group:
                group.start_soon(lift)

                async with stage.open_bot(home=home, told=told) as session, trading(session):
                    assert stage.clock.now() - began_at >= BAN_S - 0.1
                    await until(lambda: len(session.open_quotes()) == 2)

            assert "has shut this machine out for another" in told[0]

    run_virtual(scenario)


def test_F74_with_a_full_disk_no_quote_is_sent_and_the_way_out_still_is(tmp_path: Path) -> None:
    """One notice; quotes that rest are cancelled; the position is closed when that is asked for."""

    async def scenario() -> None:
        async with open_session(FILE, seed=1, home=StateDir(tmp_path)) as session, anyio.create_task_group() as group:
            group.start_soon(session.bot.run)
            account = session.bot.trader.state.account
            await until(lambda: account.positions[PositionSide.NET].amount != 0)
            connection = session.bot.journal._connection
            (pages,) = connection.execute("PRAGMA page_count").fetchone()
            connection.execute(f"PRAGMA max_page_count = {pages}")
            await until(lambda: session.bot.halted is not None, 60.0)
            quotes = [line for line in session.trace if "accepted" in line]
            await anyio.sleep(30)

            assert "database or disk is full" in (session.bot.halted or "")
            assert sum("halted:" in line for line in session.told) == 1
            assert halt_code_of(session.bot) is ExitCode.HALTED
            assert session.open_quotes() == []
            session.bot.request_stop(close=True)
            await until(lambda: session.sandbox.exchange.account(ACCOUNT).positions[0].amount == 0)
            new = [line for line in session.trace if "accepted" in line][len(quotes) :]
            kinds = {session.bot.known.kind_in_this_run(line.split()[2]) for line in new}
            assert all(kind is not None and kind.is_exit for kind in kinds)
            group.cancel_scope.cancel()

    run_virtual(scenario)


@pytest.mark.full
def test_F57_a_halted_market_is_tried_again_with_growing_pauses_until_it_takes_orders() -> None:
    """Refused as restricted: no storm, what rests can still be cancelled, and quoting resumes by itself."""

    async def scenario() -> None:
        async with open_session(FILE, *FAR, seed=1) as session, trading(session):
            await until(lambda: len(session.open_quotes()) == 2)
            halted = Reply(status=400, body='{"code":-4140,"msg":"Invalid symbol status for opening position."}')
            faults = session.sandbox.faults

            for method in ("POST", "PUT"):
                faults.add(Fault(act="status", arg=halted, method=method, path="/fapi/v1/batchOrders", times=None))

            await until(lambda: len(faults.fired) > 0 and not session.open_quotes())
            await anyio.sleep(60)
            assert len(faults.fired) <= 24
            faults.clear()
            await until(lambda: len(session.open_quotes()) == 2, 31.0)

    run_virtual(scenario)


@attrs.define
class JumpingClock:
    """A clock whose time of day can be set while its seconds go on."""

    inner: LoopClock
    jump_ms: int = 0

    def now(self) -> float:
        """Seconds that nothing sets."""
        return self.inner.now()

    def utc_ms(self) -> int:
        """The time of day as it was set."""
        return self.inner.utc_ms() + self.jump_ms


@pytest.mark.parametrize(
    "jump_ms", [3_600_000, *(pytest.param(one, marks=pytest.mark.full) for one in (-3_600_000, -500, 500))]
)
def test_F66_a_wall_clock_that_is_set_changes_nothing(jump_ms: int) -> None:
    """An hour forth or back, in the middle of trading: the same quotes go on being refreshed, nothing is refused."""

    async def scenario() -> None:
        async with open_stage(FILE, *FAR, seed=1) as stage:
            clock = JumpingClock(LoopClock())

            async with attrs.evolve(stage, clock=clock).open_bot() as session, trading(session):
                await until(lambda: len(session.open_quotes()) == 2)
                clock.jump_ms = jump_ms
                before = len(session.bot.known.sent) + session.bot.count.amends
                await anyio.sleep(40)
                after = len(session.bot.known.sent) + session.bot.count.amends

                assert session.bot.mode is Mode.RUN
                assert 2 * 15 <= after - before <= 2 * 21
                assert {order.status for order in session.bot.trader.working()} <= {
                    OrderStatus.OPEN,
                    OrderStatus.CANCELLING,
                    OrderStatus.AMENDING,
                    OrderStatus.PENDING,
                }
                assert not [line for line in session.trace if "refused" in line]

    run_virtual(scenario)
