"""Short-term orders: in the nodes' memory, until a block; replaced under their id, cancelled as far as a node knows."""

from __future__ import annotations

import hashlib
from typing import Final

from perpmaker.venue.sandbox import RejectionError
from perpmaker_dydx_perpetual import proto
from perpmaker_dydx_perpetual.sandbox.indexer import Indexer
from perpmaker_dydx_perpetual.sandbox.matching import MEMORY_BLOCKS, Matching
from perpmaker_dydx_perpetual.sandbox.records import EXPIRED, POST_ONLY, REPLACED, RESIZED, SETTLEMENT, USER, Record
from perpmaker_dydx_perpetual.sandbox.refusals import ChainError, clob
from perpmaker_dydx_perpetual.sandbox.world import Block, World
from perpmaker_dydx_perpetual.transactions import BatchCancel, CancelOrder, Order, OrderId

WINDOW: Final = 40
"""Blocks that a short-term order may be good for."""


class ShortTermOrders:
    """Takes, replaces, cancels and expires them. Nothing of them is in a block before they trade."""

    def __init__(self, world: World, matching: Matching, indexer: Indexer) -> None:
        self._world = world
        self._chain, self._options = world.chain, world.options
        self._matching = matching
        self._indexer = indexer
        self._cancelled: dict[OrderId, int] = {}
        self._late: list[tuple[int, Record]] = []

    def place(self, order: Order) -> None:
        """Take an order, or a newer version of one; ChainError when a node refuses it."""
        matching = self._matching
        self._check_window(order.good_til_block)
        known = matching.records.get(order.order_id)

        if self._cancelled.get(order.order_id, 0) >= order.good_til_block:
            raise clob(7, "Order is already canceled: Order is already canceled")

        record, is_replaced = self._version(known, order)
        left = record.lots - record.remembered

        if record.is_ioc and record.remembered:
            raise clob(2004, "IOC order is already filled, remaining size is cancelled")

        if left < 1:
            raise clob(24, "Order remaining amount is less than MinOrderBaseQuantums: order is fully filled")

        if order.reduce_only and not matching.reduces(record) and self._options.reduce_only_needs_position:
            raise clob(2001, "Reduce-only order would increase the position size")

        if record.is_post_only and matching.crosses(record):
            self._refuse_taking(record, known if is_replaced else None)
            return

        if known is not None and is_replaced:
            self._take_off_replaced(known)

        self._put(record, left)

    def cancel(self, message: CancelOrder) -> None:
        """Take an order off, as far as a node knows; ChainError when it was cancelled before."""
        self._check_window(message.good_til_block)

        if self._cancelled.get(message.order_id, 0) >= message.good_til_block:
            raise clob(9, "A cancel with a greater or equal GoodTilBlock already exists in the memclob")

        self._cancelled[message.order_id] = message.good_til_block
        record = self._matching.records.get(message.order_id)

        if record is None or not record.is_live:
            return

        if message.good_til_block < record.order.good_til_block:
            self._indexer.tell_removed(record, USER, self._world.now_ms())  # a lie: the order lives
        elif self._options.cancel_late_blocks:
            self._indexer.tell_removed(record, USER, self._world.now_ms())
            self._late.append((self._chain.height + self._options.cancel_late_blocks, record))
        else:
            self._matching.take_off(record, USER)

    def cancel_batch(self, message: BatchCancel) -> None:
        """Take orders off, each by itself."""
        errors: list[ChainError] = []
        ids = [(batch.clob_pair, client_id) for batch in message.batches for client_id in batch.client_ids]

        for clob_pair, client_id in ids:
            order_id = OrderId(subaccount=message.subaccount, client_id=client_id, clob_pair=clob_pair)

            try:
                self.cancel(CancelOrder(order_id=order_id, good_til_block=message.good_til_block))
            except ChainError as error:
                errors.append(error)

        if len(errors) == len(ids) and self._options.batch_tells:
            raise clob(46, f"{errors[0].text}: Batch cancel failed")

    def on_block(self, block: Block) -> None:
        """Expire what was good until this block, and forget what was filled long ago."""
        for height, record in tuple(self._late):
            if height <= block.height:
                self._late.remove((height, record))
                self._matching.take_off(record, USER)

        for record in tuple(self._matching.records.values()):
            if record.is_short_term:
                self._age(record, block)

        self._cancelled = {key: end for key, end in self._cancelled.items() if end > block.height}

    def _age(self, record: Record, block: Block) -> None:
        end, is_settled = record.order.good_til_block, self._world.is_settled

        if end and record.is_live and (end <= block.height or is_settled):
            reason = SETTLEMENT if is_settled else EXPIRED
            self._matching.take_off(record, reason)
            self._indexer.tell_ended(record, reason, block)

        if self._options.forgets_fills and record.remembered and record.forgotten_at <= block.height:
            self._matching.forget_fills(record)

        is_remembered = record.remembered and not self._options.forgets_fills

        if not record.is_live and not is_remembered and max(end, record.forgotten_at) + MEMORY_BLOCKS < block.height:
            self._matching.records.pop(record.order.order_id, None)

    def _check_window(self, end: int) -> None:
        height = self._chain.height

        if end <= height:
            raise clob(10, f"The GoodTilBlock {end} is before the next block {height + 1}: Height exceeds GoodTilBlock")

        if end > height + 1 + WINDOW:
            text = f"The GoodTilBlock {end} exceeds the current blockHeight {height} plus ShortBlockWindow {WINDOW}"
            raise clob(
                11, f"{text}: The GoodTilBlock of the message is further than ShortBlockWindow blocks into the future"
            )

    def _version(self, known: Record | None, order: Order) -> tuple[Record, bool]:
        """Return the record of a new version, and whether it replaces one that lives."""
        record = Record(order=order, market=self._world.market, made_ms=self._world.now_ms())

        if known is None:
            return record, False

        record.remembered, record.forgotten_at, record.told = known.remembered, known.forgotten_at, known.told
        record.is_listed, record.created_height = known.is_listed, known.created_height

        if known.is_live:
            _check_replacement(known.order, order)

        return record, known.is_live

    def _refuse_taking(self, record: Record, replaced: Record | None) -> None:
        """Refuse a post-only order that would take; what it was to replace is gone as well."""
        if replaced is not None and not self._options.replacement_survives:
            self._take_off_replaced(replaced)

        if replaced is None or not self._options.replacement_survives:
            self._matching.records[record.order.order_id] = record
            record.is_live = False
            self._indexer.tell_opened(record, self._world.now_ms())
            self._indexer.tell_removed(record, POST_ONLY, self._world.now_ms())

        if self._options.post_only_is_refused:
            raise clob(2003, "Post-only order would cross one or more maker orders")

    def _take_off_replaced(self, replaced: Record) -> None:
        self._matching.take_off(replaced, REPLACED)

    def _put(self, record: Record, lots: int) -> None:
        matching = self._matching
        matching.records[record.order.order_id] = record
        self._indexer.tell_opened(record, self._world.now_ms())

        try:
            matching.place(record, lots)
        except RejectionError as error:
            record.is_live = False
            self._indexer.tell_removed(record, RESIZED, self._world.now_ms())

            if not record.order.reduce_only:
                raise clob(1, str(error)) from None


def _check_replacement(old: Order, new: Order) -> None:
    """Refuse what cannot replace an order: an earlier end, or other terms than price and amount."""
    is_later = new.good_til_block > old.good_til_block

    if new.good_til_block == old.good_til_block:
        is_later = _hash_of(new) > _hash_of(old)

    same = (old.side, old.time_in_force, old.reduce_only) == (new.side, new.time_in_force, new.reduce_only)

    if not is_later or not same:
        raise clob(20, "Invalid order replacement: Order replacement is invalid")


def _hash_of(order: Order) -> bytes:
    return hashlib.sha256(proto.encode(order)).digest()
