"""The page about risk modules: each example runs as it stands, and every key of every module is on it."""

from __future__ import annotations

import re
from pathlib import Path

import attrs
import pytest

from perpmaker_risk_modules import DECLARATIONS

PAGE = (Path(__file__).parents[2] / "docs" / "risk_modules.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE))
EXAMPLES = {name: re.findall(r"```python\n(.*?)```", text, re.DOTALL) for name, text in SECTIONS.items()}


@pytest.mark.parametrize("name", [name for name, examples in EXAMPLES.items() if examples])
def test_an_example_shows_the_module_acting(name: str) -> None:
    """The scenario has its table, and what it asserts names it as the reason."""
    for example in EXAMPLES[name]:
        above = "\n" * PAGE[: PAGE.index(example)].count("\n")  # so that a failure names the line of the page
        exec(compile(above + example, "docs/risk_modules.md", "exec"), {"__name__": "page"})  # noqa: S102  # our own page
        assert f"{name}: " in example


def test_every_module_has_its_section_with_every_key() -> None:
    """Nothing is left out of it; `exposure_limit` has a page of its own."""
    for declaration in DECLARATIONS:
        keys = () if declaration.name == "exposure_limit" else (one.name for one in attrs.fields(declaration.settings))
        assert [key for key in keys if f"| `{key}` |" not in SECTIONS[declaration.name]] == []
