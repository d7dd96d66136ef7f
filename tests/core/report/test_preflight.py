"""The judgement of the pre-flight report: checklist, leverage advice, warnings and refusals."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from perpmaker.report.preflight import Preflight
from perpmaker.report.preflight_checklist import Verdict, advise_leverage
from perpmaker.testing.view import make_book, make_position

KNOWING = frozenset({"price_ceiling", "order_optimization_enabled"})


def verdicts(report: Preflight) -> dict[str, Verdict]:
    """The checklist by its questions."""
    return {line.question: line.verdict for line in report.checklist}


def found(report: Preflight, part: str) -> str:
    """What the line of the checklist with this in its question found."""
    (line,) = [line for line in report.checklist if part in line.question]

    return line.found


def test_checklist_asks_what_careful_traders_ask(desk: Any) -> None:
    """Eleven questions, in the order of the specification; a careful configuration passes them all."""
    report = desk.report(given=KNOWING)
    assert [line.question for line in report.checklist] == [
        "a stop loss is set",
        "the stop is 2 to 5 times the spread or more",
        "the stop fires before liquidation",
        "leverage is at most 5",
        "full fills leave half of the capital in reserve",
        "free margin is above 30 %",
        "funding was looked at",
        "a price band is set, or knowingly off",
        "order optimisation is on, or knowingly off",
        "the spread is above the round-trip fee",
        "profit taking is above the round-trip fee",
    ]
    assert set(verdicts(report).values()) == {Verdict.OK}
    assert report.refusals == ()


def test_each_line_of_the_checklist_fails_by_itself(desk: Any) -> None:
    """What is wrong is told as wrong."""
    for question, changes in [
        ("a stop loss is set", {"stop_loss_spread": None}),
        ("the stop is 2 to 5 times the spread or more", {"stop_loss_spread": "0.019"}),
        ("the stop fires before liquidation", {"stop_loss_spread": "0.4"}),
        ("leverage is at most 5", {"leverage": 6}),
        ("full fills leave half of the capital in reserve", {"wallet": "67"}),
        ("free margin is above 30 %", {"wallet": "0"}),
        ("the spread is above the round-trip fee", {"maker_fee": Decimal("0.005")}),
        ("profit taking is above the round-trip fee", {"short_profit_taking_spread": "0.0004"}),
    ]:
        assert verdicts(desk.report(**changes))[question] is Verdict.BAD


def test_what_nobody_decided_is_to_be_looked_at(desk: Any) -> None:
    """Off by default is not knowingly off, and what is not known cannot be judged."""
    for question, changes in [
        ("funding was looked at", {"funding_rate": None}),
        ("a price band is set, or knowingly off", {}),
        ("order optimisation is on, or knowingly off", {}),
        ("the stop fires before liquidation", {"book": make_book(9999, None)}),
        ("the stop fires before liquidation", {"wallet": "1"}),
        ("full fills leave half of the capital in reserve", {"wallet": "1"}),
        ("free margin is above 30 %", {"wallet": "1"}),
    ]:
        assert verdicts(desk.report(**changes))[question] is Verdict.LOOK


def test_what_is_on_is_found(desk: Any) -> None:
    """A band and optimisation that are set are told with their values."""
    report = desk.report(price_ceiling="120", order_optimization_enabled=True, order_optimization_mode="top")
    assert found(report, "price band") == "floor none, ceiling 120.00"
    assert found(report, "optimisation") == "on, top"


def test_spread_is_judged_with_what_optimisation_may_make_of_it(desk: Any) -> None:
    """Mode `top` brings level 1 up to half of its spread, or to minimum_spread: that too should pay the fees."""
    for changes, verdict, words in [
        ({}, Verdict.OK, "0.06 % against 0.04 %"),
        (
            {"order_optimization_enabled": True, "order_optimization_mode": "top"},
            Verdict.LOOK,
            "0.06 % against 0.04 %; order optimisation may bring it to 0.03 %",
        ),
        (
            {"order_optimization_enabled": True, "order_optimization_mode": "top", "minimum_spread": "0.0005"},
            Verdict.OK,
            "0.06 % against 0.04 %",
        ),
    ]:
        report = desk.report(bid_spread="0.0006", ask_spread="0.0006", **changes)
        assert verdicts(report)["the spread is above the round-trip fee"] is verdict
        assert found(report, "the spread is above") == words


def test_skew_is_told_as_it_is_at_the_cap(desk: Any) -> None:
    """Both distances of a long position; to be looked at where the ask is held back, or one fill is the whole cap."""
    skew = {"inventory_skew": "1", "when_in_position": "continue"}

    for changes, verdict, words in [
        (
            {"inventory_skew_distance": "0.005", "position_cap": Decimal(4)},
            Verdict.OK,
            "long 4 BTC, the cap: bid 1.5 % below the reference, ask 0.495 % above",
        ),
        (
            {"position_cap": Decimal(4)},
            Verdict.LOOK,
            "long 4 BTC, the cap: bid 1.99 % below the reference, ask 0.02 % above, as near as it may come",
        ),
        (
            {"inventory_skew_distance": "0.005", "position_cap": Decimal(1)},
            Verdict.LOOK,
            "long 1 BTC, the cap: bid 1.5 % below the reference, ask 0.495 % above; one fill is the whole cap",
        ),
    ]:
        report = desk.report(**skew, **changes)
        assert found(report, "inventory skew") == words
        assert verdicts(report)["inventory skew at the cap was looked at"] is verdict


def test_a_position_at_the_start_skews_the_levels_of_the_report(desk: Any) -> None:
    """As it will be quoted: the centre of 0.5 % below the reference at the cap."""
    skew = {"inventory_skew": "1", "inventory_skew_distance": "0.005", "when_in_position": "continue"}
    report = desk.report(**skew, position_cap=Decimal(4), positions=make_position("4", "99"), wallet="10000")
    assert [line.price for line in report.figures.levels] == [Decimal("98.50"), Decimal("100.50")]


def test_funding_is_told_with_cost_and_target(desk: Any) -> None:
    """99 long and 101 short at 0.01 % each 8 h."""
    assert found(desk.report(), "funding") == (
        "0.01 % each 8 h; long pays 0.0297 a day, target 0.0446; short receives 0.0303 a day, target 0.00"
    )


def test_stop_is_measured_in_spreads(desk: Any) -> None:
    """Against the wider spread of level 1."""
    for spread, words in [
        ("0.02", "2 times, which is narrow"),
        ("0.049", "4.9 times, which is narrow"),
        ("0.05", "5 times"),
    ]:
        assert found(desk.report(stop_loss_spread=spread), "times the spread") == words


def test_leverage_advice_says_whom_it_is_for() -> None:
    """The bands of experience."""
    for leverage, words in [
        (1, "below every band: margin is as large as the position"),
        (2, "2-3x: beginner"),
        (3, "2-3x: beginner"),
        (5, "3-5x: intermediate"),
        (10, "5-10x: advanced"),
        (20, "10-20x: expert"),
        (21, "above 20x: beyond every band of experience"),
    ]:
        assert advise_leverage(leverage) == words


# --- warnings ------------------------------------------------------------------------------------------------------


def said(report: Preflight, *, loud: bool | None = None) -> str:
    """All warnings, or only the loud (or quiet) ones."""
    return "\n".join(one.text for one in report.warnings if loud is None or one.loud is loud)


def test_missing_stop_loss_is_warned_of_loudly(desk: Any) -> None:
    """No stop loss is the first and loudest thing to know."""
    report = desk.report(stop_loss_spread=None)
    assert report.warnings[0].loud
    assert report.warnings[0].text.startswith("NO STOP LOSS")


@pytest.mark.each_value
@pytest.mark.parametrize("kind", ["limit", "market"])
@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"venue_backstop": False}, "venue_backstop is off"),
        ({"venue_stops": False}, "binance_perpetual keeps no stops"),
    ],
)
def test_local_stops_alone_protect_only_while_the_program_runs(
    desk: Any, kind: str, changes: dict[str, Any], why: str
) -> None:
    """What works in this program ends with it, which is said loudly; with a backstop on the venue it does not."""
    words = f'{why}: stop_loss_order = "{kind}" protects only while perpmaker runs and reaches the venue'
    assert words in said(desk.report(stop_loss_order=kind, **changes), loud=True)
    assert "protects only" not in said(desk.report(stop_loss_order=kind))
    assert "protects only" not in said(desk.report(stop_loss_order="venue", **changes))


def test_leverage_is_warned_of_above_five_and_loudly_above_twenty(desk: Any) -> None:
    """Above 5x the report warns, above 20x louder."""
    for leverage, loud in [(5, None), (6, False), (20, False), (21, True)]:
        warned = [one.loud for one in desk.report(leverage=leverage).warnings if "leverage" in one.text.lower()]
        assert warned == ([] if loud is None else [loud])


def test_full_fills_beyond_what_the_leverage_allows_are_warned_of(desk: Any) -> None:
    """The venue's tiers bound the notional that a leverage may hold."""
    (tier,) = desk.market["tiers"]
    small = type(tier)(
        floor=Decimal(0), cap=Decimal(100), maintenance_ratio=Decimal(0), deduction=Decimal(0), max_leverage=125
    )
    large = type(tier)(
        floor=Decimal(100), cap=Decimal(1000), maintenance_ratio=Decimal(0), deduction=Decimal(0), max_leverage=2
    )
    words = "at leverage 3 the venue lets you hold 100.00 USDT, full fills come to 101.00"
    assert words in said(desk.report(tiers=(small, large)), loud=True)


def test_stop_with_its_buffer_keeps_a_fifth_of_the_way_to_liquidation(desk: Any) -> None:
    """At leverage 3 liquidation is a third away: stop, buffer and taker fee may reach 26.1 %."""
    for stop, buffer, refused in [("0.25", "0.005", 0), ("0.25", "0.02", 2), ("0.262", "0.005", 2)]:
        report = desk.report(stop_loss_spread=stop, stop_loss_slippage_buffer=buffer, leverage=3)
        assert len(report.refusals) == refused


def test_report_goes_by_the_effective_stop(desk: Any) -> None:
    """A stop beyond liquidation would never work: figure and loss are those of the one that lies before it."""
    filled = desk.report(stop_loss_spread="0.4").figures.bids
    assert filled.liquidation < filled.stop < filled.entry
    assert filled.loss_at_stop < filled.margin


def test_thin_free_margin_is_warned_of_below_thirty_and_loudly_below_twenty_percent(desk: Any) -> None:
    """By the initial margin, as `margin_guard` and `balance` count it: 33 of 45 are bound, and of 38."""
    thin = {"ask_spread": "0.5", "stop_loss_spread": "0.01"}
    assert "free margin after full fills: 26.67 %" in said(desk.report(wallet="45", **thin), loud=False)
    assert "free margin after full fills: 13.16 %" in said(desk.report(wallet="38", **thin), loud=True)
    assert "free margin" not in said(desk.report(wallet="50", **thin), loud=False)


def test_what_risk_modules_have_to_say_is_warned_of(desk: Any) -> None:
    """As they say it."""
    assert "calm: it is late" in said(desk.report(advice=("calm: it is late",)), loud=False)


def test_everything_withheld_is_warned_of(desk: Any) -> None:
    """An account without money quotes nothing, and that is no fault of the file."""
    assert "every level is withheld now" in said(desk.report(wallet="1"), loud=True)


def test_missing_reference_is_warned_of_with_its_reason(desk: Any) -> None:
    """What keeps every quote away now is named."""
    warned = said(desk.report(book=make_book(9999, None)), loud=True)
    assert "nothing can be quoted now: a side of the traded book is empty" in warned


def test_orders_a_minute_are_held_against_the_venues_limit(desk: Any) -> None:
    """Two quotes each refresh: from half of 1200 a minute on it is busy, above it is too much."""
    for refresh_s, loud in [(0.2, None), (0.15, False), (0.05, True)]:
        warned = [
            one.loud for one in desk.report(order_refresh_time=refresh_s).warnings if "orders a minute" in one.text
        ]
        assert warned == ([] if loud is None else [loud])


def test_open_position_is_said_to_be_part_of_the_figures(desk: Any) -> None:
    """Figures that begin with a position are not those of the configuration alone."""
    assert "a position is open already" in said(desk.report(positions=make_position("0.5")))


# --- refusals ------------------------------------------------------------------------------------------------------


def test_stop_that_would_fire_after_liquidation_is_refused(desk: Any) -> None:
    """At leverage 3 a stop 40 % away never fires: liquidation comes first."""
    sides = (("bids", "long", "66.67", "26.13 %"), ("asks", "short", "133.33", "25.61 %"))
    assert desk.report(stop_loss_spread="0.4").refusals == tuple(
        f"stop_loss_spread: with all {quotes} filled the {position} position would be liquidated at {liquidation}; "
        f"stop, slippage buffer and taker fee reach 40.55 % from the entry, and may reach {room}, 80 % of the way: "
        "lower stop_loss_spread or leverage"
        for quotes, position, liquidation, room in sides
    )


def test_market_that_takes_no_level_is_refused_with_its_rule(desk: Any) -> None:
    """If the market's filters withhold every level, nothing would ever be quoted."""
    assert desk.report(order_amount="0.0001").refusals == (
        "BTC-USDT takes none of the levels: below the market's minimum amount (0.001)",
    )


def test_leverage_above_the_markets_maximum_is_refused_with_it(desk: Any) -> None:
    """The market's own maximum is named."""
    assert desk.report(leverage=21, max_leverage=20).refusals[0] == "leverage = 21: BTC-USDT allows at most 20"
