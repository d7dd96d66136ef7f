"""The venue's protocol over a simulated exchange: how it reads what comes in and writes what goes out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from perpmaker import Clock, Instrument
from perpmaker.venue import sandbox as kit
from perpmaker_bybit_perpetual.sandbox import account, market, order_batches, order_queries, orders
from perpmaker_bybit_perpetual.sandbox.listing import read_listing
from perpmaker_bybit_perpetual.sandbox.market_streams import MarketStreams
from perpmaker_bybit_perpetual.sandbox.options import Options
from perpmaker_bybit_perpetual.sandbox.private_stream import PrivateStream
from perpmaker_bybit_perpetual.sandbox.protection import DisconnectProtection
from perpmaker_bybit_perpetual.sandbox.refusals import PARAMETER_REFUSALS, bad, refusal, translate_rejection
from perpmaker_bybit_perpetual.sandbox.signing import DEFAULT_WINDOW_MS, KEYS, MILLISECONDS, Authenticator
from perpmaker_bybit_perpetual.sandbox.sockets import PrivateSession, PublicSession, TradeSession
from perpmaker_bybit_perpetual.sandbox.venue import Answer, Venue, VenueEndpoint

if TYPE_CHECKING:
    from perpmaker_bybit_perpetual.capture import BybitCapture

ENDPOINTS: Final = kit.EndpointTable(
    endpoint for module in (market, account, orders, order_batches, order_queries) for endpoint in module.ENDPOINTS
)
IDLE_S: Final = 600.0
"""Seconds of a client's silence after which the venue closes a socket."""


class BybitProtocol:
    """Reads requests and writes answers; see `ProtocolDialect`."""

    parameter_refusals = PARAMETER_REFUSALS

    def __init__(self, venue: Venue, streams: MarketStreams) -> None:
        self._venue = venue
        self._streams = streams
        self._authenticator = Authenticator(KEYS.checkers(), venue.server_ms)
        self.app: kit.SandboxApp[Venue] | None = None

    def read(self, request: kit.Request) -> dict[str, str]:
        """The parameters of a query, or of a JSON body; what is empty is as if it was not sent."""
        sent = _json(request.body) if request.method == "POST" else kit.form_values(request.query)
        values = {name: value for name, value in sent.items() if value != ""}

        return {**values, orders.UNTIL: _until(request.headers)}

    def authenticate(
        self, access: kit.Access, request: kit.Request, _parameters: kit.RequestParameters
    ) -> kit.Window | None:
        """See `Authenticator`."""
        return self._authenticator.check(access, request)

    def open_session(self, request: kit.Request) -> kit.Session | None:
        """A socket by its path."""
        venue, conn_id = self._venue, self._venue.orders.new_id()

        match request.path:
            case "/v5/public/linear":
                return PublicSession(venue, self._streams.topics, conn_id)
            case "/v5/private":
                return PrivateSession(venue, self._authenticator, conn_id)
            case "/v5/trade" if self.app is not None:
                return TradeSession(venue, self._authenticator, _command, self.app.carry_out, conn_id)
            case _:
                return None

    def not_found(self, _request: kit.Request) -> kit.RefusalError:
        """404."""
        return refusal(10017)

    def too_late(self) -> kit.RefusalError:
        """10002; no command is looked at there, for a gateway has answered before."""
        now_ms = self._venue.server_ms()

        return refusal(10002, asked="", now=now_ms, window="")

    def rejected(self, error: kit.RejectionError, _endpoint: VenueEndpoint) -> kit.RefusalError:
        """The venue's code."""
        return translate_rejection(error, self._venue.instrument)

    def answer(self, result: object) -> object:
        """The envelope around a result."""
        answer = result if isinstance(result, Answer) else Answer(result)

        return self._envelope(0, "OK", answer)

    def refusal(self, error: kit.RefusalError) -> object:
        """The envelope around nothing."""
        return self._envelope(error.code, error.text, Answer({}))

    def headers(self, endpoint: VenueEndpoint) -> Mapping[str, str]:
        """The counter of the endpoint's window."""
        return self._venue.limits.headers_of(endpoint)

    def _envelope(self, code: int, text: str, answer: Answer) -> object:
        return {
            "retCode": code,
            "retMsg": text,
            "result": answer.result,
            "retExtInfo": answer.parts,
            "time": self._venue.server_ms(),
        }


class BybitDialect:
    """The sandbox dialect of Bybit v5."""

    @property
    def keys(self) -> kit.TestKeys:
        """An HMAC key, and beside it one for RSA."""
        return KEYS

    def symbol(self, market: str) -> str:
        """The venue's name: `BTC-USDT` is `BTCUSDT`, `BTC-USDC` is `BTCPERP`."""
        base, _, quote = market.partition("-")

        return f"{base}PERP" if quote == "USDC" else f"{base}{quote}"

    def listed(self, listing: bytes, market: str) -> Instrument:
        """The rules of a market from the venue's own list, saved as it came; see `read_listing`."""
        return read_listing(listing, market)

    def capture(self, instrument: Instrument) -> BybitCapture:
        """Begin the translation of a recorded market."""
        from perpmaker_bybit_perpetual.capture import BybitCapture  # noqa: PLC0415  # the connector's, not the sandbox's

        return BybitCapture(instrument)

    def app(
        self, exchange: kit.Exchange, clock: Clock, options: dict[str, Any], latency: kit.Latency = kit.AT_ONCE
    ) -> kit.SandboxApp[Venue]:
        """The app over this exchange; ValueError for an option that there is not. See `VenueOptions` and `Options`."""
        common, own = kit.parse_options(options, Options)
        rules = kit.SocketRules(life_s=common.socket_life_s, idle_s=IDLE_S)
        venue = Venue(kit.SandboxParts(exchange, clock, common, latency, rules), own)
        streams = MarketStreams(venue)
        protocol = BybitProtocol(venue, streams)
        protocol.app = kit.SandboxApp(
            venue.parts,
            venue,
            dialect=protocol,
            endpoints=ENDPOINTS,
            counts=venue.limits.counts,
            ticks=(streams.tick, PrivateStream(venue, venue.stops).tick, DisconnectProtection(venue).tick),
        )

        return protocol.app


def _command(path: str) -> VenueEndpoint | None:
    return ENDPOINTS.find("POST", path)[0]


def _json(body: bytes) -> dict[str, str]:
    try:
        content = msgspec.json.decode(body or b"{}")
    except (msgspec.DecodeError, RecursionError):
        raise bad("the body is no JSON") from None

    if not isinstance(content, dict):
        raise bad("the body is no object")

    return kit.json_values(content)


def _until(headers: Mapping[str, str]) -> str:
    """The end of a request's window as it claims it; whether that is a time, the authenticator checks."""
    stamp, length = headers.get("x-bapi-timestamp", ""), headers.get("x-bapi-recv-window", "")

    is_time = MILLISECONDS.fullmatch(stamp) and MILLISECONDS.fullmatch(length or "0")

    return str(int(stamp) + int(length or DEFAULT_WINDOW_MS)) if is_time else "0"
