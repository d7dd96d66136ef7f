"""Sessions that come to an end in the middle of something: the bot, the venue's books, and ways to move the market."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import anyio.lowlevel

from perpmaker.journal.state_dir import StateDir
from perpmaker.runtime.shutdown import Closing
from perpmaker.sandbox.server import ACCOUNT
from perpmaker.simulation.market import SyntheticMarket
from perpmaker.simulation.order import ConditionalOrder
from perpmaker.testing.crash import Doom, live
from perpmaker.testing.session import Session, Stage
from perpmaker.testing.waiting import until
from perpmaker.wire.fault import Reply

EXAMPLE = Path(__file__).parents[1] / "practice.toml"
FAR_TARGET = ("long_profit_taking_spread=5", "short_profit_taking_spread=5", "filled_order_delay=60")
BUSY = Reply(status=503, body='{"code":-1001,"msg":"Internal error; unable to process your request."}')


def stops(stage: Stage) -> list[ConditionalOrder]:
    """The stops that wait on the venue, by the venue's own books."""
    return list(stage.sandbox.exchange.conditional_orders(ACCOUNT))


def lots(stage: Stage | Session) -> int:
    """The net position, by the venue's own books."""
    return sum(one.lots for one in stage.sandbox.exchange.account(ACCOUNT).positions)


async def fall(stage: Stage, share: float) -> None:
    """Move the market against the position by a share of the price."""
    market = stage.sandbox.market
    assert isinstance(market, SyntheticMarket)
    market.jump(1 - share if lots(stage) > 0 else 1 + share)
    await anyio.lowlevel.checkpoint()


async def in_position(stage: Stage | Session) -> None:
    """Wait until the bot has a position, and half a second more for what it does about that."""
    await until(lambda: bool(lots(stage)))
    await anyio.sleep(0.5)


async def ended(session: Session, act: Callable[[], Awaitable[None]]) -> Closing:
    """Run a bot until it is in a position, then act: how the run ended."""
    closings: list[Closing] = []

    async def run() -> None:
        closings.append(await session.bot.run())

    async with anyio.create_task_group() as group:
        group.start_soon(run)
        await in_position(session)
        await act()
        await until(lambda: bool(closings), within_s=120)
        group.cancel_scope.cancel()

    return closings[0]


async def killed(stage: Stage, home: StateDir, act: Callable[[], Awaitable[None]]) -> None:
    """Run a bot until it is in a position, act, and have the process die in that moment, as after `kill -9`."""
    doom = Doom()

    async def play() -> None:
        await in_position(stage)
        await act()
        doom.dead.set()

    async with anyio.create_task_group() as group:
        group.start_soon(play)
        await live(stage, home, doom, 600.0)


async def is_safe_in_time(stage: Stage, home: StateDir, healed: anyio.Event) -> bool:
    """Start again: whether the position is gone or has a stop, 2 s after the venue answers and the bot runs."""
    async with stage.open_bot(home=home) as session, anyio.create_task_group() as group:
        group.start_soon(session.bot.run)
        await healed.wait()
        await anyio.sleep(2)
        is_safe = not lots(stage) or bool(stops(stage))
        group.cancel_scope.cancel()

    return is_safe
