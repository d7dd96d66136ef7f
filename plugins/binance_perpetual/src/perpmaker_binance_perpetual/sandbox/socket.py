"""One client's WebSocket: its route, what it subscribed to, and its control messages."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from enum import Enum, unique
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

import anyio
import attrs
import msgspec

from perpmaker.clock import Clock
from perpmaker.errors import ConnectivityError
from perpmaker.wire.server import Request
from perpmaker.wire.websocket import WebSocket

BACKLOG: Final = 10_000
COURTESY_S: Final = 0.5
MOST_STREAMS: Final = 1024
MOST_CONTROLS: Final = 10
POLICY_VIOLATION: Final = 1008
PATH: Final = re.compile(r"^(?:/(public|market|private))?/(ws|stream)(?:/(.+))?$")
PUBLIC_STREAM: Final = re.compile(r"@(depth|bookTicker|rpiDepth)")


@unique
class Route(Enum):
    """Which class of streams a connection can hear; the un-routed one is left with the public class."""

    PUBLIC = "public"
    MARKET = "market"
    PRIVATE = "private"


@attrs.frozen(kw_only=True)
class Target:
    """What a socket's path and query ask for."""

    route: Route
    wrapped: bool
    streams: tuple[str, ...]
    events: frozenset[str] | None


def parse_target(request: Request) -> Target | None:
    """The target of a socket; None when the venue has no such path."""
    match = PATH.match(unquote(request.path))

    if match is None:
        return None

    route, form, path_streams = match.groups()
    parameters = dict(parse_qsl(request.query))
    named = f"{path_streams or ''}/{parameters.get('streams', '')}".split("/")
    events = parameters.get("events")

    return Target(
        route=Route(route or "public"),
        wrapped=form == "stream",
        streams=tuple(name for name in (*named, parameters.get("listenKey", "")) if name),
        events=None if events is None else frozenset(events.split("/")),
    )


def stream_route(stream: str) -> Route:
    """The class of a stream by its name; what has no @ and no ! is a listenKey."""
    if "@" not in stream and not stream.startswith("!"):
        return Route.PRIVATE

    return Route.PUBLIC if PUBLIC_STREAM.search(stream) or stream == "!bookTicker" else Route.MARKET


class Connection:
    """A socket in conversation. What is delivered to it waits in a queue; who does not read is closed."""

    def __init__(self, socket: WebSocket, target: Target, clock: Clock, changed: Callable[[], None]) -> None:
        self.streams: dict[str, None] = dict.fromkeys(target.streams)
        self._socket = socket
        self._target = target
        self._clock = clock
        self._changed = changed
        self._scope = anyio.CancelScope()
        self._waiting: deque[str] = deque()
        self._news = anyio.Event()
        self._ending = False

    def hears(self, stream: str) -> bool:
        """Whether messages of the stream come through: subscribed, and of the class of this route."""
        return stream in self.streams and stream_route(stream) is self._target.route

    def wants_event(self, event: str) -> bool:
        """Whether the allow-list of user events, if there is one, has this event."""
        return self._target.events is None or event in self._target.events

    def deliver(self, stream: str, payload: str) -> None:
        """Queue a message of a stream in this socket's form."""
        self._queue(f'{{"stream":"{stream}","data":{payload}}}' if self._target.wrapped else payload)

    async def converse(self, life_s: float) -> None:
        """Send what is queued and answer control messages, until the socket ends or its life is over."""
        with self._scope, anyio.move_on_after(life_s):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._send)
                await self._listen()
                # What is queued goes out first: a frame cut in half would take the closing frame with it.
                self._end()
                tasks.cancel_scope.deadline = anyio.current_time() + COURTESY_S

        await self._socket.close(POLICY_VIOLATION, "disconnected")

    def _queue(self, message: str) -> None:
        if self._ending:
            return

        if len(self._waiting) >= BACKLOG:
            self._scope.cancel()
            return

        self._waiting.append(message)
        self._news.set()

    def _end(self) -> None:
        """Take nothing more for the queue."""
        self._ending = True
        self._news.set()

    async def _send(self) -> None:
        with suppress(ConnectivityError):
            while True:
                while self._waiting:
                    await self._socket.send(self._waiting.popleft())

                if self._ending:
                    return

                self._news = anyio.Event()
                await self._news.wait()

    async def _listen(self) -> None:
        """Obey control messages until the socket is closed or too many came within a second."""
        recent: deque[float] = deque(maxlen=MOST_CONTROLS)

        with suppress(ConnectivityError):
            while True:
                message = await self._socket.receive()
                now = self._clock.now()

                if len(recent) == MOST_CONTROLS and now - recent[0] < 1:
                    return

                recent.append(now)
                self._queue(msgspec.json.encode(self._answer(message)).decode())

    def _answer(self, message: str | bytes) -> dict[str, Any]:
        try:
            control = msgspec.json.decode(message)
        except (msgspec.DecodeError, RecursionError) as error:
            return {"code": 3, "msg": f"Invalid JSON: {error}"}

        if not isinstance(control, dict) or not isinstance(control.get("id"), int | str):
            return {"code": 2, "msg": "Invalid request: request ID must be an unsigned integer or a string"}

        names = control.get("params", [])

        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            return {"code": 2, "msg": "Invalid request: params must be a list of strings", "id": control["id"]}

        return self._obey(str(control.get("method")), names, control["id"])

    def _obey(self, method: str, names: list[str], control_id: int | str) -> dict[str, Any]:
        if method == "LIST_SUBSCRIPTIONS":
            return {"result": list(self.streams), "id": control_id}

        if method == "SUBSCRIBE":
            if len(self.streams | dict.fromkeys(names)) > MOST_STREAMS:
                return {"code": 2, "msg": f"Invalid request: at most {MOST_STREAMS} streams", "id": control_id}

            self.streams |= dict.fromkeys(names)
        elif method == "UNSUBSCRIBE":
            for name in names:
                self.streams.pop(name, None)
        else:
            return {"code": 2, "msg": f"Invalid request: unknown variant {method}", "id": control_id}

        self._changed()

        return {"result": None, "id": control_id}
