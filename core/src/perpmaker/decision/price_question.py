"""The price by which exits trigger, asked for while no stream brings it: a position is never watched by old prices."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from perpmaker.execution.action import Action, AskPrice
from perpmaker.exits.price import MAX_AGE_S
from perpmaker.model.event import Channel
from perpmaker.state.state import State

MARK_AGE_S = 2.0
"""A mark price older than this is asked for, where the book cannot be used: so often it is new."""

PRICE_RETRY_S = 1.0
"""A question that was not answered is put again after this long."""


class PriceQuestion:
    """Finds when to ask: a position is open, the book cannot be used by exits, and the mark price grows old."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._asked_at = -inf

    def demand(self, now: float) -> Sequence[Action]:
        """The question, when it is due."""
        due_at = self._due_at(now)

        if due_at is None or due_at > now:
            return ()

        self._asked_at = now

        return (AskPrice(reason="neither the book nor the mark price is fresh"),)

    def next_at(self, now: float) -> float | None:
        """When it is due, should nothing be heard before; None while there is nothing to watch."""
        return self._due_at(now)

    def _due_at(self, now: float) -> float | None:
        state, market = self._state, self._state.market

        if not state.held():
            return None

        book = state.book
        has_best = book.ok and book.best_bid is not None and book.best_ask is not None
        book_until = now + MAX_AGE_S - market.age_s(Channel.BOOK, now) if has_best else now
        mark_until = now + MARK_AGE_S - market.age_s(Channel.MARK, now)

        return max(book_until, mark_until, self._asked_at + PRICE_RETRY_S)
