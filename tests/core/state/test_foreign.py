"""Orders of somebody else: those that rest, and nothing that is over, at market, or ours."""

from __future__ import annotations

import attrs
import pytest

from perpmaker.model.order import OrderReport, OrderStatus, OrderType
from perpmaker.state.foreign import ForeignOrders
from perpmaker.testing.scene import Scene

RESTING = attrs.evolve(Scene().order_report("by-hand", OrderStatus.OPEN), type=OrderType.LIMIT)


@pytest.mark.parametrize(
    "report",
    [
        attrs.evolve(RESTING, status=OrderStatus.FILLED, filled_lots=5),
        attrs.evolve(RESTING, client_id="pm-bot-r1-1"),
        *(
            pytest.param(one, marks=pytest.mark.full)
            for one in (
                attrs.evolve(RESTING, status=OrderStatus.CANCELLED),
                attrs.evolve(RESTING, type=OrderType.MARKET),
                attrs.evolve(RESTING, of_position=True),
            )
        ),
    ],
    ids=["filled", "ours", "cancelled", "market", "of the position"],
)
def test_only_what_may_still_fill_beside_us_rests(report: OrderReport) -> None:
    """By a reading and by the stream; the end of an order takes it out."""
    foreign = ForeignOrders(is_ours=lambda client_id: client_id.startswith("pm-"))
    foreign.listed([report])
    assert foreign.resting == ()
    foreign.listed([RESTING])
    assert foreign.resting == (RESTING,)
    foreign.reported(report)
    assert foreign.resting == ((RESTING,) if report.client_id != RESTING.client_id else ())
