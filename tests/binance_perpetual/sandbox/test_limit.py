"""Weights and order counts are counted, shown, and punished."""

from __future__ import annotations

import pytest

from perpmaker.venue.sandbox import RefusalError
from perpmaker_binance_perpetual.sandbox.counts import MINUTE, TEN_SECONDS, WEIGHT, Limits
from perpmaker_binance_perpetual.sandbox.options import Options


class Time:
    """A venue's clock that a test moves."""

    def __init__(self) -> None:
        self.ms = 1_767_225_600_000

    def __call__(self) -> int:
        """Milliseconds since the epoch."""
        return self.ms


@pytest.fixture
def time() -> Time:
    """The venue's clock, at the start of a minute."""
    return Time()


def limits(time: Time, *, enforced: bool = True) -> Limits:
    """Small limits: ten of weight a minute, three orders in ten seconds, five a minute."""
    return Limits(time, Options(weight_1m=10, orders_10s=3, orders_1m=5), enforced=enforced)


def test_weight_is_shown_and_starts_again_each_minute(time: Time) -> None:
    """The used weight of the running minute stands in the header."""
    counted = limits(time)
    counted.counts.spend_arrival({WEIGHT: 7})

    assert counted.headers(orders=False) == {"X-MBX-USED-WEIGHT-1M": "7"}

    time.ms += 60_000

    assert counted.headers(orders=True) == {
        "X-MBX-USED-WEIGHT-1M": "0",
        "X-MBX-ORDER-COUNT-10S": "0",
        "X-MBX-ORDER-COUNT-1M": "0",
    }


def test_past_the_weight_comes_429_with_the_seconds_left(time: Time) -> None:
    """Retry-After counts to the end of the minute, and then all is well again."""
    counted = limits(time)
    counted.counts.spend_arrival({WEIGHT: 10})
    time.ms += 15_500

    with pytest.raises(RefusalError) as raised:
        counted.counts.spend_arrival({WEIGHT: 1})

    assert (raised.value.status, raised.value.code) == (429, -1003)
    assert raised.value.headers == {"Retry-After": "45"}

    time.ms += 45_000
    counted.counts.spend_arrival({WEIGHT: 1})


def test_who_goes_on_after_429_is_banned_for_longer_each_time(time: Time) -> None:
    """A ban refuses everything with 418 until its time, which doubles."""
    counted = limits(time)
    bans = []

    for _ in range(2):
        statuses = []

        for _ in range(22):
            with pytest.raises(RefusalError) as raised:
                counted.counts.spend_arrival({WEIGHT: 11})

            statuses.append(raised.value.status)

        assert statuses == [429] * 20 + [418] * 2
        bans.append(int(raised.value.headers["Retry-After"]))
        time.ms += bans[-1] * 1000

    assert bans == [120, 240]

    counted.counts.spend_arrival({WEIGHT: 1})


def test_orders_are_counted_in_both_windows(time: Time) -> None:
    """A batch of three costs three of ten seconds' count and one of the minute's; too many are refused uncounted."""
    counted = limits(time)
    counted.counts.spend_own({TEN_SECONDS: 3, MINUTE: 1})

    with pytest.raises(RefusalError) as raised:
        counted.counts.spend_own({TEN_SECONDS: 1, MINUTE: 1})

    assert (raised.value.status, raised.value.code) == (429, -1015)
    assert raised.value.headers == {"Retry-After": "10"}
    assert counted.headers(orders=True)["X-MBX-ORDER-COUNT-1M"] == "1"

    time.ms += 10_000
    counted.counts.spend_own({TEN_SECONDS: 3, MINUTE: 1})

    assert counted.headers(orders=True)["X-MBX-ORDER-COUNT-1M"] == "2"


def test_limits_that_are_not_enforced_are_still_shown(time: Time) -> None:
    """With enforcement off the counters only count."""
    counted = limits(time, enforced=False)
    counted.counts.spend_arrival({WEIGHT: 99})
    counted.counts.spend_own({TEN_SECONDS: 99, MINUTE: 99})

    assert counted.headers(orders=True)["X-MBX-USED-WEIGHT-1M"] == "99"
