"""Read a YAML file as texts: each value as it is written, with its line. Nothing in it is built, called or guessed.

YAML reads `yes`, `010`, `1:30` and `0.1` as a flag, an octal number, 90 and a binary fraction. Here each of them stays
the text that a person has written, and what it means is decided where the key is known.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Final, TypeAlias

import attrs

from perpmaker.config.file import read_text
from perpmaker.config.pasted import file_words, key_words
from perpmaker.config.structure import is_secret
from perpmaker.errors import WHOLE_FILE, ConfigurationError, Problem

Value: TypeAlias = "str | list[Value] | dict[str, Value] | None"
"""A text, None for no value, or a list or a table of them."""

LARGEST: Final = 131_072
"""Bytes. A configuration of Hummingbot has 5,000; reading one of a megabyte takes minutes."""

EXTRA: Final = 'python -m pip install "pyyaml>=6,<7"'
_DEEPEST: Final = 5
_MOST: Final = 5_000
_NULLS: Final = frozenset({"", "~", "null", "none", "nil"})
_MERGE: Final = "<<"


@attrs.frozen(kw_only=True)
class Entry:
    """A key at the top of the file, its value and its line, from 1."""

    key: str
    value: Value
    line: int


@attrs.frozen(kw_only=True)
class YamlFile:
    """What stands at the top of a file, in its order.

    `doubled` are keys that stand there twice with two values, each with its line.
    """

    name: str
    entries: tuple[Entry, ...]
    doubled: tuple[tuple[str, int], ...] = ()


def read_yaml(path: Path) -> YamlFile:
    """Read a file. ConfigurationError where it is not there, is no YAML, or PyYAML is not installed."""
    name = file_words(path)
    text = read_text(path).removeprefix("\ufeff")

    if len(text.encode()) > LARGEST:
        raise _fault(name, f"is over {LARGEST // 1024} KiB: that is no configuration of Hummingbot")

    yaml = _library()

    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        raise ConfigurationError((_syntax_problem(name, text, error),)) from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        words = "is nested too deeply" if isinstance(error, RecursionError) else f"is not YAML ({type(error).__name__})"
        raise _fault(name, words) from None

    if root is None:
        raise _fault(name, "is empty")

    if not isinstance(root, yaml.MappingNode):
        raise _fault(name, _no_table(text))

    return _Reading(yaml, name).file(root)


def _no_table(text: str) -> str:
    """Say why a text has no keys."""
    if any(line.partition("=")[0].strip().isidentifier() for line in text.splitlines() if "=" in line):
        return "is TOML already: perpmaker check reads it"

    return "has no key: value to a line, with a space after the colon"


def _library() -> Any:  # noqa: ANN401  # a module without types
    try:
        return import_module("yaml")
    except ImportError:
        words = f"is read with PyYAML, which is not installed: {EXTRA} (it is the extra perpmaker[import])"
        raise ConfigurationError((Problem(file="import", key="YAML", allowed=words),)) from None


class _Reading:
    """Walks the nodes of a file; aliases lead to the same node, so that what was seen is counted."""

    def __init__(self, yaml: Any, name: str) -> None:  # noqa: ANN401  # a module without types
        self._yaml = yaml
        self._name = name
        self._count = 0

    def file(self, root: Any) -> YamlFile:  # noqa: ANN401  # a node of that module
        """Take the entries of the top; those of a merged table give way to its own."""
        found: dict[str, Entry] = {}
        doubled: list[tuple[str, int]] = []

        for entry, is_merged in self._entries(root):
            before = found.get(entry.key)

            if before is None or (not is_merged and before.value is None):
                found[entry.key] = entry
            elif not is_merged and entry.value is not None and entry.value != before.value:
                doubled.append((entry.key, entry.line))

        return YamlFile(name=self._name, entries=tuple(found.values()), doubled=tuple(doubled))

    def _entries(self, root: Any, depth: int = 0) -> Iterator[tuple[Entry, bool]]:  # noqa: ANN401  # a node of that module
        merged: list[Any] = []

        for key, value in root.value:
            if not isinstance(key, self._yaml.ScalarNode):
                raise _fault(self._name, "has a key that is no word", key.start_mark.line + 1)

            if key.value == _MERGE:
                merged += [value] if isinstance(value, self._yaml.MappingNode) else getattr(value, "value", [])
            else:
                line = key.start_mark.line + 1
                yield Entry(key=key.value.strip(), value=self._value(value, 0), line=line), False

        for node in merged:
            if isinstance(node, self._yaml.MappingNode) and depth < _DEEPEST:
                yield from ((entry, True) for entry, _ in self._entries(node, depth + 1))

    def _value(self, node: Any, depth: int) -> Value:  # noqa: ANN401  # a node of that module
        self._count += 1

        if depth > _DEEPEST or self._count > _MOST:
            raise _fault(self._name, "is nested too deeply, or too large", node.start_mark.line + 1)

        if isinstance(node, self._yaml.ScalarNode):
            return None if node.value.strip().casefold() in _NULLS else node.value

        if isinstance(node, self._yaml.SequenceNode):
            return [self._value(one, depth + 1) for one in node.value]

        return {str(getattr(key, "value", "")): self._value(one, depth + 1) for key, one in node.value}


def _syntax_problem(name: str, text: str, error: Any) -> Problem:  # noqa: ANN401  # an error of that module
    """What is wrong with the YAML, without the text of the line, which may hold a secret."""
    mark = error.problem_mark or error.context_mark
    lines = text.splitlines() or [""]
    number = min(len(lines), 1 if mark is None else mark.line + 1)
    key, colon, rest = lines[number - 1].partition(":")
    before = lines[number - 2] if number > 1 else ""

    if "expected a single document" in str(error):
        words = "begins a second document (---): a file is one strategy"
    elif "\t" in lines[number - 1][: len(lines[number - 1]) - len(lines[number - 1].lstrip())]:
        words = "is indented with a tab: YAML wants spaces"
    elif colon and rest and not rest.startswith((" ", "\t")):
        words = "needs a space after the colon: key: value"
    elif ":" in before and not before.partition(":")[2].startswith((" ", "\t")) and before.partition(":")[2]:
        number, key, words = number - 1, before.partition(":")[0], "needs a space after the colon: key: value"
    elif rest.strip().startswith(("%", "@", "`")):
        words = f"has a value that begins with {rest.strip()[0]}: put it in quotes, or leave that sign out"
    else:
        words = f"is not YAML: {error.problem or error.context}"

    is_key = key.strip().replace("_", "").isalnum() and not is_secret(key)

    return Problem(file=name, key=key_words(key.strip()) if is_key else "this line", line=number, allowed=words)


def _fault(name: str, allowed: str, line: int | None = None) -> ConfigurationError:
    key = WHOLE_FILE if line is None else "this line"

    return ConfigurationError((Problem(file=name, key=key, line=line, allowed=allowed),))
