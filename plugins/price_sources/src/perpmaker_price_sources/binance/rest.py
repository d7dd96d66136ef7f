"""The few questions that are asked of Binance's spot REST, without a key."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TypeVar

import attrs
import httpx

from perpmaker import (
    ConnectivityError,
    DeadlineError,
    MarketClosedError,
    PayloadError,
    RateLimitedError,
    RefusedError,
    UnknownMarketError,
)
from perpmaker.venue import PayloadDecoder, is_json, parse_amount, parse_price, parse_retry_after
from perpmaker_price_sources.binance.messages import BestPrices, ErrorBody, ExchangeInfo, LastPrice

T = TypeVar("T")

VENUE = "Binance spot"

_ERROR = PayloadDecoder(ErrorBody)
_EXCHANGE_INFO = PayloadDecoder(ExchangeInfo)
_BEST_PRICES = PayloadDecoder(BestPrices)
_LAST_PRICE = PayloadDecoder(LastPrice)

_UNKNOWN_SYMBOL = frozenset({-1100, -1121})
_TOO_MANY = frozenset({418, 429})
_TRADING = "TRADING"


@attrs.frozen
class Best:
    """Best bid and best ask; None on an empty side."""

    bid: Decimal | None
    ask: Decimal | None


@attrs.frozen
class SpotRest:
    """Asks within the client's deadline. ConnectivityError, RateLimitedError, RefusedError or PayloadError."""

    client: httpx.AsyncClient

    async def symbol(self, market: str) -> str:
        """The venue's name of a market `BASE-QUOTE`, checked by its assets and that it is trading."""
        base, _, quote = market.partition("-")
        asked = {"symbols": f'["{base}{quote}"]'}

        try:
            info = await self._get("/api/v3/exchangeInfo", asked, _EXCHANGE_INFO)
        except RefusedError as error:
            if error.code in {str(code) for code in _UNKNOWN_SYMBOL}:
                raise UnknownMarketError(market, VENUE, (), kind="market") from None

            raise

        found = next((row for row in info.symbols if (row.baseAsset, row.quoteAsset) == (base, quote)), None)

        if found is None:
            raise UnknownMarketError(market, VENUE, (), kind="market")

        if found.status != _TRADING:
            raise MarketClosedError(market, VENUE, found.status)

        return found.symbol

    async def best(self, symbol: str) -> Best:
        """Best bid and ask."""
        prices = await self._get("/api/v3/ticker/bookTicker", {"symbol": symbol}, _BEST_PRICES)

        return Best(parse_amount(prices.bidPrice) or None, parse_amount(prices.askPrice) or None)

    async def last(self, symbol: str) -> Decimal:
        """The price of the last trade."""
        return parse_price((await self._get("/api/v3/ticker/price", {"symbol": symbol}, _LAST_PRICE)).price)

    async def _get(self, path: str, parameters: Mapping[str, str], decoder: PayloadDecoder[T]) -> T:
        try:
            response = await self.client.get(path, params=dict(parameters))
        except httpx.TimeoutException as error:
            raise DeadlineError(f"{VENUE} did not answer {path}: {error}") from error
        except httpx.HTTPError as error:
            raise ConnectivityError(f"{VENUE} gave no answer to {path}: {error}") from error

        if response.status_code != httpx.codes.OK:
            raise _failure(response)

        try:
            return decoder.decode(response.content)
        except PayloadError:
            if is_json(response.content):
                raise

            raise ConnectivityError(f"{VENUE} did not answer in JSON: a proxy in between?") from None


def _failure(response: httpx.Response) -> ConnectivityError | RefusedError:
    """What an answer other than 200 means: come back later, no, or nobody knows."""
    status = response.status_code

    if status in _TOO_MANY:
        wait_s = parse_retry_after(response.headers.get("retry-after"), utc_ms=None)

        return RateLimitedError(f"{VENUE} wants fewer requests", status=status, retry_after_s=wait_s)

    try:
        error = _ERROR.decode(response.content)
    except PayloadError:
        error = ErrorBody(code=0, msg="")

    # Only the venue's own error body is its word: anything else may come from a proxy or a firewall, and passes.
    if status >= httpx.codes.INTERNAL_SERVER_ERROR or error.code >= 0:
        return ConnectivityError(f"{VENUE} answered with status {status}{': ' if error.msg else ''}{error.msg[:200]}")

    return RefusedError(f"{VENUE}: {error.msg[:200]}", code=str(error.code), status=status)
