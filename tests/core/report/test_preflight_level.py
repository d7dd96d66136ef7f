"""The ladder of the pre-flight report: levels, why one is withheld, and what order optimisation would do."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import attrs

from perpmaker.model.order import PositionMode, Side
from perpmaker.model.quote import Quote
from perpmaker.risk.interface import Approved, Refused, Verdict
from perpmaker.state.view import View
from perpmaker.testing.view import ScriptedBook, make_book, make_position


class Halving:
    """A risk module that halves the first level of each side and refuses every other one."""

    def review(self, view: View, quote: Quote) -> Verdict:  # noqa: ARG002  # the protocol's signature
        """Halve or refuse."""
        if quote.slot.level:
            return Refused(quote=quote, reason="one is enough")

        return Approved(quote=attrs.evolve(quote, lots=quote.lots // 2))


def test_levels_have_price_amount_notional_and_margin(desk: Any) -> None:
    """Two levels of 1 and 1.5 at 1 % and 2 % around 100, leverage 3."""
    levels = desk.report(order_levels=2, order_level_spread="0.01", order_level_amount="0.5").figures.levels
    assert [(line.side, line.number, line.price, line.amount, line.notional) for line in levels] == [
        (Side.BUY, 1, Decimal(99), Decimal(1), Decimal(99)),
        (Side.BUY, 2, Decimal(98), Decimal("1.5"), Decimal(147)),
        (Side.SELL, 1, Decimal(101), Decimal(1), Decimal(101)),
        (Side.SELL, 2, Decimal(102), Decimal("1.5"), Decimal(153)),
    ]
    assert levels[0].margin == Decimal(33)
    assert all(line.withheld is None and line.fills for line in levels)


def test_level_that_the_market_would_not_take_is_withheld_and_does_not_fill(desk: Any) -> None:
    """A level below the minimum notional shows what it would have been, and is not counted."""
    figures = desk.report(order_levels=2, order_level_amount="-0.6", min_notional="50").figures
    lines = [line for line in figures.levels if line.number == 2]
    assert [line.withheld for line in lines] == ["below the market's minimum notional (50)"] * 2
    assert not any(line.fills for line in lines)
    assert figures.bids is not None
    assert figures.bids.amount == 1


def test_level_that_the_balance_does_not_carry_is_withheld_and_does_not_fill(desk: Any) -> None:
    """Two levels of 33 margin fit into 70, the outer ones do not."""
    figures = desk.report(order_levels=2, wallet="70").figures
    assert [(line.number, line.fills) for line in figures.levels] == [(1, True), (2, False), (1, True), (2, False)]
    withheld = figures.levels[1].withheld
    assert withheld is not None
    assert withheld.startswith("the balance does not carry its margin and fee")


def test_level_that_only_waits_still_counts_as_filling(desk: Any) -> None:
    """While a position is held the other side is withheld for now: it is not the worst case that it stays away."""
    figures = desk.report(positions=make_position("1", "100")).figures
    lines = {line.side: line for line in figures.levels}
    assert lines[Side.SELL].withheld == "a position is open (hold) (1)"
    assert lines[Side.SELL].fills


def test_risk_modules_are_asked_and_named(desk: Any) -> None:
    """What a module cut is shown as it would be sent, what it refused with its reason."""
    desk.modules = (Halving(),)
    first, second = desk.report(order_levels=2).figures.levels[:2]
    assert (first.amount, first.note) == (Decimal("0.5"), "changed by a risk module from 1.000 at 99.00")
    assert (second.withheld, second.fills) == ("Halving: one is enough", False)


def test_without_a_reference_nothing_has_a_price(desk: Any) -> None:
    """An empty side of the book: the levels are listed, without prices, and nothing is computed from them."""
    report = desk.report(book=make_book(9999, None))
    assert report.figures.reference is None
    assert [line.price for line in report.figures.levels] == [None, None]
    assert (report.figures.bids, report.figures.asks, report.refusals) == (None, None, ())


def test_market_that_takes_no_level_is_told_with_every_reason(desk: Any) -> None:
    """Every level below the market's minimum: the reasons, each once."""
    assert desk.report(min_notional="500").figures.unquotable == ("below the market's minimum notional (500)",)
    assert desk.report(min_notional="100").figures.unquotable == ()


def test_optimisation_is_shown_in_both_modes_whether_on_or_off(desk: Any) -> None:
    """Others at 99.50 and 100.50: retreat leaves level 1 at 99, top would bring it to half its spread."""
    book = ScriptedBook(bids=((9950, 100),), asks=((10050, 100),))
    found = {(one.mode, one.side): one for one in desk.report(book=book).figures.placements}
    assert {key: (str(one.own), str(one.price)) for key, one in found.items()} == {
        ("retreat", Side.BUY): ("99.00", "99.00"),
        ("retreat", Side.SELL): ("101.00", "101.00"),
        ("top", Side.BUY): ("99.00", "99.50"),
        ("top", Side.SELL): ("101.00", "100.50"),
    }
    assert found["top", Side.BUY].to_beat == Decimal("99.50")


def test_optimisation_without_anybody_to_beat_says_so(desk: Any) -> None:
    """A book that ends within the depth to ignore leaves every price as it is."""
    placed = desk.report(bid_order_optimization_depth="5").figures.placements
    assert [one.to_beat for one in placed if one.side is Side.BUY] == [None, None]


def test_hedge_levels_fill_two_positions(desk: Any) -> None:
    """In Hedge mode bids make a long and asks a short position, and both can be held at once."""
    figures = desk.report(position_mode=PositionMode.HEDGE).figures
    assert (figures.bids.amount, figures.asks.amount) == (1, -1)
    assert figures.all_filled.at_risk == figures.bids.margin + figures.asks.margin
    assert figures.all_filled.funding_day == figures.bids.funding_day + figures.asks.funding_day


def test_one_way_sides_exclude_each_other(desk: Any) -> None:
    """In One-way mode the larger side binds its margin, not both."""
    figures = desk.report().figures
    assert figures.all_filled.margin == figures.bids.margin + figures.asks.margin
    assert figures.all_filled.at_risk == figures.asks.margin


def test_position_that_is_held_is_filled_upon(desk: Any) -> None:
    """Long 1 at 110 and a bid of 1 at 99: 2 at 104.50; the ask takes the whole long away."""
    figures = desk.report(positions=make_position("1", "110")).figures
    assert (figures.bids.amount, figures.bids.entry) == (2, Decimal("104.5"))
    assert figures.asks is None
