"""Between which prices nothing has to be decided anew: few messages need reach a trader then."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import attrs

from perpmaker.model.quote import Wake

FAR: Final = 1 << 62
"""A price that no market reaches."""


@attrs.frozen(kw_only=True)
class Bounds:
    """Best bid, best ask and last trade in ticks between which a decision holds, bounds included; 0 ticks: none."""

    bid_low: int = -FAR
    bid_high: int = FAR
    ask_low: int = -FAR
    ask_high: int = FAR
    trade_low: int = -FAR
    trade_high: int = FAR

    @classmethod
    def of(cls, wakes: Iterable[Wake], highest_buy: float, lowest_sell: float) -> Bounds:
        """Return the narrowest of several.

        `highest_buy` and `lowest_sell` are where orders of ours stand: who reaches them is news.
        """
        known = tuple(wakes)

        return cls(
            bid_low=_most(wake.bid_low for wake in known),
            bid_high=min(_least(wake.bid_high for wake in known), int(min(lowest_sell, FAR)) - 1),
            ask_low=max(_most(wake.ask_low for wake in known), int(max(highest_buy, -FAR)) + 1),
            ask_high=_least(wake.ask_high for wake in known),
            trade_low=_most(wake.trade_low for wake in known),
            trade_high=_least(wake.trade_high for wake in known),
        )


def _most(lows: Iterable[int | None]) -> int:
    return max((low for low in lows if low is not None), default=-FAR)


def _least(highs: Iterable[int | None]) -> int:
    return min((high for high in highs if high is not None), default=FAR)
