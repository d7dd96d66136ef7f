"""What the next file of a journal begins with, when one has grown large."""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterable, Sequence

from perpmaker.journal.file import Row
from perpmaker.journal.halt_latch import HALT

INTENT, AMEND = "intent", "amend"
"""The kinds of the rows that say what an order was meant to be: when it was sent, and when it was amended."""

END = "end"
"""Kind of the row that a run writes last, once nothing of it can be under way any more."""

MEMORY = "memory"
"""Kind and name of the rows of what a next run should know."""

PARAMETERS = "parameters"
"""Kind and name of the rows of what a run goes by once a person has changed that."""

NEWEST = 1_000
"""Orders whose purpose is carried on, whatever became of them."""

STEPS = 300
"""Steps that are carried on: what was sent last, and what was known of executions, for a start soon after."""


def carried(rows: Iterable[Row], orders: int, live: Container[str | None]) -> Sequence[Row]:
    """Every run, what the newest orders and those in `live` were meant for, the newest steps, memory, halt, parameters.

    `orders` is how many intents there are among the rows, so that no more of these are held than are carried.
    """
    kept: list[Row] = []
    newest: dict[str, Row] = {}
    steps: deque[Row] = deque(maxlen=STEPS)
    seen = 0

    for row in rows:
        seen += row.kind == INTENT
        is_meant = row.kind in {INTENT, AMEND} and (seen > orders - NEWEST or row.name in live)

        if row.kind == "run" or is_meant:
            kept.append(row)
        elif row.kind in {"step", END}:
            steps.append(row)
        elif row.kind in {MEMORY, HALT, PARAMETERS}:
            newest[row.kind] = row

    return [*kept, *steps, *newest.values()]
