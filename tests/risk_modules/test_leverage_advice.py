"""`leverage_advice`: what it says at which leverage, and from where on it refuses."""

from __future__ import annotations

from perpmaker import Approved, OrderKind, Quote, Refused, Side, Slot
from perpmaker.testing.scenario import Scenario
from perpmaker.testing.view import make_instrument, make_view
from perpmaker_risk_modules.leverage_advice import LeverageAdvice, LeverageAdviceSettings

QUOTE = Quote(slot=Slot(OrderKind.QUOTE, Side.BUY), ticks=10_000, lots=1, generation=1)


def advice(leverage: int, **settings: int) -> str:
    """What it says of a quote at this leverage; empty where it says nothing."""
    module = LeverageAdvice(LeverageAdviceSettings(**settings), make_instrument())
    verdict = module.review(make_view(leverage=leverage), QUOTE)

    if isinstance(verdict, Refused):
        return f"refused: {verdict.reason}"

    assert isinstance(verdict, Approved)

    return verdict.quote.reasons[-1].text if verdict.quote.reasons else ""


def test_it_advises_above_five_and_warns_louder_above_twenty() -> None:
    """At 5 nothing, above 20 with what a move takes."""
    for leverage, words in [
        (5, ""),
        (6, "leverage_advice: leverage 6 is above 5x: 5-10x is advanced"),
        (20, "leverage_advice: leverage 20 is above 5x: 10-20x is expert"),
    ]:
        assert advice(leverage) == words

    assert advice(25) == (
        "leverage_advice: LEVERAGE 25: a move of 4 % takes the whole margin; "
        "above 20x is beyond every band of experience"
    )


def test_marks_can_be_set_and_one_refuses() -> None:
    """Above refuse_above nothing is quoted."""
    assert advice(3, warn_above=2) == "leverage_advice: leverage 3 is above 2x: 2-3x is for beginners"
    assert advice(10, refuse_above=10) == "leverage_advice: leverage 10 is above 5x: 5-10x is advanced"
    assert advice(11, refuse_above=10) == "refused: leverage 11 is above refuse_above = 10: 10-20x is expert"
    assert [key for key, _ in LeverageAdviceSettings(warn_above=10, loud_above=8).faults()] == ["loud_above"]


def test_a_session_shows_the_advice_and_quotes_as_it_would_without() -> None:
    """Its reason is the last of each level; the orders are the same, also where each refresh replaces them."""
    plain = {"leverage": 10, "order_refresh_time": 5, "order_refresh_tolerance_pct": -1}
    sent = []

    for risk in ({}, {"leverage_advice": {}}):
        scenario = Scenario({**plain, "risk": risk})
        scenario.book(bid="99.9", ask="100.1")
        scenario.advance(12)
        sent.append(scenario.sent())

    assert scenario.why("buy 0")[-1] == "risk: leverage_advice: leverage 10 is above 5x: 5-10x is advanced"
    assert sent[0] == sent[1]
    assert len(sent[0]) > 4


def test_a_session_above_the_mark_quotes_nothing_and_says_why() -> None:
    """What is withheld names module, leverage and mark."""
    scenario = Scenario({"leverage": 25, "risk": {"leverage_advice": {"refuse_above": 20}}})
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)
    assert scenario.quotes() == []
    assert scenario.withheld() == {"buy 0": "risk", "sell 0": "risk"}
    assert scenario.why("buy 0")[-1] == (
        "risk: leverage_advice: leverage 25 is above refuse_above = 20: above 20x is beyond every band of experience"
    )


def test_before_a_start_it_says_what_the_report_does_not() -> None:
    """Above 5x that warns by itself."""
    module = LeverageAdvice(LeverageAdviceSettings(warn_above=2), make_instrument())
    assert list(module.advise(make_view(leverage=3))) == [
        "leverage_advice: leverage 3 is above 2x: 2-3x is for beginners"
    ]
    assert not list(module.advise(make_view(leverage=2)))
    assert not list(module.advise(make_view(leverage=6)))
