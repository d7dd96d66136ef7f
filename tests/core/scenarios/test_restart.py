"""What a new run knows of the one before it: pauses that are not over, and stops that have fired."""

from __future__ import annotations

from perpmaker.testing.scenario import Scenario


def quoting(**keys: object) -> Scenario:
    """A bot on a market around 100, its quotes placed."""
    scenario = Scenario({"bid_spread": 1, "ask_spread": 1, "long_profit_taking_spread": 2, **keys})
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)

    return scenario


def test_filled_order_delay_goes_on_over_a_restart() -> None:
    """Filled at 1.005: new quotes from 31.005 on, whichever process it is then."""
    scenario = quoting(filled_order_delay=30)
    scenario.fill("buy 0")
    scenario.advance(1)
    scenario.fill("take profit")
    scenario.advance(8)
    scenario.restart()
    scenario.advance(20.9)
    assert scenario.quotes() == []
    assert set(scenario.withheld().values()) == {"filled delay"}

    scenario.advance(0.2)
    assert len(scenario.quotes()) == 2


def test_a_stop_that_has_fired_stays_fired_over_a_restart_though_the_price_came_back() -> None:
    """The process died before the stop was through: the next one goes on with it."""
    scenario = quoting(stop_loss_spread=3, venue_backstop=False, stop_loss_order="market")
    scenario.fill("buy 0")
    scenario.advance(1)
    scenario.lose("place stop loss", "before")
    scenario.book(bid="95", ask="95.2")
    scenario.advance(0.1)
    scenario.book(bid="99.9", ask="100.1")
    scenario.restart()
    scenario.advance(5)

    assert scenario.position() == "flat"
    assert scenario.fills()[-1] == "stop loss: 1 at 99.9"
    assert set(scenario.withheld().values()) == {"filled delay"}


def test_the_pause_after_a_stop_goes_on_over_a_restart() -> None:
    """It closed at 2.005 or so: nothing is quoted before 32."""
    scenario = quoting(stop_loss_spread=3, venue_backstop=False, stop_loss_order="market", filled_order_delay=30)
    scenario.fill("buy 0")
    scenario.advance(1)
    scenario.book(bid="95", ask="95.2")
    scenario.advance(1)
    assert scenario.position() == "flat"
    scenario.restart()
    scenario.advance(28)
    assert scenario.quotes() == []

    scenario.advance(2)
    assert len(scenario.quotes()) == 2


def test_a_level_that_a_person_cancelled_stays_paused_over_a_restart() -> None:
    """For one refresh time from when it went; the other side is quoted."""
    scenario = quoting(order_refresh_time=15)
    scenario.cancel_by_hand("buy 0")
    scenario.advance(1)
    scenario.restart()
    scenario.advance(10)
    assert scenario.quotes() == ["sell 1 at 101"]

    scenario.advance(5)
    assert len(scenario.quotes()) == 2


def test_the_last_own_trade_is_the_reference_over_a_restart() -> None:
    """It is not the middle again."""
    scenario = quoting(price_type="last_own_trade_price", filled_order_delay=0)
    scenario.fill("sell 0")
    scenario.advance(1)
    scenario.restart()
    scenario.advance(1)

    assert scenario.why("buy 0")[0] == "reference: last own trade (101)"


def test_a_wish_to_be_flat_ends_with_the_run_that_it_was_told() -> None:
    """No stop has fired: the next run has its target as before."""
    scenario = quoting(stop_loss_spread=3, venue_backstop=False)
    scenario.fill("buy 0")
    scenario.advance(1)
    scenario.lose("place close", "before")
    scenario.stop(close=True)
    scenario.advance(0.5)
    scenario.restart()
    scenario.advance(5)

    assert scenario.exits() == ["take profit: sell 1 at 100.98"]


def test_a_position_closed_by_a_wish_to_be_flat_starts_no_pause() -> None:
    """Nor does it count as stopped: the next run quotes at once."""
    scenario = quoting()
    scenario.by_hand("buy", 1, at=100)
    scenario.advance(1)
    scenario.stop(close=True)
    scenario.advance(1)
    scenario.restart()
    scenario.advance(1)

    assert (scenario.position(), len(scenario.quotes())) == ("flat", 2)


def test_an_order_of_the_run_before_that_arrives_after_the_first_read_stays_the_only_one() -> None:
    """It was under way when the process died: nothing is quoted before everything was read behind its fence."""
    scenario = quoting()
    scenario.delay("place buy", requests=1.5)
    scenario.expire("buy 0")
    scenario.advance(0.1)
    scenario.heal()
    scenario.restart()
    scenario.advance(2)
    assert scenario.quotes() == []

    scenario.advance(1)
    assert scenario.quotes() == ["buy 1 at 99", "sell 1 at 101"]
    assert scenario.notices[-2:] == [
        "order pm-scenario-r1-3 is open, and this run did not send it",
        "order pm-scenario-r1-3 of an earlier run is live: taken over as quote buy 0",
    ]
    scenario.advance(20)
    assert len(scenario.sent("read account: order")) == 3  # at the start, when it came, and behind its fence
