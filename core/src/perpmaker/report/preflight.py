"""The pre-flight report: what a configuration would do on this market and account, before it does anything. Pure."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from perpmaker.report.preflight_checklist import Line, advise_leverage, read_checklist
from perpmaker.report.preflight_figure import Figures, Situation, measure
from perpmaker.report.preflight_funds import read_funds_refusals, read_funds_warnings
from perpmaker.report.preflight_warning import Warned, read_refusals, read_warnings


@attrs.frozen(kw_only=True)
class Preflight:
    """The whole report. `refusals` are reasons not to trade at all.

    With any of them the command ends with 3.
    """

    figures: Figures
    leverage_advice: str
    checklist: tuple[Line, ...]
    warnings: tuple[Warned, ...]
    refusals: tuple[str, ...]

    @property
    def looks(self) -> tuple[Warned, ...]:
        """The warnings as they are to be read: what can cost the account first."""
        return tuple(sorted(self.warnings, key=lambda one: not one.loud))

    @property
    def verdict(self) -> str:
        """The report in a word or two: `OK`, `2 to look at`, or `REFUSED`."""
        if self.refusals:
            return "REFUSED"

        return f"{len(self.warnings)} to look at" if self.warnings else "OK"


def with_notes(preflight: Preflight, notes: Iterable[str]) -> Preflight:
    """Return the report with what else there is to look at beside the market: the file, and the key."""
    return attrs.evolve(preflight, warnings=(*preflight.warnings, *(Warned(text=note) for note in notes)))


def _loud(text: str) -> Warned:
    return Warned(text=text, loud=True)


def assess(situation: Situation) -> Preflight:
    """Measure, and judge what was measured."""
    figures = measure(situation)

    return Preflight(
        figures=figures,
        leverage_advice=advise_leverage(figures.leverage),
        checklist=tuple(read_checklist(situation, figures)),
        warnings=(*read_warnings(situation, figures), *map(_loud, read_funds_warnings(situation))),
        refusals=(*read_refusals(figures), *read_funds_refusals(situation)),
    )
