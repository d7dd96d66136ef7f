"""One client's WebSocket: its route, what it subscribed to, and its control messages."""

from __future__ import annotations

import re
from enum import Enum, unique
from typing import Final
from urllib.parse import parse_qsl, unquote

import attrs
import msgspec

from perpmaker.venue.sandbox import Request

MOST_STREAMS: Final = 1024
MOST_CONTROLS: Final = 10
PATH: Final = re.compile(r"^(?:/(public|market|private))?/(ws|stream)(?:/(.+))?$")
PUBLIC_STREAM: Final = re.compile(r"@(depth|bookTicker|rpiDepth|trade$)")


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


class StreamSession:
    """What a client has subscribed to."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._streams: dict[str, None] = dict.fromkeys(target.streams)

    def hears(self, stream: str) -> bool:
        """Whether messages of the stream come through: subscribed, and of the class of this route."""
        return stream in self._streams and stream_route(stream) is self._target.route

    def frame(self, stream: str, kind: str, payload: str) -> str | None:
        """The message in this socket's form; None where the allow-list of user events does not have its kind."""
        if kind and self._target.events is not None and kind not in self._target.events:
            return None

        return f'{{"stream":"{stream}","data":{payload}}}' if self._target.wrapped else payload

    def obey(self, message: str | bytes) -> tuple[object]:
        """Obey a control message and answer it."""
        return (self._answer(message),)

    def _answer(self, message: str | bytes) -> dict[str, object]:
        try:
            control = msgspec.json.decode(message)
        except (msgspec.DecodeError, RecursionError) as error:
            return {"code": 3, "msg": f"Invalid JSON: {error}"}

        if not isinstance(control, dict) or not isinstance(control.get("id"), int | str):
            return {"code": 2, "msg": "Invalid request: request ID must be an unsigned integer or a string"}

        names = control.get("params", [])

        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            return {"code": 2, "msg": "Invalid request: params must be a list of strings", "id": control["id"]}

        fault = self._subscribe(str(control.get("method")), names)

        if fault is not None:
            return {"code": 2, "msg": f"Invalid request: {fault}", "id": control["id"]}

        is_list = control["method"] == "LIST_SUBSCRIPTIONS"

        return {"result": list(self._streams) if is_list else None, "id": control["id"]}

    def _subscribe(self, method: str, names: list[str]) -> str | None:
        """Change the subscriptions; what is wrong with the request, None when it was obeyed."""
        match method:
            case "SUBSCRIBE":
                if len(self._streams | dict.fromkeys(names)) > MOST_STREAMS:
                    return f"at most {MOST_STREAMS} streams"

                self._streams |= dict.fromkeys(names)
            case "UNSUBSCRIBE":
                for name in names:
                    self._streams.pop(name, None)
            case "LIST_SUBSCRIPTIONS":
                pass
            case _:
                return f"unknown variant {method}"

        return None
