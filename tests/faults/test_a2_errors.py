"""A2: every end that the program lives to see leaves the protection of a clean stop, and an honest exit code."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from perpmaker.errors import StopNotProvenError
from perpmaker.journal.state_dir import StateDir, open_state_dir
from perpmaker.model.order import PositionSide, Side
from perpmaker.runtime.tasks import Tasks
from perpmaker.sandbox.server import ACCOUNT
from perpmaker.simulation.order import ConditionalRequest, TriggerKind, TriggerPrice
from perpmaker.testing.session import Session, Stage, open_stage
from perpmaker.testing.waiting import until

from .end_site import EXAMPLE, FAR_TARGET, lots, stops
from .venue_site import BINANCE, VenueWords

pytestmark = pytest.mark.anyio

KEYS = (*FAR_TARGET, "dead_man_switch_s=10")


class OddError(BaseException):
    """What no `except Exception` takes."""


@pytest.fixture
def anyio_backend(virtual_trio: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Sessions on trio's virtual time: out of asyncio's loop a KeyboardInterrupt takes the tests with it."""
    return virtual_trio


def raiser(error: BaseException, before: Callable[[], object] = lambda: None) -> Callable[..., Any]:
    """A function that raises, whatever it is given."""

    def broken(*_: object) -> None:
        before()
        raise error

    return broken


def break_trader(session: Session, broken: Callable[..., Any]) -> None:
    """From now on the trader decides nothing more."""
    session.bot.trader.handle = broken  # type: ignore[method-assign]


def break_lines(session: Session, broken: Callable[..., Any]) -> None:
    """From now on nobody words what happens."""
    session.bot._onlookers.activity_log = type("Broken", (), {"activities": staticmethod(broken)})()  # type: ignore[assignment]


def break_verdict(session: Session, broken: Callable[..., Any]) -> None:
    """A person ends the run, and the judgement of what is left breaks."""
    session.bot.trader.__class__ = type("Broken", (session.bot.trader.__class__,), {"wanted_exits": property(broken)})
    session.bot.request_stop()


async def run_until_broken(
    stage: Stage, home: StateDir, broken: Callable[..., Any], how: Callable[[Session, Callable[..., Any]], None]
) -> BaseException:
    """Trade until there is a position, then break something: what came of it."""
    try:
        async with stage.open_bot(home=home) as session, anyio.create_task_group() as group:
            group.start_soon(session.bot.run)
            await until(lambda: bool(lots(stage)))
            await anyio.sleep(1)
            how(session, broken)
            await anyio.sleep(120)
            group.cancel_scope.cancel()
    except BaseException as raised:  # noqa: BLE001  # what ends the run is what is looked at
        return only(raised)

    raise AssertionError("nothing ended the run")


def only(error: BaseException) -> BaseException:
    """The error itself, out of the groups that task groups wrap it in."""
    while isinstance(error, BaseExceptionGroup):
        (error,) = error.exceptions

    return error


ERRORS = [KeyboardInterrupt("gone"), SystemExit(0), OddError("gone"), RuntimeError("gone")]


@pytest.mark.parametrize("how", [break_trader, break_lines, break_verdict])
@pytest.mark.parametrize(
    "error",
    [
        pytest.param(one, marks=pytest.mark.full if type(one) in {SystemExit, RuntimeError, OddError} else [])
        for one in ERRORS
    ],
    ids=[type(one).__name__ for one in ERRORS],
)
async def test_A2_an_end_by_an_error_leaves_what_a_clean_stop_leaves(
    tmp_path: Path, venue: VenueWords, error: BaseException, how: Callable[[Session, Callable[..., Any]], None]
) -> None:
    """Quotes are off, a stop rests at its own level, and the target outlives the dead-man switch."""
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path)})

    async with open_stage(EXAMPLE, *venue.settings, *KEYS, "venue_backstop=false", seed=3) as stage:
        broken_at: list[float] = []
        raised = await run_until_broken(stage, home, raiser(error, lambda: broken_at.append(anyio.current_time())), how)
        assert error in {raised, raised.__cause__}
        # A rescue ends with the stop and not with its time, but not before the last quote cannot come any more.
        assert anyio.current_time() - broken_at[0] < (5 if venue.has_switch else 15)
        await anyio.sleep(30)
        exchange = stage.sandbox.exchange
        assert [order for order in exchange.open_orders(ACCOUNT) if not order.closing] == []
        assert bool([order for order in exchange.open_orders(ACCOUNT) if order.closing]) is venue.leaves_targets
        assert venue.levels(stage) == [0.5]


async def test_A2_a_short_switch_does_not_take_the_target_while_the_rescue_lasts(tmp_path: Path) -> None:
    """A switch of 5 s and a venue that lists no orders: the rescue takes longer, and the target rests all the same."""
    venue = BINANCE  # the others have no switch that a process renews
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path)})

    async with open_stage(EXAMPLE, *venue.settings, *FAR_TARGET, "dead_man_switch_s=5", seed=3) as stage:
        targets: set[str] = set()

        def before() -> None:
            targets.update(order.client_id for order in stage.sandbox.exchange.open_orders(ACCOUNT) if order.closing)
            venue.refuse(stage, "open orders")

        error = await run_until_broken(stage, home, raiser(RuntimeError("gone"), before), break_trader)
        await anyio.sleep(30)
        assert isinstance(error, StopNotProvenError)
        assert targets
        assert targets <= {order.client_id for order in stage.sandbox.exchange.open_orders(ACCOUNT)}


async def test_A2_a_backstop_is_brought_to_the_stops_own_level_without_a_gap(tmp_path: Path, venue: VenueWords) -> None:
    """A stop of the position's size at the level beside the backstop; the next run has one stop again."""
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path)})

    async with open_stage(EXAMPLE, *venue.settings, *KEYS, seed=3) as stage:
        await run_until_broken(stage, home, raiser(RuntimeError("gone")), break_trader)
        assert venue.levels(stage) == ([0.5] if venue.quotes_carry_stops else [0.5, 0.625])

        async with stage.open_bot(home=home) as session, anyio.create_task_group() as group:
            group.start_soon(session.bot.run)
            await anyio.sleep(5)
            assert venue.levels(stage) == [0.625]
            group.cancel_scope.cancel()

        assert not stage.sandbox.oracle.violations


async def test_A2_a_backstop_that_stays_where_it_is_is_exit_code_5(tmp_path: Path, venue: VenueWords) -> None:
    """No stop is taken for as long as the end lasts: only the backstop rests, farther out than what is set."""
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path)})

    async with open_stage(EXAMPLE, *venue.settings, *KEYS, seed=3) as stage:
        broken = raiser(RuntimeError("gone"), lambda: venue.refuse(stage, "stops"))
        error = await run_until_broken(stage, home, broken, break_trader)
        assert venue.levels(stage) == [0.625]
        assert isinstance(error, StopNotProvenError)
        assert "is open, and no stop for all of it rests at its own level" in str(error)


@pytest.mark.parametrize("seed", [3, 4], ids=["long", "short"])
async def test_A2_a_persons_stop_on_the_other_side_takes_nothing_from_ours(tmp_path: Path, seed: int) -> None:
    """It opens, or closes what comes: the stop that a rescue leaves closes whatever there is, as any other."""
    venue = BINANCE
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path)})

    async with open_stage(EXAMPLE, *venue.settings, *KEYS, "venue_backstop=false", seed=seed) as stage:

        def beside() -> None:
            long, book = lots(stage) > 0, stage.sandbox.exchange
            request = ConditionalRequest(
                side=Side.BUY if long else Side.SELL,
                trigger=Decimal(90_000 if long else 30_000),
                kind=TriggerKind.STOP,
                watch=TriggerPrice.MARK,
                position_side=PositionSide.NET,
                client_id="web-1",
            )
            book.place_conditional(ACCOUNT, request, stage.clock.utc_ms())

        error = await run_until_broken(stage, home, raiser(RuntimeError("gone"), beside), break_trader)
        assert str(error) == "gone"
        assert [one.client_id for one in stops(stage) if one.lots is None].count("web-1") == 1
        assert [one.lots for one in stops(stage) if one.client_id != "web-1"] == [None]


async def test_A2_a_rescue_that_has_begun_is_not_cut_off(tmp_path: Path, venue: VenueWords) -> None:
    """Whoever started the run cancels it in the very moment in which the trader breaks: the stop rests all the same."""
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path)})

    async with open_stage(EXAMPLE, *venue.settings, *KEYS, "venue_backstop=false", seed=3) as stage:
        with (
            pytest.RaisesGroup(RuntimeError, allow_unwrapped=True, flatten_subgroups=True),
            anyio.CancelScope() as scope,
        ):
            async with stage.open_bot(home=home) as session, anyio.create_task_group() as group:
                group.start_soon(session.bot.run)
                await until(lambda: bool(lots(stage)))
                break_trader(session, raiser(RuntimeError("gone"), scope.cancel))
                await anyio.sleep_forever()

        assert venue.levels(stage) == [0.5]


@pytest.mark.also_on("Bybit", "dYdX")
@pytest.mark.parametrize("kind", ["stops", "positions"])
async def test_A2_a_busy_venue_is_asked_again_for_the_stop(tmp_path: Path, venue: VenueWords, kind: str) -> None:
    """The first three orders of the rescue are answered 503, or the first three reads: the fourth is not."""
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path)})

    async with open_stage(EXAMPLE, *venue.settings, *KEYS, "venue_backstop=false", seed=3) as stage:
        broken = raiser(RuntimeError("gone"), lambda: venue.refuse(stage, kind, times=3))
        assert isinstance(await run_until_broken(stage, home, broken, break_trader), RuntimeError)
        assert venue.levels(stage) == [0.5]


async def test_A2_an_end_by_an_error_that_cannot_be_proven_is_exit_code_5(tmp_path: Path, venue: VenueWords) -> None:
    """The venue does not answer any more when the trader breaks: the error says so, and keeps its cause."""
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path)})

    async with open_stage(EXAMPLE, *venue.settings, *KEYS, "venue_backstop=false", seed=3) as stage:
        gone = raiser(RuntimeError("gone"), lambda: venue.arm(stage, "all", act="drop"))
        error = await run_until_broken(stage, home, gone, break_trader)

    assert isinstance(error, StopNotProvenError)
    assert "what protects them is unknown" in str(error)
    assert ("the dead-man switch could not be disarmed" in str(error)) is venue.has_switch
    assert isinstance(only(error.__cause__ or error), RuntimeError)


async def test_A2_a_fired_stop_that_an_error_cuts_off_is_no_clean_end(tmp_path: Path, venue: VenueWords) -> None:
    """The stop has fired and cannot be sent when the trader breaks: a stop is left past the market, and it is said."""
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path)})

    async with open_stage(
        EXAMPLE, *venue.settings, *KEYS, 'stop_loss_order="market"', "venue_backstop=false", seed=3
    ) as stage:
        broken = raiser(RuntimeError("gone"))

        def fall_and_break(session: Session, broken: Callable[..., Any]) -> None:
            venue.refuse(stage, "orders")
            market: Any = stage.sandbox.market
            market.jump(0.994 if lots(stage) > 0 else 1.006)
            handle, seen = session.bot.trader.handle, list[int]()

            def late(*words: Any) -> Any:
                seen.append(1)
                return handle(*words) if not session.bot.trader.fired or len(seen) < 40 else broken()

            session.bot.trader.handle = late  # type: ignore[method-assign]

        error = await run_until_broken(stage, home, broken, fall_and_break)
        assert isinstance(error, StopNotProvenError)
        assert "its stop has fired and is not through" in str(error)
        assert stops(stage)


@pytest.mark.parametrize(
    "error",
    [
        asyncio.CancelledError(),
        OddError(),
        *(
            pytest.param(one, marks=pytest.mark.full)
            for one in (
                KeyboardInterrupt(),
                SystemExit(0),
            )
        ),
    ],
    ids=repr,
)
def test_A2_no_task_of_a_run_ends_unseen_on_asyncio(error: BaseException) -> None:
    """A stray cancellation there would end one task in silence, and KeyboardInterrupt the loop: both are errors."""

    async def main() -> str:
        try:
            async with anyio.create_task_group() as group:
                Tasks(group).start_soon(break_down)
                await anyio.sleep(5)
        except ExceptionGroup as errors:
            return str(only(errors))

        return "nobody noticed"

    async def break_down() -> None:
        await anyio.lowlevel.checkpoint()
        raise error

    assert anyio.run(main) == f"a task of the run was ended by {type(error).__name__}"


def test_A2_a_cancellation_of_ours_stays_one_on_asyncio() -> None:
    """A scope that ends its tasks makes no error of it."""

    async def main() -> None:
        async with anyio.create_task_group() as group:
            Tasks(group).start_soon(anyio.sleep_forever)
            await anyio.sleep(0.01)
            group.cancel_scope.cancel()

    anyio.run(main)
