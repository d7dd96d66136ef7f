"""The venue's protocols over a simulated exchange: how they read what comes in and write what goes out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from perpmaker import Clock, Instrument
from perpmaker.venue.sandbox import (
    AT_ONCE,
    Access,
    EndpointTable,
    Exchange,
    Latency,
    RefusalError,
    RejectionError,
    Request,
    RequestParameters,
    SandboxApp,
    SandboxParts,
    ServedEndpoint,
    Session,
    SocketRules,
    Window,
    form_values,
    json_values,
    parse_options,
)
from perpmaker_dydx_perpetual.client_ids import is_own_tag
from perpmaker_dydx_perpetual.sandbox import rest
from perpmaker_dydx_perpetual.sandbox.accounts import KEYS, SandboxKeys
from perpmaker_dydx_perpetual.sandbox.markets import MARKETS, read_listing
from perpmaker_dydx_perpetual.sandbox.options import Options
from perpmaker_dydx_perpetual.sandbox.records import Row
from perpmaker_dydx_perpetual.sandbox.refusals import (
    PARAMETER_REFUSALS,
    UNKNOWN_METHOD,
    IndexerError,
    node_error,
    not_found,
)
from perpmaker_dydx_perpetual.sandbox.rpc import METHODS, RPC, NodeFront
from perpmaker_dydx_perpetual.sandbox.venue import Venue

if TYPE_CHECKING:
    from perpmaker_dydx_perpetual.capture import DydxCapture

ENDPOINTS: Final = EndpointTable((*rest.ENDPOINTS, *METHODS))
SOCKET: Final = "/v4/ws"
MOST_MESSAGES: Final = 100
"""Messages of a client in a second."""


class DydxProtocol:
    """Reads requests and writes answers; see `ProtocolDialect`."""

    parameter_refusals = PARAMETER_REFUSALS

    def __init__(self, venue: Venue) -> None:
        self._venue = venue

    def read(self, request: Request) -> dict[str, str]:
        """Read a query, or the parameters of a call."""
        if request.method != RPC:
            return form_values(request.query)

        try:
            return json_values(msgspec.json.decode(request.body, type=dict[str, Any]))
        except msgspec.MsgspecError:
            return {}

    def authenticate(self, access: Access, request: Request, parameters: RequestParameters) -> Window | None:
        """Let everybody pass: who may do what stands in the transactions."""
        del access, request, parameters

        return None

    def open_session(self, request: Request) -> Session | None:
        """Begin with a connection to the Indexer."""
        return self._venue.open_session() if request.path == SOCKET else None

    def not_found(self, request: Request) -> RefusalError:
        """Refuse what neither has."""
        if request.method == RPC:
            return node_error("Method not found", UNKNOWN_METHOD)

        return not_found("Not Found")

    def too_late(self) -> RefusalError:
        """Nothing has a window."""
        raise AssertionError

    def rejected(self, error: RejectionError, endpoint: ServedEndpoint[Venue]) -> RefusalError:
        """Refuse what the exchange rejects unforeseen."""
        del endpoint

        return node_error(str(error))

    def answer(self, result: object) -> object:
        """There is nothing around it."""
        return result

    def refusal(self, error: RefusalError) -> object:
        """Write the Indexer's errors, or the node's."""
        if isinstance(error, IndexerError):
            return {"errors": [{"msg": error.text, **error.where}]}

        row: Row = {"code": error.code, "message": "Internal error", "data": error.text}

        return row

    def headers(self, endpoint: ServedEndpoint[Venue]) -> dict[str, str]:
        """Show nothing besides."""
        del endpoint

        return {}


class DydxDialect:
    """The sandbox dialect of dYdX v4."""

    @property
    def keys(self) -> SandboxKeys:
        """The owner's address, and the key that the owner permits to trade."""
        return KEYS

    markets = MARKETS

    def symbol(self, market: str) -> str:
        """Return the venue's name, which is the market's."""
        return market

    def is_own_id(self, client_id: str) -> bool:
        """Whether an order bears the tag of one of our bots."""
        tag = client_id.partition("-")[0]

        return tag.isdecimal() and is_own_tag(int(tag))

    def listed(self, listing: bytes, market: str) -> Instrument:
        """Return the rules of a market from the venue's own list, saved as it came; see `read_listing`."""
        return read_listing(listing, market)

    def capture(self, instrument: Instrument) -> DydxCapture:
        """Begin the translation of a recorded market."""
        from perpmaker_dydx_perpetual.capture import DydxCapture  # noqa: PLC0415  # the connector's, not the sandbox's

        return DydxCapture(instrument)

    def app(self, exchange: Exchange, clock: Clock, options: dict[str, Any], latency: Latency = AT_ONCE) -> NodeFront:
        """Speak the protocols over this exchange; ValueError for an option that there is not."""
        common, own = parse_options(options, Options)
        rules = SocketRules(life_s=common.socket_life_s, messages_per_s=MOST_MESSAGES)
        venue = Venue(SandboxParts(exchange, clock, common, latency, rules), own)
        app = SandboxApp(
            venue.parts,
            venue,
            dialect=DydxProtocol(venue),
            endpoints=ENDPOINTS,
            counts=venue.counts,
            ticks=(venue.tick,),
        )

        return NodeFront(app)
