"""Tells a person, every 10 s with the loss, that the venue's price band keeps a position from being closed."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import attrs

from perpmaker.decision.notices import Notices, plain, size_of
from perpmaker.exits.memory import ExitMemory, Fired
from perpmaker.model.order import PositionSide
from perpmaker.model.position import Position
from perpmaker.model.quote import Rule, WantedExits
from perpmaker.state.state import State

EACH_S = 10.0


@attrs.define
class BandAlarm:
    """Looks at the exits that were decided last."""

    state: State
    _next_at: dict[PositionSide, float] = attrs.field(factory=dict, init=False)
    _notices: Notices = attrs.field(factory=Notices, init=False)

    @property
    def is_watching(self) -> bool:
        """Whether a position was kept from being closed when it was looked at last."""
        return bool(self._next_at)

    def notices(self, wanted: WantedExits, now: float) -> Iterator[str]:
        """The lines whose time has come."""
        banded = _banded(wanted)
        self._next_at = {side: at for side, at in self._next_at.items() if side in banded}

        for side, fired in banded.items():
            position = self.state.account.positions[side]

            if now >= self._next_at.setdefault(side, now) and self.state.is_open(side):
                self._next_at[side] = now + EACH_S
                yield self._words(position, fired)

        for one in wanted.withheld:
            if one.reasons and one.reasons[-1].rule is Rule.PRICE_BAND:
                edge = one.reasons[-1].value
                price = "" if edge is None else f" {plain(self.state.instrument.price(int(edge)))}"
                text = f"{one.slot} waits: the venue takes no such price, its band around the mark ends at{price}"
                yield from self._notices.say(one.slot, text, now)

    def next_at(self, now: float) -> float | None:
        """When the next alarm is due."""
        return max(now, min(self._next_at.values())) if self._next_at else None

    def _words(self, position: Position, fired: Fired) -> str:
        instrument = self.state.instrument
        price = self._price(fired.sign)
        loss = (position.entry - price) * position.amount
        rests = "at market" if fired.ticks is None else f"at {plain(instrument.price(fired.ticks))}, inside the band"

        held = size_of(position, instrument)

        return (
            f"{plain(round(loss, 2))} {instrument.quote} LOSS on {held} at {plain(price)}: the market is outside of "
            f"the venue's price band, where nothing can be closed; the closing order is {rests}, and follows"
        )

    def _price(self, sign: int) -> Decimal:
        """What the position could be left at; the mark price while nobody is there."""
        book = self.state.book
        best = book.best_bid if sign > 0 else book.best_ask

        return self.state.instrument.price(best) if best else self.state.market.mark or Decimal(0)


def _banded(wanted: WantedExits) -> dict[PositionSide, Fired]:
    """The stops that the band keeps from closing their position."""
    fired = wanted.memory.fired if isinstance(wanted.memory, ExitMemory) else {}

    return {side: one for side, one in fired.items() if one.banded_at is not None}
