"""The WebSocket API (`/ws-fapi/v1`): the commands and questions of HTTP on a socket, each answered under its id.

Each request is signed: there is no logon here, which the venue has for Ed25519 keys.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias

from perpmaker.venue.sandbox import Access, RefusalError, Request, RequestParameters, Window
from perpmaker_binance_perpetual.sandbox.counts import MINUTE, TEN_SECONDS
from perpmaker_binance_perpetual.sandbox.refusals import PARAMETER_REFUSALS, refusal, refusal_body
from perpmaker_binance_perpetual.sandbox.signing import KEY_HEADER, Authenticator
from perpmaker_binance_perpetual.sandbox.venue import Venue, VenueEndpoint

PATH: Final = "/ws-fapi/v1"
CALLS: Final[Mapping[str, tuple[str, str]]] = {
    "order.place": ("POST", "/fapi/v1/order"),
    "order.modify": ("PUT", "/fapi/v1/order"),
    "order.cancel": ("DELETE", "/fapi/v1/order"),
    "order.status": ("GET", "/fapi/v1/order"),
    "account.status": ("GET", "/fapi/v2/account"),
    "v2/account.balance": ("GET", "/fapi/v3/balance"),
    "v2/account.position": ("GET", "/fapi/v3/positionRisk"),
}
"""What is asked, and what asks the same over HTTP."""

OWN: Final = frozenset({"apiKey", "returnRateLimits"})
"""Parameters of the socket's own: they are signed too, and no endpoint reads them."""

CarryOut: TypeAlias = Callable[[VenueEndpoint, RequestParameters, Window | None], Awaitable[object]]
Find: TypeAlias = Callable[[str, str], VenueEndpoint | None]


class ApiSession:
    """Answers the requests of one client, as many as the limits on orders allow, and pushes nothing."""

    messages_per_s = None

    def __init__(self, venue: Venue, authenticator: Authenticator, find: Find, carry_out: CarryOut) -> None:
        self._venue = venue
        self._authenticator = authenticator
        self._find = find
        self._carry_out = carry_out

    def hears(self, _stream: str) -> bool:
        """Hear nothing: events come on the private socket alone."""
        return False

    def frame(self, _stream: str, _kind: str, _payload: str) -> None:
        """See `hears`."""

    async def obey(self, message: str | bytes) -> tuple[object]:
        """Answer a request, in the status that HTTP would have."""
        answer: dict[str, object] = {"id": None}
        shows_limits = True

        try:
            request = _decode(message)
            answer["id"] = request.get("id")
            sent = _sent(message)
            shows_limits = sent.get("returnRateLimits") != "false"
            answer |= {"status": 200, "result": await self._call(str(request.get("method")), sent)}
        except RefusalError as error:
            answer |= {"status": error.status, "error": refusal_body(error)}

        return ({**answer, "rateLimits": self._limits()} if shows_limits else answer,)

    async def _call(self, word: str, sent: dict[str, str]) -> object:
        method, path = CALLS.get(word, ("", ""))
        endpoint = self._find(method, path)

        if endpoint is None:
            raise RefusalError(-5000, f"Method {word} is invalid", status=404)

        parameters = RequestParameters({name: sent[name] for name in sent if name not in OWN}, PARAMETER_REFUSALS)
        signed = "&".join(f"{name}={value}" for name, value in sorted(sent.items()))
        shown = Request(method=method, path=path, query=signed, headers={KEY_HEADER: sent.get("apiKey", "")})
        window = self._authenticator.check(Access.SIGNED, shown, parameters)

        return await self._carry_out(endpoint, parameters, window)

    def _limits(self) -> list[dict[str, object]]:
        """Return the limits on orders, counted with those of HTTP. The socket's own weight is not counted."""
        counted = self._venue.limits.counts.counted()
        names = (TEN_SECONDS, MINUTE)

        return [
            {**limit, "count": counted[name]}
            for name, limit in zip(names, self._venue.limits.describe_orders(), strict=True)
        ]


def _decode(message: str | bytes, number: Callable[[str], object] | None = None) -> dict[str, Any]:
    """Read a request, its numbers with `number`."""
    try:
        request = json.loads(message, parse_int=number, parse_float=number)
    except (ValueError, RecursionError):
        raise refusal(-1135) from None

    if not isinstance(request, dict) or not isinstance(request.get("params", {}), dict):
        raise refusal(-1135)

    return request


def _sent(message: str | bytes) -> dict[str, str]:
    """Read the parameters as text, numbers as they were written, for they are signed so."""
    sent = _decode(message, str).get("params", {})

    return {name: json.dumps(value) if isinstance(value, bool) else str(value) for name, value in sent.items()}
