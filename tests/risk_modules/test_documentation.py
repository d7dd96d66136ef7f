"""docs/risk_modules.md and the distribution's README name every key of every module, with its default."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any, get_type_hints

import attrs

from perpmaker import RiskModuleDeclaration
from perpmaker.model.setting import Percent, Range
from perpmaker_risk_modules import register_risk_modules

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "risk_modules.md").read_text(encoding="utf-8")
README = (ROOT / "plugins" / "risk_modules" / "README.md").read_text(encoding="utf-8")


def declared() -> list[RiskModuleDeclaration[Any]]:
    """Every module."""
    found: list[RiskModuleDeclaration[Any]] = []
    register_risk_modules(found.append)

    return found


def section(name: str) -> str:
    """What the page says of a module; empty where it has no section of its own."""
    match = re.search(rf"^## {name}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)

    return "" if match is None else match[1]


def as_written(default: Any, marker: object) -> str:
    """A default as the page writes it."""
    if default is attrs.NOTHING:
        return "required"

    if default is None:
        off = marker.off if isinstance(marker, Range) else None

        return "none" if off is None else str(off)

    if isinstance(default, bool):
        return str(default).lower()

    if isinstance(default, Decimal):
        return f"{(default * 100 if isinstance(marker, Percent) else default).normalize():f}"

    return f"{default:g}" if isinstance(default, float) else str(default)


def test_each_module_is_named_on_the_page_and_in_the_readme() -> None:
    """By its name as the file has it."""
    for module in declared():
        assert f"`{module.name}`" in README
        assert f"`{module.name}`" in PAGE or section(module.name)


def test_each_key_is_on_the_page_with_its_default() -> None:
    """In the table of its module, where the page has one."""
    for module in declared():
        text = section(module.name)
        hints = get_type_hints(module.settings, include_extras=True)

        for field in attrs.fields(module.settings) if text else ():
            marker = next(iter(getattr(hints[field.name], "__metadata__", ())), None)
            rows = re.findall(rf"^\| `{field.name}` \| ([^|]+) \|", text, re.MULTILINE)
            assert len(rows) == 1, f"{module.name}.{field.name}"
            assert rows[0].split(";")[0].split(" (")[0].strip("` ") == as_written(field.default, marker), field.name
