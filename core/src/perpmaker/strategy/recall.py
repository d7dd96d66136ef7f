"""The last answer, given again while its wake conditions hold and nothing that it was decided from has changed.

Only a shortcut: by the meaning of `Wake` a decision made anew would want the same.
"""

from __future__ import annotations

from perpmaker.model.quote import Quote, Wanted
from perpmaker.model.working_order import WorkingOrder
from perpmaker.state.view import View
from perpmaker.strategy.reference import book_max_age_s, source_age_s
from perpmaker.strategy.settings import PriceType


class Recall:
    """Holds the last view and what was wanted in it.

    `max_age_s` is the age from which the reference is stale.
    """

    def __init__(self, max_age_s: float, price_type: PriceType) -> None:
        self._max_age_s = max_age_s
        self._price_type = price_type
        self._view: View | None = None
        self._wanted = Wanted()

    def keep(self, view: View, wanted: Wanted) -> Wanted:
        """Remember this answer, which was decided from a good reference."""
        self._view, self._wanted = view, wanted

        return wanted

    @property
    def last(self) -> View | None:
        """The view of the last answer, None where that is not to be gone by."""
        return self._view

    @property
    def wanted(self) -> Wanted:
        """The last answer."""
        return self._wanted

    def forget(self) -> None:
        """The next decision is made anew."""
        self._view = None

    def answer(self, view: View) -> Wanted | None:
        """Return the last answer if it is still right. None when it has to be decided."""
        before, wanted = self._view, self._wanted

        if before is None or view.memory is not wanted.memory or not self._is_fresh(view):
            return None

        book = view.book

        if not wanted.wake.holds(view.now, bid=book.best_bid, ask=book.best_ask, trade=view.last_trade):
            return None

        is_same = _is_same_account(view, before) and _is_same_market(view, before)

        return wanted if is_same and _are_orders_settled(view, before, wanted) else None

    def _is_fresh(self, view: View) -> bool:
        """Whether no feed that matters is stale."""
        age_s = source_age_s(view, self._price_type)

        return (
            view.book_ok
            and view.book_age_s < book_max_age_s(view, self._max_age_s)
            and (age_s is None or age_s < self._max_age_s)
        )


def _is_same_account(view: View, before: View) -> bool:
    """Whether positions, money, what ended and what is allowed are as they were."""
    return (
        view.ended == before.ended
        and view.positions == before.positions
        and view.capital == before.capital
        and view.is_capital_stale is before.is_capital_stale
        and view.quote_filled_at == before.quote_filled_at
        and view.stop_closed_at == before.stop_closed_at
        and view.no_quotes_for == before.no_quotes_for
        and view.blocked is before.blocked
        and view.mode is before.mode
        and view.leverage == before.leverage
        and view.position_mode is before.position_mode
        and view.position_cap == before.position_cap
    )


def _are_orders_settled(view: View, before: View, wanted: Wanted) -> bool:
    """Whether the orders are as they were, or what was wanted has been placed and all else is as it was.

    The answers to new orders bring no news: between refreshes an order that is as it was wanted is wanted as it is.
    """
    if view.orders is before.orders or view.orders == before.orders:
        return True

    orders, quotes = view.orders, {quote.slot: quote for quote in wanted.quotes}

    for slot in before.orders:
        if slot not in orders:
            return False

    for slot in quotes:
        if slot not in orders:
            return False

    for slot, order in orders.items():
        quote = quotes.get(slot)

        if not (order == before.orders.get(slot) if quote is None else _is_placed(order, quote)):
            return False

    return True


def _is_placed(order: WorkingOrder, quote: Quote) -> bool:
    """Whether an order is just what was wanted: on its way or resting, and nothing of it has been filled."""
    new = order.order

    return (
        (order.status.is_open or order.status.is_pending)
        and new.ticks == quote.ticks
        and new.lots == quote.lots
        and new.generation == quote.generation
        and not order.filled_lots
        and not order.cancel_requested
    )


def _is_same_market(view: View, before: View) -> bool:
    """Whether the market's rules and what no wake condition watches are as they were."""
    return (
        view.instrument is before.instrument
        and view.last_own_trade == before.last_own_trade
        and view.external_reference is before.external_reference
        and view.reference == before.reference
    )
