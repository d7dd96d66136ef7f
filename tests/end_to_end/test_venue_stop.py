"""Stops that rest on the venue over whole sessions: kept, replaced, fired, rejected, removed, and left behind."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import anyio
import pytest

from perpmaker.journal.state_dir import open_state_dir
from perpmaker.model.order import OrderKind, Side
from perpmaker.sandbox.server import ACCOUNT
from perpmaker.simulation.market import SyntheticMarket
from perpmaker.simulation.order import ConditionalOrder, OrderRequest
from perpmaker.testing.session import Session, open_session, open_stage
from perpmaker.testing.waiting import until
from perpmaker.wire.fault import Fault, Reply

pytestmark = pytest.mark.anyio

EXAMPLE = Path(__file__).parents[1] / "practice.toml"
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


@pytest.mark.full
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
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path)})

    async with open_stage(EXAMPLE, *FAR_TARGET, seed=3) as stage:
        async with stage.open_bot(home=home) as session:
            async with anyio.create_task_group() as group:
                group.start_soon(session.bot.run)
                await until_position(session)
                (backstop,) = waiting(session)
                session.bot.request_stop()

            (stop,) = waiting(session)
            assert stop.conditional_id != backstop.conditional_id

        left = [line for line in session.told if line.startswith("left on the venue: ")]
        assert sorted(line.split()[5] for line in left) == ["closing", "stop"], session.told
        assert stop.close_position
        assert position(session) != 0
        await anyio.sleep(40)  # longer than the dead-man switch, which was disarmed: the target stays too
        assert [order for order in session.sandbox.exchange.open_orders(ACCOUNT) if order.closing]
        assert waiting(session) == [stop]
        executed = len(session.sandbox.exchange.executions(ACCOUNT))

        async with stage.open_bot(home=home) as session, anyio.create_task_group() as group:
            group.start_soon(session.bot.run)
            await anyio.sleep(2)
            assert any("taken over as stop on the venue" in line for line in session.told), session.told
            assert any(line.startswith("at the start the net position is ") for line in session.told), session.told
            assert [one.trigger_ticks for one in waiting(session)] == [backstop.trigger_ticks]
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


@pytest.mark.each_value
@pytest.mark.parametrize("mode", ["One-way", "Hedge"])
@pytest.mark.parametrize("order", ["limit", "market", "venue"])
async def test_every_kind_of_stop_ends_a_position_at_its_level_in_both_modes(mode: str, order: str) -> None:
    """A fall, or a rise, through the level: closed within two seconds, by the venue's mark price within five."""
    overrides = (f'stop_loss_order="{order}"', f'position_mode="{mode}"', *FAR_TARGET)

    async with open_session(EXAMPLE, *overrides, seed=6) as session, anyio.create_task_group() as group:
        group.start_soon(session.bot.run)
        await until(lambda: bool(position(session)))
        await anyio.sleep(0.5)
        jump(session, 0.02)
        await until(lambda: bool(session.bot.trader.state.stop_closed_at), within_s=5 if order == "venue" else 2)
        assert not session.sandbox.oracle.violations
        group.cancel_scope.cancel()


def enlarge(session: Session) -> None:
    """A person adds to the position, at market."""
    request = OrderRequest(side=Side.BUY if position(session) > 0 else Side.SELL, amount=Decimal("0.02"))

    with session.sandbox.oracle.person():
        session.sandbox.exchange.place(ACCOUNT, request, session.clock.utc_ms())


async def test_F45_F52_a_position_that_a_person_enlarges_has_its_stop_moved_and_is_never_long_without_one() -> None:
    """Over a bridge: at every moment a stop rests, at most two of them, and in the end one of the whole position."""
    async with open_session(EXAMPLE, VENUE, *FAR_TARGET, seed=3) as session, anyio.create_task_group() as group:
        group.start_soon(session.bot.run)
        await until_position(session)
        jump(session, -0.002)
        await anyio.sleep(1)
        (before,) = waiting(session)
        enlarge(session)
        for _ in range(300):
            await anyio.sleep(0.01)
            assert 1 <= len(waiting(session)) <= 2

        (after,) = waiting(session)
        group.cancel_scope.cancel()

    assert after.trigger_ticks != before.trigger_ticks
    assert after.close_position


async def test_F31_a_private_stream_that_is_lost_while_orders_fill_loses_nothing() -> None:
    """Quotes go at once; afterwards orders, stops, fills and position are read, and the stop rests."""
    async with open_session(EXAMPLE, VENUE, *FAR_TARGET, seed=3) as session, anyio.create_task_group() as group:
        group.start_soon(session.bot.run)
        await until(lambda: len(session.open_quotes()) == 2)
        await session.sandbox.faults.inject(Fault(act="reset", when="now", path="/private"))
        await until_position(session)
        await anyio.sleep(3)
        (held,) = [one for one in session.sandbox.exchange.account(ACCOUNT).positions if one.lots]
        tracked = session.bot.trader.state.account.tracked[held.side].now

        assert tracked.amount == held.amount
        assert len(waiting(session)) == 1
        group.cancel_scope.cancel()


async def test_F39_F52_a_position_that_a_person_closes_takes_its_exits_with_it() -> None:
    """Target and stop are gone within a second, nothing is sent against a position that is not there any more."""
    overrides = (VENUE, "filled_order_delay=30", *FAR_TARGET)

    async with open_session(EXAMPLE, *overrides, seed=3) as session, anyio.create_task_group() as group:
        group.start_soon(session.bot.run)
        await until_position(session)
        lots = position(session)
        request = OrderRequest(
            side=Side.SELL if lots > 0 else Side.BUY, amount=session.bot.instrument.amount(abs(lots))
        )

        with session.sandbox.oracle.person():
            session.sandbox.exchange.place(ACCOUNT, request, session.clock.utc_ms())

        before = len(session.sandbox.exchange.orders(ACCOUNT))
        await anyio.sleep(1)
        assert position(session) == 0
        assert waiting(session) == []
        assert not [order for order in session.sandbox.exchange.open_orders(ACCOUNT) if order.closing]
        assert len(session.sandbox.exchange.orders(ACCOUNT)) - before <= 2
        assert not session.sandbox.oracle.violations
        group.cancel_scope.cancel()


@pytest.mark.parametrize("order", ["limit", "market"])
async def test_F39_a_stop_that_a_persons_closing_order_keeps_out_goes_as_close_position(order: str) -> None:
    """His order holds the whole position, and is not ours to cancel: what closes whatever there is needs no room."""
    async with open_session(EXAMPLE, f'stop_loss_order="{order}"', *FAR_TARGET, seed=3) as session:
        async with anyio.create_task_group() as group:
            exchange = session.sandbox.exchange
            group.start_soon(session.bot.run)
            await until(lambda: bool(position(session)))
            await anyio.sleep(1)
            (target,) = [one for one in exchange.open_orders(ACCOUNT) if one.closing]
            price = session.bot.instrument.price((target.ticks or 0) + 10 * target.side.sign * -1)
            amount = session.bot.instrument.amount(target.lots)
            theirs = OrderRequest(side=target.side, amount=amount, price=price, reduce_only=True, client_id="web-1")

            with session.sandbox.oracle.person():
                exchange.cancel(ACCOUNT, client_id=target.client_id, now_ms=session.clock.utc_ms())
                exchange.place(ACCOUNT, theirs, session.clock.utc_ms())

            await anyio.sleep(1)
            jump(session, 0.02)
            await until(lambda: not position(session), within_s=6)
            await anyio.sleep(2)
            assert waiting(session) == []
            assert position(session) == 0
            group.cancel_scope.cancel()

        assert not session.sandbox.oracle.violations


async def test_F50_a_stop_that_a_person_cancels_is_back_at_once() -> None:
    """A position is not left without it, and a person is told."""
    async with open_session(EXAMPLE, VENUE, *FAR_TARGET, seed=3) as session, anyio.create_task_group() as group:
        group.start_soon(session.bot.run)
        await until_position(session)
        (stop,) = waiting(session)
        session.sandbox.exchange.cancel_conditional(
            ACCOUNT, conditional_id=stop.conditional_id, now_ms=session.clock.utc_ms()
        )
        await anyio.sleep(1)
        (again,) = waiting(session)
        assert again.conditional_id != stop.conditional_id
        assert any("does not keep it" in line for line in session.told)
        group.cancel_scope.cancel()


@pytest.mark.full
async def test_F51_a_persons_orders_are_never_touched_and_the_switch_waits_until_they_are_gone() -> None:
    """Seen within the half minute of the account's reading, or at once on the stream; said each time."""
    async with open_session(EXAMPLE, "bid_spread=2", "ask_spread=2", seed=3) as session:
        exchange = session.sandbox.exchange
        price = session.bot.instrument.price(session.bot.instrument.ticks_down(exchange.mark * Decimal("0.9")))
        theirs = OrderRequest(side=Side.BUY, amount=Decimal("0.01"), price=price, client_id="web-1")

        async with anyio.create_task_group() as group:
            group.start_soon(session.bot.run)
            await until(lambda: any("switch armed" in line for line in session.told))

            with session.sandbox.oracle.person():
                exchange.place(ACCOUNT, theirs, session.clock.utc_ms())

            await until(lambda: any("not armed" in line for line in session.told), within_s=2)
            await anyio.sleep(40)
            assert exchange.order(ACCOUNT, client_id="web-1") in exchange.open_orders(ACCOUNT)

            with session.sandbox.oracle.person():
                exchange.cancel(ACCOUNT, client_id="web-1", now_ms=session.clock.utc_ms())

            await until(lambda: "switch armed" in session.told[-1], within_s=35)
            session.bot.request_stop()

        assert not session.sandbox.oracle.violations


async def test_F51_a_switch_that_is_asked_for_beside_a_persons_orders_takes_them_when_the_bot_is_killed() -> None:
    """dead_man_switch_takes_foreign_orders: armed all the same, their part in it said; they live as long as the bot."""
    asked = ("dead_man_switch_s=10", "dead_man_switch_takes_foreign_orders=true")

    async with open_session(EXAMPLE, "bid_spread=2", "ask_spread=2", *asked, seed=3) as session:
        exchange = session.sandbox.exchange
        price = session.bot.instrument.price(session.bot.instrument.ticks_down(exchange.mark * Decimal("0.9")))
        theirs = OrderRequest(side=Side.BUY, amount=Decimal("0.01"), price=price, client_id="web-1")

        async with anyio.create_task_group() as group:
            group.start_soon(session.bot.run)
            await until(lambda: any("switch armed" in line for line in session.told))

            with session.sandbox.oracle.person():
                exchange.place(ACCOUNT, theirs, session.clock.utc_ms())

            await until(lambda: any("not ours rest there now, and go too" in line for line in session.told), within_s=2)
            await anyio.sleep(40)
            assert exchange.order(ACCOUNT, client_id="web-1") in exchange.open_orders(ACCOUNT)
            session.sandbox.faults.add(Fault(method="DELETE", path="/fapi", act="drop", times=None))
            session.sandbox.faults.add(Fault(method="POST", path="/fapi", act="drop", times=None))
            group.cancel_scope.cancel()

        await anyio.sleep(12)
        assert exchange.open_orders(ACCOUNT) == ()


async def test_F48_a_killed_bot_leaves_no_quote_and_keeps_its_stop() -> None:
    """Within the switch's time the venue has cancelled quotes and target; the stop outlives the process."""
    overrides = (VENUE, "dead_man_switch_s=10", 'when_in_position="hold"', *FAR_TARGET)

    async with open_session(EXAMPLE, *overrides, seed=3) as session:
        async with anyio.create_task_group() as group:
            group.start_soon(session.bot.run)
            await until_position(session)
            await anyio.sleep(1)
            session.sandbox.faults.add(Fault(method="DELETE", path="/fapi", act="drop", times=None))
            session.sandbox.faults.add(Fault(method="POST", path="/fapi", act="drop", times=None))
            group.cancel_scope.cancel()

        await anyio.sleep(12)
        assert session.sandbox.exchange.open_orders(ACCOUNT) == ()
        assert len(waiting(session)) == 1


@pytest.mark.parametrize("order", ["limit", "market", "venue"])
async def test_F71_a_bot_that_was_cut_off_in_a_position_is_taken_over_with_its_exits(
    tmp_path: Path, order: str
) -> None:
    """The next run has the right position, one target and one stop, and no order that nobody knows."""
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path)})
    overrides = (f'stop_loss_order="{order}"', *FAR_TARGET)

    async with open_stage(EXAMPLE, *overrides, seed=3) as stage:
        faults, exchange = stage.sandbox.faults, stage.sandbox.exchange

        async with stage.open_bot(home=home) as session:
            async with anyio.create_task_group() as group:
                group.start_soon(session.bot.run)
                await until(lambda: bool(position(session)))
                await anyio.sleep(0.5)
                faults.add(Fault(method="DELETE", path="/fapi", act="drop", times=None))
                faults.add(Fault(method="POST", path="/fapi", act="drop", times=None))
                group.cancel_scope.cancel()

            left = waiting(session)

        faults.clear()

        async with stage.open_bot(home=home) as session, anyio.create_task_group() as group:
            group.start_soon(session.bot.run)
            await anyio.sleep(3)
            resting = exchange.open_orders(ACCOUNT)
            tracked = next(iter(session.bot.trader.state.account.tracked.values())).now
            assert session.bot.instrument.lots_down(tracked.amount) == position(session)
            assert waiting(session) == left
            assert len(left) == 1
            assert sum(one.closing for one in resting) == 1
            assert all(session.bot.known.intent(one.client_id) is not None for one in resting)
            group.cancel_scope.cancel()
