"""A sandbox's front door: one request in, one answer out, sockets to the hub, and the venue's own rhythm."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from random import Random
from typing import Final, Generic, Protocol

import anyio
import msgspec

from perpmaker.clock import Clock
from perpmaker.sandbox.latency import DelayLine, Latency
from perpmaker.simulation.exchange import Exchange
from perpmaker.simulation.rejection import RejectionError
from perpmaker.venue.http_dialect import Access
from perpmaker.venue.sandbox.endpoints import EndpointTable, ServedEndpoint, Venue
from perpmaker.venue.sandbox.lagged_account import LaggedAccount
from perpmaker.venue.sandbox.options import VenueOptions
from perpmaker.venue.sandbox.parameters import ParameterRefusals, RequestParameters
from perpmaker.venue.sandbox.refusals import RefusalError
from perpmaker.venue.sandbox.request_counts import RequestCounts
from perpmaker.venue.sandbox.sockets import POLICY_VIOLATION, Session, SocketHub, SocketRules
from perpmaker.venue.sandbox.venue_clock import VenueClock, Window
from perpmaker.wire.server import Request, Response
from perpmaker.wire.websocket import WebSocket

RACE_MS: Final = 25
"""The longest between two ticks while events are held back, which must come out between other messages."""

_JSON: Final = {"Content-Type": "application/json"}


class ProtocolDialect(Protocol[Venue]):
    """How a venue reads what comes in, and writes what goes out."""

    parameter_refusals: ParameterRefusals
    """How parameters are refused."""

    def read(self, request: Request) -> Mapping[str, str]:
        """Read the parameters of a request: of its query, its body, or both."""

    def authenticate(self, access: Access, request: Request, parameters: RequestParameters) -> Window | None:
        """Let a request pass, with its window where it is signed, or raise RefusalError."""

    def open_session(self, request: Request) -> Session | None:
        """Begin with a socket of this path and query; None where the venue has no such path."""

    def not_found(self, request: Request) -> RefusalError:
        """Refuse a path or a method that the venue does not have."""

    def too_late(self) -> RefusalError:
        """Refuse a command whose window was over when it came to the matching engine."""

    def rejected(self, error: RejectionError, endpoint: ServedEndpoint[Venue]) -> RefusalError:
        """Refuse what the exchange rejects."""

    def answer(self, result: object) -> object:
        """Return the body of an answer, which is encoded as JSON, around what an endpoint returned."""

    def refusal(self, error: RefusalError) -> object:
        """Return the body of the answer that refuses."""

    def headers(self, endpoint: ServedEndpoint[Venue]) -> Mapping[str, str]:
        """Return what the headers of an answer show besides, such as counts."""


class SandboxParts:
    """What every sandbox has: the exchange, and the clock, the lag, the latency and the sockets it is seen through.

    `account` is what queries see. Market data go through `feed` to the sockets of the `hub`; what a gateway has
    answered before the exchange has seen it goes through `commands`. `chance` decides of everything that is random.
    """

    def __init__(
        self, exchange: Exchange, clock: Clock, options: VenueOptions, latency: Latency, rules: SocketRules
    ) -> None:
        order_ms = latency.order_ms + options.late_match_ms
        self.exchange = exchange
        self.options = options
        self.clock = VenueClock(clock, options.server_time_offset_ms)
        self.account = LaggedAccount(exchange, self.clock.now_ms, options)
        self.feed = DelayLine(clock, latency.feed_ms)
        self.hub = SocketHub(clock, rules, self.feed)
        self.commands = DelayLine(clock, order_ms)
        self.order_s = order_ms / 1000
        self.chance = Random(options.seed)  # noqa: S311  # chance that a seed repeats, not a secret


class SandboxApp(Generic[Venue]):
    """Speaks a venue's protocol over a simulated exchange.

    Args:
        parts: the sandbox's parts.
        venue: what the handlers of the endpoints work on.
        dialect: how requests are read and answers written.
        endpoints: what can be called.
        counts: what counts the requests.
        ticks: called with the exchange's time, again and again, to push what is due.
    """

    def __init__(
        self,
        parts: SandboxParts,
        venue: Venue,
        *,
        dialect: ProtocolDialect[Venue],
        endpoints: EndpointTable[Venue],
        counts: RequestCounts,
        ticks: Iterable[Callable[[int], None]],
    ) -> None:
        self._parts = parts
        self._venue = venue
        self._dialect = dialect
        self._endpoints = endpoints
        self._counts = counts
        self._ticks = tuple(ticks)

    async def respond(self, request: Request) -> Response:
        """Answer one request, or refuse it as the venue does."""
        endpoint, named = self._endpoints.find(request.method, request.path)

        try:
            if endpoint is None:
                raise self._dialect.not_found(request)

            answer = self._dialect.answer(await self._call(endpoint, request, named))
            status, further = 200, {}
        except RefusalError as error:
            answer, status, further = self._dialect.refusal(error), error.status, dict(error.headers)

        shown = {} if endpoint is None else self._dialect.headers(endpoint)

        return Response(status=status, body=msgspec.json.encode(answer), headers={**_JSON, **shown, **further})

    async def converse(self, request: Request, socket: WebSocket) -> None:
        """Serve a socket; one that the venue does not have is closed."""
        session = self._dialect.open_session(request)

        if session is None:
            await socket.close(POLICY_VIOLATION, "no such path")
            return

        await self._parts.hub.converse(socket, session)

    async def run(self) -> None:
        """Let the market move and push what is due, until cancelled."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._parts.feed.run)
            tasks.start_soon(self._parts.commands.run)
            await self._push()

    async def carry_out(
        self, endpoint: ServedEndpoint[Venue], parameters: RequestParameters, window: Window | None
    ) -> object:
        """Do what an authenticated request asks; RefusalError when the venue refuses.

        A command of a socket may come here too: it is counted, and late, as any.
        """
        if endpoint.parameters is not None:
            parameters.refuse_unread(endpoint.parameters)

        self._counts.spend_own(endpoint.costs_of(parameters))

        if endpoint.matches:
            return await self._match(endpoint, parameters, window)

        answer = self._handle(endpoint, parameters)

        if endpoint.acknowledges:
            await self._hold_back(self._parts.chance.randint(0, self._parts.options.race_ms))

        return answer

    async def _push(self) -> None:
        parts, options = self._parts, self._parts.options
        rhythm_ms = min(RACE_MS, options.rhythm_ms) if options.race_ms else options.rhythm_ms

        while True:
            now_ms = parts.clock.now_ms()
            parts.exchange.advance(now_ms)

            for tick in self._ticks:
                tick(now_ms)

            await anyio.sleep((rhythm_ms - now_ms % rhythm_ms) / 1000)

    async def _call(self, endpoint: ServedEndpoint[Venue], request: Request, named: Mapping[str, str]) -> object:
        parameters = RequestParameters({**self._dialect.read(request), **named}, self._dialect.parameter_refusals)
        self._counts.spend_arrival(endpoint.costs_of(parameters))
        window = self._dialect.authenticate(endpoint.access, request, parameters)

        return await self.carry_out(endpoint, parameters, window)

    async def _match(
        self, endpoint: ServedEndpoint[Venue], parameters: RequestParameters, window: Window | None
    ) -> object:
        """Bring a command to the matching engine, and delay its answer at random."""
        parts, checked = self._parts, self._parts.options.checks_window_at_match
        under_way = nullcontext(_nothing) if endpoint.under_way is None else endpoint.under_way(self._venue, parameters)

        with under_way as arrive:
            if parts.order_s:
                await anyio.sleep(parts.order_s)

                if window is not None and checked and window.is_over(parts.clock.server_ms()):
                    raise self._dialect.too_late()

            delay_ms = parts.chance.randint(0, parts.options.race_ms)
            arrive()
            answer = self._handle(endpoint, parameters)

        await self._hold_back(delay_ms)

        return answer

    async def _hold_back(self, delay_ms: int) -> None:
        if delay_ms:
            await anyio.sleep(delay_ms / 1000)

    def _handle(self, endpoint: ServedEndpoint[Venue], parameters: RequestParameters) -> object:
        self._parts.exchange.advance(self._parts.clock.now_ms())

        try:
            return endpoint.handle(self._venue, parameters)
        except RejectionError as error:
            raise self._dialect.rejected(error, endpoint) from None


def _nothing() -> None:
    """Do nothing when a command arrives."""
