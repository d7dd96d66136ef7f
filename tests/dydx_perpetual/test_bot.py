"""Whole sessions of the bot on the sandbox, on virtual time, and processes that die in the middle of them."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest

from perpmaker import AuthenticationError
from perpmaker.journal.state_dir import open_state_dir
from perpmaker.model.order import OrderKind
from perpmaker.sandbox.server import ACCOUNT
from perpmaker.secret import References
from perpmaker.simulation.market import SyntheticMarket
from perpmaker.testing.crash import Doom, live
from perpmaker.testing.session import Session, Stage, open_stage
from perpmaker.testing.virtual import virtual_backend
from perpmaker.venue import Channel, ConnectorContext, Environment, PositionMode
from perpmaker.wire.fault import Fault
from perpmaker_dydx_perpetual.connector import open_connector
from perpmaker_dydx_perpetual.settings import Settings

EXAMPLE = Path(__file__).parents[2] / "examples" / "dydx_sandbox.toml"
RESTLESS = ('sandbox.shape="practice"', "bid_spread=0.05", "ask_spread=0.05", "order_refresh_time=5")
BALANCE = Decimal(10_000)

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> Any:
    """Virtual time."""
    return virtual_backend()


def stop_lots(stage: Stage) -> int:
    """The lots of the largest stop that waits on the venue."""
    return max((order.lots or 0 for order in stage.sandbox.exchange.conditional_orders(ACCOUNT)), default=0)


def held_lots(stage: Stage) -> int:
    """The lots that are held, without their sign."""
    (position,) = stage.sandbox.exchange.account(ACCOUNT).positions

    return abs(stage.sandbox.exchange.instrument.lots_down(position.amount))


def jump(stage: Stage, factor: float) -> None:
    """Let the market jump."""
    assert isinstance(stage.sandbox.market, SyntheticMarket)
    stage.sandbox.market.jump(factor)


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.full) for seed in range(2, 11))])
@pytest.mark.full
async def test_a_session_quotes_fills_and_leaves_no_quote(seed: int) -> None:
    """Quotes within five seconds, fills, targets; at the end no own quote, and the account to the last digit."""
    async with open_stage(EXAMPLE, *RESTLESS, seed=seed) as stage, stage.open_bot() as session:
        placed_at: list[float] = []

        async def watch() -> None:
            began = stage.clock.now()

            while len(session.open_quotes()) < 2:  # noqa: ASYNC110  # the state of the venue, not an event
                await anyio.sleep(0.05)

            placed_at.append(stage.clock.now() - began)

        async with anyio.create_task_group() as group:
            group.start_soon(watch)
            summary = await session.run(120)

        totals = session.bot.trader.state.account.totals
        wallet = BALANCE + totals.realized_pnl - sum(totals.fees.values())
        kinds = {session.bot.known.kind(client_id) for client_id in session.bot.known.sent}

        assert summary is not None
        assert placed_at[0] < 5
        assert totals.fills > 3
        assert OrderKind.TAKE_PROFIT in kinds
        assert session.bot.unproven is None
        assert session.open_quotes() == []
        assert stage.sandbox.exchange.account(ACCOUNT).wallet == wallet
        assert stage.sandbox.oracle.violations == []


async def test_an_end_leaves_the_moved_stop_alone(tmp_path: Path) -> None:
    """A node's yes to the cancel of the old one proves nothing: it is waited for."""
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path)})
    near = ("bid_spread=0.01", "ask_spread=0.01")

    async with open_stage(EXAMPLE, *near, seed=1) as stage, stage.open_bot(home=home) as session:
        summary = await session.run(30)
        waiting = stage.sandbox.exchange.conditional_orders(ACCOUNT)

        assert summary.position
        names = {order.client_id.partition("/")[0]: order.kind for order in waiting}
        assert summary.exits_left == 2
        assert sorted(kind.value for kind in names.values()) == ["stop", "take_profit"]


async def test_a_target_that_is_left_at_an_end_closes_the_position_and_no_more(tmp_path: Path) -> None:
    """The chain fires it at its price and cuts it at the position; the next run takes off what is left of the stop."""
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path)})
    targets = ("long_profit_taking_spread=0.5", "short_profit_taking_spread=0.5", "filled_order_delay=60")

    async with open_stage(EXAMPLE, *RESTLESS, *targets, seed=3) as stage:
        async with stage.open_bot(home=home) as session:
            summary = await session.run(9)

        assert (bool(summary.position), summary.exits_left) == (True, 2)
        jump(stage, 1.006 if summary.position > 0 else 0.994)
        await anyio.sleep(3)
        assert not held_lots(stage)

        async with stage.open_bot(home=home) as session, anyio.create_task_group() as group:
            group.start_soon(session.bot.run)
            await anyio.sleep(5)
            assert not [line for line in session.told if "by hand" in line]
            assert not stage.sandbox.exchange.conditional_orders(ACCOUNT) or held_lots(stage)
            group.cancel_scope.cancel()

        assert stage.sandbox.oracle.violations == []


async def test_a_process_killed_with_a_position_leaves_a_stop_for_all_that_fills_after_it(tmp_path: Path) -> None:
    """Quotes live for ten blocks more; what they fill meanwhile is in the size of the stop, which the chain cuts."""
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path)})

    async with open_stage(EXAMPLE, "order_levels=3", "order_level_spread=0.02", seed=3) as stage:
        async with anyio.create_task_group() as group:
            doom = Doom()
            group.start_soon(live, stage, home, doom, 30.0)
            await _first_fill(stage)

            while not stop_lots(stage):  # noqa: ASYNC110  # the state of the venue, not an event
                await anyio.sleep(0.1)

            doom.dead.set()
            group.cancel_scope.cancel()

        before = held_lots(stage)
        jump(stage, 0.9991)
        await anyio.sleep(1)

        assert held_lots(stage) >= before > 0
        assert stop_lots(stage) > held_lots(stage)
        await anyio.sleep(15)
        assert not stage.sandbox.exchange.open_orders(ACCOUNT)

        async with stage.open_bot(home=home, resume=True) as session:
            await session.run(20)
            assert session.bot.unproven is None
            assert not held_lots(stage) or stop_lots(stage)
            assert stage.sandbox.oracle.violations == []


async def test_a_lost_account_stream_while_quotes_fill(tmp_path: Path) -> None:
    """What happened meanwhile is read, and the position gets its exits."""
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path)})

    async with open_stage(EXAMPLE, seed=5) as stage, stage.open_bot(home=home) as session:

        async def spoil() -> None:
            await anyio.sleep(4)
            await stage.sandbox.faults.inject(Fault(act="reset", when="now", path="/v4/ws"))
            jump(stage, 0.999)

        async with anyio.create_task_group() as group:
            group.start_soon(spoil)
            await session.run(40)

        assert session.bot.unproven is None
        assert _believes(session)
        assert not held_lots(stage) or stop_lots(stage)
        assert stage.sandbox.oracle.violations == []


async def _first_fill(stage: Stage) -> None:
    while len(stage.sandbox.exchange.open_orders(ACCOUNT)) < 6:  # noqa: ASYNC110  # the state of the venue, not an event
        await anyio.sleep(0.1)

    jump(stage, 0.9995)

    while not held_lots(stage):  # noqa: ASYNC110  # the same
        await anyio.sleep(0.1)


def _believes(session: Session) -> bool:
    """Whether the bot holds what the venue says."""
    positions = session.sandbox.exchange.account(ACCOUNT).positions
    believed = {side: one.amount for side, one in session.bot.trader.state.account.positions.items()}

    return all(believed.get(one.side, Decimal(0)) == one.amount for one in positions)


async def test_on_paper_only_public_data_is_asked_for() -> None:
    """Market, book, prices and trades need no key; nothing is signed, and there is no account."""
    async with open_stage(EXAMPLE, seed=2) as stage:
        base = stage.sandbox.line.url
        settings = Settings(
            environment=Environment.PAPER,
            indexer_url=base,
            stream_url=base.replace("http", "ws"),
            node_urls=(base,),
        )
        context = ConnectorContext(
            clock=stage.clock,
            connect=stage.network.connect,
            signers=References(EXAMPLE.parent, {}),
            environment=Environment.PAPER,
        )

        async with open_connector(settings, context) as connector:
            instrument = await connector.fetch_instrument("BTC-USD")
            mark = await connector.fetch_mark(instrument)
            channels = {channel for feed in connector.feeds(instrument) for channel in feed.channels}
            assert mark is not None
            assert channels == {Channel.BOOK, Channel.MARK, Channel.TRADES}

            for feed in connector.feeds(instrument):
                async with feed.open() as receiver:
                    assert await receiver.receive()

            with pytest.raises(AuthenticationError, match="api_secret"):
                await connector.prepare(instrument, 3, PositionMode.ONE_WAY, None)
