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

import anyio

from perpmaker import (
    Clock,
    ConfigurationError,
    ConnectivityError,
    PayloadError,
    Problem,
    RateLimitedError,
    ReferenceChanged,
    ReferenceReceiver,
    SourceContext,
    VenueError,
)
from perpmaker.venue import TranslatingReceiver, open_client, open_stream
from perpmaker_price_sources.binance.rest import Best, SpotRest
from perpmaker_price_sources.binance.settings import Settings, address_of
from perpmaker_price_sources.binance.stream import Heard, spot_stream

QUIET_S = 3.0
"""Silence after which REST is asked whether anything has happened."""

STALL_S = 15.0
"""Silence after which the stream is taken for dead when REST does not answer either."""

PACE_S = 0.05
"""Prices that change faster are given as the newest of each such span."""

REPEAT_S = 1.0
"""Prices that do not change are repeated this often while the stream proves alive."""


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

        async with open_stream(spot_stream(address.stream, symbol), context.connect, context.clock) as stream:
            best, last = await rest.best(symbol), await rest.last(symbol)

            yield SpotReceiver(stream, rest, symbol, context.clock, best=best, last=last)


class SpotReceiver:
    """References out of the streams of one market; its first word is what REST said when it was opened."""

    def __init__(
        self,
        stream: TranslatingReceiver[Heard],
        rest: SpotRest,
        symbol: str,
        clock: Clock,
        *,
        best: Best,
        last: Decimal,
    ) -> None:
        self._stream = stream
        self._rest = rest
        self._symbol = symbol
        self._clock = clock
        self._best = best
        self._last = last
        self._heard_at = clock.now()
        self._given: ReferenceChanged | None = None
        self._given_at = -math.inf
        self._ask_again_at = -math.inf
        self._disagreed = False

    async def receive(self) -> ReferenceChanged:
        """The next reference; ConnectivityError when the stream ended, is dead, or cannot be understood."""
        while (wait_s := self._due_at - self._clock.now()) > 0:
            with anyio.move_on_after(min(wait_s, self._silence_at - self._clock.now())):
                for heard in await self._stream.receive():
                    self._take(heard)

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

    def _take(self, heard: Heard) -> None:
        """Take in what a message said."""
        self._best = heard.best or self._best
        self._last = heard.last or self._last
        self._stream.tolerance.forgive()
        self._disagreed = False
        self._heard_at = self._clock.now()

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
