"""Whatever order, number and delay the venue's messages come in: the trader ends where the venue is."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from random import Random

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st

from perpmaker.decision.trader import Trader
from perpmaker.execution.action import Action, Ask, Cancel, Place, Resync
from perpmaker.model.client_id import TextIds
from perpmaker.model.command_event import (
    CancelRefused,
    Command,
    OrderAccepted,
    OrderNotFound,
    OrderRefused,
    OrderUnknown,
)
from perpmaker.model.event import (
    BookSnapshot,
    Channel,
    Event,
    FeedAlive,
    OrderAmended,
    OrderCancelled,
    OrderFilled,
    OrderReported,
    PositionReported,
    Resynced,
)
from perpmaker.model.order import (
    CancelCause,
    Fill,
    NewOrder,
    OrderKind,
    OrderReport,
    OrderStatus,
    PositionSide,
    Side,
    Slot,
)
from perpmaker.model.position import Position
from perpmaker.model.quote import Quote, TakeProfit, Wanted, WantedExits
from perpmaker.model.refusal import Refusal, RefusalReason
from perpmaker.state.view import View
from perpmaker.testing.scene import INSTRUMENT
from perpmaker.testing.view import make_account

FENCE_S = 3.0
FATES = ("well", "well", "well", "before", "after", "late")
NET = PositionSide.NET


class Restless:
    """Two levels a side that move a tick every half second, so that orders are replaced all the time."""

    def decide(self, view: View) -> Wanted:
        """The quotes of this half second."""
        shift = int(view.now * 2) % 5
        slots = [Slot(OrderKind.QUOTE, side, level) for side in Side for level in (0, 1)]

        return Wanted(
            quotes=tuple(
                Quote(slot=slot, ticks=1000 - slot.side.sign * (10 + slot.level + shift), lots=4, generation=0)
                for slot in slots
            )
        )


class Target:
    """A target for whatever position there is."""

    def decide(self, view: View) -> WantedExits:
        """One closing limit order."""
        amount = view.positions[NET].amount
        lots = view.instrument.lots_down(abs(amount))
        side = Side.SELL if amount > 0 else Side.BUY
        slot = Slot(OrderKind.TAKE_PROFIT, side)
        target = TakeProfit(slot=slot, ticks=1000 + (20 if amount > 0 else -20), lots=lots)

        return WantedExits(exits=(target,) if lots else ())


@attrs.define
class Resting:
    """An order as the venue has it."""

    order: NewOrder
    status: OrderStatus = OrderStatus.OPEN
    filled: int = 0
    ms: int = 0


@attrs.define
class Venue:
    """The truth. What it tells goes into `told`, from where the test delivers it as it pleases."""

    now: float = 0.0
    ms: int = 1000
    lots: int = 0
    orders: dict[str, Resting] = attrs.field(factory=dict)
    fills: list[Fill] = attrs.field(factory=list)
    told: list[Event] = attrs.field(factory=list)
    late: list[tuple[float, Action]] = attrs.field(factory=list)

    def take(self, action: Action, fate: str) -> None:
        """Carry out a command: well, or lost before, lost after, or delivered late without an answer."""
        if isinstance(action, Ask):
            self.told.append(self._answer(action.client_id))
        elif isinstance(action, Resync):
            self.told.append(self.read())
        elif isinstance(action, Place | Cancel):
            answer = None if fate in {"before", "late"} else self._do(action)

            if fate == "late":
                self.late.append((self.now + FENCE_S * 0.9, action))

            if fate == "well" and answer is not None:
                self.told.append(answer)
            else:
                self.told.append(self._unknown(action))

    def advance(self, seconds: float) -> None:
        """Let time pass; late commands arrive when theirs has come."""
        self.now += seconds
        due = [action for at, action in self.late if at <= self.now]
        self.late = [(at, action) for at, action in self.late if at > self.now]

        for action in due:
            self._do(action)

    def fill(self, client_id: str, lots: int) -> None:
        """Somebody takes part of an order."""
        resting = self.orders[client_id]
        order = resting.order
        lots = min(lots, order.lots - resting.filled)

        if not lots or resting.status is not OrderStatus.OPEN:
            return

        self.ms += 1
        self.lots += order.side.sign * lots
        resting.filled += lots
        resting.ms = self.ms

        if resting.filled == order.lots:
            resting.status = OrderStatus.FILLED

        self.fills.append(self._fill(resting, lots))
        self.told.append(OrderFilled(fill=self.fills[-1]))
        self.told.append(OrderReported(report=self._report(resting), by_stream=True))
        self.told.append(PositionReported(position=self._position()))
        self._trim()

    def _trim(self) -> None:
        """Cut closing orders to what is left of the position, the newest first; what is left of none ends."""
        for name, resting in reversed(self.orders.items()):
            if resting.status is OrderStatus.OPEN and resting.order.reduce_only:
                room = max(0, -self.lots * resting.order.side.sign) - self._closing(before=name)
                self._cut(resting, max(0, room))

    def _cut(self, resting: Resting, room: int) -> None:
        order = resting.order

        if room >= order.lots - resting.filled:
            return

        resting.ms = self.ms
        resting.order = attrs.evolve(order, lots=resting.filled + room)

        if room:
            amended = OrderAmended(
                client_id=order.client_id, ticks=order.ticks or 0, lots=resting.filled + room, venue_ms=self.ms
            )
            self.told.append(amended)
        else:
            resting.status = OrderStatus.CANCELLED
            self.told.append(OrderReported(report=self._report(resting), by_stream=True))

    def _closing(self, *, before: str | None = None) -> int:
        """Lots that open closing orders (placed before that one) have left."""
        lots = 0

        for name, resting in self.orders.items():
            if name == before:
                break

            if resting.status is OrderStatus.OPEN and resting.order.reduce_only:
                lots += resting.order.lots - resting.filled

        return lots

    def read(self) -> Resynced:
        """Everything, as of now."""
        reports = [self._report(resting) for resting in self.orders.values()]

        return Resynced(
            began_at=self.now,
            orders=tuple(report for report in reports if report.status is OrderStatus.OPEN),
            finished=tuple(report for report in reports if report.status is not OrderStatus.OPEN),
            fills=tuple(self.fills),
            account=make_account(self._position(), asked_at=self.now),
            venue_ms=self.ms,
        )

    def _do(self, action: Action) -> Event | None:
        self.ms += 1

        if isinstance(action, Place):
            return self._place(action.order)

        assert isinstance(action, Cancel)
        resting = self.orders.get(action.client_id)

        if resting is None or resting.status is not OrderStatus.OPEN:
            return CancelRefused(client_id=action.client_id, refusal=Refusal(reason=RefusalReason.NOT_FOUND))

        resting.status, resting.ms = OrderStatus.CANCELLED, self.ms
        self.told.append(OrderReported(report=self._report(resting), by_stream=True))

        return OrderCancelled(
            client_id=action.client_id, cause=CancelCause.REQUESTED, filled_lots=resting.filled, venue_ms=self.ms
        )

    def _place(self, order: NewOrder) -> Event:
        if order.reduce_only:
            room = max(0, -self.lots * order.side.sign) - self._closing()

            if room <= 0:
                return OrderRefused(client_id=order.client_id, refusal=Refusal(reason=RefusalReason.REDUCE_ONLY))

            order = attrs.evolve(order, lots=min(order.lots, room))

        rivals = [
            other.order.client_id
            for other in self.orders.values()
            if other.order.slot == order.slot and other.status is OrderStatus.OPEN and not order.reduce_only
        ]
        assert not rivals, f"{order.client_id} would be live beside {rivals} in {order.slot}"
        resting = self.orders[order.client_id] = Resting(order=order, ms=self.ms)
        self.told.append(OrderReported(report=self._report(resting), by_stream=True))

        return OrderAccepted(client_id=order.client_id, venue_id=order.client_id, venue_ms=self.ms)

    def _unknown(self, action: Place | Cancel) -> OrderUnknown:
        client_id = action.order.client_id if isinstance(action, Place) else action.client_id
        command = Command.PLACE if isinstance(action, Place) else Command.CANCEL

        return OrderUnknown(client_id=client_id, command=command, detail="lost", fence_at=self.now + FENCE_S)

    def _answer(self, client_id: str) -> Event:
        resting = self.orders.get(client_id)

        if resting is None:
            return OrderNotFound(client_id=client_id, asked_at=self.now)

        return OrderReported(report=self._report(resting))

    def _position(self) -> Position:
        return Position(side=NET, amount=INSTRUMENT.amount(self.lots), entry=Decimal(100), venue_ms=self.ms)

    def _report(self, resting: Resting) -> OrderReport:
        order = resting.order

        return OrderReport(
            client_id=order.client_id,
            venue_id=order.client_id,
            side=order.side,
            position_side=NET,
            status=resting.status,
            raw_status=resting.status.name,
            ticks=order.ticks,
            lots=order.lots,
            filled_lots=resting.filled,
            reduce_only=order.reduce_only,
            type=order.type,
            venue_ms=resting.ms,
        )

    def _fill(self, resting: Resting, lots: int) -> Fill:
        return Fill(
            client_id=resting.order.client_id,
            venue_id=resting.order.client_id,
            trade_id=str(len(self.fills)),
            side=resting.order.side,
            position_side=NET,
            price=Decimal(100),
            amount=INSTRUMENT.amount(lots),
            fee=Decimal("0.01"),
            fee_asset="USDT",
            maker=True,
            realized_pnl=Decimal(0),
            venue_ms=self.ms,
            filled_lots=resting.filled,
        )


def hand_over(trader: Trader, venue: Venue, events: list[Event], fate: Callable[[], str]) -> None:
    """One call of the trader, and its actions carried out."""
    for action in trader.handle([FeedAlive(channel=Channel.BOOK), *events], venue.now).actions:
        venue.take(action, fate())


@settings(max_examples=settings().max_examples // 2)
@given(st.integers(0, 2**32))
def test_any_history_ends_in_the_venues_position_with_one_order_a_slot(seed: int) -> None:
    """Lost, late, duplicated and reordered messages: never two live quotes of a slot, and in the end the same facts."""
    chance = Random(seed)  # noqa: S311  # a repeatable history, not cryptography
    venue = Venue()
    trader = Trader(
        instrument=INSTRUMENT,
        strategy=Restless(),
        exits=Target(),
        client_ids=TextIds("bot", "r1"),
        leverage=3,
        fence_s=FENCE_S,
    )
    book = BookSnapshot(bids=((900, 5),), asks=((1100, 5),), venue_ms=1)
    hand_over(trader, venue, [venue.read(), book], lambda: "well")

    most, again = chance.choice([1, 2, 6]), chance.choice([0.0, 0.3, 0.6])

    for _ in range(chance.randint(5, 60)):
        venue.advance(chance.choice([0.0, 0.0, 0.1, 0.6, 1.5]))
        open_orders = [name for name, resting in venue.orders.items() if resting.status is OrderStatus.OPEN]

        if open_orders and chance.random() < 0.5:
            venue.fill(chance.choice(open_orders), chance.randint(1, 4))

        hand_over(trader, venue, _some(venue, chance, most, again), lambda: chance.choice(FATES))

    _settle(trader, venue)
    assert trader.state.account.positions[NET].amount == INSTRUMENT.amount(venue.lots)
    assert trader.state.account.totals.fills == len(venue.fills)
    live = {order.client_id for order in trader.working()}
    assert live == {name for name, resting in venue.orders.items() if resting.status is OrderStatus.OPEN}
    assert sum(order.remaining_lots for order in trader.working()) == abs(venue.lots)


def _some(venue: Venue, chance: Random, most: int, again: float) -> list[Event]:
    """At most so many of the messages that are under way, in any order; a share of them comes again later."""
    events = []

    for _ in range(min(len(venue.told), chance.randint(0, most))):
        index = chance.randrange(len(venue.told))
        events.append(venue.told[index] if chance.random() < again else venue.told.pop(index))

    return events


def _settle(trader: Trader, venue: Venue) -> None:
    """Calm: everything is delivered, nothing is lost any more, until nothing is left to be told."""
    for _ in range(40):
        events, venue.told = venue.told, []
        hand_over(trader, venue, events, lambda: "well")
        venue.advance(0.5)

    trader.trading_state.halt("calm")

    for _ in range(60):
        events, venue.told = venue.told, []
        hand_over(trader, venue, events, lambda: "well")
        venue.advance(0.25)
