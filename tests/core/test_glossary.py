"""The glossary names what is there, and no retired word is left in the code's names."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = ("glossary.md", "architecture.md")
RETIRED = re.compile(
    r"(?i)graveyard|suspicion|aftermath|recollection|patience|persistence|diary|duress|known_orders|inbox|"
    r"stopcompany|readingdoubt|deadman$|denial|denied"
)


def test_every_word_of_the_glossary_leads_to_what_it_means() -> None:
    """Its third column is a module, or a name in one."""
    page = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    places = re.findall(r"\| `(perpmaker\.[\w.]+)` \|$", page, re.MULTILINE)
    assert len(places) >= 30

    for place in places:
        module, _, name = place.rpartition(".")
        assert name[0].islower() or hasattr(import_module(module), name), place
        assert name[0].isupper() or import_module(place), place


def test_every_file_that_the_drawing_names_is_there() -> None:
    """Rooms and modules of docs/architecture.md exist."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = re.findall(r"`([a-z_]+(?:\.[a-z_]+)?)`", page.partition("## Where is")[2])
    core = ROOT / "core" / "src" / "perpmaker"
    missing = {
        name
        for name in named
        if not (core / f"{name.replace('.', '/')}.py").is_file() and not list(core.glob(f"*/{name}.py"))
    }
    assert missing == set()


def test_no_class_or_module_bears_a_retired_word() -> None:
    """One word for one thing: what was renamed does not come back."""
    found = []

    for file in (ROOT / "core" / "src").rglob("*.py"):
        names = [file.stem]
        names += [node.name for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.ClassDef)]
        found += [f"{file.name}: {name}" for name in names if RETIRED.search(name)]

    assert found == []
