"""Reads all that a bot has written down, from the outside: while it runs, after it was killed, or long afterwards.

Nothing is locked, made, claimed, mended or written. What cannot be read is said in `unread`, and the rest is read::

    for found in find_journals(root).journals:
        reader = JournalReader(found.path)

        for row in reader.rows(kinds={"step"}):
            ...

        for unread in reader.unread:
            print(unread)
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import attrs
import msgspec

from perpmaker.journal.parts import journals_in, older_parts
from perpmaker.journal.read_file import Chunk, Cursor, FileReader, ReadRow, words_of
from perpmaker.journal.state_dir import JOURNALS, Key, parse_key

START: Final = Cursor()
"""Before the first row."""


@attrs.frozen(kw_only=True)
class Unread:
    """A file, or what follows in it, that could not be read: why, in words for a person."""

    path: Path
    reason: str

    def __str__(self) -> str:
        """Name the file and the reason."""
        return f"{self.path}: {self.reason}"


@attrs.frozen(kw_only=True)
class Run:
    """A run as its first row tells it. `about` is what it was started with: of an early version that is little."""

    run: str
    began_ms: int
    about: Mapping[str, Any]


@attrs.frozen(kw_only=True)
class FoundJournal:
    """A journal of a state directory. `key` is whose it is, None where that cannot be read."""

    path: Path
    key: Key | None


@attrs.frozen(kw_only=True)
class Found:
    """The journals of a state directory, in the order of their names, and what stands there and cannot be read."""

    journals: tuple[FoundJournal, ...] = ()
    unread: tuple[Unread, ...] = ()


def find_journals(root: Path) -> Found:
    """Find the journals of the state directory `root`. None are there where the directory is not."""
    directory = root / JOURNALS

    try:
        paths = journals_in(directory)
        aside = sorted(file for file in directory.iterdir() if ".damaged-" in file.suffix)
    except FileNotFoundError:
        return Found()
    except OSError as error:
        return Found(unread=(Unread(path=directory, reason=words_of(error)),))

    readers = [JournalReader(path) for path in paths]
    journals = tuple(FoundJournal(path=reader.path, key=reader.key()) for reader in readers)
    unread = [one for reader in readers for one in reader.unread]
    unread += [Unread(path=file, reason="it was damaged, and put aside by a start: it is not read") for file in aside]

    return Found(journals=journals, unread=tuple(unread))


@attrs.define
class JournalReader:
    """Reads the journal at `path` with its older parts. `unread` is what could not be read so far.

    `proves`: each row is held against the hash of the row before it, and nothing is taken after one that was changed.
    Where only few kinds are asked for of a long journal, it is much quicker without.
    """

    path: Path
    proves: bool = True
    unread: list[Unread] = attrs.field(factory=list, init=False)

    def files(self) -> list[Path]:
        """Return the files that are there, oldest first."""
        return [*self._older().values(), *([self.path] if self.path.exists() else [])]

    def key(self) -> Key | None:
        """Return whose journal it is, by the newest file that says so. None where none does."""
        owners = (self._of(path).owner() for path in reversed(self.files()))

        return next((key for owner in owners if owner is not None and (key := parse_key(owner)) is not None), None)

    def runs(self) -> Sequence[Run]:
        """Return the runs, oldest first, with what they were started with."""
        found = [(row, _decoded(row.payload)) for row in self.rows(kinds={"run"})]

        return [Run(run=row.run, began_ms=row.utc_ms, about=about) for row, about in found if isinstance(about, dict)]

    def rows(self, after: Cursor = START, kinds: Collection[str] | None = None) -> Iterator[ReadRow]:
        """Yield every row that was written after a cursor, oldest first; `kinds`: only rows of these.

        The rows that a file repeats of the one before it are left out where that one was read. A bot that goes on
        writing is read up to its newest row: the row's `at` is the cursor to go on with.
        """
        number, seq, read = after.part, after.seq, after.part  # `read`: the last file that was read to its end

        while (found := self._at_or_after(number)) is not None:
            part, path = found
            file = self._of(path)

            if part > number or seq == 0:
                seq = file.repeated(part, self.path) if read == part - 1 else 0

            number, chunk = part, self._chunk(file, part, seq, kinds)

            if chunk is None:  # the file has become an older part meanwhile, and is found under its other name
                continue

            yield from chunk.rows

            if chunk.is_last and path == self.path:
                return

            number, seq = (part + 1, 0) if chunk.is_last else (part, chunk.seq)
            read = part if chunk.is_whole else read

    def _chunk(self, file: FileReader, part: int, seq: int, kinds: Collection[str] | None) -> Chunk | None:
        """The next rows of a file; None where another file has its name now."""
        number = part if file.path == self.path else None

        return file.chunk(part, seq, kinds, proves=self.proves, expected=number)

    def _at_or_after(self, number: int) -> tuple[int, Path] | None:
        """Number and path of the first file of this number or a later one."""
        newest = self._of(self.path).number()  # first: a file that becomes an older part now is found among those
        files = {} if newest is None else {newest: self.path}
        files |= self._older()

        return min(((one, path) for one, path in files.items() if one >= number), default=None)

    def _older(self) -> dict[int, Path]:
        try:
            return older_parts(self.path)
        except OSError as error:
            self._say(self.path.parent, words_of(error))
            return {}

    def _of(self, path: Path) -> FileReader:
        return FileReader(path, self._say)

    def _say(self, path: Path, reason: str) -> None:
        unread = Unread(path=path, reason=reason)

        if unread not in self.unread:
            self.unread.append(unread)


def _decoded(payload: bytes) -> object:
    try:
        return msgspec.json.decode(payload)
    except msgspec.MsgspecError:
        return None
