"""Everybody else on the market of a scenario: they do as they are told, at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from decimal import Decimal
from typing import TypeAlias

from perpmaker.model.order import Side
from perpmaker.simulation.exchange import Exchange
from perpmaker.simulation.order import SimulatedOrder
from perpmaker.simulation.participants import Market, Participants

Ladder: TypeAlias = tuple[tuple[int, int], ...]
"""Other people's (ticks, lots) of one side."""


class Acts:
    """What the others are to do: each thing at the exchange's next command; else what a market of their own does."""

    def __init__(self) -> None:
        self._acts: deque[Callable[[Participants], None]] = deque()
        self._market: Market | None = None

    @property
    def next_ms(self) -> int | None:
        """At once, while there is something to do; else with the market's next step."""
        if self._acts:
            return 0

        return None if self._market is None else self._market.next_ms

    def step(self, crowd: Participants) -> None:
        """Do the next thing."""
        if self._acts:
            self._acts.popleft()(crowd)
        elif self._market is not None:
            self._market.step(crowd)

    def follow(self, market: Market) -> None:
        """Let this market do what it does from now on."""
        self._market = market

    def do(self, act: Callable[[Participants], None]) -> None:
        """Have it done."""
        self._acts.append(act)


class Crowd:
    """Everybody else on the market.

    Args:
        exchange: the market, whose participants are `acts`.
        acts: what they are to do.
        account: the bot's account, whose orders are not theirs.
        now_ms: the venue's time.
    """

    def __init__(self, exchange: Exchange, acts: Acts, account: str, now_ms: Callable[[], int]) -> None:
        self._exchange, self._acts, self._account, self._now_ms = exchange, acts, account, now_ms
        self._rate = Decimal("0.0001")

    def levels(self, side: Side) -> Ladder:
        """Other people's levels of one side, from the best outward."""
        depth = self._exchange.depth()
        own = {
            order.ticks: order.remaining_lots
            for order in self._exchange.open_orders(self._account)
            if order.side is side
        }
        levels = depth.bids if side is Side.BUY else depth.asks

        return tuple((ticks, lots - own.get(ticks, 0)) for ticks, lots in levels if lots > own.get(ticks, 0))

    def follow(self, market: Market) -> None:
        """Everybody else does from now on what this market does by itself."""
        self._acts.follow(market)

    def show(self, bids: Ladder, asks: Ladder) -> None:
        """Show these of other people and nothing else; ValueError when they cross each other."""
        if bids and asks and max(bids)[0] >= min(asks)[0]:
            raise ValueError("the bids would cross the asks: say both sides")

        self._do(lambda crowd: crowd.set_ladder(bids, asks))

    def sweep(self, taker: Side, lots: int, limit: int | None) -> None:
        """Take what is there, no worse than the limit."""
        self._do(lambda crowd: _ignore(crowd.take(taker, lots, limit)))

    def set_mark(self, mark: Decimal) -> None:
        """Jump mark and index price."""
        self._do(lambda crowd: crowd.set_mark(mark, mark, self._rate))

    def set_funding(self, rate: Decimal, next_ms: int | None) -> None:
        """Announce another rate for the next payment, and another time of it where it is said."""
        self._rate, mark = rate, self._exchange.mark
        self._do(lambda crowd: crowd.set_mark(mark, mark, rate, next_ms))

    def fill(self, order: SimulatedOrder, lots: int) -> None:
        """Somebody takes so many lots of this order, past the crowd before it; the crowd is the same afterwards.

        ValueError when another order of the account stands before it.
        """
        ticks, side = order.ticks or 0, order.side
        before = [
            other.client_id
            for other in self._exchange.open_orders(self._account)
            if other.side is side
            and (
                side.sign * ((other.ticks or 0) - ticks) > 0
                or (other.ticks == ticks and other.order_id < order.order_id)
            )
        ]

        if before:
            raise ValueError(f"{order.client_id} cannot be filled before {', '.join(before)}")

        ladders = {side: self.levels(side) for side in Side}
        cut = {**ladders, side: tuple(level for level in ladders[side] if side.sign * (level[0] - ticks) < 0)}

        def act(crowd: Participants) -> None:
            crowd.set_ladder(cut[Side.BUY], cut[Side.SELL])
            crowd.take(side.opposite, lots, ticks)
            crowd.set_ladder(ladders[Side.BUY], ladders[Side.SELL])

        self._do(act)

    def _do(self, act: Callable[[Participants], None]) -> None:
        self._acts.do(act)
        self._exchange.advance(self._now_ms())


def _ignore(_: int) -> None:
    """What a sweep traded shows in the events."""
