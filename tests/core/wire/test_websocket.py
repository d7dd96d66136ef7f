"""WebSockets: whole messages, closing with reasons, pings, limits and cancellation, over both networks."""

from __future__ import annotations

import math
from typing import Any

import anyio
import pytest
from anyio.abc import ByteStream
from wsproto.connection import ConnectionType
from wsproto.frame_protocol import FrameProtocol, Opcode

from perpmaker.errors import ConnectivityError, DeadlineError, RateLimitedError
from perpmaker.testing.network import EchoApp
from perpmaker.wire.fault import Fault, Reply
from perpmaker.wire.handshake import accept_headers
from perpmaker.wire.server import Request
from perpmaker.wire.websocket import WebSocket, WebSocketClosedError, WireWebSocket, open_websocket

pytestmark = pytest.mark.anyio


class Script(EchoApp):
    """An app whose side of the conversation is a function."""

    def __init__(self, converse: Any) -> None:
        super().__init__()
        self._converse = converse

    async def converse(self, request: Request, socket: WebSocket) -> None:
        """Do as the test says."""
        self.requests.append(request)
        await self._converse(socket)


async def _accept(stream: ByteStream) -> None:
    """A server's half of the handshake, by hand."""
    head = b""
    while b"\r\n\r\n" not in head:
        head += await stream.receive()

    key = head.split(b"Sec-WebSocket-Key: ")[1].split(b"\r\n")[0].decode()
    lines = "".join(f"{name}: {value}\r\n" for name, value in accept_headers(key))
    await stream.send(f"HTTP/1.1 101 Switching Protocols\r\n{lines}\r\n".encode())


async def test_message_comes_back_whole(serve_app: Any) -> None:
    """Text stays text and bytes stay bytes, of any length."""
    for message in ["", "text", "€" * 1000, b"", b"\0\xff", "x" * 200_000]:
        async with (
            serve_app(EchoApp()) as served,
            open_websocket(served.connect, served.websocket_url + "/ws") as socket,
        ):
            await socket.send(message)

            assert await socket.receive() == message


async def test_handshake_carries_target_and_headers(serve_app: Any) -> None:
    """Path, query and headers reach the server as they were given."""
    app = EchoApp()
    async with (
        serve_app(app) as served,
        open_websocket(served.connect, served.websocket_url + "/a/ws?b=%40", headers=[("X-Key", "k")]) as socket,
    ):
        await socket.send("hello")
        await socket.receive()

    request = app.requests[0]

    assert (request.path, request.query, request.headers["x-key"]) == ("/a/ws", "b=%40", "k")
    assert request.headers["host"] == f"127.0.0.1:{served.port}"


async def test_burst_is_handed_out_without_waiting(serve_app: Any) -> None:
    """Messages that arrived together are there at once, in order."""

    async def burst(socket: WebSocket) -> None:
        for number in range(500):
            await socket.send(str(number))

        await socket.receive()

    async with serve_app(Script(burst)) as served, open_websocket(served.connect, served.websocket_url) as socket:
        assert [await socket.receive() for _ in range(500)] == [str(number) for number in range(500)]


async def test_cancelled_receive_loses_no_message(serve_app: Any) -> None:
    """Giving up on a message and asking again later gives the same message."""

    async def late(socket: WebSocket) -> None:
        for number in range(20):
            await anyio.sleep(0.003)
            await socket.send(str(number))

        await socket.receive()

    async with serve_app(Script(late)) as served, open_websocket(served.connect, served.websocket_url) as socket:
        heard: list[str | bytes] = []
        while len(heard) < 20:
            with anyio.move_on_after(0.001):
                heard.append(await socket.receive())

    assert heard == [str(number) for number in range(20)]


@pytest.mark.parametrize("code", [1000, 1001, 1008, 1011, 1012, 4001])
async def test_F23_close_code_and_reason_are_in_the_error(serve_app: Any, code: int) -> None:
    """What the server said on leaving is told, after the messages it sent before."""

    async def leave(socket: WebSocket) -> None:
        await socket.send("last")
        await socket.close(code, "maintenance")

    async with serve_app(Script(leave)) as served, open_websocket(served.connect, served.websocket_url) as socket:
        assert await socket.receive() == "last"

        for _ in range(2):
            with pytest.raises(WebSocketClosedError, match=f"{code} maintenance") as raised:
                await socket.receive()

            assert (raised.value.code, raised.value.reason) == (code, "maintenance")

        with pytest.raises(ConnectivityError):
            await socket.send("too late")


async def test_F23_reset_is_code_1006(serve_app: Any) -> None:
    """A connection that breaks without a closing frame is closed with 1006."""

    async def converse(socket: WebSocket) -> None:
        await socket.send("first")
        await socket.receive()

    async with serve_app(Script(converse)) as served, open_websocket(served.connect, served.websocket_url) as socket:
        assert await socket.receive() == "first"

        await served.faults.inject(Fault(act="reset", when="now"))
        with pytest.raises(WebSocketClosedError) as raised:
            await socket.receive()

    assert raised.value.code == 1006


async def test_ping_is_answered_with_its_payload(serve_bytes: Any) -> None:
    """A pong carries what the ping did, and comes while something waits for a message."""
    pongs: list[Any] = []

    async def ping(stream: ByteStream) -> None:
        async with stream:
            await _accept(stream)
            frames = FrameProtocol(client=False, extensions=[])
            await stream.send(bytes(frames.ping(b"12345") + frames.send_data("after", fin=True)))
            frames.receive_bytes(await stream.receive())
            pongs.extend(frame.payload for frame in frames.received_frames() if frame.opcode is Opcode.PONG)

    async with serve_bytes(ping) as (connect, port), open_websocket(connect, f"ws://127.0.0.1:{port}/") as socket:
        assert await socket.receive() == "after"
        with pytest.raises(WebSocketClosedError):
            await socket.receive()

    assert pongs == [b"12345"]


async def test_message_in_fragments_arrives_whole(serve_bytes: Any) -> None:
    """Fragments, with a ping in between, become one message."""

    async def fragments(stream: ByteStream) -> None:
        async with stream:
            await _accept(stream)
            frames = FrameProtocol(client=False, extensions=[])
            parts = frames.send_data("a€", fin=False) + frames.ping(b"") + frames.send_data("b", fin=True)
            for byte in parts:
                await stream.send(bytes([byte]))

            await stream.receive()

    async with serve_bytes(fragments) as (connect, port), open_websocket(connect, f"ws://127.0.0.1:{port}/") as socket:
        assert await socket.receive() == "a€b"


@pytest.mark.parametrize("in_one_frame", [True, False])
async def test_F21_message_over_the_cap_ends_the_connection(serve_bytes: Any, in_one_frame: bool) -> None:
    """A message that is too long is not collected: the connection ends with 1009, however it is cut."""

    async def flood(stream: ByteStream) -> None:
        async with stream:
            await _accept(stream)
            frames = FrameProtocol(client=False, extensions=[])
            if in_one_frame:
                await stream.send(bytes(frames.send_data("x" * 50_000, fin=True)))
            else:
                for _ in range(50):
                    await stream.send(bytes(frames.send_data("x" * 1000, fin=False)))

            await stream.receive()

    async with (
        serve_bytes(flood) as (connect, port),
        open_websocket(connect, f"ws://127.0.0.1:{port}/", max_bytes=20_000) as socket,
    ):
        with pytest.raises(WebSocketClosedError, match="larger than the 20000 bytes") as raised:
            await socket.receive()

    assert raised.value.code == 1009


@pytest.mark.parametrize("frame", [b"\x83\x00", b"\x81\x81\0\0\0\0x", b"\xf1\x00", b"\x81\x02\xff\xff"])
async def test_broken_frame_ends_the_connection(serve_bytes: Any, frame: bytes) -> None:
    """An unknown opcode, a masked frame, reserved bits and bad UTF-8 are not guessed at."""

    async def garble(stream: ByteStream) -> None:
        async with stream:
            await _accept(stream)
            await stream.send(frame)
            await stream.receive()

    async with serve_bytes(garble) as (connect, port), open_websocket(connect, f"ws://127.0.0.1:{port}/") as socket:
        with pytest.raises(WebSocketClosedError) as raised:
            await socket.receive()

    assert raised.value.code in (1002, 1007)


async def test_refused_handshake_says_status_and_words(serve_app: Any) -> None:
    """A server's no is told apart from a server in trouble; a redirect is not followed; the path stays secret."""
    for reply, error in [
        (Reply(status=404, body="no such stream"), ConnectivityError),
        (Reply(status=429, headers={"Retry-After": "7"}), RateLimitedError),
        (Reply(status=418, headers={"Retry-After": "7"}), RateLimitedError),
        (Reply(status=503, body="<html>"), ConnectivityError),
        (Reply(status=302, headers={"Location": "ws://evil.example/"}), ConnectivityError),
    ]:
        async with serve_app(EchoApp()) as served:
            served.faults.add(Fault(act="status", arg=reply))
            with pytest.raises(error, match=f"status {reply.status}: {reply.body or 'no reason given'}") as raised:
                async with open_websocket(served.connect, served.websocket_url + "/ws/canary"):
                    pass

        assert "canary" not in str(raised.value)
        assert getattr(raised.value, "retry_after_s", 7) == 7


async def test_F25_hanging_handshake_ends_at_the_deadline(serve_app: Any) -> None:
    """A server that takes the connection and says nothing is given up on."""
    async with serve_app(EchoApp()) as served:
        served.faults.add(Fault(act="drop"))
        with pytest.raises(DeadlineError, match=r"did not open a WebSocket within 0\.05 s"):
            async with open_websocket(served.connect, served.websocket_url, deadline_s=0.05):
                pass


async def test_answer_to_somebody_elses_handshake_is_refused(serve_bytes: Any) -> None:
    """The accept key must be the answer to our own nonce."""

    async def confuse(stream: ByteStream) -> None:
        async with stream:
            await stream.receive()
            lines = "".join(f"{name}: {value}\r\n" for name, value in accept_headers("AAAA"))
            await stream.send(f"HTTP/1.1 101 Switching Protocols\r\n{lines}\r\n".encode())

    async with serve_bytes(confuse) as (connect, port):
        with pytest.raises(ConnectivityError, match="somebody else"):
            async with open_websocket(connect, f"ws://127.0.0.1:{port}/"):
                pass


@pytest.mark.parametrize("url", ["http://h/", "ws://", "wss://user:pw@h/", "h:80"])
async def test_url_that_is_no_websocket_url_is_refused(url: str) -> None:
    """A wrong URL is the caller's mistake, said before anything is opened."""

    async def never(host: str, port: int, *, tls: bool) -> ByteStream:
        raise AssertionError(host, port, tls)

    with pytest.raises(ValueError, match="looks like wss://"):
        async with open_websocket(never, url):
            pass


async def test_closing_twice_and_by_both_sides_is_harmless(serve_app: Any) -> None:
    """Close may be called at any time, any number of times."""
    async with serve_app(EchoApp()) as served, open_websocket(served.connect, served.websocket_url) as socket:
        await socket.close()
        await socket.close()
        with pytest.raises(WebSocketClosedError, match="1000"):
            await socket.receive()


async def test_many_senders_do_not_mix_their_frames(serve_app: Any) -> None:
    """Tasks that send at once each get their message through whole."""
    messages = {str(number) * 5000 for number in range(10)}
    async with serve_app(EchoApp()) as served, open_websocket(served.connect, served.websocket_url) as socket:
        async with anyio.create_task_group() as tasks:
            for message in messages:
                tasks.start_soon(socket.send, message)

        assert {await socket.receive() for _ in messages} == messages


class TestInMemory:
    """What needs a network in memory or virtual time."""

    @pytest.fixture
    def wire_kind(self) -> str:
        """Only memory."""
        return "memory-asyncio"

    async def test_send_cut_off_by_a_cancel_breaks_the_connection(self, serve_bytes: Any) -> None:
        """Half a frame is never followed by another one: the socket says that it is closed."""

        async def stall(stream: ByteStream) -> None:
            await _accept(stream)
            await anyio.sleep(math.inf)

        async with serve_bytes(stall) as (connect, port), open_websocket(connect, f"ws://127.0.0.1:{port}/") as socket:
            with anyio.move_on_after(1):
                await socket.send("x" * 10_000_000)

            with pytest.raises(WebSocketClosedError, match="cut off"):
                await socket.send("next")

    async def test_close_does_not_wait_long_for_a_peer_that_is_gone(self, serve_bytes: Any) -> None:
        """A peer that never answers the closing frame costs half a second at most."""

        async def stall(stream: ByteStream) -> None:
            await _accept(stream)
            await anyio.sleep(math.inf)

        async with serve_bytes(stall) as (connect, port):
            async with open_websocket(connect, f"ws://127.0.0.1:{port}/"):
                started = anyio.current_time()

            assert anyio.current_time() - started <= 0.5

    async def test_ping_of_this_side_shows_in_pongs(self, serve_app: Any) -> None:
        """A ping is answered by the peer and counted."""
        async with serve_app(EchoApp()) as served, open_websocket(served.connect, served.websocket_url) as socket:
            await socket.ping(b"x")
            with anyio.move_on_after(1):
                await socket.receive()

            assert socket.pongs == 1

    async def test_bytes_that_came_with_the_handshake_are_not_lost(self) -> None:
        """A message in the same piece as the handshake's end is a message."""
        frame = FrameProtocol(client=False, extensions=[]).send_data("early", fin=True)
        socket = WireWebSocket(None, ConnectionType.CLIENT, received=bytes(frame))  # type: ignore[arg-type]  # not used

        assert await socket.receive() == "early"
