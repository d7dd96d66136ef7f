"""What is missing of a recording is said: by the recorder, and by the reader where nobody has said it."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from pathlib import Path

import anyio
import pytest

from perpmaker.errors import RecordingError
from perpmaker.model.event import BookChanged, BookLost, BookSnapshot
from perpmaker.simulation.recording_check import Checked, check_gradually
from perpmaker.simulation.recording_note import GapNote, Note, ReconnectNote, is_note, parse_note
from perpmaker.simulation.recording_reader import Recorded
from perpmaker.wire.fault import Fault

from .studio import VENUES, Ladder, Studio, lines_of, open_studio, reader_of, recording_of

pytestmark = pytest.mark.anyio

IN_SHORT = ["binance_perpetual", *(pytest.param(venue, marks=pytest.mark.full) for venue in VENUES[1:])]
"""What is the same for all venues is tried with one of them."""


def notes_of(file: Path) -> list[Note | None]:
    """What the recorder itself says."""
    texts = [line.split(b" ", 1)[1] for line in lines_of(file)]

    return [parse_note(text) for text in texts if is_note(text)]


def checked(files: Sequence[Path], venue: str) -> Checked:
    """Read it as a sandbox does before it plays it."""
    steps = check_gradually(recording_of(files, venue))

    while True:
        try:
            next(steps)
        except StopIteration as done:
            found: Checked = done.value
            return found


def rewritten(file: Path, change: Callable[[list[bytes]], list[bytes]]) -> Path:
    """The same file with other lines."""
    other = file.with_name(f"other_{file.name}")
    other.write_bytes(gzip.compress(b"".join(change(lines_of(file)))))

    return other


def folded(recorded: Sequence[Recorded], studio: Studio) -> int:
    """Compare each book that is known with the venue's; return how many there were."""
    ladder, compared = Ladder(), 0

    for one in recorded:
        ladder.fold(one.event)

        if ladder.is_known and isinstance(one.event, BookSnapshot | BookChanged):
            assert ladder.sides() in studio.books_before(one.at_ms)
            compared += 1

    return compared


@pytest.mark.parametrize("venue", [VENUES[0], pytest.param(VENUES[1], marks=pytest.mark.full), VENUES[2]])
async def test_lost_connections_are_lines_and_a_lost_book(tmp_path: Path, venue: str) -> None:
    """The recorder says what is missing and since when; read back, the book is lost there, and right after it."""
    async with open_studio(tmp_path, venue) as studio, anyio.create_task_group() as tasks:
        tasks.start_soon(studio.run, 4)
        await anyio.sleep(2)
        await studio.sandbox.faults.inject(Fault(act="reset", when="now"))

    (file,) = studio.files
    notes = notes_of(file)
    gaps = [note for note in notes if isinstance(note, GapNote)]
    reconnects = [note for note in notes if isinstance(note, ReconnectNote)]
    assert {channel for note in gaps for channel in note.channels} == {"book", "mark", "trades"}
    assert {note.channels for note in reconnects} == {note.channels for note in gaps}
    assert all(0 < note.after_ms < 500 for note in reconnects)
    assert (studio.recorder.gaps, studio.recorder.reconnects) == (2, 2)
    read = list(reader_of(studio.files, venue).read())
    assert [type(one.event) for one in read if isinstance(one.event, BookLost | BookSnapshot)] == [
        BookSnapshot,
        BookLost,
        BookSnapshot,
    ]
    assert folded(read, studio) > 5


@pytest.mark.parametrize("venue", IN_SHORT)
async def test_a_recording_that_ends_without_a_connection_is_used_up_to_its_loss(tmp_path: Path, venue: str) -> None:
    """The venue goes away and the recording is stopped: what came until then plays, and that is said."""
    async with open_studio(tmp_path, venue) as studio, anyio.create_task_group() as tasks:
        tasks.start_soon(studio.run, 5)
        await anyio.sleep(3)
        studio.sandbox.faults.add(Fault(act="status", arg=503, times=None))
        await studio.sandbox.faults.inject(Fault(act="reset", when="now"))

    found = checked(studio.files, venue)
    assert found.events is not None
    assert found.events > 8
    assert "is not used" in found.notes[-1]
    assert found.last_ms - found.first_ms == pytest.approx(3_000, abs=200)


PLACES = {
    "binance_perpetual": (b'"e":"depthUpdate"',),
    "bybit_perpetual": (b'"orderbook.', b'"type":"delta"'),
    "dydx_perpetual": (b"channel_batch_data", b"v4_orderbook"),
}
WORDS = {
    "binance_perpetual": "a gap in the book stream",
    "bybit_perpetual": "a gap in the book stream",
    "dydx_perpetual": "has lost message",
}


@pytest.mark.parametrize("venue", VENUES)
async def test_a_line_that_is_missing_is_found_where_nobody_says_so(tmp_path: Path, venue: str) -> None:
    """One line of the book is taken out in the middle: the reader names file and line, and the venue's own reason."""
    async with open_studio(tmp_path, venue) as studio:
        await studio.run(3)

    def without_one(lines: list[bytes]) -> list[bytes]:
        of_book = [n for n, line in enumerate(lines) if all(word in line for word in PLACES[venue])]
        middle = of_book[len(of_book) // 2]

        return [*lines[:middle], *lines[middle + 1 :]]

    with pytest.raises(RecordingError, match=WORDS[venue]) as caught:
        checked([rewritten(studio.files[0], without_one)], venue)

    assert caught.value.line is not None


async def test_a_cut_tail_is_read_up_to_the_cut(tmp_path: Path) -> None:
    """Wherever a file ends, all whole lines before that are there."""
    async with open_studio(tmp_path) as studio:
        await studio.run(4)

    (file,) = studio.files
    whole, content = lines_of(file), file.read_bytes()

    for share in (0.3, 0.6, 0.95):
        cut = tmp_path / "cut.gz"
        cut.write_bytes(content[: int(len(content) * share)])
        kept = lines_of(cut)
        assert kept == whole[: len(kept)]
        assert len(kept) > len(whole) * (share - 0.3)
        assert checked([cut], "binance_perpetual").notes[0].startswith(str(cut))


@pytest.mark.parametrize("venue", VENUES[1:])
async def test_two_recordings_of_a_market_are_two(tmp_path: Path, venue: str) -> None:
    """The second one was begun anew: between them the book is lost, and known again."""
    for number in (1, 2):
        async with open_studio(tmp_path, venue, epoch_ms=1_767_225_600_000 + number * 60_000) as studio:
            await studio.run(2)

    read = [one.event for one in reader_of(studio.files, venue).read()]
    lost = [event for event in read if isinstance(event, BookLost)]
    assert [event.reason for event in lost] == ["the recording was begun anew here"]
    assert sum(isinstance(event, BookSnapshot) for event in read) == 2


async def test_a_recording_of_another_market_is_refused(tmp_path: Path) -> None:
    """Two markets in one list of files: the line where the other one begins is named."""
    for second, market in enumerate(("BTC-USDT", "ETH-USDT")):
        epoch_ms = 1_767_225_600_000 + second * 10_000

        async with open_studio(tmp_path, market=market, epoch_ms=epoch_ms) as studio:
            await studio.run(1)

    with pytest.raises(RecordingError, match=r":1: .*from here on it is of the market 'ETH-USDT', not of BTC-USDT"):
        checked(studio.files, "binance_perpetual")


async def test_what_makes_no_sense_is_left_out_and_said(tmp_path: Path) -> None:
    """A message that cannot be read is recorded as it came; read back it is left out, as live."""
    async with open_studio(tmp_path) as studio, anyio.create_task_group() as tasks:
        tasks.start_soon(studio.run, 4)
        await anyio.sleep(2)
        fault = Fault(act="body", method="WS", arg='{"what":\n"is this"}', contains="markPriceUpdate")
        studio.sandbox.faults.add(fault)

    (file,) = studio.files
    assert any(line.endswith(b' {"what": "is this"}\n') for line in lines_of(file))
    (note,) = checked([file], "binance_perpetual").notes
    assert note.startswith("1 line makes no sense")
    assert str(file) in note
