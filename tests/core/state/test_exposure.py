"""What a market may come to hold, for the other markets of its account."""

from __future__ import annotations

from decimal import Decimal

from perpmaker.state.exposure import exposure
from perpmaker.testing.scene import ExitsOf, Scene, take_profit


def test_a_flat_market_may_come_to_hold_the_larger_of_its_sides() -> None:
    """One-way: a bid that fills and an ask that fills close each other; the ask of 5 lots at 1010 is the larger."""
    scene = Scene()
    instrument = scene.trader.state.instrument
    assert exposure(scene.trader.state) == 0

    scene.quoting()
    orders = scene.trader.working()
    worst = max(instrument.amount(one.order.lots) * instrument.price(one.order.ticks or 0) for one in orders)
    assert len(orders) == 2
    assert exposure(scene.trader.state) == worst > 0


def test_a_position_counts_beside_what_still_adds_to_it_and_its_exits_do_not() -> None:
    """Half of the bid is held, the other half may fill still; the target only closes."""
    scene = Scene(exits=ExitsOf(take_profit)).quoting()
    before = exposure(scene.trader.state)
    scene.tell(scene.fill("1", 2, 2))
    state, instrument = scene.trader.state, scene.trader.state.instrument
    adding = [one for one in scene.trader.working() if one.slot.side.sign > 0]
    left = sum(
        (instrument.amount(one.remaining_lots) * instrument.price(one.highest_ticks) for one in adding), Decimal(0)
    )

    (position,) = state.account.positions.values()
    assert any(one.order.reduce_only for one in scene.trader.working())
    assert exposure(state) == max(position.amount * position.entry + left, before)
