"""What the strategy remembers from one decision to the next: frozen, part of the view, kept by the journal."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from perpmaker.model.order import Side, Slot
from perpmaker.model.quick import quick
from perpmaker.model.quote import Quote, Reason
from perpmaker.strategy.skew import LaidFor


@quick
@attrs.frozen
class Cycle:
    """The refresh timer of one side's set of quotes, and the levels that wait for its next refresh.

    `started_at` (t0) is when the set was placed; refresh number `count` + 1 is due at t0 + (count + 1) x refresh time.
    None: there is no set; one is due as soon as nothing forbids it. `shelved` are levels that the market's filters or
    the budget withheld, with their chains: they are looked at again at the next refresh. `places` is the level that
    each slot holds, by the slot's number: a ladder that moved by a whole level keeps its orders in their slots.
    """

    started_at: float | None = None
    count: int = 0
    places: tuple[int, ...] = ()
    shelved: Mapping[Slot, tuple[Reason, ...]] = attrs.field(factory=dict)

    def on_grid_of(self, before_s: float) -> Cycle:
        """Begin a new grid at the last refresh: the old one was of another refresh time, `before_s`."""
        if self.started_at is None:
            return self

        return attrs.evolve(self, started_at=self.started_at + self.count * before_s, count=0)

    def due_at(self, refresh_s: float) -> float | None:
        """Return when the next refresh is due. None for at once."""
        return None if self.started_at is None else self.started_at + (self.count + 1) * refresh_s


@attrs.frozen(kw_only=True)
class Vanished:
    """A level whose order ended without a fill and without our asking: how often in a row, and when it may be back."""

    client_id: str
    times: int
    at: float
    back_at: float


@quick
@attrs.frozen(kw_only=True)
class Memory:
    """Everything `PerpetualMarketMaking` remembers.

    `generation` numbers the refreshes; `good_since` is when the reference became good (None while it is not);
    `plan` are the quotes decided last, so that a resting order keeps the reasons it was placed for. `inside_since` has
    the sides that the price band took off: since when the reference is inside again, None while it is not. `back_at` is
    when a level that was nearer than minimum_spread may be placed again. `deviated`: what took the quotes off last was
    an external reference too far from the traded market. `laid_for`: what the ladder that
    rests was laid for, None where inventory skew is off or nothing rests. `refresh_s` is the refresh time that the
    cycles are on the grid of, None where there are none.
    """

    generation: int = 0
    good_since: float | None = None
    cycles: Mapping[Side, Cycle] = attrs.field(factory=lambda: {Side.BUY: Cycle(), Side.SELL: Cycle()})
    plan: Mapping[Slot, Quote] = attrs.field(factory=dict)
    vanished: Mapping[Slot, Vanished] = attrs.field(factory=dict)
    inside_since: Mapping[Side, float | None] = attrs.field(factory=dict)
    back_at: Mapping[Slot, float] = attrs.field(factory=dict)
    deviated: bool = False
    laid_for: LaidFor | None = None
    refresh_s: float | None = None
