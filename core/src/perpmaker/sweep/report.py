"""All of a sweep that is over, as one value, and its words for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import attrs

from perpmaker.page.figures import signed
from perpmaker.report.status_words import span
from perpmaker.report.wrapping import WIDTH, wrapped
from perpmaker.sweep.assumed import Assumed, Window
from perpmaker.sweep.figures import Figures, Objective, Row
from perpmaker.sweep.verdict import Verdict

SHOWN: Final = 10
"""Points that a terminal shows."""

_NS: Final = 1_000_000_000
_HEAD: Final = 12
_UNITS: Final = {Objective.RESULT: "", Objective.TURNOVER: "bp of turnover", Objective.DRAWDOWN: "of the largest fall"}


@attrs.frozen(kw_only=True)
class SweepReport:
    """What was played, and what it came to. `quote` is the asset that money is in, `keys` are those varied."""

    config: str
    connector: str
    market: str
    quote: str
    data: tuple[str, ...]
    keys: tuple[str, ...]
    objective: Objective
    assumed: Assumed
    in_sample: Window
    out_of_sample: Window | None
    rows: tuple[Row, ...]
    verdict: Verdict

    @property
    def unit(self) -> str:
        """What scores are in."""
        return _UNITS[self.objective] or self.quote

    def about(self) -> Mapping[str, object]:
        """Return what `results.json` says beside the points: nothing that would differ on another machine."""
        best = self.verdict.ranked[0] if self.verdict.ranked else None

        return {
            "config": Path(self.config).name,
            "connector": self.connector,
            "market": self.market,
            "quote": self.quote,
            "data": [Path(file).name for file in self.data],
            "objective": self.objective.value,
            "assumed": self.assumed,
            "in_sample": self.in_sample,
            "out_of_sample": self.out_of_sample,
            "best": None if best is None else best.number,
            "best_out_of_sample": self.verdict.best_outside,
            "chance_out_of_sample": self.verdict.chance,
            "fits_noise": self.verdict.fits_noise,
        }

    def lines(self, played: int, folder: Path) -> Iterator[str]:
        """Return it for a terminal. `played`: points that were played now."""
        yield from _row("sweep", f"{Path(self.config).name} on {self.market} ({self.connector})")
        yield from _row("data", ", ".join(self.data))
        yield from _row("in sample", window_words(self.in_sample))
        outside = "nothing set aside" if self.out_of_sample is None else window_words(self.out_of_sample)
        yield from _row("outside", outside)
        yield from _row("assumed", assumed_words(self.assumed))
        kept = len(self.rows) - played
        yield from _row(
            "points", f"{len(self.rows):,}, of which {kept:,} were there already" if kept else f"{len(self.rows):,}"
        )

        for row in self.verdict.refused[:1]:
            first = row.refusal.partition("\n")[0]
            yield from _row("refused", f"{len(self.verdict.refused):,}; the first: {' '.join(row_words(row))}: {first}")

        yield ""
        yield from self._table()
        yield ""

        for sentence in self.sentences():
            yield from wrapped("", sentence)

        yield ""
        yield from _row("files", f"{folder}/results.json, sweep.html")

    def sentences(self) -> Sequence[str]:
        """What there is to say of it, the warning first."""
        verdict = self.verdict

        if not verdict.ranked:
            return ("No point could be played.",)

        inside = verdict.ranked[0].in_sample
        idle = "" if inside is None or inside.fills else ", which traded nothing: nothing can be said of it"
        best = f"The best in sample is {' '.join(row_words(verdict.ranked[0]))}{idle}"

        if verdict.best_outside is None or verdict.chance is None:
            return (
                f"{best}. Nothing was set aside to try it on, so this says nothing about other days.",
                "Of many points the best is always partly luck.",
            )

        outside = f"{signed(verdict.best_outside)} {self.unit} outside of the sample"
        chance = f"{signed(verdict.chance)} {self.unit} that a point drawn blindly came to there on average"

        if verdict.fits_noise:
            return (
                f"DO NOT TRADE ON THIS: {best[0].lower()}{best[1:]}, and it came to {outside}, less than the {chance}.",
            )

        return (f"{best}. It came to {outside}; compare the {chance}.",)

    def _table(self) -> Iterator[str]:
        """The best points: their values, and their scores in and out of sample."""
        table = [("", *self.keys, "in sample", "outside", "fills", "fall")]

        for place, row in enumerate(self.verdict.ranked[:SHOWN], start=1):
            inside = row.in_sample
            table.append(
                (
                    f"{place}",
                    *(value for _, value in row.values),
                    self.score(inside),
                    self.score(row.out_of_sample),
                    "-" if inside is None else f"{inside.fills:,}",
                    "-" if inside is None else f"{inside.drawdown:,.2f}",
                )
            )

        if sum(max(len(cells[column]) for cells in table) + 2 for column in range(len(table[0]))) > WIDTH:
            yield from self._narrow(table)
            return

        yield from _aligned(table)

    def _narrow(self, table: Sequence[Sequence[str]]) -> Iterator[str]:
        """The same where the keys leave no room beside each other: the values of a point stand below it."""
        count = len(self.keys)
        head, *lines = _aligned([(cells[0], *cells[1 + count :]) for cells in table])
        yield head

        for line, cells in zip(lines, table[1:], strict=True):
            yield line
            yield from wrapped("    ", " ".join(f"{k}={v}" for k, v in zip(self.keys, cells[1:], strict=False)))

    def score(self, figures: Figures | None) -> str:
        """Return a score with its sign."""
        return "-" if figures is None else signed(self.objective.of(figures))


def _aligned(table: Sequence[Sequence[str]]) -> Iterator[str]:
    """Rows with their columns below each other."""
    widths = [max(len(cells[column]) for cells in table) for column in range(len(table[0]))]

    for cells in table:
        yield "  ".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def row_words(row: Row) -> Iterator[str]:
    """Return the values of a row as `--set` takes them."""
    return (f"{key}={value}" for key, value in row.values)


def window_words(window: Window) -> str:
    """Return a window as people write one."""
    begin, end = (
        f"{datetime.fromtimestamp(ns / _NS, UTC):%Y-%m-%d %H:%M:%S}" for ns in (window.begin_ns, window.end_ns)
    )

    return f"{begin} to {end} UTC ({span((window.end_ns - window.begin_ns) / _NS)})"


def assumed_words(assumed: Assumed) -> str:
    """Return what was taken for granted, in words."""
    terms = assumed.terms(None)

    return f"orders {terms.latency} ({assumed.source}), market data {terms.feed}, queue {assumed.queue}"


def _row(name: str, text: str) -> Sequence[str]:
    return wrapped(name.ljust(_HEAD), text)
