from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from perpmaker.model.order import OrderKind, OrderStatus, OrderType, PositionMode, PositionSide, Side, Slot
from perpmaker.model.quote import WantedExits
from perpmaker.state.view import End, Mode
from perpmaker.testing.view import make_instrument, make_order, make_position

Stops = Callable[[WantedExits], list[tuple[int | None, int]]]
Targets = Callable[[WantedExits], list[tuple[int, int]]]

TARGET = Slot(OrderKind.TAKE_PROFIT, Side.SELL)
STOP = Slot(OrderKind.STOP_LOSS, Side.SELL)


# --- the trigger ---------------------------------------------------------------------------------------------------


def test_numbers_of_the_specification(venue: Any, stops: Stops) -> None:
    """Long 1 at 100, stop 3 %, buffer 0.5 %, tick 0.01: level 97.00; bid 96.00 gives 95.52, bid 95.95 gives 95.48."""
    assert stops(venue(bid=9701, ask=9703).decide()) == []
    assert len(stops(venue(bid=9700, ask=9702).decide())) == 1
    assert stops(venue(bid=9600, ask=9602).decide()) == [(9552, 1000)]
    assert stops(venue(bid=9595, ask=9597).decide()) == [(9548, 1000)]


def test_a_short_position_reads_the_best_ask(venue: Any, stops: Stops) -> None:
    """Short 1 at 100: level 103.00; ask 104.05 gives 104.57 (104.57025 rounded down)."""
    short = make_position("-1")

    assert stops(venue(positions=short, bid=10310, ask=10299).decide()) == []
    assert stops(venue(positions=short, bid=10403, ask=10405).decide()) == [(10457, 1000)]


def test_the_level_is_not_rounded_towards_the_market(venue: Any, stops: Stops) -> None:
    """Entry 100.005: the long's level of 97.00485 needs a bid of 97.00, the short's of 103.00515 an ask of 103.01."""
    assert stops(venue(positions=make_position("1", "100.005"), bid=9701, ask=9703).decide()) == []
    assert len(stops(venue(positions=make_position("1", "100.005"), bid=9700, ask=9702).decide())) == 1
    assert stops(venue(positions=make_position("-1", "100.005"), bid=10298, ask=10300).decide()) == []
    assert len(stops(venue(positions=make_position("-1", "100.005"), bid=10299, ask=10301).decide())) == 1


def test_without_a_stop_nothing_fires(venue: Any, stops: Stops, targets: Targets) -> None:
    """stop_loss_spread off: only the target, however far the market goes."""
    wanted = venue(stop_loss_spread=None, bid=5000, ask=5002).decide()

    assert (stops(wanted), targets(wanted)) == ([], [(10100, 1000)])


def test_nothing_is_computed_while_the_market_is_before_the_level(venue: Any) -> None:
    """The wake bounds are the trigger itself: of a long the bid, of a short the ask."""
    long, short = venue().decide().wake, venue(positions=make_position("-1")).decide().wake

    assert long.holds(1001.0, bid=9701, ask=20000)
    assert not long.holds(1001.0, bid=9700, ask=9702)
    assert short.holds(1001.0, bid=1, ask=10299)
    assert not short.holds(1001.0, bid=1, ask=10300)


# --- what it is read from ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dead", [{"book_ok": False}, {"book_age_s": 5.0}, {"bid": 9999, "ask": None}])
def test_with_a_dead_book_the_mark_triggers_and_a_market_order_executes(
    venue: Any, stops: Stops, dead: dict[str, Any]
) -> None:
    """Stale, lost or one-sided: the mark price decides, and a market order ends the position."""
    assert stops(venue(**dead, mark=Decimal("97.01")).decide()) == []
    assert stops(venue(**dead, mark=Decimal("97.00")).decide()) == [(None, 1000)]


def test_no_stop_fires_on_old_data(venue: Any, stops: Stops) -> None:
    """With book and mark both older than 5 s nothing fires, and it is looked at again soon."""
    wanted = venue(book_age_s=6.0, bid=9000, ask=9002, mark=Decimal(90), mark_age_s=6.0).decide()

    assert stops(wanted) == []
    assert wanted.wake.at == 1000.25


def test_the_instant_at_which_the_book_goes_stale_wakes(venue: Any) -> None:
    """The mark takes over without waiting for anything else to happen."""
    assert venue(book_age_s=2.0).decide().wake.at == 1003.0


def test_a_changed_mark_wakes_while_it_is_the_source(venue: Any) -> None:
    """While the mark decides every change of it is looked at."""
    wake = venue(book_ok=False, mark=Decimal("97.01")).decide().wake

    assert wake.holds(1000.1, bid=1, ask=2, mark=Decimal("97.01"))
    assert not wake.holds(1000.1, bid=1, ask=2, mark=Decimal("97.00"))


# --- what happens when it fires ------------------------------------------------------------------------------------


def test_quotes_are_forbidden_in_the_same_step_and_until_flat(venue: Any) -> None:
    """From the decision that fires until the position is flat no quote may rest."""
    market = venue()

    assert market.decide().no_quotes_for == frozenset()
    assert market.decide(bid=9600, ask=9602).no_quotes_for == {PositionSide.NET}
    assert market.decide(after=1.0, bid=9900, ask=9902).no_quotes_for == {PositionSide.NET}
    assert market.decide(positions=make_position("0")).no_quotes_for == frozenset()


def test_the_target_goes_first_and_its_acknowledgement_is_awaited_for_a_second(
    venue: Any, stops: Stops, targets: Targets
) -> None:
    """Neither target nor stop is wanted while the target is going; after 1 s the stop goes out anyway."""
    market = venue()
    market.decide()
    market.accept()
    fired = market.decide(bid=9600, ask=9602)

    assert (stops(fired), targets(fired)) == ([], [])
    assert fired.wake.at == 1001.0
    market.orders[TARGET] = make_order(TARGET, 10100, 1000, status=OrderStatus.CANCELLING)
    assert stops(market.decide(after=0.5)) == []
    assert stops(market.decide(after=0.5)) == [(9552, 1000)]


def test_the_stop_goes_as_soon_as_the_target_is_gone(venue: Any, stops: Stops) -> None:
    """The acknowledgement releases the stop at the price of that moment."""
    market = venue()
    market.decide()
    market.accept()
    market.decide(bid=9600, ask=9602)
    market.orders = {}

    assert stops(market.decide(after=0.1, bid=9595, ask=9597)) == [(9548, 1000)]


def test_once_fired_it_stays_fired(venue: Any, stops: Stops, targets: Targets) -> None:
    """A price that comes back does not bring the target back."""
    market = venue(bid=9600, ask=9602)
    market.decide()
    market.accept()
    back = market.decide(after=1.0, bid=10500, ask=10502)

    assert (stops(back), targets(back)) == ([(9552, 1000)], [])


def test_a_live_stop_order_says_that_the_stop_has_fired(venue: Any, stops: Stops, targets: Targets) -> None:
    """After a restart without memory a resting stop is adopted and priced anew, not taken for something to cancel."""
    market = venue()
    market.orders = {STOP: make_order(STOP, 9552, 1000)}
    wanted = market.decide(bid=9800, ask=9802)

    assert (stops(wanted), targets(wanted)) == ([(9751, 1000)], [])
    assert wanted.no_quotes_for == {PositionSide.NET}


def test_a_position_through_zero_is_a_new_one(venue: Any, stops: Stops, targets: Targets) -> None:
    """The stop of a long says nothing about the short that follows it."""
    market = venue(bid=9600, ask=9602)
    market.decide()
    turned = market.decide(positions=make_position("-1", "96"))

    assert (stops(turned), targets(turned)) == ([], [(9504, 1000)])


def test_the_stop_follows_the_size_of_the_position(venue: Any, stops: Stops) -> None:
    """What is left of the position is what the stop is for."""
    market = venue(bid=9600, ask=9602)
    market.decide()

    assert stops(market.decide(positions=make_position("0.3"))) == [(9552, 300)]


# --- limit ---------------------------------------------------------------------------------------------------------


def test_a_limit_stop_rests_until_the_best_moves_beyond_it(venue: Any, stops: Stops) -> None:
    """It is renewed from the current market as soon as the best bid is below it, and not before."""
    market = venue(bid=9600, ask=9602)
    market.decide()
    market.accept()

    assert stops(market.decide(after=1.0, bid=9552, ask=9602)) == [(9552, 1000)]
    assert not market.wanted.wake.holds(market.now, bid=9551, ask=9602)
    assert stops(market.decide(after=1.0, bid=9551, ask=9602)) == [(9504, 1000)]  # 95.03245 rounded up


def test_a_limit_stop_is_renewed_after_its_time_at_the_latest(venue: Any, stops: Stops) -> None:
    """time_between_stop_loss_orders after it was priced it is priced again, whatever the market did."""
    market = venue(bid=9600, ask=9602, time_between_stop_loss_orders=20.0)
    market.decide()
    market.accept()

    assert stops(market.decide(after=19.0, bid=9650, ask=9652)) == [(9552, 1000)]
    assert stops(market.decide(after=1.0)) == [(9602, 1000)]


def test_after_three_renewals_it_is_a_market_order(venue: Any, stops: Stops) -> None:
    """The fourth time that the market ran away the stop goes to market, and stays there."""
    market = venue(bid=9600, ask=9602)
    market.decide()
    market.accept()
    prices = []

    for bid in (9500, 9400, 9300, 9200, 9100):
        prices.extend(stops(market.decide(after=1.0, bid=bid, ask=bid + 2)))
        market.accept()

    assert [ticks for ticks, _ in prices] == [9453, 9353, 9254, None, None]
    assert market.wanted.exits[0].type is OrderType.MARKET


def test_a_stop_in_flight_is_not_renewed(venue: Any, stops: Stops) -> None:
    """An order on its way is waited for, and once it is gone the next one has the price of that moment."""
    market = venue(bid=9600, ask=9602)
    market.decide()
    market.orders = {STOP: make_order(STOP, 9552, 1000, status=OrderStatus.PENDING)}

    assert stops(market.decide(after=0.1, bid=9500, ask=9502)) == [(9552, 1000)]
    market.orders = {}
    assert stops(market.decide(after=0.1)) == [(9453, 1000)]
    assert market.memory.fired[PositionSide.NET].renewals == 0


def test_a_limit_stop_goes_to_market_when_the_book_dies(venue: Any, stops: Stops) -> None:
    """Without a book there is no price to bound it by."""
    market = venue(bid=9600, ask=9602)
    market.decide()
    market.accept()

    assert stops(market.decide(after=1.0, book_ok=False)) == [(None, 1000)]


# --- market --------------------------------------------------------------------------------------------------------


def test_a_market_stop_goes_at_once(venue: Any, stops: Stops) -> None:
    """stop_loss_order = market: no limit first."""
    wanted = venue(stop_loss_order="market", bid=9600, ask=9602).decide()

    assert stops(wanted) == [(None, 1000)]


def test_a_market_stop_is_no_larger_than_the_market_takes(venue: Any, stops: Stops) -> None:
    """The rest follows with the next order."""
    small = make_instrument(max_market_amount=Decimal("0.6"))

    assert stops(venue(stop_loss_order="market", bid=9600, ask=9602, instrument=small).decide()) == [(None, 600)]


def test_a_market_that_reaches_the_band_again_wakes(venue: Any) -> None:
    """At its edge itself, on either side: 95 and 105 with a mark price of 100."""
    rules = make_instrument(band_up=Decimal("1.05"), band_down=Decimal("0.95"))
    long = venue(bid=9400, ask=9402, instrument=rules)
    short = venue(bid=10600, ask=10602, instrument=rules, positions=make_position("-1"))

    for market in (long, short):
        market.decide()
        market.decide(after=1.0)

    assert (long.wanted.wake.bid_high, short.wanted.wake.ask_low) == (9499, 10501)


# --- refusals ------------------------------------------------------------------------------------------------------


def test_a_refused_stop_is_sent_again_at_once_and_after_two_seconds_at_market(venue: Any, stops: Stops) -> None:
    """At once, after 0.25, 0.5 and 1 s; then, without success for 2 s, as a market order."""
    market = venue(bid=9600, ask=9602)
    market.decide()
    sent = []

    for wait in (0.0, 0.25, 0.5, 1.0, 0.25):
        market.end(STOP, End.REFUSED)
        assert stops(market.decide(after=wait * 0.9)) == [] or wait == 0
        sent.extend(stops(market.decide(after=wait * 0.1 + 1e-6)))

    assert [ticks for ticks, _ in sent] == [9552, 9552, 9552, 9552, None]


# --- Hedge ---------------------------------------------------------------------------------------------------------


def test_in_hedge_one_stop_leaves_the_other_side_alone(venue: Any, stops: Stops, targets: Targets) -> None:
    """The long's stop fires, the short keeps its target and its quotes."""
    positions = {**make_position("1", "100", PositionSide.LONG), **make_position("-1", "97", PositionSide.SHORT)}
    wanted = venue(position_mode=PositionMode.HEDGE, positions=positions, bid=9700, ask=9702).decide()

    assert stops(wanted) == [(9652, 1000)]  # 96.515 rounded up
    assert targets(wanted) == [(9603, 1000)]
    assert wanted.no_quotes_for == {PositionSide.LONG}


def test_in_hedge_both_triggers_wake(venue: Any) -> None:
    """The bounds of both positions hold together."""
    positions = {**make_position("1", "100", PositionSide.LONG), **make_position("-1", "97", PositionSide.SHORT)}
    wake = venue(position_mode=PositionMode.HEDGE, positions=positions, bid=9800, ask=9802).decide().wake

    assert (wake.bid_low, wake.ask_high) == (9701, 9990)


# --- modes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [Mode.REDUCE, Mode.HALT, Mode.STOP])
def test_exits_are_managed_in_every_mode(venue: Any, stops: Stops, targets: Targets, mode: Mode) -> None:
    """Whatever the quotes may do, exits go on."""
    assert targets(venue(mode=mode).decide()) == [(10100, 1000)]
    assert stops(venue(mode=mode, bid=9600, ask=9602).decide()) == [(9552, 1000)]


def test_flatten_closes_every_position_at_market(venue: Any) -> None:
    """The target goes first, then the whole position at market; quotes are forbidden."""
    market = venue()
    market.decide()
    market.accept()
    waiting = market.decide(mode=Mode.FLATTEN)

    assert (waiting.exits, waiting.no_quotes_for) == ((), {PositionSide.NET})
    market.orders = {}
    closing = market.decide(after=0.1)
    assert [(one.slot.kind, one.lots) for one in closing.exits] == [(OrderKind.CLOSE, 1000)]


# --- purity --------------------------------------------------------------------------------------------------------


def test_the_same_view_gives_the_same_answer(venue: Any) -> None:
    """Exits are a pure function of the view and the memory in it."""
    market = venue(bid=9600, ask=9602)

    assert market.exits.decide(market.view) == market.exits.decide(market.view)
