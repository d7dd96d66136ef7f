from __future__ import annotations

from decimal import Decimal
from math import inf
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perpmaker.model.event import ReferenceChanged
from perpmaker.model.order import OrderKind, Side, Slot
from perpmaker.model.quote import Wake
from perpmaker.state.view import End
from perpmaker.testing.view import make_book, make_position

BID = Slot(OrderKind.QUOTE, Side.BUY)


def test_quiet_quotes_sleep_until_the_refresh_or_staleness(desk: Any) -> None:
    """With nothing else at stake only the refresh, a stale book and an empty side wake the strategy."""
    wake = desk(order_refresh_time=8.0).decide().wake

    assert wake == Wake(at=1008.0, bid_low=1, ask_low=1)
    assert desk(order_refresh_time=30.0, book_age_s=3.0).decide().wake.at == 1007.0


def test_a_stale_external_reference_wakes(desk: Any) -> None:
    """The instant at which an external reference would be stale is one to wake at."""
    word = ReferenceChanged(price=Decimal(100), at=996.0)
    wake = desk(external_reference=True, reference=word, reference_age_s=4.0).decide().wake

    assert wake.at == 1006.0


def test_stale_trades_wake_where_they_are_the_reference(desk: Any) -> None:
    """The instant at which the last price would be stale is one to wake at."""
    trades = {"last_trade": 10000, "trade_age_s": 4.0}

    assert desk(price_type="last_price", **trades).decide().wake.at == 1006.0
    assert desk(**trades).decide().wake.at == 1010.0


def test_a_source_that_is_not_read_wakes_nobody(desk: Any) -> None:
    """The last own trade is the price: that the source is silent for ever changes nothing."""
    silent = {"external_reference": True, "reference_age_s": inf}

    assert desk(price_type="last_own_trade_price", last_own_trade=10000, **silent).decide().wake.at == 1010.0


def test_the_end_of_the_filled_delay_wakes(desk: Any) -> None:
    """A pause that ends by itself is slept until then."""
    trading = desk(filled_order_delay=2.0)
    trading.decide()
    trading.end(BID, End.FILLED)

    assert trading.decide(after=0.5).wake.at == 1002.0


def test_a_vanished_level_wakes_when_it_may_be_back(desk: Any) -> None:
    """The back-off of a level is slept until its end."""
    trading = desk()
    trading.decide()

    for _ in range(2):
        trading.end(BID, End.VENUE)
        trading.decide()

    assert trading.wanted.wake.at == 1001.0


def test_minimum_spread_bounds_are_tight(desk: Any) -> None:
    """The strategy wakes exactly when the reference comes nearer to a quote than minimum_spread."""
    wake = desk(minimum_spread="0.005", price_type="best_bid").decide().wake
    # bid 98.99 = 99.99 x 0.99 rounded down; too near when the reference is below 98.99 / 0.995 = 99.4874
    # ask 100.99 = 99.99 x 1.01 rounded up; too near when the reference is above 100.99 / 1.005 = 100.4876

    assert (wake.bid_low, wake.bid_high) == (9949, 10048)
    assert (wake.ask_low, wake.ask_high) == (1, None)


def test_the_band_bounds_are_tight(desk: Any) -> None:
    """The strategy wakes exactly when the reference reaches the ceiling or the floor."""
    wake = desk(price_ceiling="101", price_floor="99", price_type="last_price", last_trade=10000).decide().wake

    assert (wake.trade_low, wake.trade_high) == (9901, 10099)


def test_without_a_reference_any_change_wakes(desk: Any) -> None:
    """While a side is empty the first order on it wakes; while only time can tell, it is looked at again soon."""
    empty = desk(bid=None, ask=10001).decide().wake
    stale = desk(book_ok=False).decide().wake

    assert empty.holds(2000.0, bid=None, ask=10001)
    assert not empty.holds(2000.0, bid=9999, ask=10001)
    assert stale.at == 1000.25


def test_no_instant_is_in_the_past(desk: Any) -> None:
    """A clock that reads just short of an instant does not decide in circles."""
    assert desk(book_age_s=9.9999999).decide().wake.at == 1000.001


PRICE_TYPES = ["mid_price", "best_bid", "best_ask", "last_price", "last_own_trade_price"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_bounds_are_honest(desk: Any, data: st.DataObject) -> None:
    """Moving the market within the bounds, before the time, never changes what is wanted."""
    bid, trade = data.draw(st.integers(9960, 10040)), data.draw(st.integers(9960, 10040))
    mode = data.draw(st.sampled_from(["retreat", "top", None]))
    trading = desk(
        bid_spread="0.004",
        ask_spread="0.004",
        order_levels=data.draw(st.integers(1, 3)),
        price_type=data.draw(st.sampled_from(PRICE_TYPES)),
        minimum_spread=data.draw(st.sampled_from([None, "0.001", "0.003", "-0.002"])),
        price_ceiling=data.draw(st.sampled_from([None, "100.2", "99.9"])),
        price_floor=data.draw(st.sampled_from([None, "99.8", "100.1"])),
        order_optimization_enabled=mode is not None,
        order_optimization_mode=mode or "retreat",
        last_trade=trade,
        last_own_trade=data.draw(st.sampled_from([None, 9999])),
        positions=make_position(data.draw(st.sampled_from(["0", "1", "-1"]))),
        book=make_book(bid, bid + data.draw(st.integers(1, 30))),
    )
    before = trading.decide()
    before = trading.decide()  # with what was wanted resting
    trading.set(now=trading.now + data.draw(st.floats(0, 9)))

    for _ in range(data.draw(st.integers(1, 6))):
        new_bid, new_trade = bid + data.draw(st.integers(-60, 60)), trade + data.draw(st.integers(-60, 60))
        new_ask = new_bid + data.draw(st.integers(1, 40))
        trading.set(book=make_book(new_bid, new_ask), last_trade=new_trade)

        if before.wake.holds(trading.now, bid=new_bid, ask=new_ask, trade=new_trade):
            assert trading.anew().quotes == before.quotes
