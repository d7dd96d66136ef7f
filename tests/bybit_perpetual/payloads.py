"""Payloads in the shape that the venue documents, with made-up values, and what tests vary of them."""

from __future__ import annotations

import json
from typing import Any

NOW_MS = 1_767_225_600_121

ORDER: dict[str, Any] = {
    "category": "linear",
    "orderId": "5cf98598-39a7-459e-97bf-76ca765ee020",
    "orderLinkId": "pm-b-r1-1",
    "symbol": "BTCUSDT",
    "side": "Buy",
    "orderType": "Limit",
    "price": "60000.0",
    "qty": "0.010",
    "timeInForce": "PostOnly",
    "orderStatus": "New",
    "cancelType": "UNKNOWN",
    "rejectReason": "EC_NoError",
    "avgPrice": "",
    "leavesQty": "0.010",
    "leavesValue": "600",
    "cumExecQty": "0.000",
    "cumExecValue": "0",
    "cumExecFee": "0",
    "cumFeeDetail": {},
    "positionIdx": 0,
    "reduceOnly": False,
    "closeOnTrigger": False,
    "createType": "CreateByUser",
    "stopOrderType": "",
    "triggerPrice": "",
    "triggerBy": "",
    "triggerDirection": 0,
    "stopLoss": "",
    "takeProfit": "",
    "smpType": "CancelMaker",
    "smpGroup": "0",
    "parentOrderLinkId": "",
    "createdTime": "1767225600100",
    "updatedTime": "1767225600121",
}
STOP = ORDER | {
    "orderId": "c0ffee00-1111-4222-8333-444455556666",
    "orderLinkId": "",
    "side": "Sell",
    "orderType": "Market",
    "price": "0",
    "timeInForce": "IOC",
    "orderStatus": "Untriggered",
    "reduceOnly": True,
    "closeOnTrigger": True,
    "createType": "CreateByStopLoss",
    "stopOrderType": "StopLoss",
    "triggerPrice": "58000.0",
    "triggerBy": "MarkPrice",
    "triggerDirection": 2,
}
EXECUTION: dict[str, Any] = {
    "category": "linear",
    "symbol": "BTCUSDT",
    "execId": "e-1",
    "orderId": ORDER["orderId"],
    "orderLinkId": "pm-b-r1-1",
    "side": "Buy",
    "execPrice": "60000.0",
    "execQty": "0.004",
    "execValue": "240",
    "execFee": "0.048",
    "feeRate": "0.0002",
    "feeCurrency": "USDT",
    "isMaker": True,
    "execType": "Trade",
    "execPnl": "0",
    "closedSize": "",
    "leavesQty": "0.006",
    "orderPrice": "60000.0",
    "orderQty": "0.010",
    "orderType": "Limit",
    "stopOrderType": "UNKNOWN",
    "execTime": "1767225600121",
    "createType": "CreateByUser",
    "seq": 9,
    "markPrice": "60001.2",
    "extraFees": "",
}
POSITION: dict[str, Any] = {
    "category": "linear",
    "positionIdx": 0,
    "symbol": "BTCUSDT",
    "side": "Buy",
    "size": "0.004",
    "entryPrice": "60000",
    "positionValue": "240",
    "leverage": "10",
    "markPrice": "60001.2",
    "liqPrice": "",
    "positionIM": "24",
    "positionMM": "1.2",
    "unrealisedPnl": "0.0048",
    "curRealisedPnl": "-0.048",
    "cumRealisedPnl": "-0.048",
    "positionStatus": "Normal",
    "adlRankIndicator": 2,
    "isReduceOnly": False,
    "stopLoss": "58000.0",
    "riskId": 1,
    "seq": 9,
    "createdTime": "1767225600000",
    "updatedTime": "1767225600125",
    "openTime": 1767225600121,
}
COIN: dict[str, Any] = {
    "coin": "USDT",
    "equity": "800",
    "usdValue": "800",
    "walletBalance": "1000",
    "locked": "0",
    "bonus": "0",
    "borrowAmount": "0",
    "spotBorrow": "0",
    "accruedInterest": "0",
    "totalOrderIM": "0",
    "totalPositionIM": "24",
    "totalPositionMM": "1.2",
    "unrealisedPnl": "-200",
    "cumRealisedPnl": "-0.048",
    "collateralSwitch": True,
    "marginCollateral": True,
}
WALLET: dict[str, Any] = {
    "accountType": "UNIFIED",
    "accountIMRate": "0.03",
    "accountMMRate": "0.0015",
    "totalEquity": "800",
    "totalWalletBalance": "1000",
    "totalMarginBalance": "800",
    "totalAvailableBalance": "776",
    "totalPerpUPL": "-200",
    "totalInitialMargin": "24",
    "totalMaintenanceMargin": "1.2",
    "coin": [COIN],
}
TICKER: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "tickDirection": "PlusTick",
    "lastPrice": "60000.0",
    "markPrice": "60001.2",
    "indexPrice": "60002.3",
    "fundingRate": "0.0001",
    "nextFundingTime": "1767254400000",
    "fundingIntervalHour": "8",
    "bid1Price": "60000.0",
    "bid1Size": "3",
    "ask1Price": "60000.1",
    "ask1Size": "2",
    "openInterest": "50000",
}
TRADE: dict[str, Any] = {
    "T": NOW_MS,
    "s": "BTCUSDT",
    "S": "Buy",
    "v": "0.010",
    "p": "60000.1",
    "L": "PlusTick",
    "i": "uuid",
    "BT": False,
    "RPI": False,
    "seq": 1783284617,
}
SYMBOL: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "symbolId": 1,
    "contractType": "LinearPerpetual",
    "status": "Trading",
    "baseCoin": "BTC",
    "quoteCoin": "USDT",
    "settleCoin": "USDT",
    "symbolType": "",
    "launchTime": "1585526400000",
    "deliveryTime": "0",
    "priceScale": "2",
    "leverageFilter": {"minLeverage": "1", "maxLeverage": "100.00", "leverageStep": "0.01"},
    "priceFilter": {"minPrice": "0.10", "maxPrice": "1999999.80", "tickSize": "0.10"},
    "lotSizeFilter": {
        "maxOrderQty": "1190.000",
        "maxMktOrderQty": "500.000",
        "minOrderQty": "0.001",
        "qtyStep": "0.001",
        "minNotionalValue": "5",
    },
    "fundingInterval": 480,
    "isPreListing": False,
    "preListingInfo": None,
    "riskParameters": {"priceLimitRatioX": "0.01", "priceLimitRatioY": "0.02"},
}
TIERS: list[dict[str, Any]] = [
    {
        "id": 1,
        "symbol": "BTCUSDT",
        "riskLimitValue": "2000000",
        "maintenanceMargin": "0.005",
        "initialMargin": "0.01",
        "isLowestRisk": 1,
        "maxLeverage": "100.00",
        "mmDeduction": "",
    },
    {
        "id": 2,
        "symbol": "BTCUSDT",
        "riskLimitValue": "4000000",
        "maintenanceMargin": "0.01",
        "initialMargin": "0.0175",
        "isLowestRisk": 0,
        "maxLeverage": "57.14",
        "mmDeduction": "",
    },
]
LOG: dict[str, Any] = {
    "id": "592324_BTCUSDT_161440249321",
    "symbol": "BTCUSDT",
    "side": "Sell",
    "type": "TRADE",
    "currency": "USDT",
    "funding": "",
    "fee": "0.33",
    "cashFlow": "2.5",
    "change": "2.17",
    "cashBalance": "1002.17",
    "size": "0",
    "qty": "0.01",
    "tradePrice": "60000",
    "transactionTime": "1767225600121",
    "tradeId": "e-7",
    "orderId": "o-7",
}


def message(topic: str, *rows: dict[str, Any], **further: Any) -> str:
    """A message of the private socket."""
    said = {"id": "1_BTCUSDT_9", "topic": topic, "creationTime": 1_767_225_600_130, "data": list(rows)}

    return json.dumps(said | further)


def book(kind: str = "snapshot", *, u: int = 100, bids: Any = None, asks: Any = None, **further: Any) -> str:
    """A message of `orderbook.50.BTCUSDT`."""
    data = {
        "s": "BTCUSDT",
        "b": [["60000.0", "1"]] if bids is None else bids,
        "a": [["60000.1", "2.5"]] if asks is None else asks,
        "u": u,
        "seq": u * 10,
    }
    said = {"topic": "orderbook.50.BTCUSDT", "type": kind, "ts": 120, "data": data, "cts": 118}

    return json.dumps(said | further)


def answer(result: Any, **further: Any) -> bytes:
    """An answer of REST."""
    said = {"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": NOW_MS}

    return json.dumps(said | further).encode()
