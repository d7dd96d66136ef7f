"""A run of which the journal has no market data: what happened to it is folded again, and its positions are compared.

Decisions hang on the book, so none can be made again. What the account's own events come to can be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import attrs
import msgspec

from perpmaker.decision.checkpoint import decode_recollection
from perpmaker.decision.trader import Trader
from perpmaker.execution.action import Action, Amend, Cancel, Place
from perpmaker.journal.words import WORDS
from perpmaker.model.event import Event
from perpmaker.model.order import PositionSide
from perpmaker.replay.told_orders import ToldOrders

_CLASSES: Final = {word: kind for kind, word in WORDS.items()}


@attrs.define
class Bookkeeping:
    """The state of a trader that decides nothing: what was sent is put into it as the run has sent it."""

    trader: Trader
    known: ToldOrders

    def fold(self, step: Mapping[str, Any]) -> None:
        """Take in what happened in a step, and what was sent. ValueError for what cannot be read."""
        try:
            events: Sequence[Event] = [
                msgspec.convert(event, _CLASSES[word], strict=False) for word, event in step["events"]
            ]
            actions: Sequence[Action] = [msgspec.convert(action, _CLASSES[word]) for word, action in step["actions"]]
        except (msgspec.ValidationError, KeyError) as error:
            raise ValueError(f"a step cannot be read ({error})") from error

        now = step["at"]
        self.known.remember(actions)

        for event in events:
            self.trader.state.fold(event, now)

        for action in actions:
            self._send(action, now)

    def positions(self) -> dict[PositionSide, Decimal]:
        """Return what each position amounts to that is not flat."""
        return {side: one.amount for side, one in self.trader.state.positions().items() if one.amount}

    def _send(self, action: Action, now: float) -> None:
        state = self.trader.state

        match action:
            case Place(order=order):
                state.place(order, now)
            case Amend(order=order) if order.client_id in state.orders.live:
                state.amend(order, now)
            case Cancel(client_id=client_id) if client_id in state.orders.live:
                state.orders.cancel(client_id, now)
            case _:
                pass


def held_in(payload: bytes) -> dict[PositionSide, Decimal] | None:
    """Return what each position amounted to by a row of what a next run should know. None where it cannot be read."""
    memory = decode_recollection(payload)

    return None if memory is None else {side: amount for side, amount in memory.held.items() if amount}
