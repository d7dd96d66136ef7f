"""What the trader is given to decide with, and what it answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

import attrs

from perpmaker.execution.action import Action, Amend, Place
from perpmaker.ledger.entries import LedgerEntry
from perpmaker.model.order import Slot
from perpmaker.model.quick import quick
from perpmaker.model.quote import Quote, Wanted, WantedExits
from perpmaker.risk.interface import Refused
from perpmaker.risk.review import Reviewed
from perpmaker.state.view import Mode, View


class ExitRule(Protocol):
    """Target and stop: a pure function beside the strategy, so that exits survive a strategy that raises."""

    def decide(self, view: View) -> WantedExits:
        """The exits that should rest now; `view.exit_memory` is what this wanted remembered."""


Review: TypeAlias = Callable[[View, tuple[Quote, ...]], Reviewed]
"""The risk review of all wanted quotes, whoever makes it."""


@quick
@attrs.frozen
class Decision:
    """What one call of `Trader.handle` comes to.

    `actions` in the order in which they are to be sent; the orders in them count as in flight already. `wake_at`:
    when to call again though nothing happened (None: never). `notices` are for people. `wanted`, `exits`, `refused` and
    `quotes`, which are those that may rest after all, are None and empty when nothing had to be decided anew. `entries`
    are what the ledger has booked.
    """

    actions: tuple[Action, ...] = ()
    notices: tuple[str, ...] = ()
    wake_at: float | None = None
    mode: Mode = Mode.REDUCE
    mode_reason: str = ""
    wanted: Wanted | None = None
    exits: WantedExits | None = None
    refused: tuple[Refused, ...] = ()
    quotes: tuple[Quote, ...] = ()
    entries: tuple[LedgerEntry, ...] = ()

    @property
    def placed(self) -> dict[Slot, Quote]:
        """The quotes that are sent or moved, each as the risk modules have left it, with the reasons for it."""
        slots = {action.order.slot for action in self.actions if isinstance(action, Place | Amend)}

        return {quote.slot: quote for quote in self.quotes if quote.slot in slots}
