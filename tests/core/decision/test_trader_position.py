"""The trader and positions: changed from outside, contradicted, and told of late."""

from __future__ import annotations

from decimal import Decimal

import attrs

from perpmaker.execution.action import Amend, Cancel, Place, Resync
from perpmaker.model.event import (
    OrderFilled,
    OrderReported,
    PositionReported,
)
from perpmaker.model.order import (
    OrderKind,
    OrderStatus,
    PositionSide,
    Side,
)
from perpmaker.model.position import Position
from perpmaker.model.reading import AccountSeen
from perpmaker.state.order_index import CUT_S
from perpmaker.state.view import Mode
from perpmaker.testing.scene import ExitsOf, Scene, of, placed, stop_loss


def test_position_changed_from_outside_is_adopted_and_said() -> None:
    """A newer report that differs is the truth at once; what no fill explains is told."""
    scene = Scene().quoting()
    position = Position(side=PositionSide.NET, amount=Decimal("0.007"), entry=Decimal(100), venue_ms=scene.ms + 10)
    adopted = scene.tell(PositionReported(position=position))

    assert placed(adopted.actions) == ["target sell"]
    scene.wait(2.5)
    assert any("0.007" in notice for decision in scene.decisions for notice in decision.notices)


def test_a_position_that_is_there_from_the_start_has_not_changed() -> None:
    """What the first read finds is where a run begins; "changed without a fill of ours" would be untrue."""
    scene = Scene()
    scene.start(amount="0.005")
    scene.wait(10)

    assert scene.amount == Decimal("0.005")
    assert [notice for decision in scene.decisions for notice in decision.notices] == []


def test_a_fill_after_a_start_is_a_position_at_once_whatever_the_first_read_told_of() -> None:
    """A target of an earlier run was filled while nobody watched; the first fill of this run is another one."""
    scene = Scene()
    missed = scene.fill("0", 5, 5, Side.SELL).fill
    flat = Position(side=PositionSide.NET)
    scene.tell(scene.resynced(fills=(missed,), positions=(flat,)), scene.book())
    scene.tell(*(scene.accepted(name) for name in ("1", "2")))
    decided = scene.tell(scene.fill("1", 5, 5))

    assert scene.amount == Decimal("0.005")
    assert "target sell" in placed(decided.actions)


def test_report_of_the_same_millisecond_is_a_doubt_that_asks_for_a_resync() -> None:
    """Which of two messages of one millisecond is the newer cannot be told: if it stays so, everything is read."""
    scene = Scene().quoting()
    scene.tell(scene.fill("1", 5, 5))
    position = Position(side=PositionSide.NET, amount=Decimal("0.003"), entry=Decimal(100), venue_ms=scene.ms)
    scene.tell(PositionReported(position=position))

    assert scene.amount == Decimal("0.005")
    assert of(scene.wait(2.5), Resync)


def test_a_stop_whose_report_comes_before_its_fill_starts_the_pause_too() -> None:
    """Flat by the venue's word while a stop order was live: it was the stop."""
    scene = Scene(exits=ExitsOf(stop_loss))
    scene.start(amount="0.005")
    flat = Position(side=PositionSide.NET, venue_ms=scene.ms + 1)
    scene.tell(scene.accepted("1"), PositionReported(position=flat))
    scene.tell(scene.fill("1", 5, 5, Side.SELL, 995))

    assert PositionSide.NET in scene.trader.state.stop_closed_at


def test_one_trade_between_two_orders_of_ours_is_two_fills() -> None:
    """Both sides of a trade carry its id: each is booked, once."""
    scene = Scene().quoting()
    bought = scene.fill("1", 2, 2)
    sold = OrderFilled(fill=attrs.evolve(scene.fill("2", 2, 2, Side.SELL).fill, trade_id=bought.fill.trade_id))
    scene.tell(bought, sold, bought, sold)

    assert scene.amount == 0
    assert scene.trader.state.account.totals.fills == 2
    assert scene.trader.state.account.totals.fees == {"USDT": Decimal("0.02")}


def test_a_slow_read_ends_a_gap_that_no_fill_ever_closes() -> None:
    """The doubt is told once and does not begin anew while the answer to it is on its way."""
    scene = Scene().quoting()
    scene.tell(scene.report("1", OrderStatus.OPEN, 2, by_stream=True))
    actions = scene.wait(2.5)
    began_at = scene.now - 0.5
    actions += scene.wait(4.0)
    scene.tell(scene.resynced(began_at=began_at))

    assert len(of(actions, Resync)) == 1
    assert scene.last.mode is Mode.RUN
    assert scene.amount == 0


def test_fills_that_come_after_all_are_counted_once() -> None:
    """A fill that a resync did not bring, and that nobody waited for any more, is the part that was announced."""
    scene = Scene().quoting()
    scene.tell(scene.report("1", OrderStatus.OPEN, 2, by_stream=True))
    scene.wait(2.5)
    scene.tell(scene.resynced())
    scene.tell(scene.fill("1", 2, 2))

    (order,) = [order for order in scene.trader.working() if order.client_id == "pm-bot-r1-1"]
    assert (order.filled_lots, scene.amount) == (2, Decimal("0.002"))


def test_I13_a_position_that_somebody_else_trades_is_told_of_once_a_minute() -> None:
    """Every change is adopted at once; people are told at most once a minute."""
    scene = Scene().quoting()

    for number in range(1, 20):
        amount = Decimal(number) / 1000
        scene.tell(PositionReported(position=Position(side=PositionSide.NET, amount=amount, venue_ms=10**6 + number)))
        scene.wait(3.0)
        assert scene.amount == amount

    told = [notice for decision in scene.decisions for notice in decision.notices if "without a fill" in notice]
    assert len(told) == 1


def test_a_position_without_entry_price_is_read_again_at_once_and_once() -> None:
    """No exit can be told from it; the read that follows every half minute is soon enough for the next try."""
    scene = Scene().quoting()
    told = scene.tell(PositionReported(position=Position(side=PositionSide.NET, amount=Decimal(1), venue_ms=10**6)))
    assert [action.reason for action in of(told.actions, Resync)] == ["the net position came without its entry price"]

    unpriced = Position(side=PositionSide.NET, amount=Decimal(1), venue_ms=10**6 + 1)
    read = scene.tell(scene.resynced(positions=(unpriced,)), after=1.0)
    assert (read.mode, of(read.actions, Resync)) == (Mode.RUN, [])
    scene.tell(scene.resynced(positions=(attrs.evolve(unpriced, entry=Decimal(100)),)))
    again = scene.tell(PositionReported(position=Position(side=PositionSide.NET, amount=Decimal(2), venue_ms=10**7)))
    assert of(again.actions, Resync)


def test_F53_what_the_venue_closed_by_force_is_not_called_traded_by_hand() -> None:
    """A liquidation is the venue's doing, told as that with what is left; all exits of the position go."""
    scene = Scene().quoting()
    scene.tell(scene.fill("1", 5, 5), scene.cancelled("2"))
    scene.tell(scene.accepted("3"))
    theirs = attrs.evolve(scene.fill("1", 5, 5, Side.SELL).fill, client_id="autoclose-1", forced="liquidation")
    told = scene.tell(OrderFilled(fill=theirs), after=1.0)

    words = "closed by the venue (liquidation): sell 0.005 at 99 (order autoclose-1); the net position is 0 now"
    assert words in told.notices
    assert any(line.startswith("LIQUIDATION: ") for line in told.notices)
    assert scene.amount == 0
    assert OrderKind.TAKE_PROFIT in {action.kind for action in of(told.actions, Cancel)}


def test_a_stop_that_has_executed_in_part_has_closed_nothing_yet() -> None:
    """The pause after a stop begins when the position is gone, not with the first of its fills."""
    scene = Scene(exits=ExitsOf(stop_loss))
    scene.start(amount="0.005")
    scene.tell(scene.accepted("1"))
    scene.tell(scene.fill("1", 2, 2, Side.SELL, 995))
    assert (scene.amount, scene.trader.state.stop_closed_at) == (Decimal("0.003"), {})

    scene.tell(scene.fill("1", 3, 5, Side.SELL, 995))
    assert PositionSide.NET in scene.trader.state.stop_closed_at


def test_what_the_venue_cut_is_put_right_a_second_after_the_cut() -> None:
    """It may know more of the position than we do; when it has told nothing by then, the rest is asked for again."""
    scene = Scene()
    scene.start(amount="0.005")
    scene.tell(*(scene.accepted(seq) for seq in "123"))
    (target,) = (one for one in scene.trader.state.orders.working() if one.slot.kind is OrderKind.TAKE_PROFIT)
    seq = target.client_id[-1]
    cut = attrs.evolve(
        scene.report(seq, OrderStatus.OPEN).report,
        side=Side.SELL,
        ticks=target.order.ticks,
        lots=3,
        reduce_only=True,
        type=target.order.type,
    )
    told = scene.tell(OrderReported(report=cut), after=2.5)
    at = scene.now

    while not of(told.actions, Cancel, Amend, Place):
        assert told.wake_at is not None
        told = scene.tell(after=max(0.0, told.wake_at - scene.now))

    assert scene.now == at + CUT_S


def test_a_first_look_at_the_account_is_enough_for_exits_and_not_for_quotes() -> None:
    """What is held gets its target at once; quotes wait until all that happened has been read."""
    scene = Scene()
    read = scene.resynced(amount="0.005")
    seen = AccountSeen(began_at=0.0, orders=(), account=read.account, venue_ms=read.venue_ms)
    assert placed(scene.tell(seen, scene.book()).actions) == ["target sell"]
    assert "quote buy 0" in placed(scene.tell(read, after=0.1).actions)
