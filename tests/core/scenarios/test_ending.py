"""A person ends the bot: quotes go and stay away; with close the position goes too."""

from __future__ import annotations

from perpmaker.testing.scenario import Scenario


def quoting(**keys: object) -> Scenario:
    """A bot of two levels on a market around 100, its quotes placed."""
    scenario = Scenario(
        {"order_levels": 2, "long_profit_taking_spread": 1, "stop_loss_spread": 3, "venue_backstop": False, **keys}
    )
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)

    return scenario


def test_stop_cancels_every_quote_at_once_and_places_none() -> None:
    """Whatever the market does afterwards."""
    scenario = quoting()
    scenario.stop()
    assert [what for _, what in scenario.sent(since=1)] == [
        *("cancel buy 0", "cancel buy 1", "cancel sell 0", "cancel sell 1"),
    ]

    scenario.advance(1)
    scenario.book(bid="99", ask="99.2")
    scenario.advance(120)
    assert (scenario.quotes(), scenario.sent("place", since=1)) == ([], [])
    assert scenario.mode == "stop: stopping"


def test_stop_keeps_the_exits_of_a_position() -> None:
    """It stays protected: a stop is left on the venue, whatever kind was set, and target and stop are still managed."""
    scenario = quoting()
    scenario.fill("buy 0")
    scenario.advance(1)
    scenario.stop()
    scenario.advance(1)
    assert scenario.exits() == ["venue stop: sell 1 at 96.9", "take profit: sell 1 at 100.9"]

    scenario.book(bid="96", ask="96.2")
    scenario.advance(1)
    assert scenario.position() == "flat"


def test_stop_with_close_cancels_the_exits_and_closes_at_market() -> None:
    """First everything else goes, then the position."""
    scenario = quoting()
    scenario.fill("buy 0")
    scenario.advance(1)
    scenario.stop(close=True)
    scenario.advance(1)

    assert [what for _, what in scenario.sent(since=2)] == [
        *("cancel take profit", "cancel buy 1"),
        "place close: sell 1 at market",
    ]
    assert (scenario.position(), scenario.orders()) == ("flat", [])


def test_stop_with_close_closes_both_sides_of_hedge() -> None:
    """Each side by an order of its own."""
    scenario = quoting(position_mode="Hedge", short_profit_taking_spread=1)
    scenario.fill("buy 0")
    scenario.fill("sell 0")
    scenario.advance(1)
    scenario.stop(close=True)
    scenario.advance(2)

    assert (scenario.position("long"), scenario.position("short"), scenario.orders()) == ("flat", "flat", [])


def test_stop_asks_for_close_later_and_it_is_closed() -> None:
    """A second wish counts."""
    scenario = quoting()
    scenario.fill("buy 0")
    scenario.advance(1)
    scenario.stop()
    scenario.advance(1)
    scenario.stop(close=True)
    scenario.advance(1)

    assert scenario.position() == "flat"


def test_stop_cancels_also_an_order_whose_outcome_is_unknown() -> None:
    """It went out and nobody answered: cancelled as soon as it is unknown, so that it cannot rest behind us."""
    scenario = Scenario()
    scenario.delay("place buy 0", requests=1.9, answers=3)
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(0.5)
    scenario.stop()
    scenario.advance(10)

    assert scenario.orders() == []


def test_F71_a_new_run_adopts_what_the_old_one_left() -> None:
    """The process is gone without a word; the next one knows its quotes and its target, and places nothing twice."""
    scenario = quoting()
    scenario.fill("buy 0")
    scenario.advance(1)
    scenario.restart()
    scenario.advance(5)

    assert scenario.quotes() == ["buy 1 at 98.9"]
    assert scenario.exits() == ["take profit: sell 1 at 100.9"]
    assert scenario.believed_position() == "long 1 at 99.9"


def test_F71_orders_under_way_when_the_process_died_are_found() -> None:
    """They arrive at the venue after its end: the new run reads them, and none is there twice."""
    scenario = Scenario()
    scenario.delay("place", requests=0.3)
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(0.1)
    scenario.restart()
    scenario.advance(60)

    assert scenario.quotes() == ["buy 1 at 99.9", "sell 1 at 100.1"]
