"""The page of a sweep: what it says in words, the scores over two keys as a heat map, and every point in a table."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Final

from perpmaker.page.assets import ICON, asset, digest
from perpmaker.page.figures import grouped, signed
from perpmaker.page.html import Html, raw, tag
from perpmaker.page.tables import table
from perpmaker.sweep.heat_map import Cell, HeatMap, heat_map
from perpmaker.sweep.report import SweepReport, assumed_words, row_words, window_words

ROWS: Final = 400
"""Points in the table; `results.json` has them all."""

SHADES: Final = 5
"""Shades of either sign in a heat map."""

_MIX: Final = (12, 26, 42, 60, 80)


def sweep_page(report: SweepReport) -> str:
    """Return the page: one file that needs nothing else and asks nobody for anything."""
    look = f"{asset('static', 'page.css').strip()}\n{_shades()}"
    policy = f"default-src 'none'; style-src {digest(look)}; img-src data:; base-uri 'none'; form-action 'none'"
    title = f"{Path(report.config).name}: sweep"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", title),
        tag("link", rel="icon", href=ICON),
        raw("style", look),
    )
    body = tag("body", _top(report), tag("main", *_sections(report), id="main"))

    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def _top(report: SweepReport) -> Html:
    words = f"{report.market} on {report.connector}, {len(report.rows):,} points"

    return tag(
        "header",
        tag("h1", tag("span", "sweep", class_="badge backtest"), Path(report.config).name),
        tag("p", words, class_="soft"),
        class_="top",
    )


def _sections(report: SweepReport) -> list[Html]:
    said = [tag("p", sentence, class_="bad" if report.verdict.fits_noise else None) for sentence in report.sentences()]
    sections = [tag("h2", "In short"), tag("div", *said, class_="card")]

    if report.verdict.ranked:
        shown = heat_map(report.rows, report.objective, report.keys)
        sections += [tag("h2", "Where it is good"), tag("div", *_maps(report, shown), class_="grid")]

    return [
        *sections,
        tag("h2", "Every point, best in sample first"),
        tag("div", _points(report), class_="card"),
        tag("h2", "What it was made of"),
        tag("div", _facts(report), class_="card"),
    ]


def _maps(report: SweepReport, shown: HeatMap) -> list[Html]:
    """The map in sample and, where something was set aside, the same points outside of it; one scale for each."""
    outside = [] if report.out_of_sample is None else [_map(report, shown, "out of sample", inside=False)]

    return [_map(report, shown, "in sample", inside=True), *outside]


def _map(report: SweepReport, shown: HeatMap, name: str, *, inside: bool) -> Html:
    def value(cell: Cell | None) -> Decimal | None:
        return None if cell is None else cell.inside if inside else cell.outside

    values = [number for line in shown.cells for cell in line if (number := value(cell)) is not None]
    largest = max((abs(number) for number in values), default=Decimal(0))
    corner = f"{shown.down} \u2193 {shown.across} \u2192" if shown.down else shown.across
    best = report.verdict.ranked[0].number
    lines = [
        tag(
            "tr",
            tag("th", name_of_line or "score", scope="row"),
            *(_cell(value(cell), largest, is_best=cell is not None and cell.number == best) for cell in cells),
        )
        for name_of_line, cells in zip(shown.lines, shown.cells, strict=True)
    ]
    heads = [tag("th", column, scope="col") for column in shown.columns]
    same = " Each is what the point beside came to there."
    over = f" Each is the best over {', '.join(shown.others)}." if shown.others else ""

    return tag(
        "div",
        tag(
            "div",
            tag(
                "table",
                tag("caption", f"Score {name}, {report.unit}"),
                tag("thead", tag("tr", tag("th", corner, scope="col"), *heads)),
                tag("tbody", *lines),
                class_="heat",
            ),
            class_="scroll",
            tabindex=0,
            role="region",
            aria_label=f"Score {name}",
        ),
        tag("p", f"A frame marks the best point in sample.{over}{'' if inside else same}", class_="soft"),
        class_="card",
    )


def _cell(value: Decimal | None, largest: Decimal, *, is_best: bool) -> Html:
    if value is None:
        return tag("td", "-", class_="soft")

    part = abs(value) / largest if largest else Decimal(0)
    shade = min(SHADES - 1, int(part * SHADES))
    sign = "up" if value > 0 else "down"
    classes = [f"{sign}{shade}"] if value else []

    if is_best:
        classes.append("best")

    return tag("td", signed(value), class_=" ".join(classes) or None)


def _shades() -> str:
    """The style of the cells: the stronger the colour, the further from nought; the number stands in each anyway."""
    rules = [
        ".heat td{text-align:center;padding:6px 8px}.heat td.best{outline:2px solid var(--ink);outline-offset:-2px}"
    ]

    for shade, mix in enumerate(_MIX):
        rules += [
            f".heat .{name}{shade}{{background:color-mix(in srgb,var(--{colour}) {mix}%,transparent)}}"
            for name, colour in (("up", "good"), ("down", "bad"))
        ]

    return "\n".join(rules)


def _points(report: SweepReport) -> Html:
    rows = []

    for place, row in enumerate(report.verdict.ranked[:ROWS], start=1):
        inside = row.in_sample
        rows.append(
            (
                str(place),
                *(value for _, value in row.values),
                report.score(inside),
                report.score(row.out_of_sample),
                *(
                    ("-",) * 4
                    if inside is None
                    else _details(inside.fills, inside.fees, inside.funding, inside.drawdown)
                ),
            )
        )

    left = len(report.verdict.ranked) - len(rows)
    caption = f"Scores in {report.unit}; the rest in sample, in {report.quote}" + (f"; {left:,} more" if left else "")
    head = ("", *report.keys, "in sample", "out of sample", "fills", "fees", "funding", "largest fall")

    return table(caption, head, rows, empty="no point could be played")


def _details(fills: int, fees: Decimal, funding: Decimal, drawdown: Decimal) -> tuple[str, str, str, str]:
    return f"{fills:,}", signed(fees), signed(funding), grouped(drawdown)


def _facts(report: SweepReport) -> Html:
    outside = "nothing was set aside" if report.out_of_sample is None else window_words(report.out_of_sample)
    facts = [
        ("data", ", ".join(Path(file).name for file in report.data)),
        ("in sample", window_words(report.in_sample)),
        ("out of sample", outside),
        ("assumed", assumed_words(report.assumed)),
        ("objective", report.objective.value),
        *((f"refused: {' '.join(row_words(row))}", row.refusal) for row in report.verdict.refused[:ROWS]),
    ]

    return table("The sweep", ("what", ""), facts, words=(1,))
