"""The pre-flight report as it is read: within 80 columns, and as exact plain values."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from perpmaker.model.order import PositionMode
from perpmaker.model.position import MarginMode, VenueSettings
from perpmaker.report.preflight_page import plain_preflight, render_preflight
from perpmaker.report.preflight_wording import WIDTH, money, percent, price, short
from perpmaker.testing.view import make_book, make_position

SHAPES: tuple[dict[str, Any], ...] = (
    {},
    {"order_levels": 5, "order_level_spread": "0.01", "leverage": 25, "stop_loss_spread": None},
    {"book": make_book(9999, None)},
    {"wallet": None, "funding_rate": None, "margin_mode": None},
    {"positions": make_position("0.5", "98"), "position_mode": PositionMode.ONE_WAY},
    {"position_mode": PositionMode.HEDGE, "margin_mode": MarginMode.CROSS},
    {"min_notional": "500"},
    {"stop_loss_spread": "0.5"},
)


@pytest.mark.each_value
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("changes", SHAPES, ids=lambda changes: ",".join(changes) or "plain")
def test_page_fits_eighty_columns(desk: Any, changes: dict[str, Any], full: bool) -> None:
    """No line is longer, whatever there is to say."""
    lines = render_preflight(desk.report(**changes), full=full).splitlines()
    assert [line for line in lines if len(line) > WIDTH] == []


def test_page_says_where_the_money_is_right_after_the_verdict(desk: Any) -> None:
    """The environment is the first word after what there is to look at."""
    for full in [False, True]:
        lines = render_preflight(desk.report(stop_loss_order="venue"), full=full).splitlines()
        assert lines[:2] == ["OK", "SANDBOX  binance_perpetual BTC-USDT"]


def test_page_shows_levels_and_full_fills(desk: Any) -> None:
    """The rows that a trader acts on, with the numbers of the figures."""
    page = render_preflight(desk.report(), full=True)

    for line in (
        "  bid 1              99.00           1.000             99.00             33.00",
        "  average entry                      99.00          101.00",
        "  liquidation price                  66.67          133.33",
        "    isolated, thumb rule             66.99          133.66",
        "  stop fires at                      96.03          104.03",
        "  loss at stop, with fees             3.04            3.10",
    ):
        assert line in page.splitlines()


def test_withheld_level_stands_with_its_reason(desk: Any) -> None:
    """The reason is on the line below the level."""
    lines = render_preflight(desk.report(min_notional="100"), full=True).splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("  bid 1"))
    assert lines[at + 1] == "      withheld: below the market's minimum notional (100)"


def test_refusal_is_part_of_the_page(desk: Any) -> None:
    """Who reads the report sees why it ends with exit code 3."""
    assert "!! REFUSED: stop_loss_spread: with all bids filled" in render_preflight(desk.report(stop_loss_spread="0.5"))


def test_page_says_what_a_run_would_change_of_the_account(desk: Any) -> None:
    """Leverage, position mode and margin mode that a run sets, where they differ now."""
    now = VenueSettings(leverage=20, position_mode=PositionMode.HEDGE, margin_mode=MarginMode.ISOLATED)
    page = render_preflight(desk.report(settings_now=now))
    assert "  a run changes       leverage 20 -> 3, positions Hedge -> One-way" in page.splitlines()


def test_plain_values_are_exact_json(desk: Any) -> None:
    """Every number is text without an exponent, every enumeration its value."""
    found = json.loads(json.dumps(plain_preflight(desk.report())))
    figures = found["figures"]
    assert (figures["environment"], figures["leverage"], figures["position_mode"]) == ("sandbox", 3, "One-way")
    assert figures["bids"]["notional"] == "99"
    assert figures["bids"]["funding_day"] == "0.0297"
    assert figures["levels"][0]["side"] == "buy"
    assert {line["verdict"] for line in found["checklist"]} <= {"ok", "look", "bad"}


def test_percentages_are_short() -> None:
    """Four decimals below one percent, two above."""
    for value, text in [("0.0001", "0.01 %"), ("0.12346", "12.35 %"), ("-0.00012345", "-0.0123 %"), ("0", "0 %")]:
        assert percent(Decimal(value)) == text


def test_money_and_prices_are_short() -> None:
    """Two decimals, more where it is little; prices as exact as the market's tick."""
    assert [money(Decimal(value)) for value in ("1234.5", "0.1234567", "0")] == ["1234.50", "0.1235", "0.00"]
    assert money(None) == "-"
    assert price(Decimal("150.12346"), Decimal("0.0010")) == "150.1235"
    assert price(None, Decimal(1)) == "none"
    assert price(Decimal("150.4"), Decimal(10)) == "150"
    assert price(Decimal("9" * 30), Decimal("0.01")) == f"{'9' * 30}.00"
    assert money(Decimal("-0.00001")) == "0.0000"
    assert [short(Decimal(value)) for value in ("2.00", "-0.001", "4.90")] == ["2", "0", "4.9"]
