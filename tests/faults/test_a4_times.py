"""A4: times of the venue are evidence. One that lies ahead of its clock orders nothing, and no reading is dropped."""

from __future__ import annotations

from decimal import Decimal

import attrs
import pytest

from perpmaker.execution.action import Cancel, Resync
from perpmaker.model.event import BalanceReported, OrderAmended, OrderFilled, OrderReported, PositionReported, Resynced
from perpmaker.model.order import OrderKind, OrderStatus, PositionMode, PositionSide, Side
from perpmaker.model.position import Balance, Position
from perpmaker.state.view import Mode
from perpmaker.testing.scene import ExitsOf, Scene, of, placed

AHEAD_MS = 600_000
NET = PositionSide.NET


def net(amount: str, venue_ms: int, entry: str = "100") -> Position:
    """The net position by the venue's word."""
    return Position(side=NET, amount=Decimal(amount), entry=Decimal(entry), venue_ms=venue_ms)


def clocked(
    scene: Scene, began_at: float | None = None, amount: str = "0", ahead_ms: int = 0, **changes: object
) -> Resynced:
    """The account as read now by a connector that knows the venue's clock."""
    read = scene.resynced(began_at, amount, **changes)

    if not hasattr(read, "asked_ms"):
        return read

    return attrs.evolve(read, asked_ms=clock_ms(read.began_at) + ahead_ms, clock_uncertainty_s=0.1)


def clock_ms(now: float) -> int:
    """The venue's clock."""
    return round(1100 + now * 1000)


def later(scene: Scene, seconds: float) -> None:
    """Time passes, at the venue too."""
    scene.tell(after=seconds)
    scene.ms = max(scene.ms, clock_ms(scene.now) - 50)


def quoting() -> Scene:
    """Both quotes rest, and the venue's clock is known."""
    scene = Scene()
    scene.tell(clocked(scene), scene.book())
    scene.tell(*(scene.accepted(name) for name in ("1", "2")))

    return scene


def test_A4_fills_after_a_report_that_is_dated_ahead_are_positions_at_once() -> None:
    """A report of no position, ten minutes ahead of the clock: what is filled afterwards is seen, and has its exit."""
    scene = quoting()
    scene.tell(PositionReported(position=net("0", 1000 + AHEAD_MS, "0")))
    decided = scene.tell(scene.fill("1", 3, 3), after=1.0)

    assert scene.amount == Decimal("0.003")
    assert placed(decided.actions) == ["target sell"]


def test_A4_it_holds_for_a_venue_whose_clock_only_the_book_tells() -> None:
    """A connector that measures no clock: the book's time is what a date is held against."""
    scene = Scene().quoting()
    scene.tell(PositionReported(position=net("0", 1000 + AHEAD_MS, "0")))
    scene.tell(scene.fill("1", 3, 3), after=1.0)

    assert scene.amount == Decimal("0.003")


def test_A4_a_fill_that_is_dated_ahead_does_not_make_later_words_old() -> None:
    """The report of the next fill, and the next fill, count as what they are."""
    scene = quoting()
    first = scene.fill("1", 2, 2)
    scene.tell(OrderFilled(fill=attrs.evolve(first.fill, venue_ms=first.fill.venue_ms + AHEAD_MS)))
    later(scene, 2.0)
    second = scene.fill("1", 3, 5)
    scene.tell(PositionReported(position=net("0.005", scene.ms)))
    assert scene.amount == Decimal("0.005")
    scene.tell(second)
    assert scene.amount == Decimal("0.005")
    assert scene.trader.state.account.tracked[NET].external == 0


def test_A4_a_close_by_a_report_that_is_dated_ahead_is_read_before_it_is_believed() -> None:
    """No position, says a word that cannot be right in one thing already: target stays, quotes go, it is asked."""
    scene = quoting()
    scene.tell(scene.fill("1", 5, 5))
    told = scene.tell(PositionReported(position=net("0", 1000 + AHEAD_MS, "0")), after=1.0)

    assert scene.amount == Decimal("0.005")
    assert of(told.actions, Resync)
    assert {action.kind for action in of(told.actions, Cancel)} == {OrderKind.QUOTE}
    scene.tell(clocked(scene, amount="0.005"))
    assert (scene.amount, scene.last.mode) == (Decimal("0.005"), Mode.RUN)


def test_A4_a_reading_dated_ahead_counts_from_when_it_was_asked_for() -> None:
    """The position row's own time is ten minutes ahead: the fill after it is on top of it, and so is the next one."""
    scene = quoting()
    later(scene, 1.0)
    scene.tell(clocked(scene, positions=(net("0.002", 1000 + AHEAD_MS),)))
    assert scene.amount == Decimal("0.002")
    later(scene, 1.0)
    scene.tell(scene.fill("1", 3, 3))
    assert scene.amount == Decimal("0.005")


@pytest.mark.parametrize(("amount", "found"), [("0.160", "0.160"), ("-0.010", "-0.010")])
def test_A4_a_reading_that_opens_or_turns_the_position_is_taken_over_however_old_its_date(
    amount: str, found: str
) -> None:
    """What had been told before is newer by its date, and wrong: exits go out in the step that reads the truth."""
    scene = Scene().quoting()
    later(scene, 3.0)
    scene.tell(PositionReported(position=net("0.010", scene.ms)))
    scene.tell(scene.accepted("3"))
    later(scene, 5.0)
    read = scene.tell(scene.resynced(positions=(net(amount, 1005),)))

    assert scene.amount == Decimal(found)
    assert [action.kind for action in of(read.actions, Cancel)] == [OrderKind.TAKE_PROFIT]
    assert read.mode is Mode.REDUCE


def test_A4_a_reading_that_shrinks_the_position_without_a_fill_wants_a_second_one() -> None:
    """Quotes off and asked again at once; target and position stay until the second reading agrees."""
    scene = quoting()
    scene.tell(scene.fill("1", 5, 5))
    scene.tell(scene.accepted("3"))
    later(scene, 5.0)
    first = scene.tell(clocked(scene))

    assert (scene.amount, first.mode) == (Decimal("0.005"), Mode.REDUCE)
    assert of(first.actions, Resync)
    assert {action.kind for action in of(first.actions, Cancel)} == {OrderKind.QUOTE}
    later(scene, 0.1)
    second = scene.tell(clocked(scene))
    assert scene.amount == 0
    assert OrderKind.TAKE_PROFIT in {action.kind for action in of(second.actions, Cancel)}


def test_A4_a_second_reading_that_disagrees_takes_nothing_off() -> None:
    """A venue's replica that was behind: quotes come back, the position was never given up."""
    scene = quoting()
    scene.tell(scene.fill("1", 5, 5))
    scene.tell(scene.accepted("3"))
    later(scene, 5.0)
    scene.tell(clocked(scene))
    later(scene, 0.1)
    scene.tell(clocked(scene, amount="0.005"))

    assert (scene.amount, scene.last.mode) == (Decimal("0.005"), Mode.RUN)
    assert scene.status("3") is OrderStatus.OPEN


def test_A4_our_own_fill_that_comes_late_explains_a_smaller_position() -> None:
    """The reading knew of it first: no second change, and nothing external."""
    scene = quoting()
    scene.tell(scene.fill("1", 5, 5))
    scene.tell(scene.accepted("3"))
    later(scene, 5.0)
    scene.tell(clocked(scene))
    scene.tell(scene.fill("3", 5, 5, Side.SELL, 1020), after=0.05)
    later(scene, 0.1)
    scene.tell(clocked(scene))

    tracked = scene.trader.state.account.tracked[NET]
    assert (scene.amount, tracked.external, scene.last.mode) == (Decimal(0), Decimal(0), Mode.RUN)


def test_A4_a_server_clock_that_jumps_ahead_and_back_loses_no_fill() -> None:
    """Measured ten minutes ahead, and right again: what was dated in between does not bar what comes after."""
    scene = quoting()
    later(scene, 1.0)
    read = clocked(scene)
    scene.tell(
        attrs.evolve(read, **({"asked_ms": clock_ms(scene.now) + AHEAD_MS} if hasattr(read, "asked_ms") else {}))
    )
    later(scene, 1.0)
    scene.tell(PositionReported(position=net("0.001", 2000 + AHEAD_MS)))
    assert scene.amount == Decimal("0.001")
    later(scene, 10.0)
    scene.tell(clocked(scene, positions=(net("0.001", 2000),)))
    later(scene, 1.0)
    scene.tell(scene.fill("1", 2, 2))

    assert scene.amount == Decimal("0.003")


def test_A4_a_fill_older_than_a_report_that_does_not_hold_it_is_asked_about_within_a_second() -> None:
    """The venue's clock was set back: no word of it is newer than what is known, and a reading settles it."""
    scene = quoting()
    later(scene, 60.0)
    scene.tell(clocked(scene))
    scene.tell(PositionReported(position=net("0", scene.ms, "0")))
    scene.ms -= 30_000
    scene.tell(scene.fill("1", 5, 5))
    actions = scene.wait(1.0)

    assert of(actions, Resync)
    read = scene.tell(clocked(scene, positions=(net("0.005", scene.ms),)))
    assert scene.amount == Decimal("0.005")
    assert placed(read.actions) == ["target sell"]


def test_A4_a_balance_dated_ahead_is_followed_by_the_next_one() -> None:
    """The wallet of a message from the future is not the wallet of the next ten minutes."""
    scene = quoting()
    scene.tell(BalanceReported(balance=Balance(asset="USDT", wallet=Decimal(7), venue_ms=1000 + AHEAD_MS)))
    scene.ms += 2000
    scene.tell(BalanceReported(balance=Balance(asset="USDT", wallet=Decimal(900), venue_ms=scene.ms)), after=2.0)

    assert scene.trader.state.account.balances["USDT"].wallet == 900


def test_A4_an_amended_order_dated_ahead_is_followed_by_its_next_shape() -> None:
    """What the venue cuts later is taken in, whatever the amendment before it was dated."""
    scene = quoting()
    ahead = OrderAmended(client_id="pm-bot-r1-1", ticks=990, lots=4, venue_ms=1000 + AHEAD_MS)
    scene.tell(ahead, after=1.0)
    scene.ms += 3000
    scene.tell(OrderAmended(client_id="pm-bot-r1-1", ticks=990, lots=2, venue_ms=scene.ms), after=2.0)

    (order,) = [order for order in scene.trader.working() if order.client_id == "pm-bot-r1-1"]
    assert order.order.lots == 2


def test_A4_a_report_of_an_order_dated_ahead_changes_nothing_but_the_order() -> None:
    """An order's time is no position's: what is filled next is a position at once."""
    scene = quoting()
    report = scene.order_report("pm-bot-r1-1", OrderStatus.OPEN)
    scene.tell(OrderReported(report=attrs.evolve(report, venue_ms=1000 + AHEAD_MS), by_stream=True))
    scene.tell(scene.fill("1", 5, 5), after=1.0)

    assert scene.amount == Decimal("0.005")


def test_A4_in_hedge_mode_one_leg_that_is_dated_ahead_leaves_the_other_alone() -> None:
    """The long leg is said to be gone, ten minutes ahead: it is asked about, and both keep what they have."""
    scene = Scene(exits=ExitsOf(lambda _: ()), position_mode=PositionMode.HEDGE)
    legs = [
        Position(side=side, amount=Decimal(amount), entry=Decimal(100), venue_ms=1001)
        for side, amount in ((PositionSide.LONG, "0.005"), (PositionSide.SHORT, "-0.004"))
    ]
    scene.tell(clocked(scene, positions=tuple(legs)), scene.book())
    gone = attrs.evolve(legs[0], amount=Decimal(0), venue_ms=1000 + AHEAD_MS)
    told = scene.tell(PositionReported(position=gone), after=1.0)

    amounts = {side: tracked.now.amount for side, tracked in scene.trader.state.account.tracked.items()}
    assert amounts == {PositionSide.LONG: Decimal("0.005"), PositionSide.SHORT: Decimal("-0.004")}
    assert of(told.actions, Resync)
