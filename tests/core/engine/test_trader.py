"""The trader on hand-fed events: one test for each row of the fault matrix that is decided here."""

# rows of the fault matrix keep their names
from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import attrs
import pytest

from perpmaker.engine.client_id import ClientIds
from perpmaker.engine.decision import Decision
from perpmaker.engine.trader import Trader
from perpmaker.execution.action import Ask, Cancel, Place, Reconnect, Resync
from perpmaker.model.event import (
    BookChanged,
    BookLost,
    BookSnapshot,
    CancelCause,
    CancelRefused,
    Channel,
    Command,
    Event,
    Halted,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderNotFound,
    OrderRefused,
    OrderReported,
    OrderUnknown,
    PositionReported,
    Resynced,
    StopRequested,
    StreamLost,
    StreamRestored,
)
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import (
    Fill,
    NewOrder,
    OrderKind,
    OrderReport,
    OrderStatus,
    OrderType,
    PositionSide,
    Refusal,
    RefusalReason,
    Side,
    Slot,
)
from perpmaker.model.position import Balance, Position
from perpmaker.model.quote import Close, Exit, Quote, StopLoss, TakeProfit, Wake, Wanted, WantedExits
from perpmaker.risk.interface import Refused
from perpmaker.risk.review import Reviewed
from perpmaker.state.view import End, Mode, View

FENCE_S = 3.0
BUY = Slot(OrderKind.QUOTE, Side.BUY)
SELL = Slot(OrderKind.QUOTE, Side.SELL)
INSTRUMENT = Instrument(
    market="BTC-USDT",
    symbol="BTCUSDT",
    base="BTC",
    quote="USDT",
    tick=Decimal("0.1"),
    lot=Decimal("0.001"),
    min_amount=Decimal("0.001"),
    max_amount=Decimal(1000),
    max_market_amount=Decimal(100),
    min_notional=Decimal(5),
    max_leverage=20,
    maker_fee=Decimal("0.0002"),
    taker_fee=Decimal("0.0004"),
)


WITHIN_A_HUNDRED = Wake(bid_low=900, ask_high=1100)


def quotes(*, ticks: int = 1000, lots: int = 5, generation: int = 1) -> tuple[Quote, ...]:
    """One quote on each side, ten ticks from `ticks`."""
    return tuple(
        Quote(slot=slot, ticks=ticks - 10 * slot.side.sign, lots=lots, generation=generation) for slot in (BUY, SELL)
    )


@attrs.define(slots=False)
class Quoter:
    """Wants the same quotes whenever it is asked, and counts how often it is."""

    quotes: tuple[Quote, ...] = quotes()
    wake: Wake = WITHIN_A_HUNDRED
    asked: int = 0
    views: list[View] = attrs.field(factory=list)

    def decide(self, view: View) -> Wanted:
        """The quotes given."""
        self.asked += 1
        self.views.append(view)

        return Wanted(quotes=self.quotes, wake=self.wake)


def take_profit(view: View) -> tuple[Exit, ...]:
    """A target twenty ticks above entry for any long position; a close when flattening."""
    position = view.positions[PositionSide.NET]
    lots = view.instrument.lots_down(position.amount)

    if lots <= 0:
        return ()

    if view.mode is Mode.FLATTEN:
        return (Close(slot=Slot(OrderKind.CLOSE, Side.SELL), lots=lots),)

    return (TakeProfit(slot=Slot(OrderKind.TAKE_PROFIT, Side.SELL), ticks=1020, lots=lots),)


def stop_loss(view: View) -> tuple[Exit, ...]:
    """A market stop for any long position, at once."""
    lots = view.instrument.lots_down(view.positions[PositionSide.NET].amount)
    slot = Slot(OrderKind.STOP_LOSS, Side.SELL)

    return (StopLoss(slot=slot, ticks=None, lots=lots, type=OrderType.MARKET),) if lots > 0 else ()


@attrs.define
class ExitsOf:
    """Exits from a function of the view."""

    rule: Callable[[View], tuple[Exit, ...]] = take_profit

    def decide(self, view: View) -> WantedExits:
        """What the function says."""
        return WantedExits(exits=self.rule(view))


class Scene:
    """A trader, a clock in seconds, and the shortest way to say what happened."""

    def __init__(self, strategy: Any = None, exits: Any = None, **options: Any) -> None:
        self.strategy = strategy if strategy is not None else Quoter()
        self.trader = Trader(
            instrument=INSTRUMENT,
            strategy=self.strategy,
            exits=exits if exits is not None else ExitsOf(),
            client_ids=ClientIds("bot", "r1"),
            leverage=3,
            fence_s=FENCE_S,
            **options,
        )
        self.now = 0.0
        self.ms = 1000
        self.decisions: list[Decision] = []
        self.last = Decision()

    def tell(self, *events: Event, after: float = 0.0) -> Decision:
        """Hand over events `after` seconds from the last ones."""
        self.now += after
        self.last = self.trader.handle(events, self.now)
        self.decisions.append(self.last)

        return self.last

    def wait(self, seconds: float) -> list[Any]:
        """Let time pass as the engine does, from one wake to the next; all actions on the way."""
        until = self.now + seconds
        actions: list[Any] = []

        while (wake_at := self.last.wake_at) is not None and wake_at <= until:
            actions += self.tell(after=max(0.0, wake_at - self.now)).actions

        return actions + list(self.tell(after=until - self.now).actions)

    def start(self, **resynced: Any) -> Decision:
        """A synchronised account and a book around 1000."""
        return self.tell(self.resynced(**resynced), self.book())

    def quoting(self) -> Scene:
        """Both quotes rest, confirmed by the stream."""
        self.start()
        self.tell(*(self.accepted(name) for name in ("1", "2")))

        return self

    def book(self) -> BookSnapshot:
        """Other people at 995 and 1005."""
        self.ms += 1

        return BookSnapshot(bids=((995, 100),), asks=((1005, 100),), venue_ms=self.ms)

    def resynced(self, began_at: float | None = None, amount: str = "0", **changes: Any) -> Resynced:
        """The account as read now."""
        self.ms += 1
        position = Position(side=PositionSide.NET, amount=Decimal(amount), entry=Decimal(100), venue_ms=self.ms)
        facts: dict[str, Any] = {
            "orders": (),
            "finished": (),
            "fills": (),
            "positions": (position,),
            "balances": (Balance(asset="USDT", wallet=Decimal(1000)),),
        }

        return Resynced(began_at=self.now if began_at is None else began_at, venue_ms=self.ms, **{**facts, **changes})

    def accepted(self, seq: str, *, by_stream: bool = True) -> OrderAccepted:
        """The venue took order number `seq`."""
        self.ms += 1

        return OrderAccepted(client_id=f"pm-bot-r1-{seq}", venue_id=seq, venue_ms=self.ms, by_stream=by_stream)

    def unknown(self, seq: str, command: Command = Command.PLACE) -> OrderUnknown:
        """Nobody knows what became of a command sent now."""
        return OrderUnknown(
            client_id=f"pm-bot-r1-{seq}", command=command, detail="no answer", fence_at=self.now + FENCE_S
        )

    def fill(self, seq: str, lots: int, cumulative: int, side: Side = Side.BUY, ticks: int = 990) -> OrderFilled:
        """An execution of order `seq`."""
        self.ms += 1

        return OrderFilled(
            fill=Fill(
                client_id=f"pm-bot-r1-{seq}",
                venue_id=seq,
                trade_id=f"t{self.ms}",
                side=side,
                position_side=PositionSide.NET,
                price=INSTRUMENT.price(ticks),
                amount=INSTRUMENT.amount(lots),
                fee=Decimal("0.01"),
                fee_asset="USDT",
                maker=True,
                realized_pnl=Decimal(0),
                venue_ms=self.ms,
                filled_lots=cumulative,
            )
        )

    def report(
        self, seq: str, status: OrderStatus | None, filled: int = 0, *, by_stream: bool = False
    ) -> OrderReported:
        """The venue's word on order `seq`, a bid of five lots."""
        return OrderReported(report=self.order_report(f"pm-bot-r1-{seq}", status, filled), by_stream=by_stream)

    def order_report(self, client_id: str, status: OrderStatus | None, filled: int = 0) -> OrderReport:
        """A report of a bid of five lots."""
        self.ms += 1

        return OrderReport(
            client_id=client_id,
            venue_id=client_id[-1],
            side=Side.BUY,
            position_side=PositionSide.NET,
            status=status,
            raw_status="?" if status is None else status.name,
            ticks=990,
            lots=5,
            filled_lots=filled,
            reduce_only=False,
            type=OrderType.POST_ONLY,
            venue_ms=self.ms,
        )

    def cancelled(self, seq: str, cause: CancelCause = CancelCause.REQUESTED, filled: int | None = 0) -> OrderCancelled:
        """Order `seq` is gone."""
        self.ms += 1

        return OrderCancelled(client_id=f"pm-bot-r1-{seq}", cause=cause, filled_lots=filled, venue_ms=self.ms)

    @property
    def amount(self) -> Decimal:
        """The net position."""
        return self.trader.state.account.positions[PositionSide.NET].amount

    def status(self, seq: str) -> OrderStatus | None:
        """The status of a live order, None when it is not live."""
        record = self.trader.state.orders.live.get(f"pm-bot-r1-{seq}")

        return None if record is None else record.working.status


def of(actions: Any, *kinds: type) -> list[Any]:
    """The actions of these kinds."""
    return [action for action in actions if isinstance(action, kinds)]


def placed(actions: Any) -> list[str]:
    """The slots of the orders that are placed."""
    return [str(action.order.slot) for action in of(actions, Place)]


REFUSED_NOT_FOUND = Refusal(reason=RefusalReason.NOT_FOUND, code="-2011", text="Unknown order sent.")


# --- start, modes, stop ----------------------------------------------------------------------------------------------


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

    assert placed(filled.actions) == ["take_profit sell"]
    assert placed(scene.tell(scene.resynced(amount="0.005")).actions) == []


def test_stop_cancels_quotes_and_is_clean_only_when_they_are_gone() -> None:
    """A stop latches: no quote ever again, and clean means proven by the venue."""
    scene = Scene().quoting()
    assert len(of(scene.tell(StopRequested()).actions, Cancel)) == 2
    assert not scene.trader.is_clean
    assert not of(scene.tell(scene.cancelled("1"), scene.cancelled("2")).actions, Place)
    assert scene.trader.is_clean
    assert not of(scene.tell(scene.resynced()).actions, Place)


def test_stop_with_close_flattens_the_position() -> None:
    """With close every position is closed by a reduce-only market order, and then nothing is left."""
    scene = Scene().quoting()
    scene.tell(scene.fill("1", 5, 5))
    scene.tell(scene.accepted("3"))
    stopped = scene.tell(StopRequested(close=True))
    assert {action.client_id for action in of(stopped.actions, Cancel)} == {"pm-bot-r1-2", "pm-bot-r1-3"}
    assert [action.client_id for action in of(scene.tell(scene.accepted("4")).actions, Cancel)] == ["pm-bot-r1-4"]
    close = of(stopped.actions, Place)[0].order

    assert (close.slot.kind, close.type, close.reduce_only, close.lots) == (OrderKind.CLOSE, OrderType.MARKET, True, 5)
    seq = close.client_id.rsplit("-", 1)[1]
    scene.tell(*(scene.cancelled(gone) for gone in "234"), scene.fill(seq, 5, 5, Side.SELL, 995))
    assert scene.trader.is_flat


def test_orders_of_earlier_runs_are_adopted_or_cancelled_and_foreign_ones_left() -> None:
    """What the journal knows goes back into its slot; our prefix without a known purpose is cancelled."""
    known = NewOrder(client_id="pm-bot-r0-7", slot=BUY, lots=5, ticks=990, type=OrderType.POST_ONLY, generation=1)
    scene = Scene(intent={"pm-bot-r0-7": known}.get)
    names = ("pm-bot-r0-7", "pm-bot-rX-1", "pm-other-r0-1", "web_1")
    started = scene.start(orders=tuple(scene.order_report(name, OrderStatus.OPEN) for name in names))

    assert [action.client_id for action in of(started.actions, Cancel)] == ["pm-bot-rX-1"]
    assert placed(started.actions) == ["quote sell 0"]
    assert len(started.notices) == 2


# --- unknown outcomes ------------------------------------------------------------------------------------------------


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
    """A report says filled, the fill itself comes with the resync that is demanded; until then nothing is quoted."""
    scene = Scene()
    scene.start()
    scene.tell(scene.accepted("2"), scene.unknown("1"))
    assert not of(scene.tell(scene.report("1", OrderStatus.FILLED, 5), after=0.3).actions, Place)
    assert of(scene.wait(2.5), Resync)
    fill = scene.fill("1", 5, 5).fill
    found = scene.tell(scene.resynced(fills=(fill,), amount="0.005"))

    assert scene.amount == Decimal("0.005")
    assert placed(found.actions)[0] == "take_profit sell"


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
    assert not scene.trader.is_clean
    scene.wait(FENCE_S + 0.1)
    scene.tell(OrderNotFound(client_id="pm-bot-r1-1", asked_at=scene.now))
    assert scene.trader.is_clean


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
    assert placed(first.actions)[0] == "stop_loss sell"
    again = scene.tell(scene.unknown("1"))
    assert placed(again.actions) == ["stop_loss sell"]


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


# --- order of events -------------------------------------------------------------------------------------------------


def test_F26_duplicated_messages_change_nothing() -> None:
    """The same fill, acceptance and cancel told twice are booked once."""
    scene = Scene().quoting()
    fill = scene.fill("1", 5, 5)
    gone = scene.cancelled("2")
    scene.tell(fill, fill, gone)
    scene.tell(gone, fill, scene.accepted("1"), scene.accepted("2"))

    assert scene.amount == Decimal("0.005")
    assert scene.trader.state.account.totals.fills == 1
    assert scene.status("1") is None


def test_F27_events_out_of_order_never_regress() -> None:
    """Filled before new, an older report after a newer one: cumulative amounts and finality win."""
    scene = Scene()
    scene.start()
    scene.tell(scene.accepted("2"), scene.fill("1", 3, 5), scene.fill("1", 2, 2))
    scene.tell(scene.report("1", OrderStatus.OPEN, 2, by_stream=True), scene.accepted("1"))

    assert scene.status("1") is None
    assert scene.amount == Decimal("0.005")
    assert scene.trader.state.orders.endings.by_slot[BUY].end is End.FILLED


def test_F28_lost_book_pulls_quotes_at_once_until_a_snapshot() -> None:
    """After a gap nothing is quoted from the book, and changes without a snapshot mean nothing."""
    scene = Scene().quoting()
    lost = scene.tell(BookLost(reason="gap"))

    assert len(of(lost.actions, Cancel)) == 2
    assert not scene.tell(scene.cancelled("1"), scene.cancelled("2"), BookChanged(((990, 1),), (), 5)).actions
    assert placed(scene.tell(scene.book()).actions) == ["quote buy 0", "quote sell 0"]


def test_F35_fill_before_the_answer_is_a_position_at_once() -> None:
    """The fill finds its order by client id; the answer that follows is a no-op."""
    scene = Scene()
    scene.start()
    filled = scene.tell(scene.fill("1", 5, 5))

    assert placed(filled.actions)[0] == "take_profit sell"
    scene.tell(scene.accepted("1", by_stream=False))
    assert scene.status("1") is None
    assert scene.amount == Decimal("0.005")


def test_F36_every_partial_fill_is_protected() -> None:
    """The target follows the filled amount: the old one is cancelled, the new one placed on the acknowledgement."""
    scene = Scene().quoting()
    first = scene.tell(scene.fill("1", 2, 2))
    assert [action.order.lots for action in of(first.actions, Place)] == [2]
    scene.tell(scene.accepted("3"))
    assert [action.client_id for action in of(scene.tell(scene.fill("1", 1, 3)).actions, Cancel)] == ["pm-bot-r1-3"]
    assert [action.order.lots for action in of(scene.tell(scene.cancelled("3")).actions, Place)] == [3]


def test_F37_cancel_refused_because_filled_is_asked_for_and_not_repeated() -> None:
    """Not found on a cancel means final already: the venue is asked, the fill applied, no loop."""
    scene = Scene().quoting()
    scene.strategy.quotes = (quotes(ticks=1001, generation=2)[0], quotes()[1])
    scene.tell(scene.book())
    refused = scene.tell(CancelRefused(client_id="pm-bot-r1-1", refusal=REFUSED_NOT_FOUND))

    assert of(refused.actions, Ask)
    assert not of(refused.actions, Cancel)
    resolved = scene.tell(scene.report("1", OrderStatus.FILLED, 5), scene.fill("1", 5, 5))
    assert scene.amount == Decimal("0.005")
    assert "take_profit sell" in placed(resolved.actions)


def test_F37_accepted_order_that_the_venue_forgot_is_final_only_after_the_fence_and_a_resync() -> None:
    """Gone without a trace: no conclusion before the fence, then everything is read again for its fills."""
    scene = Scene().quoting()
    scene.strategy.quotes = (quotes(ticks=1001, generation=2)[0], quotes()[1])
    scene.tell(scene.book())
    scene.tell(CancelRefused(client_id="pm-bot-r1-1", refusal=REFUSED_NOT_FOUND))
    scene.tell(OrderNotFound(client_id="pm-bot-r1-1", asked_at=scene.now))
    assert scene.status("1") is OrderStatus.CANCELLING
    scene.wait(FENCE_S + 0.1)
    assert of(scene.tell(OrderNotFound(client_id="pm-bot-r1-1", asked_at=scene.now)).actions, Resync)


def test_F38_partial_fill_while_cancelling_is_kept_and_protected() -> None:
    """The cancelled order's filled part is a position, with its exit."""
    scene = Scene().quoting()
    scene.strategy.quotes = (quotes(ticks=1001, generation=2)[0], quotes()[1])
    scene.tell(scene.book())
    filled = scene.tell(scene.fill("1", 2, 2))
    assert scene.status("1") is OrderStatus.CANCELLING
    assert [action.order.lots for action in of(filled.actions, Place)] == [2]
    scene.tell(scene.cancelled("1", filled=2))
    assert scene.amount == Decimal("0.002")


def test_reduce_only_refusal_reads_the_account_and_cancels_competing_closes() -> None:
    """A close refused as not reducing goes again once the other closes are gone and the account was read."""
    wants: list[Exit] = []
    scene = Scene(exits=ExitsOf(lambda _: tuple(wants)))
    wants.append(TakeProfit(slot=Slot(OrderKind.TAKE_PROFIT, Side.SELL), ticks=1020, lots=5))
    scene.start(amount="0.005")
    scene.tell(*(scene.accepted(seq) for seq in ("1", "2", "3")))
    wants.append(StopLoss(slot=Slot(OrderKind.STOP_LOSS, Side.SELL), ticks=None, lots=5, type=OrderType.MARKET))
    scene.tell(scene.book())
    refusal = Refusal(reason=RefusalReason.REDUCE_ONLY, code="-2022")
    refused = scene.tell(OrderRefused(client_id="pm-bot-r1-4", refusal=refusal))

    assert of(refused.actions, Resync)
    assert "pm-bot-r1-1" in {action.client_id for action in of(refused.actions, Cancel)}
    assert not of(refused.actions, Place)
    gone = scene.tell(scene.cancelled("1"), scene.resynced(amount="0.005"))
    assert "stop_loss sell" in placed(gone.actions)


def test_refused_quotes_do_not_turn_into_a_storm() -> None:
    """A venue that is busy gets a pause from all quotes, longer each time."""
    scene = Scene()
    scene.start()
    busy = Refusal(reason=RefusalReason.RATE_LIMIT, code="-1015")
    scene.tell(scene.accepted("2"), OrderRefused(client_id="pm-bot-r1-1", refusal=busy))

    assert not placed(scene.wait(0.9))
    assert placed(scene.wait(0.2)) == ["quote buy 0"]


# --- positions -------------------------------------------------------------------------------------------------------


def test_position_changed_from_outside_is_adopted_and_said() -> None:
    """A newer report that differs is the truth at once; what no fill explains is told."""
    scene = Scene().quoting()
    position = Position(side=PositionSide.NET, amount=Decimal("0.007"), entry=Decimal(100), venue_ms=scene.ms + 10)
    adopted = scene.tell(PositionReported(position=position))

    assert placed(adopted.actions) == ["take_profit sell"]
    scene.wait(2.5)
    assert any("0.007" in notice for decision in scene.decisions for notice in decision.notices)


def test_report_of_the_same_millisecond_is_a_doubt_that_asks_for_a_resync() -> None:
    """Which of two messages of one millisecond is the newer cannot be told: if it stays so, everything is read."""
    scene = Scene().quoting()
    scene.tell(scene.fill("1", 5, 5))
    position = Position(side=PositionSide.NET, amount=Decimal("0.003"), entry=Decimal(100), venue_ms=scene.ms)
    scene.tell(PositionReported(position=position))

    assert scene.amount == Decimal("0.005")
    assert of(scene.wait(2.5), Resync)


# --- plugins ---------------------------------------------------------------------------------------------------------


class Raising:
    """A strategy that works until it is told to raise."""

    def __init__(self, error: Callable[[], BaseException]) -> None:
        self.error: Callable[[], BaseException] | None = None
        self.later = error

    def decide(self, _: View) -> Wanted:
        """Quotes at first, the error later."""
        if self.error is not None:
            raise self.error()

        return Wanted(quotes=quotes())


@pytest.mark.parametrize("error", [ValueError, RecursionError, lambda: ZeroDivisionError("x")])
def test_F77_raising_strategy_loses_its_quotes_and_exits_go_on(error: Callable[[], BaseException]) -> None:
    """That market's quotes are cancelled and refused, the traceback is told once, exits are managed."""
    scene = Scene(strategy=Raising(error)).quoting()
    scene.strategy.error = error
    raised = scene.tell(scene.book())

    assert raised.mode is Mode.HALT
    assert len(of(raised.actions, Cancel)) == 2
    assert "Traceback" in raised.notices[0]
    assert placed(scene.tell(scene.fill("1", 5, 5), scene.cancelled("2")).actions) == ["take_profit sell"]


def test_F77_keyboard_interrupt_passes() -> None:
    """A person's interrupt is not contained."""
    scene = Scene(strategy=Raising(KeyboardInterrupt)).quoting()
    scene.strategy.error = KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scene.tell(scene.book())


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        Wanted(quotes=(attrs.evolve(quotes()[0], lots=0),)),
        Wanted(quotes=(attrs.evolve(quotes()[0], ticks=990.5),)),
        Wanted(quotes=(attrs.evolve(quotes()[0], lots=10**12),)),
        Wanted(quotes=(quotes()[0], quotes()[0])),
        Wanted(quotes=(attrs.evolve(quotes()[0], slot=Slot(OrderKind.CLOSE, Side.BUY)),)),
        Wanted(wake=Wake(at=float("nan"))),
        Wanted(quotes=[]),  # type: ignore[arg-type]  # what a careless plugin does
    ],
)
def test_F77_strategy_that_returns_nonsense_is_contained_as_one_that_raises(wrong: Any) -> None:
    """Types, finiteness, slots and amounts are checked at the seam."""
    strategy = Quoter()
    scene = Scene(strategy=strategy).quoting()
    strategy.decide = lambda _: wrong  # type: ignore[method-assign]  # the strategy goes wrong while running
    decision = scene.tell(scene.book())

    assert decision.mode is Mode.HALT
    assert len(of(decision.actions, Cancel)) == 2


def test_F77_raising_risk_module_is_contained_too() -> None:
    """A review that fails refuses everything; one that refuses a quote has it cancelled, with its reason."""
    answers: list[Callable[[tuple[Quote, ...]], Reviewed]] = [lambda wanted: Reviewed(approved=wanted)]
    scene = Scene(review=lambda _, wanted: answers[-1](wanted)).quoting()
    answers.append(
        lambda wanted: Reviewed(
            approved=wanted[:1], refused=(Refused(quote=wanted[1], module="cap", reason="too much"),)
        )
    )
    refused = scene.tell(scene.book())
    assert [action.client_id for action in of(refused.actions, Cancel)] == ["pm-bot-r1-2"]
    assert refused.refused[0].reason == "too much"
    answers.append(lambda wanted: Reviewed(approved=(wanted[9],)))
    assert scene.tell(scene.book()).mode is Mode.HALT


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


# --- time -----------------------------------------------------------------------------------------------------------


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


def test_F37_a_venue_that_shows_the_order_and_will_not_cancel_it_is_not_asked_in_a_loop() -> None:
    """Reads may lag: not found on the cancel, open when asked, and so on; each round waits longer."""
    scene = Scene().quoting()
    sent = of(scene.tell(Halted(reason="enough")).actions, Cancel)

    for _ in range(40):
        scene.tell(CancelRefused(client_id="pm-bot-r1-1", refusal=REFUSED_NOT_FOUND), scene.cancelled("2"))
        sent += of(scene.tell(scene.report("1", OrderStatus.OPEN)).actions, Cancel)
        sent += of(scene.wait(0.05), Cancel)

    assert 3 <= len([one for one in sent if one.client_id == "pm-bot-r1-1"]) <= 6


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
