"""What a strategy is to the engine: one pure function."""

from __future__ import annotations

from typing import Protocol

import attrs

from perpmaker.model.quote import Wanted
from perpmaker.state.view import View


class Strategy(Protocol):
    """Pure and synchronous: the same view gives the same answer.

    What it must remember it returns as memory.
    """

    def decide(self, view: View) -> Wanted:
        """Return which quotes should rest now, which levels are withheld and why, and when to ask again."""


@attrs.frozen(kw_only=True)
class StrategyTraits:
    """What the core has to know of a strategy as it is set.

    `price_type` is what it asks its price source for, and `max_age_s` the age in seconds from which its reference is
    stale, the traded book where it is that. `quotes_in_position`: it goes on while a position is open, so that a risk
    module has to bound that, and closing orders share it with the quotes that would close it too.
    `cap_key`: the key of the file that goes by the largest position, and so needs a risk module that caps it in base
    asset; None where none does.
    """

    price_type: str = "mid_price"
    max_age_s: float = 10.0
    quotes_in_position: bool = False
    cap_key: str | None = None
