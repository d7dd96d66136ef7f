"""A trader on hand-fed events: no venue and no task, only what happened and what it comes to.

For tests that need one event at one moment; `perpmaker.testing.scenario` plays a whole market instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import attrs

from perpmaker.decision.decision import Decision, ExitRule
from perpmaker.decision.trader import Trader
from perpmaker.execution.action import Action, Place
from perpmaker.model.client_id import TextIds
from perpmaker.model.command_event import Command, OrderAccepted, OrderUnknown
from perpmaker.model.event import BookSnapshot, Event, OrderCancelled, OrderFilled, OrderReported, Resynced
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import (
    CancelCause,
    Fill,
    OrderKind,
    OrderReport,
    OrderStatus,
    OrderType,
    PositionSide,
    Side,
    Slot,
)
from perpmaker.model.position import Position
from perpmaker.model.quote import Close, Exit, Quote, StopLoss, TakeProfit, Wake, Wanted, WantedExits
from perpmaker.model.refusal import Refusal, RefusalReason
from perpmaker.state.view import Mode, View
from perpmaker.strategy.interface import Strategy
from perpmaker.testing.view import make_account

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

    def __init__(
        self,
        strategy: Strategy | None = None,
        exits: ExitRule | None = None,
        **options: Any,  # noqa: ANN401  # further arguments of the trader
    ) -> None:
        self.strategy: Any = strategy if strategy is not None else Quoter()
        self.trader = Trader(
            instrument=INSTRUMENT,
            strategy=self.strategy,
            exits=exits if exits is not None else ExitsOf(),
            client_ids=TextIds("bot", "r1"),
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

    def start(self, **resynced: Any) -> Decision:  # noqa: ANN401  # facts of the account, by field
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

    def resynced(
        self,
        began_at: float | None = None,
        amount: str = "0",
        positions: tuple[Position, ...] = (),
        **changes: Any,  # noqa: ANN401  # fields of the event
    ) -> Resynced:
        """The account as read now."""
        self.ms += 1
        position = Position(side=PositionSide.NET, amount=Decimal(amount), entry=Decimal(100), venue_ms=self.ms)
        facts: dict[str, Any] = {
            "orders": (),
            "finished": (),
            "fills": (),
            "account": make_account(*(positions or (position,)), asked_at=self.now),
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


def of(actions: Iterable[Action], *kinds: type) -> list[Any]:
    """The actions of these kinds."""
    return [action for action in actions if isinstance(action, kinds)]


def placed(actions: Iterable[Action]) -> list[str]:
    """The slots of the orders that are placed."""
    return [str(action.order.slot) for action in of(actions, Place)]


REFUSED_NOT_FOUND = Refusal(reason=RefusalReason.NOT_FOUND, code="-2011", text="Unknown order sent.")
