"""Payloads in the shape that the Indexer and the nodes document and that was seen of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from perpmaker.testing.view import make_instrument
from perpmaker_dydx_perpetual.client_ids import order_uuid, subaccount_uuid, tag_of

OWNER = "dydx19rl4cm2hmr8afy4kldpxz3fka4jguq0a4erelz"
BOT = "c0ffee"
NUMBER = 8193
SUBACCOUNT = subaccount_uuid(OWNER, 0)
ORDER_ID = order_uuid(SUBACCOUNT, NUMBER, 0, 0)
INSTRUMENT = make_instrument(
    market="BTC-USD",
    symbol="BTC-USD",
    quote="USDC",
    tick=Decimal(1),
    lot=Decimal("0.0001"),
    min_amount=Decimal("0.0001"),
    max_amount=Decimal(100_000),
    max_market_amount=Decimal(100_000),
    max_leverage=50,
    maker_fee=Decimal("0.0001"),
    taker_fee=Decimal("0.0005"),
    funding_interval_h=1,
    has_hedge_mode=False,
)

MARKET: dict[str, Any] = {
    "clobPairId": "0",
    "ticker": "BTC-USD",
    "status": "ACTIVE",
    "oraclePrice": "89947.12",
    "priceChange24H": "-512.4",
    "volume24H": "123456789.1",
    "trades24H": 54321,
    "nextFundingRate": "0.0000125",
    "initialMarginFraction": "0.02",
    "maintenanceMarginFraction": "0.012",
    "openInterest": "512.3",
    "atomicResolution": -10,
    "quantumConversionExponent": -9,
    "tickSize": "1",
    "stepSize": "0.0001",
    "stepBaseQuantums": 1000000,
    "subticksPerTick": 100000,
    "marketType": "CROSS",
    "openInterestLowerCap": "0",
    "openInterestUpperCap": "0",
    "baseOpenInterest": "510.1",
    "defaultFundingRate1H": "0",
}
ORDER: dict[str, Any] = {
    "id": ORDER_ID,
    "subaccountId": SUBACCOUNT,
    "clientId": str(NUMBER),
    "clobPairId": "0",
    "side": "BUY",
    "size": "0.01",
    "price": "89000",
    "status": "BEST_EFFORT_OPENED",
    "type": "LIMIT",
    "timeInForce": "GTT",
    "postOnly": True,
    "reduceOnly": False,
    "orderFlags": "0",
    "goodTilBlock": "1000020",
    "goodTilBlockTime": None,
    "ticker": "BTC-USD",
    "clientMetadata": str(tag_of(BOT)),
    "totalFilled": "0",
    "totalOptimisticFilled": "0",
    "triggerPrice": None,
    "updatedAt": "2025-12-08T16:11:56.125Z",
    "updatedAtHeight": "1000011",
}
FILL: dict[str, Any] = {
    "id": "a74830f8-d506-54b3-bf3b-1de791b8fe4e",
    "subaccountId": SUBACCOUNT,
    "side": "BUY",
    "liquidity": "MAKER",
    "type": "LIMIT",
    "clobPairId": "0",
    "orderId": ORDER_ID,
    "size": "0.004",
    "price": "89000",
    "quoteAmount": "356",
    "eventId": "000f42430000000200000001",
    "transactionHash": "E06",
    "createdAt": "2025-12-08T16:11:57.001Z",
    "createdAtHeight": "1000012",
    "clientMetadata": str(tag_of(BOT)),
    "fee": "-0.0039",
    "affiliateRevShare": "0",
    "ticker": "BTC-USD",
}
POSITION: dict[str, Any] = {
    "address": OWNER,
    "subaccountNumber": 0,
    "positionId": "p",
    "market": "BTC-USD",
    "side": "SHORT",
    "status": "OPEN",
    "size": "-0.25",
    "maxSize": "-42",
    "netFunding": "4.7",
    "entryPrice": "88000.5",
    "exitPrice": None,
    "sumOpen": "0.25",
    "sumClose": "0",
    "realizedPnl": "4.7",
    "unrealizedPnl": "-1",
}
USDC: dict[str, Any] = {
    "address": OWNER,
    "subaccountNumber": 0,
    "positionId": "q",
    "assetId": "0",
    "symbol": "USDC",
    "side": "SHORT",
    "size": "1599.624632",
}
SUBACCOUNT_ROW: dict[str, Any] = {
    "address": OWNER,
    "subaccountNumber": 0,
    "equity": "45.20",
    "freeCollateral": "40.1",
    "openPerpetualPositions": {"BTC-USD": POSITION},
    "assetPositions": {"USDC": USDC},
    "marginEnabled": True,
    "updatedAtHeight": "1000012",
    "latestProcessedBlockHeight": "1000013",
}
FUNDING: dict[str, Any] = {
    "createdAt": "2025-12-08T16:00:01.000Z",
    "createdAtHeight": "1000001",
    "perpetualId": "0",
    "ticker": "BTC-USD",
    "oraclePrice": "89000",
    "size": "-0.25",
    "side": "SHORT",
    "rate": "0.0000125",
    "payment": "0.278125",
    "subaccountNumber": "0",
    "fundingIndex": "17",
}
TRADE: dict[str, Any] = {
    "id": "03f89a550000000200000002",
    "side": "SELL",
    "size": "0.0004",
    "price": "89000",
    "type": "LIMIT",
    "createdAt": "2025-12-08T16:11:57.001Z",
}
STATUS: dict[str, Any] = {
    "node_info": {"network": "dydx-testnet-4"},
    "sync_info": {
        "latest_block_height": "49157714",
        "latest_block_time": "2025-12-08T16:11:57.001Z",
        "catching_up": False,
    },
}
