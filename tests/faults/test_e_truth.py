"""E: five small changes to recovery and orders that no test noticed; each is caught by what it would do."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from random import Random
from typing import Any, cast

import anyio
import attrs
import pytest

from perpmaker.clock import LoopClock
from perpmaker.decision.trading_state import TradingState
from perpmaker.execution.action import Ask, Cancel, Place
from perpmaker.execution.dispatch import Gate
from perpmaker.model.account import AccountSnapshot
from perpmaker.model.command_event import OrderNotFound, OrderRefused
from perpmaker.model.event import Event, Resynced
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import (
    Fill,
    NewOrder,
    OrderKind,
    OrderReport,
    OrderStatus,
    OrderType,
    PositionSide,
    Side,
    Slot,
)
from perpmaker.model.position import Position
from perpmaker.model.reading import AccountSeen
from perpmaker.model.refusal import Refusal, RefusalReason
from perpmaker.runtime.account_reader import AccountReader
from perpmaker.runtime.reconciliation import Reconciliation
from perpmaker.runtime.retry import Retry
from perpmaker.testing.scene import INSTRUMENT, Scene, of, placed
from perpmaker.testing.virtual import virtual_backend


def test_E_no_such_order_proves_nothing_when_it_was_asked_before_the_fence_whenever_it_is_answered() -> None:
    """The order may arrive between question and fence: its slot stays blocked, and it is asked again."""
    scene = Scene()
    scene.start()
    scene.tell(scene.accepted("2"), scene.unknown("1"))
    answered = scene.tell(OrderNotFound(client_id="pm-bot-r1-1", asked_at=2.9), after=3.5)
    assert (scene.status("1"), placed(answered.actions)) == (OrderStatus.UNKNOWN, [])
    assert of([*answered.actions, *scene.wait(1.0)], Ask)

    scene.tell(scene.book(), OrderNotFound(client_id="pm-bot-r1-1", asked_at=3.6))
    assert scene.status("1") is None


def test_E_a_duplicate_id_means_that_the_order_is_there_until_the_venue_says_otherwise() -> None:
    """An earlier attempt got through: there is one order, never two, and it is asked for."""
    scene = Scene()
    scene.start()
    refusal = Refusal(reason=RefusalReason.DUPLICATE_ID, code="-4116", text="ClientOrderId is duplicated.")
    told = scene.tell(scene.accepted("2"), OrderRefused(client_id="pm-bot-r1-1", refusal=refusal))
    assert (scene.status("1"), placed(told.actions)) == (OrderStatus.UNKNOWN, [])
    assert [action.client_id for action in of(told.actions, Ask)] == ["pm-bot-r1-1"]

    scene.tell(scene.report("1", OrderStatus.OPEN))
    assert scene.status("1") is OrderStatus.OPEN
    assert "quote buy 0" not in placed([action for decision in scene.decisions[1:] for action in decision.actions])


def test_E_what_was_announced_after_a_read_began_is_not_forgiven_by_it() -> None:
    """The answer that says filled came while the account was being read: the position, and its target, stay."""
    scene = Scene().quoting()
    read = scene.resynced(began_at=0.5)
    told = scene.tell(scene.report("1", OrderStatus.FILLED, 5), after=1.0)
    assert placed(told.actions) == ["target sell"]
    after = scene.tell(scene.accepted("3"), read, after=0.5)

    assert [action.kind for action in of(after.actions, Cancel) if action.kind.is_exit] == []
    assert scene.trader.state.orders.is_blocked
    assert "quote buy 0" not in placed(after.actions)
    scene.tell(scene.fill("1", 5, 5), after=0.1)
    assert scene.amount == Decimal("0.005")


@pytest.mark.parametrize("kind", [OrderKind.QUOTE, OrderKind.TAKE_PROFIT])
def test_E_of_two_orders_of_earlier_runs_in_one_slot_one_is_taken_off(kind: OrderKind) -> None:
    """A slot holds one: the other is cancelled, and the first is what counts."""
    ids = ("pm-bot-r0-1", "pm-bot-r0-2")
    orders = {
        client_id: NewOrder(
            client_id=client_id,
            slot=Slot(kind, Side.BUY if kind is OrderKind.QUOTE else Side.SELL),
            lots=5,
            ticks=990 if kind is OrderKind.QUOTE else 1020,
            type=OrderType.LIMIT,
            reduce_only=kind.is_exit,
            generation=1,
        )
        for client_id in ids
    }
    scene = Scene(intent=orders.get)
    reports = tuple(
        attrs.evolve(
            scene.order_report(client_id, OrderStatus.OPEN),
            side=order.side,
            ticks=order.ticks,
            reduce_only=order.reduce_only,
            type=OrderType.LIMIT,
        )
        for client_id, order in orders.items()
    )
    read = scene.resynced(orders=reports, amount="0.005" if kind.is_exit else "0")
    seen = AccountSeen(began_at=0.0, orders=reports, account=read.account, venue_ms=read.venue_ms)
    first = scene.tell(seen)
    second = scene.tell(read, scene.book())
    actions = [*first.actions, *second.actions]

    assert [action.client_id for action in of(actions, Cancel) if action.client_id in ids] == [ids[1]]
    assert str(orders[ids[0]].slot) not in placed(of(actions, Place))


# --- the watermark of fills ------------------------------------------------------------------------------------------


@attrs.define
class Lagging:
    """A venue whose list of fills is not complete at once."""

    shown: list[Fill] = attrs.field(factory=list)

    async def fetch_open_orders(self, instrument: Instrument) -> Sequence[OrderReport]:
        """None."""
        del instrument
        return ()

    async def fetch_account(self, instrument: Instrument) -> AccountSnapshot:
        """Flat, without money."""
        del instrument
        return AccountSnapshot(positions=(Position(side=PositionSide.NET),), assets=(), available=Decimal(0))

    async def fetch_fills(self, instrument: Instrument, since_ms: int) -> Sequence[Fill]:
        """Those that are shown by now."""
        del instrument
        return [fill for fill in self.shown if fill.venue_ms >= since_ms]


@attrs.define
class Reading:
    """Of a trader what reading the account needs."""

    trading_state: TradingState = attrs.field(factory=lambda: TradingState(book_max_age_s=10.0))

    def working(self) -> tuple[()]:
        """Nothing."""
        return ()


def fill_at(venue_ms: int) -> Fill:
    """A fill of this time."""
    fill = Scene().fill("1", 1, 1).fill

    return attrs.evolve(fill, venue_ms=venue_ms, trade_id=str(venue_ms))


@pytest.mark.parametrize(("behind_ms", "is_found"), [(3_000, True), (9_000, True), (60_000, False)])
def test_E_a_fill_that_the_venue_shows_late_is_in_the_next_reading(behind_ms: int, *, is_found: bool) -> None:
    """It is older than the newest one that the last reading knew; how far back is looked has an end."""
    venue, told = Lagging(), list[Event]()
    times: list[int] = []

    async def scenario() -> None:
        clock = LoopClock()
        now_ms = clock.utc_ms()
        times.append(now_ms - 1000 - behind_ms)
        retry = Retry(gate=Gate(clock=clock), emit=told.extend, random=Random(0))  # noqa: S311  # jitter
        reader = AccountReader(
            reconciliation=Reconciliation(connector=cast("Any", venue), instrument=INSTRUMENT, clock=clock),
            trader=cast("Any", Reading()),
            retry=retry,
            emit=told.extend,
            since_ms=now_ms - 120_000,
        )
        venue.shown = [fill_at(now_ms - 1000)]
        await reader.read()
        venue.shown.append(fill_at(times[0]))
        await reader.read()

    name, options = virtual_backend()
    anyio.run(scenario, backend=name, backend_options=options)
    last = [event for event in told if isinstance(event, Resynced)][-1]

    assert (str(times[0]) in {fill.trade_id for fill in last.fills}) is is_found
