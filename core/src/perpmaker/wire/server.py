"""The server's side of the same seam: HTTP/1.1 and WebSocket over any byte stream, for sandboxes."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Protocol

import anyio
import attrs
import h11
from anyio.abc import ByteStream, Listener
from wsproto.connection import ConnectionType

from perpmaker.errors import ConnectivityError
from perpmaker.wire.fault import FaultPlan, Reply, When
from perpmaker.wire.handshake import accept_headers
from perpmaker.wire.pipe import LOST, reset, send_at_once
from perpmaker.wire.websocket import WebSocket, WireWebSocket

READ_BYTES = 65536
LINGER_S = 0.5


@attrs.frozen(kw_only=True)
class Request:
    """A request as it arrived: `path` and `query` are the raw bytes' text, not decoded; header names lower case."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = attrs.field(factory=dict)
    body: bytes = b""


@attrs.frozen(kw_only=True)
class Response:
    """What is sent back; `content-length` is added."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = attrs.field(factory=dict)


class App(Protocol):
    """What a server serves."""

    async def respond(self, request: Request) -> Response:
        """Answer a plain request; a client that goes away does not cancel this."""

    async def converse(self, request: Request, socket: WebSocket) -> None:
        """Speak on a WebSocket that was just accepted, until either side closes it."""


async def serve(
    listener: Listener[Any],
    app: App,
    *,
    faults: FaultPlan | None = None,
    ping_s: float | None = None,
    max_body_bytes: int = 1024 * 1024,
) -> None:
    """Serve HTTP/1.1 with keep-alive and WebSocket upgrades until cancelled.

    `faults` are committed on purpose. With `ping_s` every WebSocket is pinged that often and dropped when no pong came
    in between. An exception of the app ends the server: a venue that is wrong must not go on quietly.
    """
    plan = faults if faults is not None else FaultPlan()
    async with anyio.create_task_group() as tasks:

        async def handle(stream: ByteStream) -> None:
            send_at_once(stream)
            try:
                await _Conversation(stream, app, plan, ping_s, max_body_bytes).run()
            except (_HangUpError, anyio.EndOfStream, *LOST):
                return
            finally:
                await anyio.aclose_forcefully(stream)

        await listener.serve(handle, tasks)


class _HangUpError(Exception):
    """The connection is to be closed without another word."""


class _Conversation:
    """One client's connection."""

    def __init__(
        self, stream: ByteStream, app: App, faults: FaultPlan, ping_s: float | None, max_body_bytes: int
    ) -> None:
        self._stream = stream
        self._app = app
        self._faults = faults
        self._ping_s = ping_s
        self._max_body_bytes = max_body_bytes
        self._protocol = h11.Connection(our_role=h11.SERVER, max_incomplete_event_size=65536)

    async def run(self) -> None:
        """Answer requests one after the other, until either side wants no more."""
        while True:
            try:
                request = await self._request()
            except h11.RemoteProtocolError as error:
                await self._reject(error.error_status_hint)
                return

            if request is None:
                return

            if request.headers.get("upgrade", "").lower() == "websocket":
                await self._upgrade(request)
                return

            await self._respond(request)
            if self._protocol.our_state is not h11.DONE or self._protocol.their_state is not h11.DONE:
                return

            self._protocol.start_next_cycle()

    async def _request(self) -> Request | None:
        """The next whole request; None when the client is done, RemoteProtocolError when it makes no sense."""
        head: h11.Request | None = None
        body = bytearray()
        while True:
            event = self._protocol.next_event()
            if event is h11.NEED_DATA:
                await self._feed()
            elif isinstance(event, h11.Request):
                head = event
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > self._max_body_bytes:
                    raise h11.RemoteProtocolError("too much body", error_status_hint=413)
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                return _request(head, bytes(body))
            else:
                return None

    async def _feed(self) -> None:
        if self._protocol.they_are_waiting_for_100_continue:
            go_on = h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue")
            await self._stream.send(self._protocol.send(go_on) or b"")

        try:
            data = await self._stream.receive(READ_BYTES)
        except anyio.EndOfStream:
            data = b""

        self._protocol.receive_data(data)

    async def _respond(self, request: Request) -> None:
        """Ask the app and answer, unless a fault has it otherwise."""
        reply = await self._suffer("before", request)
        if reply is not None:
            await self._misanswer(request, Response(), reply)
            return

        # Nothing is read while the app works: a client that goes away cannot disturb it.
        response = await self._app.respond(request)
        reply = await self._suffer("after", request)
        if reply is not None:
            await self._misanswer(request, response, reply)
        else:
            await self._answer(request, response)

    async def _suffer(self, when: When, request: Request) -> Reply | None:
        """Commit the faults of this moment; the reply to give where one of them says so."""
        text = f"{request.query} {request.body.decode('latin-1')}"
        for fault in self._faults.take(when, request.method, request.path, text):
            if fault.act == "drop":
                await self._fall_silent()
            elif fault.act == "close":
                raise _HangUpError
            elif fault.act == "reset":
                await reset(self._stream)
                raise _HangUpError
            elif fault.act == "delay" and isinstance(fault.arg, int | float):
                await anyio.sleep(fault.arg)
            elif isinstance(fault.arg, Reply):
                return fault.arg
            elif isinstance(fault.arg, int):
                return Reply(status=fault.arg)
            elif isinstance(fault.arg, str):
                return Reply(body=fault.arg)

        return None

    async def _fall_silent(self) -> None:
        """Keep the connection and say nothing until the client gives up."""
        while True:
            await self._stream.receive(READ_BYTES)

    async def _misanswer(self, request: Request, response: Response, reply: Reply) -> None:
        """Answer with a reply in place of what the app said; one that HTTP cannot carry is a connection that ends."""
        try:
            await self._send_reply(request, response, reply)
        except (h11.LocalProtocolError, UnicodeError) as error:
            raise _HangUpError from error

    async def _send_reply(self, request: Request, response: Response, reply: Reply) -> None:
        response = Response(
            status=response.status if reply.status is None else reply.status,
            headers={**response.headers, **reply.headers},
            body=response.body if reply.body is None else reply.body.encode(),
        )
        if reply.cut_at is None and reply.trickle_s is None and not reply.endless:
            await self._answer(request, response)
            return

        length = [] if reply.endless else [("content-length", str(len(response.body)))]
        head = h11.Response(status_code=response.status, headers=[*response.headers.items(), *length], reason=b"")
        await self._stream.send(self._protocol.send(head) or b"")
        await self._trickle(response.body, reply)
        if reply.cut_at is not None:
            raise _HangUpError

        await self._stream.send(self._protocol.send(h11.EndOfMessage()) or b"")

    async def _trickle(self, body: bytes, reply: Reply) -> None:
        step = len(body) or 1 if reply.trickle_s is None else 1
        parts = [body[start : start + step] for start in range(0, len(body[: reply.cut_at]), step)]
        while parts:
            for part in parts:
                await self._stream.send(self._protocol.send(h11.Data(data=part[: reply.cut_at])) or b"")
                await anyio.sleep(reply.trickle_s or 0)

            if not reply.endless:
                return

    async def _answer(self, request: Request, response: Response) -> None:
        """Send head and body in one piece."""
        bodiless = response.status in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
        headers = [(name, value) for name, value in response.headers.items() if name.lower() != "content-length"]
        if not bodiless:
            headers.append(("content-length", str(len(response.body))))

        parts = [self._protocol.send(h11.Response(status_code=response.status, headers=headers, reason=b""))]
        if response.body and not bodiless and request.method != "HEAD":
            parts.append(self._protocol.send(h11.Data(data=response.body)))

        parts.append(self._protocol.send(h11.EndOfMessage()))
        await self._stream.send(b"".join(part for part in parts if part))

    async def _reject(self, status: int) -> None:
        """Refuse what cannot be understood, and let the client read why before the connection closes."""
        if self._protocol.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return

        refusal = h11.Response(
            status_code=status, headers=[("content-length", "0"), ("connection", "close")], reason=b""
        )
        await self._stream.send(
            (self._protocol.send(refusal) or b"") + (self._protocol.send(h11.EndOfMessage()) or b"")
        )
        await self._stream.send_eof()
        # Closing with unread bytes would reset the connection and lose the refusal.
        with anyio.move_on_after(LINGER_S):
            while True:
                await self._stream.receive(READ_BYTES)

    async def _upgrade(self, request: Request) -> None:
        key = request.headers.get("sec-websocket-key")
        version = request.headers.get("sec-websocket-version")
        if request.method != "GET" or key is None or not key.isascii() or version != "13":
            await self._answer(request, Response(status=HTTPStatus.BAD_REQUEST, body=b"not a WebSocket handshake"))
            return

        reply = await self._suffer("before", request)
        if reply is not None:
            await self._misanswer(request, Response(), reply)
            return

        switch = h11.InformationalResponse(status_code=101, headers=accept_headers(key), reason=b"Switching Protocols")
        await self._stream.send(self._protocol.send(switch) or b"")
        socket = WireWebSocket(self._stream, ConnectionType.SERVER, received=self._protocol.trailing_data[0])
        async with anyio.create_task_group() as tasks:
            if self._ping_s is not None:
                tasks.start_soon(_keep_alive, socket, self._ping_s)

            try:
                await self._app.converse(request, self._faults.wrap(socket, request.path))
            except* ConnectivityError:
                # Alone or from a task group of the app: the client went away.
                pass
            finally:
                self._faults.release(socket)
                tasks.cancel_scope.cancel()
                await socket.close()


def _request(head: h11.Request, body: bytes) -> Request:
    target = head.target.decode("latin-1")
    if not target.startswith("/"):
        raise h11.RemoteProtocolError("only paths are served", error_status_hint=400)

    path, _, query = target.partition("?")
    headers: dict[str, str] = {}
    for raw_name, raw_value in head.headers:
        name, value = raw_name.decode("ascii"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value

    return Request(method=head.method.decode("ascii"), path=path, query=query, headers=headers, body=body)


async def _keep_alive(socket: WireWebSocket, ping_s: float) -> None:
    """Ping every `ping_s` seconds, and drop a client that lets one of them pass unanswered."""
    try:
        while True:
            seen = socket.pongs
            await socket.ping()
            await anyio.sleep(ping_s)
            if socket.pongs == seen:
                await socket.reset()
                return
    except ConnectivityError:
        return
