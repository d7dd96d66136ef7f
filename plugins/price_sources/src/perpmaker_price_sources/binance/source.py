"""Binance's best prices and trades of one spot market as references.

Messages of best prices carry no time, so each reference has the time at which it was received. A quiet market sends
nothing for a while, and so does a dead stream: after `QUIET_S` of silence REST is asked. The same prices there prove
that nothing has happened; other prices twice in a row prove that the stream is dead.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from urllib.parse import quote

import anyio

from perpmaker import ReferenceReceiver, SourceContext
from perpmaker.clock import Clock
from perpmaker.connector.payload import PayloadDecoder, parse_amount, parse_price
from perpmaker.errors import (
    ConfigurationError,
    ConnectivityError,
    PayloadError,
    Problem,
    RateLimitedError,
    VenueError,
)
from perpmaker.model.event import ReferenceChanged
from perpmaker.wire.http import open_client
from perpmaker.wire.websocket import WebSocket, open_websocket
from perpmaker_price_sources.binance.messages import BookTicker, Envelope, Trade
from perpmaker_price_sources.binance.rest import Best, SpotRest
from perpmaker_price_sources.binance.settings import Settings, address_of

QUIET_S = 3.0
"""Silence after which REST is asked whether anything has happened."""

STALL_S = 15.0
"""Silence after which the stream is taken for dead when REST does not answer either."""

PACE_S = 0.05
"""Prices that change faster are given as the newest of each such span."""

REPEAT_S = 1.0
"""Prices that do not change are repeated this often while the stream proves alive."""

_MOST_MALFORMED = 5
_ENVELOPE = PayloadDecoder(Envelope)
_BOOK_TICKER = PayloadDecoder(BookTicker)
_TRADE = PayloadDecoder(Trade)
_BEST, _TRADES, _SHUTDOWN = "@bookTicker", "@trade", "serverShutdown"


@asynccontextmanager
async def open_binance(settings: Settings, context: SourceContext) -> AsyncIterator[ReferenceReceiver]:
    """Find the market, open its streams, and begin with what REST says; see `SourceRequest.market`."""
    faults = tuple(
        Problem(file="the configuration", key=f"binance.{key}", allowed=words) for key, words in settings.faults()
    )

    if faults:
        raise ConfigurationError(faults)

    address = address_of(settings, context.sandbox)

    async with open_client(context.connect, address.rest, deadline_s=settings.deadline_s) as client:
        rest = SpotRest(client)
        symbol = await rest.symbol(context.request.market)
        name = quote(symbol.lower(), safe="")
        streams = f"{name}{_BEST}/{name}{_TRADES}"

        async with open_websocket(context.connect, f"{address.stream}/stream?streams={streams}") as socket:
            best, last = await rest.best(symbol), await rest.last(symbol)

            yield SpotReceiver(socket, rest, symbol, context.clock, best=best, last=last)


class SpotReceiver:
    """References out of the streams of one market; its first word is what REST said when it was opened."""

    def __init__(
        self, socket: WebSocket, rest: SpotRest, symbol: str, clock: Clock, *, best: Best, last: Decimal
    ) -> None:
        self._socket = socket
        self._rest = rest
        self._symbol = symbol
        self._clock = clock
        self._best = best
        self._last = last
        self._update_id = -1
        self._heard_at = clock.now()
        self._given: ReferenceChanged | None = None
        self._given_at = -math.inf
        self._ask_again_at = -math.inf
        self._disagreed = False
        self._malformed = 0

    async def receive(self) -> ReferenceChanged:
        """The next reference; ConnectivityError when the stream ended, is dead, or cannot be understood."""
        while (wait_s := self._due_at - self._clock.now()) > 0:
            with anyio.move_on_after(min(wait_s, self._silence_at - self._clock.now())):
                self._take(await self._socket.receive())
                continue

            if self._clock.now() >= self._silence_at:
                await self._ask_why_silent()

        self._given_at = self._clock.now()
        self._given = self._word

        return self._given

    @property
    def _word(self) -> ReferenceChanged:
        return ReferenceChanged(bid=self._best.bid, ask=self._best.ask, last=self._last, at=self._heard_at)

    @property
    def _due_at(self) -> float:
        """When there is something to say: the first word at once, news soon, what has not changed now and then."""
        word, given = self._word, self._given

        if given is None:
            return -math.inf

        if (word.bid, word.ask, word.last) != (given.bid, given.ask, given.last):
            return self._given_at + PACE_S

        return self._given_at + REPEAT_S if word.at > given.at else math.inf

    @property
    def _silence_at(self) -> float:
        """When silence has to be explained, or has lasted too long for any explanation."""
        return min(max(self._heard_at + QUIET_S, self._ask_again_at), self._heard_at + STALL_S)

    # --- the streams -----------------------------------------------------------------------------------------------

    def _take(self, message: str | bytes) -> None:
        """Take in one message; too many in a row that mean nothing end the connection."""
        try:
            self._read(_ENVELOPE.decode(message))
        except PayloadError as error:
            self._malformed += 1

            if self._malformed > _MOST_MALFORMED:
                raise ConnectivityError(f"Binance's spot stream cannot be understood: {error}") from None
        else:
            self._malformed = 0
            self._disagreed = False
            self._heard_at = self._clock.now()

    def _read(self, envelope: Envelope) -> None:
        if envelope.stream.endswith(_BEST):
            self._take_best(_BOOK_TICKER.decode(bytes(envelope.data)))
        elif envelope.stream.endswith(_TRADES):
            trade = _TRADE.decode(bytes(envelope.data))

            if trade.s == self._symbol:
                self._last = parse_price(trade.p, path="p")
        elif envelope.stream.endswith(_SHUTDOWN):
            raise ConnectivityError("Binance announced that it will close this connection")

    def _take_best(self, ticker: BookTicker) -> None:
        best = Best(parse_amount(ticker.b, path="b") or None, parse_amount(ticker.a, path="a") or None)

        if ticker.s == self._symbol and ticker.u > self._update_id:
            self._best, self._update_id = best, ticker.u

    # --- silence ---------------------------------------------------------------------------------------------------

    async def _ask_why_silent(self) -> None:
        """Ask REST what the stream should have said; ConnectivityError when it has missed something twice."""
        asked_at = self._clock.now()
        self._ask_again_at = asked_at + QUIET_S

        if asked_at >= self._heard_at + STALL_S:
            raise ConnectivityError(f"Binance's spot stream has been silent for {STALL_S:g} s")

        try:
            best = await self._rest.best(self._symbol)
        except RateLimitedError as error:
            self._ask_again_at = asked_at + error.retry_after_s
        except (VenueError, PayloadError):
            return  # neither proof nor disproof: it is asked again
        else:
            self._compare(best, asked_at)

    def _compare(self, best: Best, asked_at: float) -> None:
        if best == self._best:
            self._heard_at = asked_at
        elif self._disagreed:
            raise ConnectivityError("Binance's spot stream is silent while the market moves")

        self._disagreed = best != self._best
