"""What the trader of a run was told of client ids, told again: by what the journal has of its answers and orders."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

import attrs

from perpmaker.execution.action import Action, Amend, Place
from perpmaker.journal.inputs import INTENT, Batch
from perpmaker.model.order import NewOrder
from perpmaker.runtime.input_log import OURS, STRANGE

_MADE = "replay-"
"""How ids begin of orders that the run of the journal did not place."""


@attrs.define
class ToldOrders:
    """Client ids and intents of a run. `sent` are the orders that it sent, `ids` those of its next step."""

    run: str
    sent: dict[str, NewOrder] = attrs.field(factory=dict)
    _answers: dict[tuple[str, str], Any] = attrs.field(factory=dict, init=False)
    _ids: deque[str] = attrs.field(factory=deque, init=False)
    _made: int = attrs.field(default=0, init=False)

    def hear(self, batch: Batch, ids: Iterable[str]) -> None:
        """Take the answers of a batch that is about to be given, and the ids of the orders that it led to."""
        for kind, client_id, answer in batch.asked:
            self._answers[kind, client_id] = answer

        self._ids = deque(ids)

    def remember(self, actions: Iterable[Action]) -> None:
        """Take in what was sent."""
        for action in actions:
            if isinstance(action, (Place, Amend)):
                self.sent[action.order.client_id] = action.order

    def intent(self, client_id: str) -> NewOrder | None:
        """Return what an order was meant for."""
        answer: NewOrder | None = self.sent.get(client_id) or self._answers.get((INTENT, client_id))

        return answer

    def is_strange(self, client_id: str) -> bool:
        """Return whether another process has made an order."""
        return bool(self._answers.get((STRANGE, client_id), False))

    def next(self) -> str:
        """Return the id that the run has given to its next order; one of its own where it has placed none."""
        if self._ids:
            return self._ids.popleft()

        self._made += 1

        return f"{_MADE}{self._made}"

    def is_ours(self, client_id: str) -> bool:
        """Return whether an id is the bot's."""
        is_known = client_id in self.sent or client_id.startswith(_MADE)

        return bool(self._answers.get((OURS, client_id), is_known))

    def run_of(self, client_id: str) -> str | None:
        """Return the run of an id of the bot's."""
        return self.run if self.is_ours(client_id) else None

    def is_of_this_start(self, client_id: str) -> bool:
        """Return whether an id is one that the run has sent."""
        return client_id in self.sent
