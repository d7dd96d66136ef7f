"""What the Indexer says of markets, books and accounts, as rows."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from perpmaker import Side
from perpmaker.venue.sandbox import Depth, Exchange, Execution
from perpmaker_dydx_perpetual.sandbox.markets import EXPONENT, QUOTE, ChainMarket
from perpmaker_dydx_perpetual.sandbox.positions import Position
from perpmaker_dydx_perpetual.sandbox.records import Record, Row, derived_uuid, moment, number

if TYPE_CHECKING:
    from perpmaker_dydx_perpetual.sandbox.replica import Version
    from perpmaker_dydx_perpetual.sandbox.world import Block, World

SIDE_WORDS: Final = {Side.BUY: "BUY", Side.SELL: "SELL"}
LIQUIDATED: Final = "LIQUIDATED"
MOST_LEVELS: Final = 100


def market_row(market: ChainMarket, exchange: Exchange, status: str) -> Row:
    """Return a market with its rules, price and funding."""
    instrument = market.instrument

    return {
        "clobPairId": str(market.clob_pair),
        "ticker": instrument.symbol,
        "status": status,
        "oraclePrice": number(exchange.mark),
        "priceChange24H": "0",
        "volume24H": "0",
        "trades24H": 0,
        "nextFundingRate": number(exchange.funding_rate),
        "initialMarginFraction": number(market.initial_margin),
        "maintenanceMarginFraction": number(market.maintenance_margin),
        "openInterest": "0",
        "atomicResolution": market.resolution,
        "quantumConversionExponent": EXPONENT,
        "tickSize": number(instrument.tick),
        "stepSize": number(instrument.lot),
        "stepBaseQuantums": market.step_quantums,
        "subticksPerTick": market.tick_subticks,
        "marketType": "CROSS",
        "openInterestLowerCap": "0",
        "openInterestUpperCap": "0",
        "baseOpenInterest": "0",
        "defaultFundingRate1H": "0",
    }


def book_rows(depth: Depth, market: ChainMarket) -> Row:
    """Return the book from the best outward."""

    def rows(levels: Sequence[tuple[int, int]]) -> list[Row]:
        return [level_row(market, *level) for level in levels[:MOST_LEVELS]]

    return {"bids": rows(depth.bids), "asks": rows(depth.asks)}


def level_row(market: ChainMarket, ticks: int, lots: int) -> Row:
    """Return a level."""
    return {"price": number(market.instrument.price(ticks)), "size": number(market.instrument.amount(lots))}


def asset_row(usdc: Decimal, owner: str) -> Row:
    """Return what the stream says of the balance."""
    row = balance_row(usdc)

    return {"address": owner, "positionId": "0", **row}


def balance_row(usdc: Decimal) -> Row:
    """Return what an answer says of the balance; the size has its sign in the side."""
    return {
        "symbol": QUOTE,
        "side": "SHORT" if usdc < 0 else "LONG",
        "size": number(abs(usdc)),
        "assetId": "0",
        "subaccountNumber": 0,
    }


def position_rows(lives: Sequence[Position], symbol: str, owner: str, mark: Decimal) -> list[Row]:
    """Return what the stream says of positions."""
    return [{"address": owner, "positionId": life.uuid, **life.row(symbol, 0, mark)} for life in lives]


def subaccount_row(version: Version, market: ChainMarket, mark: Decimal, owner: str, height: int) -> Row:
    """Return the account: what it has by the rows of a block, at the newest price and height.

    What is free takes no notice of a leverage that the owner has set.
    """
    held = version.positions.held
    symbol = market.instrument.symbol
    notional = Decimal(0) if held is None else held.size * held.sign * mark
    equity = version.usdc + notional

    return {
        "address": owner,
        "subaccountNumber": 0,
        "equity": number(equity),
        "freeCollateral": number(equity - abs(notional) * market.initial_margin),
        "openPerpetualPositions": {} if held is None else {symbol: held.row(symbol, 0, mark)},
        "assetPositions": {QUOTE: balance_row(version.usdc)},
        "marginEnabled": True,
        "updatedAtHeight": str(version.block.height),
        "latestProcessedBlockHeight": str(height),
    }


def fill_row(record: Record | None, execution: Execution, event: str, block: Block, world: World) -> Row:
    """Return a fill as the stream shows it; one that was forced is of no order."""
    liquidity = "MAKER" if execution.maker else "TAKER"
    kind = world.options.maker_fill_type if execution.maker else "LIMIT"
    row: Row = {
        "id": derived_uuid(event, liquidity),
        "subaccountId": derived_uuid(world.owner, 0),
        "side": SIDE_WORDS[execution.side],
        "liquidity": liquidity,
        "type": LIQUIDATED if execution.forced else kind,
        "clobPairId": str(world.market.clob_pair),
        "size": number(execution.amount),
        "price": number(execution.price),
        "quoteAmount": number(execution.price * execution.amount),
        "eventId": event,
        "createdAt": moment(world.shown_ms(block.at_ms)),
        "createdAtHeight": str(block.height),
        "fee": number(execution.fee),
        "affiliateRevShare": "0",
        "ticker": world.instrument.symbol,
    }

    if record is not None:
        row |= {"orderId": record.uuid, "clientMetadata": str(record.order.client_metadata)}

    return row


def transfer_row(amount: Decimal, block: Block, world: World) -> Row:
    """Return a transfer to the subaccount, or from it where the amount is below zero."""
    own, wallet = {"address": world.owner, "subaccountNumber": 0}, {"address": world.owner}
    sender, recipient = (wallet, own) if amount > 0 else (own, wallet)

    return {
        "sender": sender,
        "recipient": recipient,
        "symbol": QUOTE,
        "size": number(abs(amount)),
        "type": "DEPOSIT" if amount > 0 else "WITHDRAWAL",
        "createdAt": moment(world.shown_ms(block.at_ms)),
        "createdAtHeight": str(block.height),
        "transactionHash": derived_uuid("transfer", block.height).replace("-", "").upper() * 2,
    }
