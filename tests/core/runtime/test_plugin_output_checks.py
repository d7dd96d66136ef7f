"""What a plugin gives is looked at before anybody believes it."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from perpmaker.runtime.plugin_output_checks import checked_events
from perpmaker.runtime.plugin_output_shapes import misfit
from perpmaker.testing.scene import Scene


@pytest.mark.each_value
@pytest.mark.parametrize("side", ["bids", "asks"])
@pytest.mark.parametrize("level", [(990.0, 5), (990, 5.0), ("990", 5)])
def test_a_level_that_is_not_of_whole_ticks_and_lots_is_the_connectors_fault(side: str, level: Any) -> None:
    """Either side of a book, in words that show the level; a whole book passes."""
    book = Scene().book()
    assert list(checked_events([book])) == [book]

    with pytest.raises(TypeError, match=r"no \(ticks, lots\) of int"):
        checked_events([attrs.evolve(book, **{side: (level,)})])


def test_a_list_of_facts_holds_nothing_else() -> None:
    """A reading whose orders are words is none, however few of them there are."""
    read = Scene().resynced()
    assert misfit(read) is None
    wrong: Any = ("an order",)

    assert "orders" in (misfit(attrs.evolve(read, orders=wrong)) or "")
