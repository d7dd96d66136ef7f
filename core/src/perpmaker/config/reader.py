"""Readers: from one plain TOML value to the value that a type asks for, or what would have been allowed.

They are cattrs hooks, found by type. They are strict where TOML and Python are not: a bool is no number, a text no
number, 3.0 no whole number, and nan, inf and numbers beyond any market are none at all.
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from difflib import get_close_matches
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import attrs
import cattrs

from perpmaker.config.number import LARGEST, TooLargeError, number_words, read_number
from perpmaker.errors import PerpmakerError
from perpmaker.model.setting import Pattern, Range

_LONGEST_TEXT = 4096


class Fault(Exception):  # noqa: N818  # found in a value, and said to a person as a Problem
    """A value is not what is allowed. `allowed` is what is, `nearest` the choice that was probably meant.

    Of a table whose entries are at fault, `inside` has the fault of each, by its name.
    """

    def __init__(self, allowed: str, nearest: str | None = None, inside: Mapping[str, Fault] | None = None) -> None:
        self.allowed = allowed
        self.nearest = nearest
        self.inside = inside or {}
        super().__init__(allowed)


@attrs.frozen
class Reader:
    """A cattrs hook that knows in words what it accepts. `read` returns the value or raises Fault."""

    words: str
    read: Callable[[Any], object]

    def __call__(self, value: object, _: object = None) -> object:
        """Read a value; the second argument is what cattrs calls hooks with."""
        return self.read(value)


def reader_for(wanted: object) -> Reader:
    """Return the reader of a type. PerpmakerError for a type that a configuration cannot hold."""
    hook = _CONVERTER.get_structure_hook(wanted)

    if not isinstance(hook, Reader):
        raise PerpmakerError(f"a setting cannot be of type {wanted}")

    return hook


def _text(words: str, regex: str | None = None) -> Reader:
    def read(value: object) -> str:
        if not isinstance(value, str) or not value.strip() or len(value) > _LONGEST_TEXT:
            raise Fault(words)

        if not value.replace("\n", "").isprintable() or (regex is not None and re.fullmatch(regex, value) is None):
            raise Fault(words)

        return value

    return Reader(words, read)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise Fault("must be true or false")

    return value


def _choice(choices: Mapping[str, object]) -> Reader:
    """One of a few texts."""
    words = f"must be {' or '.join(repr(choice) for choice in choices)}"

    def read(value: object) -> object:
        if not isinstance(value, str) or value not in choices:
            folded = {choice.casefold(): choice for choice in choices}
            near = get_close_matches(str(value).casefold(), folded, 1)
            raise Fault(words, folded[near[0]] if near else None)

        return choices[value]

    return Reader(words, read)


def _number(kind: type, bounds: Range) -> Reader:
    words = number_words(kind, bounds)

    def read(value: object) -> object:
        try:
            return read_number(kind, bounds, value)
        except TooLargeError:
            raise Fault(f"{words}; no number here is larger than 10^{LARGEST.adjusted()}") from None
        except ValueError:
            raise Fault(words) from None

    return Reader(words, read)


def _row(readers: Sequence[Reader]) -> Reader:
    """A list with one value for each reader."""
    each = "; ".join(reader.words.removeprefix("must be ") for reader in readers)
    words = f"must be a list of {len(readers)}: {each}"

    def read(value: object) -> object:
        if not isinstance(value, list) or len(value) != len(readers):
            raise Fault(words)

        return tuple(_nth(reader, at, item) for at, (reader, item) in enumerate(zip(readers, value, strict=True), 1))

    return Reader(words, read)


def _nth(reader: Reader, at: int, item: object) -> object:
    """Read one value of a list; a fault says which one it is."""
    try:
        return reader(item)
    except Fault as fault:
        raise Fault(f"value {at} {fault.allowed}", fault.nearest) from None


def _list(reader: Reader) -> Reader:
    """A list of any length."""
    words = f"must be a list, each {reader.words.removeprefix('must be ')}"

    def read(value: object) -> object:
        if not isinstance(value, list):
            raise Fault(words)

        return tuple(reader(item) for item in value)

    return Reader(words, read)


def _table(reader: Reader) -> Reader:
    """A table of named values."""
    words = f"must be a table, each {reader.words.removeprefix('must be ')}"

    def read(value: object) -> object:
        if not isinstance(value, dict):
            raise Fault(words)

        entries: dict[str, object] = {}
        inside: dict[str, Fault] = {}

        for name, item in value.items():
            try:
                entries[name] = reader(item)
            except Fault as fault:
                inside[name] = fault

        if inside:
            raise Fault(words, inside=inside)

        return entries

    return Reader(words, read)


def _of_annotated(wanted: Any) -> Reader:  # noqa: ANN401  # a type, of which there is no type
    inner, *notes = get_args(wanted)
    bounds = next((note for note in notes if isinstance(note, Range)), None)
    pattern = next((note for note in notes if isinstance(note, Pattern)), None)

    if bounds is not None:
        return _number(_without_none(inner), bounds)

    if pattern is not None:
        return _text(pattern.words, pattern.regex)

    return reader_for(inner)


def _without_none(wanted: Any) -> Any:  # noqa: ANN401  # the same
    """`T | None` is T: a TOML file has no way to write None, and what is off is given by a number or left out."""
    if get_origin(wanted) not in {Union, types.UnionType}:
        return wanted

    rest = [kind for kind in get_args(wanted) if kind is not type(None)]

    return rest[0] if len(rest) == 1 else wanted


def _of_tuple(wanted: Any) -> Reader:  # noqa: ANN401  # the same
    parts = get_args(wanted)

    if len(parts) == 2 and parts[1] is ...:  # noqa: PLR2004  # tuple[T, ...]
        return _list(reader_for(parts[0]))

    return _row([reader_for(part) for part in parts])


def _is_optional(wanted: object) -> bool:
    return _without_none(wanted) is not wanted


def _is_tuple(wanted: object) -> bool:
    return get_origin(wanted) is tuple


def _is_table(wanted: object) -> bool:
    return get_origin(wanted) in {Mapping, dict} and get_args(wanted)[0] is str


def _is_enum(wanted: object) -> bool:
    return isinstance(wanted, type) and issubclass(wanted, Enum)


def _is_annotated(wanted: Any) -> bool:  # noqa: ANN401  # a type, of which there is no type
    return get_origin(wanted) is Annotated


def _is_literal(wanted: Any) -> bool:  # noqa: ANN401  # the same
    return get_origin(wanted) is Literal


_BY_FORM: tuple[tuple[Callable[[Any], bool], Callable[[Any], Reader]], ...] = (  # the last is asked first
    (_is_enum, lambda wanted: _choice({member.value: member for member in wanted})),
    (_is_literal, lambda wanted: _choice({choice: choice for choice in get_args(wanted)})),
    (_is_table, lambda wanted: _table(reader_for(get_args(wanted)[1]))),
    (_is_tuple, _of_tuple),
    (_is_optional, lambda wanted: reader_for(_without_none(wanted))),
    (_is_annotated, _of_annotated),
)


def _make_converter() -> cattrs.Converter:
    converter = cattrs.Converter()
    text = _text("must be a text that is not empty, in quotes")

    for kind in (Decimal, int, float):
        converter.register_structure_hook(kind, _number(kind, Range()))

    converter.register_structure_hook(bool, Reader("must be true or false", _flag))
    converter.register_structure_hook(str, text)
    converter.register_structure_hook(Path, Reader(text.words, lambda value: Path(str(text(value)))))

    for belongs, make in _BY_FORM:
        converter.register_structure_hook_factory(belongs, make)

    return converter


_CONVERTER = _make_converter()
