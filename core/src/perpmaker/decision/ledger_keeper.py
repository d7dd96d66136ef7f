"""Keeps the ledger of a market: what events say of money becomes entries, and young fills are followed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Final

from perpmaker.ledger.entries import AccountEntry, FillEntry, LedgerEntry, Wallet
from perpmaker.ledger.ledger import Ledger
from perpmaker.ledger.markouts import Markouts
from perpmaker.model.event import Event, FundingPaid, IncomeReported, OrderFilled, Resynced
from perpmaker.model.order import NewOrder, OrderKind
from perpmaker.state.account import BookedFill
from perpmaker.state.state import State

MONEY: Final = frozenset({OrderFilled, Resynced, FundingPaid, IncomeReported})
"""Events that say something of money: messages of the market are not among them."""

FRESH_S: Final = 1.0
"""Seconds after which the book is no longer that of the moment of a fill."""


class LedgerKeeper:
    """Folds what `state` has taken in already. `intent` says what an order of ours was meant for.

    Each call is cheap while nothing is said of money and no fill is younger than the longest markout.
    """

    def __init__(self, state: State, intent: Callable[[str], NewOrder | None]) -> None:
        instrument = state.instrument
        self.ledger = Ledger(instrument.symbol, 0, instrument.quote)
        self._state = state
        self._intent = intent
        self._markouts = Markouts()

    def recall(self, entries: Iterable[LedgerEntry], now: float, known_ms: int | None = None) -> None:
        """Begin with what earlier runs have booked; see `Ledger.recall`."""
        self.ledger.recall(entries, now, known_ms)

    @property
    def next_at(self) -> float:
        """When a markout is due, on the engine's clock; infinite while none is."""
        return self._markouts.next_at

    def is_called_for(self, now: float) -> bool:
        """Whether there are entries to take, or a markout is due."""
        return bool(self.ledger.news) or self._markouts.next_at <= now

    def take(self, now: float) -> tuple[LedgerEntry, ...]:
        """Return the entries that are new, with the markouts that are due."""
        if self._markouts.next_at <= now:
            self.ledger.markouts(self._markouts.take(now, self._mid()))

        return self.ledger.take()

    def fold(self, event: Event, now: float) -> None:
        """Book what an event says of money."""
        news = self._state.account.news

        while news:
            self._fill(news.popleft(), now, is_stream=type(event) is OrderFilled)

        if type(event) is Resynced:
            self.ledger.account(self._reading(event))
        else:
            self.ledger.fold([event], now)

    def _fill(self, booked: BookedFill, now: float, *, is_stream: bool) -> None:
        fill = booked.fill
        filled_at = now if is_stream else self._filled_at(fill.venue_ms, now)
        entry = FillEntry.of(
            fill,
            own_profit=booked.profit,
            ours=booked.ours,
            what=self._what(fill.client_id) if booked.ours else None,
            mid=None if filled_at is None or now - filled_at > FRESH_S else self._mid(),
        )

        if self.ledger.fill(entry) and entry.ours and filled_at is not None:
            self._markouts.watch(entry, filled_at, now)

    def _filled_at(self, venue_ms: int, now: float) -> float | None:
        """When a fill of a reading happened, on the engine's clock; None while the venue's clock is not known."""
        venue_now_ms = self._state.clock.ms(now)

        return None if venue_now_ms is None else min(now, now - (venue_now_ms - venue_ms) / 1000)

    def _what(self, client_id: str) -> OrderKind | None:
        """What an order of ours is for, as far as it is at hand, else by the journal."""
        orders = self._state.orders
        record = orders.live.get(client_id)

        if record is None and client_id in orders.finished:
            record = orders.finished[client_id]

        if record is not None:
            return record.working.slot.kind

        intent = self._intent(client_id)

        return None if intent is None else intent.slot.kind

    def _mid(self) -> Decimal | None:
        """The middle of the traded book, of other people's orders; None while it has no two sides."""
        book = self._state.book
        bid, ask = book.best_bid, book.best_ask

        return None if not book.ok or bid is None or ask is None else self._state.instrument.tick * (bid + ask) / 2

    def _reading(self, event: Resynced) -> AccountEntry:
        state = self._state
        mark = state.market.mark
        at_ms = event.asked_ms or event.venue_ms

        return AccountEntry(
            at_ms=at_ms,
            wallets=tuple(
                Wallet(asset=one.asset, amount=one.wallet, venue_ms=one.venue_ms or at_ms)
                for one in event.account.assets
            ),
            positions=tuple(position for position in event.account.positions if position.amount),
            mark=mark,
            unrealized=state.account.unrealized(mark),
            quote=state.instrument.quote,
        )
