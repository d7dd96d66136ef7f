"""Fault matrix F24: the private stream is dead and nobody says so; what the public market shows is evidence."""

from __future__ import annotations

import pytest

from perpmaker.testing.scenario import Scenario

PROTECTED_WITHIN_S = 3.0


def quoting(**keys: object) -> Scenario:
    """A bot with a target and a stop on a market around 100, its quotes placed and its private stream silent."""
    scenario = Scenario(
        {
            "long_profit_taking_spread": 1,
            "short_profit_taking_spread": 1,
            "stop_loss_spread": 3,
            "venue_backstop": False,
            **keys,
        }
    )
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)
    scenario.silence("account")

    return scenario


@pytest.mark.parametrize(("quote", "target"), [("buy 0", "sell 1 at 99.99"), ("sell 0", "buy 1 at 99.99")])
def test_F24_a_fill_that_the_stream_keeps_back_is_protected_within_three_seconds(quote: str, target: str) -> None:
    """Somebody traded at the price of the quote: it is asked for, the account is read, the stream connected anew."""
    scenario = quoting(bid_spread=1, ask_spread=1)
    scenario.fill(quote)
    scenario.advance(PROTECTED_WITHIN_S)

    assert scenario.exits() == [f"take profit: {target}"]
    assert scenario.position() == scenario.believed_position()
    assert len(scenario.sent("reconnect account")) == 1
    assert [line.partition(" order")[0] for line in scenario.notices] == ["the private stream did not tell of fills of"]


def test_F24_without_the_channel_of_trades_the_other_side_of_the_book_is_evidence() -> None:
    """An ask stands below our bid: it cannot be there any more."""
    scenario = quoting()
    scenario.silence("trades")
    scenario.book(bid="99.6", ask="99.8")
    scenario.advance(PROTECTED_WITHIN_S)

    assert scenario.exits() == ["take profit: sell 1 at 100.9"]


def test_F24_a_stop_fires_for_a_position_that_the_stream_kept_back() -> None:
    """The market ran through quote and stop at once."""
    scenario = quoting()
    scenario.book(bid="96", ask="96.2")
    scenario.advance(PROTECTED_WITHIN_S)

    assert scenario.position() == scenario.believed_position() == "flat"
    assert scenario.fills()[-1] == "stop loss: 1 at 96"


def test_F24_a_target_whose_fill_was_kept_back_is_known_as_well() -> None:
    """Nothing is closed twice, and quoting goes on after its delay."""
    scenario = quoting(filled_order_delay=5)
    scenario.restore("account")
    scenario.fill("buy 0")
    scenario.advance(1)
    scenario.silence("account")
    scenario.fill("take profit")
    scenario.advance(PROTECTED_WITHIN_S)

    assert scenario.position() == scenario.believed_position() == "flat"
    scenario.advance(5)
    assert len(scenario.quotes()) == 2


def test_trades_at_the_price_of_a_quote_that_waits_in_its_queue_pull_nothing() -> None:
    """The crowd before it is traded with: the order is asked for every two seconds at most, and keeps its place."""
    scenario = quoting()
    scenario.restore("account")
    scenario.advance(1)
    begin = scenario.now

    for _ in range(100):
        scenario.trade("sell", 0.1, limit="99.9")
        scenario.advance(0.1)

    assert scenario.sent(since=begin) == []
    assert len(scenario.sent("ask", since=begin)) <= 5
    assert scenario.sent("read account: the private", "reconnect", since=begin) == []
