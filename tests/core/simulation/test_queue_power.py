"""How an order moves forward when lots leave its queue without a trade: never, or as likely as anybody's."""

from __future__ import annotations

import pytest

from perpmaker.model.order import Side
from perpmaker.simulation.book import BookSide, Resting

TICKS = 1_000


def queued(power: float | None) -> tuple[BookSide, Resting]:
    """An order behind 100 lots, with as many behind it."""
    side = BookSide(Side.BUY)
    side.power = power
    side.set_crowd([(TICKS, 100)])
    order = Resting(order_id=1, account="a", ticks=TICKS, lots=10, ahead=0)
    side.add(order)
    side.change_crowd([(TICKS, 200)])

    return side, order


@pytest.mark.parametrize(
    ("power", "left", "ahead"),
    [
        (None, 140, 100),  # 60 have left, and all of them from behind
        (None, 80, 80),  # there are no more
        (1.0, 140, 70),  # half of the 60 stood before
        (1.0, 0, 0),
        (2.0, 140, 70),  # as many before as behind: every power says half
    ],
)
def test_lots_that_leave_without_a_trade(power: float | None, left: int, ahead: int) -> None:
    """The cautious rule gives nothing away; the other gives the share that stood before the order."""
    side, order = queued(power)
    side.change_crowd([(TICKS, left)])

    assert order.ahead == ahead


@pytest.mark.parametrize(("power", "ahead"), [(1.0, 25), (2.0, 46)])
def test_a_greater_power_has_the_longer_part_leave(power: float, ahead: int) -> None:
    """Of 50 before and 300 behind 175 leave: by the first rule 1 of 7 stood before, by the other 1 of 37."""
    side, order = queued(power)
    side.change_crowd([(TICKS, 400)])
    assert side.let_pass(TICKS, 50, late=False)
    side.change_crowd([(TICKS, 350)])  # the trade alone: nobody has left
    assert order.ahead == 50

    side.change_crowd([(TICKS, 175)])

    assert order.ahead == ahead


def test_what_is_passed_over_moves_the_queue_as_what_is_followed() -> None:
    """A difference that only touches a queue, and one that is followed, leave the order at the same place."""
    (followed, one), (touched, other) = queued(1.0), queued(1.0)

    for lots in (180, 190, 120, 60):
        followed.change_crowd([(TICKS, lots)])
        touched.touch(TICKS, lots, settled=True)

    assert (one.ahead, one.unexplained, one.level) == (other.ahead, other.unexplained, other.level)

    touched.follow([(TICKS, 180), (TICKS, 190), (TICKS, 120), (TICKS, 60)])

    assert (one.ahead, one.unexplained, one.level) == (other.ahead, other.unexplained, other.level)
    assert list(followed.levels()) == list(touched.levels())
