"""What the trader is given to decide with, and what it answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import attrs

from perpmaker.execution.action import Action
from perpmaker.model.quote import Quote, Wanted, WantedExits
from perpmaker.risk.interface import Approved, Refused, Verdict
from perpmaker.state.view import Mode, View


class ExitRule(Protocol):
    """Target and stop: a pure function beside the strategy, so that exits survive a strategy that raises."""

    def decide(self, view: View) -> WantedExits:
        """The exits that should rest now; `view.memory` is what this answered last."""


class Review(Protocol):
    """The risk review: one verdict for each quote, in order."""

    def __call__(self, view: View, quotes: Sequence[Quote], /) -> Sequence[Verdict]:
        """Approve (perhaps cut) or refuse each quote."""


def approve_all(_: View, quotes: Sequence[Quote], /) -> Sequence[Verdict]:
    """The review where no risk module is configured."""
    return tuple(Approved(quote=quote) for quote in quotes)


@attrs.frozen(kw_only=True)
class Decision:
    """What one call of `Trader.handle` comes to.

    `actions` in the order in which they are to be sent; the orders in them count as in flight already. `wake_at`:
    when to call again though nothing happened (None: never). `notices` are for people. `wanted`, `exits` and
    `refused` are None and empty when nothing had to be decided anew.
    """

    actions: tuple[Action, ...] = ()
    notices: tuple[str, ...] = ()
    wake_at: float | None = None
    mode: Mode = Mode.REDUCE
    mode_reason: str = ""
    wanted: Wanted | None = None
    exits: WantedExits | None = None
    refused: tuple[Refused, ...] = ()
