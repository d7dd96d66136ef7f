"""Orders as the chain and the Indexer know them, over all their versions; and how the Indexer names and writes."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, TypeAlias
from uuid import UUID, uuid5

import attrs

from perpmaker import Side
from perpmaker_dydx_perpetual import transactions as tx
from perpmaker_dydx_perpetual.client_ids import order_uuid, subaccount_uuid
from perpmaker_dydx_perpetual.sandbox.markets import ChainMarket

OPEN: Final = "OPEN"
FILLED: Final = "FILLED"
CANCELED: Final = "CANCELED"
UNTRIGGERED: Final = "UNTRIGGERED"
BEST_EFFORT_OPENED: Final = "BEST_EFFORT_OPENED"
BEST_EFFORT_CANCELED: Final = "BEST_EFFORT_CANCELED"

EXPIRED: Final = "EXPIRED"
USER: Final = "USER_CANCELED"
MARGIN: Final = "UNDERCOLLATERALIZED"
REPLACED: Final = "REPLACED"
POST_ONLY: Final = "POST_ONLY_WOULD_CROSS_MAKER_ORDER"
REMAINDER: Final = "IMMEDIATE_OR_CANCEL_WOULD_REST_ON_BOOK"
RESIZED: Final = "REDUCE_ONLY_RESIZE"
SELF_TRADE: Final = "SELF_TRADE_ERROR"
SETTLEMENT: Final = "FINAL_SETTLEMENT"


Row: TypeAlias = dict[str, object]
"""What is encoded as a JSON object; nobody changes one after it was made."""

NAMESPACE: Final = UUID("0f9da948-a6fb-4c45-9edc-4685c3f3317d")


def event_id(height: int, event: int) -> str:
    """Return the name of a match: its block, the place of the transaction that matches in it, its place there."""
    return f"{height:08x}{2:08x}{event:08x}"


def derived_uuid(*parts: object) -> str:
    """Return the name of what an event made."""
    return str(uuid5(NAMESPACE, "-".join(map(str, parts))))


def number(value: Decimal | int) -> str:
    """Write a number without an exponent and without zeros at its end."""
    plain = f"{Decimal(value).normalize():f}"

    return "0" if plain == "-0" else plain


def moment(ms: int) -> str:
    """Write a time with its milliseconds."""
    return f"{datetime.fromtimestamp(ms / 1000, UTC).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


@attrs.define(kw_only=True, eq=False)
class Record:
    """An order.

    Args:
        order: its newest version.
        market: its market.
        made_ms: when it was made, the exchange's time.
        exchange_id: the exchange's order that stands for it; None while nothing does.
        conditional_id: the exchange's conditional order.
        is_live: whether it may still trade.
        remembered: lots that the chain counts as filled.
        forgotten_at: the height from which on the chain does not.
        told: lots that the Indexer counts as filled.
        optimistic: lots that nodes say are filled, of this version.
        status: the Indexer's word.
        reason: why it ended.
        is_listed: whether the Indexer has a row of it for good.
        height: at which the row was changed.
        created_height: at which the row was made; 0 without one.
        changed_ms: when the row was changed.
    """

    order: tx.Order
    market: ChainMarket
    made_ms: int
    exchange_id: int | None = None
    conditional_id: int | None = None
    is_live: bool = True
    remembered: int = 0
    forgotten_at: int = 0
    told: int = 0
    optimistic: int = 0
    status: str = BEST_EFFORT_OPENED
    reason: str = ""
    is_listed: bool = False
    height: int = 0
    created_height: int = 0
    changed_ms: int = 0
    uuid: str = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Derive the name."""
        known = self.order.order_id
        subaccount = subaccount_uuid(known.subaccount.owner, known.subaccount.number)
        self.uuid = order_uuid(subaccount, known.client_id, known.clob_pair, known.flags)

    @property
    def lots(self) -> int:
        """The total amount of the newest version."""
        return self.order.quantums // self.market.step_quantums

    @property
    def ticks(self) -> int:
        """The price."""
        return self.order.subticks // self.market.tick_subticks

    @property
    def trigger_ticks(self) -> int:
        """The trigger price; 0 without one."""
        return self.order.trigger_subticks // self.market.tick_subticks

    @property
    def side(self) -> Side:
        """The side."""
        return Side.BUY if self.order.side == tx.BUY else Side.SELL

    @property
    def is_short_term(self) -> bool:
        """Whether it lives in the nodes' memory only."""
        return self.order.order_id.flags == tx.SHORT_TERM

    @property
    def is_ioc(self) -> bool:
        """Whether it never rests."""
        return self.order.time_in_force == tx.TimeInForce.IOC

    @property
    def is_post_only(self) -> bool:
        """Whether it never takes."""
        return self.order.time_in_force == tx.TimeInForce.POST_ONLY

    @property
    def type(self) -> str:
        """The Indexer's word."""
        if self.order.order_id.flags != tx.CONDITIONAL:
            return "LIMIT"

        return "STOP_LIMIT" if self.order.condition == tx.STOP_LOSS else "TAKE_PROFIT"


def order_row(record: Record, shown_ms: int, **further: object) -> Row:
    """Return an order as the stream shows it; `further` are the fields that not every message has."""
    order, market = record.order, record.market
    instrument = market.instrument
    time = order.good_til_time
    row: Row = {
        **removal_row(record),
        "side": "BUY" if order.side == tx.BUY else "SELL",
        "size": number(instrument.amount(record.lots)),
        "price": number(instrument.price(record.ticks)),
        "type": record.type,
        "timeInForce": "IOC" if record.is_ioc else "GTT",
        "postOnly": record.is_post_only,
        "reduceOnly": bool(order.reduce_only),
        "goodTilBlock": str(order.good_til_block) if record.is_short_term else None,
        "goodTilBlockTime": moment(time * 1000) if time else None,
        "triggerPrice": number(instrument.price(record.trigger_ticks)) if order.trigger_subticks else None,
        "clientMetadata": str(order.client_metadata),
        "totalFilled": number(instrument.amount(record.told)),
        "totalOptimisticFilled": number(instrument.amount(record.optimistic)),
        "updatedAt": moment(shown_ms),
        "updatedAtHeight": str(record.height),
        **further,
    }

    if record.created_height:
        row["createdAtHeight"] = str(record.created_height)

    return row


def removal_row(record: Record) -> Row:
    """Return the fields that every message about an order has."""
    order_id = record.order.order_id
    subaccount = order_id.subaccount
    row: Row = {
        "id": record.uuid,
        "subaccountId": subaccount_uuid(subaccount.owner, subaccount.number),
        "clientId": str(order_id.client_id),
        "clobPairId": str(order_id.clob_pair),
        "status": record.status,
        "orderFlags": str(order_id.flags),
        "ticker": record.market.instrument.symbol,
    }

    if record.reason:
        row["removalReason"] = f"ORDER_REMOVAL_REASON_{record.reason}"

    return row


def is_stateful(record: Record) -> bool:
    """Whether it is kept by the chain itself."""
    return record.order.order_id.flags in {tx.LONG_TERM, tx.CONDITIONAL}
