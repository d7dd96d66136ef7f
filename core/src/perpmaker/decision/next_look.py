"""When a trader has to decide again: what was decided holds until then, and nothing is computed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from typing import Final

from perpmaker.decision.order_checks import OrderChecks
from perpmaker.decision.trading_state import TradingState
from perpmaker.model.event import Channel
from perpmaker.model.quote import Wake
from perpmaker.state.state import State

LEAST_PAUSE_S: Final = 0.01
"""A wake condition that is due already does not turn the engine into a busy loop."""

_BOOK = Channel.BOOK


class NextLook:
    """Knows what the last decision depended on. `timers` tell when time alone changes something, each for its part."""

    def __init__(
        self,
        state: State,
        trading_state: TradingState,
        proof: OrderChecks,
        timers: Sequence[Callable[[float], float | None]],
    ) -> None:
        self._state = state
        self._trading_state = trading_state
        self._proof = proof
        self._timers = timers
        self._timer_at: float | None = None
        self._decided_version, self._decided_acceptances, self._decided_ok = -1, 0, False
        self.wakes: tuple[Wake, ...] = ()
        """The conditions of the last decision."""
        self._watches_rate = False

    @property
    def _version(self) -> int:
        state = self._state

        return state.changes + state.orders.version + self._trading_state.changes + self._proof.version

    def holds(self, now: float) -> bool:
        """Whether nothing has changed that a decision depends on."""
        return self._version == self._decided_version and self._is_early(now)

    def has_only_acceptances(self, now: float) -> bool:
        """Whether nothing has changed but that the venue took quotes."""
        accepted = self._state.orders.acceptances - self._decided_acceptances

        return accepted > 0 and self._version == self._decided_version + accepted and self._is_early(now)

    def _is_early(self, now: float) -> bool:
        """Whether no timer and no wake condition is due."""
        if self._timer_at is not None and self._timer_at <= now:
            return False

        book, market = self._state.book, self._state.market

        if book.ok is not self._decided_ok:
            return False

        bid, ask, trade, mark = book.best_bid, book.best_ask, market.last_trade, market.mark

        if self._decided_ok and self._proof.is_called_for(bid, ask):
            return False

        for wake in self.wakes:
            if not wake.holds(now, bid=bid, ask=ask, trade=trade, mark=mark):
                return False

        return not self._watches_rate or all(wake.holds_at(market.funding_rate) for wake in self.wakes)

    def decided(self, wakes: tuple[Wake, ...], now: float) -> None:
        """It was decided just now; each part says in its wake conditions until when that holds."""
        self._decided_version, self._decided_acceptances = self._version, self._state.orders.acceptances
        self._decided_ok = self._state.book.ok
        self._timer_at = self._next_timer(now)
        self.wakes = wakes
        self._watches_rate = False

        for wake in wakes:
            if wake.watches_rate:
                self._watches_rate = True

    def at(self, markouts_at: float, now: float) -> float | None:
        """When to be called again though nothing happens; None: never. `markouts_at`: when fills are looked at."""
        wake_at = markouts_at

        for wake in self.wakes:
            if wake.at is not None and wake.at < wake_at:
                wake_at = wake.at

        if self._timer_at is not None and self._timer_at < wake_at:
            wake_at = self._timer_at

        return max(wake_at, now + LEAST_PAUSE_S) if wake_at < inf else None

    def _next_timer(self, now: float) -> float | None:
        """The next moment at which time alone changes something, apart from the wake conditions."""
        stale_in = self._trading_state.book_max_age_s - (now - self._state.market.alive_at[_BOOK])
        funds_at = self._state.funds.next_at(now)
        first = inf if funds_at is None else funds_at + LEAST_PAUSE_S

        if stale_in >= 0:
            first = min(first, now + stale_in + LEAST_PAUSE_S)

        for timer in self._timers:
            at = timer(now)

            if at is not None and at < first:
                first = at

        return first if first < inf else None
