"""The venue's front door: one request in, one answer out; sockets to the hub; and the venue's own rhythm."""

from __future__ import annotations

from random import Random
from typing import Any, Final

import anyio
import msgspec

from perpmaker.clock import Clock
from perpmaker.model.instrument import Instrument
from perpmaker.sandbox.dialect import TestKeys
from perpmaker.sandbox.latency import AT_ONCE, DelayLine, Latency
from perpmaker.simulation.exchange import Exchange
from perpmaker.wire.server import Request, Response
from perpmaker.wire.websocket import WebSocket
from perpmaker_binance_perpetual.sandbox import (
    rest_account,
    rest_algo,
    rest_batch,
    rest_market,
    rest_order,
    rest_setting,
)
from perpmaker_binance_perpetual.sandbox.authentication import KEYS, Authenticator, Window
from perpmaker_binance_perpetual.sandbox.capture import BinanceCapture
from perpmaker_binance_perpetual.sandbox.endpoint import Endpoint
from perpmaker_binance_perpetual.sandbox.hub import Hub
from perpmaker_binance_perpetual.sandbox.listing import read_listing
from perpmaker_binance_perpetual.sandbox.market_stream import MarketStreams
from perpmaker_binance_perpetual.sandbox.option import Options, parse_options
from perpmaker_binance_perpetual.sandbox.parameter import Parameters, parse_parameters
from perpmaker_binance_perpetual.sandbox.refusal import CodeError, refusal
from perpmaker_binance_perpetual.sandbox.rest_batch import moved_orders
from perpmaker_binance_perpetual.sandbox.socket import POLICY_VIOLATION, parse_target
from perpmaker_binance_perpetual.sandbox.user_stream import UserStream
from perpmaker_binance_perpetual.sandbox.venue import Venue

RACE_MS: Final = 25
"""The longest between messages of the fastest streams while user events, held back, must come between those."""

JSON: Final = {"Content-Type": "application/json"}
ENDPOINTS: Final = {
    (endpoint.method, endpoint.path): endpoint
    for module in (rest_market, rest_account, rest_setting, rest_order, rest_batch, rest_algo)
    for endpoint in module.ENDPOINTS
}


class BinanceApp:
    """Speaks the venue's protocol over a simulated exchange."""

    def __init__(self, exchange: Exchange, clock: Clock, options: Options, latency: Latency = AT_ONCE) -> None:
        self._options = options
        self._venue = Venue(exchange, clock, options)
        self._authenticator = Authenticator(KEYS.checkers(), self._venue.server_ms)
        self._order_s = (latency.order_ms + options.late_match_ms) / 1000
        self._feed = DelayLine(clock, latency.feed_ms)
        self._hub = Hub(clock, options.socket_life_s, self._feed)
        self._chance = Random(options.seed)  # noqa: S311  # chance that a seed repeats, not a secret
        self._rhythm_ms = min(RACE_MS, options.rhythm_ms) if options.race_ms else options.rhythm_ms
        self._market = MarketStreams(self._venue, self._hub, options.rhythm_ms)
        self._user = UserStream(self._venue, self._hub, self._chance)

    async def respond(self, request: Request) -> Response:
        """Answer one request; every refusal of the venue is a JSON body with its code."""
        endpoint = ENDPOINTS.get((request.method, request.path))

        if endpoint is None:
            error = CodeError(-5000, f"Path {request.path}, Method {request.method} is invalid", status=404)
            return Response(status=error.status, body=msgspec.json.encode(error.body()), headers=JSON)

        try:
            answer: object = await self._call(endpoint, request)
            status, extra = 200, {}
        except CodeError as refused:
            answer, status, extra = refused.body(), refused.status, dict(refused.headers)

        headers = {**JSON, **self._venue.limits.headers(orders=endpoint.matches), **extra}

        return Response(status=status, body=msgspec.json.encode(answer), headers=headers)

    async def converse(self, request: Request, socket: WebSocket) -> None:
        """Serve a socket by its path; one that the venue does not have is closed."""
        target = parse_target(request)

        if target is None:
            await socket.close(POLICY_VIOLATION, "no such path")
            return

        await self._hub.converse(socket, target)

    async def run(self) -> None:
        """Let the market move and push what is due, until cancelled."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._feed.run)
            await self._push()

    async def _push(self) -> None:
        while True:
            now_ms = self._venue.now_ms()
            self._venue.exchange.advance(now_ms)
            self._market.tick(now_ms)
            self._user.tick(now_ms)
            await anyio.sleep((self._rhythm_ms - now_ms % self._rhythm_ms) / 1000)

    async def _call(self, endpoint: Endpoint, request: Request) -> object:
        parameters = parse_parameters(request.query, request.body)
        self._venue.limits.spend_weight(endpoint.weight_of(parameters))
        window = self._authenticator.check(endpoint.security, request, parameters)
        parameters.refuse_unknown(endpoint.known)
        self._venue.limits.spend_orders(endpoint.cost)

        if endpoint.matches:
            return await self._match(endpoint, parameters, window)

        self._venue.exchange.advance(self._venue.now_ms())

        return endpoint.handle(self._venue, parameters)

    def _refuse_late(self, window: Window | None) -> None:
        """Refuse a command that came to the matching engine too late, where that is checked."""
        if self._options.checks_window_at_match and window is not None and window.is_over(self._venue.server_ms()):
            raise refusal(-5028)

    async def _match(self, endpoint: Endpoint, parameters: Parameters, window: Window | None) -> object:
        """Take a command to the matching engine, which may be late, and hold its answer back as chance will have it."""
        with self._venue.amends.claim(moved_orders(self._venue, endpoint, parameters)) as refused:
            if self._order_s:
                await anyio.sleep(self._order_s)

                self._refuse_late(window)

            delay_ms = self._chance.randint(0, self._options.race_ms)
            self._venue.exchange.advance(self._venue.now_ms())
            self._venue.amends.match(refused)
            answer = endpoint.handle(self._venue, parameters)

        if delay_ms:
            await anyio.sleep(delay_ms / 1000)

        return answer


class BinanceDialect:
    """The sandbox dialect of Binance USDⓈ-M."""

    @property
    def keys(self) -> TestKeys:
        """An HMAC key, and beside it one for Ed25519."""
        return KEYS

    def symbol(self, market: str) -> str:
        """The venue's name: `BTC-USDT` is `BTCUSDT`."""
        return market.replace("-", "")

    def listed(self, listing: bytes, market: str) -> Instrument:
        """The rules of a market from the venue's own list, saved as it came; see `read_listing`."""
        return read_listing(listing, market)

    def capture(self, instrument: Instrument) -> BinanceCapture:
        """Begin the translation of a recorded market."""
        return BinanceCapture(instrument)

    def app(self, exchange: Exchange, clock: Clock, options: dict[str, Any], latency: Latency = AT_ONCE) -> BinanceApp:
        """The app over this exchange; ValueError for an option that there is not. See `Options`."""
        return BinanceApp(exchange, clock, parse_options(options), latency)
