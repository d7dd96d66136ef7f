"""How long orders took a bot that has traded, out of its journal."""

from __future__ import annotations

from bisect import bisect
from pathlib import Path
from typing import Any, Final

import msgspec

from perpmaker.backtest.columns import NS
from perpmaker.backtest.latency import OrderLatency
from perpmaker.errors import JournalError
from perpmaker.journal.parts import journal_of
from perpmaker.journal.reading import JournalReader

MOST: Final = 100_000
"""Orders that are looked at; more would tell nothing new."""

_LEAST: Final = 20


def journalled(path: Path) -> OrderLatency:
    """Return the middle and the 99th percentile of what orders took from the decision to the answer.

    That is the way there and back, and so more than the way there alone. JournalError where it tells too little.
    """
    if not path.is_file():
        raise JournalError(f"{path} is neither a number of milliseconds nor a journal: there is no such file")

    took = _took(JournalReader(journal_of(path)))

    if len(took) < _LEAST:
        raise JournalError(
            f"{path} tells how long {len(took)} orders took, and {_LEAST} are needed: give milliseconds instead"
        )

    usual, busy = took[len(took) // 2], took[min(len(took) - 1, len(took) * 99 // 100)]

    return OrderLatency(
        usual_ns=round(usual * NS), busy_ns=round(busy * NS), source=f"from {len(took):,} orders in {path.name}"
    )


def _took(reader: JournalReader) -> list[float]:
    """The seconds from the decision to the answer, of each order that was answered, in order of size."""
    sent: dict[str, float] = {}
    took: list[float] = []

    for row in reader.rows():
        if row.kind == "step" and len(took) < MOST:
            content: Any = msgspec.json.decode(row.payload)

            for word, event in content["events"]:
                if word == "OrderAccepted" and (at := sent.pop(event["client_id"], None)) is not None:
                    took.insert(bisect(took, content["at"] - at), content["at"] - at)

            sent |= {
                action["order"]["client_id"]: content["at"] for word, action in content["actions"] if word == "Place"
            }

    return took
