"""Everybody else's door to the matching engine: what a market may do there."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from perpmaker.model.order import Side
from perpmaker.simulation.book import BookSide
from perpmaker.simulation.event import MarkUpdated
from perpmaker.simulation.matching_engine import MatchingEngine


class MarketAccess:
    """Everybody else, on one floor. See `Crowd` for what each method means."""

    def __init__(self, floor: MatchingEngine) -> None:
        self._floor = floor

    def set_ladder(self, bids: Sequence[tuple[int, int]], asks: Sequence[tuple[int, int]]) -> None:
        """Show these (ticks, lots) of everybody else. What runs into an account's order trades with it."""
        if bids and asks:
            _check(max(bids)[0], min(asks)[0])

        self._floor.book.bids.set_crowd(bids)
        self._floor.book.asks.set_crowd(asks)
        self._uncross()

    def restore_ladder(self, bids: Sequence[tuple[int, int]], asks: Sequence[tuple[int, int]]) -> None:
        """Show the participants' orders from scratch. The accounts' orders keep their places."""
        if bids and asks:
            _check(max(bids)[0], min(asks)[0])

        self._floor.book.bids.restore_crowd(bids)
        self._floor.book.asks.restore_crowd(asks)
        self._uncross()

    def hide_ladder(self) -> None:
        """Show nothing of everybody else until the ladder is restored."""
        self._floor.book.bids.hide_crowd()
        self._floor.book.asks.hide_crowd()

    def change_levels(
        self, bids: Sequence[tuple[int, int]], asks: Sequence[tuple[int, int]], *, settled: bool = True
    ) -> None:
        """Show everybody else's lots anew at these prices. What runs into an account's order trades with it."""
        book = self._floor.book
        book.bids.change_crowd(bids, settled=settled)
        book.asks.change_crowd(asks, settled=settled)
        _check(book.bids.best_crowd_ticks(), book.asks.best_crowd_ticks())
        self._uncross()

    def take(self, side: Side, lots: int, limit_ticks: int | None = None) -> int:
        """Let another participant take up to so many lots, and return the lots traded."""
        before = self._floor.taken_lots
        self._floor.sweep(side, lots, limit_ticks)

        return self._floor.taken_lots - before

    def see_trade(self, side: Side, ticks: int, lots: int, *, late: bool = False) -> None:
        """Give the accounts' orders their share of a trade made elsewhere, and print all of it."""
        floor = self._floor
        opposite = floor.book.side(side.opposite)

        for resting, filled in opposite.pass_trade(ticks, lots, late=late):
            if not floor.keeps(resting, filled):
                continue

            lots -= filled
            floor.trade(side, resting.ticks, filled, resting, None)

        if lots:
            floor.print_trade(side, ticks, lots)

    def best_ticks(self, side: Side) -> int | None:
        """Everybody else's best price on a side."""
        return self._floor.book.side(side).best_crowd_ticks()

    def set_mark(
        self, mark: Decimal, index: Decimal, funding_rate: Decimal, next_funding_ms: int | None = None
    ) -> None:
        """Set mark and index price, the funding rate, and the time of the next settlement where it is said."""
        floor = self._floor
        floor.mark, floor.index, floor.funding_rate = mark, index, funding_rate
        floor.next_funding_ms = next_funding_ms or floor.next_funding_ms
        floor.emit(
            MarkUpdated(
                mark=mark,
                index=index,
                funding_rate=funding_rate,
                next_funding_ms=floor.next_funding_ms,
                now_ms=floor.now_ms,
            )
        )

    # --- for whoever goes past events that concern no account

    def side(self, side: Side) -> BookSide:
        """Return the bids (BUY) or asks (SELL)."""
        return self._floor.book.side(side)

    def set_last(self, ticks: int) -> None:
        """Set the price of the last trade, of which nobody is to be told."""
        self._floor.last_ticks = ticks

    def holds(self, account: str) -> bool:
        """Whether an account has a position."""
        return any(holding.lots for holding in self._floor.accounts[account].holdings.values())

    @property
    def is_liquidating(self) -> bool:
        """Whether a position was taken over and is not flat yet."""
        return any(account.liquidating for account in self._floor.accounts.values())

    def _uncross(self) -> None:
        floor = self._floor

        for side in Side:
            own, others = floor.book.side(side.opposite), floor.book.side(side)

            while True:
                ticks, reached = own.best_queued_ticks(), others.best_crowd_ticks()

                if ticks is None or reached is None or not own.reaches(ticks, reached):
                    break

                resting, there = own.front(ticks)
                lots = min(there, others.crowd_at(reached))

                if resting is not None and not floor.keeps(resting, lots):
                    continue

                others.take_from_crowd(reached, lots)
                floor.trade(side, ticks, lots, resting, None)


def _check(bid: int | None, ask: int | None) -> None:
    if bid is not None and ask is not None and bid >= ask:
        raise ValueError(f"the ladder crosses itself: bid {bid}, ask {ask}")
