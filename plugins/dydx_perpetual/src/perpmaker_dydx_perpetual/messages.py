"""The Indexer's and the node's payloads in their own words, with only the fields that are used.

Numbers and words stay as they came; optional is what may be absent or null. The same shapes come by REST and by
WebSocket. Sources: dydxprotocol/v4-chain (indexer/services/comlink, indexer/packages), CometBFT's RPC documentation.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec

from perpmaker.venue import Id, Number, Rows

Table: TypeAlias = dict[str, msgspec.Raw]
"""Undecoded rows by name."""

EMPTY, NOTHING = msgspec.Raw(b"{}"), msgspec.Raw(b"")


class Struct(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Names are written in camel case on the wire."""


class Head(Struct, frozen=True, kw_only=True):
    """What tells whose a row is; of whatever type, since it may be anybody's."""

    market: Any = None
    ticker: Any = None
    client_metadata: Any = None
    symbol: Any = None


# --- the Indexer ------------------------------------------------------------------------------------------------------


class Problem(Struct, frozen=True, kw_only=True):
    """One of the errors of a refusal."""

    msg: str = ""


class Refused(Struct, frozen=True, kw_only=True):
    """Every refusal: `{"errors": [{"msg": "..."}]}`."""

    errors: list[Problem] = []


class Time(Struct, frozen=True, kw_only=True):
    """`GET /v4/time`."""

    iso: str


class Height(Struct, frozen=True, kw_only=True):
    """The newest block: `height` asked for and at the beginning of a subscription, `blockHeight` in its updates."""

    height: Id | None = None
    block_height: Id | None = None
    time: str | None = None


class Market(Struct, frozen=True, kw_only=True):
    """A market of `GET /v4/perpetualMarkets`."""

    clob_pair_id: Id
    ticker: str
    status: str
    oracle_price: Number | None = None
    next_funding_rate: Number | None = None
    initial_margin_fraction: Number
    maintenance_margin_fraction: Number
    tick_size: Number
    step_size: Number
    step_base_quantums: int
    subticks_per_tick: int
    market_type: str = "CROSS"


class Markets(Struct, frozen=True, kw_only=True):
    """All markets, by ticker."""

    markets: Table


class MarketUpdate(Struct, frozen=True, kw_only=True):
    """What changed of a market; each field alone."""

    oracle_price: Number | None = None
    next_funding_rate: Number | None = None
    status: str | None = None


class MarketUpdates(Struct, frozen=True, kw_only=True):
    """What an update of `v4_markets` says; at the beginning `markets` has them whole."""

    markets: Table = {}
    trading: Table = {}
    oracle_prices: Table = {}


class Level(Struct, frozen=True, kw_only=True):
    """One price of a whole book."""

    price: str
    size: str


class Book(Struct, frozen=True, kw_only=True):
    """A whole book."""

    bids: list[Level] = []
    asks: list[Level] = []


class BookUpdate(Struct, frozen=True, kw_only=True):
    """Changed levels with their whole sizes; 0 removes one."""

    bids: list[tuple[str, str]] = []
    asks: list[tuple[str, str]] = []


class Trade(Struct, frozen=True, kw_only=True):
    """Somebody's trade; `side` is the taker's."""

    id: str
    side: str
    size: Number
    price: Number
    created_at: str
    type: str = "LIMIT"


class Trades(Struct, frozen=True, kw_only=True):
    """Trades, undecoded."""

    trades: Rows = []


class Order(Struct, frozen=True, kw_only=True):
    """An order; of one that the Indexer has forgotten, a removal says little more than its ids."""

    id: str
    client_id: Id
    clob_pair_id: Id | None = None
    status: str
    type: str = ""
    order_flags: Id = 0
    side: str | None = None
    size: Number | None = None
    price: Number | None = None
    time_in_force: str = "GTT"
    post_only: bool = False
    reduce_only: bool = False
    good_til_block: Id | None = None
    good_til_block_time: str | None = None
    ticker: str = ""
    client_metadata: Id | None = None
    total_filled: Number | None = None
    total_optimistic_filled: Number | None = None
    trigger_price: Number | None = None
    removal_reason: str | None = None
    updated_at: str | None = None


class Fill(Struct, frozen=True, kw_only=True):
    """An execution; that of a liquidation may bear no order."""

    id: str
    side: str
    liquidity: str
    type: str
    size: Number
    price: Number
    fee: Number
    created_at: str
    created_at_height: Id
    order_id: str | None = None
    client_metadata: Id | None = None
    market: str = ""
    ticker: str = ""


class Fills(Struct, frozen=True, kw_only=True):
    """`GET /v4/fills`, undecoded."""

    fills: Rows


class Position(Struct, frozen=True, kw_only=True):
    """A position; the size of a short one is negative. `unrealized_pnl` is by the oracle's price."""

    market: str
    side: str
    status: str
    size: Number
    entry_price: Number
    unrealized_pnl: Number | None = None


class Asset(Struct, frozen=True, kw_only=True):
    """An asset of a subaccount; what is owed has the side SHORT."""

    symbol: str
    side: str
    size: Number


class Subaccount(Struct, frozen=True, kw_only=True):
    """A subaccount at one moment."""

    equity: Number
    free_collateral: Number
    open_perpetual_positions: Table = {}
    asset_positions: Table = {}


class SubaccountAnswer(Struct, frozen=True, kw_only=True):
    """`GET /v4/addresses/{address}/subaccountNumber/{number}`."""

    subaccount: Subaccount


class SubaccountUpdate(Struct, frozen=True, kw_only=True):
    """What the channel of a subaccount says; orders stand in its beginning too."""

    fills: Rows = []
    orders: Rows = []
    perpetual_positions: Rows = []
    asset_positions: Rows = []
    block_height: Id | None = None


class FundingPayment(Struct, frozen=True, kw_only=True):
    """Funding of one hour; above zero it was received."""

    created_at: str
    created_at_height: Id
    ticker: str
    payment: Number
    funding_index: str = ""


class FundingPayments(Struct, frozen=True, kw_only=True):
    """`GET /v4/fundingPayments`, undecoded."""

    funding_payments: Rows


class TransferEnd(Struct, frozen=True, kw_only=True):
    """A side of a transfer; without a number it is a wallet of the chain."""

    address: str
    subaccount_number: int | None = None


class Transfer(Struct, frozen=True, kw_only=True):
    """Money that was moved to a subaccount or from it."""

    id: str
    sender: TransferEnd
    recipient: TransferEnd
    size: Number
    symbol: str
    created_at: str


class Transfers(Struct, frozen=True, kw_only=True):
    """`GET /v4/transfers`, undecoded."""

    transfers: Rows


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """A message of the WebSocket; `message_id` counts those of the connection that `connection_id` names."""

    type: str
    connection_id: Any = ""
    message_id: Id = 0
    channel: str = ""
    id: Any = None
    message: str = ""
    contents: msgspec.Raw = EMPTY


# --- the node ---------------------------------------------------------------------------------------------------------


class Broadcast(msgspec.Struct, frozen=True, kw_only=True):
    """What a node's first check of a transaction says; 0 is yes."""

    code: int
    codespace: str = ""
    log: str = ""


class Queried(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of the chain's state: `value` is protobuf in base64."""

    code: int = 0
    codespace: str = ""
    log: str = ""
    value: str | None = None


class RpcError(msgspec.Struct, frozen=True, kw_only=True):
    """The node's own no."""

    code: int = 0
    message: str = ""
    data: Any = ""


class RpcAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer of JSON-RPC: `result`, or `error`."""

    result: msgspec.Raw = NOTHING
    error: RpcError | None = None


class QueryResult(msgspec.Struct, frozen=True, kw_only=True):
    """`abci_query`."""

    response: Queried


class SyncInfo(msgspec.Struct, frozen=True, kw_only=True):
    """How far a node is."""

    latest_block_height: Id
    latest_block_time: str = ""
    catching_up: bool = False


class NodeInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Which chain a node belongs to."""

    network: str = ""


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """`status`."""

    sync_info: SyncInfo
    node_info: NodeInfo = NodeInfo()
