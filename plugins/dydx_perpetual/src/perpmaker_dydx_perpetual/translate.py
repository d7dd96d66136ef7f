"""Payload to model, pure: every quirk of the Indexer's words stands here.

What is not finite, not positive where it must be, or not a multiple of the market's steps is a PayloadError. A word
that this version does not know is kept as it came (`OrderReport.status` None) and never guessed at.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import attrs

from perpmaker import Instrument, OrderReport, OrderType, PayloadError, Position, PositionSide, Side
from perpmaker.venue import (
    Balance,
    Fill,
    IncomeKind,
    IncomeRecord,
    MarkChanged,
    OrderStatus,
    Refusal,
    StopTrigger,
    Traded,
    exact_ticks,
    lookup,
    order_sizes,
    order_ticks,
    parse_decimal,
    parse_price,
    shown_lots,
)

from . import messages
from .client_ids import TWIN, client_id_of, is_own_tag
from .own_orders import OwnOrder, OwnOrders
from .refusals import REMOVALS, RULES
from .rest import epoch_ms
from .transactions import CONDITIONAL, SHORT_TERM

SIDES = {"BUY": Side.BUY, "SELL": Side.SELL}
_SIGNS = {"LONG": 1, "SHORT": -1}
USDC = "USDC"
HOUR_MS = 3_600_000

_STATUSES = {
    "OPEN": OrderStatus.OPEN,
    "BEST_EFFORT_OPENED": OrderStatus.OPEN,
    "UNTRIGGERED": OrderStatus.OPEN,
    "BEST_EFFORT_CANCELED": OrderStatus.CANCELLING,
    "FILLED": OrderStatus.FILLED,
    "CANCELED": OrderStatus.CANCELLED,
}
_REASON = "ORDER_REMOVAL_REASON_"
REPLACED = "REPLACED"
_AT_ONCE = frozenset({*REMOVALS, "IMMEDIATE_OR_CANCEL_WOULD_REST_ON_BOOK", "SELF_TRADE_ERROR", "INDEXER_EXPIRED"})
"""Removals after which nothing more can become of a short-term order, though only one node has told of them."""

_BY_COMMAND = frozenset({"", "USER_CANCELED"})
_FORCED = {"LIQUIDATED": "liquidation", "DELEVERAGED": "auto-deleveraging", "OFFSETTING": "auto-deleveraging"}
"""Fills that are forced on us. LIQUIDATION is other people's: our quote has taken the other side."""

_KINDS = frozenset({"LIMIT", "LIQUIDATION", "TWAP_SUBORDER", *_FORCED})


# --- orders -----------------------------------------------------------------------------------------------------------


def reason_of(row: messages.Order) -> str:
    """Return why an order was taken off, in the Indexer's word without its beginning."""
    return (row.removal_reason or "").removeprefix(_REASON)


def status_of(row: messages.Order) -> OrderStatus | None:
    """Return what is proven of an order.

    CANCELLING: it is being taken off, and may still fill until its height is past, or until a block has ended it.
    """
    status = _STATUSES.get(row.status)

    if status is not OrderStatus.CANCELLING:
        return status

    if row.order_flags != SHORT_TERM:
        return OrderStatus.OPEN  # only a block takes it out of the chain's state

    optimistic = parse_decimal(row.total_optimistic_filled or "0", path="$.totalOptimisticFilled")
    is_filling = optimistic > parse_decimal(row.total_filled or "0", path="$.totalFilled")
    is_at_once = reason_of(row) in _AT_ONCE or row.time_in_force == "IOC"

    return OrderStatus.CANCELLED if is_at_once and not is_filling else OrderStatus.CANCELLING


def client_id_for(row: messages.Order, own: OwnOrder | None) -> str:
    """Return our id of an order, and for everybody else's the Indexer's."""
    if own is not None:
        return own.client_id

    return client_id_of(row.client_metadata or 0, row.client_id) if is_own_tag(row.client_metadata) else row.id


def is_ours(head: messages.Head) -> bool:
    """Whether a row is about an order of ours, so that it must be readable."""
    return is_own_tag(_whole(head.client_metadata))


def _whole(value: object) -> object:
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value


def translate_order(row: messages.Order, instrument: Instrument, own: OwnOrder | None, at_ms: int) -> OrderReport:
    """Translate an order as it is listed or streamed; `at_ms` dates it where it bears no time.

    What a removal leaves out is what we know of the order.
    """
    status, reason = status_of(row), reason_of(row)
    side = own.side if row.side is None and own is not None else lookup(SIDES, row.side or "", "$.side")
    is_stop = row.order_flags == CONDITIONAL
    is_over = status is OrderStatus.CANCELLED
    by_rule = reason.lower().replace("_", " ") if is_over and reason in RULES else ""
    refusal = REMOVALS.get(reason) if is_over else None

    return OrderReport(
        client_id=client_id_for(row, own),
        venue_id=row.id,
        side=side,
        position_side=PositionSide.NET,
        status=status,
        raw_status=f"{row.status} {reason}".strip(),
        ticks=_ticks(row, instrument, own),
        **_sizes(row, instrument, own),
        reduce_only=row.reduce_only if own is None else own.reduce_only,
        type=_type_of(row, own),
        venue_ms=epoch_ms(row.updated_at, "$.updatedAt") if row.updated_at else at_ms,
        triggered=is_stop and row.status != "UNTRIGGERED",
        ended_by_venue=is_over and reason not in _BY_COMMAND,
        trigger=StopTrigger.MARK if is_stop else None,
        ended_by_rule=by_rule,
        refusal=None if refusal is None else Refusal(reason=refusal, code=reason, text=reason.lower()),
    )


def _ticks(row: messages.Order, instrument: Instrument, own: OwnOrder | None) -> int | None:
    price, path = row.price, "$.price"

    if row.order_flags == CONDITIONAL:
        price, path = row.trigger_price, "$.triggerPrice"

    if price is None or (own is not None and own.is_twin):
        return None if own is None else own.ticks

    return order_ticks(instrument, price, path)


def _sizes(row: messages.Order, instrument: Instrument, own: OwnOrder | None) -> dict[str, Any]:
    size = row.size if row.size is not None or own is None else str(instrument.amount(own.lots))
    filled = row.total_filled or "0"

    if own is not None:
        filled = str(max(own.filled, parse_decimal(filled, path="$.totalFilled")))

    return order_sizes(instrument, size or "0", filled, "$.size")


def _type_of(row: messages.Order, own: OwnOrder | None) -> OrderType:
    if own is not None:
        return own.type

    if row.order_flags == CONDITIONAL:
        return OrderType.VENUE_TARGET if row.type.startswith("TAKE_PROFIT") else OrderType.VENUE_STOP

    if row.post_only:
        return OrderType.POST_ONLY

    return OrderType.IOC if row.time_in_force in {"IOC", "FOK"} else OrderType.LIMIT


def ended(order: OwnOrder, instrument: Instrument, at_ms: int, *, by_venue: bool) -> OrderReport:
    """Make the report of a short-term order whose height is past: it can neither rest nor fill any more."""
    return OrderReport(
        client_id=order.client_id,
        venue_id=order.venue_id,
        side=order.side,
        position_side=PositionSide.NET,
        status=OrderStatus.CANCELLED,
        raw_status=f"ended with block {order.ends_at}",
        ticks=order.ticks,
        lots=order.lots,
        filled_lots=instrument.lots_down(order.filled),
        reduce_only=order.reduce_only,
        type=order.type,
        venue_ms=at_ms,
        ended_by_venue=by_venue,
    )


def adopt(row: messages.Order, instrument: Instrument, own: OwnOrders) -> OwnOrder | None:
    """Keep an order of ours that this process has not sent; None for everybody else's, and for one that says little."""
    known = own.by_venue(row.id)

    if known is not None or not is_own_tag(row.client_metadata) or row.side is None or row.size is None:
        return known

    ends_at = row.good_til_block or 0

    if row.order_flags != SHORT_TERM:
        ends_at = epoch_ms(row.good_til_block_time, "$.goodTilBlockTime") // 1000

    report = translate_order(row, instrument, None, 0)
    order = OwnOrder(
        client_id=report.client_id,
        venue_id=row.id,
        number=row.client_id,
        flags=row.order_flags,
        side=report.side,
        type=report.type,
        ticks=report.ticks,
        lots=report.lots or 0,
        ends_at=ends_at,
        reduce_only=row.reduce_only,
        is_twin=row.client_id >= TWIN,
        filled=parse_decimal(row.total_filled or "0", path="$.totalFilled"),
        is_leaving=True,  # of an earlier run: it is not renewed
    )

    return own.add(order)


# --- fills ------------------------------------------------------------------------------------------------------------


def translate_fill(row: messages.Fill, client_id: str) -> Fill:
    """Translate an execution."""
    if row.type not in _KINDS:
        raise PayloadError(f"{row.type!r:.40} is none of {', '.join(sorted(_KINDS))}", path="$.type")

    return Fill(
        client_id=client_id,
        venue_id=row.order_id or row.id,
        trade_id=row.id,
        side=lookup(SIDES, row.side, "$.side"),
        position_side=PositionSide.NET,
        price=parse_price(row.price, path="$.price"),
        amount=parse_price(row.size, path="$.size"),
        fee=parse_decimal(row.fee, path="$.fee"),
        fee_asset=USDC,
        maker=lookup({"MAKER": True, "TAKER": False}, row.liquidity, "$.liquidity"),
        realized_pnl=None,
        venue_ms=epoch_ms(row.created_at, "$.createdAt"),
        forced=_FORCED.get(row.type, ""),
    )


# --- account ----------------------------------------------------------------------------------------------------------


def translate_position(row: messages.Position, entry: Decimal | None, at_ms: int) -> Position:
    """Translate a position; `entry` replaces the Indexer's entry price where our fills tell it."""
    sign = lookup(_SIGNS, row.side, "$.side")
    size = abs(parse_decimal(row.size, path="$.size")) if row.status == "OPEN" else Decimal(0)
    shown = parse_decimal(row.entry_price, path="$.entryPrice") if size else Decimal(0)

    return Position(side=PositionSide.NET, amount=sign * size, entry=entry or shown, venue_ms=at_ms)


def translate_asset(row: messages.Asset, at_ms: int) -> Balance:
    """Translate what is held, or owed, of an asset."""
    sign = lookup(_SIGNS, row.side, "$.side")

    return Balance(asset=row.symbol, wallet=sign * abs(parse_decimal(row.size, path="$.size")), venue_ms=at_ms)


def translate_transfer(row: messages.Transfer, owner: str, subaccount: int) -> IncomeRecord:
    """Translate a transfer, signed from the side of the subaccount."""
    is_in = (row.recipient.address, row.recipient.subaccount_number) == (owner, subaccount)
    size = parse_decimal(row.size, path="$.size")

    return IncomeRecord(
        kind=IncomeKind.TRANSFER,
        word="TRANSFER",
        income_id=row.id,
        asset=row.symbol,
        amount=size if is_in else -size,
        venue_ms=epoch_ms(row.created_at, "$.createdAt"),
    )


# --- market -----------------------------------------------------------------------------------------------------------


@attrs.define
class MarkState:
    """The oracle's price and the funding of a market, out of updates that tell one of them at a time."""

    price: Decimal | None = None
    rate: Decimal | None = None

    def take(self, update: messages.MarketUpdate | messages.Market, at_ms: int) -> MarkChanged | None:
        """Take in an update; None while there is no price. Funding is charged at each full hour."""
        if update.oracle_price is not None:
            self.price = parse_price(update.oracle_price, path="$.oraclePrice")

        if update.next_funding_rate is not None:
            self.rate = parse_decimal(update.next_funding_rate, path="$.nextFundingRate")

        if self.price is None:
            return None

        return MarkChanged(
            mark=self.price,
            index=self.price,
            funding_rate=self.rate,
            next_funding_ms=(at_ms // HOUR_MS + 1) * HOUR_MS,
            venue_ms=at_ms,
        )


def translate_trade(row: messages.Trade, instrument: Instrument) -> Traded | None:
    """Translate somebody's trade; None for one between two ticks, as deleveraging makes it."""
    price = parse_price(row.price, path="$.price")

    if price % instrument.tick:
        return None

    return Traded(
        ticks=exact_ticks(instrument, row.price, "$.price"),
        lots=shown_lots(instrument, row.size, "$.size"),
        taker=lookup(SIDES, row.side, "$.side"),
        venue_ms=epoch_ms(row.created_at, "$.createdAt"),
    )


def wallet_of(balances: Iterable[Balance], cost: Decimal) -> Decimal:
    """Return the USDC as if it had not paid for positions: their cost is in it, negative for what was bought."""
    return sum((one.wallet for one in balances if one.asset == USDC), Decimal(0)) + cost
