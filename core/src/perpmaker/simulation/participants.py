"""Everybody else: what a market does to the exchange, and what the exchange wants from a market."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol

from perpmaker.model.order import Side


class Participants(Protocol):
    """What a market may do on the exchange: everybody else's orders, and the mark price."""

    def set_ladder(self, bids: Sequence[tuple[int, int]], asks: Sequence[tuple[int, int]]) -> None:
        """Replace everybody else's resting orders by these (ticks, lots).

        ValueError when they cross each other. What runs into an account's order trades with it, at that order's
        price, and only what is left of it is shown.
        """

    def take(self, side: Side, lots: int, limit_ticks: int | None = None) -> int:
        """Let another participant take up to so many lots, no worse than the limit, and return the lots traded."""

    def restore_ladder(self, bids: Sequence[tuple[int, int]], asks: Sequence[tuple[int, int]]) -> None:
        """Replace the participants' resting orders by these, from a source that knows of no account.

        As `set_ladder`, but an account's order keeps its place behind at most what is shown, and what accounts took of
        a level before is missing there still.
        """

    def hide_ladder(self) -> None:
        """Show nothing of everybody else, for it is not known. Accounts' orders keep their places."""

    def change_levels(
        self, bids: Sequence[tuple[int, int]], asks: Sequence[tuple[int, int]], *, settled: bool = True
    ) -> None:
        """Show everybody else's lots anew at these prices, 0 taking a level away. The other levels stay.

        As with `set_ladder`, they must not cross, and what runs into an account's order trades with it. What accounts
        took of a level is missing there still. `settled`: they are as of after every trade that was seen, so that what
        is not told anew is as it was told last; else what those trades took stays missing.
        """

    def see_trade(self, side: Side, ticks: int, lots: int, *, late: bool = False) -> None:
        """A trade was made elsewhere, somebody's taker of this side at this price: the accounts get their share.

        Orders at a better price come first, those at the same price when the queue before them is used up. With
        `late` the levels shown already are those after the trade; without it, the crowd has nothing left at better
        prices until the levels are changed.
        """

    def best_ticks(self, side: Side) -> int | None:
        """Everybody else's best price on a side. None where no participant is."""

    def set_mark(
        self, mark: Decimal, index: Decimal, funding_rate: Decimal, next_funding_ms: int | None = None
    ) -> None:
        """Set mark and index price, the funding rate that the next settlement charges, and when, where it is known."""


class Market(Protocol):
    """Where everybody else's orders come from: synthetic, scripted, or a recording."""

    @property
    def next_ms(self) -> int | None:
        """When the next step is due. None when nothing more will come by itself."""

    def step(self, crowd: Participants) -> None:
        """Do the step that is due and move `next_ms` on."""
