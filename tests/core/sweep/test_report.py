"""The words of a sweep on a terminal."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from perpmaker.sweep.assumed import Assumed, Window
from perpmaker.sweep.figures import Figures, Objective, Row
from perpmaker.sweep.report import SweepReport
from perpmaker.sweep.verdict import verdict_of


def report(*keys: str, fills: int = 1) -> SweepReport:
    """A sweep of one point."""
    inside = Figures(
        result=Decimal("-0.2619"),
        fees=Decimal(0),
        funding=Decimal(0),
        turnover=Decimal(0),
        drawdown=Decimal("0.3"),
        fills=fills,
    )
    rows = (Row(key="k", number=0, values=tuple((key, "0.05") for key in keys), in_sample=inside),)

    return SweepReport(
        config="a.toml",
        connector="binance_perpetual",
        market="BTC-USDT",
        quote="USDT",
        data=("a.gz",),
        keys=keys,
        objective=Objective.RESULT,
        assumed=Assumed(source="as given", usual_ns=0, busy_ns=0, feed_ns=None, queue="risk-averse"),
        in_sample=Window(begin_ns=0, end_ns=10**10),
        out_of_sample=None,
        rows=rows,
        verdict=verdict_of(rows, Objective.RESULT, lambda _: True),
    )


@pytest.mark.parametrize(
    "keys",
    [("bid_spread",), ("risk.exposure_limit.max_position", "bid_spread", "long_profit_taking_spread", "order_amount")],
)
def test_lines_fit_on_a_terminal_however_many_keys_there_are(keys: tuple[str, ...]) -> None:
    """Where the keys have no room beside the scores, the values of a point stand below them."""
    lines = list(report(*keys).lines(1, Path("sweep")))
    assert max(map(len, lines)) <= 80
    assert any("-0.2619" in line for line in lines)
    assert all(f"{key}" in " ".join(lines) for key in keys)


def test_a_best_point_that_never_traded_is_said_to_be_none() -> None:
    """Whoever does nothing loses nothing; that is no setting to trade on."""
    assert "which traded nothing" in report("bid_spread", fills=0).sentences()[0]
    assert "which traded nothing" not in report("bid_spread").sentences()[0]
