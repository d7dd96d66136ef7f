"""What is under way arrives late, in its order."""

from __future__ import annotations

from collections.abc import Iterator

import anyio
import pytest

from perpmaker.sandbox.latency import DelayLine

pytestmark = pytest.mark.anyio


class Jumpy:
    """A clock on which a while passes between one look and the next."""

    def __init__(self) -> None:
        self._times: Iterator[float] = iter(range(1000))

    def now(self) -> float:
        """A second later each time."""
        return float(next(self._times))

    def utc_ms(self) -> int:
        """No time of day."""
        return 0


async def test_what_is_overdue_is_done_at_once_and_in_order() -> None:
    """An act whose moment has passed already, because what came before it took long, is no error."""
    line, done = DelayLine(Jumpy(), 5), list[int]()

    for number in range(3):
        line.put(lambda number=number: done.append(number))  # type: ignore[misc]  # bound as it is now

    with anyio.move_on_after(0.05):
        await line.run()

    assert done == [0, 1, 2]
