"""Whose orders are whose, and what is left of the state directory: whole sessions on virtual time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext
from decimal import Decimal
from pathlib import Path

import anyio
import pytest

from perpmaker.cli.run_end import halt_code_of
from perpmaker.errors import ExitCode, JournalError, LockedError
from perpmaker.journal.opening import open_journal
from perpmaker.journal.state_dir import Key, StateDir
from perpmaker.model.order import Side
from perpmaker.sandbox.server import ACCOUNT
from perpmaker.simulation.market import SyntheticMarket
from perpmaker.simulation.order import OrderRequest
from perpmaker.state.view import Mode
from perpmaker.testing.crash import Doom, live, power_loss
from perpmaker.testing.session import Session, Stage, open_stage
from perpmaker.testing.virtual import virtual_backend
from perpmaker.testing.waiting import until

FILE = Path(__file__).parents[1] / "practice.toml"
FAR = ("bid_spread=2", "ask_spread=2")


def run_virtual(scenario: Callable[[], Awaitable[None]]) -> None:
    """Run a scenario on a virtual clock of its own."""
    name, options = virtual_backend()
    anyio.run(scenario, backend=name, backend_options=options)


@asynccontextmanager
async def after_crash(home: StateDir, *overrides: str) -> AsyncIterator[Stage]:
    """A venue on which a process died with two quotes resting, whose state is in `home`."""
    async with open_stage(FILE, *FAR, *overrides, seed=1) as stage:
        assert isinstance(stage.sandbox.market, SyntheticMarket)
        await live(stage, home, Doom(), 3.0)
        assert len(stage.sandbox.exchange.open_orders(ACCOUNT)) == 2
        yield stage


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


@asynccontextmanager
async def later(seconds: float) -> AsyncIterator[None]:
    """Let time pass first."""
    await anyio.sleep(seconds)
    yield


def resting(stage: Stage) -> set[str]:
    """The client ids that rest on the venue, whoever's they are."""
    return {order.client_id for order in stage.sandbox.exchange.open_orders(ACCOUNT)}


def test_F55_orders_of_a_run_that_the_journal_does_not_know_refuse_the_start(tmp_path: Path) -> None:
    """Another state directory, or another machine: nothing is touched, and what can be done is said."""

    async def scenario() -> None:
        async with after_crash(StateDir(tmp_path / "theirs")) as stage:
            with pytest.raises(LockedError) as refused:
                await stage.open_bot(home=StateDir(tmp_path / "ours")).__aenter__()

            assert "2 open orders are perpmaker's, of a run that the journal here does not know" in str(refused.value)
            assert "--adopt cancels those orders and starts" in str(refused.value)
            assert len(stage.sandbox.exchange.open_orders(ACCOUNT)) == 2

    run_virtual(scenario)


def test_F55_adopt_cancels_them_and_quotes_anew(tmp_path: Path) -> None:
    """A person who knows that nobody else trades there says so: what they were meant for is not guessed."""

    async def scenario() -> None:
        async with after_crash(StateDir(tmp_path / "lost")) as stage:
            left = {order.client_id for order in stage.sandbox.exchange.open_orders(ACCOUNT)}

            async with stage.open_bot(home=StateDir(tmp_path / "ours"), adopt=True) as session, trading(session):
                await until(lambda: len(session.open_quotes()) == 2 and not left & set(session.open_quotes()))

            assert any("they are cancelled (--adopt)" in line for line in session.told)

    run_virtual(scenario)


def test_F55_two_bots_that_began_beside_each_other_find_out_and_leave_each_others_orders_alone(tmp_path: Path) -> None:
    """Neither saw an order of the other at its start: the next reading does, quotes go, and nobody fights."""

    async def scenario() -> None:
        stretched = (*FAR, "order_refresh_time=300")

        async with (
            open_stage(FILE, *stretched, seed=1) as stage,
            stage.open_bot(home=StateDir(tmp_path / "one")) as one,
            later(0.5),
            stage.open_bot(home=StateDir(tmp_path / "two")) as two,
            anyio.create_task_group() as group,
        ):
            group.start_soon(one.bot.run)
            await until(lambda: len(resting(stage)) == 2)
            group.start_soon(two.bot.run)
            await until(lambda: two.bot.mode is Mode.HALT)
            assert "are perpmaker's, of a run that the journal here does not know" in (two.bot.halted or "")
            assert halt_code_of(two.bot) is ExitCode.FILE
            await anyio.sleep(5)
            theirs = {order.client_id for order in one.bot.trader.working()}
            assert len(theirs) == 2
            assert resting(stage) == theirs
            two.bot.request_stop()
            await anyio.sleep(3)
            assert resting(stage) == theirs
            group.cancel_scope.cancel()

    run_virtual(scenario)


def test_F55_orders_that_were_adopted_are_known_to_every_later_run(tmp_path: Path) -> None:
    """A process that dies right after --adopt does not lock the next one out."""

    async def scenario() -> None:
        async with after_crash(StateDir(tmp_path / "lost")) as stage:
            async with stage.open_bot(home=StateDir(tmp_path / "ours"), adopt=True):
                pass

            assert len(stage.sandbox.exchange.open_orders(ACCOUNT)) == 2

            async with stage.open_bot(home=StateDir(tmp_path / "ours")) as session, trading(session):
                await until(lambda: session.bot.mode is Mode.RUN and len(session.open_quotes()) == 2)

    run_virtual(scenario)


def test_F55_the_same_account_under_another_name_of_an_environment_is_found_too(tmp_path: Path) -> None:
    """Ids of orders do not depend on the environment's name: only the account, the venue and the market count."""

    async def scenario() -> None:
        async with after_crash(StateDir(tmp_path)) as stage:
            (first, _) = stage.sandbox.exchange.open_orders(ACCOUNT)

        async with open_stage(FILE, *FAR, seed=2) as other, other.open_bot() as session:
            assert session.bot.known.client_ids.run_of(first.client_id) is not None

    run_virtual(scenario)


def test_F51_orders_of_other_people_are_never_touched(tmp_path: Path) -> None:
    """Neither by the start, nor while trading, nor at the end; with --adopt neither."""

    async def scenario() -> None:
        async with after_crash(StateDir(tmp_path)) as stage:
            exchange = stage.sandbox.exchange
            price = exchange.instrument.price(exchange.best(Side.BUY)[0]) * Decimal("0.9")  # type: ignore[index]  # there is one
            price -= price % exchange.instrument.tick
            request = OrderRequest(side=Side.BUY, amount=Decimal("0.01"), price=price, client_id="by-hand")

            with stage.sandbox.oracle.person():
                exchange.place(ACCOUNT, request, exchange.now_ms)

            async with stage.open_bot(home=StateDir(tmp_path), adopt=True) as session, trading(session):
                await anyio.sleep(15)

            assert [order.client_id for order in exchange.open_orders(ACCOUNT)] == ["by-hand"]

    run_virtual(scenario)


def test_F75_a_damaged_journal_is_put_aside_and_its_orders_are_cancelled(tmp_path: Path) -> None:
    """What it was is said; the runs it still tells of are ours, so nothing is refused; what is quoted is new."""

    async def scenario() -> None:
        home = StateDir(tmp_path)

        async with after_crash(home) as stage:
            (file,) = (tmp_path / "journal").glob("*.sqlite3")
            content = file.read_bytes()
            assert b"post_only" in content
            file.write_bytes(content.replace(b"post_only", b"post_onlz", 1))

            async with stage.open_bot(home=home) as session, trading(session):
                await until(lambda: session.bot.mode is Mode.RUN and len(session.open_quotes()) == 2)

            assert any("the journal was damaged (row " in line for line in session.told)
            assert (
                sum("of an earlier run or of another running bot is live: cancelled" in line for line in session.told)
                == 2
            )
            assert list((tmp_path / "journal").glob("*.damaged-*"))

    run_virtual(scenario)


def test_F76_the_journal_of_another_account_is_refused(tmp_path: Path) -> None:
    """A file that was copied here names its real owner; nothing is sent."""

    async def scenario() -> None:
        home = StateDir(tmp_path)

        async with open_stage(FILE, *FAR, seed=1) as stage:
            async with stage.open_bot(home=home):
                (file,) = (tmp_path / "journal").glob("*.sqlite3")

            for one in (tmp_path / "journal").iterdir():
                one.unlink()

            with open_journal(file, Key(environment="live", venue="v", account="8f3a", market="BTC-USDT"), "r1"):
                pass

            with pytest.raises(JournalError, match="is that of BTC-USDT of account 8f3a on v "):
                await stage.open_bot(home=home).__aenter__()

    run_virtual(scenario)


def test_executions_of_an_earlier_runs_orders_while_nobody_watched_are_read_and_told(tmp_path: Path) -> None:
    """The market comes to the quotes of a dead process: the next one says so, and does not count it as its own."""

    async def scenario() -> None:
        home = StateDir(tmp_path)

        async with after_crash(home) as stage:
            stage.sandbox.market.jump(0.97)  # type: ignore[attr-defined]  # the synthetic one
            await anyio.sleep(1)
            assert stage.sandbox.exchange.account(ACCOUNT).positions[0].amount == Decimal("0.01")

            async with stage.open_bot(home=home) as session, trading(session):
                await until(lambda: session.bot.mode is Mode.RUN)

            assert any(line.startswith("executed while no run watched: buy 0.01 at ") for line in session.told)
            assert session.bot.before.fills == 1

    run_virtual(scenario)


@pytest.mark.parametrize("way", ["killed", "ended", "power gone"])
def test_F71_after_a_power_failure_nothing_is_quoted_until_nothing_can_arrive_any_more(
    tmp_path: Path, way: str
) -> None:
    """A process that was killed, or ended in order, has left every row: its successor quotes at once."""

    async def scenario() -> None:
        home = StateDir(tmp_path)
        quoted_after_s: list[float] = []

        async with open_stage(FILE, *FAR, seed=1) as stage:
            if way == "ended":
                async with stage.open_bot(home=home) as session:
                    session.bot.request_stop()
                    await session.bot.run()
            else:
                await live(stage, home, Doom(), 3.0)

            with power_loss(home, 0, 0) if way == "power gone" else nullcontext():
                began_at = anyio.current_time()

                async with stage.open_bot(home=home) as session, trading(session):
                    await until(lambda: session.bot.mode is Mode.RUN and len(session.open_quotes()) == 2)
                    quoted_after_s.append(anyio.current_time() - began_at)

        fence_s = session.bot.connector.fence_s
        assert (quoted_after_s[0] >= fence_s) is (way == "power gone")
        assert quoted_after_s[0] < fence_s + 1

    run_virtual(scenario)
