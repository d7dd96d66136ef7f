"""The map and the page of a sweep: who looks and who reads see the same, and no name becomes markup."""

from __future__ import annotations

from decimal import Decimal

from perpmaker.sweep.assumed import Assumed, Window
from perpmaker.sweep.figures import Figures, Objective, Row
from perpmaker.sweep.heat_map import heat_map
from perpmaker.sweep.page import sweep_page
from perpmaker.sweep.report import SweepReport
from perpmaker.sweep.verdict import verdict_of

NS = 1_000_000_000


def row(number: int, result: str, outside: str | None = None, **values: str) -> Row:
    """A point with its results."""

    def figures(amount: str) -> Figures:
        return Figures(
            result=Decimal(amount),
            fees=Decimal("-0.1"),
            funding=Decimal(0),
            turnover=Decimal(100),
            drawdown=Decimal(1),
            fills=1,
        )

    return Row(
        key=str(number),
        number=number,
        values=tuple(values.items()),
        in_sample=figures(result),
        out_of_sample=None if outside is None else figures(outside),
    )


def report(rows: tuple[Row, ...], *keys: str, config: str = "a.toml") -> SweepReport:
    """A sweep that is over."""
    return SweepReport(
        config=config,
        connector="binance_perpetual",
        market="BTC-USDT",
        quote="USDT",
        data=("/data/a.gz",),
        keys=keys,
        objective=Objective.RESULT,
        assumed=Assumed(source="as given", usual_ns=5_000_000, busy_ns=5_000_000, feed_ns=None, queue="risk-averse"),
        in_sample=Window(begin_ns=0, end_ns=70 * NS),
        out_of_sample=Window(begin_ns=70 * NS, end_ns=100 * NS),
        rows=rows,
        verdict=verdict_of(rows, Objective.RESULT, lambda _: True),
    )


def test_a_cell_is_the_best_in_sample_and_what_that_one_was_outside() -> None:
    """Over the keys that are in neither line nor column; numbers in their order, not that of their letters."""
    rows = (
        row(0, "1", "9", a="9", b="x", c="1"),
        row(1, "2", "-3", a="9", b="x", c="2"),
        row(2, "0", "0", a="10", b="y", c="1"),
    )
    shown = heat_map(rows, Objective.RESULT, ("a", "b", "c"))

    assert (shown.lines, shown.columns, shown.others) == (("9", "10"), ("x", "y"), ("c",))
    first = shown.cells[0][0]
    assert first is not None
    assert (first.inside, first.outside, first.number) == (2, -3, 1)
    assert shown.cells[0][1] is None


def test_values_that_a_search_has_drawn_share_bands() -> None:
    """The ends are in the first and in the last; one key alone has one line."""
    rows = tuple(row(number, str(number), a=str(Decimal(number) / 10)) for number in range(41))
    shown = heat_map(rows, Objective.RESULT, ("a",))

    assert shown.lines == ("",)
    assert shown.columns[0] == "0 to 0.5"
    assert [cell.number for cell in shown.cells[0] if cell] == [4, 9, 14, 19, 24, 29, 34, 40]


def test_the_page_and_the_terminal_warn_of_a_best_point_that_is_luck() -> None:
    """First of all; and the best point is framed in the map."""
    found = report((row(0, "5", "-2", a="1"), row(1, "1", "3", a="2")), "a")
    page, lines = sweep_page(found), "\n".join(found.sentences())

    for text in (page, lines):
        assert (
            "DO NOT TRADE ON THIS: the best in sample is a=1, and it came to -2.00 USDT outside of the sample" in text
        )

    assert '<td class="up4 best">+5.00</td>' in page
    assert '<td class="down3 best">-2.00</td>' in page


def test_nothing_that_is_named_becomes_markup() -> None:
    """A file, a value, a reason."""
    evil = "<script>alert(1)</script>"
    refused = Row(key="r", number=1, values=(("a", evil),), refusal=evil)
    page = sweep_page(report((row(0, "1", "1", a="1"), refused), "a", config=f"/tmp/{evil}.toml"))  # noqa: S108  # a name

    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 3
