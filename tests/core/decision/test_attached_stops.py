"""Which stop a quote carries where nothing else outlives the program."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import attrs

from perpmaker.decision.attached_stops import AttachedStopRule
from perpmaker.exits.settings import ExitSettings
from perpmaker.model.order import NewOrder, OrderKind, OrderType, PositionSide, Side, Slot
from perpmaker.model.position import Position
from perpmaker.testing.view import make_instrument

INSTRUMENT = make_instrument()
NET, LONG, SHORT = PositionSide.NET, PositionSide.LONG, PositionSide.SHORT


def quote(side: Side, ticks: int = 10_000, position_side: PositionSide = NET, **values: Any) -> NewOrder:
    """A quote at this price."""
    slot = Slot(OrderKind.QUOTE, side, 0, position_side)

    return NewOrder(**{"client_id": "1", "slot": slot, "lots": 5, "ticks": ticks, "type": OrderType.POST_ONLY} | values)


def carried(order: NewOrder, amount: str = "0", **settings: Any) -> int | None:
    """The stop that an order carries beside a position of this amount."""
    chosen = ExitSettings(**{"stop_loss_spread": Decimal("0.03")} | settings)
    rule = AttachedStopRule(settings=chosen, instrument=INSTRUMENT)
    position = Position(side=order.position_side, amount=Decimal(amount))

    return rule.carried(order, {order.position_side: position}).attached_stop


def test_a_quote_carries_the_backstop_of_the_position_that_it_would_open() -> None:
    """A quarter further out than the stop, from its own price; the stop itself where the venue fires that."""
    assert carried(quote(Side.BUY)) == 9_625
    assert carried(quote(Side.SELL)) == 10_375
    assert carried(quote(Side.BUY, 9_999)) == 9_624  # away from the market
    assert carried(quote(Side.BUY), stop_loss_order="venue") == 9_700
    assert carried(quote(Side.SELL, position_side=SHORT), "-1") == 10_375


def test_what_only_closes_carries_no_stop() -> None:
    """Not the closing side of One-way, no exit, nothing where no stop is to rest on the venue."""
    assert carried(quote(Side.SELL), "0.5") is None
    assert carried(quote(Side.BUY), "0.5") == 9_625
    assert carried(quote(Side.BUY, reduce_only=True)) is None
    assert carried(quote(Side.BUY, slot=Slot(OrderKind.TAKE_PROFIT, Side.BUY))) is None
    assert carried(quote(Side.BUY), venue_backstop=False) is None
    assert carried(quote(Side.BUY), stop_loss_spread=None) is None


def test_an_amend_of_a_partly_filled_quote_leaves_its_stop_alone() -> None:
    """The venue refuses it there; before the first fill the stop moves with the price."""
    rule = AttachedStopRule(settings=ExitSettings(stop_loss_spread=Decimal("0.03")), instrument=INSTRUMENT)
    moved = attrs.evolve(quote(Side.BUY, 8_000), attached_stop=9_625)
    assert rule.carried(moved, {}).attached_stop == 7_700
    assert rule.carried(moved, {}, filled_lots=2).attached_stop is None
