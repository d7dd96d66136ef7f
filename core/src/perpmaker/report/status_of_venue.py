"""The status of an account that no bot trades now: what the venue says of it, beside what a bot said last."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import attrs

from perpmaker.exits.settings import ExitSettings
from perpmaker.model.account import AccountFacts
from perpmaker.model.event import MarkChanged
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import OrderReport, OrderType, PositionSide, Side
from perpmaker.model.position import Position
from perpmaker.model.reading import AccountSeen
from perpmaker.report.funding_cost import funding_status
from perpmaker.report.position_status import position_status
from perpmaker.report.status import LevelStatus, PositionStatus, Status, iso
from perpmaker.report.status_of_bot import margin_of

FROM_VENUE = "read from the venue: no bot trades it"


def status_of_venue(
    last: Status,
    *,
    instrument: Instrument,
    account: str,
    seen: AccountSeen,
    mark: MarkChanged | None,
    exits: ExitSettings,
    utc_ms: int,
) -> Status:
    """Return what a bot said last, with what the venue says now in the place of what may have changed.

    Open orders are all that rest on the market, of whomever: each is a level under its id.
    """
    snapshot, orders = seen.account, seen.orders
    price = None if mark is None else mark.mark
    facts = AccountFacts(
        equity=snapshot.equity,
        initial_margin=snapshot.initial_margin,
        maintenance_margin=snapshot.maintenance_margin,
        asked_at=0.0,
    )

    return attrs.evolve(
        last,
        account=account,
        running=False,
        at=iso(utc_ms),
        mode_reason=FROM_VENUE,
        base=instrument.base,
        quote=instrument.quote,
        tick=instrument.tick.normalize(),
        reference=None,
        mark=price,
        best_bid=None,
        best_ask=None,
        positions=tuple(_position(one, orders, instrument, price, exits) for one in snapshot.positions if one.amount),
        margin=margin_of(facts, snapshot.available, 0.0),
        quotes=tuple(_order(order, instrument) for order in orders if not _closes(order)),
        exits=tuple(_order(order, instrument) for order in orders if _closes(order)),
        withheld=(),
        no_quotes=None,
        funding=funding_status(
            snapshot.positions,
            mark=price,
            rate=None if mark is None else mark.funding_rate,
            interval_h=instrument.funding_interval_h,
            next_ms=None if mark is None else mark.next_funding_ms,
            now_ms=utc_ms,
            paid={},
        ),
    )


def _closes(order: OrderReport) -> bool:
    return order.reduce_only or order.type is OrderType.VENUE_STOP


def _order(order: OrderReport, instrument: Instrument) -> LevelStatus:
    ticks, stops = order.ticks, order.type is OrderType.VENUE_STOP

    return LevelStatus(
        level=order.client_id or order.venue_id,
        side=order.side.value,
        position_side=order.position_side.value,
        state="open" if order.status is None else order.status.value,
        price=None if ticks is None else instrument.price(ticks),
        amount=None if order.lots is None or (stops and order.whole) else instrument.amount(order.lots),
        filled=instrument.amount(order.filled_lots),
        since=iso(order.venue_ms) if order.venue_ms else None,
    )


def _position(
    position: Position,
    orders: Sequence[OrderReport],
    instrument: Instrument,
    mark: Decimal | None,
    exits: ExitSettings,
) -> PositionStatus:
    closing = Side.SELL if position.amount > 0 else Side.BUY
    mine = [order for order in orders if _is_of(order, position.side, closing)]
    targets = [order for order in mine if order.type is not OrderType.VENUE_STOP and order.reduce_only]
    stops = [order for order in mine if order.type is OrderType.VENUE_STOP]

    return position_status(
        position,
        instrument=instrument,
        mark=mark,
        exits=exits,
        target=_first(targets, instrument),
        venue_stop=_first(stops, instrument),
        fired=False,
    )


def _is_of(order: OrderReport, side: PositionSide, closing: Side) -> bool:
    return order.side is closing and order.position_side is side


def _first(orders: Sequence[OrderReport], instrument: Instrument) -> Decimal | None:
    return next((instrument.price(order.ticks) for order in orders if order.ticks is not None), None)
