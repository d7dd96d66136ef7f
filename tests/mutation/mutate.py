"""Change the code in small ways, one at a time, and list the changes that no test notices.

A command outside of the test run::

    uv run --group mutation python tests/mutation/mutate.py --count 300 --seed 7 --results mutants.jsonl

The changes are those of cosmic-ray's operators (comparisons, numbers, booleans, conditions, loops, exceptions).
The seed draws first a place in the code, then one of the changes of that place. Each is tried in a copy of the
sources, with the tests of its room first. What is in the results already is not tried again, so that an interrupted
command goes on.
"""

from __future__ import annotations

import argparse
import difflib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from cosmic_ray.ast import ast_nodes, get_ast_from_path
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

ROOT = Path(__file__).parents[2]
SOURCES = ("core/src", "plugins/binance_perpetual/src", "plugins/price_sources/src", "plugins/risk_modules/src")
CORE, BINANCE = "core/src/perpmaker", "plugins/binance_perpetual/src/perpmaker_binance_perpetual"

ROOMS = {
    f"{CORE}/state": ("tests/core/state",),
    f"{CORE}/exits": ("tests/core/exits",),
    f"{CORE}/execution": ("tests/core/execution",),
    f"{CORE}/engine": ("tests/core/engine",),
    f"{BINANCE}/outcome.py": ("tests/binance_perpetual/test_outcome.py",),
    f"{BINANCE}/refusals.py": ("tests/binance_perpetual/test_outcome.py",),
    f"{BINANCE}/order_desk.py": ("tests/binance_perpetual/test_outcome.py",),
    f"{BINANCE}/stop_desk.py": ("tests/binance_perpetual/test_stops.py",),
}
"""What is changed, a folder or a file, and the tests that speak of it first."""

THEN = (
    "tests/core/scenarios",
    "tests/faults",
    "tests/core/engine",
    "tests/core/state",
    "tests/core/exits",
    "tests/core/execution",
    "tests/binance_perpetual",
    "tests/end_to_end",
)
"""The tests that follow for every change."""

EQUIVALENT = ("NoOp", "BitOr", "Is_Eq", "IsNot_NotEq", "Eq_Is", "NotEq_IsNot", "RemoveDecorator", "Mul_Pow")
"""Parts of the names of operators that mostly change nothing here: annotations, enums, attrs' decorators."""

TIMEOUT_S = 600.0

Mutant = dict[str, Any]


def places(path: Path) -> dict[tuple[int, int], list[tuple[str, int]]]:
    """The changes of a file by where they are: (operator, occurrence)."""
    found: dict[tuple[int, int], list[tuple[str, int]]] = defaultdict(list)
    tree = get_ast_from_path(path)

    for name in operator_names():
        operator = get_operator(name)

        if any(part in name for part in EQUIVALENT) or operator.arguments():
            continue

        spots = (start for node in ast_nodes(tree) for start, _ in operator().mutation_positions(node))

        for occurrence, start in enumerate(spots):
            found[start].append((name, occurrence))

    return found


def draw(count: int, seed: int, rooms: list[str]) -> list[Mutant]:
    """So many changes, the same for the same seed and sources."""
    chance = random.Random(seed)  # noqa: S311  # a sample, not cryptography
    spots = [
        (str(path.relative_to(ROOT)), room, start, changes)
        for room in rooms
        for path in sorted([ROOT / room] if room.endswith(".py") else (ROOT / room).glob("*.py"))
        for start, changes in sorted(places(path).items())
    ]
    chosen = chance.sample(spots, min(count, len(spots)))

    return [
        {"file": file, "room": room, "line": start[0], "operator": operator, "occurrence": occurrence}
        for file, room, start, changes in chosen
        for operator, occurrence in [chance.choice(changes)]
    ]


def try_one(mutant: Mutant, copy: Path) -> Mutant:
    """The change with what became of it: killed, survived, timeout, or nothing (the change is none)."""
    target = copy / mutant["file"]
    original = target.read_text(encoding="utf-8")
    changed = mutate_code(original, get_operator(mutant["operator"])(), mutant["occurrence"])

    if changed is None or changed == original:
        return {**mutant, "outcome": "nothing"}

    lines = difflib.unified_diff(original.splitlines(), changed.splitlines(), lineterm="", n=1)
    target.write_text(changed, encoding="utf-8")

    try:
        outcome = run_tests(mutant["room"], copy)
    finally:
        target.write_text(original, encoding="utf-8")

    return {**mutant, "outcome": outcome, "diff": "\n".join(list(lines)[2:])}


def run_tests(room: str, copy: Path) -> str:
    """Run the tests of a room and then the others on a copy of the sources; they end with the first that fails."""
    first = ROOMS[room]
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(str(copy / source) for source in SOURCES)}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-x",
        "-q",
        "-n",
        "0",
        *first,
        *(one for one in THEN if one not in first),
    ]

    try:
        done = subprocess.run(  # noqa: S603  # the command is ours
            command, cwd=ROOT, env=environ, timeout=TIMEOUT_S, capture_output=True, check=False
        )
    except subprocess.TimeoutExpired:
        return "timeout"

    return "survived" if done.returncode == 0 else "killed"


def try_all(mutants: list[Mutant], results: Path, jobs: int) -> Iterator[Mutant]:
    """Try every change that is not in the results yet, several at a time, each job in a copy of its own."""
    known = [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []
    tried = {(one["file"], one["operator"], one["occurrence"]) for one in known}
    rest = [one for one in mutants if (one["file"], one["operator"], one["occurrence"]) not in tried]
    yield from known

    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(jobs) as pool, results.open("a") as file:
        copies: SimpleQueue[Path] = SimpleQueue()

        for number in range(jobs):
            for source in SOURCES:
                shutil.copytree(ROOT / source, Path(folder) / str(number) / source)

            copies.put(Path(folder) / str(number))

        def work(mutant: Mutant) -> Mutant:
            copy = copies.get()

            try:
                return try_one(mutant, copy)
            finally:
                copies.put(copy)

        for number, one in enumerate(pool.map(work, rest), 1):
            file.write(json.dumps(one) + "\n")
            file.flush()
            print(f"{number}/{len(rest)} {one['outcome']:9} {one['file']}:{one['line']} {one['operator']}", flush=True)  # noqa: T201
            yield one


def main() -> None:
    """Draw, try, and list what survived."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--results", type=Path, default=Path("mutants.jsonl"))
    parser.add_argument("--room", action="append", choices=list(ROOMS), help="only this; may be repeated")
    wanted = parser.parse_args()
    mutants = draw(wanted.count, wanted.seed, wanted.room or list(ROOMS))
    done = [one for one in try_all(mutants, wanted.results, wanted.jobs) if one["outcome"] != "nothing"]
    survived = [one for one in done if one["outcome"] == "survived"]

    for one in survived:
        print(f"\nsurvived: {one['file']}:{one['line']} {one['operator']}\n{one['diff']}")  # noqa: T201

    print(f"\n{len(survived)} of {len(done)} changes survived")  # noqa: T201


if __name__ == "__main__":
    main()
