"""How long orders took a bot that has traded, out of its journal."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from perpmaker.backtest.columns import NS
from perpmaker.backtest.latency import OrderLatency
from perpmaker.errors import JournalError
from perpmaker.journal.parts import journal_of
from perpmaker.journal.reading import JournalReader

MOST: Final = 100_000
"""Orders and changes of orders that are looked at; more would tell nothing new."""

_LEAST: Final = 20
_DIGITS: Final = 4  # a tenth of a millisecond
_COMMANDS: Final = frozenset({"Place", "Amend"})
_ANSWERS: Final = frozenset({"OrderAccepted", "OrderAmended"})


def journalled(path: Path) -> OrderLatency:
    """Return the middle and the 99th percentile of what orders and their changes took from decision to answer.

    That is the way there and back, and so more than the way there alone. JournalError where it tells too little.
    """
    if not path.is_file():
        raise JournalError(f"{path} is neither a number of milliseconds nor a journal: there is no such file")

    took = _took(JournalReader(journal_of(path)))

    if len(took) < _LEAST:
        raise JournalError(
            f"{path} tells how long {len(took)} orders and changes of orders took, and {_LEAST} are needed: "
            "give milliseconds instead"
        )

    usual, busy = took[len(took) // 2], took[min(len(took) - 1, len(took) * 99 // 100)]

    return OrderLatency(
        usual_ns=round(round(usual, _DIGITS) * NS),
        busy_ns=round(round(busy, _DIGITS) * NS),
        source=f"from {len(took):,} orders and changes in {path.name}",
    )


def _took(reader: JournalReader) -> list[float]:
    """The seconds from the decision to the answer, of each order and change that was answered, in order of size."""
    sent: dict[tuple[str, int], float] = {}
    took: list[float] = []

    for row in reader.rows():
        if row.kind == "step" and len(took) < MOST:
            content: Any = msgspec.json.decode(row.payload)

            for word, event in content["events"]:
                if word in _ANSWERS and (at := sent.pop(_key(event, event), None)) is not None:
                    took.insert(bisect(took, content["at"] - at), content["at"] - at)

            sent |= {
                _key(action["order"], action): content["at"] for word, action in content["actions"] if word in _COMMANDS
            }

    return took


def _key(order: Mapping[str, Any], command: Mapping[str, Any]) -> tuple[str, int]:
    """The order, and the number of its change, which is 0 where a venue does not tell it; -1 for a new order."""
    return order["client_id"], command.get("number", -1)
