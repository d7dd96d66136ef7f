"""The end of a position: the order that closes it, and what happens until that order is through."""

from __future__ import annotations

import attrs

from perpmaker.exits import band, guard, retry
from perpmaker.exits.backstop import past_market
from perpmaker.exits.memory import ExitMemory, Fired
from perpmaker.exits.price import Source, read_source, watch
from perpmaker.exits.settings import ExitSettings
from perpmaker.exits.stop import MAX_RENEWALS, best_against, price_stop, watch_renewal
from perpmaker.exits.wake import by, merge
from perpmaker.model.order import OrderKind, OrderType, Slot
from perpmaker.model.position import Position
from perpmaker.model.quote import Close, Exit, Reason, Rule, StopLoss, VenueStop, Wake, Withheld, opening_side
from perpmaker.state.view import View

CLEARING_S = 1.0
"""How long a stop waits for the acknowledgement that the other closing orders are gone."""


@attrs.frozen(kw_only=True)
class Leaving:
    """What one position comes to: its exits, whether its stop has fired, and when to look again.

    `withheld` and `awaited` as `WantedExits` has them.
    """

    exits: tuple[Exit, ...]
    wake: Wake
    fired: Fired | None = None
    withheld: tuple[Withheld, ...] = ()
    awaited: tuple[Exit, ...] = ()


@attrs.frozen(kw_only=True)
class Beside:
    """What rests on the venue beside a closing order: that order is for so many `lots`, 0 for none."""

    stops: tuple[VenueStop, ...]
    fired: Fired
    lots: int
    wake: Wake = attrs.field(factory=Wake)


@attrs.frozen
class CloseOut:
    """Closes positions whose stop has fired, or that a person wants closed.

    `venue_stops`: the venue keeps stops. `caps_resting_exits`: it caps a closing order that rests at its position;
    where it does not, none rests: limits are sent as IOC, and again for what is left.
    """

    settings: ExitSettings
    venue_stops: bool
    caps_resting_exits: bool = True

    @property
    def _limit(self) -> OrderType:
        """How a closing order with a price is sent."""
        return OrderType.LIMIT if self.caps_resting_exits else OrderType.IOC

    def stop(self, view: View, memory: ExitMemory, position: Position, fired: Fired, lots: int) -> Leaving:
        """Return the stop order of a stop that has fired: first the other closing orders go, for a second at most."""
        slot = closing_slot(OrderKind.STOP_LOSS, position)
        source = read_source(view)
        wake = watch(view, source)
        on_venue = closing_slot(OrderKind.VENUE_STOP, position)

        if slot not in view.orders and self._is_left_to_the_venue(view, on_venue, fired):
            works_until = fired.at + guard.WORKS_WITHIN_S

            return Leaving(exits=guard.stay(view, on_venue), wake=by(view, wake, works_until), fired=fired)

        if (until := _clearing_until(view, slot, fired)) is not None:
            return Leaving(exits=guard.stay(view, on_venue), wake=by(view, wake, until), fired=fired)

        beside = self._beside(view, memory, slot, fired=fired, lots=lots)
        wake = merge((wake, beside.wake))

        if not beside.lots:
            return Leaving(exits=beside.stops, wake=wake, fired=beside.fired)

        leaving = self._stop_order(view, memory, position, beside.fired, lots=beside.lots, wake=wake)
        stops = beside.stops or self._first_stop(view, memory, on_venue, fired, lots)

        return attrs.evolve(leaving, exits=(*leaving.exits, *stops))

    def _is_left_to_the_venue(self, view: View, on_venue: Slot, fired: Fired) -> bool:
        """Whether the venue's own stop may still do the work: it is at the stop's level, or has been triggered."""
        resting = view.orders.get(on_venue)

        if resting is None or guard.working_until(view, on_venue, fired) is None:
            return False

        return resting.triggered or (self.settings.stop_loss_order == "venue" and not fired.demanded)

    def _stop_order(
        self, view: View, memory: ExitMemory, position: Position, fired: Fired, *, lots: int, wake: Wake
    ) -> Leaving:
        """The order that executes a stop which has fired: a limit past the market, or a market order."""
        slot = closing_slot(OrderKind.STOP_LOSS, position)
        source = read_source(view)
        failed = memory.failed.get(slot)
        why = Reason(Rule.STOPPED, "the stop has fired", position.entry)

        if fired.demanded:
            why = Reason(Rule.RISK, view.flatten or "closed at market, as a risk module demanded")

        if (banded := self._banded(view, memory, slot, fired, lots=lots, wake=wake, why=why)) is not None:
            return banded

        is_spent = not self.caps_resting_exits and failed is not None and failed.times >= MAX_RENEWALS

        if slot not in view.orders and (is_spent or retry.is_out_of_patience(view, failed)):
            fired = attrs.evolve(fired, market=True)

        priced = price_stop(view, self.settings, source, fired, view.orders.get(slot))

        if priced.market:
            market = self.market(view, memory, slot=slot, lots=lots, wake=wake, reasons=(why,))

            return attrs.evolve(market, fired=priced)

        again = None if slot in view.orders else retry.waits_until(view, failed)

        if again is not None:
            return Leaving(exits=(), wake=by(view, wake, again), fired=fired)

        order = StopLoss(
            slot=slot,
            ticks=priced.ticks,
            lots=min(lots, view.instrument.lots_down(view.instrument.max_amount)),
            type=self._limit,
            reasons=(why, Reason(Rule.STOPPED, "limit past the market by the slippage buffer", priced.ticks)),
        )

        return Leaving(exits=(order,), wake=watch_renewal(wake, self.settings, priced), fired=priced)

    def _banded(
        self, view: View, memory: ExitMemory, slot: Slot, fired: Fired, *, lots: int, wake: Wake, why: Reason
    ) -> Leaving | None:
        """The closing order while the venue's price band is in its way; None while it is not."""
        best = best_against(view, fired.sign)

        if fired.banded_at is None:
            is_limit = slot.kind is OrderKind.STOP_LOSS and self.settings.stop_loss_order == "limit"
            limit = is_limit and not fired.market and read_source(view) is Source.BOOK
            entered = band.enter(view, slot, fired, best, limit=limit)
        else:
            entered = band.follow(view, slot, fired, best)

        if entered is None:
            return None

        wake = band.watch_band(view, wake, slot.side, entered)

        if entered.ticks is None:
            market = self.market(view, memory, slot=slot, lots=lots, wake=wake, reasons=(why,))

            return attrs.evolve(market, fired=entered)

        if entered is fired and band.was_refused(view, slot, fired):  # not more often than that
            return Leaving(exits=(), wake=wake, fired=entered)

        reason = Reason(Rule.PRICE_BAND, "just inside the venue's price band, which it follows", entered.ticks)
        lots = min(lots, view.instrument.lots_down(view.instrument.max_amount))
        order = StopLoss(slot=slot, ticks=entered.ticks, lots=lots, type=self._limit, reasons=(why, reason))

        return Leaving(exits=(order,), wake=wake, fired=entered)

    def close(self, view: View, memory: ExitMemory, position: Position, fired: Fired, lots: int) -> Leaving:
        """Close everything, as a person asked: the other closing orders go first, then all at market."""
        slot = closing_slot(OrderKind.CLOSE, position)

        on_venue = closing_slot(OrderKind.VENUE_STOP, position)

        if (until := _clearing_until(view, slot, fired)) is not None:
            return Leaving(exits=guard.stay(view, on_venue), wake=by(view, Wake(), until), fired=fired)

        beside = self._beside(view, memory, slot, fired=fired, lots=lots)
        stops, wake, fired, lots = beside.stops, beside.wake, beside.fired, beside.lots

        if not lots:
            return Leaving(exits=stops, wake=wake, fired=fired)

        why = Reason(Rule.MODE, view.mode_reason or view.mode.value)

        if (banded := self._banded(view, memory, slot, fired, lots=lots, wake=wake, why=why)) is not None:
            return attrs.evolve(banded, exits=(*banded.exits, *stops))

        market = self.market(view, memory, slot=slot, lots=lots, wake=wake, reasons=(why,))

        return attrs.evolve(market, exits=(*market.exits, *stops), fired=fired)

    def _beside(self, view: View, memory: ExitMemory, slot: Slot, *, fired: Fired, lots: int) -> Beside:
        """What rests on the venue beside a position that is being left, and how much of it a closing order is sent for.

        The backstop stays until the position is flat. What closing orders of others hold, and all of it while the
        order keeps being refused as not reducing, goes as close-position, just past the market; the order itself is
        sent again as soon as nothing else holds the position.
        """
        on_venue = slot._replace(kind=OrderKind.VENUE_STOP)
        held, is_refused = guard.held_by_others(view, slot), guard.is_refused(view, slot, fired)

        if is_refused and held and not fired.shares:
            fired = attrs.evolve(fired, shares=True)

        left = max(0, lots - held) if fired.shares else lots
        is_kept_out = not left or (is_refused and retry.has_lost_patience(view, memory.failed.get(slot)))

        if not self.venue_stops or not is_kept_out:
            return Beside(stops=guard.stay(view, on_venue), fired=fired, lots=left or lots)

        buffer = self.settings.stop_loss_slippage_buffer
        stops, until = guard.past_others(view, on_venue, memory, fired, buffer=buffer, lots=lots)
        left = 0 if guard.has_own_rivals(view, slot) else left

        return Beside(stops=stops, fired=fired, lots=left, wake=by(view, Wake(), until))

    def _first_stop(
        self, view: View, memory: ExitMemory, on_venue: Slot, fired: Fired, lots: int
    ) -> tuple[VenueStop, ...]:
        """A stop past the market for a position that has none: it was entered beyond its stop, or the venue lost it.

        The order that closes it may not be through, and who is killed meanwhile leaves nothing else.
        """
        is_wanted = self.venue_stops and (self.settings.venue_backstop or self.settings.stop_loss_order == "venue")

        if not is_wanted or view.mark is None or retry.waits_until(view, memory.failed.get(on_venue)) is not None:
            return ()

        ticks = past_market(view.instrument, view.mark, fired.sign)
        why = Reason(Rule.STOPPED, "past the market while the stop is not through", ticks)

        return (VenueStop(slot=on_venue, ticks=ticks, lots=lots, reasons=(why,)),)

    def market(
        self, view: View, memory: ExitMemory, *, slot: Slot, lots: int, wake: Wake, reasons: tuple[Reason, ...]
    ) -> Leaving:
        """Return a market order of this slot, as large as the market takes, unless it was just refused."""
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


def closing_slot(kind: OrderKind, position: Position) -> Slot:
    """Return the slot of an exit of this kind for this position."""
    return Slot(kind, opening_side(position.side, 1 if position.amount > 0 else -1).opposite, 0, position.side)


def _clearing_until(view: View, slot: Slot, fired: Fired) -> float | None:
    """Until when to wait for other closing orders of the position to be gone; None when nothing is in the way."""
    until = fired.at + CLEARING_S

    if slot in view.orders or view.now >= until:
        return None

    return until if guard.has_own_rivals(view, slot) else None
