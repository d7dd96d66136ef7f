"""Wake conditions in the making: collects instants and bounds of the reference, and turns them into a `Wake`."""

from __future__ import annotations

from perpmaker.model.order import Side
from perpmaker.model.quote import Wake
from perpmaker.state.view import View
from perpmaker.strategy.reference import Reference

LOOK_AGAIN_S = 0.25
"""How soon to look again where only a feed coming alive can change the decision."""

SHORTEST_S = 0.001
"""No instant is nearer than this, so that a clock that reads just short of it does not decide in circles."""


class Alarm:
    """Gathers the nearest instant and the tightest bounds of the reference within which the decision holds."""

    def __init__(self, view: View, reference: Reference) -> None:
        self._view = view
        self._reference = reference
        self._at: float | None = None
        self._low: int | None = None
        self._high: int | None = None
        self._exact = False
        self._mid: tuple[int, int | None] | None = None

    def at(self, instant: float) -> None:
        """Decide again at this time at the latest."""
        if self._at is None or instant < self._at:
            self._at = instant

    def exact(self) -> None:
        """Decide again as soon as anything moves: a level waits for the market."""
        self._exact = True

    def at_least(self, over: int, under: int) -> None:
        """The decision holds while reference >= over / under ticks."""
        bound = -(-over * self._reference.denominator // under)
        self._low = bound if self._low is None else max(self._low, bound)

    def at_most(self, over: int, under: int) -> None:
        """The decision holds while reference <= over / under ticks."""
        bound = over * self._reference.denominator // under
        self._high = bound if self._high is None else min(self._high, bound)

    def away_from(self, side: Side, over: int, under: int) -> None:
        """The decision holds while the reference is no nearer to the quotes of a side than over / under ticks."""
        (self.at_least if side is Side.BUY else self.at_most)(over, under)

    def below(self, over: int, under: int) -> None:
        """The decision holds while reference < over / under ticks."""
        bound = -(-over * self._reference.denominator // under) - 1
        self._high = bound if self._high is None else min(self._high, bound)

    def above(self, over: int, under: int) -> None:
        """The decision holds while reference > over / under ticks."""
        bound = over * self._reference.denominator // under + 1
        self._low = bound if self._low is None else max(self._low, bound)

    def mid_within(self, low: int, high: int | None) -> None:
        """The decision holds while best bid + best ask is within these ticks. For a reference from outside."""
        self._mid = (low, high)

    def wake(self) -> Wake:
        """Return the conditions as a value."""
        at = None if self._at is None else max(self._at, self._view.now + SHORTEST_S)

        return watch_exactly(self._view, at) if self._exact else self._bounded(at)

    def _bounded(self, at: float | None) -> Wake:
        """Share what the reference may move among the prices that it follows."""
        view, reference = self._view, self._reference
        bid, ask, trade = view.book.best_bid or 0, view.book.best_ask or 0, view.last_trade or 0
        shares = reference.bid_weight + reference.ask_weight + reference.trade_weight

        if shares == 0:
            return Wake(at=at, bid_low=1, ask_low=1) if self._mid is None else self._around(at, bid, ask, *self._mid)

        now_at = reference.bid_weight * bid + reference.ask_weight * ask + reference.trade_weight * trade
        down = None if self._low is None else (now_at - self._low) // shares
        up = None if self._high is None else (self._high - now_at) // shares

        if reference.trade_weight:
            return Wake(
                at=at,
                bid_low=1,
                ask_low=1,
                trade_low=1 if down is None else max(1, trade - down),
                trade_high=None if up is None else trade + up,
            )

        return Wake(
            at=at,
            bid_low=1 if down is None or not reference.bid_weight else max(1, bid - down),
            bid_high=None if up is None or not reference.bid_weight else bid + up,
            ask_low=1 if down is None or not reference.ask_weight else max(1, ask - down),
            ask_high=None if up is None or not reference.ask_weight else ask + up,
        )

    @staticmethod
    def _around(at: float | None, bid: int, ask: int, low: int, high: int | None) -> Wake:
        """Share what the middle of the market may move between its two sides."""
        down = (bid + ask - low) // 2
        up = None if high is None else (high - bid - ask) // 2

        return Wake(
            at=at,
            bid_low=max(1, bid - down),
            bid_high=None if up is None else bid + up,
            ask_low=max(1, ask - down),
            ask_high=None if up is None else ask + up,
        )


def watch_exactly(view: View, at: float | None) -> Wake:
    """Wake as soon as best bid, best ask or last trade is any other than now."""
    bid, ask, trade = view.book.best_bid or 0, view.book.best_ask or 0, view.last_trade or 0

    return Wake(at=at, bid_low=bid, bid_high=bid, ask_low=ask, ask_high=ask, trade_low=trade, trade_high=trade)
