"""The HTTP client: one origin, one attempt, one deadline, and errors that say whether a request may be out."""

from __future__ import annotations

import gzip
import logging
import traceback
import zlib
from typing import Any

import anyio
import httpx
import pytest
from anyio.abc import ByteStream

from perpmaker.errors import ConnectivityError
from perpmaker.testing.network import EchoApp
from perpmaker.wire.exchange import Exchanger
from perpmaker.wire.fault import Fault, Reply
from perpmaker.wire.http import NOT_SENT, ForeignOriginError, WireTransport, open_client
from perpmaker.wire.server import Response

pytestmark = pytest.mark.anyio


class Counting:
    """A `Connect` that counts."""

    def __init__(self, connect: Any) -> None:
        self.connect = connect
        self.streams: list[ByteStream] = []

    async def __call__(self, host: str, port: int, *, tls: bool) -> ByteStream:
        """Connect and count."""
        self.streams.append(await self.connect(host, port, tls=tls))
        return self.streams[-1]


async def test_request_and_answer(serve_app: Any) -> None:
    """Method, target, headers and body arrive, and the answer comes back."""
    app = EchoApp()
    async with serve_app(app) as served, open_client(served.connect, served.url) as client:
        answer = await client.post("/orders?x=1", content=b"body", headers={"X-Key": "k"})

    assert (answer.status_code, answer.text) == (200, "POST /orders?x=1 body")
    assert app.requests[0].headers["x-key"] == "k"
    assert app.requests[0].headers["host"] == f"127.0.0.1:{served.port}"


async def test_encoded_query_goes_out_unchanged(serve_app: Any) -> None:
    """What was signed is what is sent, byte for byte."""
    for query in ["a=%40&b=c%2Cd", "a=1&b=%7B%22c%22%3A1%7D", "e=%E2%82%AC&s=BTC-USDT", "z=a+b~c_d.e"]:
        app = EchoApp()
        async with serve_app(app) as served, open_client(served.connect, served.url) as client:
            await client.get(f"/signed?{query}")

        assert app.requests[0].query == query


async def test_connection_is_kept_warm(serve_app: Any) -> None:
    """Calls one after the other share a connection."""
    async with serve_app(EchoApp()) as served:
        connect = Counting(served.connect)
        async with open_client(connect, served.url) as client:
            for _ in range(5):
                await client.get("/")

    assert len(connect.streams) == 1


async def test_calls_at_once_have_a_connection_each(serve_app: Any) -> None:
    """Nobody waits for somebody else's answer."""
    app = EchoApp(work_s=0.01)
    async with serve_app(app) as served:
        connect = Counting(served.connect)
        async with open_client(connect, served.url) as client, anyio.create_task_group() as tasks:
            for number in range(4):
                tasks.start_soon(client.get, f"/{number}")

    assert len(connect.streams) == 4
    assert len(app.answered) == 4


async def test_F17_kept_connection_that_the_server_closed_is_not_used(serve_bytes: Any) -> None:
    """A connection that ended while idle is noticed before anything is written to it."""
    heard: list[bytes] = []

    async def answer_once(stream: ByteStream) -> None:
        async with stream:
            heard.append(await stream.receive())
            await stream.send(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    async with serve_bytes(answer_once) as (connect, port), open_client(connect, f"http://127.0.0.1:{port}") as client:
        for _ in range(3):
            assert (await client.post("/order")).status_code == 200
            await anyio.sleep(0.02)

    assert len(heard) == 3


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\ncontent-le",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000,
        b"\0" * 64,
        b"",
    ],
)
async def test_F18_answer_that_is_not_http_may_have_been_sent(serve_bytes: Any, answer: bytes) -> None:
    """Nonsense, half an answer and none at all leave open what became of the request."""

    async def answer_wrong(stream: ByteStream) -> None:
        async with stream:
            await stream.receive()
            await stream.send(answer)

    async with (
        serve_bytes(answer_wrong) as (connect, port),
        open_client(connect, f"http://127.0.0.1:{port}", deadline_s=1) as client,
    ):
        with pytest.raises(httpx.TransportError) as raised:
            await client.post("/order")

    assert not isinstance(raised.value, NOT_SENT)


async def test_answer_nobody_asked_for_is_not_taken_for_the_next(serve_bytes: Any) -> None:
    """A server that sends two answers at once is not trusted with a second request on that connection."""

    async def answer_twice(stream: ByteStream) -> None:
        async with stream:
            await stream.receive()
            for text in (b"right", b"wrong"):
                await stream.send(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n" + text)

            await anyio.sleep(1)

    async with serve_bytes(answer_twice) as (connect, port), open_client(connect, f"http://127.0.0.1:{port}") as client:
        for _ in range(2):
            assert (await client.get("/")).text == "right"
            await anyio.sleep(0.02)


async def test_F17_request_on_a_dying_connection_is_never_sent_again(serve_app: Any) -> None:
    """Once bytes are out and the connection dies, the caller hears "may have been sent", and there is one attempt."""
    for act in ["close", "reset"]:
        app = EchoApp()
        async with serve_app(app) as served, open_client(served.connect, served.url) as client:
            served.faults.add(Fault(act=act, when="after"))
            with pytest.raises(httpx.TransportError) as raised:
                await client.post("/order")

        assert not isinstance(raised.value, NOT_SENT)
        assert len(app.requests) == 1


async def test_refused_connection_was_certainly_not_sent() -> None:
    """A server that is not there means that nothing went out, in words with host and port."""

    async def refuse(host: str, port: int, *, tls: bool) -> ByteStream:
        raise ConnectivityError(f"{host}:{port} refused, TLS {tls}")

    async with open_client(refuse, "https://venue.example") as client:
        with pytest.raises(httpx.ConnectError, match=r"venue\.example:443 refused, TLS True") as raised:
            await client.post("/order")

    assert isinstance(raised.value, NOT_SENT)


async def test_connecting_too_long_was_certainly_not_sent() -> None:
    """A deadline that passes before the first byte is a ConnectTimeout."""

    async def hang(host: str, port: int, *, tls: bool) -> ByteStream:
        await anyio.sleep(3600)
        raise AssertionError(host, port, tls)

    async with open_client(hang, "http://venue.example", deadline_s=0.05) as client:
        with pytest.raises(httpx.ConnectTimeout):
            await client.post("/order")


async def test_silence_after_sending_may_have_been_sent(serve_app: Any) -> None:
    """A deadline that passes after the first byte is a ReadTimeout."""
    app = EchoApp()
    async with serve_app(app) as served, open_client(served.connect, served.url, deadline_s=0.1) as client:
        served.faults.add(Fault(act="drop", when="after"))
        with pytest.raises(httpx.ReadTimeout):
            await client.post("/order")

        assert (await client.get("/next")).status_code == 200

    assert [request.path for request in app.answered] == ["/order", "/next"]


async def test_timeout_of_the_request_is_the_deadline_of_the_whole_call(serve_app: Any) -> None:
    """What a caller passes as timeout wins over the client's."""
    async with serve_app(EchoApp(work_s=5)) as served, open_client(served.connect, served.url) as client:
        with pytest.raises(httpx.ReadTimeout, match=r"within 0\.05 s"):
            await client.get("/", timeout=0.05)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/", "https://127.0.0.1/", "http://localhost/", "http://evil.example/", "ftp://x/"]
)
async def test_S09_other_origin_raises_before_a_socket_opens(url: str) -> None:
    """A signed client speaks to its origin and to nobody else."""

    async def never(host: str, port: int, *, tls: bool) -> ByteStream:
        raise AssertionError(host, port, tls)

    async with open_client(never, "http://127.0.0.1:8080") as client:
        with pytest.raises(ForeignOriginError, match=r"speaks only to http://127\.0\.0\.1:8080, not to") as raised:
            await client.get(url)

    assert isinstance(raised.value, NOT_SENT)


async def test_F16_redirect_is_an_answer_and_nothing_more(serve_app: Any) -> None:
    """A redirect is handed to the caller, never followed."""
    app = EchoApp(response=Response(status=307, headers={"location": "http://evil.example/"}))
    async with serve_app(app) as served, open_client(served.connect, served.url) as client:
        answer = await client.post("/order", headers={"X-MBX-APIKEY": "k"})

    assert answer.status_code == 307
    assert len(app.requests) == 1


async def test_S10_environment_is_not_read(serve_app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxy variables change nothing."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    async with serve_app(EchoApp()) as served, open_client(served.connect, served.url) as client:
        assert (await client.get("/")).status_code == 200


async def test_S07_no_url_reaches_the_log(serve_app: Any, caplog: pytest.LogCaptureFixture) -> None:
    """The line that httpx writes about each request, with its whole URL, is not written."""
    async with serve_app(EchoApp()) as served, open_client(served.connect, served.url) as client:
        with caplog.at_level(logging.INFO):
            await client.get("/?signature=canary")

    assert "canary" not in caplog.text


async def test_F15_body_over_the_cap_is_refused(serve_app: Any) -> None:
    """An answer that is larger than allowed ends the call, whether it says its length or not."""
    async with serve_app(EchoApp(response=Response(body=b"x" * 5000))) as served:
        transport = WireTransport(Exchanger(served.connect, max_body_bytes=4999))
        async with httpx.AsyncClient(transport=transport, base_url=served.url, trust_env=False) as client:
            with pytest.raises(httpx.RemoteProtocolError, match="larger than the 4999 bytes"):
                await client.get("/")

            served.faults.add(Fault(act="body", when="after", arg=Reply(body="y" * 100, endless=True)))
            with pytest.raises(httpx.RemoteProtocolError, match="larger"):
                await client.get("/")


async def test_compressed_answer_is_inflated_within_the_cap(serve_app: Any) -> None:
    """Gzip works, and a few bytes that stand for many are refused."""
    app = EchoApp(response=Response(body=gzip.compress(b"small"), headers={"content-encoding": "gzip"}))
    async with serve_app(app) as served, open_client(served.connect, served.url) as client:
        assert (await client.get("/")).text == "small"

        app.response = Response(body=gzip.compress(b"\0" * 17 * 1024 * 1024), headers={"content-encoding": "gzip"})
        with pytest.raises(httpx.RemoteProtocolError, match="larger"):
            await client.get("/")

        app.response = Response(body=b"not gzip", headers={"content-encoding": "gzip"})
        with pytest.raises(httpx.RemoteProtocolError, match="not gzip"):
            await client.get("/")

        for encoding in ("deflate", "br", "gzip, gzip"):
            app.response = Response(body=zlib.compress(b"\0" * 1024), headers={"content-encoding": encoding})
            with pytest.raises(httpx.RemoteProtocolError, match="not asked for"):
                await client.get("/")


async def test_cancelled_call_does_not_spoil_the_next(serve_app: Any) -> None:
    """A connection whose answer was not waited for is not used again."""
    app = EchoApp(work_s=0.05)
    async with serve_app(app) as served, open_client(served.connect, served.url) as client:
        with anyio.move_on_after(0.01):
            await client.get("/first")

        assert (await client.get("/second")).text == "GET /second "


async def test_header_with_a_line_break_is_refused_before_sending(serve_app: Any) -> None:
    """What HTTP does not allow never reaches the wire."""
    app = EchoApp()
    async with serve_app(app) as served, open_client(served.connect, served.url) as client:
        with pytest.raises(httpx.LocalProtocolError):
            await client.get("/", headers={"x": "a\r\nb: c"})

    assert not app.requests


async def test_S7_key_that_no_header_may_hold_is_not_shown(serve_app: Any) -> None:
    """A key with a line break is refused before anything is sent, and neither the error nor its traceback has it."""
    for key in [" c4n4ry", "c4n4ry\n", "c4n\x004ry"]:
        async with serve_app(EchoApp()) as served, open_client(served.connect, served.url) as client:
            with pytest.raises(httpx.LocalProtocolError, match="not a request that HTTP allows") as refused:
                await client.get("/account", headers={"X-Key": key})

        assert "4ry" not in "".join(traceback.format_exception(refused.value))
