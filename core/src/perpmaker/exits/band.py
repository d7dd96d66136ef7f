"""The venue's own price band around the mark price, and how a position is closed while the market is outside of it.

The band is one-sided: buys are bounded above, sells below. Market orders are refused or cut there. A limit order then
rests just inside the edge and follows the mark price, until the market can be reached again.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal

import attrs

from perpmaker.exits.memory import Fired
from perpmaker.exits.price import MAX_AGE_S
from perpmaker.exits.wake import by
from perpmaker.model.order import OrderStatus, Side, Slot
from perpmaker.model.quote import Wake
from perpmaker.model.refusal import RefusalReason
from perpmaker.state.view import End, View

INSIDE = Decimal("0.0005")
"""How far inside the edge a limit is put, as a share of the price: the mark moves while the order is on its way."""

LEAST_TICKS = 2
"""And so many ticks at least."""

EACH_S = 1.0
"""How often, at most, an order follows the band, or is tried at market again."""


def edge_ticks(view: View, side: Side) -> int | None:
    """Return the last price in ticks that the venue takes on this side.

    None without a band or without a fresh mark price.
    """
    share = view.instrument.band_up if side is Side.BUY else view.instrument.band_down

    if share is None or view.mark is None or view.mark_age_s >= MAX_AGE_S:
        return None

    price = view.mark * share

    return view.instrument.ticks_down(price) if side is Side.BUY else view.instrument.ticks_up(price)


def inside_ticks(view: View, side: Side) -> int | None:
    """Return the farthest price of a limit order: inside the edge by two ticks or 0.05 %, whichever is more."""
    edge = edge_ticks(view, side)

    if edge is None:
        return None

    return max(1, edge - side.sign * max(LEAST_TICKS, int((edge * INSIDE).to_integral_value(ROUND_CEILING))))


def is_outside(view: View, side: Side, ticks: int) -> bool:
    """Return whether the venue refuses an order of this side at this price."""
    edge = edge_ticks(view, side)

    return edge is not None and side.sign * (ticks - edge) > 0


def clamped(view: View, side: Side, ticks: int) -> int:
    """Return the price, moved inside of the band where it is beyond that."""
    inside = inside_ticks(view, side)

    if inside is None:
        return ticks

    return min(ticks, inside) if side is Side.BUY else max(ticks, inside)


def was_refused(view: View, slot: Slot, fired: Fired) -> bool:
    """Return whether the venue's band refused or cut the last closing order of this slot."""
    end = view.ended.get(slot)

    if end is None or end.at < fired.at or slot in view.orders:
        return False

    is_cut = end.end is End.VENUE and end.ticks is None

    return is_cut or (end.refusal is not None and end.refusal.reason is RefusalReason.PRICE_BAND)


def enter(view: View, slot: Slot, fired: Fired, best: int, *, limit: bool) -> Fired | None:
    """Return the stop once the band is in its way. None while it is not.

    `best` is the price at which the position could be left, 0 when there is none; `limit`: it is left by a limit order,
    which would not reach that price.
    """
    side, inside = slot.side, inside_ticks(view, slot.side)
    refused = was_refused(view, slot, fired)

    if inside is None or not (refused or (limit and slot not in view.orders and side.sign * (best - inside) > 0)):
        return None

    can_leave = not refused and best > 0 and not is_outside(view, side, best)

    return attrs.evolve(fired, banded_at=view.now, ticks=None if can_leave else inside, priced_at=view.now)


def follow(view: View, slot: Slot, fired: Fired, best: int) -> Fired:
    """Return where the closing order belongs while the band is in its way: `ticks` None is at market."""
    side, inside, order = slot.side, inside_ticks(view, slot.side), view.orders.get(slot)

    if inside is None or (order is not None and order.status is OrderStatus.CANCELLING):
        return fired

    if order is not None and (order.order.ticks is None or order.status is OrderStatus.PENDING):
        return attrs.evolve(fired, ticks=order.order.ticks)

    if order is None and fired.ticks is None:
        return attrs.evolve(fired, ticks=inside, priced_at=view.now) if was_refused(view, slot, fired) else fired

    if not is_due(view, fired):
        return fired

    if best > 0 and not is_outside(view, side, best):
        return attrs.evolve(fired, ticks=None, priced_at=view.now)

    return fired if fired.ticks == inside else attrs.evolve(fired, ticks=inside, priced_at=view.now)


def is_due(view: View, fired: Fired) -> bool:
    """Return whether the order may be moved again, or tried at market."""
    return fired.priced_at is None or view.now >= fired.priced_at + EACH_S


def watch_band(view: View, wake: Wake, side: Side, fired: Fired) -> Wake:
    """Return when to look again: at the next mark price, and when the market comes back into the band."""
    if not is_due(view, fired):
        return by(view, wake, (fired.priced_at or view.now) + EACH_S)

    edge = edge_ticks(view, side) or 0
    wake = attrs.evolve(wake, mark_low=view.mark, mark_high=view.mark)

    return attrs.evolve(wake, ask_low=edge + 1) if side is Side.BUY else attrs.evolve(wake, bid_high=max(0, edge - 1))
