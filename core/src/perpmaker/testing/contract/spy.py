"""Watches what a connector asks a sandbox, so that the suite knows a venue's paths without knowing the venue."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import attrs

from perpmaker.clock import Clock
from perpmaker.sandbox.dialect import Dialect, TestKeys, VenueApp
from perpmaker.sandbox.latency import AT_ONCE, Latency
from perpmaker.sandbox.market_file import KnowsMarkets
from perpmaker.simulation.exchange import Exchange
from perpmaker.simulation.rules import MARKETS, MarketRules
from perpmaker.wire.fault import MESSAGE, Act, Fault, Reply, When
from perpmaker.wire.server import Request, Response
from perpmaker.wire.websocket import WebSocket

UNKNOWN_FIELD = "addedByTheVenueYesterday"
"""A field that no version of any connector knows."""


@attrs.frozen
class Route:
    """Where requests of one kind go; `contains` tells them from others of the same path, where that is needed.

    The method `WS` stands for messages on a socket of that path.
    """

    method: str
    path: str
    contains: str | None = None

    @property
    def is_socket(self) -> bool:
        """Whether it is asked by a message on a socket."""
        return self.method == MESSAGE

    def fault(
        self, act: Act, *, when: When = "before", arg: float | str | Reply | None = None, times: int | None = 1
    ) -> Fault:
        """Make a fault of what is asked here; on a socket it is one of the next message that comes back."""
        contains = None if self.is_socket else self.contains
        when = "before" if self.is_socket else when

        return Fault(act=act, when=when, arg=arg, method=self.method, path=self.path, contains=contains, times=times)


@attrs.frozen(kw_only=True)
class Asked:
    """A request as it reached the venue, with its answer; a message on a socket has none."""

    method: str
    path: str
    text: str
    answer: bytes = attrs.field(default=b"", repr=False)

    @property
    def route(self) -> Route:
        """Where it went."""
        return Route(self.method, self.path)

    def is_of(self, route: Route) -> bool:
        """Whether it went this way."""
        return (self.method, self.path) == (route.method, route.path) and (route.contains or "") in self.text


@attrs.define(kw_only=True)
class Spy:
    """What was asked, which sockets are open, and whether the venue adds unknown fields to all that it says."""

    asked: list[Asked] = attrs.field(factory=list)
    sockets: list[str] = attrs.field(factory=list)
    adds_fields: bool = False

    def count(self, route: Route) -> int:
        """How many requests went this way."""
        return sum(asked.is_of(route) for asked in self.asked)

    def reword(self, text: str) -> str:
        """Return a message as the venue sends it now."""
        if not self.adds_fields:
            return text

        try:
            return json.dumps(_with_fields(json.loads(text)), ensure_ascii=False)
        except ValueError:
            return text


def _with_fields(value: Any) -> Any:  # noqa: ANN401  # of any JSON
    if isinstance(value, list):
        # An object between other values is no row, but a table whose names mean something.
        is_rows = all(isinstance(each, dict | list) for each in value)

        return [_with_fields(each) if is_rows else each for each in value]

    if isinstance(value, dict):
        return {**{name: _with_fields(each) for name, each in value.items()}, UNKNOWN_FIELD: {"of": ["some", "kind"]}}

    return value


@attrs.frozen
class SpyDialect:
    """A dialect whose app is watched."""

    inner: Dialect
    spy: Spy

    @property
    def keys(self) -> TestKeys:
        """The keys that it accepts."""
        return self.inner.keys

    @property
    def markets(self) -> Mapping[str, MarketRules]:
        """The markets that it knows."""
        return self.inner.markets if isinstance(self.inner, KnowsMarkets) else MARKETS

    def symbol(self, market: str) -> str:
        """The venue's name of a market."""
        return self.inner.symbol(market)

    def app(self, exchange: Exchange, clock: Clock, options: dict[str, Any], latency: Latency = AT_ONCE) -> VenueApp:
        """The app, watched."""
        return SpyApp(self.inner.app(exchange, clock, options, latency), self.spy)


@attrs.frozen
class SpyApp:
    """An app that is watched."""

    inner: VenueApp
    spy: Spy

    async def run(self) -> None:
        """Do what the app does by itself."""
        await self.inner.run()

    async def respond(self, request: Request) -> Response:
        """Answer, and keep what was asked."""
        response = await self.inner.respond(request)
        body = self.spy.reword(response.body.decode()).encode() if self.spy.adds_fields else response.body
        text = f"{request.query} {request.body.decode('latin-1')}"
        self.spy.asked.append(Asked(method=request.method, path=request.path, text=text, answer=body))

        return attrs.evolve(response, body=body)

    async def converse(self, request: Request, socket: WebSocket) -> None:
        """Speak on a socket, and keep that it is open."""
        self.spy.sockets.append(request.path)

        try:
            await self.inner.converse(request, SpySocket(socket, self.spy, request.path))
        finally:
            self.spy.sockets.remove(request.path)


@attrs.frozen
class SpySocket:
    """A server's socket that is watched."""

    inner: WebSocket
    spy: Spy
    path: str

    async def receive(self) -> str | bytes:
        """The next message of the client, which is kept."""
        message = await self.inner.receive()
        text = message if isinstance(message, str) else message.decode("latin-1")
        self.spy.asked.append(Asked(method=MESSAGE, path=self.path, text=text))

        return message

    async def send(self, message: str | bytes) -> None:
        """Send a message as the venue words it now."""
        await self.inner.send(self.spy.reword(message) if isinstance(message, str) else message)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close in order."""
        await self.inner.close(code, reason)
