"""A9: refusals of exits and of quotes are told, with the venue's code and words; "placed" is what the venue has."""

from __future__ import annotations

from typing import Any

import pytest

from perpmaker.testing.scenario import Scenario

from .stories import in_position

KEYS: dict[str, object] = {
    "bid_spread": 1,
    "ask_spread": 1,
    "long_profit_taking_spread": 2,
    "short_profit_taking_spread": 2,
    "stop_loss_spread": 5,
    "venue_backstop": False,
    "order_refresh_time": 100,
}
BAND = {"code": "-4131", "text": "The counterparty's best price does not meet the PERCENT_PRICE filter limit"}


def holding(amount: int = 1, **keys: object) -> Scenario:
    """A bot with a position at 100 (negative: short), its target resting, at 1 s."""
    return in_position({**KEYS, **keys}, amount)


def test_A9_a_refused_stop_is_told_at_once_then_at_2_s_10_s_and_each_minute() -> None:
    """A person reads the code, the words and how long the position has been without it."""
    scenario = holding(stop_loss_order="market")
    scenario.refuse("place stop loss", "price_band", times=None, **BAND)  # type: ignore[arg-type]
    told: list[tuple[float, str]] = []
    scenario.book(bid="94", ask="94.2")

    for tenth in range(1300):
        told += [(round(tenth / 10, 1), line) for line in scenario.notices if "STOP LOSS" in line]
        scenario.notices.clear()
        scenario.advance(0.1)

    assert [round(at) for at, _ in told] == [0, 2, 10, 60, 120]
    assert "-4131" in told[0][1]
    assert "PERCENT_PRICE" in told[0][1]
    assert "long 1 BTC" in told[0][1]
    assert "for 60 s" in told[3][1]


def test_A9_another_refusal_of_the_same_exit_is_told_at_once() -> None:
    """The words of the venue have changed: a person learns that without waiting for the minute."""
    scenario = holding(stop_loss_order="market")
    scenario.refuse("place stop loss", "price_band", times=3, **BAND)  # type: ignore[arg-type]
    scenario.refuse("place stop loss", "other", times=None, code="-4192", text="Cooling-off period")
    scenario.book(bid="94", ask="94.2")
    scenario.advance(1.5)

    assert [line for line in scenario.notices if "-4192" in line]


@pytest.mark.parametrize("amount", [1, -1])
def test_A9_a_refused_target_is_told_and_the_story_ends_when_the_venue_has_it(amount: int) -> None:
    """Refused for a while, then taken: no line says that the position is without it any more."""
    scenario = Scenario(KEYS)
    scenario.refuse("place take profit", "other", times=5, code="-1111", text="Precision is over the maximum")
    scenario.by_hand("buy" if amount > 0 else "sell", 1, at=100)
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(8)
    told = [line for line in scenario.notices if "without its target" in line]
    scenario.advance(120)

    assert "-1111" in told[0]
    assert scenario.exits()
    assert [line for line in scenario.notices if "without its target" in line] == told


def test_A9_no_position_any_more_is_no_line() -> None:
    """Flat ends it: the refusals of a target whose position was closed by hand are nobody's business."""
    scenario = holding(stop_loss_order="market")
    scenario.refuse("place stop loss", "reduce_only", times=None, code="-2022", text="ReduceOnly Order is rejected.")
    scenario.book(bid="94", ask="94.2")
    scenario.advance(1)
    scenario.book(bids={"94": 1000, "93.9": 1000})
    scenario.by_hand("sell", 1, at=94)
    scenario.advance(1)
    scenario.notices.clear()
    scenario.advance(200)

    assert not [line for line in scenario.notices if "STOP LOSS" in line]


def test_A9_a_refusal_as_not_reducing_reads_the_position_first_and_flat_ends_it() -> None:
    """The position was closed and nobody told: the exit is refused, the account read, and nothing sent again."""
    scenario = holding(stop_loss_order="market")
    scenario.silence("account")
    scenario.by_hand("sell", 1, at=100, quiet=True)
    scenario.book(bid="94", ask="94.2")
    scenario.advance(5)

    assert scenario.believed_position() == "flat"
    assert len(scenario.sent("place stop loss")) <= 2
    assert scenario.sent("read account: the venue refused")


def test_A9_where_the_venue_says_for_how_long_the_next_try_is_at_that_moment() -> None:
    """429 with 7 s: nothing is sent in between, which is told; the eighth second finds it placed."""
    scenario = holding(stop_loss_order="market")
    scenario.refuse("place stop loss", "rate_limit", times=1, code="-1003", text="Too many requests", retry_after=7)
    scenario.book(bid="94", ask="94.2")
    scenario.advance(9)

    sent = [at for at, _ in scenario.sent("place stop loss")]
    assert len(sent) == 2
    assert sent[1] - sent[0] == pytest.approx(7, abs=0.05)
    assert any("takes nothing for 7 s" in line for line in scenario.notices)
    assert scenario.position() == "flat"


def test_A9_an_exit_without_an_answer_is_told_too() -> None:
    """Neither taken nor refused: the position may be without it, and a person is told so."""
    scenario = holding(stop_loss_order="market")
    scenario.lose("place stop loss", "before", times=None)
    scenario.book(bid="94", ask="94.2")
    scenario.advance(20)

    assert any("without its STOP LOSS" in line and "no answer" in line for line in scenario.notices)


def test_A9_hedge_one_refused_exit_is_named_by_its_position() -> None:
    """The long has its target, the short has none: the line says which."""
    scenario = Scenario({**KEYS, "position_mode": "Hedge"})
    scenario.refuse("place take profit short", "other", times=None, code="-1111", text="Precision")
    scenario.by_hand("buy", 1, at=100, position="long")
    scenario.by_hand("sell", 1, at=100, position="short")
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(5)

    told = [line for line in scenario.notices if "without its target" in line]
    assert told
    assert all(line.startswith("short 1") for line in told)


# --- quotes ----------------------------------------------------------------------------------------------------------

REFUSALS = [
    ("insufficient_margin", "-2019", "Margin is insufficient."),
    ("insufficient_margin", "-2027", "Exceeded the maximum allowable position at current leverage."),
    ("filter", "-4164", "Order's notional must be no smaller than 100"),
    ("other", "-4999", "Something that nobody knows"),
]


def test_A9_quotes_refused_for_10_s_are_told_once_and_stand_in_the_live_line() -> None:
    """The deciding reason is a line after 10 s, and a value with its moment from the beginning."""
    for reason, code, text in REFUSALS:
        scenario = Scenario({"order_levels": 2})
        scenario.refuse("place", reason, times=None, code=code, text=text)
        scenario.book(bid="99.9", ask="100.1")
        scenario.advance(9)
        assert not _told(scenario)
        scenario.advance(100)

        assert len(_told(scenario)) == 1
        assert code in _told(scenario)[0]
        unquoted = _unquoted(scenario)
        assert unquoted is not None
        assert code in unquoted.reason
        assert unquoted.since == pytest.approx(0, abs=0.1)


def test_A9_quotes_that_are_withheld_for_10_s_are_told_with_the_rule() -> None:
    """No side may quote for want of margin: the rule that decides is named."""
    scenario = Scenario({"sandbox": {"balance": 0.5}})
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(30)

    assert len(_told(scenario)) == 1
    assert "budget" in _told(scenario)[0]


def test_A9_a_quote_that_rests_ends_it_and_a_filled_delay_is_no_line() -> None:
    """A pause that is meant to be is in the live line alone."""
    scenario = Scenario({"filled_order_delay": 40, "long_profit_taking_spread": 1})
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)
    assert _unquoted(scenario) is None
    scenario.fill("buy 0")
    scenario.advance(0.5)
    scenario.fill("take profit")
    scenario.advance(20)

    unquoted = _unquoted(scenario)
    assert unquoted is not None
    assert "filled delay" in unquoted.reason
    assert not _told(scenario)


def _told(scenario: Scenario) -> list[str]:
    return [line for line in scenario.notices if line.startswith("no quotes for")]


def _unquoted(scenario: Scenario) -> Any:  # the value, or None
    return scenario._trader.unquoted.now  # what the live line reads of the bot
