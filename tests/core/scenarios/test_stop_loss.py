"""Strategy, stop loss: when it fires, what goes first, how the order is priced, renewed and escalated."""

from __future__ import annotations

import pytest

from perpmaker.testing.scenario import Scenario

KEYS = {
    "bid_spread": 0.5,
    "ask_spread": 0.5,
    "long_profit_taking_spread": 1,
    "short_profit_taking_spread": 1,
    "stop_loss_spread": 3,
    "venue_backstop": False,
    "order_refresh_time": 60,
}


def holding(amount: int = 1, **keys: object) -> Scenario:
    """A bot that has a position at 100 (negative: short), its target resting, at 1 s."""
    scenario = Scenario({**KEYS, **keys})
    scenario.by_hand("buy" if amount > 0 else "sell", abs(amount), at=100)
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)

    return scenario


# --- the trigger


@pytest.mark.parametrize(
    ("amount", "calm", "fired"),
    [(1, ("97.01", "97.2"), ("97", "97.2")), (-1, ("102.8", "102.99"), ("102.8", "103"))],
    ids=["long", "short"],
)
def test_stop_fires_when_the_best_price_to_leave_at_reaches_its_level(
    amount: int, calm: tuple[str, str], fired: tuple[str, str]
) -> None:
    """A long's stop reads the best bid, a short's the best ask; a tick before nothing happens."""
    scenario = holding(amount)
    scenario.book(*calm)
    scenario.advance(1)
    assert scenario.sent(since=1) == []

    scenario.book(*fired)
    assert scenario.sent(since=2) == [(2.0, "cancel take profit")]


def test_stop_does_not_look_at_the_target() -> None:
    """Its level is a distance from the entry, whatever the profit taking is."""
    scenario = holding(long_profit_taking_spread=50)
    scenario.book(bid="97", ask="97.2")
    scenario.advance(0.1)

    assert scenario.sent("place stop loss")


def test_stop_follows_the_entry_when_the_position_grows() -> None:
    """Averaged in at 95 a long from 100 has its stop 3 % below 97.5."""
    scenario = holding()
    scenario.by_hand("buy", 1, at=98)
    scenario.advance(0.1)
    assert scenario.believed_position() == "long 2 at 99"

    scenario.book(bid="96.5", ask="96.7")
    scenario.advance(0.1)
    assert scenario.sent("place stop loss") == []

    scenario.book(bid="96.03", ask="96.2")
    scenario.advance(0.1)
    assert len(scenario.sent("place stop loss: sell 2")) == 1


def test_no_stop_fires_when_it_is_off() -> None:
    """stop_loss_spread = 0."""
    scenario = holding(stop_loss_spread=0)
    scenario.book(bid="50", ask="50.2")
    scenario.advance(60)

    assert scenario.position() == "long 1 at 100"


# --- the order


@pytest.mark.parametrize(("bid", "limit"), [("96", "95.52"), ("95.95", "95.48")])
def test_stop_limit_is_the_best_less_the_buffer_rounded_up(bid: str, limit: str) -> None:
    """The worked example: 96.00 gives 95.52, 95.95 gives 95.47025, rounded up 95.48."""
    scenario = holding()
    scenario.book(bid=bid, ask="97")
    scenario.advance(1)

    assert scenario.sent("place stop loss") == [(1.01, f"place stop loss: sell 1 at {limit}")]
    assert scenario.fills()[-1] == f"stop loss: 1 at {bid}"


def test_stop_limit_of_a_short_is_the_best_ask_plus_the_buffer_rounded_down() -> None:
    """The mirror image: 103.1 x 1.005 = 103.6155."""
    scenario = holding(-1)
    scenario.book(bid="103", ask="103.1")
    scenario.advance(1)

    assert scenario.sent("place stop loss") == [(1.01, "place stop loss: buy 1 at 103.61")]
    assert scenario.position() == "flat"


def test_stop_market_is_a_market_order_at_once() -> None:
    """As soon as the target is off the book."""
    scenario = holding(stop_loss_order="market")
    scenario.book(bid="96", ask="97")
    scenario.advance(1)

    assert scenario.sent(since=1) == [(1.0, "cancel take profit"), (1.01, "place stop loss: sell 1 at market")]
    assert scenario.position() == "flat"


def test_stop_is_for_the_whole_position_and_never_more() -> None:
    """A position that another hand has made smaller meanwhile is not turned round."""
    scenario = holding(3)
    scenario.delay("place stop loss", requests=0.5)
    scenario.book(bid="96", ask="97")
    scenario.advance(0.1)
    scenario.by_hand("sell", 2, at="96")
    scenario.advance(2)

    assert scenario.position() == "flat"


# --- what goes first


def test_quotes_go_in_the_same_step_and_none_is_placed_until_flat_and_the_delay_has_passed() -> None:
    """One-way: all quotes."""
    scenario = Scenario({**KEYS, "order_levels": 3, "order_level_spread": 1, "filled_order_delay": 20})
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)
    scenario.fill("buy 0")
    scenario.advance(1)
    scenario.delay("place stop loss", requests=1)
    scenario.book(bids={"96.5": 100}, asks={"99": 100})
    assert [what for _, what in scenario.sent(since=2)] == ["cancel take profit", "cancel buy 1", "cancel buy 2"]

    scenario.advance(60)
    closed = scenario.sent("place stop loss")[0].at + 1
    assert scenario.sent("place buy", since=2)[0].at == pytest.approx(closed + 20, abs=0.02)


def test_target_is_cancelled_first_and_its_acknowledgement_awaited() -> None:
    """The stop goes out on it."""
    scenario = holding()
    scenario.delay("cancel", answers=0.4, stream=0.4)
    scenario.book(bid="96", ask="97")
    scenario.advance(2)

    assert scenario.sent(since=1)[0] == (1.0, "cancel take profit")
    assert scenario.sent("place stop loss")[0].at == pytest.approx(1.405)


def test_target_whose_acknowledgement_does_not_come_is_awaited_at_most_one_second() -> None:
    """Then the stop goes out anyway."""
    scenario = holding()
    scenario.delay("cancel", answers=1.9, stream=1.9)
    scenario.book(bid="96", ask="97")
    scenario.advance(2)

    assert scenario.sent("place stop loss")[0].at == pytest.approx(2.0, abs=0.011)


@pytest.mark.each_value
@pytest.mark.parametrize("stream", [0.005, 1.5])
@pytest.mark.parametrize("kind", ["limit", "market"])
def test_slow_venue_a_closing_order_is_marketable_within_one_acknowledgement_of_the_trigger(
    kind: str, stream: float
) -> None:
    """Acknowledgements take 1.5 s; long at 100, target 101, stop 97: the bid passes 97, and 1.5 s later it is flat."""
    scenario = holding(stop_loss_order=kind)
    assert scenario.exits() == ["take profit: sell 1 at 101"]

    scenario.delay(answers=1.5, stream=stream)
    scenario.book(bid="96.9", ask="97.1")
    scenario.advance(1.5)

    assert scenario.fills() == ["stop loss: 1 at 96.9"]
    assert scenario.position() == "flat"


def test_slow_venue_a_target_that_is_still_on_its_way_at_the_trigger_is_in_nobodys_way() -> None:
    """Nobody waits for its answer to cancel it: what the venue has by then holds the position against the stop."""
    scenario = Scenario(KEYS)
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)
    scenario.delay(requests=0.3, answers=1.2)
    scenario.fill("buy 0")
    scenario.advance(0.1)
    assert scenario.believed_orders()[-1] == "take profit: pending"

    scenario.book(bid="96", ask="96.2")
    scenario.advance(1.5)
    assert scenario.sent("cancel take profit")[0].at == pytest.approx(1.1)
    assert (scenario.position(), scenario.fills()[-1]) == ("flat", "stop loss: 1 at 96")


def test_quotes_that_are_still_on_their_way_go_in_the_same_step() -> None:
    """Their answers take seconds; the cancel is with the venue before a fill is."""
    scenario = holding(when_in_position="continue", risk={"exposure_limit": {"max_position": 10}})
    scenario.delay(answers=1.5, stream=1.5)
    scenario.expire("buy 0")
    scenario.advance(2)
    assert "buy 0: pending" in scenario.believed_orders()

    scenario.book(bids={"97": 100}, asks={"99": 100})
    assert "cancel buy 0" in [what for _, what in scenario.sent(since=3)]


def test_refused_because_closing_orders_compete_all_of_them_go_and_it_is_sent_again() -> None:
    """The cancel of the target is lost: the venue refuses the stop, the target is cancelled again, the stop goes."""
    scenario = holding()
    scenario.lose("cancel take profit", "before")
    scenario.book(bid="96", ask="97")
    scenario.advance(10)

    assert scenario.position() == "flat"
    assert scenario.fills()[-1].startswith("stop loss: 1 at 96")


def test_a_stop_limit_that_keeps_being_refused_goes_as_a_market_order_after_two_seconds() -> None:
    """Whatever the venue has against its price."""
    scenario = holding()
    scenario.refuse("place stop loss: sell 1 at 9", "price_band", times=None)
    scenario.book(bid="96", ask="97")
    scenario.advance(5)

    stops = scenario.sent("place stop loss")
    assert stops[-1].what == "place stop loss: sell 1 at market"
    assert stops[-1].at - stops[0].at == pytest.approx(2, abs=0.05)
    assert scenario.position() == "flat"


def test_a_stop_limit_whose_answer_is_lost_is_sent_again_at_the_price_of_the_market_by_then() -> None:
    """The lost one stays unknown for a while: its price is nobody's wish any more."""
    scenario = holding()
    scenario.lose("place stop loss", "before")
    scenario.book(bid="96", ask="97")
    scenario.advance(1)
    scenario.book(bid="90", ask="91")
    scenario.advance(5)

    assert scenario.sent("place stop loss", "cancel stop loss") == [
        (1.01, "place stop loss: sell 1 at 95.52"),
        (3.01, "place stop loss: sell 1 at 89.55"),
    ]
    assert scenario.fills() == ["stop loss: 1 at 90"]


# --- renewal and escalation


def test_stop_limit_is_renewed_as_soon_as_the_best_has_moved_beyond_it() -> None:
    """The market fell through the order while it was on its way: priced again from where the market is now."""
    scenario = holding()
    scenario.delay("place stop loss", requests=0.1)
    scenario.book(bid="96", ask="97")
    scenario.advance(0.05)
    scenario.book(bid="94", ask="95")
    scenario.advance(1)

    assert [what for _, what in scenario.sent("place stop loss")] == [
        "place stop loss: sell 1 at 95.52",
        "place stop loss: sell 1 at 93.53",
    ]
    assert scenario.position() == "flat"


def test_stop_limit_that_a_thin_book_fills_in_part_is_renewed_for_what_is_left() -> None:
    """What is left rests above the bids, so the best has moved beyond it: priced again at once."""
    scenario = holding(3)
    scenario.book(bids={"96": 1, "95.6": 1, "95": 100}, asks={"97": 100})
    scenario.advance(1)

    assert [what for _, what in scenario.sent("place stop loss")] == [
        "place stop loss: sell 3 at 95.52",
        "place stop loss: sell 1 at 94.53",
    ]
    assert scenario.fills() == ["stop loss: 1 at 96", "stop loss: 1 at 95.6", "stop loss: 1 at 95"]


def test_after_three_renewals_it_is_a_market_order() -> None:
    """A limit that the market runs away from again and again."""
    scenario = holding()
    scenario.delay("place stop loss", requests=0.1)
    bid = 96.0
    scenario.book(bid=bid, ask=97)

    for _ in range(60):
        scenario.advance(0.1)

        if scenario.exits():
            bid -= 2
            scenario.book(bid=bid)
        elif scenario.position() != "flat":
            bid -= 1
            scenario.book(bid=bid)

    prices = [what.rsplit(" ", 1)[1] for _, what in scenario.sent("place stop loss")]
    assert prices[4:] == ["market"]
    assert len(prices) == 5
    assert scenario.position() == "flat"


def test_once_fired_it_stays_fired_until_flat_also_when_the_price_comes_back() -> None:
    """The order is on its way when the market turns: the position is closed all the same, and no target comes back."""
    scenario = holding(3)
    scenario.book(bids={"96": 1}, asks={"97": 100})
    scenario.advance(0.5)
    assert scenario.position() == "long 2 at 100"

    scenario.book(bids={"95": "0.1"}, asks={"100.1": 100})
    scenario.advance(0.5)
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)

    assert scenario.position() == "flat"
    assert len(scenario.sent("place take profit")) == 1


def test_a_new_position_after_a_stop_has_its_own_story() -> None:
    """Flat ends it: the next position has a target, and its stop has not fired."""
    scenario = holding()
    scenario.book(bid="96", ask="96.2")
    scenario.advance(1)
    scenario.by_hand("buy", 1, at=96)
    scenario.advance(1)

    assert scenario.exits() == ["take profit: sell 1 at 96.96"]


def test_stop_never_waits_for_the_age_of_anything() -> None:
    """Position, target and stop within one second of each other."""
    scenario = Scenario(KEYS)
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)
    scenario.fill("buy 0")
    scenario.advance(0.02)
    scenario.book(bid="96", ask="96.2")
    scenario.advance(0.1)

    assert scenario.position() == "flat"
