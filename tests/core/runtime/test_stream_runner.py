from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from random import Random
from typing import Any

import anyio
import attrs
import pytest

from perpmaker.clock import LoopClock
from perpmaker.errors import (
    AuthenticationError,
    ConnectivityError,
    ExitCode,
    MarketClosedError,
    PayloadError,
    RateLimitedError,
)
from perpmaker.model.event import (
    BalanceReported,
    Channel,
    Event,
    FeedAlive,
    Halted,
    MarkChanged,
    PositionReported,
    ReferenceChanged,
    StreamLost,
    StreamRestored,
)
from perpmaker.model.order import PositionSide
from perpmaker.model.position import Balance, Position
from perpmaker.runtime.backoff import CAP_S, Backoff
from perpmaker.runtime.stream_runner import ReferenceFeed, StreamRunner

pytestmark = pytest.mark.anyio

ALIVE = FeedAlive(channel=Channel.BOOK)
MARK = MarkChanged(mark=Decimal(100), index=None, funding_rate=None, next_funding_ms=None, venue_ms=1)


@attrs.define
class Line:
    """A feed whose connections go as they are told: events, errors, pauses; one list for each connection."""

    connections: list[list[list[Event] | Exception | float]]
    stall_s: float | None = None
    channels: frozenset[Channel] = frozenset({Channel.BOOK})
    opened_at: list[float] = attrs.field(factory=list)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Any]:
        """The next connection; a closed one opens with its error."""
        self.opened_at.append(anyio.current_time())
        plan = self.connections.pop(0) if self.connections else []

        if plan and isinstance(plan[0], Exception):
            raise plan[0]

        yield _Receiver(plan)


@attrs.define
class _Receiver:
    plan: list[list[Event] | Exception | float]

    async def receive(self) -> list[Event]:
        """The next of the plan, a number being a pause; after its end silence."""
        step = self.plan.pop(0) if self.plan else math.inf

        if isinstance(step, float):
            await anyio.sleep(step)
            return await self.receive()

        if isinstance(step, Exception):
            raise step

        return step


async def run(line: Any, seconds: float, *, ask_at: float | None = None) -> list[Event]:
    """What a runner emits in so many seconds; `ask_at`: when somebody asks it to reconnect."""
    events: list[Event] = []
    backoff = Backoff(Random(1))  # noqa: S311  # jitter, not cryptography
    runner = StreamRunner(feed=line, clock=LoopClock(), emit=events.extend, backoff=backoff)

    async with anyio.create_task_group() as group:
        group.start_soon(runner.run)

        if ask_at is not None:
            await anyio.sleep(ask_at)
            runner.reconnect("silent on its own account")

        await anyio.sleep(seconds)
        group.cancel_scope.cancel()

    return events


async def test_F23_a_stream_that_ends_is_said_and_opened_again_within_100_ms() -> None:
    """Restored, its events, lost with the reason, restored again."""
    line = Line([[[ALIVE], ConnectivityError("closed with 1006")], [[ALIVE]]])
    events = await run(line, 1)

    assert events == [
        StreamRestored(channel=Channel.BOOK),
        ALIVE,
        StreamLost(channel=Channel.BOOK, reason="closed with 1006"),
        StreamRestored(channel=Channel.BOOK),
        ALIVE,
    ]
    assert line.opened_at[1] - line.opened_at[0] < 0.1


async def test_F24_silence_beyond_the_feeds_own_limit_ends_the_connection() -> None:
    """Not the socket but the news decide whether a stream lives."""
    line = Line([[[ALIVE]], []], stall_s=3.0)
    events = await run(line, 5)

    assert StreamLost(channel=Channel.BOOK, reason="silent for 3.0 s") in events
    assert 3.0 <= line.opened_at[1] < 3.3


async def test_a_feed_without_a_limit_may_be_silent_for_ever() -> None:
    """A private stream says nothing while nothing happens."""
    assert await run(Line([[]]), 3600) == [StreamRestored(channel=Channel.BOOK)]


async def test_a_venue_that_stays_away_is_tried_ever_less_often() -> None:
    """The waits grow to the cap and no further."""
    line = Line([[ConnectivityError("refused")]] * 1000)
    await run(line, 120)
    waits = [later - earlier for earlier, later in zip(line.opened_at, line.opened_at[1:], strict=False)]

    assert waits[0] < 0.1
    assert CAP_S / 2 <= waits[-1] <= CAP_S
    assert len(waits) < 30


async def test_a_connection_that_lasted_counts_as_a_success() -> None:
    """After it ends, the next try comes at once, however many failed before it."""
    line = Line([*([[ConnectivityError("refused")]] * 8), [[ALIVE], 60.0, [ALIVE], ConnectivityError("gone")], []])
    await run(line, 200)

    assert line.opened_at[9] - line.opened_at[8] < 60.1


async def test_somebody_may_end_a_connection_that_looks_alive() -> None:
    """The reason that was given is the reason that is said."""
    line = Line([[], []])
    events = await run(line, 1, ask_at=5)

    assert StreamLost(channel=Channel.BOOK, reason="silent on its own account") in events
    assert len(line.opened_at) == 2


async def test_F14_a_refused_key_halts_and_is_tried_again_after_30_s() -> None:
    """The venue's words are in the halt."""
    refused = AuthenticationError("Invalid API-key", code="-2015")
    line = Line([[refused], []])
    events = await run(line, 60)

    refused = Halted(reason="the book stream was refused: Invalid API-key (code -2015)", code=ExitCode.REFUSED)
    assert refused in events
    assert line.opened_at[1] - line.opened_at[0] >= 30


async def test_F12_a_venue_that_asks_for_a_pause_gets_it() -> None:
    """Nothing is opened before the pause is over."""
    line = Line([[RateLimitedError("too many", retry_after_s=7.0)], []])
    await run(line, 20)

    assert 7.0 <= line.opened_at[1] < 8


async def test_F18_a_stream_that_cannot_be_understood_is_opened_again() -> None:
    """What was missed is found by the resync or the snapshot that follows."""
    line = Line([[PayloadError("not a number", path="$.p")], []])
    events = await run(line, 1)

    assert StreamLost(channel=Channel.BOOK, reason="not a number @ $.p") in events
    assert not any(isinstance(event, Halted) for event in events)


async def test_F57_a_market_that_is_closed_for_a_while_is_no_halt() -> None:
    """That of a price source, above all: it is opened again and again until the market opens."""
    line = Line([[MarketClosedError("ETH-USDT", "the venue", "BREAK")], [[ALIVE]]])
    events = await run(line, 1)

    assert not any(isinstance(event, Halted) for event in events)
    assert "its status is BREAK" in next(event.reason for event in events if isinstance(event, StreamLost))
    assert events[-1] == ALIVE


async def test_F77_a_feed_that_raises_halts_and_is_kept_alive_all_the_same() -> None:
    """Exits go on: the stream is opened again."""
    line = Line([[RecursionError("deep")], [[ALIVE]]])
    events = await run(line, 1)

    assert Halted(reason="the book stream failed (RecursionError: deep)", code=ExitCode.PLUGIN) in events
    assert events[-1] == ALIVE


async def test_F79_a_feed_that_brings_what_is_no_event_halts_and_lets_none_of_it_in() -> None:
    """Types and finite numbers are checked at the seam; the stream is opened again."""
    for news, words in [
        (None, "TypeError"),
        ([None], "NoneType is no event"),
        ([{"e": "trade"}], "dict is no event"),
        ([ALIVE, attrs.evolve(MARK, mark=Decimal("NaN"))], "mark of a MarkChanged is Decimal('NaN')"),
        ([attrs.evolve(MARK, index=1.5)], "index of a MarkChanged is 1.5"),
        ([PositionReported(position=Position(side=PositionSide.NET, amount=Decimal("Infinity")))], "Infinity"),
        ([BalanceReported(balance=Balance(asset="USDT", wallet=None))], "None"),  # type: ignore[arg-type]  # as a careless plugin would
    ]:
        line = Line([[news], [[ALIVE]]])
        events = await run(line, 1)

        halted = [event.reason for event in events if isinstance(event, Halted)]
        assert len(halted) == 1
        assert words in halted[0]
        assert {type(event) for event in events} == {StreamRestored, Halted, StreamLost, FeedAlive}
        assert sum(event == ALIVE for event in events) == 1


async def test_a_price_source_is_a_feed_like_any_other() -> None:
    """One reference at a time, on a channel of its own."""
    reference = ReferenceChanged(price=None, at=1.0)

    @attrs.define
    class Source:
        told: bool = False

        async def receive(self) -> ReferenceChanged:
            if self.told:
                await anyio.sleep_forever()

            self.told = True
            return reference

    @asynccontextmanager
    async def source() -> AsyncIterator[Source]:
        yield Source()

    assert await run(ReferenceFeed(source=source), 1) == [StreamRestored(channel=Channel.REFERENCE), reference]
