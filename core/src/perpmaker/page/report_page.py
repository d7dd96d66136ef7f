"""The report of a result: one page of HTML that needs nothing else, under 200 KB whatever the run was."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from perpmaker.backtest.result import Result
from perpmaker.page import tables
from perpmaker.page.assets import ICON, asset, digest, style, uplot_script
from perpmaker.page.figures import exact, grouped, moment, plural, share, signed, tone
from perpmaker.page.html import Html, joined, raw, tag
from perpmaker.page.series import ChartSpec, chart_specs, packed
from perpmaker.page.summary import labels, sentences
from perpmaker.report.status_words import span

MOST_BYTES: Final = 195_000
GENERATOR: Final = "perpmaker report"
"""By which a page is known as ours, so that it may be written again."""

_SIZES: Final = ((900, 400, 100), (600, 250, 60), (300, 120, 30), (120, 40, 10))
"""Points of the curve, fills in the chart, rows of the longest tables: the first that fits is taken."""


_HINT: Final = (
    "Times are UTC. Triangles point at fills, from below where it bought, from above where it sold; a ring marks "
    "an exit. Drag over a chart to zoom, or use its keys."
)


def report_page(result: Result) -> str:
    """Return the page."""
    page = ""

    for points, fills, rows in _SIZES:
        page = _page(result, points, fills, rows)

        if len(page.encode()) <= MOST_BYTES:
            break

    return page


def _page(result: Result, points: int, fills: int, rows: int) -> str:
    scripts = [uplot_script(), asset("static", "charts.js"), asset("static", "report.js")]
    look = style()
    policy = (
        f"default-src 'none'; script-src {' '.join(map(digest, scripts))}; style-src {digest(look)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    whose = result.whose
    title = f"{whose.name} {whose.environment}: report"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="generator", content=GENERATOR),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", title),
        tag("link", rel="icon", href=ICON),
        raw("style", look),
    )
    data = raw("script", _json(packed(result, points, fills)), type="application/json", id="data")
    body = tag(
        "body",
        tag("a", "To the result", href="#short", class_="skip"),
        _top(result),
        tag("main", *_sections(result, rows), id="main"),
        _foot(),
        data,
        *(raw("script", script) for script in scripts),
    )

    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def _json(content: dict[str, Any]) -> str:
    """JSON that can stand in a script: nothing in it looks like HTML."""
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=True)

    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _top(result: Result) -> Html:
    whose = result.whose
    kind = whose.environment if whose.environment.isalpha() else "unknown"
    window = f"{moment(result.began_ms)} to {moment(result.ended_ms)} UTC, {span(result.seconds)}"
    runs = f", {plural(len(result.runs), 'run')}" if len(result.runs) > 1 else ""

    return tag(
        "header",
        tag("h1", tag("span", whose.environment, class_=f"badge {kind}"), whose.name),
        tag("p", f"{whose.market.market} on {whose.connector}, {window}{runs}", class_="soft"),
        class_="top",
    )


def _sections(result: Result, rows: int) -> Iterator[Html]:
    said = [tag("li", label) for label in labels(result)]

    if said:
        yield tag("ul", *said, class_="labels", aria_label="Before you read this")

    yield tag("h2", "In short", id="short")
    yield _tiles(result)
    yield tag("div", *(tag("p", sentence) for sentence in sentences(result)), class_="card")
    specs = {spec.id: spec for spec in chart_specs(result)}
    money = (
        ("total", "result"),
        ("spread", "spread"),
        ("inventory", "inventory"),
        ("fees", "fees"),
        ("funding", "funding"),
    )
    prices = (
        ("reference", "reference"),
        ("bid", "best bid"),
        ("ask", "best ask"),
        ("own_bid", "our bid"),
        ("own_ask", "our ask"),
    )
    yield tag("h2", "Over time")
    yield tag(
        "div",
        _figure(specs["c-result"], tables.curve_table(result, "Result over time", money), wide=True),
        _figure(specs["c-price"], tables.curve_table(result, "Prices and our quotes over time", prices), wide=True),
        _figure(specs["c-position"], tables.curve_table(result, "Position over time", (("position", "position"),))),
        _figure(
            specs["c-drawdown"], tables.curve_table(result, "Drawdown over time", (("drawdown", "below the best"),))
        ),
        class_="grid",
    )
    yield tag("h2", "Money")
    yield _cards(
        tables.split_table(result), tables.assets_table(result), tables.days_table(result), _funding(result, specs)
    )
    yield tag("h2", "Fills and quotes")
    yield _cards(
        tables.markouts_table(result), tables.levels_table(result), tables.fills_table(result, rows), wide=True
    )
    yield tag("h2", "Time")
    yield _cards(
        tables.modes_table(result),
        tables.quoting_table(result),
        tables.runs_table(result),
        tables.changes_table(result),
    )
    yield tag("h2", "What it was made of")
    yield _cards(tables.market_table(result), tables.settings_table(result))
    yield tag("h2", "What was told")
    gaps = (tables.gaps_table(result),) if result.gaps else ()
    yield _cards(*gaps, tables.told_table(result, rows), wide=True)


def _cards(*content: Html, wide: bool = False) -> Html:
    return tag("div", *(tag("div", one, class_="card wide" if wide else "card") for one in content), class_="grid")


def _figure(spec: ChartSpec, figures: Html, *, wide: bool = False) -> Html:
    """A chart, and its figures as a table that opens below it."""
    caption = tag("figcaption", spec.title, " ", tag("small", f"({spec.unit})"))
    shown = tag("details", tag("summary", f"{spec.title}: as a table"), figures)

    return tag("div", tag("figure", caption, id=spec.id), shown, class_="card wide" if wide else "card")


def _funding(result: Result, specs: dict[str, ChartSpec]) -> Html:
    payments = tables.payments_table(result)

    if not any(result.curve.columns.get("funding", ())):
        return payments

    spec = specs["c-funding"]

    return joined(
        tag("figure", tag("figcaption", spec.title, " ", tag("small", f"({spec.unit})")), id=spec.id), payments
    )


def _tiles(result: Result) -> Html:
    pnl, money, asset_name = result.pnl, result.money, result.whose.market.quote
    total = money.result if pnl.total is None else pnl.total
    quoting = result.quoting
    fall = result.drawdown
    found = [
        _tile(
            "Result",
            signed(total),
            asset_name if pnl.total is not None else f"{asset_name} booked",
            tone(total),
            "main",
        ),
        _tile("Spread", signed(pnl.spread), asset_name, tone(pnl.spread)),
        _tile("Inventory", signed(pnl.inventory), asset_name, tone(pnl.inventory)),
        _tile("Fees", signed(pnl.fees), asset_name, tone(pnl.fees)),
        _tile("Funding", signed(pnl.funding), asset_name, tone(pnl.funding)),
        _position_tile(result),
        _tile("Fills", f"{money.fills:,}", f"volume {grouped(money.volume)}"),
        _tile("Largest fall", grouped(fall.amount) if fall else "none", asset_name if fall else None),
        _tile(
            "Quotes on both sides",
            share(quoting.both_s, quoting.total_s),
            f"none {share(quoting.none_s, quoting.total_s)}",
        ),
    ]

    return tag("dl", *found, class_="tiles")


def _position_tile(result: Result) -> Html:
    held = next(iter(result.curve.columns.get("position", ())[-1:]), None)
    largest, base = result.largest_position, result.whose.market.base

    return _tile(
        "Position at the end",
        exact(held) if held else "flat",
        f"largest {exact(largest.value)} {base}" if largest else base,
    )


def _tile(name: str, value: str, below: str | None, meaning: str | None = None, kind: str | None = None) -> Html:
    said = tag("dd", tag("span", value, class_=meaning), None if below is None else tag("small", below))

    return tag("div", tag("dt", name), said, class_=kind)


def _foot() -> Html:
    return tag(
        "footer",
        tag("p", _HINT),
        tag("details", tag("summary", "Licence of the charts (uPlot)"), tag("pre", asset("uplot", "LICENSE"))),
    )
