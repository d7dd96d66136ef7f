"""Wake conditions of exits: a moment at the latest, and those of several positions together."""

from __future__ import annotations

import attrs

from perpmaker.exits.price import SHORTEST_S
from perpmaker.model.quote import Wake
from perpmaker.state.view import View


def by(view: View, wake: Wake, instant: float) -> Wake:
    """Return the same conditions, and this time at the latest."""
    instant = max(instant, view.now + SHORTEST_S)

    return attrs.evolve(wake, at=instant if wake.at is None else min(wake.at, instant))


def merge(wakes: tuple[Wake, ...]) -> Wake:
    """Whatever comes first, of all positions."""
    if len(wakes) <= 1:
        return wakes[0] if wakes else Wake()

    return Wake(
        at=min((wake.at for wake in wakes if wake.at is not None), default=None),
        bid_low=max((wake.bid_low for wake in wakes if wake.bid_low is not None), default=None),
        bid_high=min((wake.bid_high for wake in wakes if wake.bid_high is not None), default=None),
        ask_low=max((wake.ask_low for wake in wakes if wake.ask_low is not None), default=None),
        ask_high=min((wake.ask_high for wake in wakes if wake.ask_high is not None), default=None),
        mark_low=max((wake.mark_low for wake in wakes if wake.mark_low is not None), default=None),
        mark_high=min((wake.mark_high for wake in wakes if wake.mark_high is not None), default=None),
        trade_low=max((wake.trade_low for wake in wakes if wake.trade_low is not None), default=None),
        trade_high=min((wake.trade_high for wake in wakes if wake.trade_high is not None), default=None),
        rate_low=max((wake.rate_low for wake in wakes if wake.rate_low is not None), default=None),
        rate_high=min((wake.rate_high for wake in wakes if wake.rate_high is not None), default=None),
    )
