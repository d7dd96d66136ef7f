"""The page about scenarios says what is true: every example of it runs."""

from __future__ import annotations

import re
from pathlib import Path

from perpmaker.testing.scenario import Scenario

PAGE = (Path(__file__).parents[3] / "docs" / "scenarios.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
HEADINGS = [re.findall(r"^#+ (.*)$", PAGE[: PAGE.index(example)], re.MULTILINE)[-1] for example in EXAMPLES]


def test_example_runs_as_it_stands() -> None:
    """Each block stands for itself, and its assertions hold."""
    for example in EXAMPLES:
        above = "\n" * PAGE[: PAGE.index(example)].count("\n")  # so that a failure names the line of the page
        exec(compile(above + example, "docs/scenarios.md", "exec"), {"__name__": "page"})  # noqa: S102  # our own page, on purpose


def test_page_names_every_verb_and_look() -> None:
    """What is public stands in one of the tables."""
    public = {name for name in dir(Scenario) if not name.startswith("_")} - {"now", "instrument"}

    assert {name for name in public if f"`{name}" not in PAGE and f", `{name}" not in PAGE} == set()
