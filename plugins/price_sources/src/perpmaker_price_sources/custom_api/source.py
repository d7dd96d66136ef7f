"""Ask an address for a price at fixed intervals, and give each with the time at which it was asked for.

No answer (unreachable, silent, too large, redirected, any status but 200) is no reference: the last one grows older
until it is stale. An answer that is no price (HTML, NaN, zero, text) is worse, for whoever answers so need not have
been right a second ago either: it is passed on as a doubt, and quotes are pulled at once.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import httpx

from perpmaker import Clock, PayloadError, PluginError, ReferenceChanged, ReferenceReceiver, SourceContext
from perpmaker.venue import Exchanger, WireTransport, origin_of
from perpmaker_price_sources.address import PinnedConnect
from perpmaker_price_sources.custom_api.answer import parse_answer
from perpmaker_price_sources.custom_api.settings import Settings, url_fault

_HEADERS = {"accept": "application/json, text/plain", "accept-encoding": "gzip", "user-agent": "perpmaker"}


class NoAnswerError(Exception):
    """The address did not answer, or with nothing that is looked at; says why."""


@asynccontextmanager
async def open_custom_api(settings: Settings, context: SourceContext) -> AsyncIterator[ReferenceReceiver]:
    """Open a client that speaks to this one origin, through addresses that were checked, and follows no redirect."""
    url = context.request.url
    fault = "is missing" if url is None else url_fault(url, allow_loopback=settings.allow_loopback)

    if url is None or fault is not None:
        raise PluginError(f"price_source_custom_api {fault}")

    try:
        origin = origin_of(httpx.URL(url))
    except (httpx.InvalidURL, ValueError) as error:  # an xn-- label that encodes nothing
        raise PluginError(f"price_source_custom_api is no address that can be asked: {error}") from error

    connect = PinnedConnect(connect=context.connect, resolve=context.resolve, allow_loopback=settings.allow_loopback)
    exchanger = Exchanger(connect, deadline_s=settings.timeout_s, max_body_bytes=settings.max_bytes, max_connections=1)
    transport = WireTransport(exchanger, origin=origin)

    async with httpx.AsyncClient(
        transport=transport,
        timeout=settings.timeout_s,
        headers=_HEADERS,
        follow_redirects=False,
        trust_env=False,
    ) as client:
        yield CustomApi(client, url, settings, context.clock, interval_s=context.request.interval_s)


class CustomApi:
    """An address that is asked every `interval_s` seconds."""

    def __init__(
        self, client: httpx.AsyncClient, url: str, settings: Settings, clock: Clock, *, interval_s: float
    ) -> None:
        self._client = client
        self._url = url
        self._json_path = settings.json_path
        self._clock = clock
        self._interval_s = interval_s
        self._next_at = -math.inf
        self._has_answered = False

    async def receive(self) -> ReferenceChanged:
        """The next price, as old as its question; a doubt when the answer is no price, or none has come yet."""
        while True:
            await anyio.sleep(max(0.0, self._next_at - self._clock.now()))
            asked_at = self._clock.now()
            self._next_at = asked_at + self._interval_s

            try:
                body = await self._ask()
            except NoAnswerError as error:
                if not self._has_answered:
                    return ReferenceChanged(doubt=f"price_source_custom_api gives no answer: {error}", at=asked_at)
            else:
                self._has_answered = True

                return self._word(body, asked_at)

    def _word(self, body: bytes, asked_at: float) -> ReferenceChanged:
        try:
            return ReferenceChanged(price=parse_answer(body, self._json_path), at=asked_at)
        except PayloadError as error:
            return ReferenceChanged(doubt=f"price_source_custom_api answered what is no price: {error}", at=asked_at)

    async def _ask(self) -> bytes:
        """One question and its whole answer; NoAnswerError for whatever is not a plain 200."""
        self._client.cookies.clear()

        try:
            response = await self._client.get(self._url)
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise NoAnswerError(str(error)) from error

        if response.status_code != httpx.codes.OK:
            raise NoAnswerError(f"status {response.status_code}")

        return response.content
