"""Write a configuration as TOML: values exactly as they are, comments in a column beside them."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import attrs

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_COLUMN = 38
_WIDTH = 120


@attrs.frozen(kw_only=True)
class Line:
    """A key, its value as TOML writes it, and a comment. `is_off`: it stands there as a comment, to be taken up."""

    key: str
    value: str
    comment: str = ""
    is_off: bool = False


@attrs.frozen(kw_only=True)
class Block:
    """Keys below a heading of people's, or (`table`) below that of a table."""

    heading: str = ""
    table: str = ""
    lines: Sequence[Line] = ()


def toml_value(value: Any) -> str:  # noqa: ANN401  # whatever a file can hold
    """Return a value as TOML writes it."""
    match value:
        case bool():
            written = "true" if value else "false"
        case Decimal():
            written = f"{value:f}"
        case float():
            written = f"{Decimal(repr(value)):f}"
        case str():
            written = json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case list() | tuple():
            written = f"[{', '.join(map(toml_value, value))}]"
        case Mapping():
            entries = ", ".join(f"{toml_key(key)} = {toml_value(one)}" for key, one in value.items())
            written = f"{{ {entries} }}"
        case _:
            written = str(value)

    return written


def toml_key(key: str) -> str:
    """Return a key as TOML writes it: in quotes where it is no plain word."""
    return key if _BARE.fullmatch(key) else toml_value(key)


def write_toml(introduction: str, blocks: Sequence[Block]) -> str:
    """Return the text of a file."""
    lines = [*_commented(introduction)]

    for block in blocks:
        lines.append("")

        if block.table:
            lines.append(f"[{block.table}]")
        elif block.heading:
            lines.append(f"# {block.heading}")

        lines.extend(text for line in block.lines for text in _written(line))

    return "\n".join(lines).strip() + "\n"


def _commented(text: str) -> Iterator[str]:
    for paragraph in text.splitlines():
        yield from textwrap.wrap(paragraph, _WIDTH, initial_indent="# ", subsequent_indent="# ") or ["#"]


def _written(line: Line) -> Iterator[str]:
    """The line of a key; a comment that does not fit beside it stands above."""
    statement = f"{'# ' if line.is_off else ''}{toml_key(line.key)} = {line.value}"

    if not line.comment:
        yield statement
    elif len(beside := f"{statement.ljust(_COLUMN)} # {line.comment}") <= _WIDTH:
        yield beside
    else:
        yield from textwrap.wrap(line.comment, _WIDTH, initial_indent="# ", subsequent_indent="# ")
        yield statement
