"""A step of the trader as the journal keeps it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import attrs

from perpmaker.decision.checkpoint import Checkpoint
from perpmaker.execution.action import Action, Amend, Cancel, Place
from perpmaker.journal.carried import AMEND, INTENT
from perpmaker.journal.words import WORDS
from perpmaker.ledger.entries import LedgerEntry
from perpmaker.model.event import Event
from perpmaker.model.order import NewOrder

_INTENTS = {Place: INTENT, Amend: AMEND}


@attrs.frozen(kw_only=True)
class Step:
    """One call of the trader that mattered: the events it was given, what it decided, what it had to say.

    `memory` is what a next run should know then, on the clock of `at`; `halt` is what only a person may release.
    `entries` are what the ledger has booked in it, `mode` and its reason what was permitted then. `inputs` is what the
    trader was given up to it, where that is kept.
    """

    at: float
    events: Sequence[Event]
    actions: Sequence[Action]
    notices: Sequence[str]
    memory: Checkpoint | None = None
    halt: str | None = None
    entries: Sequence[LedgerEntry] = ()
    mode: str = ""
    mode_reason: str = ""
    inputs: bytes | None = None

    def intents(self) -> Iterator[tuple[str, NewOrder]]:
        """Yield what orders are meant for that are about to be sent or amended, each with the kind of its row."""
        for action in self.actions:
            if isinstance(action, (Place, Amend)):
                yield _INTENTS[type(action)], action.order

    def content(self) -> dict[str, Any]:
        """Return what its row holds."""
        return {
            "at": self.at,
            "events": [[WORDS[type(event)], event] for event in self.events],
            "actions": [[WORDS[type(action)], action] for action in self.actions],
            "notices": list(self.notices),
            "mode": [self.mode, self.mode_reason],
        }

    @property
    def is_of_exits(self) -> bool:
        """Whether an action places, amends or takes off an exit."""
        return any(map(_is_of_exit, self.actions))


def _is_of_exit(action: Action) -> bool:
    match action:
        case Place(order=order) | Amend(order=order):
            return order.slot.kind.is_exit
        case Cancel(kind=kind):
            return kind.is_exit
        case _:
            return False
