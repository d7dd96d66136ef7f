"""docs/commands.md has every key of `status --json`, and none that is not there."""

from __future__ import annotations

import re
from pathlib import Path

import attrs

from perpmaker.report.status import (
    Counters,
    EndStatus,
    FundingStatus,
    LevelStatus,
    MarginStatus,
    NoticeStatus,
    PnlStatus,
    PositionStatus,
    ReasonStatus,
    Status,
)

PAGE = (Path(__file__).parents[3] / "docs" / "commands.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("\n## status\n")[2].partition("\n## ")[0]
ROWS = [line for line in SECTION.splitlines() if line.startswith("| `")]
NESTED = {
    "positions": PositionStatus,
    "margin": MarginStatus,
    "quotes": LevelStatus,
    "pnl": PnlStatus,
    "funding": FundingStatus,
    "counters": Counters,
    "notices": NoticeStatus,
    "ended": EndStatus,
}


def keys_of(kind: type[attrs.AttrsInstance]) -> set[str]:
    """The keys of a value in JSON."""
    return {field.name for field in attrs.fields(kind)}


def test_every_key_is_in_the_table() -> None:
    """The keys of the object, and of each object in it."""
    first = {key for row in ROWS for key in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert first == keys_of(Status)

    for name, kind in NESTED.items():
        (row,) = [row for row in ROWS if f"`{name}`" in row.split("|")[1]]
        told = {*re.findall(r"`(\w+)`", row.split("|")[2])}
        missing = keys_of(kind) - told
        assert missing == set(), f"{name}: {missing}"
        assert told <= keys_of(kind) | keys_of(ReasonStatus), f"{name}: {told - keys_of(kind)}"
