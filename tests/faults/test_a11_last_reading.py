"""A11: an execution that only the last reading of a run tells of is told, counted and in the result."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from perpmaker.testing.session import open_session
from perpmaker.wire.fault import Fault

from .end_site import in_position
from .test_a11_result import FILE, IncomeKind, income
from .venue_site import VenueWords

pytestmark = pytest.mark.anyio

FAR = ("long_profit_taking_spread=5", "short_profit_taking_spread=5", "stop_loss_spread=3")


@pytest.fixture
def anyio_backend(virtual_time: Any) -> Any:
    """Virtual time."""
    return virtual_time


async def test_A11_a_close_that_nothing_but_the_history_shows_is_told_and_in_the_result(venue: VenueWords) -> None:
    """Its answer is lost, the stream is silent, and the venue says not to know it, by either name."""
    async with open_session(FILE, *venue.settings, *FAR, seed=3) as session:
        began_ms = session.clock.utc_ms()

        async def hide() -> None:
            await in_position(session)
            faults = session.sandbox.faults
            venue.arm(session, "orders", act="drop", when="after")
            venue.arm(session, "order", act="status", arg=venue.not_found)

            for word in venue.told.values():
                faults.add(Fault(method="WS", path=venue.private, contains=word, act="drop", times=None))

        async with anyio.create_task_group() as group:
            group.start_soon(hide)
            summary = await session.run(30, close=True)

        booked = income(session.sandbox.exchange, began_ms, IncomeKind.REALIZED, IncomeKind.FEE)[venue.asset]

    assert summary.position == 0
    assert summary.result == booked
    assert not [line for line in session.told if "by hand" in line and "(order )" in line]
    assert [line for line in session.told if line.startswith("close: ")]
