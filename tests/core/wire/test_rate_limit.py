"""The rate limiter: never more than a window allows, a reserve for what is urgent, pauses and bans."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perpmaker.clock import SystemClock
from perpmaker.wire.rate_limit import (
    DEFAULT_RETRY_AFTER_S,
    MAX_RETRY_AFTER_S,
    RateLimiter,
    Window,
    acquire,
    parse_retry_after,
)

CALLS = st.lists(st.tuples(st.floats(0, 20), st.integers(1, 5), st.booleans()), min_size=1, max_size=80)


@pytest.fixture
def anyio_backend(virtual_time: Any) -> Any:
    """Windows are long."""
    return virtual_time


def _run(limiter: RateLimiter, calls: list[tuple[float, int, bool]]) -> list[tuple[float, int, bool]]:
    """Send calls as soon as the limiter lets them, each at its pause after the one before; when they went."""
    now, sent = 1000.0, []
    for pause_s, weight, urgent in calls:
        now += pause_s
        now += limiter.wait_s(weight, urgent=urgent, now=now)
        # A sum of floats may fall an ulp short of the moment at which room is made.
        now += limiter.wait_s(weight, urgent=urgent, now=now)
        limiter.spend(weight, now=now)
        sent.append((now, weight, urgent))

    return sent


@given(calls=CALLS)
def test_no_interval_ever_holds_more_than_the_limit(calls: list[tuple[float, int, bool]]) -> None:
    """However a venue's window lies, what falls into it stays within every limit."""
    windows = (Window(limit=10, interval_s=10.0), Window(limit=30, interval_s=60.0))
    sent = _run(RateLimiter(windows), calls)
    for window in windows:
        for start, _, _ in sent:
            inside = sum(weight for at, weight, _ in sent if start <= at < start + window.interval_s - 1e-6)

            assert inside <= window.limit


@given(calls=CALLS)
def test_calls_that_are_not_urgent_leave_the_reserve(calls: list[tuple[float, int, bool]]) -> None:
    """Without urgent calls a fifth of each window stays free."""
    window = Window(limit=10, interval_s=10.0)
    sent = _run(RateLimiter((window,)), [(pause_s, weight, False) for pause_s, weight, _ in calls])
    for start, _, _ in sent:
        assert sum(weight for at, weight, _ in sent if start <= at < start + window.interval_s - 1e-6) <= 8


@given(calls=CALLS)
def test_urgent_call_never_waits_longer_than_another(calls: list[tuple[float, int, bool]]) -> None:
    """Urgency only ever helps, and the wait that is named is enough."""
    limiter = RateLimiter((Window(limit=10, interval_s=10.0),))
    sent = _run(limiter, calls)
    now = sent[-1][0]

    assert limiter.wait_s(2, urgent=True, now=now) <= limiter.wait_s(2, urgent=False, now=now) <= 10.0 + 1e-6


def test_urgent_calls_use_the_reserve_at_once() -> None:
    """When the normal share is spent, a cancel still goes."""
    limiter = RateLimiter((Window(limit=10, interval_s=60.0),))
    limiter.spend(8, now=0.0)

    assert limiter.wait_s(1, urgent=False, now=1.0) == 59.0
    assert limiter.wait_s(2, urgent=True, now=1.0) == 0.0
    assert limiter.wait_s(3, urgent=True, now=1.0) == 59.0


def test_venues_own_count_is_taken_over_when_it_is_higher() -> None:
    """Others may share the address; a lower count (the venue's window began anew) changes nothing."""
    limiter = RateLimiter((Window(limit=100, interval_s=60.0),))
    limiter.spend(10, now=0.0)
    limiter.observe(60.0, 70, now=1.0)

    assert limiter.used(60.0, now=1.0) == 70
    limiter.observe(60.0, 5, now=2.0)

    assert limiter.used(60.0, now=2.0) == 70
    assert limiter.used(60.0, now=60.0) == 60
    with pytest.raises(ValueError, match="no window of 10 s"):
        limiter.observe(10.0, 1, now=61.0)


def test_F12_pause_holds_all_but_urgent_calls() -> None:
    """After a 429 only cancels and exits go on, from the reserve."""
    limiter = RateLimiter((Window(limit=100, interval_s=60.0),))
    limiter.pause(30.0, now=0.0)
    limiter.pause(5.0, now=1.0)

    assert limiter.wait_s(1, urgent=False, now=10.0) == 20.0
    assert limiter.wait_s(1, urgent=True, now=10.0) == 0.0
    assert limiter.wait_s(1, urgent=False, now=30.0) == 0.0


def test_F13_ban_holds_everything() -> None:
    """After a 418 nothing is sent until it is over, however urgent."""
    limiter = RateLimiter((Window(limit=100, interval_s=60.0),))
    limiter.ban(120.0, now=0.0)

    assert limiter.wait_s(1, urgent=True, now=100.0) == 20.0
    assert limiter.wait_s(0, urgent=True, now=100.0) == 20.0


def test_absurd_ban_is_capped() -> None:
    """A ban of a million years is a mistake."""
    limiter = RateLimiter((Window(limit=100, interval_s=60.0),))
    limiter.ban(1e15, now=0.0)

    assert limiter.wait_s(1, urgent=True, now=0.0) == MAX_RETRY_AFTER_S


def test_weight_that_never_fits_is_said_at_once() -> None:
    """Waiting for ever is not an answer."""
    with pytest.raises(ValueError, match="9 never fits into 8 per 60 s"):
        RateLimiter((Window(limit=10, interval_s=60.0),)).wait_s(9, urgent=False, now=0.0)


def test_F12_retry_after_is_read_in_every_form() -> None:
    """Seconds, a date, nothing, nonsense and absurd values all give a wait one can live with."""
    for text, seconds in [
        ("30", 30.0),
        ("0", 1.0),
        (None, DEFAULT_RETRY_AFTER_S),
        ("soon", DEFAULT_RETRY_AFTER_S),
        ("-5", DEFAULT_RETRY_AFTER_S),
        ("nan", DEFAULT_RETRY_AFTER_S),
        ("9" * 400, MAX_RETRY_AFTER_S),
        ("Thu, 01 Jan 2026 00:00:20 GMT", 20.0),
        ("Thu, 01 Jan 2026 00:00:20 -0000", 20.0),
        ("Wed, 31 Dec 2025 00:00:00 GMT", 1.0),
        ("Fri, 01 Jan 2999 00:00:00 GMT", MAX_RETRY_AFTER_S),
        ("Fri, 99 Jan 2026 00:00:00 GMT", DEFAULT_RETRY_AFTER_S),
    ]:
        assert parse_retry_after(text, utc_ms=1_767_225_600_000) == seconds


@given(text=st.text())
def test_any_retry_after_gives_a_sane_wait(text: str) -> None:
    """No header value raises or leaves the range."""
    assert 1.0 <= parse_retry_after(text, utc_ms=1_767_225_600_000) <= MAX_RETRY_AFTER_S


@pytest.mark.anyio
async def test_acquire_waits_and_spends_all_limits_together() -> None:
    """A call that two limits count goes when both have room, and only then counts in either."""
    weight = RateLimiter((Window(limit=10, interval_s=60.0),), reserve_share=0.0)
    orders = RateLimiter((Window(limit=1, interval_s=10.0),), reserve_share=0.0)
    started = anyio.current_time()
    for _ in range(3):
        await acquire(((weight, 1), (orders, 1)), SystemClock())

    assert anyio.current_time() - started == pytest.approx(20.0)
    assert weight.used(60.0, now=anyio.current_time()) == 3


@pytest.mark.anyio
async def test_tasks_that_wait_together_share_the_room() -> None:
    """Many tasks waiting for the same moment do not all go at once."""
    limiter = RateLimiter((Window(limit=2, interval_s=10.0),), reserve_share=0.0)
    started = anyio.current_time()
    went: list[float] = []

    async def call() -> None:
        await acquire(((limiter, 1),), SystemClock())
        went.append(anyio.current_time() - started)

    async with anyio.create_task_group() as tasks:
        for _ in range(6):
            tasks.start_soon(call)

    assert went == pytest.approx([0, 0, 10, 10, 20, 20])


@pytest.mark.each_value
@pytest.mark.parametrize("zone", ["+99999999999999999999", "-9999", "+0000 +0000", "-0000"])
@pytest.mark.parametrize("year", ["0001", "1900", "9999"])
def test_date_that_no_clock_has_is_some_pause_all_the_same(zone: str, year: str) -> None:
    """Whatever stands in the header of a refusal, it is a pause within bounds and never an error."""
    pause_s = parse_retry_after(f"Mon, 01 Jan {year} 00:00:00 {zone}", utc_ms=1_700_000_000_000)

    assert 1 <= pause_s <= MAX_RETRY_AFTER_S
