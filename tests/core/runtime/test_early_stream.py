"""The account's stream that a start opens before it reads the account."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import anyio
import attrs
import pytest

from perpmaker.clock import LoopClock
from perpmaker.errors import ConnectivityError, HaltedError, TaskEndedError
from perpmaker.model.event import Channel, Event, FeedAlive, OrderFilled, StreamLost, StreamRestored
from perpmaker.model.order import Fill, PositionSide, Side
from perpmaker.runtime import early_stream
from perpmaker.runtime.early_stream import EarlyStream, open_early
from perpmaker.runtime.tasks import Tasks, open_tasks

pytestmark = pytest.mark.anyio
ALIVE = FeedAlive(channel=Channel.ACCOUNT)
FILLED = OrderFilled(
    fill=Fill(
        trade_id="1",
        client_id="",
        venue_id="1",
        side=Side.BUY,
        position_side=PositionSide.NET,
        price=Decimal(1),
        amount=Decimal(1),
        fee=Decimal(0),
        fee_asset="USDT",
        realized_pnl=Decimal(0),
        maker=True,
        venue_ms=1,
    )
)


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Streams back off for seconds."""
    return virtual_time


@attrs.define
class Script:
    """A feed of the account that brings what it is told, and ends where that is an error; and its connector."""

    name = "ore"
    channels = frozenset({Channel.ACCOUNT})
    stall_s = None
    refuses: bool = False
    opened: int = 0
    send: Any = None
    _heard: Any = None

    def feeds(self, _: object) -> Sequence[Script]:
        """Only this one."""
        return (self,)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Script]:
        """Connect."""
        if self.refuses:
            raise ConnectivityError("no")

        self.opened += 1
        self.send, self._heard = anyio.create_memory_object_stream[Any](10)

        async with self.send, self._heard:
            yield self

    async def receive(self) -> Sequence[Event]:
        """The next one."""
        word = await self._heard.receive()

        if isinstance(word, BaseException):
            raise word

        return (word,)


async def opened(script: Script, tasks: Tasks) -> EarlyStream:
    """Open it early."""
    early = await open_early(script, None, LoopClock(), tasks, 1)  # type: ignore[arg-type]  # as much as it looks at
    assert early is not None

    return early


async def heard(script: Script, early: EarlyStream, *words: object) -> list[Event]:
    """What a run is handed after these words; one second passes."""
    for word in words:
        await script.send.send(word)
        await anyio.sleep(0.5)

    events: list[Event] = []
    early.hand_over(events.extend)

    return events


async def test_what_came_is_handed_over_and_its_beginning_asks_for_nothing() -> None:
    """It is known since when it was heard; what comes later goes to the run at once."""
    script = Script()

    async with open_tasks() as tasks:
        began_at = LoopClock().now()
        early = await opened(script, tasks)
        assert early.since == began_at
        events: list[Event] = []
        await script.send.send(ALIVE)
        await anyio.sleep(0.5)
        early.hand_over(events.extend)
        assert events == [ALIVE]
        await script.send.send(ALIVE)
        await anyio.sleep(0.5)
        assert events == [ALIVE, ALIVE]
        assert early.since == began_at


async def test_an_order_of_whomever_has_the_account_read_again() -> None:
    """It may be another process's."""
    script = Script()

    async with open_tasks() as tasks:
        early = await opened(script, tasks)
        assert await heard(script, early, FILLED) == [FILLED]
        assert early.since is None


async def test_a_gap_has_the_account_read_again() -> None:
    """The run is told of both: that it was lost, and that it is there again."""
    script = Script()

    async with open_tasks() as tasks:
        early = await opened(script, tasks)
        events: list[Event] = []
        early.hand_over(events.extend)
        await script.send.send(ConnectivityError("gone"))
        await anyio.sleep(5)
        assert early.since is None
        assert [type(event) for event in events] == [StreamLost, StreamRestored]
        assert script.opened == 2


async def test_a_stream_that_cannot_be_opened_keeps_no_start_waiting() -> None:
    """Once it is there its beginning asks for a reading, as ever."""
    script = Script(refuses=True)

    async with open_tasks() as tasks:
        began_at = LoopClock().now()
        early = await opened(script, tasks)
        assert LoopClock().now() - began_at < early_stream.OPENING_S
        assert early.since is None
        script.refuses = False
        events: list[Event] = []
        early.hand_over(events.extend)
        await anyio.sleep(10)
        assert [type(event) for event in events] == [StreamLost, StreamRestored]


async def test_what_ends_it_ends_the_run_that_has_taken_it_over() -> None:
    """And it ends with that run, though it is a task of the start."""
    script = Script()

    async with open_tasks() as tasks:
        early = await opened(script, tasks)
        await heard(script, early, SystemExit(3))

        with pytest.raises(TaskEndedError):
            await early.keep()

    script = Script()

    async with open_tasks() as tasks:
        early = await opened(script, tasks)

        with anyio.move_on_after(1):
            await early.keep()

        await anyio.sleep(1)
        assert early._over.is_set()


async def test_an_error_beside_tasks_is_raised_as_it_is() -> None:
    """Not in a group, and the tasks end; a cancellation from outside ends the block."""
    ended: list[str] = []

    async def wait() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            ended.append("ended")

    async def fail() -> None:
        async with open_tasks() as tasks:
            tasks.start_soon(wait)
            await anyio.sleep(1)
            raise HaltedError("latched")

    with pytest.raises(HaltedError):
        await fail()

    with anyio.move_on_after(1) as scope:
        async with open_tasks() as tasks:
            tasks.start_soon(wait)
            await anyio.sleep_forever()

    assert scope.cancelled_caught
    assert ended == ["ended", "ended"]
