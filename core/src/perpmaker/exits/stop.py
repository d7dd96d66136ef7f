"""The stop loss: when it fires, and the order that then ends the position.

A stop looks only at the traded market and the entry price, never at the target. The side is data: `sign` is +1 for a
long position, whose stop reads the best bid, and -1 for a short one, whose stop reads the best ask.
"""

from __future__ import annotations

from decimal import Decimal

import attrs

from perpmaker.exits.band import clamped
from perpmaker.exits.memory import Fired
from perpmaker.exits.price import MAX_AGE_S, SHORTEST_S, Source, read_source
from perpmaker.exits.settings import ExitSettings
from perpmaker.exits.wake import by
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import OrderStatus, OrderType, Side, StopTrigger
from perpmaker.model.quote import Wake
from perpmaker.model.working_order import WorkingOrder
from perpmaker.state.view import View

MAX_RENEWALS = 3
"""After so many limit orders that the market ran away from, the next one is a market order."""


def ticks_away(instrument: Instrument, price: Decimal, sign: int) -> int:
    """Round the level of a stop away from the market: of a long position down, of a short one up."""
    return instrument.ticks_down(price) if sign > 0 else instrument.ticks_up(price)


def best_against(view: View, sign: int) -> int:
    """Return the ticks at which the position could be left now: of a long the best bid. 0 without one."""
    best = view.book.best_bid if sign > 0 else view.book.best_ask

    return 0 if best is None else best


def has_passed(view: View, source: Source, sign: int, trigger: int) -> bool:
    """Return whether the market is at or beyond the trigger, by the freshest price there is.

    Never by an old one.
    """
    if source is Source.BOOK:
        return sign * (best_against(view, sign) - trigger) <= 0

    if source is Source.MARK and view.mark is not None:
        return sign * (view.mark - view.instrument.price(trigger)) <= 0

    return False


def effective_trigger(view: View, trigger: StopTrigger) -> StopTrigger:
    """Tell which price a stop goes by now: a mark price or a last trade that is old is no reason to wait.

    A last trade between the best bid and the best ask is what the market is at, however long ago that was.
    """
    if trigger is StopTrigger.MARK and view.mark is not None and view.mark_age_s < MAX_AGE_S:
        return trigger

    if trigger is StopTrigger.LAST and _counts_last(view):
        return trigger

    return StopTrigger.BEST


def _counts_last(view: View) -> bool:
    """Whether the last trade says where the market is: it is new, or the book has not moved on from it."""
    if view.last_trade is None or view.trade_age_s >= MAX_AGE_S:
        return False

    return view.last_trade_age_s < MAX_AGE_S or _is_in_book(view, view.last_trade)


def _is_in_book(view: View, trade: int) -> bool:
    """Whether a price lies between the best bid and the best ask of a book that is up to date."""
    bid, ask = view.book.best_bid, view.book.best_ask

    return read_source(view) is Source.BOOK and bid is not None and ask is not None and bid <= trade <= ask


def fires(view: View, trigger: StopTrigger, source: Source, sign: int, level: int) -> bool:
    """Return whether the price that the stop goes by is at or beyond its level."""
    trigger = effective_trigger(view, trigger)

    if trigger is StopTrigger.LAST and view.last_trade is not None:
        return sign * (view.last_trade - level) <= 0

    return has_passed(view, Source.MARK if trigger is StopTrigger.MARK else source, sign, level)


def watch_fires(view: View, wake: Wake, trigger: StopTrigger, source: Source, *, sign: int, level: int) -> Wake:
    """Return when to look again: once the price that the stop goes by reaches its level, or is old."""
    if trigger is StopTrigger.LAST and not _counts_last(view):  # until there is another trade
        trade = view.last_trade or 0
        wake = attrs.evolve(wake, trade_low=trade, trade_high=trade)

    trigger = effective_trigger(view, trigger)

    if trigger is StopTrigger.MARK:
        price = view.instrument.price(level)
        wake = by(view, wake, view.now + max(SHORTEST_S, MAX_AGE_S - view.mark_age_s))
        near = price + sign * view.instrument.tick / 2

        return attrs.evolve(wake, mark_low=near) if sign > 0 else attrs.evolve(wake, mark_high=near)

    if trigger is StopTrigger.LAST:
        return _watch_last(view, wake, sign, level)

    return watch_trigger(wake, sign, level) if source is Source.BOOK else wake


def _watch_last(view: View, wake: Wake, sign: int, level: int) -> Wake:
    """The decision holds while the last trade stays before the level and counts.

    An old one counts until the book moves on from it, which matters only on the side that the position loses on.
    """
    is_new, trade = view.last_trade_age_s < MAX_AGE_S, view.last_trade
    age_s = max(view.trade_age_s, view.last_trade_age_s) if is_new else view.trade_age_s
    wake = by(view, wake, view.now + max(SHORTEST_S, MAX_AGE_S - age_s))

    if sign > 0:
        return attrs.evolve(wake, trade_low=level + 1, ask_low=wake.ask_low if is_new else trade)

    return attrs.evolve(wake, trade_high=level - 1, bid_high=wake.bid_high if is_new else trade)


def watch_trigger(wake: Wake, sign: int, trigger: int) -> Wake:
    """Return when to look again: once the best price reaches the trigger."""
    if sign > 0:
        return attrs.evolve(wake, bid_low=max(1, trigger + 1, wake.bid_low or 1))

    return attrs.evolve(wake, ask_high=trigger - 1 if wake.ask_high is None else min(wake.ask_high, trigger - 1))


def limit_ticks(view: View, sign: int, buffer: Decimal) -> int:
    """Marketable and bounded: best bid x (1 - buffer) rounded up.

    For a short best ask x (1 + buffer) rounded down.
    """
    price = view.instrument.price(best_against(view, sign)) * (1 - sign * buffer)

    return max(1, view.instrument.ticks_up(price) if sign > 0 else view.instrument.ticks_down(price))


def price_stop(view: View, settings: ExitSettings, source: Source, fired: Fired, order: WorkingOrder | None) -> Fired:
    """Return what the stop order should be now: priced for the first time, left, renewed, or sent to market."""
    if fired.market or (order is not None and order.order.ticks is None):
        return attrs.evolve(fired, market=True, ticks=None)

    if settings.stop_loss_order != "limit" or source is not Source.BOOK:
        return attrs.evolve(fired, market=True, ticks=None, priced_at=view.now)

    side = Side.SELL if fired.sign > 0 else Side.BUY
    ticks = clamped(view, side, limit_ticks(view, fired.sign, settings.stop_loss_slippage_buffer))

    # One of unknown outcome is sent again without waiting for the proof: by the market of now, as if it were the first.
    if order is None or order.status is OrderStatus.UNKNOWN or fired.ticks is None or fired.priced_at is None:
        return attrs.evolve(fired, ticks=ticks, priced_at=view.now)

    if not _rests(order) or not _is_renewal_due(view, settings, fired):
        return attrs.evolve(fired, ticks=order.order.ticks)

    if fired.renewals >= MAX_RENEWALS:
        return attrs.evolve(fired, market=True, ticks=None, priced_at=view.now)

    return attrs.evolve(fired, ticks=ticks, priced_at=view.now, renewals=fired.renewals + 1)


def _rests(order: WorkingOrder) -> bool:
    """Whether the stop order waits in the book, so that it may be moved."""
    return order.status is OrderStatus.OPEN and order.order.type is not OrderType.IOC


def watch_renewal(wake: Wake, settings: ExitSettings, fired: Fired) -> Wake:
    """Return the stop order stays while the best has not moved beyond it, and for its time at most."""
    if fired.market or fired.ticks is None or fired.priced_at is None:
        return wake

    due = fired.priced_at + settings.time_between_stop_loss_orders
    at = due if wake.at is None else min(wake.at, due)

    return watch_trigger(attrs.evolve(wake, at=at), fired.sign, fired.ticks - fired.sign)


def _is_renewal_due(view: View, settings: ExitSettings, fired: Fired) -> bool:
    """Whether the best has moved beyond the order's price, or its time is over."""
    if fired.ticks is None or fired.priced_at is None:
        return True

    beyond = fired.sign * (best_against(view, fired.sign) - fired.ticks) < 0

    return beyond or view.now >= fired.priced_at + settings.time_between_stop_loss_orders
