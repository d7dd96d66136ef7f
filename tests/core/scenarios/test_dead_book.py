"""Strategy, rule 1: exits when the book is dead. The mark price triggers, nothing older than 5 s does."""

from __future__ import annotations

import pytest

from perpmaker.testing.scenario import Scenario


def holding() -> Scenario:
    """A long of 1 at 100 with a target and a stop at 97, at 1 s."""
    scenario = Scenario({"long_profit_taking_spread": 1, "stop_loss_spread": 3, "venue_backstop": False})
    scenario.by_hand("buy", 1, at=100)
    scenario.book(bid="99.9", ask="100.1")
    scenario.mark("100")
    scenario.advance(1)

    return scenario


def test_a_stale_book_lets_the_mark_trigger_and_a_market_order_executes() -> None:
    """The book has been silent for 5 s; the mark is at the stop: at market, since no bid can be trusted."""
    scenario = holding()
    scenario.silence("book")
    scenario.advance(6)
    scenario.mark("97")
    scenario.advance(0.1)

    assert scenario.sent(since=7) == [(7.0, "cancel take profit"), (7.01, "place stop loss: sell 1 at market")]
    assert scenario.position() == "flat"


def test_a_mark_that_passed_the_stop_while_the_book_was_fresh_triggers_when_it_is_stale() -> None:
    """Until then the book counts alone, and it says 99.9."""
    scenario = holding()
    scenario.silence("book")
    scenario.mark("96")
    scenario.advance(10)

    assert scenario.sent("place stop loss")[0].at == pytest.approx(1 + 5, abs=0.05)


def test_a_lost_book_lets_the_mark_trigger_at_once() -> None:
    """A connection that ended leaves nothing to read."""
    scenario = holding()
    scenario.disconnect("book")
    scenario.mark("97")
    scenario.advance(0.1)

    assert scenario.position() == "flat"


def test_a_one_sided_book_lets_the_mark_trigger() -> None:
    """Without bids there is no best bid to compare with: the mark, at market."""
    scenario = holding()
    scenario.book(asks={})
    scenario.mark("97")
    scenario.advance(0.1)

    assert scenario.position() == "flat"


def test_with_neither_fresh_the_mark_is_asked_for_and_triggers() -> None:
    """Two streams are dead and nobody says so: the position is watched by asking, never by what is old."""
    scenario = holding()
    scenario.silence("book")
    scenario.silence("mark")
    scenario.advance(10)
    scenario.mark("97")
    scenario.advance(3)

    assert scenario.sent("ask price")[0].at == pytest.approx(1 + 5, abs=0.05)
    assert scenario.position() == "flat"


def test_with_neither_fresh_and_no_answer_nothing_fires() -> None:
    """No stop fires on data older than 5 s, whatever it says."""
    scenario = holding()
    scenario.delay("ask price", requests=1000)
    scenario.silence("book")
    scenario.silence("mark")
    scenario.advance(6)
    scenario.book(bid="90", ask="90.2")
    scenario.mark("90")
    scenario.advance(30)

    assert scenario.sent("place stop loss") == []


def test_when_the_book_speaks_again_it_triggers_by_itself() -> None:
    """The first word of the new book is enough."""
    scenario = holding()
    scenario.silence("book")
    scenario.silence("mark")
    scenario.advance(20)
    scenario.book(bid="96", ask="96.2")
    scenario.restore("book")
    scenario.advance(0.1)

    assert scenario.position() == "flat"


def test_exits_stay_and_follow_fills_while_the_book_is_dead() -> None:
    """Quotes go, the target stays, and is resized by what is heard of the position."""
    scenario = holding()
    scenario.disconnect("book")
    scenario.by_hand("buy", 1, at=100)
    scenario.advance(1)

    assert scenario.exits() == ["take profit: sell 2 at 101"]


def test_F31_the_account_stream_is_lost_while_a_quote_fills() -> None:
    """Quotes go at once; what filled meanwhile is found by reading, and protected."""
    scenario = Scenario({"order_levels": 2, "long_profit_taking_spread": 2})
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)
    scenario.delay("cancel", requests=0.5)
    scenario.disconnect("account")
    scenario.fill("buy 0")
    scenario.advance(2)
    assert scenario.quotes() == []

    scenario.restore("account")
    scenario.advance(0.1)
    assert scenario.believed_position() == "long 1 at 99.9"
    assert scenario.exits() == ["take profit: sell 1 at 101.9"]
