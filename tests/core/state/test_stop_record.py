from __future__ import annotations

from perpmaker.model.order import PositionSide
from perpmaker.state.sent_orders import KEPT_S, ReadOnlySent, SentOrders
from perpmaker.state.stop_record import StopRecord

NET, LONG = PositionSide.NET, PositionSide.LONG


def test_each_stop_counts_once_for_each_position_that_it_closed() -> None:
    """A later word of the same stop, while the position is flat, is no other stop."""
    record = StopRecord()
    record.see({}, [NET])
    record.see({NET: 5.0}, [])
    record.see({NET: 5.2}, [])
    assert list(record.times) == [5.0]

    record.see({NET: 5.2}, [NET])
    record.see({NET: 9.0}, [])
    assert list(record.times) == [5.0, 9.0]


def test_positions_of_hedge_mode_count_each_by_itself() -> None:
    """Both stopped at once are two."""
    record = StopRecord()
    record.see({}, [NET, LONG])
    record.see({NET: 5.0, LONG: 5.0}, [])
    assert list(record.times) == [5.0, 5.0]


def test_what_an_earlier_run_counted_goes_on() -> None:
    """Its last stop is not counted again, and one that had fired counts when its position is gone."""
    record = StopRecord()
    record.recall([1.0, 2.0], {NET: 2.0}, [LONG])
    record.see({NET: 2.0, LONG: 4.0}, [LONG])
    assert list(record.times) == [1.0, 2.0]

    record.see({NET: 2.0, LONG: 4.0}, [])
    assert list(record.times) == [1.0, 2.0, 4.0]


def test_sent_orders_are_counted_after_a_moment() -> None:
    """The newest of them are kept for an hour, and plugins can only look."""
    sent = SentOrders()

    for second in range(5000):
        sent.note(float(second))

    shown = ReadOnlySent(sent)
    assert shown.count_after(4989.0) == 10
    assert (shown.newest(1), shown.newest(10), shown.newest(9999)) == (4999.0, 4990.0, None)
    assert sent.count_after(0.0) <= KEPT_S + 1000
    assert not hasattr(shown, "note")
