from __future__ import annotations

from typing import Any

import anyio
import attrs
import pytest

from perpmaker.clock import LoopClock
from perpmaker.errors import RateLimitedError
from perpmaker.venue import Endpoint, RequestBudget, ServerClock
from perpmaker_binance_perpetual.messages import RateLimit
from perpmaker_binance_perpetual.rest import CANCEL, DEPTH, LIMITS, PLACE, published_limits

pytestmark = pytest.mark.anyio

HEAVY = attrs.evolve(DEPTH, cost=dict.fromkeys(DEPTH.cost, 100))


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Windows are a minute long."""
    return virtual_time


async def spend(
    budget: RequestBudget, endpoint: Endpoint[object], *, urgent: bool = False, patience_s: float = 0.0
) -> int:
    """How many calls pass before one would have to wait."""
    for passed in range(10_000):
        try:
            await budget.admit(endpoint.cost, urgent=urgent, patience_s=patience_s)
        except RateLimitedError:
            return passed

    raise AssertionError("there is no limit")


async def test_a_fifth_is_kept_for_what_is_urgent() -> None:
    """Quotes stop at four fifths of the orders in ten seconds; exits go on to the last."""
    budget = RequestBudget("Binance", LIMITS, LoopClock())

    assert await spend(budget, PLACE) == 240
    assert await spend(budget, PLACE, urgent=True) == 60


async def test_spent_orders_do_not_hold_back_cancels() -> None:
    """Cancels count no orders."""
    budget = RequestBudget("Binance", LIMITS, LoopClock())
    await spend(budget, PLACE, urgent=True)

    assert await spend(budget, CANCEL) == 1920


async def test_waiting_within_patience() -> None:
    """A call that finds its turn soon enough waits for it."""
    clock = LoopClock()
    budget = RequestBudget("Binance", LIMITS, clock)
    await spend(budget, PLACE)
    started = clock.now()
    await budget.admit(PLACE.cost, urgent=False, patience_s=11.0)

    assert clock.now() - started == pytest.approx(10.0)


async def test_the_venues_own_limits_are_adopted_with_what_is_spent() -> None:
    """Another host, other limits; what it does not publish stays, what nobody knows is left alone."""
    budget = RequestBudget("Binance", LIMITS, LoopClock())
    await budget.admit(HEAVY.cost, urgent=False, patience_s=0)
    budget.adopt(
        published_limits(
            [
                RateLimit(rateLimitType="REQUEST_WEIGHT", interval="MINUTE", intervalNum=1, limit=1000),
                RateLimit(rateLimitType="ORDERS", interval="SECOND", intervalNum=10, limit=50),
                RateLimit(rateLimitType="RAW_REQUESTS", interval="MINUTE", intervalNum=5, limit=1),
                RateLimit(rateLimitType="ORDERS", interval="MINUTE", intervalNum=1, limit=0),
            ]
        )
    )

    assert await spend(budget, HEAVY) == 7
    assert await spend(budget, PLACE) == 40


async def test_limits_that_are_known_already_change_nothing() -> None:
    """The rules are read every few minutes: what was spent before is forgotten at its own time all the same."""
    budget = RequestBudget("Binance", LIMITS, LoopClock())
    await spend(budget, PLACE)
    await anyio.sleep(9)
    budget.adopt(published_limits([RateLimit(rateLimitType="ORDERS", interval="SECOND", intervalNum=10, limit=300)]))
    await anyio.sleep(1)

    assert await spend(budget, PLACE) == 240


async def test_F66_the_venues_clock_follows_the_engines() -> None:
    """The distance is taken at the middle of the round trip; before any measurement the machine's clock serves."""
    clock = LoopClock(epoch_ms=1_000)
    server = ServerClock(clock)

    assert server.ms() == 1_000

    now = clock.now()
    server.observe(now, now + 0.2, 5_000_100)

    assert server.uncertainty_s == pytest.approx(0.1)
    assert server.ms(now) == 5_000_000
    assert server.ms(now + 60) == 5_060_000

    server.forget()
    assert server.ms() == clock.utc_ms()
