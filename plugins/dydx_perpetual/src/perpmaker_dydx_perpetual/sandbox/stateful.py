"""Stateful orders, which the chain itself keeps: long-term ones, and conditional ones until they trigger and after."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Final

from perpmaker import Side
from perpmaker.venue.sandbox import RejectionError, SimulationEvent, TradePrinted
from perpmaker_dydx_perpetual import transactions as tx
from perpmaker_dydx_perpetual.sandbox.indexer import Indexer
from perpmaker_dydx_perpetual.sandbox.matching import Matching
from perpmaker_dydx_perpetual.sandbox.records import (
    BEST_EFFORT_CANCELED,
    EXPIRED,
    OPEN,
    POST_ONLY,
    REMAINDER,
    SETTLEMENT,
    UNTRIGGERED,
    USER,
    Record,
    is_stateful,
)
from perpmaker_dydx_perpetual.sandbox.refusals import ChainError, clob
from perpmaker_dydx_perpetual.sandbox.world import Block, World

LONGEST_MS: Final = 95 * 86_400_000
EQUITY_TIERS: Final = ((20, 0), (100, 10), (1_000, 20), (10_000, 40), (100_000, 100))
"""Below so much equity so many stateful orders."""

MOST_OPEN: Final = 200
KEPT_BLOCKS: Final = 100
"""For so many blocks an order that has ended is known."""

CLAMP_PPM: Final = {"BTC-USD": 1_000, "ETH-USD": 1_000}
OTHER_CLAMP_PPM: Final = 2_500
CLAMPS: Final = 5
"""A trade moves a trigger no further from the oracle price than so many times the least change of price."""


class StatefulOrders:
    """Takes them for the next block, lets them match in the one after, triggers, cancels and expires them."""

    def __init__(self, world: World, matching: Matching, indexer: Indexer) -> None:
        self._world, self._options = world, world.options
        self._matching = matching
        self._indexer = indexer
        self._placed: dict[tx.OrderId, Record] = {}
        self._cancelled: dict[tx.OrderId, tx.CancelOrder] = {}
        self._to_match: list[Record] = []
        self._traded: tuple[int, int] | None = None
        world.exchange.subscribe(self._note)

    # --- before a block

    def place(self, order: tx.Order) -> None:
        """Take an order for the next block; ChainError when a node refuses it."""
        known = self._matching.records.get(order.order_id)
        self._check_end(order.good_til_time)

        if order.order_id in self._placed or (known is not None and known.is_live):
            raise clob(3005, "Stateful order already exists: A stateful order with this OrderId already exists")

        self._check_tier()
        record = Record(order=order, market=self._world.market, made_ms=self._world.now_ms())

        if order.order_id.flags == tx.LONG_TERM and not self._is_backed(record):
            raise clob(3007, "Stateful order collateralization check failed")

        self._placed[order.order_id] = record

    def cancel(self, message: tx.CancelOrder) -> None:
        """Take a cancel for the next block; ChainError when a node refuses it."""
        order_id = message.order_id
        record = self._placed.get(order_id) or self._matching.records.get(order_id)

        if record is None or not record.is_live:
            raise clob(3006, "Stateful order does not exist: cancellation failed")

        if message.good_til_time < record.order.good_til_time:
            raise clob(29, "Stateful cancel GoodTilBlockTime is less than the order's GoodTilBlockTime")

        if order_id in self._cancelled:
            raise clob(32, "An uncommitted stateful order cancellation with this OrderId already exists")

        self._cancelled[order_id] = message

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """Take nothing of a transaction of which something is refused."""
        before = dict(self._placed), dict(self._cancelled)

        try:
            yield
        except ChainError:
            self._placed, self._cancelled = before
            raise

    # --- blocks

    def on_block(self, block: Block) -> None:
        """Show what was sent for this block, and what its prices trigger."""
        for record in self._placed.values():
            self._show(record, block)

        self._placed.clear()

        for order_id in self._cancelled:
            self._end(order_id, USER, block)

        self._cancelled.clear()

        for record in self._live():
            if self._world.is_settled:
                self._end(record.order.order_id, SETTLEMENT, block)
            elif record.order.good_til_time * 1000 <= self._world.block_ms:
                self._end(record.order.order_id, EXPIRED, block)

        self._trigger(block)
        self._traded = None

        for record in tuple(self._matching.records.values()):
            if is_stateful(record) and not record.is_live and record.height + KEPT_BLOCKS < block.height:
                del self._matching.records[record.order.order_id]

    def after_block(self) -> None:
        """Let those match that the block has made ready."""
        ready, self._to_match = self._to_match, []

        for record in ready:
            if record.is_live:
                self._match(record)

    # --- inside

    def _note(self, event: SimulationEvent) -> None:
        if isinstance(event, TradePrinted):
            low, high = self._traded or (event.ticks, event.ticks)
            self._traded = (min(low, event.ticks), max(high, event.ticks))

    def _live(self) -> list[Record]:
        return [record for record in self._matching.records.values() if record.is_live and is_stateful(record)]

    def _check_end(self, time: int) -> None:
        now_ms = self._world.block_ms

        if time * 1000 <= now_ms:
            raise clob(3003, f"GoodTilBlockTime {time} is not after the block time: GoodTilBlockTime is in the past")

        if time * 1000 > now_ms + LONGEST_MS:
            raise clob(3004, f"GoodTilBlockTime {time} exceeds the StatefulOrderTimeWindow")

    def _check_tier(self) -> None:
        state = self._world.state
        most = next((count for below, count in EQUITY_TIERS if state.equity < below), MOST_OPEN)
        count = len(self._placed) + len(self._live())

        if count >= most:
            text = f"Opening order would exceed equity tier limit of {most}. Order count: {count}, total net collateral"
            raise clob(10001, f"{text}: {state.equity}: Opening the order would exceed the equity tier limit")

    def _is_backed(self, record: Record) -> bool:
        """Whether the account could carry the whole order at its price."""
        state, instrument = self._world.state, self._world.instrument
        (position, *_) = state.positions
        after = position.lots + record.side.sign * record.lots
        added = Decimal(max(abs(after) - abs(position.lots), 0)) * instrument.lot * position.mark

        return added / state.leverage <= state.available

    def _show(self, record: Record, block: Block) -> None:
        self._matching.records[record.order.order_id] = record

        if record.order.order_id.flags == tx.CONDITIONAL:
            self._matching.hold(record)
            self._indexer.tell_changed(record, UNTRIGGERED, "", block)
            return

        self._indexer.tell_changed(record, OPEN, "", block)
        self._to_match.append(record)

        if self._options.drops_stateful:
            self._indexer.tell_removed(record, USER, block.at_ms)

    def _end(self, order_id: tx.OrderId, reason: str, block: Block) -> None:
        record = self._matching.records.get(order_id)

        if record is None or not record.is_live:
            return

        if record.exchange_id is not None:
            self._matching.take_off(record, reason)
        elif record.status in {UNTRIGGERED, BEST_EFFORT_CANCELED} and record.conditional_id is not None:
            self._matching.release(record)

        record.is_live = False
        self._indexer.tell_ended(record, reason, block)

    def _trigger(self, block: Block) -> None:
        low, high = self._prices()

        for record in self._live():
            if record.status == UNTRIGGERED and _is_reached(record, low, high):
                self._indexer.tell_changed(record, OPEN, "", block)
                self._to_match.append(record)

    def _prices(self) -> tuple[Decimal, Decimal]:
        """Return the lowest and the highest price of the block: the oracle's, and those of trades not far from it."""
        oracle, instrument = self._world.exchange.mark, self._world.instrument

        if self._traded is None:
            return oracle, oracle

        room = oracle * CLAMPS * CLAMP_PPM.get(instrument.symbol, OTHER_CLAMP_PPM) / 1_000_000
        low, high = (instrument.price(ticks) for ticks in self._traded)

        return max(min(oracle, low), oracle - room), min(max(oracle, high), oracle + room)

    def _match(self, record: Record) -> None:
        matching = self._matching

        if record.conditional_id is not None:
            if not matching.trigger(record) and not (record.order.reduce_only and self._options.keeps_ghosts):
                record.is_live = False
                self._indexer.note_end(record, REMAINDER, self._world.now_ms())

            return

        if record.is_post_only and matching.crosses(record):
            record.is_live = False
            self._indexer.tell_removed(record, POST_ONLY, self._world.now_ms())
            self._indexer.note_end(record, POST_ONLY, self._world.now_ms())
            return

        try:
            matching.place(record, record.lots)
        except RejectionError:
            record.is_live = False
            self._indexer.note_end(record, REMAINDER, self._world.now_ms())


def _is_reached(record: Record, low: Decimal, high: Decimal) -> bool:
    """Whether prices between low and high trigger: a buying stop from below, a buying take-profit from above."""
    trigger = record.market.instrument.price(record.trigger_ticks)
    is_rising = (record.side is Side.BUY) is (record.order.condition == tx.STOP_LOSS)

    return high >= trigger if is_rising else low <= trigger
