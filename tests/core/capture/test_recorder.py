from __future__ import annotations

import json
from pathlib import Path

import attrs
import pytest

from perpmaker.model.event import BookChanged, BookSnapshot, Event, MarkChanged, Traded
from perpmaker.simulation.recording_note import EndNote, MarketNote, parse_note

from .studio import VENUES, Ladder, lines_of, open_studio, reader_of

MARKET = (BookSnapshot, BookChanged, Traded, MarkChanged)

pytestmark = pytest.mark.anyio


async def test_a_recording_holds_what_came_as_it_came_with_its_time(tmp_path: Path) -> None:
    """A market line, the venue's messages with their times in order, and an end that counts them."""
    async with open_studio(tmp_path) as studio:
        await studio.run(10)

    (file,) = studio.files
    lines = [line.split(b" ", 1) for line in lines_of(file)]
    stamps = [int(stamp) for stamp, _ in lines]
    first, last = parse_note(lines[0][1]), parse_note(lines[-1][1])
    assert stamps == sorted(stamps)
    assert stamps[-1] - stamps[0] == pytest.approx(10_000_000_000, abs=100_000_000)
    assert isinstance(first, MarketNote)
    assert first.instrument == studio.recorder.instrument
    assert (first.connector, first.environment, first.part) == ("binance_perpetual", "sandbox", 1)
    assert first.next_funding_ms is not None
    assert first.clock_ahead_ms is not None
    assert abs(first.clock_ahead_ms) <= (first.clock_uncertain_ms or 0)
    assert last == EndNote(reason="--for", messages=len(lines) - 2, gaps=0)
    events = [json.loads(text).get("e", "snapshot") for _, text in lines[1:-1]]
    assert events.count("snapshot") == 1
    assert {"depthUpdate", "aggTrade", "markPriceUpdate"} < set(events)


@pytest.mark.parametrize("venue", VENUES)
async def test_books_of_a_recording_are_those_of_the_venue(tmp_path: Path, venue: str) -> None:
    """After each message of the book, what is read back is the book that the sandbox had when it sent it."""
    async with open_studio(tmp_path, venue) as studio:
        await studio.run(20)

    ladder, compared = Ladder(), 0

    for recorded in reader_of(studio.files, venue).read():
        ladder.fold(recorded.event)

        if isinstance(recorded.event, BookSnapshot | BookChanged):
            assert ladder.sides() in studio.books_before(recorded.at_ms)
            compared += 1

    assert compared > 50


@pytest.mark.parametrize("venue", VENUES)
async def test_a_recording_is_read_as_the_connector_has_heard_it(tmp_path: Path, venue: str) -> None:
    """Books, trades and mark prices, one for one, from the first snapshot on."""
    async with open_studio(tmp_path, venue) as studio:
        await studio.run(20)

    read = [undated(one.event) for one in reader_of(studio.files, venue).read()]
    heard = [undated(event) for event in studio.recorder.heard if isinstance(event, MARKET)]

    for kind in MARKET:
        told = [event for event in heard if isinstance(event, kind)]
        found = [event for event in read if isinstance(event, kind)]
        assert found == told[len(told) - len(found) :]
        assert len(found) >= len(told) - 3
        assert found


def undated(event: Event) -> Event:
    """An event without its time, which not every venue tells."""
    return attrs.evolve(event, venue_ms=0)
