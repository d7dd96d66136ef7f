"""How lines come to the disk: timed, by days, flushed each time, and never more in memory than fits."""

from __future__ import annotations

import gzip
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from perpmaker.capture import lines as of_lines
from perpmaker.capture.files import CaptureFiles, file_name, next_midnight_ns
from perpmaker.capture.lines import Lines, NextFile, write
from perpmaker.errors import CaptureError, ExitCode, RecordingError
from perpmaker.sandbox.compression import COMPRESSIONS, NO_ZSTD, ZSTD_MODULES, zstd_module
from perpmaker.sandbox.recording_file import open_capture
from perpmaker.simulation.recording_note import EndNote, GapNote, Note, encode_note

SECOND_NS = 1_000_000_000
NOON_NS = int(datetime(2026, 12, 1, 12, tzinfo=UTC).timestamp()) * SECOND_NS


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now_ns = NOON_NS

    def __call__(self) -> int:
        """The time."""
        return self.now_ns


def make_lines(clock: Clock) -> Lines:
    """Lines whose files begin with a gap note, which is short."""

    def head() -> Note:
        return GapNote(channels=("book",))

    return Lines(clock, head, lambda reason: EndNote(reason=reason))


def texts(lines: Lines) -> list[bytes | NextFile]:
    """The lines without their times."""
    return [piece if isinstance(piece, NextFile) else piece.split(b" ", 1)[1] for piece in lines.take()]


def test_a_message_is_kept_as_it_came() -> None:
    """Text and bytes alike, to the last character; only the end of a line within it becomes a space."""
    clock = Clock()
    lines = make_lines(clock)
    lines.begin()
    lines.take()
    lines.keep('{"s" : "ÄÖ\\u00e4", "p":"1.0"}')
    lines.keep(b'{"a":1,\r\n "b":2}')
    assert lines.take() == [
        b'%d {"s" : "\xc3\x84\xc3\x96\\u00e4", "p":"1.0"}\n' % NOON_NS,
        b'%d {"a":1,   "b":2}\n' % NOON_NS,
    ]
    assert lines.messages == 2


def test_no_line_is_older_than_the_one_before() -> None:
    """A machine's clock that is set back stands still in the recording until it has caught up."""
    clock = Clock()
    lines = make_lines(clock)
    lines.begin()
    lines.take()

    for step in (0, -3 * SECOND_NS, SECOND_NS):
        clock.now_ns = NOON_NS + step
        lines.keep(b"{}")

    assert [int(bytes(piece).split()[0]) for piece in lines.take() if isinstance(piece, bytes)] == [
        NOON_NS,
        NOON_NS,
        NOON_NS + SECOND_NS,
    ]


def test_a_file_ends_with_its_day_in_utc() -> None:
    """The first message of a day begins the next file; the one before it ends with a line that says so."""
    clock = Clock()
    lines = make_lines(clock)
    lines.begin()
    clock.now_ns = next_midnight_ns(NOON_NS) - 1
    lines.keep(b'{"n":1}')
    clock.now_ns += 1
    lines.keep(b'{"n":2}')
    head, tail = (
        encode_note(GapNote(channels=("book",))) + b"\n",
        encode_note(EndNote(reason="the day is over")) + b"\n",
    )
    assert texts(lines) == [
        NextFile(NOON_NS),
        head,
        b'{"n":1}\n',
        tail,
        NextFile(NOON_NS + 12 * 3600 * SECOND_NS),
        head,
        b'{"n":2}\n',
    ]
    assert file_name("x", clock.now_ns, ".gz") == "x_20261202T000000Z.gz"


def test_what_waits_for_the_disk_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that takes nothing does not fill the memory: what is too much is not kept, and that is known."""
    monkeypatch.setattr(of_lines, "MOST_HELD", 1_000)
    lines = make_lines(Clock())
    lines.begin()

    for _ in range(1_000):
        lines.keep(b"x" * 50)

    assert lines.is_full
    assert sum(len(piece) for piece in lines.take() if isinstance(piece, bytes)) < 1_200
    lines.keep(b"{}")
    assert len(lines.take()) == 1


WITHOUT_ZSTD = pytest.mark.skipif(zstd_module() is None, reason=NO_ZSTD)
NAMES = [pytest.param(name, marks=WITHOUT_ZSTD if name == "zstd" else ()) for name in COMPRESSIONS]


@pytest.mark.parametrize("name", NAMES)
def test_what_was_written_is_there_although_nothing_follows(tmp_path: Path, name: str) -> None:
    """After each write all lines can be read, as after a kill; and the same file goes on."""
    files = CaptureFiles(tmp_path / "a" / "b", "x", name)
    files.prepare()
    written: list[bytes] = []

    for number in range(4):
        new = [b"%d {}\n" % (NOON_NS + number * 10 + n) for n in range(5)]
        begin = [NextFile(NOON_NS)] if number == 0 else []
        write(files, [*begin, *new])
        written += new
        (file,) = (tmp_path / "a" / "b").iterdir()
        found = []

        try:
            found.extend(open_capture(file).lines())
        except RecordingError:
            assert name != "none"

        assert found == written

    files.end()
    assert list(open_capture(file).lines()) == written
    assert files.bytes_written == file.stat().st_size


def test_two_recordings_of_one_second_are_two_files(tmp_path: Path) -> None:
    """No file is ever written over or gone on with: an end that was cut off would spoil what follows."""
    for _ in range(2):
        files = CaptureFiles(tmp_path, "x", "gzip")
        files.begin(NOON_NS)
        files.end()

    assert sorted(file.name for file in tmp_path.iterdir()) == ["x_20261201T120000Z.gz", "x_20261201T120001Z.gz"]


@contextmanager
def full_disk(after: int) -> Iterator[None]:
    """No file may become larger than so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (after, before[1]))

    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_refuses_is_said_in_words(tmp_path: Path) -> None:
    """File and reason, exit code 2; what was written before can be read."""
    files = CaptureFiles(tmp_path, "x", "gzip")
    line = b'%d {"n":"%s"}\n'
    first = [line % (NOON_NS, bytes(str(n), "ascii")) for n in range(10)]
    write(files, [NextFile(NOON_NS), *first])

    with full_disk(files.bytes_written + 10), pytest.raises(CaptureError, match=r"x_.*\.gz: File too large") as caught:
        write(files, [line % (NOON_NS, bytes(str(n * 77_777), "ascii")) for n in range(500)])

    assert caught.value.exit_code is ExitCode.FILE
    files.abandon()
    found = []

    with pytest.raises(RecordingError):
        found.extend(open_capture(tmp_path / files.names[0]).lines())

    assert found[:10] == first


@pytest.mark.parametrize("kind", ["a file", "no permission"])
def test_a_folder_that_cannot_be_written_to_is_said_at_the_start(tmp_path: Path, kind: str) -> None:
    """What stands there is a file, or the user may not write."""
    folder = tmp_path / "out"

    if kind == "a file":
        folder.write_text("")
        words = "out: File exists"
    else:
        folder = Path("/proc/1") if Path("/proc/1").is_dir() else Path("/")
        folder /= "perpmaker"
        words = "perpmaker: "

    with pytest.raises(CaptureError, match=words):
        CaptureFiles(folder, "x", "gzip").prepare()


@WITHOUT_ZSTD
def test_damage_is_no_cut(tmp_path: Path) -> None:
    """In zstd as in gzip: what was changed in the middle is said, and is not taken for the end of a file."""
    module = zstd_module()
    assert module is not None
    file = tmp_path / "x.zst"
    content = bytearray(module.compress(b"%d {}\n" % NOON_NS * 1_000))
    content[8:] = b"\xff" * (len(content) - 8)
    file.write_bytes(content)

    with pytest.raises(RecordingError, match="it is damaged or was cut off"):
        list(open_capture(file).lines())


def test_zstd_without_its_module_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which Python has it, and which extra brings it."""
    monkeypatch.setattr("perpmaker.sandbox.compression.ZSTD_MODULES", ("perpmaker.no_such_module",))
    file = tmp_path / "x.zst"
    file.write_bytes(b"\x28\xb5\x2f\xfd\x00\x00")

    with pytest.raises(RecordingError, match=r"zstd needs Python 3\.14, or the extra"):
        list(open_capture(file).lines())

    assert ZSTD_MODULES[0] == "compression.zstd"


def test_a_capture_need_not_be_compressed(tmp_path: Path) -> None:
    """Whatever its name: what begins with a time is read as it stands."""
    file = tmp_path / "x.gz"
    file.write_bytes(b"%d {}\n" % NOON_NS)
    assert list(open_capture(file).lines()) == [b"%d {}\n" % NOON_NS]
    file.write_bytes(gzip.compress(b"%d {}\n" % NOON_NS))
    assert list(open_capture(file).lines()) == [b"%d {}\n" % NOON_NS]
