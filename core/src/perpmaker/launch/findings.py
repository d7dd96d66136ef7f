"""What experiments have shown of a venue: kept in the state directory, read by every later run."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import attrs
import msgspec

from perpmaker.connector.interface import DerivativeConnector, Environment
from perpmaker.connector.probing import Probing
from perpmaker.errors import JournalError, MarketRulesError
from perpmaker.journal.private_file import open_private_file
from perpmaker.journal.state_dir import StateDir
from perpmaker.launch.plan import Plan

SEEN_ON: Final = Environment.TESTNET
"""Where a venue is asked: what its test network answers counts for the venue."""

_LARGEST = 1_048_576


@attrs.frozen(kw_only=True)
class Result:
    """What an experiment came to. `answer` is empty where it showed nothing.

    `at` is when, in UTC: `2026-11-30T18:22:05Z`.
    """

    experiment: str
    answer: str
    seen: str
    at: str


_DECODER = msgspec.json.Decoder(list[Result])


def read_results(path: Path) -> Sequence[Result]:
    """Return the results that are kept.

    JournalError, with what to do, for a file that holds something else.
    """
    if not path.exists():
        return ()

    try:
        with os.fdopen(open_private_file(path), "rb") as file:
            return _DECODER.decode(file.read(_LARGEST))
    except OSError as error:
        raise JournalError(f"{path} cannot be read: {error.strerror}") from None
    except msgspec.MsgspecError as error:
        raise JournalError(
            f"{path} holds no results of `perpmaker probe` ({error}): remove it and probe again"
        ) from None


def write_results(path: Path, results: Sequence[Result]) -> None:
    """Keep results beside those of other experiments.

    One that showed nothing takes no earlier answer's place.
    """
    known = {one.experiment: one for one in read_results(path)}
    known |= {one.experiment: one for one in results if one.answer or one.experiment not in known}
    content = msgspec.json.format(msgspec.json.encode([attrs.asdict(one) for one in known.values()]), indent=2)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    beside = path.with_suffix(".new")

    try:
        with os.fdopen(open_private_file(beside), "wb") as file:
            file.truncate()
            file.write(content + b"\n")
            file.flush()
            os.fsync(file.fileno())

        beside.replace(path)
    except OSError as error:
        raise JournalError(f"{path} cannot be written: {error.strerror}") from None


def findings_for(home: StateDir, connector: str, environment: Environment) -> Mapping[str, str]:
    """Return what a run has to know: the answers of the venue's test network, for runs there and for live ones."""
    if environment not in {Environment.TESTNET, Environment.LIVE}:
        return {}

    results = read_results(home.findings(connector, SEEN_ON.value))

    return {one.experiment: one.answer for one in results if one.answer}


def check_findings(
    plan: Plan, connector: DerivativeConnector, environment: Environment, findings: Mapping[str, str]
) -> None:
    """Raise MarketRulesError for a live run on a venue whose answers forbid it."""
    if environment is not Environment.LIVE or not isinstance(connector, Probing):
        return

    broken = []

    for experiment in connector.experiments():
        answer = experiment.conclusion(findings.get(experiment.name, ""))

        if answer is not None and answer.refuses_live and (not answer.only_with or getattr(plan, answer.only_with)):
            broken.append(
                f"{plan.connector.name}: {experiment.question} The probe has seen: {answer.word}; {answer.rule}"
            )

    if broken:
        raise MarketRulesError("\n".join(broken))
