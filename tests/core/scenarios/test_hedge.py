"""Strategy, positions: in Hedge long and short each have their own entry, size, exits and stop."""

from __future__ import annotations

from perpmaker.testing.scenario import Scenario

KEYS = {
    "position_mode": "Hedge",
    "bid_spread": 0.5,
    "ask_spread": 0.5,
    "long_profit_taking_spread": 5,
    "short_profit_taking_spread": 6,
    "stop_loss_spread": 3,
    "venue_backstop": False,
    "order_refresh_time": 600,
}


def both(**keys: object) -> Scenario:
    """Long 1 at 99.5 and short 1 at 100.5 on a market around 100, at 2 s."""
    scenario = Scenario({**KEYS, **keys})
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)
    scenario.fill("buy 0")
    scenario.advance(0.5)
    scenario.fill("sell 0")
    scenario.advance(0.5)

    return scenario


def test_each_side_has_its_own_entry_and_target() -> None:
    """Two positions beside each other, each with the spread of its own side."""
    scenario = both()

    assert (scenario.position("long"), scenario.position("short")) == ("long 1 at 99.5", "short 1 at 100.5")
    assert scenario.exits() == ["take profit short: buy 1 at 94.47", "take profit long: sell 1 at 104.48"]


def test_the_stop_of_one_side_leaves_the_other_alone() -> None:
    """The long is stopped out; the short keeps its target and its profit."""
    scenario = both()
    scenario.book(bid="96.5", ask="96.7")
    scenario.advance(1)

    assert (scenario.position("long"), scenario.position("short")) == ("flat", "short 1 at 100.5")
    assert scenario.exits() == ["take profit short: buy 1 at 94.47"]


def test_one_side_never_delays_the_other() -> None:
    """The long's stop waits for a cancel without an answer; the short's target is placed at once."""
    scenario = Scenario(KEYS)
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)
    scenario.fill("buy 0")
    scenario.advance(0.5)
    scenario.delay("cancel take profit long", requests=0.9, answers=0.9)
    scenario.book(bid="96.5", ask="96.7")
    scenario.by_hand("sell", 1, at="96.5", position="short")
    scenario.advance(0.1)

    assert "take profit short: buy 1 at 90.71" in scenario.exits()
    assert scenario.sent("place stop loss") == []


def test_a_stop_pulls_only_the_quotes_of_its_own_side() -> None:
    """The short side goes on quoting while the long is being closed."""
    scenario = Scenario({**KEYS, "order_levels": 2})
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)
    scenario.fill("buy 0")
    scenario.advance(0.5)
    scenario.book(bids={"96.5": 100}, asks={"99": 100})
    scenario.advance(0.5)

    assert scenario.quotes() == ["sell 1 at 100.5", "sell 1 at 101.5"]
    assert scenario.position("long") == "flat"


def test_the_delay_after_a_stop_is_that_of_its_side() -> None:
    """The long's side pauses, the short's is quoted."""
    scenario = Scenario({**KEYS, "order_refresh_time": 5})
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)
    scenario.fill("buy 0")
    scenario.advance(0.5)
    scenario.book(bid="96.5", ask="96.7")
    scenario.advance(10)

    assert scenario.quotes() == ["sell 1 at 97.09"]
    assert scenario.withheld() == {"buy 0": "filled delay"}


def test_rule_12_a_side_closed_by_hand_loses_its_exits_alone() -> None:
    """The other side's stay; the target that went out again meanwhile finds nothing to close, and is given up."""
    scenario = both()
    scenario.cancel_by_hand("take profit long")
    scenario.by_hand("sell", 1, at="99.9", position="long", quiet=True)
    scenario.advance(0.1)

    assert scenario.exits() == ["take profit short: buy 1 at 94.47"]


def test_pause_takes_off_the_quotes_of_the_position_alone() -> None:
    """A long is open: no bids until it is closed, and the asks are refreshed as before."""
    scenario = Scenario({**KEYS, "when_in_position": "pause", "order_levels": 2, "order_refresh_time": 5})
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)
    scenario.fill("buy 0", "0.5")
    scenario.book(bid="99.8", ask="100")
    scenario.advance(10)

    assert scenario.quotes() == ["sell 1 at 100.4", "sell 1 at 101.4"]
    assert scenario.withheld() == {"buy 0": "position held", "buy 1": "position held"}


def test_continue_leaves_the_target_whole_since_no_quote_closes_a_position_of_hedge_mode() -> None:
    """The asks open the short side: they take nothing from the long's target."""
    limit = {"exposure_limit": {"max_position": 10}}
    scenario = Scenario({**KEYS, "when_in_position": "continue", "risk": limit, "filled_order_delay": 0})
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)
    scenario.fill("buy 0")
    scenario.advance(1)

    assert scenario.quotes() == ["buy 1 at 99.5", "sell 1 at 100.5"]
    assert scenario.exits() == ["take profit long: sell 1 at 104.48"]
