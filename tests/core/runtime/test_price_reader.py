"""The trader's question for a price is put to a venue that can be asked."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, cast

import anyio
import attrs
import pytest

from perpmaker.clock import LoopClock
from perpmaker.errors import ConnectivityError, VenueError
from perpmaker.execution.dispatch import Gate
from perpmaker.model.event import Event, MarkChanged
from perpmaker.model.instrument import Instrument
from perpmaker.runtime.price_reader import PriceReader
from perpmaker.testing.view import make_instrument

pytestmark = pytest.mark.anyio

MARK = MarkChanged(mark=Decimal(100), index=None, funding_rate=None, next_funding_ms=None, venue_ms=1)


@attrs.define
class Venue:
    """Takes a second to say what its mark price is."""

    mark: MarkChanged | None = MARK
    fault: VenueError | None = None
    asked: int = 0

    async def fetch_mark(self, instrument: Instrument) -> MarkChanged | None:
        """The mark price."""
        del instrument
        self.asked += 1
        await anyio.sleep(1)

        if self.fault is not None:
            raise self.fault

        return self.mark


def reader(venue: object, emitted: list[Event]) -> PriceReader:
    """A reader that emits into a list."""

    def emit(events: Sequence[Event]) -> None:
        emitted.extend(events)

    gate = Gate(clock=LoopClock())

    return PriceReader(connector=cast("Any", venue), instrument=make_instrument(), gate=gate, emit=emit)


async def test_questions_that_overlap_are_one() -> None:
    """A venue that is slow is not asked twice at a time."""
    venue, emitted = Venue(), list[Event]()
    asking = reader(venue, emitted)

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(asking.ask)

    assert (venue.asked, emitted) == (1, [attrs.evolve(MARK, asked=True)])
    await asking.ask()
    assert venue.asked == 2


async def test_no_answer_and_an_old_one_are_no_price() -> None:
    """Nor is there one where the venue cannot be asked; the trader asks again."""
    for venue in [Venue(mark=None), Venue(fault=ConnectivityError("gone")), object()]:
        emitted: list[Event] = []
        await reader(venue, emitted).ask()

        assert emitted == []
