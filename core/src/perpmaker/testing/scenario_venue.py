"""The venue of a scenario: the simulated exchange, a crowd that does as it is told, and the account's own words.

Real matching, margin and reduce-only rules; everything is synchronous, and what happened is collected until taken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import count

import attrs

from perpmaker.model.account import AccountSnapshot
from perpmaker.model.command_event import AmendRefused, CancelRefused, OrderAccepted, OrderNotFound, OrderRefused
from perpmaker.model.event import (
    BookSnapshot,
    Event,
    MarkChanged,
    OrderAmended,
    OrderCancelled,
    OrderReported,
    Resynced,
)
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import CancelCause, Fill, NewOrder, OrderKind, OrderReport, PositionMode, PositionSide, Side
from perpmaker.model.position import MarginMode, Position, VenueSettings
from perpmaker.model.working_order import WorkingOrder
from perpmaker.paper.translation import account_of, fill_of, position_of, report_of, request_of, settings_of
from perpmaker.simulation.event import SimulationEvent
from perpmaker.simulation.exchange import Exchange
from perpmaker.simulation.order import ConditionalOrder, OrderRequest, OrderState, SimulatedOrder, TimeInForce
from perpmaker.simulation.rejection import RejectionError
from perpmaker.testing.scenario_crowd import Acts, Crowd
from perpmaker.testing.scenario_stops import Stops
from perpmaker.testing.scenario_translation import BY_HAND, Told, translate

ACCOUNT = "bot"
START_MS = 1_767_225_600_000
"""The venue's time when a scenario begins: midnight, UTC."""


class Venue:
    """One market and the bot's account on it. `told` is what happened since it was last taken, in order."""

    def __init__(
        self,
        instrument: Instrument,
        *,
        balance: Decimal,
        leverage: int,
        position_mode: PositionMode,
        margin_mode: MarginMode | None,
        caps_resting_exits: bool = True,
    ) -> None:
        self.instrument = instrument
        self.caps_resting_exits = caps_resting_exits
        self._ms = START_MS
        self._told: list[Told] = []
        self._by_venue: set[int] = set()
        self._quiet = False
        self._hands = count(1)
        acts = Acts()
        self.exchange = Exchange(instrument, acts, start_ms=START_MS)
        self.crowd = Crowd(self.exchange, acts, ACCOUNT, lambda: self._ms)
        self.exchange.open_account(ACCOUNT, balance)
        self._margin_mode = margin_mode
        self._wanted = VenueSettings(
            leverage=leverage, position_mode=position_mode, margin_mode=margin_mode or MarginMode.CROSS
        )
        self.stops = Stops(self.exchange, ACCOUNT)
        self.exchange.subscribe(self._hear)

    # --- time, and what happened

    def reach(self, now: float) -> None:
        """Let everything happen that is due by this time of the scenario."""
        self._ms = START_MS + round(now * 1000)
        self.exchange.advance(self._ms)

    @property
    def next_due_s(self) -> float:
        """When the exchange does something by itself (funding), in seconds of the scenario."""
        return (self.exchange.next_due_ms - START_MS) / 1000

    def take(self) -> list[Told]:
        """What happened since this was last asked."""
        told, self._told = self._told, []

        return told

    def _hear(self, event: SimulationEvent) -> None:
        self._told.extend(translate(event, self.exchange, by_venue=self._by_venue, quiet=self._quiet))

    # --- what the bot asks for

    def place(self, order: NewOrder) -> Event:
        """Take an order; the venue's answer."""
        if order.type.is_conditional:
            return self.stops.place(order, self._ms)

        if not self.caps_resting_exits and order.slot.kind is OrderKind.TAKE_PROFIT:
            order = attrs.evolve(order, reduce_only=False)  # as a venue that rests no reduce-only order takes it

        try:
            placed = self.exchange.place(ACCOUNT, request_of(self.exchange, order), self._ms)
        except RejectionError as denied:
            return OrderRefused(client_id=order.client_id, refusal=denied.refusal)

        return OrderAccepted(client_id=order.client_id, venue_id=str(placed.order_id), venue_ms=placed.created_ms)

    def amend(self, order: NewOrder, number: int) -> Event:
        """Move an order; the venue's answer."""
        try:
            moved = self.exchange.amend(
                ACCOUNT,
                client_id=order.client_id,
                price=self.instrument.price(order.ticks or 0),
                amount=self.instrument.amount(order.lots),
                now_ms=self._ms,
                amend_id=number,
            )
        except RejectionError as denied:
            return AmendRefused(client_id=order.client_id, refusal=denied.refusal, number=number)

        if moved.state is not OrderState.OPEN:
            return OrderReported(report=report_of(moved))

        return OrderAmended(
            client_id=order.client_id,
            ticks=moved.ticks or 0,
            lots=moved.lots,
            venue_ms=moved.updated_ms,
            number=number,
        )

    def cancel(self, client_id: str) -> Event:
        """Take an order off; the venue's answer."""
        if self.stops.known(client_id) is not None:
            return self.stops.cancel(client_id, self._ms)

        try:
            ended = self.exchange.cancel(ACCOUNT, client_id=client_id, now_ms=self._ms)
        except RejectionError as denied:
            return CancelRefused(client_id=client_id, refusal=denied.refusal)

        return OrderCancelled(
            client_id=client_id,
            cause=CancelCause.REQUESTED,
            filled_lots=ended.filled_lots,
            venue_ms=ended.updated_ms,
        )

    def asked(self, client_id: str, asked_at: float) -> Event:
        """The answer to a question that was put at `asked_at`: what became of an order."""
        report = self._order(client_id)

        if report is None:
            return OrderNotFound(client_id=client_id, asked_at=asked_at)

        return OrderReported(report=report, asked_at=asked_at)

    def read(self, began_at: float, believed: Callable[[], Sequence[WorkingOrder]], since_ms: int) -> Event:
        """The whole account, fills since a venue time, and what became of the orders that the bot believes live."""
        regular = [report_of(order) for order in self.exchange.open_orders(ACCOUNT)]
        orders = (*regular, *(self.stops.report(stop) for stop in self.stops.waiting()))
        listed = {report.client_id for report in orders}
        reports = [self._order(order.client_id) for order in believed() if order.client_id not in listed]

        return Resynced(
            began_at=began_at,
            orders=orders,
            finished=tuple(report for report in reports if report is not None),
            fills=tuple(self.fills(since_ms)),
            account=self.account(began_at),
            venue_ms=self._ms,
            asked_ms=START_MS + round(began_at * 1000),
        )

    def account(self, asked_at: float) -> AccountSnapshot:
        """The account as it is now; each position is as of its own last change."""
        state, orders = self.exchange.account(ACCOUNT), self.exchange.open_orders(ACCOUNT)
        account = account_of(state, orders, self.instrument, self._ms)

        return attrs.evolve(account, positions=tuple(self.positions()), asked_at=asked_at)

    def _order(self, client_id: str) -> OrderReport | None:
        order = self.exchange.order(ACCOUNT, client_id=client_id)

        return self.stops.known(client_id) if order is None else report_of(order)

    def fills(self, since_ms: int = 0) -> Sequence[Fill]:
        """Every fill of the account, oldest first."""
        executions = self.exchange.executions(ACCOUNT, since_ms)

        return [fill_of(self.exchange, one) for one in executions]

    def positions(self) -> Sequence[Position]:
        """One NET position, or LONG and SHORT."""
        return [position_of(state, state.updated_ms) for state in self.exchange.account(ACCOUNT).positions]

    # --- what everybody else does

    def snapshot(self) -> BookSnapshot:
        """The displayed book, own orders included."""
        depth = self.exchange.depth()

        return BookSnapshot(bids=depth.bids, asks=depth.asks, venue_ms=self._ms)

    def mark_event(self) -> Sequence[Event]:
        """The mark price, once there is one."""
        if not self.exchange.mark:
            return []

        return [self.mark_now()]

    def mark_now(self, *, asked: bool = False) -> Event:
        """The mark price, as it is told or asked for."""
        exchange = self.exchange

        return MarkChanged(
            mark=exchange.mark,
            index=exchange.index,
            funding_rate=exchange.funding_rate,
            next_funding_ms=exchange.next_funding_ms,
            venue_ms=self._ms,
            asked=asked,
        )

    # --- what a person does in the same account

    def trade_by_hand(self, side: Side, lots: int, ticks: int, position: PositionSide, *, quiet: bool) -> None:
        """Somebody trades on this account, at this price, past the book; DeniedError when refused: nothing happened.

        `quiet`: the stream tells the position but not the fill.
        """
        if not self.exchange.mark:
            self.crowd.set_mark(self.instrument.price(ticks))

        request = OrderRequest(
            side=side,
            amount=self.instrument.amount(lots),
            price=self.instrument.price(ticks),
            time_in_force=TimeInForce.IOC,
            position_side=position,
            client_id=f"{BY_HAND}{next(self._hands)}",
        )
        self._quiet = quiet

        try:
            self.exchange.trade_off_book(ACCOUNT, request, self._ms)
        finally:
            self._quiet = False

    def end(self, order: SimulatedOrder | ConditionalOrder, *, by_venue: bool) -> None:
        """The order goes without the bot's asking: by the venue for a reason it names, or by a person."""
        if isinstance(order, ConditionalOrder):
            self.exchange.cancel_conditional(ACCOUNT, conditional_id=order.conditional_id, now_ms=self._ms)
            return

        if by_venue:
            self._by_venue.add(order.order_id)

        self.exchange.cancel(ACCOUNT, order_id=order.order_id, now_ms=self._ms)

    def set_by_hand(self, wanted: VenueSettings) -> None:
        """Somebody sets the account to this; DeniedError where the venue does not let it."""
        found, exchange = self.settings(), self.exchange

        if wanted.position_mode is not found.position_mode:
            exchange.set_position_mode(ACCOUNT, wanted.position_mode, self._ms)

        if wanted.margin_mode is not found.margin_mode:
            exchange.set_margin_mode(ACCOUNT, wanted.margin_mode, self._ms)

        if wanted.leverage != found.leverage:
            exchange.set_leverage(ACCOUNT, wanted.leverage, self._ms)

    def settings(self) -> VenueSettings:
        """What the account is set to."""
        return settings_of(self.exchange.account(ACCOUNT))

    def prepare(self) -> VenueSettings:
        """Set the account to what a run wants, as a start does, and answer what it is set to."""
        heard = len(self._told)
        self.set_by_hand(attrs.evolve(self._wanted, margin_mode=self._margin_mode or self.settings().margin_mode))
        del self._told[heard:]  # one setting after the other, before any bot runs: nobody is told of what is in between

        return self.settings()
