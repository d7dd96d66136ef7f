"""docs/configuration.md names every key that a file may have at its top, with its default."""

from __future__ import annotations

import re
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, get_type_hints

import attrs

from perpmaker.config.settings import RunSettings, SandboxSettings
from perpmaker.exits.settings import ExitSettings
from perpmaker.model.setting import Percent, Range
from perpmaker.strategy.settings import StrategySettings

PAGE = (Path(__file__).parents[3] / "docs" / "configuration.md").read_text(encoding="utf-8")
CLASSES = (RunSettings, StrategySettings, ExitSettings, SandboxSettings)


def documented() -> dict[str, str]:
    """Key -> the default that the page gives it, the text before any remark in brackets."""
    rows = re.findall(r"^\| (`[^|]+`) \| ([^|]+) \|", PAGE, flags=re.MULTILINE)

    return {
        key: default.split(" (")[0].strip("` ") for keys, default in rows for key in re.findall(r"`([a-z_]+)`", keys)
    }


def as_written(value: Any, marker: object) -> str:
    """A default as a person writes it in the file."""
    if value is None:
        off = marker.off if isinstance(marker, Range) else None
        return "none" if off is None else str(off)

    if isinstance(value, Enum):
        return str(value.value)

    if isinstance(value, bool):
        return str(value).lower()

    if isinstance(value, Decimal):
        value = value * 100 if isinstance(marker, Percent) else value
        return f"{value.normalize():f}"

    return f"{value:g}" if isinstance(value, float) else str(value)


def fields() -> list[tuple[Any, Any]]:
    """Every field of the settings that stand at the top of a file, with the marker in its type."""
    return [
        (field, next(iter(getattr(hints[field.name], "__metadata__", ())), None))
        for each in CLASSES
        for hints in [get_type_hints(each, include_extras=True)]
        for field in attrs.fields(each)
    ]


# Defaults that depend on something, or are empty: the page words them.
WORDED = {
    "price_source": "current_market",
    "stop_wait_s": "8; at a terminal: 30",
    "journal_market_data": "true in sandbox and paper, else false",
    "stop_loss_trigger": "best`; with `venue`: `mark",
    "price_source_max_age": "10",
    "seed": "a new one each time",
    "recording_start": "0",
    "shape": "calm",
}


def test_page_names_the_key_with_its_default() -> None:
    """The page has the key, and gives it the default that the code has."""
    for field, marker in fields():
        if field.default is attrs.NOTHING:
            expected = "required"
        elif isinstance(field.default, attrs.Factory) or field.default == ():  # type: ignore[arg-type]  # attrs' stubs
            expected = "none"
        else:
            expected = WORDED.get(field.name, as_written(field.default, marker))

        assert documented()[field.name] == expected


def test_page_names_no_key_that_does_not_exist() -> None:
    """Nothing stands on the page that a file may not say."""
    assert set(documented()) == {field.name for each in CLASSES for field in attrs.fields(each)}
