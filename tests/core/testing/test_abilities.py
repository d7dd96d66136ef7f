"""The table of abilities: how it is made of results, and that the page in docs/ is that of the connectors here."""

from __future__ import annotations

import re
from importlib import util
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import pytest

from perpmaker.testing.contract import ConnectorContract
from perpmaker.testing.contract.abilities_table import FACTS, HEAD, Results, TableWriter, table, what_of
from perpmaker.testing.virtual import virtual_asyncio

from ..venue import test_contract as of_fathom  # noqa: TID252  # it stands with the tests of the kit

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "venues" / "abilities.md"
CONTRACTS = sorted(ROOT.glob("tests/*_perpetual/test_contract.py"))
"""Those of the connectors of this repository."""


def suites_of(file: Path) -> list[type[ConnectorContract]]:
    """The suites of a test module."""
    spec = util.spec_from_file_location(f"contract_of_{file.parent.name}", file)
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)

    return [
        one
        for one in vars(module).values()
        if isinstance(one, type) and issubclass(one, ConnectorContract) and one is not ConnectorContract
    ]


def facts_seen(suite: ConnectorContract) -> dict[str, str]:
    """What opening the connector shows."""

    async def see() -> None:
        async with suite.open_room():
            pass

    backend, options = virtual_asyncio()
    anyio.run(see, backend=backend, backend_options=options)

    return suite.seen.facts


def columns(page: str) -> dict[str, dict[str, str]]:
    """The table of a page, by connector: facts, and yes or no to each ability, without how many tests have tried it."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line.startswith("|")]
    names = [cell.strip("`") for cell in rows[0][1:]]
    labels = {what: name for name, what in FACTS.items()}
    found: dict[str, dict[str, str]] = {name: {} for name in names}

    for what, *cells in rows[2:]:
        ability = re.search(r"\(`(\w+)`\)$", what)
        key = labels.get(what) or (ability[1] if ability else what)

        for name, cell in zip(names, cells, strict=True):
            found[name][key] = cell.partition(",")[0]

    return found


@pytest.mark.parametrize("file", CONTRACTS, ids=lambda file: file.parent.name)
def test_the_page_says_what_each_connector_here_can_do(file: Path) -> None:
    """Where it does not: `pytest tests/*/test_contract.py --abilities docs/venues/abilities.md`."""
    written = columns(PAGE.read_text(encoding="utf-8"))

    for kind in suites_of(file):
        assert written[kind.declaration.name] == facts_seen(kind())


def test_a_connector_without_stops_on_the_venue_has_nothing_to_say_of_them() -> None:
    """Fathom keeps none, and moves no orders."""
    facts = facts_seen(of_fathom.TestFathomContract())

    assert (facts["VenueStops"], facts["sizes_stops"], facts["Amending"]) == ("no", "–", "no")  # noqa: RUF001  # see there
    assert (facts["IdScheme"], facts["hedge_mode"], facts["caps_resting_exits"]) == ("yes", "no", "no")


def test_the_page_has_a_column_for_each_connector() -> None:
    """With how many tests have tried an ability, and with what could not be tried."""
    one = Results(facts={"Amending": "yes", "hedge_mode": "no"}, lacks={"test_a_b": "there is none"}, passed=7)
    one.tried["Amending"] = 3
    page = table({"one": one, "other": Results(facts={"Amending": "no"}, passed=2)})

    assert page.startswith(HEAD)
    assert "|  | `one` | `other` |" in page
    assert "| has Hedge mode | no | ? |" in page
    assert "(`Amending`) | yes, 3 | no |" in page
    assert "* `one`, a b: there is none\n" in page


def report(**values: Any) -> Any:
    """The result of one phase of a test."""
    said = {"when": "teardown", "nodeid": "f.py::T::test_a[asyncio]", "failed": False, "skipped": False, "passed": True}
    properties = [("perpmaker connector", ("one", "")), ("perpmaker asked", ("Amending", ""))]

    return SimpleNamespace(**{**said, "user_properties": properties, "longrepr": None, **values})


def test_nothing_is_written_where_a_test_fails_or_none_was_run(tmp_path: Path) -> None:
    """The old page stays."""
    page = tmp_path / "abilities.md"
    writer = TableWriter(page)

    with pytest.raises(pytest.UsageError, match="no test of the suite was run"):
        writer.pytest_sessionfinish()

    writer.pytest_runtest_logreport(report(when="call", failed=True, passed=False))

    with pytest.raises(pytest.UsageError, match="one: test_a"):
        writer.pytest_sessionfinish()

    assert not page.exists()


def test_results_are_counted_by_connector(tmp_path: Path) -> None:
    """Passed tests, tests by ability, and reasons of those that were skipped from the start."""
    page = tmp_path / "abilities.md"
    writer = TableWriter(page)

    for one in (
        report(
            when="setup", skipped=True, longrepr=("f.py", 1, "Skipped: it has none"), nodeid="f.py::T::test_b[asyncio]"
        ),
        report(when="call"),
        report(when="teardown", user_properties=[*report().user_properties, ("perpmaker fact", ["Amending", "yes"])]),
        report(when="call", user_properties=[]),
    ):
        writer.pytest_runtest_logreport(one)

    writer.pytest_sessionfinish()
    text = page.read_text(encoding="utf-8")

    assert "* `one`: 1 tests in all" in text
    assert "(`Amending`) | yes, 1 |" in text
    assert "* `one`, b: it has none" in text


def test_what_an_ability_is_stands_in_its_protocol() -> None:
    """Up to its first colon or full stop."""

    class Odd:
        """Whatever."""

    class Plain:
        """A connector that can fly: high."""

    assert (what_of(Plain), what_of(Odd)) == ("that can fly", "Odd")
