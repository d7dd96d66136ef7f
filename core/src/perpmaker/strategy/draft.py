"""One decision in the making: lays out each side, admits what passes, and keeps what rests.

A slot is a place on the book; between refreshes what rests in it is wanted exactly as it is. An empty slot is filled
whenever nothing forbids it, at the ladder's price of that moment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter

import attrs

from perpmaker.model.order import Side, Slot
from perpmaker.model.quote import Quote, Reason, Rule, Wanted, Withheld
from perpmaker.model.working_order import WorkingOrder
from perpmaker.state.view import View
from perpmaker.strategy.filters import Budget, Taking
from perpmaker.strategy.gate import Gate, read_gate
from perpmaker.strategy.memory import Cycle, Memory
from perpmaker.strategy.recovery import Recovery
from perpmaker.strategy.reference import Reference
from perpmaker.strategy.refresh import Resting, Target, arrange, match, rests
from perpmaker.strategy.settings import StrategySettings
from perpmaker.strategy.shape import LadderPrices, Priced
from perpmaker.strategy.wake import Alarm
from perpmaker.strategy.watch import watch_band, watch_minimum

ADOPTED = (Reason(Rule.REFRESH, "found resting: looked at again at the next refresh"),)


_level_of = attrgetter("slot.level")


class Draft:
    """A decision under way; `finish` makes it a value."""

    def __init__(
        self, view: View, settings: StrategySettings, prices: LadderPrices, memory: Memory, reference: Reference
    ) -> None:
        shape = prices.shape
        self._view = view
        self._settings = settings
        self._shape = shape
        self._memory = memory
        self._reference = reference
        self._orders = view.orders
        self._generation = 1 + max([memory.generation, *[order.order.generation for order in view.orders.values()]])
        self._refreshed = False  # whether there is anything of this generation
        self._quotes: dict[Slot, Quote] = {}
        self._withheld: dict[Slot, Withheld] = {}
        self._candidates: list[Quote] = []
        self._cycles = _on_grid(memory, settings.order_refresh_time)
        self._prices = prices
        self._skewed = None if shape.skew is None else shape.skew.at(view, reference, memory.laid_for)
        self.alarm = Alarm(view, reference)
        self._reconciliation = Recovery(memory, view.now, self.alarm)
        self._has_band = settings.price_ceiling is not None or settings.price_floor is not None
        self._has_minimum = shape.minimum.spread is not None

    # --- one side --------------------------------------------------------------------------------------------------

    def lay(self, side: Side) -> None:
        """Decide about every slot of a side: keep, withhold, or make a candidate."""
        gate = read_gate(self._view, self._settings, side, self._reference)

        if self._has_band:
            watch_band(self.alarm, self._settings, self._view.instrument, side, self._reference)

        may_wait = gate.pulled is not None or bool(self._reconciliation.inside_since)

        if may_wait and (pulled := self._reconciliation.waits(side, gate.pulled)) is not None:
            self._pull(side, pulled)
            return

        cycle = self._cycle(side)
        due_at = cycle.due_at(self._settings.order_refresh_time)
        due = due_at is None or self._view.now >= due_at or (self._skewed is not None and self._skewed.has_moved)

        if gate.until is not None:
            self.alarm.at(gate.until)

        if due and gate.paused is None:
            self._refresh(side, cycle)
        else:
            # The timer stands still while a position is held: when it is flat both sides begin a new set together.
            waits = due or (gate.paused is not None and gate.paused.rule is Rule.HOLD)
            self._cycles[side] = Cycle(places=cycle.places, shelved=cycle.shelved) if waits else cycle
            self._continue(side, gate)

        next_at = self._cycles[side].due_at(self._settings.order_refresh_time)

        if next_at is not None:
            self.alarm.at(next_at)

    def _cycle(self, side: Side) -> Cycle:
        """The side's cycle, its places made to fit the ladder."""
        cycle = self._cycles[side]
        levels = len(self._shape.ladder[side])

        return cycle if len(cycle.places) == levels else attrs.evolve(cycle, places=tuple(range(levels)))

    def _pull(self, side: Side, reason: Reason) -> None:
        """Nothing of this side may rest; when it may again, a new set begins."""
        self._cycles[side] = Cycle()

        for level in self._shape.ladder[side]:
            self._withhold(level.slot, (self._reference.reason, *level.reasons, reason))

    def _refresh(self, side: Side, cycle: Cycle) -> None:
        """Compare what rests with the new ladder: right orders stay, every other place gets a new quote."""
        ladder = self._shape.ladder[side]
        get = self._orders.get
        orders = [get(level.slot) for level in ladder]
        busy = {
            slot: cycle.places[slot]
            for slot, order in enumerate(orders)
            if order is not None and not order.status.is_open
        }
        kept = self._kept(side, orders, busy)
        places = arrange(cycle.places, {**busy, **kept})
        self._cycles[side] = self._next_cycle(cycle, places)
        self._refreshed = True

        if not busy and not kept:
            self._propose(side, [(level.slot, place) for level, place in zip(ladder, places, strict=True)])
            return

        anew = []

        for slot, order in enumerate(orders):
            if order is not None and slot in busy:
                self._keep(order)
            elif order is not None and slot in kept:
                self._keep_within_tolerance(order, kept[slot])
            else:
                anew.append((ladder[slot].slot, places[slot]))

        self._propose(side, anew)

    def _kept(self, side: Side, orders: Sequence[WorkingOrder | None], busy: Mapping[int, int]) -> dict[int, int]:
        """The level for which the order of a slot is right as it rests, by the slot's number; `busy` are taken."""
        prices, ladder = self._price(side).ticks, self._shape.ladder[side]

        if self._shape.tolerance.is_exact and not any(order and order.order.ticks in prices for order in orders):
            return {}

        taken = busy.values()
        targets = [Target(index, prices[index], level.lots) for index, level in enumerate(ladder) if index not in taken]
        kept = match(side, self._comparable(side, orders), targets)

        return {order.order.slot.level: level for level, order in kept.items()}

    def _comparable(self, side: Side, orders: Sequence[WorkingOrder | None]) -> list[Resting]:
        """The resting orders that a refresh may keep: open, and nothing forbids where they are."""
        look_at = self._shape.tolerance.look_at

        return [
            look_at(order)
            for order in orders
            if order is not None
            and order.status.is_open
            and (not self._has_minimum or self._too_near(side, order) is None)
        ]

    def _next_cycle(self, cycle: Cycle, places: tuple[int, ...]) -> Cycle:
        """The timer after a refresh: on the grid of its start, or a new start where there was no set or it waited."""
        if cycle.started_at is None:
            return Cycle(self._view.now, 0, places)

        count, due_at = cycle.count, cycle.due_at(self._settings.order_refresh_time)

        if due_at is not None and self._view.now >= due_at:  # else the inventory asked for it, and the grid stands
            count = max(int((self._view.now - cycle.started_at) // self._settings.order_refresh_time), count + 1)

        return Cycle(cycle.started_at, count, places)

    def _continue(self, side: Side, gate: Gate) -> None:
        """Between refreshes: what rests stays unless the market came too near; empty slots are filled if allowed."""
        cycle = self._cycles[side]
        anew = []

        for slot, level in enumerate(self._shape.ladder[side]):
            order = self._orders.get(level.slot)
            off = None

            if order is not None:
                off = self._pulls(side, order) if rests(order) else None

                if off is None:
                    self._keep(order)
                    continue

            reason = gate.paused

            if reason is not None:
                chain = (self._reference.reason, *level.reasons)
                self._withhold(level.slot, (*chain, *([] if off is None else [off]), reason), gate.until)
            elif shelved := cycle.shelved.get(level.slot):
                self._withhold(level.slot, shelved)
            else:
                anew.append((level.slot, cycle.places[slot]))

        self._propose(side, anew)

    # --- one slot --------------------------------------------------------------------------------------------------

    def _too_near(self, side: Side, order: WorkingOrder) -> Reason | None:
        """Why a resting order may not stay where it is, or None."""
        if self._shape.minimum.spread is None:
            return None

        checks = (self._shape.minimum.check(side, ticks, self._reference) for ticks in order.prices)

        return next(filter(None, checks), None)

    def _pulls(self, side: Side, order: WorkingOrder) -> Reason | None:
        """Why a resting order has to go at once, or None. One that is too near is back a second later."""
        if (near := self._too_near(side, order)) is not None:
            self._reconciliation.take_off([order.order.slot])

        return near

    def _keep(self, order: WorkingOrder) -> None:
        """Want the order exactly as it is, with the reasons it was placed for."""
        new = order.order
        planned = self._memory.plan.get(new.slot)

        if planned is None or (planned.ticks, planned.lots, planned.generation) != (
            new.ticks,
            new.lots,
            new.generation,
        ):
            planned = Quote(
                slot=new.slot, ticks=new.ticks or 0, lots=new.lots, generation=new.generation, reasons=ADOPTED
            )

        self._quotes[new.slot] = planned

        if self._has_minimum:
            watch_minimum(self.alarm, self._shape.minimum, new.slot.side, planned.ticks)

    def _keep_within_tolerance(self, order: WorkingOrder, place: int) -> None:
        """Want the order as it is, and say from which new price it is not far enough away to move."""
        new = order.order
        chain = self._price(new.slot.side).chains[place]
        stays = Reason(Rule.TOLERANCE, "stays: right amount, near enough to the new price", chain[-1].value)
        self._quotes[new.slot] = Quote(
            slot=new.slot, ticks=new.ticks or 0, lots=new.lots, generation=new.generation, reasons=(*chain, stays)
        )
        watch_minimum(self.alarm, self._shape.minimum, new.slot.side, new.ticks or 0)

    def _price(self, side: Side) -> Priced:
        """The ladder as it is now."""
        return self._prices.of(self._view, side, self._reference, self._skewed)

    def _propose(self, side: Side, anew: Sequence[tuple[Slot, int]]) -> None:
        """Make candidates of ladder levels (slot, place), but for those that something of their own withholds."""
        if not anew:
            return

        shape, reference = self._shape, self._reference
        (prices, chains), ladder, mark = self._price(side), shape.ladder[side], self._view.mark

        may_wait = bool(self._reconciliation.back_at or self._memory.vanished)

        for slot, place in anew:
            chain = chains[place]

            if may_wait and (off := self._reconciliation.waits_for(slot) or self._vanished(slot)) is not None:
                vanished = self._memory.vanished.get(slot) if off.rule is Rule.VANISHED else None
                self._withhold(slot, (*chain, off), None if vanished is None else vanished.back_at)
                continue

            ticks, lots = prices[place], ladder[place].lots
            refused = shape.market.check(side, ticks, lots, mark)

            if refused is None and self._has_minimum:
                refused = shape.minimum.check(side, ticks, reference)

            if refused is None:
                self._candidates.append(Quote(slot, ticks, lots, self._generation, chain))
            else:
                self._shelve(slot, (*chain, refused))

    def _vanished(self, slot: Slot) -> Reason | None:
        """Why a level whose order vanished is not placed yet."""
        vanished = self._memory.vanished.get(slot)

        if vanished is None or self._view.now >= vanished.back_at:
            return None

        self.alarm.at(vanished.back_at)

        return Reason(Rule.VANISHED, "its order vanished so many times in a row: it waits", vanished.times)

    def _withhold(self, slot: Slot, reasons: tuple[Reason, ...], until: float | None = None) -> None:
        """Do not quote this level now."""
        self._withheld[slot] = Withheld(slot=slot, reasons=reasons, until=until)

    def _shelve(self, slot: Slot, reasons: tuple[Reason, ...]) -> None:
        """Do not quote this level before the next refresh."""
        cycle = self._cycles[slot.side]
        self._cycles[slot.side] = attrs.evolve(cycle, shelved={**cycle.shelved, slot: reasons})
        self._withhold(slot, reasons)

    # --- all at once ----------------------------------------------------------------------------------------------

    @property
    def is_whole(self) -> bool:
        """Whether it is a whole new ladder: every level is quoted, and nothing is kept as it rests."""
        return len(self._candidates) == len(self._quotes) == len(self._shape.slots)

    def lay_again(self, quotes: Sequence[Quote]) -> None:
        """Want these quotes, which are right at this moment, as those of the next generation; see `second_half`."""
        self._refreshed = True

        for quote in quotes:
            again = Quote(quote.slot, quote.ticks, quote.lots, self._generation, quote.reasons)
            self._quotes[quote.slot] = again
            self._candidates.append(again)

            if self._has_minimum:
                watch_minimum(self.alarm, self._shape.minimum, quote.slot.side, quote.ticks)

        for side, cycle in self._cycles.items():
            next_at = cycle.due_at(self._settings.order_refresh_time)

            if next_at is not None:
                self.alarm.at(next_at)

            if self._has_band:
                watch_band(self.alarm, self._settings, self._view.instrument, side, self._reference)

    # --- all together ----------------------------------------------------------------------------------------------

    def admit(self, free_lots: dict[Side, int]) -> None:
        """Let candidates in from level 1 outward, the sides in turn, as far as the book and the money allow."""
        if not self._candidates:
            return

        taking = Taking(self._view, self._orders.values())
        budget = Budget(self._view, free_lots, self._shape.allowance)

        for slot, quote in self._quotes.items():  # all of them rest, and hold margin for what is left of them
            order = self._orders[slot]
            ticks = quote.ticks if order.amended_from is None else order.highest_ticks
            budget.count(slot.side, ticks, order.remaining_lots)

        for quote in sorted(self._candidates, key=_level_of):  # bids were laid first: of a level they stay first
            slot, ticks = quote.slot, quote.ticks
            takes = taking.check(slot.side, ticks)

            if takes is not None:
                self.alarm.exact()
                self._withhold(slot, (*quote.reasons, takes))
            elif budget.grant(slot.side, ticks, quote.lots):
                self._quotes[slot] = quote
                self._refreshed = True

                if self._has_minimum:
                    watch_minimum(self.alarm, self._shape.minimum, slot.side, ticks)

            else:
                self._shelve(slot, (*quote.reasons, budget.short))

    def finish(self) -> Wanted:
        """The decision as a value, every slot in the order of the ladder."""
        quotes, withheld = self._quotes, self._withheld
        plan = {slot: quotes[slot] for slot in self._shape.slots if slot in quotes}

        return Wanted(
            quotes=tuple(plan.values()),
            withheld=tuple(withheld[slot] for slot in self._shape.slots if slot in withheld) if withheld else (),
            memory=Memory(
                generation=self._generation if self._refreshed else self._memory.generation,
                good_since=self._memory.good_since,
                cycles=self._cycles,
                plan=plan,
                vanished=self._memory.vanished,
                inside_since=self._reconciliation.inside_since,
                back_at=self._reconciliation.back_at,
                laid_for=None if self._skewed is None else self._skewed.laid_for,
                refresh_s=self._settings.order_refresh_time,
            ),
            wake=self.alarm.wake(),
            stands_once_placed=True,
        )


def _on_grid(memory: Memory, refresh_s: float) -> dict[Side, Cycle]:
    """The cycles as they were, on a grid of this refresh time: a person may have changed it."""
    if memory.refresh_s is None or memory.refresh_s == refresh_s:
        return dict(memory.cycles)

    return {side: cycle.on_grid_of(memory.refresh_s or 0.0) for side, cycle in memory.cycles.items()}
