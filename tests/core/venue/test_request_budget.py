"""The request limits of a made-up venue: points in a minute, and orders in a second."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import anyio
import pytest

from perpmaker.clock import LoopClock
from perpmaker.errors import RateLimitedError
from perpmaker.venue import Limit, RequestBudget

pytestmark = pytest.mark.anyio

POINTS, ORDERS = Limit("points", 60), Limit("orders", 1)


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Windows pass in a moment."""
    return virtual_time


def make() -> RequestBudget:
    """A budget of 100 points and 10 orders."""
    return RequestBudget("Ore Exchange", {POINTS: 100, ORDERS: 10}, LoopClock())


async def spend(budget: RequestBudget, cost: Mapping[Limit, int], *, urgent: bool = False) -> int:
    """How many requests pass before one would have to wait."""
    for passed in range(1_000):
        try:
            await budget.admit(cost, urgent=urgent, patience_s=0.0)
        except RateLimitedError:
            return passed

    raise AssertionError("there is no limit")


async def test_a_fifth_is_kept_for_urgent_requests() -> None:
    """Quotes stop at four fifths, exits go on."""
    budget = make()

    assert [await spend(budget, {ORDERS: 1}), await spend(budget, {ORDERS: 1}, urgent=True)] == [8, 2]


async def test_a_limit_that_is_not_named_does_not_hold_back() -> None:
    """One that is named with no units does."""
    budget = make()
    budget.observe([(POINTS, 90)])

    assert [await spend(budget, {ORDERS: 1}), await spend(budget, {POINTS: 0, ORDERS: 1})] == [8, 0]
    await anyio.sleep(1)
    assert await spend(budget, {POINTS: 0, ORDERS: 1}) == 0


async def test_a_request_that_finds_its_turn_in_time_waits_for_it() -> None:
    """The window goes on with the clock."""
    budget = make()
    started = anyio.current_time()
    await spend(budget, {ORDERS: 1})
    await budget.admit({ORDERS: 1}, urgent=False, patience_s=2.0)

    assert anyio.current_time() == pytest.approx(started + 1.0)


async def test_what_is_said_about_use_counts_where_it_is_more() -> None:
    """Somebody else uses the same address."""
    budget = make()
    await budget.admit({POINTS: 30}, urgent=False, patience_s=0)
    budget.observe([(POINTS, 20)])
    budget.observe([(POINTS, 75)])

    assert await spend(budget, {POINTS: 1}) == 5


async def test_a_pause_of_one_kind_holds_back_that_kind() -> None:
    """Not what is urgent, and not the others."""
    budget = make()
    budget.pause(5.0, kinds={"orders"})

    assert [await spend(budget, {ORDERS: 1}), await spend(budget, {POINTS: 50})] == [0, 1]
    assert await spend(budget, {ORDERS: 1}, urgent=True) == 10


async def test_a_pause_of_everything_is_told_with_its_seconds() -> None:
    """Whoever is refused knows when to come back."""
    budget = make()
    budget.pause(5.0)

    with pytest.raises(RateLimitedError, match=r"Ore Exchange's request budget is spent for another 5\.0 s") as raised:
        await budget.admit({ORDERS: 1}, urgent=False, patience_s=1.0)

    assert raised.value.retry_after_s == pytest.approx(5.0)


async def test_a_ban_holds_back_everything_until_its_end() -> None:
    """Urgent requests too."""
    budget = make()
    budget.ban(120.0)

    with pytest.raises(RateLimitedError, match="Ore Exchange has shut this address out for another 120 s"):
        await budget.admit({ORDERS: 1}, urgent=True, patience_s=1.0)

    await anyio.sleep(121)
    await budget.admit({ORDERS: 1}, urgent=True, patience_s=0.0)


async def test_published_limits_replace_documented_ones_and_keep_what_is_spent() -> None:
    """Unknown limits, and limits of nothing, are passed over; a pause stays."""
    budget = make()
    await budget.admit({POINTS: 40}, urgent=False, patience_s=0)
    budget.adopt({POINTS: 200, ORDERS: 0, Limit("moons", 1): 5})

    assert [await spend(budget, {POINTS: 1}), await spend(budget, {ORDERS: 1})] == [120, 8]

    budget.pause(5.0, kinds={"orders"})
    await anyio.sleep(2)
    budget.adopt({ORDERS: 20})

    assert await spend(budget, {ORDERS: 1}) == 0
