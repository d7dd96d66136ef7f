"""A position that is there before a run: ours by the journal's word, or foreign, and then not touched unasked.

It is explained when it differs from what the last run knew by no more than the orders and stops of ours that it left
live could have filled. Its exits go out at once, and the account's history confirms it. Any other may be a person's:
closing it because a configuration has a stop loss would be the worst of surprises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal

import attrs

from perpmaker.decision.notices import plain, size_of
from perpmaker.errors import UnexplainedPositionError
from perpmaker.exits.level import stop_level
from perpmaker.exits.settings import ExitSettings
from perpmaker.exits.target import take_profit
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import NewOrder, PositionSide, Side
from perpmaker.model.position import Position, open_positions

ZERO = Decimal(0)


@attrs.frozen(kw_only=True)
class PositionClaim:
    """`held` are the positions by the journal's last word, `live` the orders that it holds as live."""

    instrument: Instrument
    exits: ExitSettings
    held: Mapping[PositionSide, Decimal]
    live: Sequence[NewOrder]

    def claim(
        self, positions: Iterable[Position], mark: Decimal | None, *, adopt: bool, tell: Callable[[str], None]
    ) -> None:
        """Raise UnexplainedPositionError for a position that is not explained, unless it is to be taken over."""
        strange = [one for one in open_positions(positions, self.instrument) if not self._is_explained(one)]

        if not strange:
            return

        words = "; ".join(self._words(position, mark) for position in strange)

        if not adopt:
            raise UnexplainedPositionError(
                f"{self.instrument.market} holds a position that the journal here does not explain: {words}. It was "
                "not touched. Close it or wait until it is closed, start with the PERPMAKER_HOME of the run that "
                "opened it, or have it managed like this with --adopt-position"
            )

        tell(f"{words}: taken over (--adopt-position)")

    def _is_explained(self, position: Position) -> bool:
        """Whether our own orders can have made it of what the last run knew."""
        low = high = self.held.get(position.side, ZERO)
        mine = [order for order in self.live if order.position_side is position.side]

        for order in mine:
            if not order.slot.kind.is_exit:
                amount = self.instrument.amount(order.lots)
                low, high = (low, high + amount) if order.side is Side.BUY else (low - amount, high)

        for order in mine:
            if order.slot.kind.is_exit:
                whole = order.type.is_conditional
                amount = abs(high) + abs(low) if whole else self.instrument.amount(order.lots)

                if order.side is Side.SELL and low > 0:
                    low = max(ZERO, low - amount)
                elif order.side is Side.BUY and high < 0:
                    high = min(ZERO, high + amount)

        return low <= position.amount <= high

    def _words(self, position: Position, mark: Decimal | None) -> str:
        """A position, and what would happen to it."""
        size = size_of(position, self.instrument)

        if position.entry <= 0:
            return f"{size} from an unknown price"

        at = "" if mark is None else f" (mark {plain(round(mark, 8))})"

        return (
            f"{size} from {plain(round(position.entry, 8))}; {self._stop(position, mark)}{at}, {self._target(position)}"
        )

    def _stop(self, position: Position, mark: Decimal | None) -> str:
        sign = 1 if position.amount > 0 else -1

        ticks = stop_level(self.exits, position, sign, self.instrument)

        if ticks is None:
            return "no stop loss is set for it"

        level = self.instrument.price(ticks)
        fires = mark is not None and sign * (mark - level) <= 0

        return f"the stop at {plain(level)} would fire now" if fires else f"its stop would be at {plain(level)}"

    def _target(self, position: Position) -> str:
        lots = self.instrument.lots_down(abs(position.amount))
        target = take_profit(self.exits, self.instrument, position, lots)

        return f"its target would be to {target.slot.side.value} at {plain(self.instrument.price(target.ticks))}"
