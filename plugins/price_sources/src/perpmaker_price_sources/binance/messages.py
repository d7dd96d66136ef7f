"""Payloads of Binance's spot REST and streams, in the venue's own words; numbers stay as they came."""

from __future__ import annotations

import attrs
import msgspec

from perpmaker.venue import Id, Number


@attrs.frozen(kw_only=True)
class Symbol:
    """A market of `GET /api/v3/exchangeInfo`."""

    symbol: str
    status: str
    baseAsset: str  # noqa: N815  # the venue's name
    quoteAsset: str  # noqa: N815  # the same


@attrs.frozen(kw_only=True)
class ExchangeInfo:
    """`GET /api/v3/exchangeInfo`."""

    symbols: list[Symbol]


@attrs.frozen(kw_only=True)
class BestPrices:
    """`GET /api/v3/ticker/bookTicker`; prices are "0.00000000" on an empty side."""

    symbol: str
    bidPrice: Number  # noqa: N815  # the venue's name
    askPrice: Number  # noqa: N815  # the same


@attrs.frozen(kw_only=True)
class LastPrice:
    """`GET /api/v3/ticker/price`."""

    symbol: str
    price: Number


@attrs.frozen(kw_only=True)
class ErrorBody:
    """A refusal: `{"code": -1121, "msg": "Invalid symbol."}`."""

    code: int
    msg: str


@attrs.frozen(kw_only=True)
class Envelope:
    """A message of a combined stream: the stream's name, and its payload undecoded."""

    stream: str
    data: msgspec.Raw


@attrs.frozen(kw_only=True)
class BookTicker:
    """`<symbol>@bookTicker`: no event type and no time; `u` grows with every change of the book."""

    u: Id
    s: str
    b: Number
    a: Number


@attrs.frozen(kw_only=True)
class Trade:
    """`<symbol>@trade`."""

    s: str
    t: Id
    p: Number
