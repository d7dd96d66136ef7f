"""The trader on hand-fed events: start, modes, stop, and time."""

from __future__ import annotations

import attrs

from perpmaker.decision.decision import Decision
from perpmaker.execution.action import Ask, Cancel, Place, Resync
from perpmaker.model.command_event import CancelRefused, Command
from perpmaker.model.event import (
    BookChanged,
    Channel,
    Halted,
    OrderCancelled,
    OrderReported,
    StopRequested,
    StreamLost,
    StreamRestored,
)
from perpmaker.model.order import CancelCause, NewOrder, OrderKind, OrderStatus, OrderType, Side
from perpmaker.model.quote import Wake
from perpmaker.model.refusal import Refusal, RefusalReason
from perpmaker.state.view import Mode
from perpmaker.testing.scene import (
    BUY,
    FENCE_S,
    REFUSED_NOT_FOUND,
    Quoter,
    Scene,
    of,
    placed,
    quotes,
)


def test_nothing_is_sent_before_the_account_was_read() -> None:
    """A book alone is no reason to quote: the first Resynced is awaited, and demanded once the stream is there."""
    scene = Scene()

    assert not scene.tell(scene.book()).actions
    assert of(scene.tell(StreamRestored(channel=Channel.ACCOUNT)).actions, Resync)
    assert placed(scene.tell(scene.resynced()).actions) == ["quote buy 0", "quote sell 0"]


def test_resting_quotes_that_are_still_wanted_are_left_alone() -> None:
    """Equal slot, ticks, lots and generation keep an order and its queue place, and nothing is decided meanwhile."""
    scene = Scene().quoting()
    asked = scene.strategy.asked

    for lots in range(1, 50):
        assert scene.tell(BookChanged(((994, lots),), (), scene.ms + lots)).actions == ()

    assert scene.strategy.asked == asked


def test_a_best_price_outside_the_wake_bounds_is_decided_on() -> None:
    """The strategy is asked again as soon as the best bid of other people leaves its bounds."""
    scene = Scene().quoting()
    asked = scene.strategy.asked
    scene.tell(BookChanged(((995, 0), (899, 7)), (), scene.ms + 1))

    assert scene.strategy.asked == asked + 1


def test_a_changed_quote_is_cancelled_first_and_placed_on_the_acknowledgement() -> None:
    """Never are the old and the new order of a slot both live."""
    scene = Scene().quoting()
    scene.strategy.quotes = quotes(ticks=1001, generation=2)
    changed = scene.tell(StreamRestored(channel=Channel.TRADES), scene.book()).actions

    assert [type(action) for action in changed] == [Cancel, Cancel]
    assert placed(scene.tell(scene.cancelled("1")).actions) == ["quote buy 0"]


def test_lost_account_stream_pulls_quotes_until_resynced_and_exits_stay() -> None:
    """REDUCE from the moment the stream is lost; only a read begun after it was restored ends it."""
    scene = Scene().quoting()
    scene.tell(scene.fill("1", 5, 5))
    lost = scene.tell(StreamLost(channel=Channel.ACCOUNT, reason="closed"))

    assert lost.mode is Mode.REDUCE
    assert {action.kind for action in of(lost.actions, Cancel)} == {OrderKind.QUOTE}
    scene.tell(scene.cancelled("2"), after=1.0)
    restored = scene.tell(StreamRestored(channel=Channel.ACCOUNT), after=1.0)
    assert of(restored.actions, Resync)
    assert not of(scene.tell(scene.resynced(began_at=scene.now - 0.5, amount="0.005")).actions, Place)
    assert scene.tell(scene.resynced(amount="0.005")).mode is Mode.RUN


def test_stale_book_pulls_quotes() -> None:
    """A book whose channel was silent for longer than its limit is not quoted from, without any event."""
    scene = Scene(strategy=Quoter(wake=Wake())).quoting()
    actions = scene.wait(10.5)

    assert len(of(actions, Cancel)) == 2
    assert scene.last.mode is Mode.REDUCE


def test_halted_quotes_go_and_stay_away() -> None:
    """HALT is for a person to end; exits are still managed."""
    scene = Scene().quoting()
    assert len(of(scene.tell(Halted(reason="key revoked")).actions, Cancel)) == 2
    filled = scene.tell(scene.fill("1", 5, 5), scene.cancelled("2"))

    assert placed(filled.actions) == ["target sell"]
    assert placed(scene.tell(scene.resynced(amount="0.005")).actions) == []


def test_stop_cancels_quotes_and_is_clean_only_when_they_are_gone() -> None:
    """A stop latches: no quote ever again, and clean means proven by the venue."""
    scene = Scene().quoting()
    assert len(of(scene.tell(StopRequested()).actions, Cancel)) == 2
    before = scene.trader.is_clean
    assert not of(scene.tell(scene.cancelled("1"), scene.cancelled("2")).actions, Place)
    assert (before, scene.trader.is_clean) == (False, True)
    assert not of(scene.tell(scene.resynced()).actions, Place)


def test_stop_with_close_flattens_the_position() -> None:
    """With close every position is closed by a reduce-only market order, and then nothing is left."""
    scene = Scene().quoting()
    scene.tell(scene.fill("1", 5, 5))
    scene.tell(scene.accepted("3"))
    stopped = scene.tell(StopRequested(close=True))
    assert {action.client_id for action in of(stopped.actions, Cancel)} == {
        *("pm-bot-r1-2", "pm-bot-r1-3", "pm-bot-r1-4")
    }
    assert [action.client_id for action in of(scene.tell(scene.accepted("4")).actions, Cancel)] == ["pm-bot-r1-4"]
    close = of(stopped.actions, Place)[0].order

    assert (close.slot.kind, close.type, close.reduce_only, close.lots) == (OrderKind.CLOSE, OrderType.MARKET, True, 5)
    seq = close.client_id.rsplit("-", 1)[1]
    scene.tell(*(scene.cancelled(gone) for gone in "234"), scene.fill(seq, 5, 5, Side.SELL, 995))
    assert scene.trader.is_flat


def test_orders_of_earlier_runs_are_adopted_or_cancelled_and_foreign_ones_left() -> None:
    """What the journal knows goes back into its slot; what has no known purpose is cancelled before more is quoted."""
    known = NewOrder(client_id="pm-bot-r0-7", slot=BUY, lots=5, ticks=990, type=OrderType.POST_ONLY, generation=1)
    scene = Scene(intent={"pm-bot-r0-7": known}.get)
    names = ("pm-bot-r0-7", "pm-bot-rX-1", "pm-other-r0-1", "web_1")
    started = scene.start(orders=tuple(scene.order_report(name, OrderStatus.OPEN) for name in names))

    assert [action.client_id for action in of(started.actions, Cancel)] == ["pm-bot-rX-1"]
    assert placed(started.actions) == []
    assert len(started.notices) == 2

    gone = OrderCancelled(client_id="pm-bot-rX-1", cause=CancelCause.REQUESTED, filled_lots=0, venue_ms=9)
    assert placed(scene.tell(gone, after=0.1).actions) == ["quote sell 0"]


def test_F74_orders_that_were_taken_over_stay_ours_when_the_journal_cannot_be_read_any_more() -> None:
    """Nobody is told that another perpmaker trades here: what is known to be ours needs no journal to be so."""
    known = NewOrder(client_id="pm-bot-r0-7", slot=BUY, lots=5, ticks=990, type=OrderType.POST_ONLY, generation=1)
    unreadable = False
    scene = Scene(intent={"pm-bot-r0-7": known}.get, is_strange=lambda _: unreadable)
    report = scene.order_report("pm-bot-r0-7", OrderStatus.OPEN)
    scene.start(orders=(report,))
    unreadable = True

    assert scene.tell(scene.resynced(orders=(report,)), after=30.0).notices == ()
    assert scene.trader.trading_state.halted is None


def test_same_events_give_the_same_decisions() -> None:
    """No clock, no randomness: a replay decides exactly as the run did."""

    def run() -> list[Decision]:
        scene = Scene().quoting()
        scene.tell(scene.fill("1", 2, 2), after=0.5)
        scene.tell(scene.accepted("3"), scene.unknown("3", Command.CANCEL), after=0.5)
        scene.tell(StreamLost(channel=Channel.ACCOUNT, reason="closed"))
        scene.wait(4.0)

        return scene.decisions

    assert run() == run()


def test_a_moment_that_has_passed_hides_no_other_one() -> None:
    """An order whose cancel was refused once, and is then not answered, is asked for until it is proven."""
    scene = Scene(strategy=Quoter(wake=Wake())).quoting()
    scene.tell(Halted(reason="enough"))
    scene.tell(CancelRefused(client_id="pm-bot-r1-1", refusal=Refusal(reason=RefusalReason.BUSY)), after=1.0)
    scene.tell(scene.unknown("1", Command.CANCEL), scene.cancelled("2"), after=1.0)

    assert len(of(scene.wait(FENCE_S), Ask)) >= 4


def test_exit_that_the_venue_keeps_cutting_is_not_replaced_in_a_loop() -> None:
    """What the venue takes less of than we want is sent again once a second at most, and wanted until it fits."""
    scene = Scene(strategy=Quoter(quotes=(), wake=Wake()))
    scene.start(amount="0.005")

    for _ in range(30):
        for order in scene.trader.working():
            cut = attrs.evolve(scene.order_report(order.client_id, OrderStatus.OPEN), lots=3, ticks=1020)
            is_going = order.status is OrderStatus.CANCELLING
            scene.tell(scene.cancelled(order.client_id[-1]) if is_going else OrderReported(report=cut))

        scene.wait(0.1)

    assert 2 <= sum(len(of(decision.actions, Place)) for decision in scene.decisions) <= 4


def test_F37_a_venue_that_shows_the_order_and_will_not_cancel_it_is_not_asked_in_a_loop() -> None:
    """Reads may lag: not found on the cancel, open when asked, and so on; each round waits longer."""
    scene = Scene().quoting()
    sent = of(scene.tell(Halted(reason="enough")).actions, Cancel)

    for _ in range(40):
        scene.tell(CancelRefused(client_id="pm-bot-r1-1", refusal=REFUSED_NOT_FOUND), scene.cancelled("2"))
        sent += of(scene.tell(scene.report("1", OrderStatus.OPEN)).actions, Cancel)
        sent += of(scene.wait(0.05), Cancel)

    assert 3 <= len([one for one in sent if one.client_id == "pm-bot-r1-1"]) <= 6
