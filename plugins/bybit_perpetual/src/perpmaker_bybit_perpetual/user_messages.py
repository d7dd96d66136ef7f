"""Rows of the account in Bybit's own words, as they are asked for and as they are streamed: the fields are the same.

What a flat position, an old order or another product leaves out must not hide what is ours, so little is required.
"""
# ruff: noqa: N815  # the venue's own words

from __future__ import annotations

from typing import Any

import msgspec

from perpmaker import venue as kit

_NO_ROWS = msgspec.Raw(b"[]")


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """An order; a conditional one has a trigger. StopLoss without `orderLinkId`: the position's stop."""

    orderId: str
    symbol: str
    side: str
    orderStatus: str
    qty: kit.Number
    orderLinkId: str = ""
    cumExecQty: kit.Number = "0"
    price: kit.Number = "0"
    orderType: str = "Limit"
    timeInForce: str = "GTC"
    positionIdx: int = 0
    reduceOnly: bool = False
    closeOnTrigger: bool = False
    createType: str | None = None
    cancelType: str | None = None
    rejectReason: str | None = None
    stopOrderType: str | None = None
    triggerPrice: kit.Number | None = None
    triggerBy: str | None = None
    updatedTime: kit.Millis = 0


class Execution(msgspec.Struct, frozen=True, kw_only=True):
    """An execution; of funding `execFee` is the payment. `closedSize` is above 0 where it made a position smaller."""

    execId: str
    orderId: str
    symbol: str
    side: str
    execPrice: kit.Number
    execQty: kit.Number
    execTime: kit.Millis
    execType: str = "Trade"
    orderLinkId: str = ""
    execFee: kit.Number = "0"
    feeCurrency: str | None = None
    isMaker: bool = False
    execPnl: kit.Number | None = None
    closedSize: kit.Number | None = None
    stopOrderType: str | None = None


class PositionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A position: asked for it has `avgPrice`, streamed `entryPrice`. A flat one may lack all that is optional here."""

    symbol: str
    side: str
    size: kit.Number
    positionIdx: int = 0
    avgPrice: kit.Number | None = None
    entryPrice: kit.Number | None = None
    leverage: kit.Number | None = None
    liqPrice: kit.Number | None = None
    positionStatus: str | None = None
    stopLoss: kit.Number | None = None
    updatedTime: Any = 0


class Coin(msgspec.Struct, frozen=True, kw_only=True):
    """A coin of a wallet. `walletBalance` holds what was borrowed for spot trading."""

    coin: str
    walletBalance: kit.Number
    spotBorrow: kit.Number | None = None
    locked: kit.Number | None = None
    bonus: kit.Number | None = None
    totalOrderIM: kit.Number | None = None
    totalPositionIM: kit.Number | None = None
    totalPositionMM: kit.Number | None = None
    equity: kit.Number | None = None


class Wallet(msgspec.Struct, frozen=True, kw_only=True):
    """An account: its `Coin`, undecoded, and totals in USD. `accountMMRate` 1 is liquidation.

    `totalMarginBalance` is what the venue measures margin against: collateral and unrealised profit.
    """

    accountType: Any = ""
    coin: msgspec.Raw = _NO_ROWS
    totalAvailableBalance: kit.Number | None = None
    accountMMRate: kit.Number | None = None
    totalMarginBalance: kit.Number | None = None
    totalInitialMargin: kit.Number | None = None
    totalMaintenanceMargin: kit.Number | None = None
