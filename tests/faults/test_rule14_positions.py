"""Rule 14: a position at the start is ours by the journal's word, or it is not touched unasked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import anyio
import attrs
import pytest

from perpmaker.connector.interface import Environment
from perpmaker.errors import ExitCode, UnexplainedPositionError
from perpmaker.exits.settings import ExitSettings
from perpmaker.journal.state_dir import StateDir
from perpmaker.launch.position_claim import PositionClaim
from perpmaker.model.order import NewOrder, OrderKind, OrderType, PositionSide, Side, Slot
from perpmaker.model.position import Position
from perpmaker.sandbox.server import ACCOUNT
from perpmaker.simulation.market import SyntheticMarket
from perpmaker.simulation.order import OrderRequest
from perpmaker.testing.crash import Doom, live
from perpmaker.testing.scenario import Scenario
from perpmaker.testing.scene import INSTRUMENT
from perpmaker.testing.session import Session, Stage, open_stage
from perpmaker.testing.virtual import virtual_backend
from perpmaker.testing.waiting import until

FILE = Path(__file__).parents[1] / "practice.toml"
SETTINGS = ("bid_spread=2", "ask_spread=2", "stop_loss_spread=3", "long_profit_taking_spread=2")


def run_virtual(scenario: Callable[[], Awaitable[None]]) -> None:
    """Run a scenario on a virtual clock of its own."""
    name, options = virtual_backend()
    anyio.run(scenario, backend=name, backend_options=options)


@asynccontextmanager
async def open_real() -> AsyncIterator[Stage]:
    """A venue that bots take for a real one."""
    async with open_stage(FILE, *SETTINGS, seed=1) as stage:
        yield attrs.evolve(stage, environment=Environment.TESTNET)


def trade(stage: Stage, side: Side, amount: str) -> None:
    """A person trades on the account."""
    exchange = stage.sandbox.exchange

    with stage.sandbox.oracle.person():
        request = OrderRequest(side=side, amount=Decimal(amount), client_id=f"hand-{exchange.now_ms}")
        exchange.place(ACCOUNT, request, exchange.now_ms)


def targets(session: Session) -> int:
    """How many targets of the bot rest."""
    orders = session.sandbox.exchange.open_orders(ACCOUNT)

    return sum(session.bot.known.kind(order.client_id) is OrderKind.TAKE_PROFIT for order in orders)


@pytest.mark.parametrize(("side", "word"), [(Side.BUY, "long 0.1 BTC from "), (Side.SELL, "short 0.1 BTC from ")])
def test_rule14_a_position_that_the_journal_does_not_explain_refuses_the_start(
    side: Side, word: str, tmp_path: Path
) -> None:
    """Exit code 3, nothing touched, and what would happen to it; with --adopt-position it happens."""

    async def scenario() -> None:
        async with open_real() as stage:
            trade(stage, side, "0.1")

            with pytest.raises(UnexplainedPositionError) as refused:
                await stage.open_bot(home=StateDir(tmp_path)).__aenter__()

            text = str(refused.value)
            assert (refused.value.exit_code, word in text) == (ExitCode.REFUSED, True)
            assert "its stop would be at " in text
            assert "its target would be to " in text
            assert "--adopt-position" in text
            assert list(stage.sandbox.exchange.open_orders(ACCOUNT)) == []

            opened = stage.open_bot(home=StateDir(tmp_path), adopt_position=True)

            async with opened as session, anyio.create_task_group() as group:
                group.start_soon(session.bot.run)
                await until(lambda: targets(session) == 1)
                assert any("taken over (--adopt-position)" in line for line in session.told)
                group.cancel_scope.cancel()

    run_virtual(scenario)


def test_rule14_the_refusal_says_when_a_stop_would_fire_now(tmp_path: Path) -> None:
    """The market is far beyond it already: to take the position over would be to close it at a loss."""

    async def scenario() -> None:
        async with open_real() as stage:
            assert isinstance(stage.sandbox.market, SyntheticMarket)
            trade(stage, Side.BUY, "0.1")
            stage.sandbox.market.jump(0.9)
            await anyio.sleep(2)

            with pytest.raises(UnexplainedPositionError, match=r"the stop at [0-9.]+ would fire now \(mark "):
                await stage.open_bot(home=StateDir(tmp_path)).__aenter__()

    run_virtual(scenario)


@pytest.mark.parametrize("is_filled", [True, False])
def test_rule14_what_own_orders_filled_while_no_run_watched_is_ours(*, is_filled: bool, tmp_path: Path) -> None:
    """Killed with two quotes resting: one of them fills, or a person trades more than both could."""

    async def scenario() -> None:
        home = StateDir(tmp_path)

        async with open_real() as stage:
            assert isinstance(stage.sandbox.market, SyntheticMarket)
            await live(stage, home, Doom(), 3.0)
            assert len(stage.sandbox.exchange.open_orders(ACCOUNT)) == 2

            if not is_filled:
                trade(stage, Side.BUY, "0.1")

                with pytest.raises(UnexplainedPositionError):
                    await stage.open_bot(home=home).__aenter__()

                return

            stage.sandbox.market.jump(0.97)
            await anyio.sleep(1)
            (held,) = stage.sandbox.exchange.account(ACCOUNT).positions
            assert held.amount > 0

            async with stage.open_bot(home=home) as session, anyio.create_task_group() as group:
                group.start_soon(session.bot.run)
                await until(lambda: targets(session) == 1)
                group.cancel_scope.cancel()

    run_virtual(scenario)


def test_rule14_a_position_that_the_last_run_knew_is_ours_and_so_is_what_its_target_left(tmp_path: Path) -> None:
    """It ends with a target resting, which is filled in part before the next run begins."""

    async def scenario() -> None:
        home = StateDir(tmp_path)

        async with open_real() as stage:
            async with stage.open_bot(home=home) as first, anyio.create_task_group() as group:
                group.start_soon(first.bot.run)
                await until(lambda: len(first.open_quotes()) == 2)
                trade(stage, Side.BUY, "0.05")
                await until(lambda: targets(first) == 1)
                first.bot.request_stop()
                await anyio.sleep(12)
                group.cancel_scope.cancel()

            with stage.sandbox.oracle.person():
                for order in stage.sandbox.exchange.open_orders(ACCOUNT):
                    stage.sandbox.exchange.cancel(
                        ACCOUNT, client_id=order.client_id, now_ms=stage.sandbox.exchange.now_ms
                    )

            trade(stage, Side.SELL, "0.02")

            async with stage.open_bot(home=home) as second, anyio.create_task_group() as group:
                group.start_soon(second.bot.run)
                await until(lambda: targets(second) == 1)
                group.cancel_scope.cancel()

    run_virtual(scenario)


def test_rule14_on_sandbox_and_paper_a_position_is_taken_over_as_before(tmp_path: Path) -> None:
    """Nothing real stands behind it."""

    async def scenario() -> None:
        async with open_stage(FILE, *SETTINGS, seed=1) as stage:
            trade(stage, Side.BUY, "0.1")

            async with stage.open_bot(home=StateDir(tmp_path)) as session, anyio.create_task_group() as group:
                group.start_soon(session.bot.run)
                await until(lambda: targets(session) == 1)
                group.cancel_scope.cancel()

    run_virtual(scenario)


def claim(held: str, *live: NewOrder) -> PositionClaim:
    """What the last run left."""
    return PositionClaim(
        instrument=INSTRUMENT,
        exits=ExitSettings(),
        held={PositionSide.NET: Decimal(held)} if held != "0" else {},
        live=live,
    )


def order(side: Side, lots: int, kind: OrderKind = OrderKind.QUOTE) -> NewOrder:
    """An order of ours that may have been live."""
    is_stop = kind is OrderKind.VENUE_STOP

    return NewOrder(
        client_id=f"pm-{side.value}-{lots}",
        slot=Slot(kind, side),
        lots=lots,
        ticks=1000,
        type=OrderType.VENUE_STOP if is_stop else OrderType.LIMIT,
        reduce_only=kind is not OrderKind.QUOTE,
    )


TARGET, STOP = OrderKind.TAKE_PROFIT, OrderKind.VENUE_STOP


@pytest.mark.parametrize(
    ("held", "live", "found", "is_ours"),
    [
        ("0", (order(Side.BUY, 5), order(Side.SELL, 5)), "0.005", True),
        ("0.005", (order(Side.SELL, 5, TARGET),), "-0.002", False),
        ("-0.005", (order(Side.BUY, 9, STOP),), "0.001", False),
        ("-0.005", (order(Side.SELL, 9, TARGET),), "-0.005", True),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                ("0", (), "0.001", False),
                ("0.005", (), "0.005", True),
                ("0.005", (), "-0.005", False),
                ("0.005", (), "0.004", False),
                ("0", (order(Side.BUY, 5), order(Side.SELL, 5)), "-0.005", True),
                ("0", (order(Side.BUY, 5), order(Side.SELL, 5)), "0.006", False),
                ("0.005", (order(Side.SELL, 5, TARGET),), "0.002", True),
                ("0.005", (order(Side.SELL, 2, TARGET),), "0.002", False),
                ("0.005", (order(Side.BUY, 5), order(Side.SELL, 1, STOP)), "0.001", True),
                ("-0.005", (order(Side.BUY, 5, TARGET),), "-0.001", True),
                ("0.005", (order(Side.BUY, 9, TARGET),), "0.005", True),
            )
        ),
    ],
)
def test_rule14_a_difference_is_explained_by_no_more_than_live_orders_could_fill(
    *, held: str, live: tuple[NewOrder, ...], found: str, is_ours: bool
) -> None:
    """Quotes both ways, exits towards nothing and never past it; one of the other direction explains nothing."""
    position = Position(side=PositionSide.NET, amount=Decimal(found), entry=Decimal(100))

    if is_ours:
        claim(held, *live).claim([position], None, adopt=False, tell=print)
        return

    with pytest.raises(UnexplainedPositionError):
        claim(held, *live).claim([position], None, adopt=False, tell=print)


# --- while it trades -------------------------------------------------------------------------------------------------


def adopted() -> Scenario:
    """A position of a person's appears at a price at which its stop would fire at once."""
    s = Scenario({"stop_loss_spread": 3, "long_profit_taking_spread": 2})
    s.book(bid="99.9", ask="100.1")
    s.advance(1)
    s.delay("read account", answers=3.0)

    return s


def test_rule14_a_stop_waits_for_a_second_word_on_a_position_that_no_fill_of_ours_explains() -> None:
    """Long from 110 where the market is at 100: quotes off, told, asked again, and only then the stop."""
    s = adopted()
    s.by_hand("buy", 1, at="110", quiet=True)
    s.book(bid="99.9", ask="100.1")
    s.advance(2)

    assert not s.sent("place stop loss")
    assert s.quotes() == []
    assert any("it is read once more before its stop may fire" in line for line in s.notices)
    s.advance(3)
    assert s.sent("place stop loss")


def test_rule14_a_stop_waits_ten_seconds_and_no_longer() -> None:
    """The venue does not answer: what one word told of is acted upon."""
    s = adopted()
    s.delay("read account", answers=60.0)
    s.by_hand("buy", 1, at="110", quiet=True)
    s.book(bid="99.9", ask="100.1")
    s.advance(9.5)
    assert not s.sent("place stop loss")
    s.advance(1)
    assert s.sent("place stop loss")


def test_rule14_a_position_of_our_own_fills_waits_for_nobody() -> None:
    """The market falls in the moment of the fill: its stop fires."""
    s = Scenario({"stop_loss_spread": 3, "long_profit_taking_spread": 2})
    s.book(bid="99.9", ask="100.1")
    s.advance(1)
    s.fill("buy 0")
    s.book(bid="95", ask="95.2")
    s.advance(0.1)

    assert s.sent("place stop loss")
