"""Where points come from: a grid asks for all at once, a search for a few at a time, learning from those before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Protocol

from perpmaker.errors import SweepError
from perpmaker.sweep.space import Axis, Point, decimal_text, grid

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution  # of the extra [sweep]
    from optuna.trial import Trial  # the same

BATCH: Final = 8
"""Points that a search asks for at once, whatever number of workers there is: so its choice does not depend on them."""

RANDOM: Final = 16
"""Points of a search that are drawn before it learns from any; they stand for chance in the verdict too."""


class Search(Protocol):
    """Asks for points, and is told what they came to. What it asks for follows from that alone."""

    total: int
    """Points that it will have asked for."""

    def ask(self) -> Sequence[Point]:
        """Return the next points; none when there are no more."""

    def tell(self, scores: Mapping[int, Decimal | None]) -> None:
        """Take what the points asked for last came to, by their numbers. None: they could not be played."""

    def is_random(self, number: int) -> bool:
        """Whether a point was asked for whatever others came to."""


class GridSearch:
    """Every combination of the values."""

    def __init__(self, axes: Sequence[Axis]) -> None:
        ranges = [axis.key for axis in axes if axis.is_range]

        if ranges:
            raise SweepError(f"--over {ranges[0]}=LOW..HIGH has no :COUNT of values; or search it: --points N")

        self._points = tuple(grid(axes))
        self._asked = False
        self.total = len(self._points)

    def ask(self) -> Sequence[Point]:
        """Return all of them, once."""
        if self._asked:
            return ()

        self._asked = True
        return self._points

    def tell(self, scores: Mapping[int, Decimal | None]) -> None:
        """Nothing is learnt here."""

    def is_random(self, _: int) -> bool:
        """No point was chosen by what another came to."""
        return True


class LearningSearch:
    """Optuna's tree-structured Parzen estimator, asked and told in the order of the numbers.

    Its float values are cut to nine digits and used as decimals; no money passes through it.
    """

    def __init__(self, axes: Sequence[Axis], points: int, seed: int) -> None:
        try:
            import optuna  # noqa: PLC0415  # of the extra [sweep]
        except ImportError:
            raise SweepError(
                "--points needs Optuna, which is not installed: pip install 'perpmaker[sweep]'. A grid needs nothing "
                "(--over KEY=LOW..HIGH:COUNT, without --points)"
            ) from None

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=RANDOM)
        self._study = optuna.create_study(direction="maximize", sampler=sampler)
        self._failed = optuna.trial.TrialState.FAIL
        self._distributions = {axis.key: _distribution(axis) for axis in axes}
        self._trials: dict[int, Trial] = {}
        self._asked = 0
        self.total = points

    def ask(self) -> Sequence[Point]:
        """Return the next batch."""
        points = []

        for number in range(self._asked, min(self._asked + BATCH, self.total)):
            trial = self._study.ask(self._distributions)
            self._trials[number] = trial
            points.append(
                Point(number=number, values=tuple((key, _text(trial.params[key])) for key in self._distributions))
            )

        self._asked += len(points)
        return points

    def tell(self, scores: Mapping[int, Decimal | None]) -> None:
        """Learn from the batch."""
        for number, score in sorted(scores.items()):
            trial = self._trials.pop(number)

            if score is None:
                self._study.tell(trial, state=self._failed)
            else:
                self._study.tell(trial, float(score))

    def is_random(self, number: int) -> bool:
        """The first ones are drawn, whatever they come to."""
        return number < RANDOM


def _distribution(axis: Axis) -> BaseDistribution:
    """What Optuna draws of an axis: one of its values, or a number between its ends."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution  # noqa: PLC0415  # extra

    if axis.values:
        return CategoricalDistribution(axis.values)

    if axis.low is None or axis.high is None:
        raise SweepError(f"--over {axis.key} has neither values nor ends")

    if _is_whole(axis.low) and _is_whole(axis.high):
        return IntDistribution(int(axis.low), int(axis.high))

    return FloatDistribution(float(axis.low), float(axis.high))


def _is_whole(number: Decimal) -> bool:
    exponent = number.as_tuple().exponent

    return isinstance(exponent, int) and exponent >= 0


def _text(value: object) -> str:
    """Return a value that was drawn as a configuration has it."""
    return decimal_text(Decimal(repr(value))) if isinstance(value, float) else str(value)
