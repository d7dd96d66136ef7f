"""All exits of a market: a pure function of its own, so that they survive a raising strategy or risk module."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from perpmaker.exits import entry, guard, rest, retry
from perpmaker.exits.memory import ExitMemory, Failed, Fired
from perpmaker.exits.price import Source, read_source, watch
from perpmaker.exits.settings import ExitSettings
from perpmaker.exits.stop import best_against, has_passed, price_stop, stop_ticks, watch_renewal, watch_trigger
from perpmaker.exits.target import take_profit
from perpmaker.exits.wake import by, merge
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import OrderKind, OrderType, PositionSide, Side, Slot
from perpmaker.model.position import Position
from perpmaker.model.quote import (
    Close,
    Exit,
    Reason,
    Rule,
    StopLoss,
    TakeProfit,
    VenueStop,
    Wake,
    WantedExits,
    opening_side,
)
from perpmaker.state.view import End, Mode, View

CLEARING_S = 1.0
"""How long a stop waits for the acknowledgement that the other closing orders are gone."""


@attrs.frozen(kw_only=True)
class Leaving:
    """What one position comes to: its exits, whether its stop has fired, and when to look again."""

    exits: tuple[Exit, ...]
    wake: Wake
    fired: Fired | None = None


class Exits:
    """Decides about profit taking and stop loss of every position; one never delays another.

    `quotes_continue` says that quotes go on while a position is open (when_in_position = "continue"): the target of
    a One-way position is then smaller by the live quotes that would close it too. `venue_stops` says that the venue
    keeps stops: one rests there with stop_loss_order = "venue", and of every position that is left at a clean stop.
    """

    def __init__(
        self,
        settings: ExitSettings,
        instrument: Instrument,  # noqa: ARG002  # built as strategies are; the view has the newest
        *,
        quotes_continue: bool = False,
        venue_stops: bool = False,
    ) -> None:
        self._settings = settings
        self._quotes_continue = quotes_continue
        self._venue_stops = venue_stops
        self._known: dict[PositionSide, tuple[Position, Instrument, int, TakeProfit]] = {}

    def decide(self, view: View) -> WantedExits:
        """Which exits should be live now, for which positions quotes are forbidden, and when to ask again.

        `view.exit_memory` is the memory that the last answer asked for.
        """
        memory = view.exit_memory if isinstance(view.exit_memory, ExitMemory) else ExitMemory()
        known = memory.failed
        failed, unpriced = retry.track(view, known), entry.track(view, memory.unpriced)

        if failed is not memory.failed or unpriced is not memory.unpriced:
            memory = attrs.evolve(memory, failed=failed, unpriced=unpriced)

        leaving = {
            side: self._leave(view, memory, known, position)
            for side, position in view.positions.items()
            if position.amount
        }
        fired = {side: one.fired for side, one in leaving.items() if one.fired is not None}

        if fired != memory.fired:
            memory = attrs.evolve(memory, fired=fired)

        return WantedExits(
            exits=tuple(wanted for one in leaving.values() for wanted in one.exits),
            no_quotes_for=frozenset(fired),
            memory=memory,
            wake=merge(tuple(one.wake for one in leaving.values())),
        )

    def _leave(self, view: View, memory: ExitMemory, known: Mapping[Slot, Failed], position: Position) -> Leaving:
        """The exits of one open position; `known` are the failed exits that were remembered before."""
        lots = view.instrument.lots_down(abs(position.amount))

        if view.instrument.is_dust(position.amount):
            return Leaving(exits=tuple(rest.stay(view, position.side, lots, rest.DUST)), wake=Wake())

        sign = 1 if position.amount > 0 else -1
        fired = memory.fired.get(position.side)

        if fired is not None and fired.sign != sign:
            fired = None

        if view.mode is Mode.FLATTEN:
            return self._close(view, memory, position, fired or Fired(sign=sign, at=view.now), lots)

        known_entry = entry.priced(position, memory)

        if known_entry is None and fired is None:
            resting = tuple(rest.stay(view, position.side, lots, rest.UNPRICED))

            return Leaving(exits=resting, wake=entry.watch(view, memory, position.side))

        position = known_entry or position
        source = read_source(view)
        spread = self._settings.stop_loss_spread
        trigger = None if spread is None else stop_ticks(position, sign, spread, view.instrument)

        # A stop order that is live says that the stop has fired, also when a restart has lost the memory of it.
        if fired is None and (
            _closing_slot(OrderKind.STOP_LOSS, position) in view.orders
            or guard.has_fired(view, _closing_slot(OrderKind.VENUE_STOP, position), known, memory.failed)
            or (trigger is not None and has_passed(view, source, sign, trigger))
        ):
            fired = Fired(sign=sign, at=view.now)

        if fired is not None:
            return self._stop(view, memory, position, fired, lots)

        wake = Wake() if trigger is None else watch(view, source)

        if trigger is not None and source is Source.BOOK:
            wake = watch_trigger(wake, sign, trigger)

        leaving = self._target(view, memory, position, lots, wake)

        return leaving if trigger is None else self._guarded(view, memory, position, leaving, trigger)

    def _guarded(self, view: View, memory: ExitMemory, position: Position, leaving: Leaving, trigger: int) -> Leaving:
        """The same, and the stop that rests on the venue, where one should."""
        if (
            not self._venue_stops
            or trigger <= 0
            or not (self._settings.stop_loss_order == "venue" or view.mode is Mode.STOP)
        ):
            return leaving

        slot = _closing_slot(OrderKind.VENUE_STOP, position)
        resting = view.orders.get(slot)
        again = retry.waits_until(view, memory.failed.get(slot))

        if again is not None and (resting is None or resting.order.ticks != trigger):
            stops, wake = guard.stay(view, slot), by(view, leaving.wake, again)
        else:
            why = Reason(Rule.STOPPED, "rests on the venue, which fires it by its last price", trigger)
            lots = view.instrument.lots_down(abs(position.amount))
            stops, wake = (VenueStop(slot=slot, ticks=trigger, lots=lots, reasons=(why,)),), leaving.wake

        return attrs.evolve(leaving, exits=(*leaving.exits, *stops), wake=wake)

    # --- profit taking ---------------------------------------------------------------------------------------------

    def _target(self, view: View, memory: ExitMemory, position: Position, lots: int, wake: Wake) -> Leaving:
        """The target, unless it was refused a moment ago or quotes close the position already."""
        side = opening_side(position.side, 1 if position.amount > 0 else -1).opposite
        quoted, replaced = self._closing_quotes(view, side, position.side)
        to_close = lots - quoted - replaced

        if replaced:
            wake = by(view, wake, view.now)

        if to_close <= 0 or (to_close < lots and view.instrument.is_dust(view.instrument.amount(to_close))):
            return Leaving(exits=(), wake=wake)

        target = self._take_profit(view.instrument, position, to_close)

        if (resting := view.orders.get(target.slot)) is not None:
            if target.lots < to_close and resting.order.ticks == target.ticks:  # the market takes no more in one order
                target = attrs.evolve(target, lots=min(target.lots, resting.remaining_lots))

            return Leaving(exits=(target,), wake=wake)

        failed = memory.failed.get(target.slot)
        close = Slot(OrderKind.CLOSE, side, 0, position.side)
        best = best_against(view, -side.sign)
        passed = best > 0 and side.sign * (best - target.ticks) <= 0

        if close in view.orders or (passed and retry.is_out_of_patience(view, failed)):
            why = Reason(Rule.TARGET, "the market has passed the target, and it keeps being refused: at market")
            return self._market(view, memory, slot=close, lots=lots, wake=wake, reasons=(*target.reasons, why))

        again = retry.waits_until(view, failed)

        return Leaving(exits=(target,), wake=wake) if again is None else Leaving(exits=(), wake=by(view, wake, again))

    def _take_profit(self, instrument: Instrument, position: Position, lots: int) -> TakeProfit:
        """The target, worked out once for a position that stays as it is."""
        known = self._known.get(position.side)

        if known is not None and known[0] is position and known[1] is instrument and known[2] == lots:
            return known[3]

        target = take_profit(self._settings, instrument, position, lots)
        self._known[position.side] = (position, instrument, lots, target)

        return target

    def _closing_quotes(self, view: View, side: Side, position: PositionSide) -> tuple[int, int]:
        """Lots of live quotes that would close the position as well; they count only where quoting goes on.

        Beside them, the lots of those that we took off and that are gone just now: at a refresh their successors are
        placed in this very step, and the target would be replaced twice for nothing.
        """
        if not self._quotes_continue or position is not PositionSide.NET:
            return 0, 0

        live = sum(order.remaining_lots for slot, order in view.orders.items() if _is_quote(slot, side, position))
        replaced = sum(
            end.lots - end.filled_lots
            for slot, end in view.ended.items()
            if end.at == view.now
            and end.end is End.REQUESTED
            and slot not in view.orders
            and _is_quote(slot, side, position)
        )

        return live, replaced

    # --- the end of a position -------------------------------------------------------------------------------------

    def _stop(self, view: View, memory: ExitMemory, position: Position, fired: Fired, lots: int) -> Leaving:
        """The stop order of a stop that has fired: first the other closing orders go, for a second at most."""
        slot = _closing_slot(OrderKind.STOP_LOSS, position)
        source = read_source(view)
        wake = watch(view, source)
        on_venue = _closing_slot(OrderKind.VENUE_STOP, position)

        if slot not in view.orders and (until := guard.working_until(view, on_venue, fired)) is not None:
            return Leaving(exits=guard.stay(view, on_venue), wake=by(view, wake, until), fired=fired)

        if (until := _clearing_until(view, slot, fired)) is not None:
            return Leaving(exits=(), wake=by(view, wake, until), fired=fired)

        if (past := self._past_others(view, memory, slot, fired=fired, lots=lots, wake=wake)) is not None:
            return past

        failed = memory.failed.get(slot)

        if slot not in view.orders and retry.is_out_of_patience(view, failed):
            fired = attrs.evolve(fired, market=True)

        priced = price_stop(view, self._settings, source, fired, view.orders.get(slot))
        why = Reason(Rule.STOPPED, "the stop has fired", position.entry)

        if priced.market:
            market = self._market(view, memory, slot=slot, lots=lots, wake=wake, reasons=(why,))

            return attrs.evolve(market, fired=priced)

        again = None if slot in view.orders else retry.waits_until(view, failed)

        if again is not None:
            return Leaving(exits=(), wake=by(view, wake, again), fired=fired)

        order = StopLoss(
            slot=slot,
            ticks=priced.ticks,
            lots=min(lots, view.instrument.lots_down(view.instrument.max_amount)),
            type=OrderType.LIMIT,
            reasons=(why, Reason(Rule.STOPPED, "limit past the market by the slippage buffer", priced.ticks)),
        )

        return Leaving(exits=(order,), wake=watch_renewal(wake, self._settings, priced), fired=priced)

    def _close(self, view: View, memory: ExitMemory, position: Position, fired: Fired, lots: int) -> Leaving:
        """A person wants to be flat: the other closing orders go, then everything at market."""
        slot = _closing_slot(OrderKind.CLOSE, position)

        if (until := _clearing_until(view, slot, fired)) is not None:
            return Leaving(exits=(), wake=by(view, Wake(), until), fired=fired)

        if (past := self._past_others(view, memory, slot, fired=fired, lots=lots, wake=Wake())) is not None:
            return past

        why = Reason(Rule.MODE, view.mode_reason or view.mode.value)
        market = self._market(view, memory, slot=slot, lots=lots, wake=Wake(), reasons=(why,))

        return attrs.evolve(market, fired=fired)

    def _past_others(
        self, view: View, memory: ExitMemory, slot: Slot, *, fired: Fired, lots: int, wake: Wake
    ) -> Leaving | None:
        """What closes a position that closing orders of others hold; None while the order of this slot gets through."""
        on_venue = slot._replace(kind=OrderKind.VENUE_STOP)

        if not self._venue_stops or not guard.is_kept_out(view, slot, on_venue, fired, memory.failed.get(slot)):
            return None

        buffer = self._settings.stop_loss_slippage_buffer
        stops, until = guard.past_others(view, on_venue, memory, fired, buffer=buffer, lots=lots)

        return Leaving(exits=stops, wake=by(view, wake, until), fired=fired)

    def _market(
        self, view: View, memory: ExitMemory, *, slot: Slot, lots: int, wake: Wake, reasons: tuple[Reason, ...]
    ) -> Leaving:
        """A market order in this slot, for as much as the market takes at once, unless it has just been refused."""
        again = None if slot in view.orders else retry.waits_until(view, memory.failed.get(slot))

        if again is not None:
            return Leaving(exits=(), wake=by(view, wake, again))

        lots = min(lots, view.instrument.lots_down(view.instrument.max_market_amount))
        order: Exit

        if slot.kind is OrderKind.CLOSE:
            order = Close(slot=slot, lots=lots, reasons=reasons)
        else:
            order = StopLoss(slot=slot, ticks=None, lots=lots, type=OrderType.MARKET, reasons=reasons)

        return Leaving(exits=(order,), wake=wake)


def _is_quote(slot: Slot, side: Side, position: PositionSide) -> bool:
    return slot.kind is OrderKind.QUOTE and slot.side is side and slot.position_side is position


def _closing_slot(kind: OrderKind, position: Position) -> Slot:
    """The slot of an exit of this kind for this position."""
    return Slot(kind, opening_side(position.side, 1 if position.amount > 0 else -1).opposite, 0, position.side)


def _clearing_until(view: View, slot: Slot, fired: Fired) -> float | None:
    """Until when to wait for other closing orders of the position to be gone; None when nothing is in the way."""
    until = fired.at + CLEARING_S

    if slot in view.orders or view.now >= until:
        return None

    rivals = any(
        other.kind.holds_position and other.position_side is slot.position_side and other != slot
        for other in view.orders
    )

    return until if rivals else None
