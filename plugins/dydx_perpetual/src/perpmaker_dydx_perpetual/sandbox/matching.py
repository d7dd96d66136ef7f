"""What stands on the book for an order of the chain, and what becomes of it."""

from __future__ import annotations

import re
from typing import Final
from zlib import crc32

from perpmaker import Side
from perpmaker.venue.sandbox import (
    Cause,
    ConditionalRequest,
    ConditionalState,
    OrderChanged,
    OrderRequest,
    OrderState,
    SimulatedOrder,
    SimulationEvent,
    TimeInForce,
    TriggerKind,
    TriggerPrice,
)
from perpmaker_dydx_perpetual import transactions as tx
from perpmaker_dydx_perpetual.client_ids import client_id_of, is_own_tag
from perpmaker_dydx_perpetual.sandbox.indexer import Indexer
from perpmaker_dydx_perpetual.sandbox.records import (
    EXPIRED,
    MARGIN,
    OPEN,
    REMAINDER,
    RESIZED,
    SELF_TRADE,
    SETTLEMENT,
    USER,
    Record,
)
from perpmaker_dydx_perpetual.sandbox.world import World

MEMORY_BLOCKS: Final = 40
"""For so many blocks after an order's end the chain remembers what was filled of it."""

PERSONS_LIFE_MS: Final = 28 * 86_400_000
_NUMBER: Final = re.compile(r"[0-9]{1,9}")
_FORCES: Final = {
    tx.TimeInForce.GTT: TimeInForce.GTC,
    tx.TimeInForce.IOC: TimeInForce.IOC,
    tx.TimeInForce.POST_ONLY: TimeInForce.POST_ONLY,
}
_REASONS: Final = {
    Cause.REMAINDER: REMAINDER,
    Cause.SELF_TRADE: SELF_TRADE,
    Cause.MARGIN: MARGIN,
    Cause.LIQUIDATION: MARGIN,
    Cause.REDUCE_ONLY: RESIZED,
    Cause.CANCELLED: USER,
    Cause.AMEND: USER,
}


class Matching:
    """Puts orders on the exchange, and tells the Indexer what becomes of them.

    Its commands come at the exchange's own time, so that nothing else happens on the market before them.
    """

    def __init__(self, world: World, indexer: Indexer) -> None:
        self.records: dict[tx.OrderId, Record] = {}
        self._world = world
        self._exchange, self._instrument = world.exchange, world.instrument
        self._indexer = indexer
        self._standing: dict[int, Record] = {}
        self._placing: Record | None = None
        self._ending: dict[int, str] = {}
        world.exchange.subscribe(self._note)

    # --- what is done to the book

    def place(self, record: Record, lots: int) -> SimulatedOrder:
        """Put so many lots of an order on the book; RejectionError where the exchange refuses."""
        order, instrument = record.order, self._instrument
        request = OrderRequest(
            side=record.side,
            amount=instrument.amount(lots),
            price=instrument.price(record.ticks),
            time_in_force=_FORCES[tx.TimeInForce(order.time_in_force)],
            reduce_only=bool(order.reduce_only),
            client_id=self._name(order),
        )
        self._placing = record

        try:
            return self._exchange.place(self._world.account, request, self._exchange.now_ms)
        finally:
            self._placing = None

    def take_off(self, record: Record, reason: str) -> None:
        """Take an order off the book for a reason; nothing happens where it is not there."""
        record.is_live = False

        if record.exchange_id is None or record.exchange_id not in self._standing:
            return

        self._ending[record.exchange_id] = reason
        self._exchange.cancel(self._world.account, order_id=record.exchange_id, now_ms=self._exchange.now_ms)

    def hold(self, record: Record) -> None:
        """Let the exchange know of a conditional order; it is triggered here."""
        order, instrument = record.order, self._instrument
        request = ConditionalRequest(
            side=record.side,
            trigger=instrument.price(record.trigger_ticks),
            kind=TriggerKind.STOP if order.condition == tx.STOP_LOSS else TriggerKind.TAKE_PROFIT,
            watch=TriggerPrice.MARK,
            amount=instrument.amount(record.lots),
            reduce_only=bool(order.reduce_only),
            client_id=self._name(order),
            price=instrument.price(record.ticks),
            time_in_force=_FORCES[tx.TimeInForce(order.time_in_force)],
            held=True,
        )
        held = self._exchange.place_conditional(self._world.account, request, self._exchange.now_ms)
        record.conditional_id = held.conditional_id

    def release(self, record: Record) -> None:
        """Let the exchange forget a conditional order that has not triggered."""
        record.is_live = False

        if record.conditional_id is not None:
            self._exchange.cancel_conditional(
                self._world.account, conditional_id=record.conditional_id, now_ms=self._exchange.now_ms
            )

    def trigger(self, record: Record) -> bool:
        """Send the order that a conditional one becomes; whether the exchange has taken it."""
        self._placing = record

        try:
            sent = self._exchange.trigger_conditional(
                self._world.account, record.conditional_id or 0, self._exchange.now_ms
            )
        finally:
            self._placing = None

        return sent.state is ConditionalState.TRIGGERED

    def forget_fills(self, record: Record) -> None:
        """Forget what was filled of an order; one that rests has its full size again, and its place no more."""
        instrument, filled = self._instrument, record.remembered
        record.remembered = record.told = 0

        if not filled or record.exchange_id is None or record.exchange_id not in self._standing:
            return

        resting = self._exchange.order(self._world.account, order_id=record.exchange_id)

        if resting is not None:
            self._exchange.amend(
                self._world.account,
                order_id=resting.order_id,
                price=instrument.price(record.ticks),
                amount=instrument.amount(resting.filled_lots + record.lots),
                now_ms=self._exchange.now_ms,
            )

    def crosses(self, record: Record) -> bool:
        """Whether an order would take."""
        best = self._exchange.best(record.side.opposite)

        return best is not None and (best[0] - record.ticks) * record.side.sign <= 0

    def reduces(self, record: Record) -> bool:
        """Whether there is a position that the order would make smaller."""
        (position, *_) = self._world.state.positions

        return position.lots * record.side.sign < 0

    # --- what the exchange tells

    def _note(self, event: SimulationEvent) -> None:
        self._indexer.note(event)

        if isinstance(event, OrderChanged) and event.account == self._world.account:
            self._note_order(event)

    def _note_order(self, event: OrderChanged) -> None:
        order = event.order

        if event.cause is Cause.ACCEPTED and not order.forced:
            self._stand(order)

        record = self._standing.get(order.order_id)

        if event.execution is not None:
            if record is not None:
                self._count(record, event.execution.lots)

            self._indexer.note_fill(record, event.execution, event.now_ms)

        if record is not None and order.state is not OrderState.OPEN:
            del self._standing[order.order_id]
            self._end(record, order, event)

    def _stand(self, order: SimulatedOrder) -> None:
        """Join an order of the exchange with the one that it stands for; a person's is made up."""
        record = self._placing

        if record is None:
            record = self._adopt(order)

        record.exchange_id = order.order_id
        self._standing[order.order_id] = record

    def _count(self, record: Record, lots: int) -> None:
        record.remembered += lots
        record.optimistic += lots
        end = record.order.good_til_block
        record.forgotten_at = end + MEMORY_BLOCKS if record.is_short_term else 0

    def _end(self, record: Record, order: SimulatedOrder, event: OrderChanged) -> None:
        asked = self._ending.pop(order.order_id, "")
        reason = asked or _REASONS.get(event.cause, "")
        record.is_live = False

        if order.state is OrderState.FILLED:
            was_cut = bool(record.order.reduce_only) and record.remembered < record.lots

            if not was_cut and not (record.is_short_term and record.order.reduce_only):
                return

            reason = RESIZED

        if asked and (reason in {EXPIRED, SETTLEMENT} or not record.is_short_term):
            return  # the block in which that is says so

        if record.is_short_term:
            self._indexer.tell_removed(record, reason, event.now_ms)
        else:
            self._indexer.note_end(record, reason, event.now_ms)

    def _adopt(self, order: SimulatedOrder) -> Record:
        """Make up the order of the chain for one that a person has placed beside it."""
        rests = order.ticks is not None and order.time_in_force is not TimeInForce.IOC
        best = self._exchange.best(order.side.opposite)
        ticks = order.ticks or (1 if best is None else best[0])
        order_id = tx.OrderId(
            subaccount=tx.SubaccountId(self._world.owner, 0),
            client_id=int(order.client_id) if _NUMBER.fullmatch(order.client_id) else crc32(order.client_id.encode()),
            flags=tx.LONG_TERM if rests else tx.SHORT_TERM,
            clob_pair=self._world.market.clob_pair,
        )
        made = tx.Order(
            order_id=order_id,
            side=tx.BUY if order.side is Side.BUY else tx.SELL,
            quantums=order.lots * self._world.market.step_quantums,
            subticks=ticks * self._world.market.tick_subticks,
            good_til_time=(self._world.server_ms() + PERSONS_LIFE_MS) // 1000 if rests else 0,
            time_in_force=tx.TimeInForce.GTT if rests else tx.TimeInForce.IOC,
        )
        record = Record(order=made, market=self._world.market, made_ms=order.created_ms)
        self.records[order_id] = record

        if rests:
            self._indexer.note_opened(record, OPEN, order.created_ms)
        else:
            self._indexer.tell_opened(record, order.created_ms)

        return record

    def _name(self, order: tx.Order) -> str:
        """Return the client id under which the exchange has an order; a bot knows its own by the same."""
        number, tag = order.order_id.client_id, order.client_metadata
        name = client_id_of(tag, number) if is_own_tag(tag) else str(number)
        account = self._world.account
        known = self._exchange.order(account, client_id=name)
        is_taken = known is not None and known.state is OrderState.OPEN
        is_taken |= any(one.client_id == name for one in self._exchange.conditional_orders(account))

        return f"{name}/{order.order_id.flags}" if is_taken else name
