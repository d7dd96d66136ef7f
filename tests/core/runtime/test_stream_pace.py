"""Sources that never wait."""

from __future__ import annotations

import anyio
import pytest

from perpmaker.runtime.stream_pace import BURST, LEAST_S, PricePace

pytestmark = pytest.mark.anyio


async def test_a_source_that_always_has_a_price_is_asked_once_a_moment_after_a_few() -> None:
    """What waited on the way comes at once; a source that goes on like that leaves everybody else their time."""
    pace, began_at = PricePace(), anyio.current_time()

    for _ in range(BURST + 1):
        await pace.keep()

    assert anyio.current_time() - began_at < LEAST_S

    for _ in range(100):
        await pace.keep()

    assert anyio.current_time() - began_at >= 99 * LEAST_S


async def test_a_source_that_waits_is_never_held_up() -> None:
    """Prices that are further apart than a moment are passed on as they come."""
    pace = PricePace()

    for _ in range(2 * BURST):
        await anyio.sleep(2 * LEAST_S)
        asked_at = anyio.current_time()
        await pace.keep()
        assert anyio.current_time() == asked_at
