from __future__ import annotations

import json
from collections import deque
from typing import Any

import anyio
import attrs
import pytest

from perpmaker.clock import LoopClock
from perpmaker.errors import ConnectivityError, PayloadError, RateLimitedError
from perpmaker.model.event import (
    BookChanged,
    BookLost,
    BookSnapshot,
    Channel,
    FeedAlive,
    MarkChanged,
    MarketEvent,
    Traded,
)
from perpmaker.model.instrument import Instrument
from perpmaker.venue import Endpoint, Parameters, TranslatingReceiver, VenueAccess, begin_receiving
from perpmaker.wire.memory import MemoryNetwork
from perpmaker_binance_perpetual.messages import Depth
from perpmaker_binance_perpetual.rest import DEPTH
from perpmaker_binance_perpetual.streams import book_stream, market_stream

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Snapshots are seconds apart."""
    return virtual_time


class ScriptedSocket:
    """A socket that brings one message every tenth of a second, and then is silent."""

    def __init__(self, *messages: str) -> None:
        self._messages = deque(messages)

    async def receive(self) -> str:
        """The next message."""
        if not self._messages:
            await anyio.sleep_forever()

        await anyio.sleep(0.1)

        return self._messages.popleft()

    async def send(self, message: str | bytes) -> None:
        """Nothing is ever sent."""
        raise AssertionError(message)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Nothing to close."""


@attrs.define
class Snapshots:
    """REST, as far as the book needs it: answers in order, the last one for ever, and when they were asked for."""

    answers: deque[Depth | Exception]
    asked_at: list[float] = attrs.field(factory=list)
    clock: LoopClock = attrs.field(factory=LoopClock)

    async def read(self, endpoint: Endpoint[Depth], parameters: Parameters) -> Depth:
        """The next answer."""
        assert (endpoint, parameters) == (DEPTH, {"symbol": "BTCUSDT", "limit": 1000})
        self.asked_at.append(anyio.current_time())
        answer = self.answers[0] if len(self.answers) == 1 else self.answers.popleft()

        if isinstance(answer, Exception):
            raise answer

        return answer


def update(first: int, last: int, previous: int) -> str:
    """A difference on the wire."""
    message = {"e": "depthUpdate", "E": last, "T": last, "s": "BTCUSDT", "U": first, "u": last, "pu": previous}

    return json.dumps(message | {"b": [["60000.00", "1.000"]], "a": []})


def depth(last: int) -> Depth:
    """A snapshot."""
    return Depth(lastUpdateId=last, bids=(("59999.00", "1.000"),), asks=(("60001.00", "2.000"),), T=last)


def book(instrument: Instrument, snapshots: Snapshots, *messages: str) -> TranslatingReceiver[MarketEvent]:
    """A book receiver over a script."""
    client: Any = snapshots
    access = VenueAccess(connect=MemoryNetwork().connect, url="", client=client)

    return begin_receiving(book_stream(access, instrument), ScriptedSocket(*messages), access.client.clock)


def market(instrument: Instrument, *messages: str) -> TranslatingReceiver[MarketEvent]:
    """A receiver of mark prices and trades over a script."""
    client: Any = Snapshots(deque())
    access = VenueAccess(connect=MemoryNetwork().connect, url="", client=client)

    return begin_receiving(market_stream(access, instrument), ScriptedSocket(*messages), access.client.clock)


def chain(count: int, start: int = 100) -> list[str]:
    """Messages that follow each other, ten updates each."""
    return [update(start + 10 * n + 1, start + 10 * n + 10, start + 10 * n) for n in range(count)]


async def receive_all(receiver: Any, within_s: float = 60.0) -> list[Any]:
    """Everything until the script is silent."""
    events: list[Any] = []

    with anyio.move_on_after(within_s):
        while True:
            events.extend(await receiver.receive())

    return events


async def test_the_book_is_a_snapshot_and_what_follows(instrument: Instrument) -> None:
    """One snapshot is asked for, every message is applied."""
    snapshots = Snapshots(deque([depth(105)]))
    events = await receive_all(book(instrument, snapshots, *chain(5)))

    assert [type(event) for event in events] == [BookSnapshot, *[BookChanged] * 5]
    assert len(snapshots.asked_at) == 1


async def test_F28_snapshots_are_asked_for_at_most_once_a_second(instrument: Instrument) -> None:
    """However often the stream tears, the venue is asked once a second."""
    torn = [update(n * 100 + 1, n * 100 + 10, n * 100) for n in range(1, 60)]
    snapshots = Snapshots(deque([depth(n * 100 + 5) for n in range(1, 200)]))
    events = await receive_all(book(instrument, snapshots, *torn))
    lost = sum(isinstance(event, BookLost) for event in events)
    gaps = [later - earlier for earlier, later in zip(snapshots.asked_at, snapshots.asked_at[1:], strict=False)]

    assert min(gaps) >= 0.999
    assert lost >= 3


async def test_F28_a_snapshot_that_is_too_old_is_asked_for_again(instrument: Instrument) -> None:
    """The messages kept meanwhile are applied to the second one."""
    snapshots = Snapshots(deque([depth(50), depth(125)]))
    events = await receive_all(book(instrument, snapshots, *chain(5)))

    assert isinstance(events[0], BookSnapshot)
    assert [event.venue_ms for event in events if isinstance(event, BookChanged)] == [130, 140, 150]
    assert len(snapshots.asked_at) == 2


async def test_F12_a_refused_snapshot_is_asked_for_when_the_venue_allows(instrument: Instrument) -> None:
    """The stream stays open and keeps what comes."""
    snapshots = Snapshots(deque([RateLimitedError("slow down", retry_after_s=7.0), depth(125)]))
    events = await receive_all(book(instrument, snapshots, *chain(5)))

    assert isinstance(events[0], BookSnapshot)
    assert snapshots.asked_at[1] - snapshots.asked_at[0] >= 7.0


async def test_F18_snapshots_that_cannot_be_understood_end_the_stream(instrument: Instrument) -> None:
    """After six of them in ten seconds there is no point in going on."""
    snapshots = Snapshots(deque([PayloadError("no")]))

    with pytest.raises(ConnectivityError, match="understood"):
        await receive_all(book(instrument, snapshots))

    assert len(snapshots.asked_at) == 6


async def test_an_unreachable_snapshot_ends_the_stream(instrument: Instrument) -> None:
    """The supervisor backs off and opens it again."""
    with pytest.raises(ConnectivityError, match="gone"):
        await receive_all(book(instrument, Snapshots(deque([ConnectivityError("gone")])), *chain(1)))


async def test_F21_a_bad_difference_loses_the_book_at_the_next_one(instrument: Instrument) -> None:
    """Dropping a frame is a gap, and a gap is mended."""
    messages = chain(4)
    messages[1] = messages[1].replace("60000.00", "NaN")
    snapshots = Snapshots(deque([depth(105), depth(135)]))
    receiver = book(instrument, snapshots, *messages)
    events = await receive_all(receiver)

    assert [type(event) for event in events] == [BookSnapshot, BookChanged, BookLost, BookSnapshot, BookChanged]
    assert receiver.tolerance.malformed == 1


async def test_an_announced_shutdown_ends_the_stream_at_once(instrument: Instrument) -> None:
    """The venue says so before it closes; other words of its are kept out and counted."""
    receiver = book(instrument, Snapshots(deque([depth(105)])), '{"e":"news"}', '{"e":"serverShutdown","E":1}')

    with pytest.raises(ConnectivityError, match="announced"):
        await receive_all(receiver)

    assert dict(receiver.tolerance.unknown) == {"news": 1}


async def test_marks_and_trades_of_this_market(instrument: Instrument) -> None:
    """Each mark price also says that the quiet stream of trades is alive; other markets are left out."""
    mark = '{"e":"markPriceUpdate","E":5,"s":"BTCUSDT","p":"60001.20","i":"60010.00","r":"0.0001","T":9}'
    trade = '{"e":"aggTrade","E":5,"s":"BTCUSDT","a":1,"p":"60000.10","q":"0.100","T":5,"m":true}'
    foreign = [message.replace("BTCUSDT", "ETHUSDT").replace("60000.10", "0.00001") for message in (mark, trade)]
    receiver = market(instrument, mark, trade, *foreign, '{"e":"kline"}')
    events = await receive_all(receiver)

    assert [type(event) for event in events] == [MarkChanged, FeedAlive, Traded]
    assert events[1].channel is Channel.TRADES
    assert dict(receiver.tolerance.unknown) == {"kline": 1}


async def test_F26_a_trade_that_two_connections_bring_is_told_once(instrument: Instrument) -> None:
    """Trades have numbers; those that were told are passed over."""
    trades = [
        f'{{"e":"aggTrade","E":9,"s":"BTCUSDT","a":{number},"p":"60000.0","q":"0.001","T":{number},"m":true}}'
        for number in (7, 8, 7, 8, 9)
    ]
    told = await receive_all(market(instrument, *trades))

    assert [event.venue_ms for event in told] == [7, 8, 9]
