"""What a set of quotes makes of settings that a person has changed meanwhile."""

from __future__ import annotations

from perpmaker.model.order import Side
from perpmaker.strategy.draft import _on_grid
from perpmaker.strategy.memory import Cycle, Memory


def test_a_changed_refresh_time_counts_from_the_last_refresh() -> None:
    """Not from the beginning of the grid: an hour at 5 s would be twelve hours at 60 s."""
    cycles = {Side.BUY: Cycle(started_at=100.0, count=720), Side.SELL: Cycle()}
    memory = Memory(cycles=cycles, refresh_s=5.0)

    assert _on_grid(memory, 60.0)[Side.BUY].due_at(60.0) == 100.0 + 720 * 5.0 + 60.0
    assert _on_grid(memory, 1.0)[Side.BUY].due_at(1.0) == 100.0 + 720 * 5.0 + 1.0
    assert _on_grid(memory, 60.0)[Side.SELL] == Cycle()


def test_an_unchanged_one_leaves_the_grid_as_it_is() -> None:
    """Nor does a memory that knows of none."""
    cycles = {Side.BUY: Cycle(started_at=100.0, count=3), Side.SELL: Cycle()}

    assert _on_grid(Memory(cycles=cycles, refresh_s=5.0), 5.0) == cycles
    assert _on_grid(Memory(cycles=cycles), 5.0) == cycles
