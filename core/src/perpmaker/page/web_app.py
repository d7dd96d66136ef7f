"""What `perpmaker web` answers: its page, and to that page how bots stand. Nothing can be changed through it.

Whoever asks must know the token, which is a part of every address, and must have asked this machine by a name of its
own: a page from elsewhere that had its name lead here (DNS rebinding) is refused.
"""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Mapping
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from perpmaker.page.watch import Watch
from perpmaker.page.web_page import live_page

_HEADERS: Final[Mapping[str, str]] = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
NAMES: Final = ("127.0.0.1", "localhost", "[::1]")
"""Names of this machine by which it may be asked."""

_NOTHING: Final = "Nothing is here. The address that perpmaker web has printed is the whole one, with its token."
_JSON: Final = "application/json"


def web_app(watch: Watch, token: str, port: int) -> Starlette:
    """Return the application."""
    site = _Site(watch, token, port)
    routes = [
        Route("/{token}/", site.page, methods=["GET"]),
        Route("/{token}/events", site.events, methods=["GET"]),
        Route("/{token}/status", site.status, methods=["GET"]),
        Route("/{token}/history/{bot}", site.history, methods=["GET"]),
    ]

    app = Starlette(routes=routes, exception_handlers={404: _lost, 405: _lost})
    app.router.redirect_slashes = False  # a redirect would repeat what was asked

    return app


async def _lost(_: Request, __: Exception) -> Response:
    return _words(404, _NOTHING)


def _words(code: int, text: str) -> Response:
    return Response(f"{text}\n", code, dict(_HEADERS), "text/plain; charset=utf-8")


class _Site:
    """The addresses."""

    def __init__(self, watch: Watch, token: str, port: int) -> None:
        self._watch = watch
        self._token = token.encode()
        self._hosts = frozenset(f"{name}:{port}" for name in NAMES) | (frozenset(NAMES) if port == 80 else frozenset())  # noqa: PLR2004  # HTTP's own port, which browsers leave out
        self._page = live_page()

    async def page(self, request: Request) -> Response:
        """Answer with the page."""
        headers = {**_HEADERS, "Content-Security-Policy": self._page.policy}

        return self._refusal(request) or Response(self._page.content, 200, headers, "text/html; charset=utf-8")

    async def status(self, request: Request) -> Response:
        """Answer how bots stand, as `perpmaker status --json`."""
        return self._refusal(request) or Response(self._watch.status(), 200, dict(_HEADERS), _JSON)

    async def history(self, request: Request) -> Response:
        """Answer with curve and fills of one bot."""
        refusal = self._refusal(request)

        if refusal is not None:
            return refusal

        found = self._watch.history(request.path_params["bot"])

        return _words(404, "No such bot.") if found is None else Response(found, 200, dict(_HEADERS), _JSON)

    async def events(self, request: Request) -> Response:
        """Answer with an endless stream: how all bots stand, once a second."""
        refusal = self._refusal(request)

        return refusal or StreamingResponse(self._told(), 200, dict(_HEADERS), "text/event-stream")

    async def _told(self) -> AsyncIterator[bytes]:
        async with self._watch.page() as told:
            if told is None:
                yield b"event: full\ndata: too many pages are open\n\n"
                return

            yield b"retry: 1000\n\n"

            async for content in told:
                yield b"data: " + content + b"\n\n"

    def _refusal(self, request: Request) -> Response | None:
        """Why nothing is answered; None for who may ask."""
        host, origin = request.headers.get("host", ""), request.headers.get("origin")

        if host not in self._hosts or (origin is not None and origin.removeprefix("http://") not in self._hosts):
            return _words(403, "This page is for this machine, under its own name: ask 127.0.0.1.")

        if not hmac.compare_digest(request.path_params["token"].encode(), self._token):
            return _words(404, _NOTHING)

        return None
