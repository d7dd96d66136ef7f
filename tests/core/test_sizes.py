"""How long a function may be: what does not fit on a screen is read by nobody."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
LONGEST = 60


def test_no_function_is_longer_than_a_screen() -> None:
    """Core and plugins, whatever they do."""
    sources = [*(ROOT / "core" / "src").rglob("*.py"), *(ROOT / "plugins").glob("*/src/**/*.py")]
    found = []

    for file in sources:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                found += [f"{file.name}:{node.lineno}: {node.name} has {lines} lines"] if lines > LONGEST else []

    assert len(sources) > 300
    assert found == []
