"""The traded market as a price source sees it, which makes its price of that market's own book."""

from __future__ import annotations

from collections.abc import Sequence

import anyio

from perpmaker.model.event import BookChanged, BookLost, BookSnapshot, Event, Resynced
from perpmaker.model.instrument import Instrument
from perpmaker.model.reading import AccountSeen
from perpmaker.state.state import State
from perpmaker.state.view import BookView, ReadOnlyBook

_CHANGES = (BookChanged, BookSnapshot, BookLost, AccountSeen, Resynced)
"""What changes the book without our own orders: a reading of the account tells which those are."""


class WatchedMarket:
    """The market of a state, which says when its book has changed; `see` is told what was folded into it."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._book = ReadOnlyBook(state.book)
        self._changed = anyio.Event()

    @property
    def instrument(self) -> Instrument:
        """Its units and rules."""
        return self._state.instrument

    async def book(self) -> BookView:
        """Wait for the next change that leaves a book of two sides to be trusted."""
        await self._changed.wait()

        while not self._is_priced:
            self._changed = anyio.Event()
            await self._changed.wait()

        self._changed = anyio.Event()

        return self._book

    @property
    def _is_priced(self) -> bool:
        book = self._state.book

        return book.ok and book.best_bid is not None and book.best_ask is not None

    def see(self, events: Sequence[Event]) -> None:
        """Wake who waits for the book."""
        if not self._changed.is_set() and any(isinstance(event, _CHANGES) for event in events):
            self._changed.set()
