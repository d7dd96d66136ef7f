"""Binance's payloads in Binance's own words, one class each, with only the fields that are used.

Numbers and enums stay as they came; optional is what may be absent. Sources: USDⓈ-M futures documentation, the pages
named in each class; fields come and go there without a version, so nothing is required that can be done without.
"""
# ruff: noqa: N815  # the venue's own words

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec

from perpmaker.venue import Id, Millis, Number

Level: TypeAlias = tuple[str, str]


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """Every refusal: `{"code": -2011, "msg": "Unknown order sent."}`. Whatever has no code of below 0 is none."""

    code: int = 0
    msg: str = ""


class ServerTime(msgspec.Struct, frozen=True, kw_only=True):
    """`GET /fapi/v1/time`."""

    serverTime: Millis


# --- market -----------------------------------------------------------------------------------------------------------


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """One rule of a market; which fields it has depends on `filterType`."""

    filterType: str
    minPrice: Number | None = None
    maxPrice: Number | None = None
    tickSize: Number | None = None
    minQty: Number | None = None
    maxQty: Number | None = None
    stepSize: Number | None = None
    notional: Number | None = None
    multiplierUp: Number | None = None
    multiplierDown: Number | None = None
    limit: int | None = None


class Symbol(msgspec.Struct, frozen=True, kw_only=True):
    """A market of `GET /fapi/v1/exchangeInfo`."""

    symbol: str
    contractType: str
    status: str
    baseAsset: str
    quoteAsset: str
    filters: list[Filter]


class RateLimit(msgspec.Struct, frozen=True, kw_only=True):
    """A request budget of `GET /fapi/v1/exchangeInfo`."""

    rateLimitType: str
    interval: str
    intervalNum: int
    limit: int


class ExchangeInfo(msgspec.Struct, frozen=True, kw_only=True):
    """`GET /fapi/v1/exchangeInfo`: `Symbol` and `RateLimit`, undecoded."""

    symbols: list[msgspec.Raw]
    rateLimits: list[msgspec.Raw] = []


class Bracket(msgspec.Struct, frozen=True, kw_only=True):
    """A maintenance tier of `GET /fapi/v1/leverageBracket`."""

    initialLeverage: int
    notionalCap: Number
    notionalFloor: Number
    maintMarginRatio: Number
    cum: Number


class Brackets(msgspec.Struct, frozen=True, kw_only=True):
    """`GET /fapi/v1/leverageBracket`: the tiers of one market."""

    symbol: str
    brackets: list[Bracket]


class CommissionRate(msgspec.Struct, frozen=True, kw_only=True):
    """`GET /fapi/v1/commissionRate`; a maker rate may be negative."""

    symbol: str
    makerCommissionRate: Number
    takerCommissionRate: Number


class FundingInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `GET /fapi/v1/fundingInfo`, which lists only markets whose interval is not 8 hours."""

    symbol: str
    fundingIntervalHours: int


class Depth(msgspec.Struct, frozen=True, kw_only=True):
    """`GET /fapi/v1/depth`."""

    lastUpdateId: Id
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    T: Millis = 0


class DepthUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """Stream `<symbol>@depth@100ms`: absolute amounts of the levels that changed from update `U` to `u`.

    `pu` is the `u` of the stream's previous message.
    """

    U: Id
    u: Id
    pu: Id
    b: tuple[Level, ...]
    a: tuple[Level, ...]
    T: Millis


class MarkPriceUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """Stream `<symbol>@markPrice@1s`; `r` is empty and `T` 0 where a market has no funding."""

    p: Number
    E: Millis
    s: str
    i: Number | None = None
    r: Number | None = None
    T: Millis = 0


class PremiumIndex(msgspec.Struct, frozen=True, kw_only=True):
    """`GET /fapi/v1/premiumIndex` of one market; the rate is empty and the next time 0 where it has no funding."""

    symbol: str
    markPrice: Number
    time: Millis
    indexPrice: Number | None = None
    lastFundingRate: Number | None = None
    nextFundingTime: Millis = 0


class AggregateTrade(msgspec.Struct, frozen=True, kw_only=True):
    """Stream `<symbol>@aggTrade`: `a` its number; `m`: the buyer was the maker, so the taker sold."""

    s: str
    p: Number
    q: Number
    T: Millis
    m: bool
    a: Id = 0


class StreamEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What every streamed event has: its name."""

    e: Any = ""


# --- account ----------------------------------------------------------------------------------------------------------


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """An order, from placing, cancelling, asking and listing alike."""

    orderId: Id
    symbol: str
    status: str
    clientOrderId: str
    origQty: Number
    executedQty: Number
    side: str
    type: str
    price: Number = "0"
    timeInForce: str = "GTC"
    reduceOnly: bool = False
    positionSide: str = "BOTH"
    updateTime: Millis = 0


class AlgoOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A conditional order of the algo service, from placing, cancelling, asking and listing alike.

    `actualOrderId` is the regular order it became, empty before; a cancel answers with the ids alone.
    """

    algoId: Id
    clientAlgoId: str
    symbol: str = ""
    side: str = ""
    positionSide: str = "BOTH"
    algoStatus: str = ""
    triggerPrice: Number = "0"
    quantity: Number | None = None
    actualOrderId: str | int | None = None
    actualQty: Number | None = None
    closePosition: bool = True
    workingType: str = ""
    updateTime: Millis = 0


class OrderName(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `GET /fapi/v1/allOrders`, of which only the two names are read."""

    orderId: Id
    clientOrderId: str = ""


class KeyRestrictions(msgspec.Struct, frozen=True, kw_only=True):
    """`GET /sapi/v1/account/apiRestrictions`, on the host of the spot market."""

    ipRestrict: bool
    enableReading: bool
    enableWithdrawals: bool
    enableFutures: bool = False
    enableInternalTransfer: bool = False
    permitsUniversalTransfer: bool = False


class UserTrade(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `GET /fapi/v1/userTrades`. There is no client id in it."""

    id: Id
    orderId: Id
    symbol: str
    side: str
    price: Number
    qty: Number
    commission: Number
    commissionAsset: str
    realizedPnl: Number
    maker: bool
    time: Millis
    positionSide: str = "BOTH"


class IncomeRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `GET /fapi/v1/income`; `tranId` is unique only within its `incomeType`."""

    incomeType: str
    income: Number
    asset: str
    time: Millis
    tranId: Id
    symbol: str = ""
    tradeId: str = ""


class PositionRisk(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `GET /fapi/v3/positionRisk`; markets without position and order have none."""

    symbol: str
    positionSide: str
    positionAmt: Number
    entryPrice: Number
    liquidationPrice: Number = "0"
    isolatedMargin: Number = "0"
    openOrderInitialMargin: Number = "0"
    bidNotional: Number = "0"
    askNotional: Number = "0"
    updateTime: Millis = 0


class Asset(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `assets` of `GET /fapi/v3/account`."""

    asset: str
    walletBalance: Number
    availableBalance: Number
    openOrderInitialMargin: Number | None = None
    marginBalance: Number | None = None
    initialMargin: Number | None = None
    maintMargin: Number | None = None
    updateTime: Millis = 0


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """`GET /fapi/v3/account`: `Asset`, undecoded.

    `availableBalance` and the totals are USDT in single-asset mode, and all assets in USD otherwise.
    """

    assets: list[msgspec.Raw]
    availableBalance: Number = "0"
    totalOpenOrderInitialMargin: Number | None = None
    totalMarginBalance: Number | None = None
    totalInitialMargin: Number | None = None
    totalMaintMargin: Number | None = None


class AccountConfig(msgspec.Struct, frozen=True, kw_only=True):
    """`GET /fapi/v1/accountConfig`; `dualSidePosition` is Hedge mode."""

    dualSidePosition: bool
    canTrade: bool = True
    multiAssetsMargin: bool = False


class SymbolConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `GET /fapi/v1/symbolConfig`."""

    symbol: str
    marginType: str
    leverage: int


class ListenKey(msgspec.Struct, frozen=True, kw_only=True):
    """`POST /fapi/v1/listenKey`."""

    listenKey: str
