"""Packs the curve and the fills of a result for the charts of a page: few points, small numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import attrs

from perpmaker.backtest.curve import Row, Thinning
from perpmaker.backtest.result import Curve, FillResult, Result

MONEY: Final = ("total", "spread", "inventory", "fees", "funding", "drawdown")
PRICES: Final = ("reference", "mark", "bid", "ask", "own_bid", "own_ask")

_STEPS: Final = 4_000
"""Steps into which the range of a column is divided at least, so that a line shows nothing of it."""

_MOST_DIGITS: Final = 8

_LINES: Final[Mapping[str, tuple[str, str]]] = {
    "total": ("result", "--c1"),
    "spread": ("spread", "--c2"),
    "inventory": ("inventory", "--c3"),
    "fees": ("fees", "--c4"),
    "funding": ("funding", "--c5"),
    "position": ("position", "--c2"),
    "drawdown": ("below the best", "--bad"),
    "bid": ("best bid", "--c6"),
    "ask": ("best ask", "--c6"),
    "reference": ("reference", "--c1"),
    "mark": ("mark", "--c4"),
    "own_bid": ("our bid", "--buy"),
    "own_ask": ("our ask", "--sell"),
}
"""Label and colour of each column."""


@attrs.frozen(kw_only=True)
class ChartSpec:
    """One chart: the element it is drawn in, its title and unit, and the columns it shows; `area`: filled to nought."""

    id: str
    title: str
    unit: str
    columns: tuple[str, ...]
    height: int = 220
    hidden: tuple[str, ...] = ()
    thick: tuple[str, ...] = ()
    area: bool = False
    signed: bool = True
    fills: bool = False


def chart_specs(result: Result) -> tuple[ChartSpec, ...]:
    """Return the charts of a result."""
    market = result.whose.market

    return (
        ChartSpec(
            id="c-result",
            title="Result, and what it came from",
            unit=market.quote,
            columns=("total", "spread", "inventory", "fees", "funding"),
            height=260,
            thick=("total",),
        ),
        ChartSpec(
            id="c-price",
            title="Price, our quotes and fills",
            unit=market.quote,
            columns=("bid", "ask", "reference", "mark", "own_bid", "own_ask"),
            height=340,
            hidden=("mark",),
            thick=("own_bid", "own_ask"),
            signed=False,
            fills=True,
        ),
        ChartSpec(id="c-position", title="Position", unit=market.base, columns=("position",), height=180, area=True),
        ChartSpec(
            id="c-drawdown",
            title="Drawdown: how far below the best moment before",
            unit=market.quote,
            columns=("drawdown",),
            height=180,
            area=True,
        ),
        ChartSpec(id="c-funding", title="Funding, summed", unit=market.quote, columns=("funding",), height=180),
    )


def packed(result: Result, points: int, most_fills: int) -> dict[str, Any]:
    """Return what the charts are drawn from: at most so many points and fills, columns of differences of integers."""
    at_ms, columns = thinned(with_drawdown(result.curve), points)
    shown = {name: values for name, values in columns.items() if any(one is not None for one in values)}
    digits = {name: _digits(result, name, values) for name, values in shown.items()}
    fills, kinds = fewer(result.fills, most_fills), sorted({fill.what for fill in result.fills})
    price_digits = _decimals(result.whose.market.tick) if result.whose.market.tick else 2

    return {
        "x": _packed([Decimal(at) / 1000 for at in at_ms], 3),
        "columns": {name: _packed(values, digits[name]) for name, values in shown.items()},
        "digits": price_digits,
        "kinds": kinds,
        "fills": {
            "x": _packed([Decimal(fill.at_ms) / 1000 for fill in fills], 3),
            "price": _packed([fill.price for fill in fills], price_digits),
            "side": [1 if fill.side == "buy" else -1 for fill in fills],
            "amount": [f"{fill.amount.normalize():f}" for fill in fills],
            "what": [kinds.index(fill.what) for fill in fills],
        },
        "charts": [_spec(spec, digits) for spec in chart_specs(result)],
    }


def with_drawdown(curve: Curve) -> Curve:
    """Return the curve with a column that says how far the result is below its best moment so far."""
    best: Decimal | None = None
    falls: list[Decimal | None] = []

    for total in curve.columns.get("total", ()):
        if total is not None:
            best = total if best is None else max(best, total)

        falls.append(None if total is None or best is None else total - best)

    return attrs.evolve(curve, columns={**curve.columns, "drawdown": tuple(falls)})


def thinned(curve: Curve, points: int) -> tuple[Sequence[int], dict[str, Sequence[Decimal | None]]]:
    """Return times and columns of at most so many points, with all extremes of each column."""
    names = list(curve.columns)
    rows: list[tuple[int, Row]] = list(
        zip(curve.at_ms, zip(*(curve.columns[name] for name in names), strict=True), strict=True)
    )

    if len(rows) > points:
        thinning = Thinning(len(names), max(1, points // 3))

        for at_ms, row in rows:
            thinning.add(at_ms, row)

        rows = thinning.rows()

    columns: dict[str, Sequence[Decimal | None]] = {
        name: [None if row[number] is None else Decimal(row[number] or 0) for _, row in rows]
        for number, name in enumerate(names)
    }

    return [at for at, _ in rows], columns


def fewer(fills: Sequence[FillResult], most: int) -> Sequence[FillResult]:
    """Return at most so many fills, spread over time, those of exits before those of quotes."""
    if len(fills) <= most:
        return fills

    exits = [fill for fill in fills if fill.what not in {"quote", "take_profit"}][-most // 2 :]
    others = [fill for fill in fills if fill not in exits]
    step = -(-len(others) // max(1, most - len(exits)))

    return sorted([*exits, *others[::step]], key=lambda fill: fill.at_ms)


def _spec(spec: ChartSpec, digits: Mapping[str, int]) -> dict[str, Any]:
    series = [
        {
            "key": name,
            "label": _LINES[name][0],
            "color": _LINES[name][1],
            "width": 2.2 if name in spec.thick else 1.3,
            "hidden": name in spec.hidden,
            "area": spec.area,
        }
        for name in spec.columns
        if name in digits
    ]
    shown = min(6, max((digits[name] for name in spec.columns if name in digits), default=2))

    return {
        "id": spec.id,
        "title": spec.title,
        "unit": spec.unit,
        "height": spec.height,
        "signed": spec.signed,
        "fills": spec.fills,
        "digits": shown,
        "series": series,
    }


def _digits(result: Result, name: str, values: Sequence[Decimal | None]) -> int:
    """How many decimals a column needs: those of the market's step, or as many as its range shows."""
    market = result.whose.market

    if name in PRICES and market.tick:
        return _decimals(market.tick) + (name in {"reference", "mark"})

    if name == "position" and market.lot:
        return _decimals(market.lot)

    known = [one for one in values if one is not None]
    extent = max(known) - min(known)
    digits = 2

    while digits < _MOST_DIGITS and extent and extent * 10**digits < _STEPS:
        digits += 1

    return digits


def _decimals(step: Decimal) -> int:
    exponent = step.normalize().as_tuple().exponent

    return max(0, -exponent) if isinstance(exponent, int) else 0


def _packed(values: Sequence[Decimal | None], digits: int) -> dict[str, Any]:
    """A column as differences of integers; a value is their sum over `s`."""
    scale = 10**digits
    before = 0
    steps: list[int | None] = []

    for value in values:
        if value is None:
            steps.append(None)
        else:
            now = round(value * scale)
            steps.append(now - before)
            before = now

    return {"s": scale, "d": steps}
