"""What charts are drawn from."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.core.page.results import long_result

from perpmaker.page.series import fewer, packed, with_drawdown


def unpacked(column: dict[str, Any]) -> list[Decimal | None]:
    """The values of a column, as the page's script makes them."""
    total, found = 0, list[Decimal | None]()

    for step in column["d"]:
        total += step or 0
        found.append(None if step is None else Decimal(total) / column["s"])

    return found


def test_charts_have_what_the_curve_has_to_their_resolution() -> None:
    """Least, greatest and last value of each column, no error of a sum of many differences."""
    result = long_result(300)
    curve = with_drawdown(result.curve)

    for points in (30, 90, 900):
        found = packed(result, points, 50)
        assert len(found["x"]["d"]) <= points

        for name, column in found["columns"].items():
            shown = [one for one in unpacked(column) if one is not None]
            known = [one for one in curve.columns[name] if one is not None]
            step = Decimal(1) / column["s"]
            assert abs(min(shown) - min(known)) <= step, name
            assert abs(max(shown) - max(known)) <= step, name
            last = curve.columns[name][-1]
            assert last is None or abs(shown[-1] - last) <= step, name


def test_every_chart_shows_columns_that_are_there() -> None:
    """None of a bot that never quoted has a line for quotes, and each line has a label and a colour."""
    found = packed(long_result(20), 90, 50)
    assert [chart["id"] for chart in found["charts"]] == [
        "c-result", "c-price", "c-position", "c-drawdown", "c-funding",
    ]  # fmt: skip
    assert all(line["key"] in found["columns"] for chart in found["charts"] for line in chart["series"])
    assert all(
        line["label"] and line["color"].startswith("--") for chart in found["charts"] for line in chart["series"]
    )


def test_drawdown_is_how_far_the_result_is_below_its_best_moment() -> None:
    """Never above nought, and its depth is the largest fall."""
    result = long_result(200)
    falls = [one for one in with_drawdown(result.curve).columns["drawdown"] if one is not None]
    assert max(falls) == 0
    assert result.drawdown is not None
    assert -min(falls) == result.drawdown.amount


def test_fewer_fills_keep_exits_and_stay_in_order() -> None:
    """At most so many, spread over all of the time."""
    fills = long_result(300).fills
    assert len(fills) > 60
    few = fewer(fills, 20)
    assert len(few) <= 20
    assert [one.at_ms for one in few] == sorted(one.at_ms for one in few)
    assert few[-1].at_ms - few[0].at_ms > (fills[-1].at_ms - fills[0].at_ms) / 2
