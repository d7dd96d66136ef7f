"""How many unreadable messages a stream may bring."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from perpmaker.clock import LoopClock
from perpmaker.errors import ConnectivityError, PayloadError
from perpmaker.venue import Tolerance, UnknownMessageError

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Seconds pass in a moment."""
    return virtual_time


async def test_tolerance_forgets_after_a_while() -> None:
    """Only what comes together within the time counts."""
    tolerance = Tolerance(LoopClock(), most=2, within_s=10.0)

    for _ in range(20):
        tolerance.bear(PayloadError("no"))
        await anyio.sleep(10.1)

    assert tolerance.malformed == 20

    tolerance.bear(PayloadError("no"))
    tolerance.bear(PayloadError("no"))

    with pytest.raises(ConnectivityError):
        tolerance.bear(PayloadError("no"))


async def test_the_names_of_unknown_events_are_bounded() -> None:
    """A venue gone mad does not fill the memory."""
    tolerance = Tolerance(LoopClock(), most=0)

    for number in range(10_000):
        tolerance.note(f"event {number}")

    assert len(tolerance.unknown) == 100


async def test_a_message_of_an_unknown_kind_is_no_fault() -> None:
    """It is counted by its name, and never ends the stream."""
    tolerance = Tolerance(LoopClock(), most=0, stream="Ore Exchange's stream")

    for _ in range(3):
        tolerance.bear(UnknownMessageError("news"))

    assert (dict(tolerance.unknown), tolerance.malformed) == ({"news": 3}, 0)

    with pytest.raises(ConnectivityError, match="Ore Exchange's stream cannot be understood"):
        tolerance.bear(PayloadError("no"))
