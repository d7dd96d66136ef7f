"""Read a TOML file so that every fault can be said with its line.

tomli gives values without lines and stops at the first fault. The lines are found by growing a chunk of lines until
tomli accepts it as a whole statement; faults are found one after another by leaving out the statement that has one.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias

import attrs
import tomli

from perpmaker.config.habits import line_words, other_format
from perpmaker.config.pasted import file_words, key_words, option_words
from perpmaker.errors import WHOLE_FILE, ConfigurationError, Problem

KeyPath: TypeAlias = tuple[str, ...]
"""A key from the top of the file: `("risk", "exposure_limit", "max_position")`."""

LARGEST = 1_048_576
SET = "--set"
_LONGEST_VALUE = 500  # lines; no setting needs more, and the search for lines stays linear
_MOST_FAULTS = 20
_KEY = re.compile(r"\s*([A-Za-z0-9_.-]+)\s*=")
_PLACE = re.compile(r"\s*\(at (?:line \d+, column \d+|end of document)\)$")
_DROPPED = "__left out"


@attrs.frozen(kw_only=True)
class Document:
    """A file as read: its values, the line of each key, and what could not be read.

    `broken` are the keys whose statement was left out: they are not missing.
    `overridden` are those given on the command line, which have no line.
    """

    name: str
    values: dict[str, Any]
    lines: Mapping[KeyPath, int]
    problems: tuple[Problem, ...] = ()
    broken: frozenset[KeyPath] = frozenset()
    overridden: frozenset[KeyPath] = frozenset()

    def problem(self, path: KeyPath, allowed: str, *, value: str | None = None, nearest: str | None = None) -> Problem:
        """Return a problem with a key, placed where the key stands."""
        key = ".".join(map(key_words, path))
        begins = [given for given in self.overridden if path not in self.lines and given[: len(path)] == path]
        overridden = bool(begins) or any(path[: len(given)] == given for given in self.overridden)
        file, line = (SET, None) if overridden else (self.name, self.lines.get(path))

        return Problem(file=file, key=key, line=line, value=value, allowed=allowed, nearest=nearest)


def read_document(path: Path, overrides: Sequence[str] = ()) -> Document:
    """Read a file and lay `key=value` overrides over it.

    ConfigurationError only when there is nothing to read.
    """
    name = str(path)
    text = read_text(path)
    values, kept, problems, broken = _parse(name, text.removeprefix("\ufeff"))
    lines: dict[KeyPath, int] = {}

    for key, line in _lines(kept):
        lines.setdefault(key, line)  # a table that is added to in several places stands where it begins

    document = Document(name=name, values=values, lines=lines, problems=tuple(problems), broken=frozenset(broken))

    return _overridden(document, overrides)


def read_text(path: Path) -> str:
    """Return the text of the file. ConfigurationError says why there is none."""

    def fault(allowed: str) -> ConfigurationError:
        return ConfigurationError((Problem(file=file_words(path), key=WHOLE_FILE, allowed=allowed),))

    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except FileNotFoundError:
        where = "" if path.parent.is_dir() else f" (and no folder {path.parent})"
        raise fault(f"is not there{where}") from None
    except IsADirectoryError:
        raise fault("is a folder: name a file in it") from None
    except (OSError, ValueError) as error:
        raise fault(f"cannot be read: {getattr(error, 'strerror', None) or error}") from None

    if len(content) > LARGEST:
        raise fault("is over 1 MiB: that is no configuration")

    if _is_binary(content):
        raise fault("is not text: name the configuration, a TOML file")

    if b"\r" in content.replace(b"\r\n", b""):
        raise fault("has line ends that are a carriage return alone, as very old programs write: save it with others")

    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise fault(f"is not UTF-8 text (line {line})") from None


def _is_binary(content: bytes) -> bool:
    """Whether it is something else than a text in whatever encoding: one in twenty bytes steers something."""
    steering = sum(byte < ord(" ") and byte not in b"\t\n\r\f" for byte in content)

    return not content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and 20 * steering > len(content)


def _parse(name: str, text: str) -> tuple[dict[str, Any], list[str], list[Problem], set[KeyPath]]:
    """Parse, leaving out the lines with faults: the values, the lines that remain, the faults, the keys left out."""
    lines = text.replace("\r\n", "\n").split("\n")
    problems: list[Problem] = []
    broken: set[KeyPath] = set()

    while True:
        try:
            values = tomli.loads("\n".join(lines), parse_float=Decimal)
        except (ValueError, RecursionError) as error:
            if not problems and (words := other_format(name, text)) is not None:
                raise ConfigurationError((Problem(file=name, key=WHOLE_FILE, allowed=words),)) from None

            line = _faulty_line(error, lines)
            problems.append(_syntax_problem(name, lines, line, error))

            if line is None or len(problems) >= _MOST_FAULTS:
                raise ConfigurationError(tuple(problems)) from None

            broken.update(_leave_out(lines, line))
        else:
            values = {key: value for key, value in values.items() if not key.startswith(_DROPPED)}

            return values, lines, problems, broken


def _faulty_line(error: ValueError | RecursionError, lines: list[str]) -> int | None:
    """The index of the line that a fault is about; None when it cannot be told (a value that never ends)."""
    number = getattr(error, "lineno", None)

    if number is None or not 0 < number <= len(lines) or "nclosed" in str(error):
        return None

    index = int(number) - 1

    return index if lines[index].strip() and not lines[index].startswith(f'["{_DROPPED}') else None


def _syntax_problem(name: str, lines: list[str], line: int | None, error: ValueError | RecursionError) -> Problem:
    """What tomli says, without the text of the line, which may hold a secret."""
    said = _PLACE.sub("", str(error))
    match = None if line is None else _KEY.match(lines[line])
    key = "this line" if match is None else key_words(match[1])

    if said == "Cannot overwrite a value":
        said = "is there twice: leave one out"
    elif said == r"Illegal character '\n'":
        said = "is a text without its closing quote"
    elif said.startswith("Cannot declare"):
        said = "this table is there twice: put its keys together"
    elif isinstance(error, tomli.TOMLDecodeError):
        said = (None if line is None else line_words(lines[line])) or f"is not TOML: {said}"
    else:
        said = "holds a number or a nesting that is too large"

    last = len(lines) - (lines[-1] == "")

    return Problem(file=name, key=key, line=last if line is None else line + 1, allowed=said)


def _leave_out(lines: list[str], line: int) -> set[KeyPath]:
    """Blank a line; a table's header is replaced, so that the keys below it do not fall into the table above."""
    if lines[line].lstrip().startswith("["):
        lines[line] = f'["{_DROPPED} {line}"]'

        return set()

    match = _KEY.match(lines[line])
    lines[line] = ""

    if match is None:
        return set()

    return {(*_table_at(lines, line), *match[1].split("."))}


def _table_at(lines: list[str], line: int) -> KeyPath:
    """The table that a line belongs to."""
    for above in reversed(lines[:line]):
        if above.lstrip().startswith("["):
            return _header_path(above) or ()

    return ()


def _header_path(line: str) -> KeyPath | None:
    """The path that a header opens; None when the line is not a header."""
    try:
        table: object = tomli.loads(line)
    except ValueError:
        return None

    path: list[str] = []

    while isinstance(table, (dict, list)) and table:
        if isinstance(table, list):
            table = table[0]
        else:
            key, table = next(iter(table.items()))
            path.append(key)

    return tuple(path)


def _lines(lines: list[str]) -> Iterator[tuple[KeyPath, int]]:
    """The line, from 1, of each key and table of a text that tomli accepts as a whole."""
    table: KeyPath = ()
    at = 0

    while at < len(lines):
        text = lines[at].strip()

        if not text or text.startswith("#"):
            at += 1
        elif text.startswith("["):
            table = _header_path(text) or ()
            yield from ((table[:depth], at + 1) for depth in range(len(table), 0, -1))
            at += 1
        else:
            statement, length = _statement(lines, at)
            yield from ((table + path, at + 1) for path in _paths(statement))
            at += length


def _statement(lines: list[str], start: int) -> tuple[dict[str, Any], int]:
    """The statement that begins at a line, and how many lines it takes; too long a one hides the lines behind it."""
    for length in range(1, min(_LONGEST_VALUE, len(lines) - start) + 1):
        try:
            return tomli.loads("\n".join(lines[start : start + length])), length
        except ValueError:
            continue

    return {}, len(lines) - start


def _paths(values: Mapping[str, Any]) -> Iterator[KeyPath]:
    """The path of every key of nested tables."""
    for key, value in values.items():
        yield (key,)

        if isinstance(value, Mapping):
            yield from ((key, *rest) for rest in _paths(value))


def _overridden(document: Document, overrides: Sequence[str]) -> Document:
    """Lay overrides over the file's values, the later over the earlier."""
    values = document.values
    problems = list(document.problems)
    given: set[KeyPath] = set()

    for override in overrides:
        key, equals, text = override.partition("=")
        path = tuple(part.strip() for part in key.split("."))

        if not equals or not all(path):
            words = option_words(key if equals else override, {".".join(known) for known in document.lines})
            problems.append(Problem(file=SET, key=words, allowed="must be written key=value"))
        elif not put_value(values, path, parse_override(text)):
            problems.append(
                Problem(file=SET, key=".".join(map(key_words, path)), allowed="is below a key that is no table")
            )
        else:
            given.add(path)

    return attrs.evolve(document, problems=tuple(problems), broken=document.broken - given, overridden=frozenset(given))


def parse_override(text: str) -> object:
    """Return the value of `--set key=value`: TOML where it is, else the text itself."""
    try:
        parsed = tomli.loads(f"value = {text}", parse_float=Decimal)
    except (ValueError, RecursionError):
        return text.strip()

    return parsed["value"] if set(parsed) == {"value"} else text.strip()


def put_value(values: dict[str, Any], path: KeyPath, value: object) -> bool:
    """Set a nested key, making tables on the way. False when something on the way is no table."""
    for key in path[:-1]:
        below = values.setdefault(key, {})

        if not isinstance(below, dict):
            return False

        values = below

    values[path[-1]] = value

    return True
