"""The page docs/faults.md explains every code that names of tests begin with."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
CODE = re.compile(r"^\| ([A-Z]\d*) \|", re.MULTILINE)
NAME = re.compile(r"def test_((?:[A-Z]\d*_)+)")


def test_every_code_in_the_name_of_a_test_is_explained() -> None:
    """A reader of `test_F31_...` finds what F31 is about."""
    explained = {code.replace("S0", "S") for code in CODE.findall((ROOT / "docs" / "faults.md").read_text())}
    used = {
        code.replace("S0", "S"): f"{file.name}: {code}"
        for file in (ROOT / "tests").rglob("test_*.py")
        for codes in NAME.findall(file.read_text())
        for code in codes.strip("_").split("_")
    }
    assert [where for code, where in sorted(used.items()) if code not in explained] == []
