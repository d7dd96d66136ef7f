"""Which tests reach a line: recorded by one run of the tests in memory, kept beside the results for each commit."""

from __future__ import annotations

import ast
import hashlib
import json
import subprocess
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

import attrs
from bench import ROOT, TESTS, pytest
from coverage import CoverageData

Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def commit() -> str:
    """Name what is tested: the commit, and what was changed since."""
    head = subprocess.check_output(["git", "rev-parse", "--short=12", "HEAD"], cwd=ROOT, text=True)  # noqa: S607
    changed = subprocess.check_output(["git", "diff", "HEAD"], cwd=ROOT)  # noqa: S607

    return head.strip() + (f"-{hashlib.sha256(changed).hexdigest()[:6]}" if changed else "")


@attrs.define(slots=False)
class Reach:
    """The lines that each test reaches, and the seconds that each takes."""

    data: CoverageData
    seconds: dict[str, float]

    @classmethod
    def at(cls, beside: Path, rooms: Iterable[str], jobs: int) -> Reach:
        """Read what is known of this commit, or run the tests twice: with their lines noted, and with their times."""
        kept = beside.with_suffix(f".{commit()}.lines").absolute()
        times = kept.with_suffix(".times")

        if not times.exists():
            include = ",".join(str(ROOT / room) + ("" if room.endswith(".py") else "/*") for room in rooms)

            with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(jobs) as pool:
                parts = [Path(folder) / str(number) for number in range(len(TESTS))]
                found = list(pool.map(lambda part, tests: record(part, tests, include), parts, TESTS))
                data = CoverageData(basename=str(kept))
                data.erase()

                for part in parts:
                    one = CoverageData(basename=str(part))
                    one.read()
                    data.update(one)

            times.write_text(json.dumps({test: spent for seconds in found for test, spent in seconds.items()}))

        data = CoverageData(basename=str(kept))
        data.read()

        return cls(data=data, seconds=json.loads(times.read_text()))

    @cached_property
    def _files(self) -> dict[str, tuple[ast.Module, dict[int, set[str]]]]:
        return {}

    def _file(self, file: str) -> tuple[ast.Module, dict[int, set[str]]]:
        if file not in self._files:
            path = ROOT / file
            reached = self.data.contexts_by_lineno(str(path))
            tests = {line: {test for test in found if test in self.seconds} for line, found in reached.items()}
            self._files[file] = ast.parse(path.read_text(encoding="utf-8")), tests

        return self._files[file]

    def is_in_function(self, file: str, line: int) -> bool:
        """Whether a line runs when a function is called, not once at import."""
        inside = [scope for scope in enclosing(self._file(file)[0], line)[0] if line >= scope.body[0].lineno]

        return any(isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef) for scope in inside)

    def tests(self, file: str, line: int) -> list[str]:
        """Give the tests that reach a line, quickest first; those nearest to it where it runs once at import."""
        tree, reached = self._file(file)
        around, own = enclosing(tree, line)
        found = [union(reached, own)]

        if not self.is_in_function(file, line):
            found += [union(reached, range(scope.lineno, (scope.end_lineno or 0) + 1)) for scope in reversed(around)]
            found += [union(reached, reached)]

            if not any(found):  # a file without a function
                found += [set(self.seconds)]

        first = {test: rank for rank, tests in reversed(list(enumerate(found))) for test in tests}

        return sorted(first, key=lambda test: (first[test], self.seconds[test]))


def record(part: Path, tests: str, include: str) -> dict[str, float]:
    """Write which lines the tests reach; the seconds of those that pass twice, also in the order of their seconds."""
    noted, again = part.with_suffix(".noted"), part.with_suffix(".times")
    pytest([tests], ROOT, limit_s=3600, record=part, include=include, times=noted)
    seconds: dict[str, float] = json.loads(noted.read_text())
    noted.write_text(json.dumps(dict(sorted(seconds.items(), key=lambda one: one[1]))))
    pytest([tests], ROOT, limit_s=3600, chosen=noted, times=again)
    seconds = json.loads(again.read_text())
    print(f"{tests}: {len(seconds)} tests, {sum(seconds.values()):.0f} s", flush=True)  # noqa: T201

    return seconds


def union(reached: dict[int, set[str]], lines: Iterable[int]) -> set[str]:
    """Give the tests that reach any of the lines."""
    return {test for line in lines for test in reached.get(line, ())}


def enclosing(tree: ast.Module, line: int) -> tuple[list[Scope], range]:
    """Give functions and classes around a line, outermost first, and the lines of the statement it belongs to."""
    around: list[Scope] = []
    own = range(line, line + 1)

    for node in ast.walk(tree):
        if not isinstance(node, ast.stmt | ast.ExceptHandler | ast.match_case):
            continue

        first, last = span(node)

        if not first <= line <= last:
            continue

        if isinstance(node, Scope):
            around.append(node)

        body: list[ast.stmt] = getattr(node, "body", [])
        head = range(first, body[0].lineno if body and body[0].lineno > first else last + 1)
        own = head if line in head else own

    return around, own


def span(node: ast.stmt | ast.ExceptHandler | ast.match_case) -> tuple[int, int]:
    """Give the first and last line of a statement, decorators included."""
    if isinstance(node, ast.match_case):
        return node.pattern.lineno, node.body[-1].end_lineno or 0

    decorators = [one.lineno for one in getattr(node, "decorator_list", [])]

    return min([node.lineno, *decorators]), node.end_lineno or 0
