"""From what should rest to what is sent: the difference to what rests, every order in it in flight from here on."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import attrs

from perpmaker.decision.attached_stops import AttachedStopRule
from perpmaker.decision.exit_conflict import ExitConflict
from perpmaker.decision.exit_pace import paced
from perpmaker.decision.slot_backoff import SlotBackoffs
from perpmaker.decision.trading_state import TradingState
from perpmaker.execution.action import Action, Amend, Cancel, Place
from perpmaker.execution.amend_rules import AmendRules
from perpmaker.execution.diff import UNCHANGED, Changes, Want, diff, new_order
from perpmaker.model.client_id import ClientIds
from perpmaker.model.order import NewOrder, PositionSide, Slot
from perpmaker.state.state import State
from perpmaker.state.survey import Survey


@attrs.define(kw_only=True)
class Sending:
    """Turns wants into actions. `two_stops`: the venue lets two stops of a position rest beside each other.

    `amends`: it moves resting orders. `attached`: which stop a quote carries; None where none does.
    """

    state: State
    trading_state: TradingState
    client_ids: ClientIds
    retries: SlotBackoffs
    exit_conflict: ExitConflict
    two_stops: bool
    amends: bool = False
    attached: AttachedStopRule | None = None

    def send(self, wants: Sequence[Want], memory: object, now: float, *, blocked: bool) -> list[Action]:
        """The cancels, amends and new orders that make of what rests what is wanted, all marked as in flight.

        `memory` is that of the exits. `blocked`: no quote may be placed now.
        """
        orders = self.state.orders
        survey = orders.survey()
        changes = diff(
            survey.working,
            wants,
            blocked=blocked,
            waiting=self._waiting(survey, wants, memory, now),
            settling={slot: 0 for slot in orders.missing() if not slot.kind.is_exit} if orders.gaps() else None,
            cut=orders.cut(now, self._known_ms) if survey.cuts else frozenset(),
            two_stops=self.two_stops,
            outdated=orders.outdated() if self.amends and survey.has_outdated else frozenset(),
            amends=AmendRules(self.state.instrument) if self.amends else None,
        )

        if changes is UNCHANGED:
            return []

        return [*self._cancels(changes, now), *self._amends(changes, now), *self._places(changes, now)]

    def _waiting(self, survey: Survey, wants: Sequence[Want], memory: object, now: float) -> Collection[Slot]:
        """The slots into which nothing may be placed yet."""
        waiting = self.retries.waiting((want.slot for want in wants), now) if self.retries.is_holding else set()

        if survey.others:
            waiting.update(paced(survey.others, memory, now))

        if self.exit_conflict.is_holding:
            resyncing = self.trading_state.demand is not None
            waiting.update(self.exit_conflict.waiting(survey.working, now, resyncing=resyncing))

        return waiting

    def _known_ms(self, side: PositionSide) -> int:
        """The venue's time of the newest fact about a position; 0 where there is none."""
        position = self.state.account.positions.get(side)

        return 0 if position is None else position.venue_ms

    def _cancels(self, changes: Changes, now: float) -> list[Action]:
        actions: list[Action] = []
        orders = self.state.orders

        for working in changes.cancel:
            order = working.order
            client_id = order.client_id

            if orders.live[client_id].cancel_at <= now:
                orders.cancel(client_id, now)
                actions.append(Cancel(client_id=client_id, venue_id=working.venue_id, kind=order.slot.kind))

        return actions

    def _amends(self, changes: Changes, now: float) -> list[Action]:
        """Those first that shrink the risk."""
        actions: list[Amend] = []

        for working, want in changes.amend:
            before = working.order
            order = attrs.evolve(before, ticks=want.ticks, lots=want.lots, generation=want.generation)
            order = self._carrying(order, filled_lots=working.filled_lots)
            number = self.state.amend(order, now)
            actions.append(Amend(order=order, before=before, venue_id=working.venue_id, number=number))

        return [*sorted(actions, key=lambda action: not action.shrinks_risk)]

    def _carrying(self, order: NewOrder, *, filled_lots: int = 0) -> NewOrder:
        """The order with the stop that it carries."""
        if self.attached is None:
            return order

        return self.attached.carried(order, self.state.account.positions, filled_lots=filled_lots)

    def _places(self, changes: Changes, now: float) -> list[Action]:
        actions: list[Action] = []

        for want in changes.place:
            order = new_order(want, self.client_ids.next())
            order = order if self.attached is None else self._carrying(order)
            self.state.place(order, now)
            actions.append(Place(order=order))

        return actions
