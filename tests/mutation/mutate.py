"""Change the code in small ways, one at a time, and list the changes that no test notices.

A command outside of the test run::

    uv run --group mutation python tests/mutation/mutate.py --count 300 --seed 7 --results mutants.jsonl

The changes are those of cosmic-ray's operators (comparisons, numbers, booleans, conditions, loops, exceptions).
The seed orders the places in the code and draws one of the changes of each. Each is tried in a copy of the sources
with the tests that reach its line, quickest first, as many as fit into `--seconds`; which those are is recorded once
for each commit, beside the results. A change is caught (killed, or out of time or memory), survives, or is at a line
that no test reaches.

What is in the results is not tried again: an interrupted command goes on, and a larger `--count` draws on.
`--again` tries what survived once more, with the tests of today; `--list` only lists. `--also FILE` names changes
that were argued to change nothing (`file`, `operator` and `diff` of a line of the results); they are told apart.
"""

from __future__ import annotations

import argparse
import difflib
import json
import random
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from bench import ROOT, Bench
from cosmic_ray.ast import ast_nodes, get_ast_from_path
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names
from reach import Reach, commit

CORE, BINANCE = "core/src/perpmaker", "plugins/binance_perpetual/src/perpmaker_binance_perpetual"

ROOMS = (
    f"{CORE}/state",
    f"{CORE}/exits",
    f"{CORE}/execution",
    f"{CORE}/decision",
    f"{CORE}/journal",
    f"{CORE}/runtime",
    f"{CORE}/launch",
    f"{CORE}/venue/answer.py",
    f"{CORE}/venue/order_outcome.py",
    f"{CORE}/venue/order_client.py",
    f"{BINANCE}/refusals.py",
    f"{BINANCE}/orders.py",
)
"""What is changed: folders and files."""

EQUIVALENT = ("NoOp", "BitOr", "Is_Eq", "IsNot_NotEq", "Eq_Is", "NotEq_IsNot", "RemoveDecorator", "Mul_Pow")
"""Parts of the names of operators that mostly change nothing here: annotations, enums, attrs' decorators."""

DECORATORS = ("@attrs", "@unique")
"""Lines that are left alone: how a class may be built is nothing that it does."""

MISSED = {"survived", "not reached"}

Mutant = dict[str, Any]


def places(path: Path) -> dict[tuple[int, int], list[tuple[str, int]]]:
    """The changes of a file by where they are: (operator, occurrence)."""
    found: dict[tuple[int, int], list[tuple[str, int]]] = defaultdict(list)
    nodes = list(ast_nodes(get_ast_from_path(path)))

    for name in operator_names():
        operator = get_operator(name)

        if any(part in name for part in EQUIVALENT) or operator.arguments():
            continue

        spots = (start for node in nodes for start, _ in operator().mutation_positions(node))

        for occurrence, start in enumerate(spots):
            found[start].append((name, occurrence))

    return found


def draw(seed: int, rooms: list[str]) -> Iterator[Mutant]:
    """Every place with one change, in an order that is the same for the same seed and sources."""
    chance = random.Random(seed)  # noqa: S311  # a sample, not cryptography
    spots = [
        (str(path.relative_to(ROOT)), start, changes)
        for room in rooms
        for path in sorted([ROOT / room] if room.endswith(".py") else (ROOT / room).glob("*.py"))
        for start, changes in sorted(places(path).items())
    ]
    chance.shuffle(spots)

    for file, start, changes in spots:
        operator, occurrence = chance.choice(changes)
        before, after = change(file, operator, occurrence)

        if before != after and not before.splitlines()[start[0] - 1].startswith(DECORATORS):
            diff = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=1)
            yield {
                "file": file,
                "line": start[0],
                "operator": operator,
                "occurrence": occurrence,
                "diff": "\n".join(list(diff)[2:]),
            }


def change(file: str, operator: str, occurrence: int) -> tuple[str, str]:
    """The text of a file before and after a change."""
    before = (ROOT / file).read_text(encoding="utf-8")
    after = mutate_code(before, get_operator(operator)(), occurrence)

    return before, before if after is None else after


def again(mutant: Mutant) -> Mutant | None:
    """The same change in the sources of today; none where its lines are no longer there."""
    text = (ROOT / mutant["file"]).read_text(encoding="utf-8").splitlines() if (ROOT / mutant["file"]).exists() else []
    lines = mutant["diff"].splitlines()[1:]
    before = [line[1:] for line in lines if not line.startswith("+")]
    at = [start for start in range(len(text)) if text[start : start + len(before)] == before]

    if len(at) != 1:
        return None

    first = next(place for place, line in enumerate(lines) if line[0] in "+-")
    after = [line[1:] for line in lines if not line.startswith("-")]
    changed = "\n".join([*text[: at[0]], *after, *text[at[0] + len(before) :]]) + "\n"

    return {**mutant, "line": at[0] + first + 1, "changed": changed}


def try_one(mutant: Mutant, bench: Bench, reach: Reach, seconds: float) -> Mutant:
    """The change with what became of it, and by which test."""
    file, line = mutant["file"], mutant["line"]
    changed = mutant.pop("changed", None) or change(file, mutant["operator"], mutant["occurrence"])[1]
    tests = reach.tests(file, line)
    spent = accumulate(reach.seconds[test] for test in tests)
    chosen = {test: reach.seconds[test] for test, until in zip(tests, spent, strict=True) if until <= seconds}
    row = {**mutant, "commit": commit(), "tests": len(chosen), "left_out": len(tests) - len(chosen)}

    if not chosen:
        return {**row, "outcome": "not reached"}

    return {**row, **bench.run(file, changed, chosen, swap=reach.is_in_function(file, line))}


def try_all(mutants: Iterator[Mutant], benches: list[Bench], reach: Reach, seconds: float) -> Iterator[Mutant]:
    """Try changes, several at a time, each on a copy of its own."""
    free: SimpleQueue[Bench] = SimpleQueue()

    def work(mutant: Mutant) -> Mutant:
        bench = free.get()

        try:
            return try_one(mutant, bench, reach, seconds)
        finally:
            free.put(bench)

    for bench in benches:
        bench.start(reach.seconds)
        free.put(bench)

    try:
        with ThreadPoolExecutor(len(benches)) as pool:
            yield from pool.map(work, mutants)
    finally:
        for bench in benches:
            bench.stop()


def key(mutant: Mutant) -> tuple[str, str, str]:
    """What makes a change the same one, wherever its line has moved to."""
    return mutant["file"], mutant["operator"], mutant["diff"].partition("\n")[2]


def wanted(told: argparse.Namespace, known: list[Mutant]) -> list[Mutant]:
    """What is to be tried now."""
    if told.again:
        missed = [one for one in known if one["outcome"] in MISSED]

        return [one for one in map(again, missed) if one is not None]

    tried = {(one["file"], one["line"], one["operator"], one["occurrence"]) for one in known}
    rest = [one for one, _ in zip(draw(told.seed, told.room or list(ROOMS)), range(told.count), strict=False)]

    return [one for one in rest if (one["file"], one["line"], one["operator"], one["occurrence"]) not in tried]


def report(known: list[Mutant], argued: list[Mutant]) -> None:
    """Print what was missed, and the numbers."""
    harmless = {key(one) for one in argued}
    missed = [one for one in known if one["outcome"] in MISSED and key(one) not in harmless]

    for one in missed:
        print(f"\n{one['outcome']}: {one['file']}:{one['line']} {one['operator']}\n{one['diff']}")  # noqa: T201

    counts = Counter("argued" if key(one) in harmless else one["outcome"] for one in known)
    print(f"\n{len(known)} changes: {', '.join(f'{number} {name}' for name, number in sorted(counts.items()))}")  # noqa: T201


def main() -> None:
    """Draw, try, and list what no test notices."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=60.0, help="of tests for each change")
    parser.add_argument("--results", type=Path, default=Path("mutants.jsonl"))
    parser.add_argument("--room", action="append", choices=ROOMS, help="only this; may be repeated")
    parser.add_argument("--again", action="store_true", help="try what survived once more")
    parser.add_argument("--list", action="store_true", help="try nothing")
    parser.add_argument("--also", type=Path, default=Path(__file__).with_name("argued.jsonl"), help="argued changes")
    told = parser.parse_args()
    read = [json.loads(line) for line in told.results.read_text().splitlines()] if told.results.exists() else []
    known = {key(one): one for one in read}
    rest = [] if told.list else wanted(told, list(known.values()))

    if rest:
        reach = Reach.at(told.results, ROOMS, told.jobs)

        with tempfile.TemporaryDirectory() as folder, told.results.open("a") as file:
            benches = [Bench(Path(folder) / str(number)) for number in range(told.jobs)]

            for number, one in enumerate(try_all(iter(rest), benches, reach, told.seconds), 1):
                file.write(json.dumps(one) + "\n")
                file.flush()
                known[key(one)] = one
                line = f"{one['outcome']:11} {one['file']}:{one['line']} {one['operator'].removeprefix('core/')}"
                print(f"{number}/{len(rest)} {line}", flush=True)  # noqa: T201

    argued = [json.loads(line) for line in told.also.read_text().splitlines()] if told.also.exists() else []
    report(list(known.values()), argued)


if __name__ == "__main__":
    main()
