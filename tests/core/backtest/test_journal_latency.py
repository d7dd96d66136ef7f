"""How long orders took, out of a journal that a bot has written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from tests.core.replay.sessions import traded

from perpmaker.backtest import journal_latency
from perpmaker.backtest.journal_latency import journalled
from perpmaker.errors import JournalError
from perpmaker.journal.reading import JournalReader


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The journal of two runs in which quotes are placed and changed. Not to be changed."""
    return traded(tmp_path_factory.mktemp("latency") / "home")


def by_hand(journal: Path) -> tuple[list[float], list[float]]:
    """What new orders took, and what changes took: each from its step to the first step that tells of it."""
    steps: list[Any] = [msgspec.json.decode(row.payload) for row in JournalReader(journal).rows() if row.kind == "step"]
    new, changed = [], []

    for number, step in enumerate(steps):
        for word, action in step["actions"]:
            if word in {"Place", "Amend"}:
                name = action["order"]["client_id"]
                told = (
                    later["at"] - step["at"]
                    for later in steps[number + 1 :]
                    for kind, event in later["events"]
                    if event.get("client_id") == name
                    and (
                        kind == "OrderAccepted"
                        if word == "Place"
                        else kind == "OrderAmended" and event["number"] == action["number"]
                    )
                )
                (new if word == "Place" else changed).extend(list(told)[:1])

    return sorted(new), sorted(changed)


def test_orders_and_their_changes_tell_how_long_they_took(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bot that amends its quotes places few orders, however long it runs: its changes count as well."""
    new, changed = by_hand(journal)
    took = sorted([*new, *changed])
    monkeypatch.setattr(journal_latency, "_LEAST", len(took))
    latency = journalled(journal)

    assert new
    assert latency.source == f"from {len(took)} orders and changes in {journal.name}"
    assert latency.usual_ns == round(round(took[len(took) // 2], 4) * 1e9)
    assert latency.busy_ns == round(round(took[len(took) * 99 // 100], 4) * 1e9)


def test_a_change_is_answered_by_what_bears_its_number() -> None:
    """An order that was changed three times: of each the first answer counts, and none that bears no number."""

    class Rows:
        def rows(self) -> Iterator[SimpleNamespace]:
            for at, actions, events in (
                (1.0, [("Place", _order(None))], []),
                (1.25, [("Amend", _order(1))], [("OrderAccepted", _event(None))]),
                (2.0, [("Amend", _order(2))], [("OrderAmended", _event(1)), ("OrderAmended", _event(1))]),
                (2.5, [("Amend", _order(3))], [("OrderAmended", _event(1)), ("OrderAmended", _event(0))]),
                (4.0, [], [("OrderAmended", _event(2))]),
            ):
                step = {"at": at, "actions": actions, "events": events}
                yield SimpleNamespace(kind="step", payload=msgspec.json.encode(step))

    reader: Any = Rows()

    assert journal_latency._took(reader) == [0.25, 0.75, 2.0]


def _order(number: int | None) -> dict[str, Any]:
    return {"order": {"client_id": "one"}, **({} if number is None else {"number": number})}


def _event(number: int | None) -> dict[str, Any]:
    return {"client_id": "one", **({} if number is None else {"number": number})}


def test_a_journal_that_tells_too_little_is_refused(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With how much it tells, and what to do."""
    monkeypatch.setattr(journal_latency, "_LEAST", 1_000_000)

    with pytest.raises(JournalError, match="orders and changes of orders took, and 1000000 are needed: give milli"):
        journalled(journal)
