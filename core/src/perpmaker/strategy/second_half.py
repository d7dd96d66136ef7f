"""The second half of a refresh: the old orders are off the book, and the new quotes are placed.

The first half has decided them, at these prices, with all old orders still resting. While nothing has happened since
but that those are gone, they are decided just so again, as the quotes of the next generation.
"""

from __future__ import annotations

from perpmaker.model.quote import Wanted
from perpmaker.state.view import View
from perpmaker.strategy.memory import Memory
from perpmaker.strategy.settings import StrategySettings
from perpmaker.strategy.shape import Shape


def is_second_half(view: View, before: View, wanted: Wanted, settings: StrategySettings, shape: Shape) -> bool:
    """Return whether `wanted`, decided in the view `before`, is a whole new ladder whose place is free by now.

    Reference and memory are the caller's to look at: they are those of then, when no quote was kept as it rested.
    """
    cycles = wanted.memory.cycles.values() if isinstance(wanted.memory, Memory) else ()

    return (
        not view.orders
        and not wanted.withheld
        and shape.skew is None
        and not settings.order_optimization_enabled
        and view.mark is before.mark
        and view.capital is before.capital
        and view.positions is before.positions
        and view.instrument is before.instrument
        and view.quote_filled_at == before.quote_filled_at
        and view.stop_closed_at == before.stop_closed_at
        and not view.no_quotes_for
        and not view.blocked
        and not before.blocked
        and not view.is_capital_stale
        and not before.is_capital_stale
        and all(view.now < (cycle.due_at(settings.order_refresh_time) or view.now) for cycle in cycles)
        and _rests(view, wanted)
    )


def _rests(view: View, wanted: Wanted) -> bool:
    """Whether no quote would take."""
    bid, ask = view.book.best_bid, view.book.best_ask

    if bid is None or ask is None:
        return False

    return all(quote.ticks < ask if quote.slot.side.sign > 0 else quote.ticks > bid for quote in wanted.quotes)
