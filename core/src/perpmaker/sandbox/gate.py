"""Who may use a sandbox's control endpoints: a process of this machine that was given the token."""

from __future__ import annotations

import hmac
import ipaddress
import secrets
from http import HTTPStatus
from urllib.parse import urlsplit

import attrs

from perpmaker.wire.server import Request

_TOKEN_BYTES = 32
_SCHEME = "bearer"


def new_token() -> str:
    """Make a token that cannot be guessed."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


@attrs.frozen
class Turned:
    """Why a request was turned away: the HTTP status and the reason in words."""

    status: HTTPStatus
    reason: str


@attrs.frozen
class Gate:
    """Checks requests to control endpoints against the token that the sandbox printed."""

    _token: str = attrs.field(repr=False)

    def turn_away(self, request: Request, *, with_token: bool) -> Turned | None:
        """Return why a request may not pass, None when it may. `with_token`: it must carry the token.

        A web page can make a browser of this machine send requests here. It cannot choose their Host (unless its own
        name was rebound to this machine, which Host shows), nor leave out Origin.
        """
        if not _is_loopback(f"//{request.headers.get('host', '')}"):
            return Turned(
                HTTPStatus.FORBIDDEN, "the control endpoints are for this machine: Host must be a loopback one"
            )

        origin = request.headers.get("origin")

        if origin is not None and not _is_loopback(origin):
            return Turned(HTTPStatus.FORBIDDEN, "only this machine may ask, not a page of another Origin")

        if with_token and not self._is_right(request.headers.get("authorization", "")):
            return Turned(
                HTTPStatus.UNAUTHORIZED,
                "send the header Authorization: Bearer TOKEN; "
                "the token is control_token in the line that perpmaker sandbox --json prints",
            )

        return None

    def _is_right(self, authorization: str) -> bool:
        scheme, _, token = authorization.partition(" ")

        return scheme.lower() == _SCHEME and hmac.compare_digest(token.strip().encode(), self._token.encode())


def _is_loopback(url: str) -> bool:
    """Whether a URL names this machine by its loopback name or number."""
    try:
        host = urlsplit(url).hostname
    except ValueError:
        return False

    if host == "localhost":
        return True

    try:
        return host is not None and ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
