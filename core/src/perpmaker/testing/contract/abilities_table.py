"""The table of what each connector can do, out of the results of the contract suite.

    pytest tests/*/test_contract.py --abilities docs/venues/abilities.md

writes it, if no test of the suite fails.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import attrs
import pytest

from perpmaker.connector import abilities, interface, probing
from perpmaker.connector.interface import DerivativeConnector

ABILITIES: Final[tuple[type[Any], ...]] = (
    abilities.Amending,
    abilities.VenueStops,
    abilities.DeadManSwitch,
    abilities.FundingHistory,
    abilities.KeyPermissions,
    abilities.SettingsReading,
    abilities.PriceReading,
    abilities.Timekeeping,
    interface.IdScheme,
    probing.Probing,
)
"""What a connector may offer; `DerivativeConnector` is what each does."""

FACTS: Final[Mapping[str, str]] = {
    "hedge_mode": "has Hedge mode",
    "caps_resting_exits": "its venue never lets a resting exit exceed the position",
    "allows_two_stops": "a stop may rest beside the one whose place it takes",
    "sizes_stops": "a stop on the venue closes a given amount, not the whole position",
    "names_stops": "a stop on the venue bears an id of ours",
    "keeps_targets": "its venue fires targets as it does stops",
}
"""What is so of a connector or its venue, by attribute."""

HEAD: Final = """\
# What each connector can do

Written by `pytest tests/*/test_contract.py --abilities docs/venues/abilities.md` out of the results of
[the contract suite](../plugins.md#the-contract-of-a-connector), which every connector here passes. "yes" is followed by
how many of its tests have tried it.
"""

_OWN: Final = "perpmaker "
_WHAT = re.compile(r"A connector (.+?)(?:: |\.(?:\s|$))", re.DOTALL)


@attrs.define
class Results:
    """What the suite has found of one connector.

    `facts` are by attribute or ability; `tried` counts tests by the ability that they asked for; `lacks` has the reason
    by test. `passed` counts tests.
    """

    facts: dict[str, str] = attrs.field(factory=dict)
    tried: Counter[str] = attrs.field(factory=Counter)
    lacks: dict[str, str] = attrs.field(factory=dict)
    passed: int = 0
    failed: list[str] = attrs.field(factory=list)


@attrs.define
class Seen:
    """What one test has seen of its connector: facts of it, and the abilities that it asked for."""

    facts: dict[str, str] = attrs.field(factory=dict)
    asked: set[str] = attrs.field(factory=set)

    def note(self, connector: str, properties: list[tuple[str, object]]) -> None:
        """Keep it beside the result of the test, for the table."""
        properties.append((f"{_OWN}connector", (connector, "")))
        properties.extend((f"{_OWN}fact", pair) for pair in self.facts.items())
        properties.extend((f"{_OWN}asked", (name, "")) for name in sorted(self.asked))


def facts_of(connector: DerivativeConnector, *, hedge_mode: bool) -> Iterator[tuple[str, str]]:
    """Yield what is so of a connector: facts by attribute, abilities by class."""
    has_stops = isinstance(connector, abilities.VenueStops)

    for name in FACTS:
        known = hedge_mode if name == "hedge_mode" else getattr(connector, name, None)
        is_meant = has_stops or "stops" not in name
        yield name, _yes(known) if known is not None and is_meant else "–"  # noqa: RUF001  # as typography has it

    for ability in ABILITIES:
        yield ability.__name__, _yes(isinstance(connector, ability))


class TableWriter:
    """Writes the table when the tests are over; registered where `--abilities` is given."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._results: dict[str, Results] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the result of one test, when it has been cleaned up after."""
        said: dict[str, dict[str, str]] = {}

        for key, value in report.user_properties:
            if key.startswith(_OWN) and isinstance(value, tuple | list):
                name, found = value
                said.setdefault(key.removeprefix(_OWN), {})[str(name)] = str(found)

        for connector in said.get("connector", {}):
            results, test = self._results.setdefault(connector, Results()), _test_of(report.nodeid)

            if report.failed:
                results.failed.append(test)
            elif report.when == "setup" and report.skipped:
                results.lacks[test] = _reason_of(report)
            elif report.when == "teardown":
                results.facts.update(said.get("fact", {}))
                results.tried.update(list(said.get("asked", {})))
            elif report.when == "call" and report.passed:
                results.passed += 1

    def pytest_sessionfinish(self) -> None:
        """Write the table, but not where a test has failed or none was run."""
        failed = [f"{name}: {test}" for name, one in sorted(self._results.items()) for test in one.failed]

        if failed or not self._results:
            raise pytest.UsageError(
                f"--abilities writes nothing: {', '.join(failed) or 'no test of the suite was run'}"
            )

        self._path.write_text(table(self._results), encoding="utf-8")


def table(results: Mapping[str, Results]) -> str:
    """Write the page."""
    names = sorted(results)
    lines = [HEAD, _row(["", *(f"`{name}`" for name in names)]), _row(["---"] * (len(names) + 1))]
    lines += [_row([what, *(results[name].facts.get(fact, "?") for name in names)]) for fact, what in FACTS.items()]

    for ability in ABILITIES:
        cells = [_offered(results[name], ability.__name__) for name in names]
        lines.append(_row([f"{what_of(ability)} (`{ability.__name__}`)", *cells]))

    lines += ["", "Beside these each has passed the tests of what every connector does:", ""]
    lines += [f"* `{name}`: {results[name].passed} tests in all" for name in names]
    lacks = [(test, name, results[name].lacks[test]) for name in names for test in sorted(results[name].lacks)]

    if lacks:
        lines += ["", "What could not be tried, because the venue has no such thing:", ""]
        lines += [f"* `{name}`, {_sentence(test)}: {reason}" for test, name, reason in lacks]

    return "\n".join(lines) + "\n"


def what_of(ability: type[Any]) -> str:
    """Return what a connector does that offers an ability, as its protocol says it."""
    found = _WHAT.match(ability.__doc__ or "")

    return " ".join((found[1] if found else ability.__name__).split())


def _offered(results: Results, ability: str) -> str:
    found, tried = results.facts.get(ability, "?"), results.tried[ability]

    return f"{found}, {tried}" if tried and found == _yes(True) else found  # it is the word for it


def _yes(is_so: bool) -> str:  # it is the word for it
    return "yes" if is_so else "no"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _test_of(nodeid: str) -> str:
    return nodeid.rpartition("::")[2].partition("[")[0]


def _sentence(test: str) -> str:
    return test.removeprefix("test_").replace("_", " ")


def _reason_of(report: pytest.TestReport) -> str:
    longrepr = report.longrepr
    text = longrepr[2] if isinstance(longrepr, tuple) else str(longrepr)

    return text.removeprefix("Skipped: ")
