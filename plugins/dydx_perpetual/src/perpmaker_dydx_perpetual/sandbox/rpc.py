"""The node's JSON-RPC: each method is an endpoint of its own, whatever the envelope is in which it comes and goes."""

from __future__ import annotations

import base64
from http import HTTPStatus
from typing import Any, Final

import attrs
import msgspec

from perpmaker.venue.sandbox import Request, RequestParameters, Response, SandboxApp, ServedEndpoint, WebSocket
from perpmaker_dydx_perpetual.sandbox.accounts import CHAIN_ID
from perpmaker_dydx_perpetual.sandbox.queries import query
from perpmaker_dydx_perpetual.sandbox.records import Row, moment
from perpmaker_dydx_perpetual.sandbox.refusals import PARAMETERS, node_error
from perpmaker_dydx_perpetual.sandbox.venue import NODE, Handler, Venue, up_to_date

RPC: Final = "RPC"
"""The method of the requests that are made of calls."""

_JSON: Final = {"Content-Type": "application/json"}
_PARSE_ERROR: Final = -32700


class NodeFront:
    """Takes calls of JSON-RPC at `/` out of their envelope, and lets everything else pass."""

    def __init__(self, app: SandboxApp[Venue]) -> None:
        self._app = app

    async def run(self) -> None:
        """Do what the venue does by itself."""
        await self._app.run()

    async def converse(self, request: Request, socket: WebSocket) -> None:
        """Serve a socket."""
        await self._app.converse(request, socket)

    async def respond(self, request: Request) -> Response:
        """Answer a request; what is asked of the node comes and goes in an envelope."""
        if (request.method, request.path) != ("POST", "/"):
            return await self._app.respond(request)

        try:
            call = msgspec.json.decode(request.body, type=dict[str, Any])
            method, parameters = str(call["method"]), msgspec.json.encode(call.get("params") or {})
        except (msgspec.MsgspecError, KeyError, RecursionError):
            error = {"code": _PARSE_ERROR, "message": "Parse error. Invalid JSON", "data": ""}

            return _enveloped(None, HTTPStatus.INTERNAL_SERVER_ERROR, error=error)

        inner = attrs.evolve(request, method=RPC, path=f"/{method}", body=parameters)
        answer = await self._app.respond(inner)

        if answer.status == HTTPStatus.OK:
            return _enveloped(call.get("id"), HTTPStatus.OK, result=msgspec.Raw(answer.body))

        if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            return attrs.evolve(answer, headers={**_JSON, "Retry-After": "1"})

        return _enveloped(call.get("id"), HTTPStatus.OK, error=msgspec.Raw(answer.body))


def _enveloped(id_: object, status: int, **content: object) -> Response:
    body = msgspec.json.encode({"jsonrpc": "2.0", "id": id_, **content})

    return Response(status=status, body=body, headers=_JSON)


def _broadcast(venue: Venue, parameters: RequestParameters) -> Row:
    return venue.node.broadcast(_bytes(parameters))


def _bytes(parameters: RequestParameters) -> bytes:
    try:
        return base64.b64decode(parameters.text("tx"), validate=True)
    except ValueError:
        raise node_error("error converting json params to arguments: illegal base64 data", PARAMETERS) from None


def _query(venue: Venue, parameters: RequestParameters) -> Row:
    try:
        data = bytes.fromhex(parameters.optional_text("data") or "") if "data" in parameters else b""
    except ValueError:
        raise node_error("error converting json params to arguments: invalid hex", PARAMETERS) from None

    return {"response": query(venue, parameters.text("path"), data)}


def _status(venue: Venue, _: RequestParameters) -> Row:
    last = venue.world.chain.last

    return {
        "node_info": {"network": CHAIN_ID, "version": "0.38"},
        "sync_info": {
            "latest_block_height": str(last.height),
            "latest_block_time": moment(venue.world.shown_ms(last.at_ms)),
            "catching_up": False,
        },
    }


def _served(name: str, handle: Handler, *, matches: bool = False) -> ServedEndpoint[Venue]:
    return ServedEndpoint(method=RPC, path=f"/{name}", handle=up_to_date(handle), costs={NODE: 1}, matches=matches)


METHODS: Final = (
    _served("broadcast_tx_sync", _broadcast, matches=True),
    _served("abci_query", _query),
    _served("status", _status),
)
