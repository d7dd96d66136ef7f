"""What experiments have shown is kept, counts for live runs, and refuses those that it forbids."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import attrs
import pytest

from perpmaker.connector.interface import Environment
from perpmaker.connector.probing import Conclusion, Experiment
from perpmaker.errors import JournalError, MarketRulesError
from perpmaker.journal.state_dir import StateDir
from perpmaker.launch.findings import Result, check_findings, findings_for, read_results, write_results


@pytest.fixture
def home(tmp_path: Path) -> StateDir:
    """A state directory."""
    return StateDir(tmp_path)


def result(experiment: str, answer: str) -> Result:
    """What an experiment came to."""
    return Result(experiment=experiment, answer=answer, seen="seen", at="2026-11-30T18:22:05Z")


def test_an_answer_stays_until_another_one_is_found(home: StateDir) -> None:
    """What shows nothing takes no answer's place; other experiments stay beside it."""
    path = home.findings("tide", "testnet")
    write_results(path, [result("switch", "yes"), result("flat", "no")])
    write_results(path, [result("switch", "")])
    assert {one.experiment: one.answer for one in read_results(path)} == {"switch": "yes", "flat": "no"}
    write_results(path, [result("switch", "no")])
    assert findings_for(home, "tide", Environment.TESTNET) == {"switch": "no", "flat": "no"}


def test_what_the_testnet_answers_counts_for_live_runs_and_a_sandbox_for_none(home: StateDir) -> None:
    """A sandbox answers as it is set."""
    write_results(home.findings("tide", "testnet"), [result("switch", "yes"), result("flat", "")])
    write_results(home.findings("tide", "sandbox"), [result("switch", "no")])
    assert findings_for(home, "tide", Environment.LIVE) == {"switch": "yes"}
    assert findings_for(home, "tide", Environment.SANDBOX) == {}
    assert findings_for(home, "reef", Environment.LIVE) == {}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        *(
            pytest.param(one, marks=pytest.mark.full)
            for one in (
                b"{}",
                b'[{"experiment": 1}]',
            )
        ),
    ],
)
def test_a_file_that_holds_something_else_is_refused_with_what_to_do(home: StateDir, content: bytes) -> None:
    """The start that would go by it is refused; nothing is guessed."""
    path = home.findings("tide", "testnet")
    path.write_bytes(content)

    with pytest.raises(JournalError, match="remove it and probe again"):
        findings_for(home, "tide", Environment.LIVE)


@attrs.frozen
class _Plan:
    connector: Any
    dead_man_switch_s: float | None


@attrs.frozen
class _Tide:
    name: str = "tide"

    def experiments(self) -> tuple[Experiment, ...]:
        """One whose yes forbids the switch, and one whose no forbids everything."""
        switch = (
            Conclusion("no", ""),
            Conclusion("yes", "set it to 0", refuses_live=True, only_with="dead_man_switch_s"),
        )
        exits = (Conclusion("yes", ""), Conclusion("no", "exits need both", refuses_live=True))

        return (_experiment("switch", switch), _experiment("exits", exits))


def _experiment(name: str, conclusions: tuple[Conclusion, ...]) -> Experiment:
    return Experiment(name=name, question=f"{name}?", does="", conclusions=conclusions, carry_out=cast("Any", None))


@pytest.mark.parametrize(
    ("findings", "switch_s", "refused"),
    [
        ({}, 30.0, ""),
        ({"switch": "yes"}, 30.0, "switch[?] The probe has seen: yes; set it to 0"),
        ({"exits": "a word of an earlier version"}, None, ""),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                ({"switch": "no", "exits": "yes"}, 30.0, ""),
                ({"switch": "yes"}, None, ""),
                ({"exits": "no"}, None, "exits need both"),
            )
        ),
    ],
)
def test_a_live_run_is_refused_where_an_answer_forbids_it(
    findings: dict[str, str], switch_s: float | None, refused: str
) -> None:
    """With the question, what was seen and what to do; a run on the testnet is not."""
    plan = cast("Any", _Plan(connector=_Tide(), dead_man_switch_s=switch_s))
    check_findings(plan, cast("Any", _Tide()), Environment.TESTNET, findings)

    if not refused:
        check_findings(plan, cast("Any", _Tide()), Environment.LIVE, findings)
        return

    with pytest.raises(MarketRulesError, match=refused):
        check_findings(plan, cast("Any", _Tide()), Environment.LIVE, findings)
