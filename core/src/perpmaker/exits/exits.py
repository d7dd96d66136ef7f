"""All exits of a market: a pure function of its own, so that they survive a raising strategy or risk module."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from perpmaker.exits import company, entry, guard, rest, retry, sight
from perpmaker.exits.backstop import StopPlace, is_reached, place_stop, watch_reached
from perpmaker.exits.band import edge_ticks, is_outside
from perpmaker.exits.close_out import CloseOut, Leaving, closing_slot
from perpmaker.exits.left_target import leave_target
from perpmaker.exits.level import stop_level
from perpmaker.exits.memory import ExitMemory, Failed, Fired
from perpmaker.exits.price import read_source, watch
from perpmaker.exits.settings import ExitSettings
from perpmaker.exits.sight import SEEING
from perpmaker.exits.stop import best_against, fires, watch_fires
from perpmaker.exits.target import take_profit
from perpmaker.exits.wake import by, merge
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import OrderKind, PositionSide, Side, Slot
from perpmaker.model.position import Position
from perpmaker.model.quote import (
    Exit,
    Reason,
    Rule,
    TakeProfit,
    TargetFactors,
    VenueStop,
    Wake,
    WantedExits,
    Withheld,
    opening_side,
)
from perpmaker.state.view import End, Mode, SlotEnd, View


class Exits:
    """Decides about profit taking and stop loss of every position. One never delays another.

    `quotes_continue` says that quotes go on while a position is open (when_in_position = "continue"): the target of
    a One-way position is then smaller by the live quotes that would close it too. `venue_stops` says that the venue
    keeps stops: one rests there with stop_loss_order = "venue", and of every position that is left at a clean stop.
    Where it does not cap a resting exit at its position (`caps_resting_exits`), a target is always for the whole
    position, and a fired stop is sent as IOC. `sizes_stops`: its stops are for an amount, and follow the position's.
    `keeps_targets`: the venue fires targets too, and one is left there at an end.
    """

    def __init__(
        self,
        settings: ExitSettings,
        instrument: Instrument,  # noqa: ARG002  # built as strategies are; the view has the newest
        *,
        quotes_continue: bool = False,
        venue_stops: bool = False,
        caps_resting_exits: bool = True,
        sizes_stops: bool = False,
        keeps_targets: bool = False,
    ) -> None:
        self._settings = settings
        self._shares_position = quotes_continue and caps_resting_exits
        self._venue_stops = venue_stops
        self._leaves_conditional = keeps_targets and not caps_resting_exits
        self._sizes_stops = sizes_stops
        self._close_out = CloseOut(settings, venue_stops, caps_resting_exits)
        self._idle: WantedExits | None = None
        self._idle_positions: Mapping[PositionSide, Position] = {}
        self._idle_ended: Mapping[Slot, SlotEnd] = {}
        self._known: dict[PositionSide, tuple[Position, Instrument, int, TargetFactors, TakeProfit]] = {}

    def decide(self, view: View) -> WantedExits:
        """Return which exits should be live now, for which positions quotes are forbidden, and when to ask again.

        `view.exit_memory` is the memory that the last answer asked for.
        """
        memory = view.exit_memory if isinstance(view.exit_memory, ExitMemory) else ExitMemory()
        known, idle = memory.failed, self._idle

        if idle is not None and memory is idle.memory and self._is_idle(view, memory):
            return idle

        failed, unpriced = retry.track(view, known), entry.track(view, memory.unpriced)
        seen, taken = sight.track(view, memory.sight), company.track(view, memory.taken)

        if not (failed is known and unpriced is memory.unpriced and seen is memory.sight and taken is memory.taken):
            memory = attrs.evolve(memory, failed=failed, unpriced=unpriced, sight=seen, taken=taken)

        leaving = {
            side: self._leave(view, memory, known, position)
            for side, position in view.positions.items()
            if position.amount
        }
        fired = {side: one.fired for side, one in leaving.items() if one.fired is not None}

        if fired != memory.fired:
            memory = attrs.evolve(memory, fired=fired)

        if not leaving:
            self._idle, self._idle_positions, self._idle_ended = WantedExits(memory=memory), view.positions, view.ended
            return self._idle

        return WantedExits(
            exits=tuple(
                map(self._sized, company.fit(view, memory, (e for one in leaving.values() for e in one.exits)))
            ),
            withheld=tuple(withheld for one in leaving.values() for withheld in one.withheld),
            awaited=tuple(self._sized(awaited) for one in leaving.values() for awaited in one.awaited),
            no_quotes_for=frozenset(fired),
            memory=memory,
            wake=merge(tuple(one.wake for one in leaving.values())),
        )

    def _is_idle(self, view: View, memory: ExitMemory) -> bool:
        """Whether there is nothing to leave, as before, and nothing to remember: what ended since were quotes."""
        if view.positions is not self._idle_positions or memory.taken or memory.sight is not SEEING:
            return False

        if view.ended is not self._idle_ended:
            if retry.track(view, memory.failed) is not memory.failed or company.track(view, memory.taken):
                return False

            self._idle_ended = view.ended

        return sight.sees(view)

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
            return self._close_out.close(view, memory, position, fired or Fired(sign=sign, at=view.now), lots)

        known_entry = entry.priced(position, memory)

        if known_entry is None and fired is None and not view.flatten:
            resting = tuple(rest.stay(view, position.side, lots, rest.UNPRICED))

            return Leaving(exits=resting, wake=entry.watch(view, memory, position.side))

        position = known_entry or position
        source = read_source(view)
        trigger = stop_level(self._settings, position, sign, view.instrument)
        place = self._place(view, memory, position, trigger)

        # A stop order that is live says that the stop has fired, also when a restart has lost the memory of it.
        if fired is None and (
            closing_slot(OrderKind.STOP_LOSS, position) in view.orders
            or (
                position.side not in view.unproven
                and (self._fires(view, memory, known, position, trigger) or is_reached(view, place, sign))
            )
        ):
            fired = Fired(sign=sign, at=view.now)

        if fired is None and view.flatten and position.side not in view.unproven:
            fired = Fired(sign=sign, at=view.now, market=True, demanded=True)

        if fired is not None:
            return self._close_out.stop(view, memory, position, fired, lots)

        wake = Wake() if trigger is None else watch(view, source)

        if trigger is not None:
            wake = watch_fires(view, wake, self._settings.trigger, source, sign=sign, level=trigger)

        wake = watch_reached(view, wake, place, sign)

        if (back_at := sight.back_at(view, memory)) is not None:
            wake = by(view, wake, back_at)

        leaving = self._left_or_resting(view, memory, position, lots, wake)

        return self._guarded(view, memory, position, leaving, place)

    def _fires(
        self, view: View, memory: ExitMemory, known: Mapping[Slot, Failed], position: Position, trigger: int | None
    ) -> bool:
        """Whether the venue has fired its stop, or the market is at or beyond the level of ours."""
        if guard.has_fired(view, closing_slot(OrderKind.VENUE_STOP, position), known, memory.failed):
            return True

        sign = 1 if position.amount > 0 else -1

        return trigger is not None and fires(view, self._settings.trigger, read_source(view), sign, trigger)

    def _place(self, view: View, memory: ExitMemory, position: Position, trigger: int | None) -> StopPlace | None:
        """Where the stop that rests on the venue belongs; None where none does."""
        if trigger is None or not self._venue_stops:
            return None

        sign, blind = 1 if position.amount > 0 else -1, sight.is_blind(view, memory)

        return place_stop(view, self._settings, position, sign=sign, level=trigger, blind=blind)

    def _guarded(
        self, view: View, memory: ExitMemory, position: Position, leaving: Leaving, place: StopPlace | None
    ) -> Leaving:
        """The same, and the stop that rests on the venue, where one should."""
        if place is None:
            return leaving

        slot = closing_slot(OrderKind.VENUE_STOP, position)
        resting = view.orders.get(slot)
        again = retry.waits_until(view, memory.failed.get(slot))
        why = Reason(Rule.STOPPED, place.words, place.ticks)
        lots = view.instrument.lots_down(abs(position.amount))
        wanted = VenueStop(slot=slot, ticks=place.ticks, lots=lots, reasons=(why,), trigger=place.trigger)

        if view.mode is Mode.STOP and (kept := guard.nearer(view, wanted)):
            return attrs.evolve(leaving, exits=(*leaving.exits, *kept))

        if again is None or (resting is not None and resting.order.ticks == place.ticks):
            return attrs.evolve(leaving, exits=(*leaving.exits, wanted))

        return attrs.evolve(
            leaving,
            exits=(*leaving.exits, *guard.stay(view, slot)),
            awaited=(*leaving.awaited, wanted),
            wake=by(view, leaving.wake, again),
        )

    def _sized(self, want: Exit) -> Exit:
        """The exit; a stop as the venue keeps it, where that is for an amount and not for whatever the position is."""
        if not self._sizes_stops or not isinstance(want, VenueStop):
            return want

        return attrs.evolve(want, whole=False, sized=True)

    # --- profit taking ---------------------------------------------------------------------------------------------

    def _left_or_resting(self, view: View, memory: ExitMemory, position: Position, lots: int, wake: Wake) -> Leaving:
        """The target; at an end, where the venue caps no resting one, as one that the venue fires."""
        if view.mode is not Mode.STOP or not self._leaves_conditional:
            return self._target(view, memory, position, lots, wake)

        target = self._take_profit(view, position, lots)

        return leave_target(view, memory, target, self._settings.stop_loss_slippage_buffer, wake)

    def _target(self, view: View, memory: ExitMemory, position: Position, lots: int, wake: Wake) -> Leaving:
        """The target, unless it was refused a moment ago or quotes close the position already."""
        side = opening_side(position.side, 1 if position.amount > 0 else -1).opposite
        quoted, replaced = self._closing_quotes(view, side, position.side)
        to_close = lots - quoted - replaced

        if replaced:
            wake = by(view, wake, view.now)

        if to_close <= 0 or (to_close < lots and view.instrument.is_dust(view.instrument.amount(to_close))):
            return Leaving(exits=(), wake=wake)

        target = self._take_profit(view, position, to_close)

        if (resting := view.orders.get(target.slot)) is not None:
            if target.lots < to_close and resting.order.ticks == target.ticks:  # the market takes no more in one order
                target = attrs.evolve(target, lots=min(target.lots, resting.remaining_lots))

            return Leaving(exits=(target,), wake=wake)

        failed = memory.failed.get(target.slot)
        close = Slot(OrderKind.CLOSE, side, 0, position.side)
        best = best_against(view, -side.sign)
        passed = best > 0 and side.sign * (best - target.ticks) <= 0

        outside = is_outside(view, side, target.ticks)
        at_market = passed and not is_outside(view, side, best) and (outside or retry.is_out_of_patience(view, failed))

        if close in view.orders or at_market:
            why = Reason(Rule.TARGET, "the market has passed the target, and the venue does not take it: at market")
            return self._close_out.market(
                view, memory, slot=close, lots=lots, wake=wake, reasons=(*target.reasons, why)
            )

        if outside:
            return _withheld(view, target, wake)

        again = retry.waits_until(view, failed)

        if again is None:
            return Leaving(exits=(target,), wake=wake)

        return Leaving(exits=(), awaited=(target,), wake=by(view, wake, again))

    def _take_profit(self, view: View, position: Position, lots: int) -> TakeProfit:
        """The target, worked out once for a position that stays as it is."""
        instrument, factors = view.instrument, view.target_factors
        known = self._known.get(position.side)

        if (
            known is not None
            and known[0] is position
            and known[1] is instrument
            and known[2] == lots
            and known[3] == factors
        ):
            return known[4]

        target = take_profit(self._settings, instrument, position, lots, factors)
        self._known[position.side] = (position, instrument, lots, factors, target)

        return target

    def _closing_quotes(self, view: View, side: Side, position: PositionSide) -> tuple[int, int]:
        """Lots of live quotes that would close the position as well; they count only where quoting goes on.

        Beside them, the lots of those that we took off and that are gone just now: at a refresh their successors are
        placed in this very step, and the target would be replaced twice for nothing.
        """
        if not self._shares_position or position is not PositionSide.NET:
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


def _is_quote(slot: Slot, side: Side, position: PositionSide) -> bool:
    return slot.kind is OrderKind.QUOTE and slot.side is side and slot.position_side is position


def _withheld(view: View, target: TakeProfit, wake: Wake) -> Leaving:
    """A target that the venue would not take at its price now: it is not moved, and placed when the band reaches it."""
    edge = edge_ticks(view, target.slot.side) or 0
    why = Reason(Rule.PRICE_BAND, "outside of the venue's own price band around the mark price, which ends at", edge)
    wake = attrs.evolve(wake, mark_low=view.mark, mark_high=view.mark)

    return Leaving(exits=(), wake=wake, withheld=(Withheld(slot=target.slot, reasons=(*target.reasons, why)),))
