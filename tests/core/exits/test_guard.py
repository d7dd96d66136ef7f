"""The stop that rests on the venue: when it is wanted, when it has fired, and when the local line acts instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from perpmaker.model.order import OrderKind, PositionSide, Side, Slot
from perpmaker.model.quote import Close, StopLoss, TakeProfit, VenueStop, WantedExits
from perpmaker.model.refusal import Refusal, RefusalReason
from perpmaker.state.view import End, Mode
from perpmaker.testing.view import make_position

Stops = Callable[[WantedExits], list[tuple[int | None, int]]]

GUARD = Slot(OrderKind.VENUE_STOP, Side.SELL)
TARGET = Slot(OrderKind.TAKE_PROFIT, Side.SELL)
STOP = Slot(OrderKind.STOP_LOSS, Side.SELL)
CLOSE = Slot(OrderKind.CLOSE, Side.SELL)
ON_VENUE = {"stop_loss_order": "venue", "stop_loss_trigger": "best", "venue_stops": True}


def guards(wanted: WantedExits) -> list[tuple[Slot, int]]:
    """(slot, trigger) of the wanted stops on the venue."""
    return [(one.slot, one.ticks) for one in wanted.exits if isinstance(one, VenueStop)]


def kinds(wanted: WantedExits) -> set[type]:
    """What kinds of exits are wanted."""
    return {type(one) for one in wanted.exits}


def guarded(venue: Any, **changes: Any) -> Any:
    """A venue where target and stop rest."""
    market = venue(**{**ON_VENUE, **changes})
    market.decide()
    market.accept()

    return market


def fire_there(market: Any) -> None:
    """The venue has fired its stop; the order it became is under way."""
    market.orders[GUARD] = attrs.evolve(market.orders[GUARD], triggered=True)


def reject(market: Any, reason: RefusalReason = RefusalReason.OTHER, *, triggered: bool = False) -> None:
    """The venue does not keep the stop any more."""
    refusal = None if triggered else Refusal(reason=reason, text="no")
    market.end(GUARD, End.VENUE if triggered else End.REFUSED)
    market.ended[GUARD] = attrs.evolve(market.ended[GUARD], refusal=refusal, triggered=triggered)


# --- when it is wanted ---------------------------------------------------------------------------------------------


def test_it_rests_at_the_trigger_from_the_moment_the_position_exists(venue: Any) -> None:
    """Beside the target: a long's below the entry, a short's above it, each for its own position in Hedge mode."""
    hedge = {
        **make_position("1", side=PositionSide.LONG),
        **make_position("-2", side=PositionSide.SHORT),
    }

    assert guards(venue(**ON_VENUE).decide()) == [(GUARD, 9700)]
    assert guards(venue(**ON_VENUE, positions=make_position("-1")).decide()) == [
        (Slot(OrderKind.VENUE_STOP, Side.BUY), 10300)
    ]
    assert guards(venue(**ON_VENUE, positions=hedge).decide()) == [
        (Slot(OrderKind.VENUE_STOP, Side.SELL, 0, PositionSide.LONG), 9700),
        (Slot(OrderKind.VENUE_STOP, Side.BUY, 0, PositionSide.SHORT), 10300),
    ]
    assert kinds(venue(**ON_VENUE).decide()) == {TakeProfit, VenueStop}


def test_there_is_none_without_a_stop_a_position_or_the_wish(venue: Any) -> None:
    """Nor where the venue keeps none, nor for a trigger at a price of zero."""
    for changes in [
        {"stop_loss_spread": None},
        {"venue_stops": False},
        {"stop_loss_order": "limit", "venue_backstop": False},
        {"stop_loss_order": "market", "venue_backstop": False},
        {"positions": make_position("0")},
        {"stop_loss_spread": 1},
    ]:
        assert guards(venue(**{**ON_VENUE, **changes}).decide()) == []


def test_a_position_that_is_left_at_a_clean_stop_is_left_with_a_stop(venue: Any) -> None:
    """Whichever order the stop would have sent: nobody is here to send it any more."""
    for order in ["limit", "market", "venue"]:
        assert guards(venue(stop_loss_order=order, venue_stops=True, mode=Mode.STOP).decide()) == [(GUARD, 9700)]
        assert guards(venue(stop_loss_order=order, venue_stops=False, mode=Mode.STOP).decide()) == []


def test_F47_nothing_is_left_when_the_position_is_closed_by_wish(venue: Any) -> None:
    """On the way to flat the close alone is wanted."""
    assert kinds(venue(**ON_VENUE, mode=Mode.FLATTEN).decide()) == {Close}


def test_streams_that_come_and_go_leave_it_at_its_level(venue: Any) -> None:
    """Behind the level only once they have been fresh for ten seconds without a break."""
    market = venue(stop_loss_order="limit", venue_stops=True)
    assert guards(market.decide()) == [(GUARD, 9625)]

    for _ in range(3):
        assert guards(market.decide(after=1, book_ok=False, mark_stream_age_s=6.0)) == [(GUARD, 9700)]
        assert guards(market.decide(after=1, book_ok=True)) == [(GUARD, 9700)]
        assert guards(market.decide(after=9)) == [(GUARD, 9700)]

    assert guards(market.decide(after=1)) == [(GUARD, 9625)]


# --- when it fires -------------------------------------------------------------------------------------------------


def test_at_the_local_trigger_the_venue_has_a_second_to_work(venue: Any, stops: Stops) -> None:
    """The target goes and quotes are forbidden at once; the stop on the venue stays; after 1 s a market order goes."""
    market = guarded(venue)
    fired = market.decide(bid=9690, ask=9692)

    assert kinds(fired) == {VenueStop}
    assert fired.no_quotes_for == {PositionSide.NET}
    assert fired.wake.at == pytest.approx(1001.0)

    market.orders.pop(TARGET)
    late = market.decide(after=1.0)

    assert stops(late) == [(None, 1000)]
    assert kinds(late) == {StopLoss, VenueStop}


def test_without_a_stop_on_the_venue_the_local_line_acts_at_once(venue: Any, stops: Stops) -> None:
    """It was refused, or is not back yet: nothing is waited for."""
    market = venue(**ON_VENUE)
    market.decide()

    assert stops(market.decide(bid=9690, ask=9692)) == [(None, 1000)]


def test_what_the_venue_fires_has_fired_here_too(venue: Any, stops: Stops) -> None:
    """By the venue's last price, though the best bid is before the trigger: quotes go, and it is waited for."""
    market = guarded(venue)
    fire_there(market)
    fired = market.decide(after=0.5)

    assert fired.no_quotes_for == {PositionSide.NET}
    assert kinds(fired) == {VenueStop}

    market.orders.clear()
    assert stops(market.decide(after=1.0)) == [(None, 1000)]


def test_F44_a_stop_that_is_rejected_when_it_fires_becomes_a_market_order(venue: Any, stops: Stops) -> None:
    """At once, and it stays fired although the price comes back; the next position begins anew."""
    market = guarded(venue)
    reject(market, triggered=True)
    market.orders.pop(TARGET)

    assert stops(market.decide(after=0.1)) == [(None, 1000)]
    assert stops(market.decide(after=0.1, bid=9990, ask=9992)) == [(None, 1000)]

    market.orders.clear()
    market.decide(after=1.0, positions=make_position("0"))
    assert guards(market.decide(after=10.0, positions=make_position("1"))) == [(GUARD, 9700)]


def test_F44_a_stop_that_would_trigger_at_once_becomes_a_market_order(venue: Any, stops: Stops) -> None:
    """The venue's price is beyond the trigger already, whatever the book shows."""
    market = venue(**ON_VENUE)
    market.decide()
    reject(market, RefusalReason.WOULD_TRIGGER)

    assert stops(market.decide(after=0.1)) == [(None, 1000)]


def test_F44_a_refused_stop_is_sent_again_without_end_and_never_stormed(venue: Any) -> None:
    """At once, then after 0.25, 0.5, 1 and at most 2 s; the target is left alone."""
    market = venue(**ON_VENUE)
    market.decide()
    waits = []

    for _ in range(6):
        reject(market)
        wanted, since = market.decide(), market.now

        while not guards(wanted):
            assert kinds(wanted) == {TakeProfit}
            wanted = market.decide(after=0.05)

        waits.append(round(market.now - since, 2))

    assert waits[:4] == pytest.approx([0.0, 0.25, 0.5, 1.0], abs=0.051)
    assert max(waits) <= 2.051


def test_F45_while_a_new_stop_is_refused_the_old_one_is_wanted_as_it_rests(venue: Any) -> None:
    """The entry has moved, its stop is refused: what rests protects better than nothing."""
    market = guarded(venue)
    market.decide(positions=make_position("2", "99"))
    assert guards(market.wanted) == [(GUARD, 9603)]

    resting = market.orders[GUARD]
    reject(market)
    market.orders[GUARD] = resting
    market.decide(after=0.01)
    reject(market)
    market.orders[GUARD] = resting

    assert guards(market.decide()) == [(GUARD, 9700)]
    assert guards(market.decide(after=0.3)) == [(GUARD, 9603)]


# --- beside closing orders of somebody else --------------------------------------------------------------------------


def refuse_stop(market: Any, slot: Slot = STOP) -> None:
    """The venue refuses the stop order of the local line: other closing orders hold the position."""
    market.end(slot, End.REFUSED)
    refusal = Refusal(reason=RefusalReason.REDUCE_ONLY, code="-4118")
    market.ended[slot] = attrs.evolve(market.ended[slot], refusal=refusal)


def kept_out(venue: Any, **changes: Any) -> Any:
    """A stop that has fired with the best bid at 96.90, and that has been refused for more than two seconds."""
    market = venue(stop_loss_order="market", venue_stops=True, bid=9690, ask=9692, **changes)
    market.decide()

    for _ in range(6):
        refuse_stop(market)
        market.decide(after=0.5)

    return market


def test_F39_a_stop_order_that_others_keep_out_becomes_one_that_closes_whatever_there_is(venue: Any) -> None:
    """After two seconds of refusals: one tick past the market, where it rests until the market has gone far from it."""
    market = kept_out(venue)
    assert guards(market.wanted) == [(GUARD, 9689)]
    assert kinds(market.wanted) == {VenueStop}
    market.accept()
    assert guards(market.decide(after=20, bid=9710, ask=9712)) == [(GUARD, 9689)]
    assert guards(market.decide(after=1, bid=9790, ask=9792)) == [(GUARD, 9789)]


def test_F39_it_is_sent_again_where_it_would_have_fired_at_once(venue: Any) -> None:
    """The market took the step while it was under way: the next one stands past that."""
    market = kept_out(venue)
    reject(market, RefusalReason.WOULD_TRIGGER)
    assert guards(market.decide(after=0.01, bid=9680, ask=9682)) == [(GUARD, 9679)]


def test_F39_a_persons_wish_to_be_flat_is_not_kept_out_either(venue: Any) -> None:
    """The market order of a close is refused for two seconds: then as close-position, one tick past the market."""
    market = venue(venue_stops=True, mode=Mode.FLATTEN, bid=10050, ask=10052)
    market.decide()

    for _ in range(6):
        refuse_stop(market, CLOSE)
        market.decide(after=0.5)

    assert guards(market.wanted) == [(GUARD, 10049)]


def test_F39_without_stops_on_the_venue_the_stop_order_goes_on_being_sent(venue: Any, stops: Stops) -> None:
    """Nothing else is left there: it goes through as soon as the others are gone."""
    market = venue(stop_loss_order="market", bid=9690, ask=9692)
    market.decide()

    for _ in range(20):
        refuse_stop(market)
        market.decide(after=2.0)

    assert stops(market.wanted) == [(None, 1000)]


def test_F39_a_refusal_of_an_earlier_stop_means_nothing_to_a_later_one(venue: Any, stops: Stops) -> None:
    """A position later, with its stop resting on the venue and not working: the local line closes at market."""
    market = guarded(venue, bid=9990, ask=9992)
    refuse_stop(market)
    market.decide(after=3600)
    market.decide(bid=9690, ask=9692)
    market.decide(after=1.1)

    assert stops(market.wanted) == [(None, 1000)]
