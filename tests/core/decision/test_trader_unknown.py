"""The trader and commands whose outcome is unknown: one test for each row of the fault matrix."""

from __future__ import annotations

from decimal import Decimal

import attrs

from perpmaker.execution.action import Ask, Cancel, Place, Reconnect, Resync
from perpmaker.model.command_event import Command, OrderAccepted, OrderNotFound
from perpmaker.model.event import OrderReported, StopRequested
from perpmaker.model.order import (
    CancelCause,
    OrderStatus,
    PositionSide,
    Side,
)
from perpmaker.state.view import End
from perpmaker.testing.scene import FENCE_S, ExitsOf, Scene, of, placed, quotes, stop_loss


def test_F04_order_lost_before_the_venue_is_placed_again_only_after_the_fence() -> None:
    """Not found proves nothing before the fence; past it, the slot is free for one new intent."""
    scene = Scene()
    scene.start()
    asked = scene.tell(scene.accepted("2"), scene.unknown("1"))

    assert [action.client_id for action in of(asked.actions, Ask)] == ["pm-bot-r1-1"]
    assert not of(scene.tell(OrderNotFound(client_id="pm-bot-r1-1", asked_at=scene.now), after=0.2).actions, Place)
    waited = scene.wait(FENCE_S)
    assert len(of(waited, Ask)) >= 4
    assert not of(waited, Place)
    resolved = scene.tell(OrderNotFound(client_id="pm-bot-r1-1", asked_at=scene.now))
    assert placed(resolved.actions) == ["quote buy 0"]
    assert scene.trader.state.orders.finished["pm-bot-r1-1"].end is End.NEVER_WAS


def test_F05_answer_lost_order_is_adopted_not_resent() -> None:
    """The private stream shows the order whose answer was lost: it is ours, and nothing is sent again."""
    scene = Scene()
    scene.start()
    scene.tell(scene.accepted("2"), scene.unknown("1"))
    shown = scene.tell(scene.accepted("1"), after=0.1)

    assert scene.status("1") is OrderStatus.OPEN
    assert not shown.actions
    assert not of(scene.wait(5.0), Place, Ask)


def test_F06_order_that_arrives_after_it_was_not_found_is_adopted() -> None:
    """Asked before the fence, unknown to the venue, and then there: one order, never two."""
    scene = Scene()
    scene.start()
    scene.tell(scene.accepted("2"), scene.unknown("1"))
    scene.tell(OrderNotFound(client_id="pm-bot-r1-1", asked_at=scene.now), after=1.0)
    scene.tell(scene.report("1", OrderStatus.OPEN), after=1.0)

    assert scene.status("1") is OrderStatus.OPEN
    assert not of(scene.wait(5.0), Place)


def test_F07_unknown_order_that_filled_is_found_and_its_position_protected() -> None:
    """A report says filled: exits at once; the fill itself comes with the resync that is demanded, and quotes after."""
    scene = Scene()
    scene.start()
    scene.tell(scene.accepted("2"), scene.unknown("1"))
    told = scene.tell(scene.report("1", OrderStatus.FILLED, 5), after=0.3)
    assert placed(told.actions) == ["target sell"]
    assert of(scene.wait(2.5), Resync)
    fill = scene.fill("1", 5, 5).fill
    found = scene.tell(scene.resynced(fills=(fill,), amount="0.005"))

    assert scene.amount == Decimal("0.005")
    assert "target sell" not in placed(found.actions)


def test_F07_close_that_filled_is_not_sent_again_while_its_fill_is_on_its_way() -> None:
    """An exit whose execution is announced keeps its slot until the position knows of it."""
    scene = Scene(exits=ExitsOf(stop_loss))
    scene.start(amount="0.005")
    sold = attrs.evolve(scene.report("1", OrderStatus.FILLED, 5).report, side=Side.SELL)
    assert not of(scene.tell(OrderReported(report=sold)).actions, Place)
    scene.tell(scene.fill("1", 5, 5, Side.SELL, 995))
    assert scene.amount == 0
    assert PositionSide.NET in scene.trader.state.stop_closed_at


def test_F08_cancel_timed_out_keeps_the_slot_until_the_venue_proves_it() -> None:
    """After a cancel without an answer the order may live: asked for, cancelled again, its slot not used."""
    scene = Scene().quoting()
    scene.strategy.quotes = quotes(ticks=1001, generation=2)
    scene.tell(scene.book(), scene.accepted("1"))
    unknown = scene.tell(scene.unknown("1", Command.CANCEL), after=2.0)

    assert scene.status("1") is OrderStatus.UNKNOWN
    assert of(unknown.actions, Ask)
    assert of(scene.tell(scene.report("1", OrderStatus.OPEN)).actions, Cancel)
    assert placed(scene.tell(scene.cancelled("1"), scene.cancelled("2")).actions) == ["quote buy 0", "quote sell 0"]


def test_F08_unknown_quote_is_cancelled_on_the_way_to_the_end() -> None:
    """A stop does not leave an order behind only because its placing was never answered."""
    scene = Scene()
    scene.start()
    scene.tell(scene.accepted("2"), scene.unknown("1"))
    stopped = scene.tell(StopRequested())

    assert {action.client_id for action in of(stopped.actions, Cancel)} == {"pm-bot-r1-1", "pm-bot-r1-2"}
    scene.tell(scene.cancelled("2"))
    before = scene.trader.is_clean
    scene.wait(FENCE_S + 0.1)
    scene.tell(OrderNotFound(client_id="pm-bot-r1-1", asked_at=scene.now))
    assert (before, scene.trader.is_clean) == (False, True)


def test_F11_unknown_outcome_blocks_every_new_quote() -> None:
    """While one order's outcome is unknown nothing that could add exposure is placed, in no slot."""
    scene = Scene()
    scene.start()
    scene.tell(scene.unknown("1"), scene.accepted("2"))

    assert placed(scene.tell(scene.cancelled("2", CancelCause.VENUE)).actions) == []
    assert placed(scene.tell(scene.accepted("1")).actions) == ["quote sell 0"]


def test_reduce_only_exit_goes_out_beside_an_unknown_one() -> None:
    """The venue caps closes at the position, so a stop does not wait for the fence."""
    scene = Scene(exits=ExitsOf(stop_loss))
    first = scene.start(amount="0.005")
    assert placed(first.actions)[0] == "stop loss sell"
    again = scene.tell(scene.unknown("1"))
    assert placed(again.actions) == ["stop loss sell"]


def test_accepted_order_that_the_stream_never_shows_reconnects_it() -> None:
    """A success that only the answer knows of means that the private stream is dead."""
    scene = Scene()
    scene.start()
    scene.tell(scene.accepted("1"), scene.accepted("2", by_stream=False))
    actions = scene.wait(3.5)

    assert [action.channel for action in of(actions, Reconnect)] == ["account"]
    assert not of(scene.wait(5.0), Reconnect)


def test_unknown_status_is_asked_for_again() -> None:
    """A status this version does not know proves nothing and is never a default branch."""
    scene = Scene().quoting()
    scene.tell(scene.report("1", None, by_stream=True))

    assert scene.status("1") is OrderStatus.OPEN
    assert of(scene.wait(0.3), Ask)


def test_the_moment_at_which_a_silent_stream_is_noticed_is_a_moment_to_wake() -> None:
    """Taken by the answer and shown by no stream: the trader is asked again at three seconds, whatever else is due."""
    scene = Scene()
    scene.start()
    last = scene.tell(
        *(OrderAccepted(client_id=f"pm-bot-r1-{number}", venue_id=str(number), venue_ms=scene.ms) for number in (1, 2))
    )

    assert last.wake_at == scene.now + 3.0


def test_an_order_that_the_stream_has_shown_is_no_reason_to_wake() -> None:
    """Nothing is due of it any more."""
    scene = Scene()
    scene.start()
    last = scene.tell(scene.accepted("1"), scene.accepted("2"))

    assert last.wake_at is None or last.wake_at > scene.now + 3.0
