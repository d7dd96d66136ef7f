"""The course of a run: its modes, what was said, and its best and worst moments, in constant memory."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from perpmaker.backtest.kept import Ends, Kept
from perpmaker.backtest.result import Drawdown, Extreme, ModeChange, ModeTime, Told

LONGEST: Final = 500
"""Characters of a line that was told, as the result has it."""


class Course:
    """Modes and words. Times are those of the run, in ms."""

    def __init__(self) -> None:
        self._mode = ""
        self._since_ms = 0
        self._passed_ms: dict[str, int] = {}
        self._times: dict[str, int] = {}
        self._changes: Ends[ModeChange] = Ends(100, 300)
        self._told: Ends[Told] = Ends(100, 400)

    def fresh(self, at_ms: int) -> Course:
        """Return one that has the same mode, and nothing else."""
        new = Course()

        if self._mode:
            new.mode(at_ms, self._mode, "")

        return new

    def mode(self, at_ms: int, mode: str, reason: str) -> None:
        """Take in a mode; the same one again is no change, whatever its reason."""
        if mode == self._mode:
            return

        self._pass(at_ms)
        self._mode = mode

        if mode:
            self._times[mode] = self._times.get(mode, 0) + 1
            self._changes.add(ModeChange(at_ms=at_ms, mode=mode, reason=reason[:LONGEST]))

    def stop(self, at_ms: int) -> None:
        """The run is over: time passes in no mode."""
        self.mode(at_ms, "", "")

    def tell(self, at_ms: int, text: str) -> None:
        """Take in a line."""
        self._told.add(Told(at_ms=at_ms, text=text[:LONGEST]))

    def modes(self, at_ms: int) -> tuple[ModeTime, ...]:
        """Return how long each mode lasted up to now, the longest first."""
        self._pass(at_ms)
        names = sorted(self._times, key=lambda name: -self._passed_ms.get(name, 0))

        return tuple(
            ModeTime(mode=name, seconds=self._passed_ms.get(name, 0) / 1000, times=self._times[name]) for name in names
        )

    @property
    def changes(self) -> Kept[ModeChange]:
        """How the mode changed."""
        return self._changes.kept()

    @property
    def told(self) -> Kept[Told]:
        """What was told."""
        return self._told.kept()

    def _pass(self, at_ms: int) -> None:
        if self._mode:
            self._passed_ms[self._mode] = self._passed_ms.get(self._mode, 0) + max(0, at_ms - self._since_ms)

        self._since_ms = max(at_ms, self._since_ms)


class Falls:
    """The best and the worst moment of the result, its largest fall, and the largest position."""

    def __init__(self) -> None:
        self.best: Extreme | None = None
        self.worst: Extreme | None = None
        self.largest_position: Extreme | None = None
        self.drawdown: Drawdown | None = None
        self._recovers_at: Decimal | None = None

    def look(self, at_ms: int, total: Decimal | None, position: Decimal) -> None:
        """Take in the result, None where it is not known, and the position."""
        largest = self.largest_position

        if position and (largest is None or abs(position) > abs(largest.value)):
            self.largest_position = Extreme(at_ms=at_ms, value=position)

        if total is not None:
            self._look(at_ms, total)

    def _look(self, at_ms: int, total: Decimal) -> None:
        best, worst, drawdown = self.best, self.worst, self.drawdown

        if worst is None or total < worst.value:
            self.worst = Extreme(at_ms=at_ms, value=total)

        if best is None or total > best.value:
            best = self.best = Extreme(at_ms=at_ms, value=total)

        fall = best.value - total

        if fall > 0 and (drawdown is None or fall > drawdown.amount):
            self.drawdown = Drawdown(amount=fall, from_ms=best.at_ms, until_ms=at_ms)
            self._recovers_at = best.value
        elif drawdown is not None and self._recovers_at is not None and total >= self._recovers_at:
            self.drawdown = Drawdown(
                amount=drawdown.amount, from_ms=drawdown.from_ms, until_ms=drawdown.until_ms, recovered_ms=at_ms
            )
            self._recovers_at = None
