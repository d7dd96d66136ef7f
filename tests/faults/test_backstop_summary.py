"""The summary counts exits as a person does: a stop that waits on the venue is one, however it was brought there."""

from __future__ import annotations

from perpmaker.model.command_event import OrderAccepted
from perpmaker.model.order import NewOrder, OrderKind, OrderType, PositionSide, Side, Slot, StopTrigger
from perpmaker.runtime.order_stats import OrderStats

LONG = Slot(OrderKind.VENUE_STOP, Side.SELL, 0, PositionSide.LONG)
SHORT = Slot(OrderKind.VENUE_STOP, Side.BUY, 0, PositionSide.SHORT)
MARK, LAST = StopTrigger.MARK, StopTrigger.LAST


def counted(*stops: tuple[Slot, int, bool, StopTrigger]) -> int:
    """How many stops on the venue are counted of these: slot, ticks, whole, and what fires it."""
    orders = {
        f"s{number}": NewOrder(
            client_id=f"s{number}",
            slot=slot,
            lots=1,
            ticks=ticks,
            type=OrderType.VENUE_STOP,
            reduce_only=True,
            whole=whole,
            trigger=trigger,
        )
        for number, (slot, ticks, whole, trigger) in enumerate(stops)
    }
    count = OrderStats(kind_of=lambda name: orders[name].slot.kind, intent=orders.get)
    count.fold(OrderAccepted(client_id=name, venue_id=None, venue_ms=1) for name in orders)
    count.fold(OrderAccepted(client_id=name, venue_id=None, venue_ms=1) for name in orders)
    assert count.placed[OrderKind.STOP_LOSS] == 0

    return count.placed[OrderKind.VENUE_STOP]


def test_backstop_a_move_counts_once() -> None:
    """The bridge and what takes its place at the same level are one stop."""
    for stops, times in [
        ([(LONG, 96, True, MARK)], 1),
        ([(LONG, 96, True, MARK), (LONG, 97, False, MARK), (LONG, 97, True, MARK)], 2),
        ([(LONG, 96, True, MARK), (LONG, 97, False, MARK), (LONG, 98, False, MARK), (LONG, 98, True, MARK)], 3),
        ([(LONG, 97, False, MARK), (SHORT, 97, True, MARK), (LONG, 97, True, MARK)], 2),
        ([(LONG, 97, False, MARK), (LONG, 97, True, LAST)], 2),
        ([(LONG, 97, True, MARK), (LONG, 97, True, MARK)], 2),
        ([(LONG, 97, False, MARK), (LONG, 97, False, MARK)], 2),
    ]:
        assert counted(*stops) == times
