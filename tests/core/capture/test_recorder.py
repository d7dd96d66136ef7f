from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import attrs
import pytest

from perpmaker.model.event import BookChanged, BookLost, BookSnapshot, Event, MarkChanged, Traded
from perpmaker.simulation.recording_note import EndNote, MarketNote, parse_note
from perpmaker.testing.virtual import virtual_backend

from .studio import VENUES, Ladder, Studio, lines_of, open_studio, reader_of

MARKET = (BookSnapshot, BookChanged, Traded, MarkChanged)
DAY_MS = 86_400_000
MIDNIGHT_MS = 1_767_225_600_000


@attrs.frozen
class Night:
    """A recording of one venue over midnight: its two files, and what was heard meanwhile."""

    venue: str
    studio: Studio
    files: list[Path]


@pytest.fixture(scope="module", params=VENUES)
def night(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Night:
    """Record each venue's sandbox from 3 s before midnight to 3 s after it."""
    folder = tmp_path_factory.mktemp(request.param)
    name, options = virtual_backend()
    studio = anyio.run(partial(_record, folder, request.param), backend=name, backend_options=options)

    return Night(request.param, studio, studio.files)


async def _record(folder: Path, venue: str) -> Studio:
    async with open_studio(folder, venue, epoch_ms=MIDNIGHT_MS - 3_000) as studio:
        await studio.run(6)

    return studio


def test_a_recording_holds_what_came_with_its_time(night: Night) -> None:
    """A market line, the venue's messages with their times in order, and an end that counts them."""
    lines = [line.split(b" ", 1) for file in night.files for line in lines_of(file)]
    stamps = [int(stamp) for stamp, _ in lines]
    texts = [json.loads(text) for _, text in lines]
    recorder = night.studio.recorder
    assert stamps == sorted(stamps)
    assert stamps[-1] // 1_000_000 == pytest.approx(MIDNIGHT_MS + 3_000, abs=200)
    assert len([text for text in texts if "perpmaker" not in text]) == recorder.lines.messages > 40
    assert parse_note(lines[-1][1]) == EndNote(reason="--for", messages=recorder.lines.messages, gaps=0)


def test_the_top_of_a_file_tells_the_market(night: Night) -> None:
    """Its rules, mark price and funding, the venue's clock, and the number of the file."""
    for part, file in enumerate(night.files, start=1):
        note = parse_note(lines_of(file)[0].split(b" ", 1)[1])
        assert isinstance(note, MarketNote)
        assert (note.connector, note.environment, note.part) == (night.venue, "sandbox", part)
        assert note.instrument == night.studio.recorder.instrument
        assert note.mark
        assert note.next_funding_ms is not None
        assert note.clock_ahead_ms is not None
        assert abs(note.clock_ahead_ms) <= (note.clock_uncertain_ms or 0)


def test_books_of_a_recording_are_those_of_the_venue(night: Night) -> None:
    """After each message of the book, what is read back is the book that the sandbox had when it sent it."""
    assert _books(night, night.files) > 18


def test_each_day_plays_by_itself(night: Night) -> None:
    """The file that begins at midnight has a whole book, prices and funding without the one before it."""
    first, second = night.files
    assert [file.name for file in night.files] == ["market_20251231T235957Z.gz", "market_20260101T000000Z.gz"]
    assert isinstance(parse_note(lines_of(first)[-1].split(b" ", 1)[1]), EndNote)
    assert _books(night, [second]) > 6
    events = [one.event for one in reader_of([second], night.venue).read()]
    known = next(n for n, event in enumerate(events) if isinstance(event, BookSnapshot))
    assert sum(isinstance(event, BookChanged) for event in events[known:]) > 5
    assert any(isinstance(event, MarkChanged) and event.funding_rate is not None for event in events)


def test_a_recording_is_read_as_the_connector_has_heard_it(night: Night) -> None:
    """Books, trades and mark prices, one for one over midnight, from the first snapshot on; nothing is lost."""
    read = [undated(one.event) for one in reader_of(night.files, night.venue).read()]
    heard = [undated(event) for event in night.studio.recorder.heard if isinstance(event, (*MARKET, BookLost))]
    assert not any(isinstance(event, BookLost) for event in (*read, *heard))

    for kind in MARKET:
        told = [event for event in heard if isinstance(event, kind)]
        found = [event for event in read[1:] if isinstance(event, kind)]  # the first is what the top of the file says
        assert found == told[len(told) - len(found) :]
        assert len(found) >= len(told) - 3
        assert found


def _books(night: Night, files: list[Path]) -> int:
    """Compare each book with the venue's; return how many there were."""
    ladder, compared = Ladder(), 0

    for recorded in reader_of(files, night.venue).read():
        ladder.fold(recorded.event)

        if isinstance(recorded.event, BookSnapshot | BookChanged):
            assert ladder.sides() in night.studio.books_before(recorded.at_ms)
            compared += 1

    return compared


def undated(event: Event) -> Any:
    """An event without its time, which not every venue tells."""
    return attrs.evolve(event, venue_ms=0) if hasattr(event, "venue_ms") else event


@pytest.mark.anyio
async def test_what_was_taken_to_be_written_is_written_when_the_recording_ends_meanwhile(tmp_path: Path) -> None:
    """The end of a recording comes in the moment between taking lines and handing them to the disk."""
    async with open_studio(tmp_path) as studio:
        recorder, done = studio.recorder, list[bool]()

        async def in_thread(do: Callable[[], object]) -> object:
            await anyio.lowlevel.checkpoint()
            done.append(True)

            return do()

        recorder.in_thread = in_thread
        recorder.lines.begin()

        with anyio.CancelScope() as scope:
            scope.cancel()
            await recorder._write()

        recorder.files.abandon()
        assert done
        assert len(lines_of(studio.files[0])) == 1
