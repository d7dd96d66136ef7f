"""Keys that stand in the wrong place: the top's below a table, a table's at the top."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from perpmaker.config.file import KeyPath
from perpmaker.errors import WHOLE_FILE, Problem

MISSING = "is missing"
"""How the words begin that are said of a required key which is nowhere."""


def below_table(top_keys: Iterable[str], at: KeyPath) -> Mapping[str, str]:
    """Words, by key, for keys of the top of the file that stand below the header of a table."""
    header = f"[{'.'.join(at)}]"

    return dict.fromkeys(top_keys, f"belongs to the top of the file: move it above {header}")


def at_top(tables: Mapping[str, Iterable[str]]) -> Mapping[str, str]:
    """Words, by key, for keys of tables that stand at the top.

    `tables` are the keys that each table knows.
    """
    return {key: f"belongs in the table [{name}]" for name, keys in tables.items() for key in keys}


def not_missing(problems: Iterable[Problem], words: Mapping[str, str]) -> Iterator[Problem]:
    """Leave out that a key is missing where another problem says that it stands in the wrong place."""
    found = list(problems)
    misplaced = {problem.key.rpartition(".")[2] for problem in found if problem.allowed in set(words.values())}

    return (one for one in found if not (one.allowed.startswith(MISSING) and one.key in misplaced))


def as_one(problems: Iterable[Problem], keys: Iterable[str]) -> Iterator[Problem]:
    """Say once of a file in which none of its keys stands that they are missing."""
    among = set(keys)
    missing = [problem for problem in problems if problem.allowed.startswith(MISSING) and problem.key in among]
    yield from (problem for problem in problems if problem not in missing)

    if missing:
        needed = ", ".join(dict.fromkeys(problem.key for problem in missing))
        words = f"has none of the keys that a bot needs: {needed} (docs/configuration.md)"
        yield Problem(file=missing[0].file, key=WHOLE_FILE, allowed=words)
