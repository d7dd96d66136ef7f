"""Every key of every settings class against every bad value: F81, generated from the classes themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Annotated, Any, get_args, get_origin

import attrs

from perpmaker.config.settings import RunSettings, SandboxSettings
from perpmaker.exits.settings import ExitSettings
from perpmaker.model.setting import Range
from perpmaker.strategy.settings import StrategySettings
from perpmaker_binance_perpetual.settings import Settings
from perpmaker_bybit_perpetual.settings import Settings as BybitSettings

CLASSES: tuple[tuple[str, type], ...] = (
    ("", RunSettings),
    ("", StrategySettings),
    ("", ExitSettings),
    ("sandbox", SandboxSettings),
    ("binance_perpetual", Settings),
    ("bybit_perpetual", BybitSettings),
)
NEVER = {
    "nan": "nan",
    "infinite": "inf",
    "minus infinite": "-inf",
    "huge": "1e300",
    "huge whole": "9" * 40,
    "huge whole of 5,000 digits": "9" * 5000,
    "tiny": "1e-300",
    "unicode": '"Σπάρτη\\u202e"',
    "path": '"../../etc/passwd"',
    "control": '"a\\u0007b"',
    "list": "[1, 2]",
    "table": "{ x = 1 }",
    "date": "1979-05-27",
}


def fields() -> Iterator[tuple[str, Any]]:
    """(table, field) of every key that holds one value."""
    for table, settings in CLASSES:
        attrs.resolve_types(settings)

        for field in attrs.fields(settings):
            if field.name not in {"order_override", "recording"}:
                yield table, field


FIELDS = tuple(fields())


def bounds(field: Any) -> Range | None:
    """The range in a field's type; None for what is no number."""
    if get_origin(field.type) is Annotated:
        return next((note for note in get_args(field.type) if isinstance(note, Range)), None)

    return Range() if field.type is Decimal else None


def is_allowed(number: int, within: Range) -> bool:
    """Whether a number may be written, worked out apart from the reader."""
    checks = [
        within.above is None or number > within.above,
        within.at_least is None or number >= within.at_least,
        within.below is None or number < within.below,
        within.at_most is None or number <= within.at_most,
    ]

    return number == within.off or all(checks)


def place(with_line: Callable[[str], str], table: str, key: str, value: str) -> tuple[str, str, int]:
    """The text with a key set, the key's full name, and its line."""
    if table:
        text = with_line(f"[{table}]\n{key} = {value}")

        return text, f"{table}.{key}", text.count("\n")

    text = with_line(f"{key} = {value}")

    return text, key, text.count("\n")


def test_F81_value_that_no_key_may_have_is_refused_with_its_line(desk: Any, with_line: Callable[[str], str]) -> None:
    """Wrong types, NaN, infinities, huge and tiny numbers, empty, strange and path-like texts: file, line and key."""
    for table, field in FIELDS:
        for name, value in NEVER.items():
            text, key, line = place(with_line, table, field.name, value)
            problems = [problem for problem in desk.problems(text) if problem.line == line]
            assert problems, name
            assert all(
                problem.key in {key, "this line"} and problem.file.endswith("bot.toml") for problem in problems
            ), name
            assert all(problem.allowed for problem in problems), name


def test_F81_bool_is_no_number_and_no_text(desk: Any, with_line: Callable[[str], str]) -> None:
    """`true` is refused by every key that is not a flag."""
    for table, field in FIELDS:
        text, key, _ = place(with_line, table, field.name, "true")

        if field.type not in {bool, bool | None}:
            assert key in [problem.key for problem in desk.problems(text)]


def test_F81_number_is_taken_exactly_where_its_range_says(desk: Any, with_line: Callable[[str], str]) -> None:
    """Negative numbers, zero and numbers above the range are refused, with the range; numbers inside it are taken."""
    for number in [-1000, -1, 0, 101, 100_000]:
        for table, field in FIELDS:
            within = bounds(field)
            text, key, _ = place(with_line, table, field.name, str(number))

            if within is not None and is_allowed(number, within):
                # Keys that disagree with one another are another test's: here only that the number itself is taken.
                assert f"{key} = {number}: must be a" not in desk.said(text)
            else:
                words = next(problem.allowed for problem in desk.problems(text) if problem.key == key)
                assert words.startswith("must be ")
