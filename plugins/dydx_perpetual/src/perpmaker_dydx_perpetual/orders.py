"""Orders and stops: the chain's messages out of the core's orders.

A quote is a short-term order. A target is a long-term one, because it must outlast the height of a quote. A stop is two
conditional ones, the second a little further out: what does not cross in the moment of its trigger is gone for good.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import Decimal

import attrs

from perpmaker import Clock, Instrument, NewOrder, OrderKind, OrderType, Side

from . import transactions as chain
from .chain import BlockClock
from .client_ids import TWIN, number_of, order_uuid
from .credentials import Identity
from .market import Units
from .own_orders import OwnOrder, OwnOrders
from .transactions import CONDITIONAL, LONG_TERM, SHORT_TERM, TimeInForce

TARGET_S = 120
"""Seconds that a target lives: nothing of the chain caps it at the position, so that none may outlive us for long."""

STOP_S = 90 * 24 * 3600
"""Seconds that a stop lives; the chain takes 95 days."""

WORST = Decimal("0.05")
"""By which share the price of an order that takes at any price, and of a stop, is worse than its reference."""

FURTHER = Decimal("0.02")
"""By which share the second order of a stop is further out."""

STOP_NOTIONAL = Decimal(1_000_000)
"""A stop is for at least so much USDC: the chain cuts it at the position, which may have grown since it was sent."""

_TIMES_IN_FORCE = {
    OrderType.POST_ONLY: TimeInForce.POST_ONLY,
    OrderType.LIMIT: TimeInForce.GTT,
    OrderType.IOC: TimeInForce.IOC,
    OrderType.MARKET: TimeInForce.IOC,
}
_SIDES = {Side.BUY: chain.BUY, Side.SELL: chain.SELL}


@attrs.frozen(kw_only=True)
class Writer:
    """Writes the chain's messages about orders of one subaccount, and keeps what was sent.

    Args:
        identity: whose orders.
        subaccount: the Indexer's id of the subaccount.
        tag: the metadata that the orders bear.
        units: the units of a market by its symbol.
        own: where they are kept.
        blocks: the chain's clock.
        clock: the engine's clock.
        now_ms: the venue's time.
        oracle: the oracle's price of a market, as it was heard last.
        life: blocks that a quote lives.
        read_lag_s: seconds by which the Indexer's answers may be old.
    """

    identity: Identity
    subaccount: str
    tag: Callable[[], int]
    units: dict[str, Units]
    own: OwnOrders
    blocks: BlockClock
    clock: Clock
    now_ms: Callable[[], int]
    oracle: Callable[[str], Decimal]
    life: int
    read_lag_s: float

    def fence_at(self, height: int) -> float:
        """Return the engine's time after which an order of this height can no longer appear, in the Indexer too."""
        return self.blocks.passes_at(height + 1) + self.read_lag_s

    # --- orders -------------------------------------------------------------------------------------------------------

    def new(self, instrument: Instrument, order: NewOrder) -> OwnOrder:
        """Keep an order that is about to be sent."""
        is_target = is_stateful(order)
        flags = LONG_TERM if is_target else SHORT_TERM
        ends_at = self.now_ms() // 1000 + TARGET_S if is_target else self.blocks.expected + self.life

        return self._keep(instrument, order, number_of(order.client_id), flags, ends_at)

    def place(self, instrument: Instrument, own: OwnOrder) -> chain.PlaceOrder:
        """Write an order as it is kept."""
        units = self.units[instrument.symbol]
        ticks = self._worst_ticks(instrument, own.side) if own.ticks is None else own.ticks
        is_short = own.is_short

        return chain.PlaceOrder(
            order=chain.Order(
                order_id=self._id(instrument, own),
                side=_SIDES[own.side],
                quantums=own.lots * units.quantums,
                subticks=ticks * units.subticks,
                good_til_block=own.ends_at if is_short else 0,
                good_til_time=0 if is_short else own.ends_at,
                time_in_force=_TIMES_IN_FORCE[own.type],
                # Nothing reduce-only rests on this chain.
                reduce_only=int(own.reduce_only and own.type not in {OrderType.LIMIT, OrderType.POST_ONLY}),
                client_metadata=self.tag(),
            )
        )

    def cancel(self, instrument: Instrument, own: OwnOrder) -> chain.CancelOrder:
        """Write a cancel that lasts as long as the order: an earlier end would leave it there, and be answered yes."""
        own.is_leaving = True
        is_short = own.is_short

        return chain.CancelOrder(
            order_id=self._id(instrument, own),
            good_til_block=own.ends_at if is_short else 0,
            good_til_time=0 if is_short else own.ends_at,
        )

    def cancel_many(self, instrument: Instrument, orders: Sequence[OwnOrder]) -> chain.BatchCancel:
        """Write one cancel of short-term orders."""
        for order in orders:
            order.is_leaving = True

        batch = chain.OrderBatch(
            clob_pair=self.units[instrument.symbol].clob_pair, client_ids=tuple(order.number for order in orders)
        )
        last = max(order.ends_at for order in orders)

        return chain.BatchCancel(subaccount=self._subaccount(), batches=(batch,), good_til_block=last)

    # --- stops --------------------------------------------------------------------------------------------------------

    def new_stop(self, instrument: Instrument, order: NewOrder, *, is_pair: bool) -> Sequence[OwnOrder]:
        """Keep the orders of a stop that is about to be sent."""
        number, ends_at = number_of(order.client_id), self.now_ms() // 1000 + STOP_S
        numbers = (number, number + TWIN) if is_pair else (number,)

        return [self._keep(instrument, order, each, CONDITIONAL, ends_at) for each in numbers]

    def place_stop(self, instrument: Instrument, own: OwnOrder) -> chain.PlaceOrder:
        """Write one order of a stop; ValueError for one that would be no stop, so that it is never signed."""
        units, sign = self.units[instrument.symbol], own.side.sign
        trigger = _rounded(Decimal(own.ticks or 0) * (1 + sign * FURTHER * own.is_twin), own.side)
        bound = _rounded(trigger * (1 + sign * WORST), own.side) if own.limit is None else own.limit
        order = chain.Order(
            order_id=self._id(instrument, own),
            side=_SIDES[own.side],
            quantums=self._stop_lots(instrument, own) * units.quantums,
            subticks=max(1, bound) * units.subticks,
            good_til_time=own.ends_at,
            time_in_force=TimeInForce.IOC,
            reduce_only=1,
            client_metadata=self.tag(),
            condition=chain.STOP_LOSS if own.type is OrderType.VENUE_STOP else chain.TAKE_PROFIT,
            trigger_subticks=trigger * units.subticks,
        )
        check_stop(order)

        return chain.PlaceOrder(order=order)

    def would_trigger(self, instrument: Instrument, order: NewOrder) -> bool:
        """Whether the oracle is beyond the trigger of a stop already; the chain would take it, and fire it."""
        if order.type is not OrderType.VENUE_STOP:  # a target that the market has passed executes
            return False

        return (self.oracle(instrument.symbol) - instrument.price(order.ticks or 0)) * order.side.sign >= 0

    def _stop_lots(self, instrument: Instrument, own: OwnOrder) -> int:
        price = instrument.price(own.ticks or 1)
        least = math.ceil(STOP_NOTIONAL / price / instrument.lot)

        return max(least, 2 * own.lots + self.own.quoted_lots(own.side.opposite))

    # --- parts --------------------------------------------------------------------------------------------------------

    def _keep(self, instrument: Instrument, order: NewOrder, number: int, flags: int, ends_at: int) -> OwnOrder:
        pair = self.units[instrument.symbol].clob_pair

        return self.own.add(
            OwnOrder(
                client_id=order.client_id,
                venue_id=order_uuid(self.subaccount, number, pair, flags),
                number=number,
                flags=flags,
                side=order.side,
                type=order.type,
                ticks=order.ticks,
                lots=order.lots,
                ends_at=ends_at,
                reduce_only=order.reduce_only,
                is_twin=number >= TWIN,
                limit=order.limit,
            )
        )

    def _subaccount(self) -> chain.SubaccountId:
        return chain.SubaccountId(self.identity.owner, self.identity.subaccount)

    def _id(self, instrument: Instrument, own: OwnOrder) -> chain.OrderId:
        return chain.OrderId(
            subaccount=self._subaccount(),
            client_id=own.number,
            flags=own.flags,
            clob_pair=self.units[instrument.symbol].clob_pair,
        )

    def _worst_ticks(self, instrument: Instrument, side: Side) -> int:
        """Return the price of an order that takes at any price."""
        price = self.oracle(instrument.symbol) * (1 + side.sign * WORST)

        return max(1, instrument.ticks_up(price) if side is Side.BUY else instrument.ticks_down(price))


def is_stateful(order: NewOrder) -> bool:
    """Whether the chain itself keeps an order: a target, which rests while quotes end at a height."""
    return order.type is OrderType.LIMIT and order.slot.kind is not OrderKind.QUOTE


def check_stop(order: chain.Order) -> None:
    """Raise ValueError for what would not wait for its trigger, or would not only close."""
    is_conditional = order.order_id.flags == CONDITIONAL and order.condition and order.trigger_subticks
    is_closing = order.reduce_only and order.time_in_force == TimeInForce.IOC and order.good_til_time

    if not (is_conditional and is_closing and not order.good_til_block):
        raise ValueError("an order that was to be a stop is none")


def _rounded(ticks: Decimal, side: Side) -> int:
    """Round away from the market: up where the stop buys, down where it sells."""
    return math.ceil(ticks) if side is Side.BUY else math.floor(ticks)
