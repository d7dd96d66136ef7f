"""Sockets that leave, that do not read, and that nobody feeds."""

from __future__ import annotations

import anyio
import attrs
import pytest

from perpmaker.clock import LoopClock
from perpmaker.errors import ConnectivityError
from perpmaker.sandbox.latency import DelayLine
from perpmaker.venue.sandbox import SocketHub, SocketRules
from perpmaker.venue.sandbox.sockets import BACKLOG

pytestmark = pytest.mark.anyio


@attrs.define
class Everything:
    """A session that hears one stream, and wants every kind but one."""

    def hears(self, stream: str) -> bool:
        """The one."""
        return stream == "news"

    def frame(self, stream: str, kind: str, payload: str) -> str | None:
        """All but secrets."""
        return None if kind == "secret" else f"{stream}:{payload}"

    def obey(self, message: str | bytes) -> tuple[()]:
        """Not at all."""
        raise AssertionError(message)


class Leaving:
    """A socket whose client has gone, and whose closing takes a while."""

    def __init__(self) -> None:
        self.closing = anyio.Event()
        self.closed = anyio.Event()

    async def receive(self) -> str | bytes:
        """Nobody is there any more."""
        raise ConnectivityError("gone")

    async def send(self, message: str | bytes) -> None:
        """Nobody hears it."""
        del message
        raise ConnectivityError("gone")

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Say goodbye until told that it is over."""
        del code, reason
        self.closing.set()
        await self.closed.wait()


class Standing:
    """A socket whose client is there, and reads nothing before it is told to."""

    def __init__(self) -> None:
        self.sent: list[str | bytes] = []
        self.code = 0
        self.reads = anyio.Event()

    async def receive(self) -> str | bytes:
        """Nothing is said."""
        await anyio.sleep_forever()
        raise AssertionError

    async def send(self, message: str | bytes) -> None:
        """Wait until it reads."""
        await self.reads.wait()
        self.sent.append(message)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Keep the code."""
        del reason
        self.code = code


def make_hub(life_s: float = 1e6) -> SocketHub:
    """A hub without latency."""
    clock = LoopClock()

    return SocketHub(clock, SocketRules(life_s=life_s), DelayLine(clock, 0))


async def test_what_is_published_while_a_socket_closes_ends_nobody() -> None:
    """The sandbox goes on for the others when one of them is just leaving."""
    socket, hub = Leaving(), make_hub()

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(hub.converse, socket, Everything())
            await socket.closing.wait()
            hub.publish("news", lambda: {"n": 1})
            socket.closed.set()


async def test_who_does_not_read_is_closed() -> None:
    """Once so much waits that it would never be caught up with."""
    socket, hub = Standing(), make_hub()

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(hub.converse, socket, Everything())
            await anyio.wait_all_tasks_blocked()

            for number in range(BACKLOG + 2):
                hub.publish("news", lambda: {"n": number})  # noqa: B023  # called at once

    assert socket.code == 1008


async def test_what_nobody_hears_is_not_made_and_what_is_nothing_new_not_sent() -> None:
    """Nor is an event of a kind that the client does not want."""
    socket, hub = Standing(), make_hub(life_s=0.2)
    socket.reads.set()
    hub.publish("news", dict)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(hub.converse, socket, Everything())
        await anyio.wait_all_tasks_blocked()
        hub.publish("other", lambda: pytest.fail("it was made"))
        hub.publish("news", lambda: None)
        hub.publish_own("news", "secret", {"n": 1})
        hub.publish_own("news", "known", {"n": 2})

    assert (socket.sent, socket.code) == (['news:{"n":2}'], 1008)


class Polite(Everything):
    """A session that speaks first."""

    def greet(self) -> tuple[object]:
        """Say that it is there."""
        return ({"type": "connected"},)


async def test_a_session_that_greets_speaks_before_all_else() -> None:
    """Before anything that is published."""
    socket, hub = Standing(), make_hub(life_s=0.2)
    socket.reads.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(hub.converse, socket, Polite())
        await anyio.wait_all_tasks_blocked()
        hub.publish("news", lambda: {"n": 1})

    assert socket.sent == ['{"type":"connected"}', 'news:{"n":1}']
