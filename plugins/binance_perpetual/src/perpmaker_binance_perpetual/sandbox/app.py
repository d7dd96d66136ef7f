"""The venue's protocol over a simulated exchange: how it reads what comes in and writes what goes out."""

from __future__ import annotations

from typing import Any, Final

from perpmaker import Clock, Instrument
from perpmaker.venue import sandbox as kit
from perpmaker_binance_perpetual.sandbox import account, conditional_orders, market, orders, spot, trades, websocket_api
from perpmaker_binance_perpetual.sandbox.capture import BinanceCapture
from perpmaker_binance_perpetual.sandbox.listing import read_listing
from perpmaker_binance_perpetual.sandbox.market_streams import MarketStreams
from perpmaker_binance_perpetual.sandbox.options import Options
from perpmaker_binance_perpetual.sandbox.refusals import (
    PARAMETER_REFUSALS,
    refusal,
    refusal_body,
    translate_rejection,
)
from perpmaker_binance_perpetual.sandbox.signing import KEYS, Authenticator
from perpmaker_binance_perpetual.sandbox.sockets import MOST_CONTROLS, StreamSession, parse_target
from perpmaker_binance_perpetual.sandbox.user_stream import UserStream
from perpmaker_binance_perpetual.sandbox.venue import Venue, VenueEndpoint
from perpmaker_binance_perpetual.sandbox.websocket_api import ApiSession

ENDPOINTS: Final = kit.EndpointTable(
    endpoint for module in (market, trades, spot, account, orders, conditional_orders) for endpoint in module.ENDPOINTS
)


class BinanceProtocol:
    """Reads requests and writes answers; see `ProtocolDialect`."""

    parameter_refusals = PARAMETER_REFUSALS

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._authenticator = Authenticator(KEYS.checkers(), venue.server_ms)
        self.app: kit.SandboxApp[Venue] | None = None

    def read(self, request: kit.Request) -> dict[str, str]:
        """The parameters of query and form body; where both have one, the query's counts."""
        return read_values(request.query, request.body)

    def authenticate(
        self, access: kit.Access, request: kit.Request, parameters: kit.RequestParameters
    ) -> kit.Window | None:
        """See `Authenticator`."""
        return self._authenticator.check(access, request, parameters)

    def open_session(self, request: kit.Request) -> kit.Session | None:
        """A socket by its path and query."""
        if request.path == websocket_api.PATH and self.app is not None:
            return ApiSession(self._venue, self._authenticator, _find, self.app.carry_out)

        target = parse_target(request)

        return None if target is None else StreamSession(target)

    def not_found(self, request: kit.Request) -> kit.RefusalError:
        """404 with -5000."""
        return kit.RefusalError(-5000, f"Path {request.path}, Method {request.method} is invalid", status=404)

    def too_late(self) -> kit.RefusalError:
        """-5028."""
        return refusal(-5028)

    def rejected(self, error: kit.RejectionError, endpoint: VenueEndpoint) -> kit.RefusalError:
        """A code that differs by what was asked."""
        return translate_rejection(error, endpoint.method, endpoint.path, self._venue.instrument)

    def answer(self, result: object) -> object:
        """There is nothing around it."""
        return result

    def refusal(self, error: kit.RefusalError) -> object:
        """Code and words."""
        return refusal_body(error)

    def headers(self, endpoint: VenueEndpoint) -> dict[str, str]:
        """The counters."""
        return self._venue.limits.headers(orders=endpoint.matches)


class BinanceDialect:
    """The sandbox dialect of Binance USDⓈ-M."""

    @property
    def keys(self) -> kit.TestKeys:
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

    def app(
        self, exchange: kit.Exchange, clock: Clock, options: dict[str, Any], latency: kit.Latency = kit.AT_ONCE
    ) -> kit.SandboxApp[Venue]:
        """The app over this exchange; ValueError for an option that there is not. See `VenueOptions` and `Options`."""
        common, own = kit.parse_options(options, Options)
        rules = kit.SocketRules(life_s=common.socket_life_s, messages_per_s=MOST_CONTROLS)
        venue = Venue(kit.SandboxParts(exchange, clock, common, latency, rules), own)
        protocol = BinanceProtocol(venue)
        protocol.app = kit.SandboxApp(
            venue.parts,
            venue,
            dialect=protocol,
            endpoints=ENDPOINTS,
            counts=venue.limits.counts,
            ticks=(MarketStreams(venue).tick, UserStream(venue).tick),
        )

        return protocol.app


def _find(method: str, path: str) -> VenueEndpoint | None:
    return ENDPOINTS.find(method, path)[0]


def read_values(query: str, body: bytes) -> dict[str, str]:
    """The parameters of raw query and raw body; where both have one, the query's counts."""
    return {**kit.form_values(body.decode("utf-8", "replace")), **kit.form_values(query)}
