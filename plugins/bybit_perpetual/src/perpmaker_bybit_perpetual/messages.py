"""Bybit's payloads in Bybit's own words, one class each, with only the fields that are used.

Numbers and enums stay as they came; optional is what may be absent, and a missing number is an empty text. Source: the
pages of Bybit's v5 documentation named in each class; fields come and go there, so nothing is required that can be done
without.
"""
# ruff: noqa: N815  # the venue's own words

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec

from perpmaker import venue as kit

Level: TypeAlias = tuple[str, str]

EMPTY = msgspec.Raw(b"{}")


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """Every answer: over REST its `result`, over the trade socket its `data`, undecoded."""

    retCode: int
    retMsg: str = ""
    result: msgspec.Raw = EMPTY
    data: msgspec.Raw = msgspec.Raw(b"")
    retExtInfo: msgspec.Raw = EMPTY
    time: kit.Millis = 0


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A result that is a list, undecoded, of which there may be another page."""

    rows: kit.Rows = msgspec.field(name="list")
    nextPageCursor: str | None = None


class LeverageFilter(msgspec.Struct, frozen=True, kw_only=True):
    """`leverageFilter` of a market."""

    maxLeverage: kit.Number


class PriceFilter(msgspec.Struct, frozen=True, kw_only=True):
    """`priceFilter` of a market."""

    tickSize: kit.Number
    minPrice: kit.Number = "0"
    maxPrice: kit.Number = "0"


class LotSizeFilter(msgspec.Struct, frozen=True, kw_only=True):
    """`lotSizeFilter` of a market."""

    qtyStep: kit.Number
    minOrderQty: kit.Number
    maxOrderQty: kit.Number
    maxMktOrderQty: kit.Number | None = None
    minNotionalValue: kit.Number | None = None


class RiskParameters(msgspec.Struct, frozen=True, kw_only=True):
    """`riskParameters` of a market: X of the price band."""

    priceLimitRatioX: kit.Number | None = None


class Symbol(msgspec.Struct, frozen=True, kw_only=True):
    """A market of `GET /v5/market/instruments-info`; `fundingInterval` is in minutes."""

    symbol: str
    contractType: str
    status: str
    baseCoin: str
    quoteCoin: str
    leverageFilter: LeverageFilter
    priceFilter: PriceFilter
    lotSizeFilter: LotSizeFilter
    fundingInterval: kit.Number = 480
    symbolType: str = ""
    isPreListing: bool = False
    riskParameters: RiskParameters | None = None


class RiskTier(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `GET /v5/market/risk-limit`: the margin of positions up to `riskLimitValue`."""

    symbol: str
    riskLimitValue: kit.Number
    maintenanceMargin: kit.Number
    initialMargin: kit.Number
    maxLeverage: kit.Number
    mmDeduction: kit.Number = ""


class FeeRate(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `GET /v5/account/fee-rate`; a maker rate may be negative."""

    symbol: str
    makerFeeRate: kit.Number
    takerFeeRate: kit.Number


class Ticker(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `GET /v5/market/tickers`, and `data` of the topic `tickers.SYMBOL`, of which only what changed comes."""

    symbol: str
    markPrice: kit.Number | None = None
    indexPrice: kit.Number | None = None
    fundingRate: kit.Number | None = None
    nextFundingTime: kit.Number | None = None


class BookData(msgspec.Struct, frozen=True, kw_only=True):
    """`data` of the topic `orderbook.DEPTH.SYMBOL`: levels with absolute amounts; `u` counts, 1 is a restart."""

    b: tuple[Level, ...]
    a: tuple[Level, ...]
    u: kit.Id
    seq: kit.Id = 0


class BookMessage(msgspec.Struct, frozen=True, kw_only=True):
    """The topic `orderbook.DEPTH.SYMBOL`."""

    topic: str
    type: str
    data: BookData
    ts: kit.Millis = 0
    cts: kit.Millis = 0


class PublicTrade(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the topic `publicTrade.SYMBOL`: `S` the side that took; `BT` a block trade, made beside the book."""

    s: str
    S: str
    v: kit.Number
    p: kit.Number
    T: kit.Millis
    BT: bool = False


class TopicMessage(msgspec.Struct, frozen=True, kw_only=True):
    """Any message of a socket: a topic with its data undecoded, or the answer to a request (`op`)."""

    topic: Any = ""
    op: Any = ""
    data: msgspec.Raw = EMPTY
    ts: kit.Millis = 0
    creationTime: kit.Millis = 0


class SocketReply(msgspec.Struct, frozen=True, kw_only=True):
    """An answer to a request on a socket, in each of the shapes that the venue has for it."""

    op: Any = ""
    req_id: Any = ""
    success: Any = None
    ret_msg: Any = ""
    retCode: Any = None
    retMsg: Any = ""


class OrderIds(msgspec.Struct, frozen=True, kw_only=True):
    """What a command about an order is answered with: its ids; the first is empty where a batch refused it."""

    orderId: str = ""
    orderLinkId: str = ""


class BatchCode(msgspec.Struct, frozen=True, kw_only=True):
    """What `retExtInfo` of a batch says of one order."""

    code: int
    msg: str = ""


class AccountInfo(msgspec.Struct, frozen=True, kw_only=True):
    """`GET /v5/account/info`: the margin mode is that of the whole account."""

    marginMode: str
    unifiedMarginStatus: int = 0


class UserSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`GET /v5/account/user-setting-config`: `lpaPerp` true refuses an order beyond the price band."""

    lpaPerp: bool | None = None
    smpType: Any = ""


class Protection(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `dcpInfos` of `GET /v5/account/query-dcp-info`."""

    product: str = ""
    dcpStatus: str = ""
    timeWindow: kit.Number = ""


class Protections(msgspec.Struct, frozen=True, kw_only=True):
    """`GET /v5/account/query-dcp-info`."""

    dcpInfos: list[Protection] = []


class LogRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `GET /v5/account/transaction-log`; `id` is its only key, `funding` is money, received where above 0."""

    id: str
    type: str
    currency: str
    transactionTime: kit.Millis
    symbol: str = ""
    cashFlow: kit.Number = ""
    funding: kit.Number = ""
    fee: kit.Number = ""
    change: kit.Number = ""
    tradeId: str = ""


class Permissions(msgspec.Struct, frozen=True, kw_only=True):
    """`permissions` of `GET /v5/user/query-api`."""

    ContractTrade: list[str] = []
    Wallet: list[str] = []


class KeyInfo(msgspec.Struct, frozen=True, kw_only=True):
    """`GET /v5/user/query-api`."""

    readOnly: int
    permissions: Permissions
    ips: list[str] = []
