"""Targets on a venue that does not cap a resting exit at its position: such a target may open what it should close.

It is never live beside another order that closes the same position, and nothing of it stays at an end.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from perpmaker.model.order import OrderKind, OrderStatus, PositionSide, Slot
from perpmaker.model.quote import Quote, Reason, Rule, TakeProfit, WantedExits, Withheld
from perpmaker.model.working_order import WorkingOrder
from perpmaker.state.view import Mode, View

AT_END = "the venue does not cap a resting exit at the position: no target is left at an end"
UNKNOWN = "the outcome of an order is unknown, and the venue does not cap a target at the position"
SHRUNK = "a reading shows a smaller position, and the venue does not cap a target at it"
BESIDE_QUOTES = "the venue does not cap a target at the position: it waits until no quote closes the position"
ARRIVING = "an order of an earlier run may still arrive, and the venue does not cap a target at the position"
ON_VENUE = "the target that an earlier run has left for the venue to fire is taken off first"
LARGER = "larger than the position, and the venue does not cap it: cancelled, and placed again for what is left"


def keep_apart(
    view: View,
    wanted: WantedExits,
    quotes: tuple[Quote, ...],
    shrunk: frozenset[PositionSide],
    *,
    arriving: bool = False,
) -> tuple[WantedExits, tuple[Quote, ...]]:
    """Withhold each target that could exceed its position, and each new quote beside a live target.

    Args:
        view: What the exits were decided from.
        wanted: The exits as a venue that caps them would take them.
        quotes: The approved quotes of this step.
        shrunk: The positions that one reading, which no second one has confirmed yet, shows to be smaller.
        arriving: Whether an order of an earlier run may still arrive: it may be a target too.

    Returns:
        The exits without such targets, which are among the withheld ones with the reason, and the quotes.
    """
    live = (*view.orders.values(), *view.beside)
    targets = {order.slot for order in live if order.slot.kind is OrderKind.TAKE_PROFIT}
    reasons = {
        want.slot: why
        for want in (*wanted.exits, *wanted.awaited)
        if isinstance(want, TakeProfit) and (why := _why_not(view, want, live, quotes, shrunk)) is not None
    }

    if arriving:
        new = (want for want in wanted.exits if isinstance(want, TakeProfit) and want.slot not in targets)
        reasons = {**{want.slot: ARRIVING for want in new}, **reasons}

    if reasons:
        wanted = _without(wanted, reasons)

    if targets:
        quotes = tuple(
            quote
            for quote in quotes
            if quote.slot in view.orders or not any(_closes(quote.slot, target) for target in targets)
        )

    return wanted, quotes


def _why_not(
    view: View,
    want: TakeProfit,
    live: Sequence[WorkingOrder],
    quotes: Iterable[Quote],
    shrunk: frozenset[PositionSide],
) -> str | None:
    """Why this target must not rest now; None when it may."""
    if view.mode is Mode.STOP:
        return AT_END

    if want.slot.position_side in shrunk:
        return SHRUNK

    if any(_is_conditional_target(order.slot, want.slot) for order in live):
        return ON_VENUE

    slots = (*(order.slot for order in live), *(quote.slot for quote in quotes))

    if any(_closes(slot, want.slot) for slot in slots):
        return BESIDE_QUOTES

    resting = [order for order in live if order.slot == want.slot]

    if any(_is_in_the_way(order, want.slot, rests=bool(resting)) for order in live):
        return UNKNOWN

    return LARGER if any(order.remaining_lots > want.lots for order in resting) else None


def _is_conditional_target(slot: Slot, target: Slot) -> bool:
    """Whether the venue fires a target of the same position: executed, it would leave this one alone."""
    return slot.kind is OrderKind.VENUE_TARGET and slot.position_side is target.position_side


def _closes(slot: Slot, target: Slot) -> bool:
    """Whether a quote of this slot closes the position of the target."""
    return (slot.kind, slot.side, slot.position_side) == (OrderKind.QUOTE, target.side, target.position_side)


def _is_in_the_way(order: WorkingOrder, target: Slot, *, rests: bool) -> bool:
    """Whether an order of unknown outcome forbids the target.

    No new target is placed while anything of its position is unknown. One that rests already goes only for what may
    close the position now: an order that adds to it, or a stop that waits, makes the target no larger than that.
    """
    if order.status is not OrderStatus.UNKNOWN or order.slot.position_side is not target.position_side:
        return False

    return not rests or (order.slot.side is target.side and order.slot.kind is not OrderKind.VENUE_STOP)


def _without(wanted: WantedExits, reasons: dict[Slot, str]) -> WantedExits:
    """The exits without these targets, each withheld with its reason."""
    withheld = [
        Withheld(slot=want.slot, reasons=(*want.reasons, Reason(Rule.TARGET, reasons[want.slot])))
        for want in (*wanted.exits, *wanted.awaited)
        if want.slot in reasons
    ]

    return attrs.evolve(
        wanted,
        exits=tuple(want for want in wanted.exits if want.slot not in reasons),
        awaited=tuple(want for want in wanted.awaited if want.slot not in reasons),
        withheld=(*wanted.withheld, *withheld),
    )
