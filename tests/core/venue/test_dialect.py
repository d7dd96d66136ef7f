"""A whole market stream of a made-up venue over the kit: login, topics, snapshots on the stream, gaps, a heartbeat."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import anyio
import attrs
import pytest

from perpmaker.clock import LoopClock
from perpmaker.connector.payload import PayloadDecoder
from perpmaker.errors import ConnectivityError
from perpmaker.model.event import BookChanged, BookLost, BookSnapshot, MarketEvent
from perpmaker.model.instrument import Instrument
from perpmaker.testing.network import open_server
from perpmaker.venue import (
    BookSync,
    LevelTranslator,
    Message,
    Messages,
    SnapshotChore,
    StreamReply,
    StreamRequest,
    StreamSpec,
    TranslatingReceiver,
    Translation,
    UnknownMessageError,
    open_stream,
)
from perpmaker.wire.server import Request, Response
from perpmaker.wire.websocket import WebSocket

pytestmark = pytest.mark.anyio

PATIENCE_S = 25.0


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Heartbeats are seconds apart."""
    return virtual_time


# --- the dialect -----------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Frame:
    """Every message of the venue; which fields it has depends on its kind."""

    kind: str
    id: str = ""
    error: str = ""
    n: int = 0
    bids: tuple[tuple[str, str], ...] = ()
    asks: tuple[tuple[str, str], ...] = ()
    ms: int = 0


FRAME = PayloadDecoder(Frame)


def request(kind: str, name: str) -> StreamRequest:
    """A request; its answer has the same id."""
    return StreamRequest(name=name, message=json.dumps({"kind": kind, "id": name}))


def read_reply(message: Message) -> StreamReply | None:
    """Which request is answered."""
    frame = FRAME.decode(message)

    return StreamReply(name=frame.id, refusal=frame.error) if frame.kind == "answer" else None


class QuarryBook:
    """The book's topic: a snapshot first, then one number each; number 1 is a service that was restarted."""

    def __init__(self, instrument: Instrument) -> None:
        self.sync = BookSync(LevelTranslator(instrument), counts_updates=True)

    def translate(self, message: Message) -> Sequence[MarketEvent]:
        """One message of any kind."""
        frame = FRAME.decode(message)

        match frame.kind:
            case "whole":
                return self.sync.reset(frame.n, frame.bids, frame.asks, venue_ms=frame.ms)
            case "changed":
                return self.sync.offer(frame.n, frame.n, frame.n - 1, frame.bids, frame.asks, venue_ms=frame.ms)
            case "answer" | "alive":
                return ()

        raise UnknownMessageError(frame.kind)


def book_stream(url: str, instrument: Instrument, clock: LoopClock) -> StreamSpec[MarketEvent]:
    """The stream, whose snapshots are asked for on the stream itself."""

    async def address() -> str:
        return url

    def begin(messages: Messages) -> Translation[MarketEvent]:
        book = QuarryBook(instrument)

        async def ask() -> Sequence[MarketEvent]:
            await messages.send(request("leave", "book").message)
            await messages.send(request("join", "book").message)

            return ()

        return Translation(translate=book.translate, chores=(SnapshotChore(book.sync, ask, clock, delay_s=3.0),))

    return StreamSpec(
        name="Quarry's stream",
        url=address,
        begin=begin,
        authenticate=lambda: request("login", "who"),
        subscribe=(request("join", "book"),),
        read_reply=read_reply,
        heartbeat=('{"kind":"alive"}', 20.0),
    )


# --- the venue -------------------------------------------------------------------------------------------------------


@attrs.define
class Quarry:
    """The venue: it answers, sends its book to whoever joins, and leaves whoever is silent for 25 seconds."""

    number: int = 7
    socket: WebSocket | None = None
    asked: list[str] = attrs.field(factory=list)

    async def respond(self, _: Request) -> Response:
        """No REST here."""
        raise AssertionError

    async def converse(self, _: Request, socket: WebSocket) -> None:
        """Keep a connection."""
        self.socket = socket

        while True:
            with anyio.move_on_after(PATIENCE_S):
                await self._answer(json.loads(await socket.receive()))
                continue

            await socket.close(reason="silent")
            return

    async def _answer(self, frame: dict[str, str]) -> None:
        self.asked.append(frame["kind"])
        await self.say("alive" if frame["kind"] == "alive" else "answer", id=frame.get("id", ""))

        if frame["kind"] == "join":
            await self.say("whole", n=self.number, bids=[["99", "1"]], asks=[["101", "1"]])

    async def say(self, kind: str, **fields: Any) -> None:
        """Send a message."""
        assert self.socket is not None
        await self.socket.send(json.dumps({"kind": kind, **fields}))

    async def change(self, *, lost: int = 0) -> None:
        """The book moves on; so many messages before this one are lost."""
        self.number += 1 + lost
        await self.say("changed", n=self.number, bids=[["100", "2"]], ms=5)


@asynccontextmanager
async def opened(instrument: Instrument) -> AsyncIterator[tuple[TranslatingReceiver[MarketEvent], Quarry]]:
    """The stream over its venue."""
    quarry, clock = Quarry(), LoopClock()

    async with open_server(quarry) as served:
        spec = book_stream(served.websocket_url, instrument, clock)

        async with open_stream(spec, served.connect, clock) as source:
            yield source, quarry


async def kinds(source: TranslatingReceiver[MarketEvent], count: int) -> list[type]:
    """What the next events are."""
    events: list[type] = []

    with anyio.fail_after(10):
        while len(events) < count:
            events.extend(type(event) for event in await source.receive())

    return events


async def test_the_book_is_the_stream_s_snapshot_and_what_follows(instrument: Instrument) -> None:
    """The venue is asked once."""
    async with opened(instrument) as (source, quarry):
        await quarry.change()

        assert await kinds(source, 2) == [BookSnapshot, BookChanged]
        assert quarry.asked == ["login", "join"]


async def test_after_a_gap_the_topic_is_joined_anew_on_the_same_connection(instrument: Instrument) -> None:
    """Not at once after the snapshot before it: a venue may forbid that."""
    async with opened(instrument) as (source, quarry):
        await quarry.change(lost=1)

        assert await kinds(source, 2) == [BookSnapshot, BookLost]
        assert await kinds(source, 1) == [BookSnapshot]
        assert quarry.asked == ["login", "join", "leave", "join"]


async def test_a_restarted_service_begins_a_new_book(instrument: Instrument) -> None:
    """And a book without levels is none."""
    async with opened(instrument) as (source, quarry):
        await quarry.say("whole", n=1, bids=[], asks=[])
        await quarry.say("whole", n=1, bids=[["98", "1"]], asks=[])

        assert await kinds(source, 3) == [BookSnapshot, BookLost, BookSnapshot]


async def test_the_heartbeat_keeps_a_quiet_connection(instrument: Instrument) -> None:
    """Whoever is silent is left."""
    async with opened(instrument) as (source, quarry):
        with anyio.move_on_after(100):
            while True:
                await source.receive()

        assert quarry.asked.count("alive") == 4
        await quarry.change()
        assert await kinds(source, 1) == [BookChanged]


async def test_who_does_not_wait_for_messages_sends_no_heartbeat_and_is_left(instrument: Instrument) -> None:
    """A heartbeat of a bot that no longer looks at its stream would be a lie."""
    async with opened(instrument) as (source, _):
        await anyio.sleep(60)

        with pytest.raises(ConnectivityError):
            await kinds(source, 5)


async def test_messages_of_unknown_kinds_are_counted(instrument: Instrument) -> None:
    """A venue adds things."""
    async with opened(instrument) as (source, quarry):
        await quarry.say("weather")
        await quarry.change()
        await kinds(source, 2)

        assert dict(source.tolerance.unknown) == {"weather": 1}
