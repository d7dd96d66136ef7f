from __future__ import annotations

from decimal import Decimal
from typing import Any, cast

import anyio
import attrs
import pytest

from perpmaker.clock import LoopClock
from perpmaker.model.event import Resynced
from perpmaker.model.order import OrderKind, OrderReport, OrderStatus, OrderType, PositionSide, Side
from perpmaker.model.position import Position
from perpmaker.runtime.shutdown import Closing, Shutdown
from perpmaker.testing.view import make_account, make_instrument

pytestmark = pytest.mark.anyio

TARGET = OrderReport(
    client_id="pm-a-r1-1",
    venue_id="1",
    side=Side.SELL,
    position_side=PositionSide.NET,
    status=OrderStatus.OPEN,
    raw_status="NEW",
    ticks=10100,
    lots=1000,
    filled_lots=0,
    reduce_only=True,
    type=OrderType.LIMIT,
    venue_ms=1,
)
STOP = attrs.evolve(TARGET, client_id="pm-a-r1-2", ticks=9700, type=OrderType.VENUE_STOP)


def account(amount: str, *orders: OrderReport) -> Resynced:
    """The account with a net position of that amount and these open orders."""
    position = Position(side=PositionSide.NET, amount=Decimal(amount), entry=Decimal(100), venue_ms=1)

    return Resynced(began_at=0.0, orders=orders, finished=(), fills=(), account=make_account(position), venue_ms=1)


@attrs.define
class Answers:
    """What the account looks like each time it is read; the last answer repeats."""

    answers: list[Resynced]
    clock: LoopClock = attrs.field(factory=LoopClock)
    instrument: Any = attrs.field(factory=make_instrument)

    async def read(self, _: object, __: int) -> Resynced:
        """The next answer."""
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def stopping(*answers: Resynced) -> Shutdown:
    """The way to the end of a bot with two exits."""
    kinds = {TARGET.client_id: OrderKind.TAKE_PROFIT, STOP.client_id: OrderKind.VENUE_STOP}
    reconciliation: Any = Answers(list(answers))

    return Shutdown(reconciliation=reconciliation, dispatcher=cast("Any", None), working=tuple, kind_of=kinds.get)


async def test_what_is_left_is_what_the_last_reading_shows() -> None:
    """A target that was filled after the proof is no exit that was left."""
    proven = Closing(exits=(TARGET, STOP))
    ended = await stopping(account("1", TARGET, STOP), account("0", STOP), account("0")).read_at_last(proven, 0)

    assert ended.exits == ()
    assert ended.account == account("0")


async def test_a_stop_of_a_position_that_is_gone_is_waited_for() -> None:
    """The trader takes it off meanwhile; two answers that agree are not enough while it rests."""
    flat = account("0", STOP)
    ended = await stopping(flat, flat, flat, account("0")).read_at_last(Closing(exits=(TARGET, STOP)), 0)

    assert ended.exits == ()


async def test_exits_of_a_position_that_is_left_are_left() -> None:
    """They protect it."""
    ended = await stopping(account("1", TARGET, STOP)).read_at_last(Closing(exits=(TARGET, STOP)), 0)

    assert ended.exits == (TARGET, STOP)


async def test_a_stop_that_does_not_go_is_told_of_all_the_same() -> None:
    """It is not waited for without end."""
    ended = await stopping(account("0", STOP)).read_at_last(Closing(exits=(STOP,)), 0)

    assert ended.exits == (STOP,)


async def test_target_that_the_venue_does_not_cap_must_go_as_quotes_do() -> None:
    """It may open a position by itself: it is no exit that stays, and the end is not clean while it rests."""
    end = stopping(account("1"))
    end.caps_resting_exits = False

    found = end._judge((TARGET, STOP))

    assert (found.quotes, found.exits) == ((TARGET,), (STOP,))
    assert found.unproven == "1 orders that may open a position are still on the venue: pm-a-r1-1"


async def test_a_cancel_that_holds_up_its_batch_holds_up_no_other_the_second_time() -> None:
    """The venue chokes on one quote: the others are taken off by themselves."""
    sent: list[list[str]] = []

    class Choking:
        async def dispatch(self, actions: list[Any]) -> None:
            sent.append([action.client_id for action in actions])

            if any(action.client_id == "pm-a-r1-7" for action in actions):
                await anyio.sleep_forever()

    quotes = [attrs.evolve(TARGET, client_id=f"pm-a-r1-{number}", reduce_only=False) for number in (7, 8, 9)]
    end = stopping(account("0"))
    end.dispatcher = cast("Any", Choking())
    await end._cancel(quotes)
    await end._cancel(quotes)

    assert sent[0] == ["pm-a-r1-7", "pm-a-r1-8", "pm-a-r1-9"]
    assert sorted(sent[1:]) == [["pm-a-r1-7"], ["pm-a-r1-8"], ["pm-a-r1-9"]]
