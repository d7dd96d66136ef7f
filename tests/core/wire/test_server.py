"""The server: keep-alive, what is not HTTP, clients that go away, and WebSockets that fall asleep."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from anyio.abc import ByteStream

from perpmaker.errors import ConnectivityError
from perpmaker.testing.network import EchoApp, Served
from perpmaker.wire.server import Request, Response
from perpmaker.wire.websocket import WebSocket, open_websocket

pytestmark = pytest.mark.anyio


async def _raw(served: Served, data: bytes) -> bytes:
    """Everything that the server says to these bytes, until it closes."""
    stream = await served.connect(served.host, served.port, tls=False)
    async with stream:
        with anyio.fail_after(300):
            await stream.send(data)
            return b"".join([part async for part in stream])


async def test_requests_in_one_piece_are_answered_in_order(serve_app: Any) -> None:
    """Pipelined requests each get their answer, and the last one's wish to close is honoured."""
    async with serve_app(EchoApp()) as served:
        said = await _raw(
            served,
            b"GET /1 HTTP/1.1\r\nhost: h\r\n\r\nPOST /2 HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\nok"
            b"GET /3 HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n",
        )

    assert [said.find(text) > 0 for text in (b"GET /1 ", b"POST /2 ok", b"GET /3 ")] == [True] * 3
    assert said.find(b"/1 ") < said.find(b"/2 ") < said.find(b"/3 ")
    assert said.count(b"HTTP/1.1 200 ") == 3


async def test_what_cannot_be_served_is_refused_with_its_status(serve_app: Any) -> None:
    """Nonsense, other targets than paths and too much of anything never reach the app."""
    for data, status in [
        (b"nonsense\r\n\r\n", 400),
        (b"GET http://h/ HTTP/1.1\r\nhost: h\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: h\r\nx: " + b"y" * 300_000 + b"\r\n\r\n", 431),
        (b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 2000000\r\n\r\n" + b"z" * 2_000_000, 413),
        (b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: x\r\n\r\n", 400),
        (b"POST /ws HTTP/1.1\r\nhost: h\r\nupgrade: websocket\r\nconnection: close, upgrade\r\n\r\n", 400),
        (
            (
                b"GET /ws HTTP/1.1\r\nhost: h\r\nupgrade: websocket\r\nconnection: close, upgrade\r\n"
                b"sec-websocket-version: 13\r\nsec-websocket-key: \xe9\r\n\r\n"
            ),
            400,
        ),
    ]:
        app = EchoApp()
        async with serve_app(app) as served:
            said = await _raw(served, data)

        assert said.startswith(f"HTTP/1.1 {status} ".encode())
        assert not app.requests


async def test_expectation_is_met_before_the_body_is_sent(serve_app: Any) -> None:
    """A client that waits for 100 Continue gets it."""
    async with serve_app(EchoApp()) as served:
        stream = await served.connect(served.host, served.port, tls=False)
        async with stream:
            await stream.send(b"POST / HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n")

            assert (await stream.receive()).startswith(b"HTTP/1.1 100 ")

            await stream.send(b"body")

            assert (await stream.receive()).endswith(b"POST / body")


async def test_head_and_empty_statuses_have_no_body(serve_app: Any) -> None:
    """HEAD tells the length of what GET would say; 204 has none."""
    app = EchoApp()
    async with serve_app(app) as served:
        said = await _raw(served, b"HEAD / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n")

        assert b"content-length: 7\r\n" in said.lower()
        assert said.endswith(b"\r\n\r\n")

        app.response = Response(status=204, body=b"ignored")
        said = await _raw(served, b"GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n")

        assert b"content-length" not in said.lower()
        assert said.endswith(b"\r\n\r\n")


async def test_repeated_headers_are_joined_and_names_are_lower_case(serve_app: Any) -> None:
    """An app sees one value a name."""
    app = EchoApp()
    async with serve_app(app) as served:
        await _raw(served, b"GET /?a=%2F HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nx-a: 2\r\nConnection: close\r\n\r\n")

    assert app.requests[0].headers["x-a"] == "1, 2"
    assert (app.requests[0].path, app.requests[0].query) == ("/", "a=%2F")


async def test_client_that_goes_away_does_not_stop_the_app(serve_app: Any) -> None:
    """An order that was received is worked on to the end, whether or not somebody waits for the answer."""
    app = EchoApp(work_s=0.05)
    async with serve_app(app) as served:
        stream = await served.connect(served.host, served.port, tls=False)
        await stream.send(b"POST /order HTTP/1.1\r\nhost: h\r\ncontent-length: 0\r\n\r\n")
        await anyio.sleep(0.01)
        await stream.aclose()
        await anyio.sleep(0.1)

        assert [request.path for request in app.answered] == ["/order"]


async def test_exception_of_the_app_ends_the_server(serve_app: Any) -> None:
    """A venue that is wrong does not go on quietly."""

    class Broken(EchoApp):
        async def respond(self, request: Request) -> Response:
            raise ZeroDivisionError(request.path)

    with pytest.raises(ExceptionGroup) as raised:
        async with serve_app(Broken()) as served:
            await _raw(served, b"GET /bug HTTP/1.1\r\nhost: h\r\n\r\n")

    assert raised.group_contains(ZeroDivisionError, match="/bug")


async def test_client_that_leaves_a_conversation_ends_only_that_one(serve_app: Any) -> None:
    """An app that speaks from a task group of its own is not hurt by a client that leaves."""

    class Pushing(EchoApp):
        async def converse(self, request: Request, socket: WebSocket) -> None:
            async def push() -> None:
                while True:
                    await socket.send(request.path)
                    await anyio.sleep(0.001)

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(push)
                while True:
                    await socket.receive()

    async with serve_app(Pushing()) as served:
        for number in range(3):
            async with open_websocket(served.connect, f"{served.websocket_url}/{number}") as socket:
                assert await socket.receive() == f"/{number}"


class TestKeepAlive:
    """Pings by the server, in virtual time."""

    @pytest.fixture
    def wire_kind(self) -> str:
        """Only memory."""
        return "memory-asyncio"

    async def test_client_that_answers_pings_stays(self, serve_app: Any) -> None:
        """Whoever waits for messages answers pings by itself, for hours."""
        async with (
            serve_app(EchoApp(), ping_s=180.0) as served,
            open_websocket(served.connect, served.websocket_url) as socket,
        ):
            with anyio.move_on_after(7200):
                await socket.receive()

            await socket.send("still here")

            assert await socket.receive() == "still here"

    async def test_client_that_answers_no_ping_is_dropped(self, serve_app: Any) -> None:
        """A client that lets a ping pass is cut off by the next one."""
        async with (
            serve_app(EchoApp(), ping_s=180.0) as served,
            open_websocket(served.connect, served.websocket_url) as socket,
        ):
            await anyio.sleep(179)

            assert socket.closed is None

            await anyio.sleep(2)
            with pytest.raises(ConnectivityError):
                await socket.receive()

    async def test_stopping_the_server_does_not_hang_on_a_stalled_client(self, serve_app: Any) -> None:
        """A client that neither reads nor leaves cannot keep a server from stopping."""

        class Flood(EchoApp):
            async def converse(self, request: Request, socket: WebSocket) -> None:
                while True:
                    await socket.send(request.path * 10_000)

        async with serve_app(Flood()) as served:
            stream: ByteStream = await served.connect(served.host, served.port, tls=False)
            await stream.send(
                b"GET /x HTTP/1.1\r\nhost: h\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
                b"sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
            )
            await anyio.sleep(1)
            started = anyio.current_time()

        assert anyio.current_time() - started < 2
