"""Commands over a socket of a made-up venue while it is up, by REST otherwise, and what a broken one leaves."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import attrs
import pytest

from perpmaker.clock import LoopClock
from perpmaker.errors import ConnectivityError, RateLimitedError
from perpmaker.testing.network import Served, open_server
from perpmaker.venue import (
    Answer,
    CommandSocket,
    Endpoint,
    Incoming,
    LateAnswerError,
    LostAnswerError,
    Message,
    Messages,
    StreamReply,
    StreamRequest,
    StreamSpec,
    Translation,
)
from perpmaker.wire.server import Request, Response
from perpmaker.wire.websocket import WebSocket

from .ore import ORDERS, PLACE, SERVER_MS, Venue, client_of

pytestmark = pytest.mark.anyio
WHOLE_S = 2.0


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Seconds pass in a moment."""
    return virtual_time


class OreWords:
    """`{"n": NAME, "say": PARAMETERS}`, answered by `{"n": NAME, ...}`; there are no cancels on the socket."""

    def write(self, name: str, endpoint: Endpoint[object], parameters: Any, at_ms: int) -> Message | None:
        """Write a command with the venue's time."""
        if endpoint.path != PLACE.path:
            return None

        return json.dumps({"n": name, "say": dict(parameters), "at": at_ms})

    def read(self, message: Message) -> tuple[str, Incoming] | None:
        """Read an answer."""
        said = json.loads(message)

        return None if "n" not in said else (said["n"], Incoming(status=200, headers={}, body=str(message).encode()))


@attrs.define(kw_only=True)
class Mine:
    """The venue's socket: what it is told, how it answers, and whether it refuses the login."""

    heard: list[dict[str, Any]] = attrs.field(factory=list)
    sockets: list[WebSocket] = attrs.field(factory=list)
    respond_with: Callable[[dict[str, Any]], dict[str, Any] | None] = lambda _: {"rows": [{"id": 1}]}
    refuses: bool = False

    async def respond(self, _: Request) -> Response:
        """There is nothing else."""
        return Response.json({}, status=404)

    async def converse(self, _: Request, socket: WebSocket) -> None:
        """Answer what it is told."""
        self.sockets.append(socket)

        while True:
            said = json.loads(await socket.receive())

            if "login" in said:
                await socket.send(json.dumps({"login": "no" if self.refuses else "yes"}))
                continue

            self.heard.append(said)

            if (answer := self.respond_with(said)) is not None:
                await socket.send(json.dumps({"n": said["n"]} | answer))


@attrs.frozen(kw_only=True)
class Scene:
    """A venue with REST and a socket, and what sends to it."""

    rest: Venue
    mine: Mine
    socket: CommandSocket
    ended: list[Exception]

    async def send(self, **further: Any) -> Answer:
        """Send a placement."""
        return await self.socket.send(PLACE, {"ids": [1], "at": "BTCUSDT"}, **further)


@asynccontextmanager
async def scene(*, silent_s: float = 60.0, is_open: bool = True, **of_mine: Any) -> AsyncIterator[Scene]:
    """Serve a venue; its socket is open, where that is not left to the test."""
    clock, mine, ended = LoopClock(), Mine(**of_mine), list[Exception]()
    rest = Venue(clock, answers={PLACE.path: {"rows": [{"id": 1}]}})

    async with open_server(mine) as served, anyio.create_task_group() as tasks:
        socket = make(served, rest, silent_s)
        await socket.client.now_ms()
        at = Scene(rest=rest, mine=mine, socket=socket, ended=ended)

        if is_open:
            tasks.start_soon(follow, at)
            await anyio.sleep(0.1)

        yield at
        tasks.cancel_scope.cancel()


def now(at: Scene) -> float:
    """The engine's time."""
    return at.socket.client.clock.now()


def make(served: Served, rest: Venue, silent_s: float) -> CommandSocket:
    """What sends to a venue."""

    async def url() -> str:
        return served.url.replace("http", "ws", 1)

    def describe(begin: Callable[[Messages], Translation[Any]]) -> StreamSpec[Any]:
        return StreamSpec(
            name="Ore Exchange's socket",
            url=url,
            begin=begin,
            authenticate=lambda: StreamRequest(name="login", message='{"login": 1}'),
            read_reply=read_login,
        )

    return CommandSocket(
        client=client_of(rest),
        words=OreWords(),
        describe=describe,
        connect=served.connect,
        deadline_s=WHOLE_S,
        silent_s=silent_s,
    )


def read_login(message: Message) -> StreamReply | None:
    """The answer to the login."""
    said = json.loads(message)

    return None if "login" not in said else StreamReply(name="login", refusal="" if said["login"] == "yes" else "go")


async def follow(at: Scene) -> None:
    """Keep the socket as the supervisor does, once."""
    try:
        async with at.socket.open() as receiver:
            while True:
                await receiver.receive()
    except ConnectivityError as error:
        at.ended.append(error)


async def test_commands_go_over_the_socket_while_it_is_up_and_by_rest_otherwise() -> None:
    """With the venue's time; what the socket does not take goes by REST all the same."""
    async with scene(is_open=False) as at:
        assert not at.socket.is_up
        assert (await at.send()).ok
        assert at.rest.paths() == [PLACE.path]

    async with scene() as at:
        answer = await at.send()
        other = attrs.evolve(PLACE, path="/other")
        await at.socket.send(other, {})
        assert answer.ok
        assert json.loads(answer.body)["rows"] == [{"id": 1}]
        assert at.rest.paths() == ["/other"]
        (said,) = at.mine.heard
        assert abs(said["at"] - SERVER_MS) < 1000


async def test_both_ways_spend_of_one_budget() -> None:
    """What the socket has used up is not there for REST."""
    async with scene() as at:
        while (left := at.socket.client.budget._limiters[ORDERS].wait_s(1, urgent=False, now=now(at))) == 0:
            await at.send()

        assert left > 0

        at.socket._messages = None
        used = len(at.mine.heard)

        with pytest.raises(RateLimitedError):
            await at.send()

        assert len(at.mine.heard) == used > 0
        assert at.rest.paths() == []


async def test_answers_find_who_waits_for_them_in_whatever_order() -> None:
    """Each by its name; one that nobody waits for does no harm."""
    held: list[dict[str, Any]] = []

    def hold(said: dict[str, Any]) -> None:
        held.append(said)

    async with scene(respond_with=hold) as at:
        found: dict[int, str] = {}

        async def send(number: int) -> None:
            found[number] = json.loads((await at.send()).body)["for"]

        async with anyio.create_task_group() as tasks:
            for number in range(3):
                tasks.start_soon(send, number)
                await anyio.sleep(0.05)

            for said in (*reversed(held), {"n": "nobody's"}):
                await at.mine.sockets[0].send(json.dumps({"n": said["n"], "for": said["n"]}))

        assert [found[number] for number in range(3)] == [said["n"] for said in held]


async def test_what_a_broken_socket_leaves_is_unknown_and_is_not_sent_again() -> None:
    """What was sent is lost with its connection; the next goes by REST, and none is kept for the next socket."""
    async with scene(respond_with=lambda _: None) as at:
        errors: list[Exception] = []

        async def send() -> None:
            try:
                await at.send()
            except LostAnswerError as error:
                errors.append(error)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(send)
            await anyio.sleep(0.5)
            await at.mine.sockets[0].close(1001)

        assert [type(error) for error in errors] == [LostAnswerError]
        assert not at.socket.is_up
        assert (await at.send()).ok
        assert (len(at.mine.heard), at.rest.paths()) == (1, [PLACE.path])
        await follow_for(at, 1.0)
        assert len(at.mine.heard) == 1


async def follow_for(at: Scene, seconds: float) -> None:
    """Open the socket again for a while."""
    with anyio.move_on_after(seconds):
        await follow(at)


async def test_a_socket_that_answers_nothing_is_given_up() -> None:
    """After one command without an answer, or a silence: the stream ends, so that another is opened."""
    async with scene(respond_with=lambda _: None) as at:
        began = at.socket.client.clock.now()

        with pytest.raises(LateAnswerError) as raised:
            await at.send()

        assert began <= raised.value.signed_at <= began + 0.1
        assert not at.socket.is_up
        await anyio.sleep(1.5)
        assert [str(error) for error in at.ended] == ["the socket for commands does not answer"]

    async with scene(silent_s=5.0) as at:
        await anyio.sleep(7)
        assert len(at.ended) == 1


async def test_a_refused_login_is_a_lost_connection() -> None:
    """There is another way for commands, so that nobody has to stop."""
    async with scene(refuses=True) as at:
        assert [type(error) for error in at.ended] == [ConnectivityError]
        assert (await at.send()).ok
        assert at.rest.paths() == [PLACE.path]


async def test_a_command_that_is_given_up_harms_no_other() -> None:
    """Whoever is cancelled while it waits leaves the socket as it was."""
    async with scene(respond_with=lambda said: None if said["n"] == "1" else {"rows": []}) as at:
        with anyio.move_on_after(0.2):
            await at.send()

        assert at.socket.is_up
        assert (await at.send()).ok
