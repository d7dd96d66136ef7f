"""A12: exits come before history. What is held and what rests is read together, and needs nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path

import anyio
import pytest

from perpmaker.journal.state_dir import StateDir
from perpmaker.model.order import OrderKind, Side
from perpmaker.sandbox.server import ACCOUNT
from perpmaker.simulation.market import SyntheticMarket
from perpmaker.simulation.order import OrderRequest
from perpmaker.state.view import Mode
from perpmaker.testing.crash import Doom, live
from perpmaker.testing.session import Session, Stage, open_stage
from perpmaker.testing.virtual import virtual_backend
from perpmaker.testing.waiting import until
from perpmaker.wire.fault import Fault

from .venue_site import VenueWords

FILE = Path(__file__).parents[2] / "examples" / "sandbox.toml"
FAR = ("bid_spread=2", "ask_spread=2", "long_profit_taking_spread=3", "short_profit_taking_spread=3")
TRIP_S = 0.08


def run_virtual(scenario: Callable[[], Awaitable[None]]) -> None:
    """Run a scenario on a virtual clock of its own."""
    name, options = virtual_backend()
    anyio.run(scenario, backend=name, backend_options=options)


def trade(stage: Stage, side: Side, times: int, amount: str) -> None:
    """Somebody else trades on the account, order after order."""
    exchange = stage.sandbox.exchange

    for number in range(times):
        request = OrderRequest(side=side, amount=Decimal(amount), client_id=f"theirs-{side.value}-{number}")
        exchange.place(ACCOUNT, request, exchange.now_ms)


def exits(session: Session) -> list[str]:
    """Targets of the bot that rest on the venue."""
    orders = session.sandbox.exchange.open_orders(ACCOUNT)
    kinds = {order.client_id: session.bot.known.kind(order.client_id) for order in orders}

    return [name for name, kind in kinds.items() if kind is OrderKind.TAKE_PROFIT]


def first_exits(session: Session, venue: VenueWords) -> list[str]:
    """Exits that rest; where a target has to wait until the quotes of its side are gone, the stop is the first one."""
    return exits(session) if venue.leaves_targets else [one.client_id for one in venue.stops(session)]


@pytest.mark.parametrize("side", [Side.BUY, Side.SELL])
def test_A12_the_first_exit_of_a_start_takes_two_round_trips_whatever_was_traded(
    side: Side, tmp_path: Path, venue: VenueWords
) -> None:
    """A position and 200 orders of others since the last run, 80 ms for every answer: history waits, exits do not."""

    async def scenario() -> None:
        home = StateDir(tmp_path)

        async with open_stage(FILE, *venue.settings, *FAR, seed=1) as stage:
            assert isinstance(stage.sandbox.market, SyntheticMarket)
            await live(stage, home, Doom(), 3.0)
            trade(stage, side, 200, "0.001")
            await anyio.sleep(1)

            async with stage.open_bot(home=home) as session, anyio.create_task_group() as group:
                singly = venue.arm(stage, "order", act="delay", arg=TRIP_S)
                venue.arm(stage, "all", act="delay", arg=TRIP_S)
                group.start_soon(session.bot.run)

                took_s = await until(lambda: bool(first_exits(session, venue)))
                assert took_s <= venue.trips_to_exit * TRIP_S + venue.block_s + 0.05
                assert session.bot.mode is Mode.REDUCE
                await until(lambda: session.bot.mode is Mode.RUN, 5.0)
                assert session.bot.trader.state.account.totals.fills == 0
                assert sum(fault in singly for fault in stage.sandbox.faults.fired) <= 5  # none of theirs
                group.cancel_scope.cancel()

            assert session.sandbox.oracle.violations == []

    run_virtual(scenario)


def test_A12_a_reconnect_has_its_exit_before_its_history(tmp_path: Path, venue: VenueWords) -> None:
    """The private stream is gone while the position appears: what is held is known before what was traded."""

    async def scenario() -> None:
        async with (
            open_stage(FILE, *venue.settings, *FAR, seed=1) as stage,
            stage.open_bot(home=StateDir(tmp_path)) as session,
            anyio.create_task_group() as group,
        ):
            faults = stage.sandbox.faults
            group.start_soon(session.bot.run)
            await until(lambda: len(session.open_quotes()) == 2)
            await faults.inject(Fault(act="reset", when="now", path=venue.private))
            trade(stage, Side.BUY, 200, "0.001")
            venue.arm(stage, "fills", act="delay", arg=3.0)
            await until(lambda: bool(first_exits(session, venue)), 2.0)
            assert session.bot.mode is Mode.REDUCE
            group.cancel_scope.cancel()

    run_virtual(scenario)


def test_A12_own_exits_of_the_last_run_are_kept_by_the_first_look(tmp_path: Path, venue: VenueWords) -> None:
    """A target that rests where it belongs is taken over, and neither cancelled nor doubled before history is read."""
    if not venue.leaves_targets:
        pytest.skip(f"an end leaves no target on {venue}")

    async def scenario() -> None:
        home = StateDir(tmp_path)

        async with open_stage(FILE, *venue.settings, *FAR, seed=1) as stage:
            async with stage.open_bot(home=home) as first, anyio.create_task_group() as group:
                group.start_soon(first.bot.run)
                await until(lambda: len(first.open_quotes()) == 2)
                trade(stage, Side.BUY, 1, "0.01")
                await until(lambda: bool(exits(first)))
                left = exits(first)
                group.cancel_scope.cancel()

            async with stage.open_bot(home=home) as second, anyio.create_task_group() as group:
                venue.arm(stage, "fills", act="delay", arg=3.0)
                group.start_soon(second.bot.run)
                await until(lambda: any("taken over as target" in line for line in second.told), 1.0)
                await anyio.sleep(1)
                assert exits(second) == left
                assert second.bot.mode is Mode.REDUCE
                group.cancel_scope.cancel()

    run_virtual(scenario)
