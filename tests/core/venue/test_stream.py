"""Opening a stream of a made-up venue: the requests it answers, what comes meanwhile, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import anyio
import attrs
import pytest

from perpmaker.clock import LoopClock
from perpmaker.errors import (
    AuthenticationError,
    ConnectivityError,
    DeadlineError,
    PayloadError,
    RefusedError,
    VenueError,
)
from perpmaker.model.event import Channel
from perpmaker.testing.network import Served, open_server
from perpmaker.venue import (
    Message,
    Messages,
    StreamFeed,
    StreamReply,
    StreamRequest,
    StreamSpec,
    TranslatingReceiver,
    Translation,
    open_stream,
)
from perpmaker.wire.server import Request, Response
from perpmaker.wire.websocket import WebSocket

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Seconds pass in a moment."""
    return virtual_time


@attrs.define(kw_only=True)
class Mine:
    """A venue that answers `{"ask": NAME}` with `{"re": NAME, "no": TEXT}`, and streams numbers from its beginning on.

    `refused` has the text for each name that it refuses, `silent` the names that it does not answer.
    """

    refused: dict[str, str] = attrs.field(factory=dict)
    silent: frozenset[str] = frozenset()
    first: Sequence[int] = ()
    asked: list[str] = attrs.field(factory=list)
    sockets: list[WebSocket] = attrs.field(factory=list)

    async def respond(self, request: Request) -> Response:
        """No REST here."""
        raise AssertionError(request)

    async def converse(self, _: Request, socket: WebSocket) -> None:
        """Keep a socket, and answer."""
        self.sockets.append(socket)

        for number in self.first:
            await socket.send(str(number))

        while True:
            name = json.loads(await socket.receive())["ask"]
            self.asked.append(name)

            if name not in self.silent:
                await socket.send(json.dumps({"re": name, "no": self.refused.get(name, "")}))


def ask(name: str) -> StreamRequest:
    """A request."""
    return StreamRequest(name=name, message=json.dumps({"ask": name}))


def read_reply(message: Message) -> StreamReply | None:
    """Which request is answered."""
    answer = json.loads(message)

    return StreamReply(name=answer["re"], refusal=answer["no"]) if isinstance(answer, dict) else None


def translate(message: Message) -> Sequence[int]:
    """Numbers as they are; an answer is a hundred."""
    said = json.loads(message)

    return (said,) if isinstance(said, int) else (100,)


def begin(_: Messages) -> Translation[int]:
    """Nothing to keep."""
    return Translation(translate=translate)


def describe(served: Served, **spec: Any) -> StreamSpec[int]:
    """The stream of that venue."""
    address = f"{served.websocket_url}/stream"

    return StreamSpec(**{"name": "Mine's stream", "url": address, "begin": begin, "read_reply": read_reply} | spec)


@asynccontextmanager
async def opened(mine: Mine, **spec: Any) -> AsyncIterator[TranslatingReceiver[int]]:
    """The stream over that venue."""
    async with (
        open_server(mine) as served,
        open_stream(describe(served, **spec), served.connect, LoopClock()) as source,
    ):
        yield source


async def failure(mine: Mine, **spec: Any) -> VenueError:
    """Why the stream cannot be opened."""
    async with open_server(mine) as served:
        try:
            async with open_stream(describe(served, **spec), served.connect, LoopClock()):
                pass
        except VenueError as error:
            return error

    raise AssertionError("it can")


async def test_an_address_may_be_asked_for_with_each_connection() -> None:
    """It may hold a key that lives for an hour."""
    mine = Mine(first=(1,))

    async with open_server(mine) as served:

        async def url() -> str:
            return f"{served.websocket_url}/stream"

        async with open_stream(describe(served, url=url), served.connect, LoopClock()) as source:
            assert await source.receive() == (1,)


async def test_a_stream_without_requests_is_received_at_once() -> None:
    """Its address says what it brings."""
    async with opened(Mine(first=(1, 2))) as source:
        assert [await source.receive(), await source.receive()] == [(1,), (2,)]


async def test_nothing_is_asked_for_before_the_authentication_is_answered() -> None:
    """Whoever is not known yet is not sent anything else."""
    mine = Mine(silent=frozenset({"who"}))
    await failure(mine, authenticate=lambda: ask("who"), subscribe=(ask("book"),))

    assert mine.asked == ["who"]


async def test_each_connection_authenticates_and_subscribes_anew() -> None:
    """The next connection is of no use without."""
    mine = Mine()

    async with opened(mine, authenticate=lambda: ask("who"), subscribe=(ask("book"),), life_s=100.0) as source:
        with anyio.move_on_after(150):
            while True:
                with anyio.move_on_after(10):
                    await source.receive()

    assert mine.asked == ["who", "book"] * 2


async def test_what_comes_before_the_answers_is_kept_in_order() -> None:
    """A venue may stream at once; its answers are translated too, for they may carry the first data."""
    async with opened(Mine(first=(1, 2)), subscribe=(ask("book"), ask("trades"))) as source:
        assert [await source.receive() for _ in range(4)] == [(1,), (2,), (100,), (100,)]


async def test_a_refused_authentication_says_so_without_its_message() -> None:
    """The message is a secret."""
    error = await failure(Mine(refused={"who": "wrong key"}), authenticate=lambda: ask("who"))

    assert isinstance(error, AuthenticationError)
    assert str(error) == "Mine's stream refuses the authentication: wrong key"
    assert "ask" not in repr(ask("who"))


async def test_a_refused_topic_is_named() -> None:
    """The others may be well."""
    error = await failure(Mine(refused={"trades": "no such topic"}), subscribe=(ask("book"), ask("trades")))

    assert isinstance(error, RefusedError)
    assert str(error) == "Mine's stream refuses trades: no such topic"


async def test_answers_are_not_waited_for_without_end() -> None:
    """One of two requests is not answered."""
    mine = Mine(silent=frozenset({"book"}))
    error = await failure(mine, subscribe=(ask("book"), ask("trades")), reply_s=3.0)

    assert isinstance(error, DeadlineError)
    assert "3 s" in str(error)


async def test_a_heartbeat_is_sent_over_the_connection() -> None:
    """As often as the dialect says."""
    mine = Mine()

    async with opened(mine, heartbeat=('{"ask": "alive"}', 20.0)) as source:
        with anyio.move_on_after(65):
            while True:
                await source.receive()

    assert mine.asked == ["alive"] * 3


async def test_unreadable_messages_end_the_stream_by_its_name() -> None:
    """As many as the dialect bears."""

    def read(_: Message) -> Sequence[int]:
        raise PayloadError("no number")

    async with opened(Mine(first=(1, 2, 3)), begin=lambda _: Translation(translate=read), most_malformed=2) as source:
        with pytest.raises(ConnectivityError, match="Mine's stream cannot be understood: no number"):
            await source.receive()

        assert source.tolerance.malformed == 3


async def test_a_feed_opens_what_it_is_given() -> None:
    """Channels and silence are the connector's word."""
    opener: Any = lambda: opened(Mine(first=(1,)))  # noqa: E731  # this stream brings numbers
    feed = StreamFeed(channels=frozenset({Channel.BOOK}), stall_s=5.0, opener=opener)

    async with feed.open() as source:
        assert list(await source.receive()) == [1]
