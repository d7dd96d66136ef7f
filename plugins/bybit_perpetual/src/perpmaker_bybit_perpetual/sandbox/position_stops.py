"""The stop of a position: one for all of it, as large as it is, and gone with it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from perpmaker import PositionSide, Side
from perpmaker.venue import sandbox as kit
from perpmaker_bybit_perpetual.sandbox.gateway_orders import STOP_LOSS, AttachedStop, GatewayOrder

if TYPE_CHECKING:
    from perpmaker_bybit_perpetual.sandbox.venue import Venue  # which has the stops

CREATED_BY: Final = "CreateByStopLoss"


class PositionStops:
    """Keeps the stops of the positions: set by a request, by the fill of an order that carries one, or not at all."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._stops: dict[PositionSide, GatewayOrder] = {}
        self._levels: dict[PositionSide, AttachedStop] = {}
        self._lots: Counter[PositionSide] = Counter()
        self._opened_ms: dict[PositionSide, int] = {}
        trades = venue.options.stop_trades_with_own
        self._self_trade = kit.SelfTrade.TRADE if trades else kit.SelfTrade.CANCEL_MAKER
        venue.exchange.subscribe(self._note)

    def level(self, side: PositionSide) -> AttachedStop | None:
        """The stop that a position has."""
        return self._levels.get(side)

    def lots(self, side: PositionSide) -> int:
        """The signed lots of a position; 0 too while it takes no stop yet, as if it were flat."""
        lots, opened_ms = self._lots[side], self._opened_ms.get(side, 0)
        is_new = self._venue.now_ms() - opened_ms < self._venue.options.stop_after_fill_ms

        return 0 if is_new else lots

    def set(self, side: PositionSide, stop: AttachedStop, *, parent_link_id: str = "") -> None:
        """Put this stop in the place of the position's; one that was passed already closes the position at once."""
        venue, before = self._venue, self._stops.get(side)
        is_kept = before is not None and venue.options.stop_keeps_id
        known = before if is_kept and before is not None else self._new(parent_link_id)
        known.lots = abs(self._lots[side])
        closing = Side.SELL if self._lots[side] > 0 else Side.BUY
        request = kit.ConditionalRequest(
            side=closing,
            trigger=stop.price,
            watch=stop.watch,
            position_side=side,
            client_id=venue.orders.alias(known),
            time_in_force=kit.TimeInForce.IOC,
            self_trade=self._self_trade,
        )
        replaced = known.conditional_ids[-1] if is_kept else None
        known.conditional = request

        try:
            placed = venue.exchange.place_conditional(venue.account, request, venue.exchange.now_ms)
        except kit.RejectionError as error:
            if error.rejection is kit.Rejection.WOULD_TRIGGER:
                self._close(known, side, closing)

            return

        venue.orders.of_conditional(placed)  # another fill may set it anew before this is told
        self._stops[side], self._levels[side] = known, stop

        if replaced is not None:
            self._cancel(replaced)
        elif before is not None:
            self._cancel(before.conditional_ids[-1])

    def remove(self, side: PositionSide) -> None:
        """Take the position's stop away."""
        known = self._stops.pop(side, None)
        self._levels.pop(side, None)

        if known is not None:
            self._cancel(known.conditional_ids[-1])

    def _new(self, parent_link_id: str) -> GatewayOrder:
        venue = self._venue
        known = GatewayOrder(
            order_id=venue.orders.new_id(),
            link_id="",
            created_ms=venue.exchange.now_ms,
            reduce_only=True,
            close_on_trigger=True,
            stop_order_type=STOP_LOSS,
            create_type=CREATED_BY,
            parent_link_id=parent_link_id,
        )
        venue.orders.add(known)

        return known

    def _close(self, known: GatewayOrder, side: PositionSide, closing: Side) -> None:
        venue = self._venue
        known.request = kit.OrderRequest(
            side=closing,
            amount=venue.instrument.amount(abs(self._lots[side])),
            position_side=side,
            reduce_only=side is PositionSide.NET,
            label=known.order_id,
            self_trade=self._self_trade,
        )

        try:
            venue.exchange.place(venue.account, known.request, venue.exchange.now_ms)
        except kit.RejectionError:
            return

    def _cancel(self, conditional_id: int) -> None:
        venue = self._venue
        order = venue.exchange.conditional(venue.account, conditional_id=conditional_id)

        if order is not None and order.state is kit.ConditionalState.WAITING:
            venue.exchange.cancel_conditional(
                venue.account, conditional_id=conditional_id, now_ms=venue.exchange.now_ms
            )

    # --- what happens to the position ---------------------------------------------------------------------------------

    def _note(self, event: kit.SimulationEvent) -> None:
        own = self._venue.account

        match event:
            case kit.AccountChanged(account=account) if account == own:
                for position in event.state.positions:
                    self._follow(position.side, position.lots, event.now_ms)
            case kit.OrderChanged(account=account) if account == own and event.execution is not None:
                self._attach(event)
            case kit.ConditionalChanged(account=account) if account == own:
                self._forget(event)

    def _follow(self, side: PositionSide, lots: int, now_ms: int) -> None:
        before, self._lots[side] = self._lots[side], lots
        known = self._stops.get(side)

        if lots == before:
            return

        if before * lots <= 0 and lots:
            self._opened_ms[side] = now_ms

        if known is None:
            return

        if before * lots <= 0:
            known.cleared = True
            self.remove(side)
        else:
            known.lots = abs(lots)
            self._venue.orders.on_changed(known)

    def _attach(self, event: kit.OrderChanged) -> None:
        """Give the position the stop of the order that was executed, where that has opened it or added to it."""
        order, venue = event.order, self._venue
        known = venue.orders.of_order(order)

        if known.stop is None or event.execution is None:
            return

        side = order.position_side
        lots = venue.fills.note(event.execution).position_lots
        has_stop = side in self._stops and self._lots[side] * lots > 0

        if lots * order.side.sign <= 0 or (has_stop and not venue.options.fill_stop_replaces):
            return

        self._follow(side, lots, event.now_ms)
        self.set(side, known.stop, parent_link_id=known.link_id)

    def _forget(self, event: kit.ConditionalChanged) -> None:
        """Forget a stop that waits no more, by whatever has ended it."""
        known = self._venue.orders.of_conditional(event.order)
        side = event.order.position_side
        is_last = known.conditional_ids[-1] == event.order.conditional_id

        if event.order.state is not kit.ConditionalState.WAITING and is_last and self._stops.get(side) is known:
            del self._stops[side]
            del self._levels[side]
