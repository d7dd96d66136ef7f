"""Everybody else: what a market does to the exchange, and what the exchange wants from a market."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol

from perpmaker.model.order import Side


class Crowd(Protocol):
    """What a market may do on the exchange: everybody else's orders, and the mark price."""

    def set_ladder(self, bids: Sequence[tuple[int, int]], asks: Sequence[tuple[int, int]]) -> None:
        """Replace everybody else's resting orders by these (ticks, lots).

        ValueError when they cross each other. What runs into an account's order trades with it, at that order's
        price, and only what is left of it is shown.
        """

    def take(self, side: Side, lots: int, limit_ticks: int | None = None) -> int:
        """Somebody else takes up to so many lots, no worse than the limit; returns the lots traded."""

    def set_mark(self, mark: Decimal, index: Decimal, funding_rate: Decimal) -> None:
        """Set mark and index price and the funding rate that the next settlement charges."""


class Market(Protocol):
    """Where everybody else's orders come from: synthetic, scripted, or a recording."""

    @property
    def next_ms(self) -> int | None:
        """When the next step is due; None when nothing more will come by itself."""

    def step(self, crowd: Crowd) -> None:
        """Do the step that is due and move `next_ms` on."""
