"""The contract of a connector, point by point, with a scripted venue whose gateway answers before its book does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, cast

import attrs
import pytest

from perpmaker.clock import LoopClock
from perpmaker.connector.interface import CancelOrder, DerivativeConnector
from perpmaker.execution.action import Action, Cancel, Place
from perpmaker.execution.dispatch import Dispatcher, Gate
from perpmaker.journal.journal import Key
from perpmaker.journal.opening import open_journal
from perpmaker.journal.order_intents import OrderIntents
from perpmaker.launch.client_id_runs import BegunRuns, open_client_ids
from perpmaker.model.client_id import ClientIds
from perpmaker.model.command_event import OrderNotFound
from perpmaker.model.event import Event, OrderReported
from perpmaker.model.order import NewOrder, OrderKind, OrderReport, OrderStatus, OrderType, PositionSide, Side, Slot
from perpmaker.model.outcome import Accepted, Outcome, Unknown
from perpmaker.model.refusal import Refusal, RefusalReason
from perpmaker.state.orders import Orders
from perpmaker.state.own_depth import OwnDepth
from perpmaker.state.tracked_order import GATEWAY_S
from perpmaker.state.view import End

pytestmark = pytest.mark.anyio

QUOTE = NewOrder(client_id="pm-1", slot=Slot(OrderKind.QUOTE, Side.BUY), lots=5, ticks=90, type=OrderType.POST_ONLY)
WOULD_TAKE = Refusal(reason=RefusalReason.POST_ONLY_WOULD_TAKE, code="EC_PostOnlyWillTakeLiquidity")
TOO_LATE = Refusal(reason=RefusalReason.OTHER, code="EC_TooLateToCancel", text="too late")
FENCE_S = 3.0


@pytest.fixture
def anyio_backend(virtual_time: Any) -> Any:
    """The dispatcher's clock stands still."""
    return virtual_time


def gateway(client_id: str) -> Outcome:
    """The gateway takes whatever it is sent."""
    return Accepted(client_id=client_id, venue_id="v1", by_gateway=True)


@attrs.define
class Scripted:
    """A connector whose commands end as the script says."""

    script: Callable[[str], Outcome] = gateway
    name: str = "scripted"
    fence_s: float = FENCE_S

    async def place(self, _: object, orders: Sequence[NewOrder]) -> Sequence[Outcome]:
        """Answer by the script."""
        return [self.script(order.client_id) for order in orders]

    async def cancel(self, _: object, orders: Sequence[CancelOrder]) -> Sequence[Outcome]:
        """Answer by the script."""
        return [self.script(order.client_id) for order in orders]


def report(**changes: Any) -> OrderReport:
    """The quote as the venue's private stream shows it: open and whole, unless changed."""
    facts: dict[str, Any] = {
        "client_id": "pm-1",
        "venue_id": "v1",
        "side": Side.BUY,
        "position_side": PositionSide.NET,
        "status": OrderStatus.OPEN,
        "raw_status": "New",
        "ticks": 90,
        "lots": 5,
        "filled_lots": 0,
        "reduce_only": False,
        "type": OrderType.POST_ONLY,
        "venue_ms": 10,
    }

    return OrderReport(**{**facts, **changes})


@attrs.define
class Desk:
    """Own orders behind a dispatcher: what is sent is in flight, and what the venue says is folded."""

    script: Callable[[str], Outcome] = gateway
    orders: Orders = attrs.field(factory=lambda: Orders(OwnDepth(), fence_s=FENCE_S))

    async def send(self, action: Action, now: float) -> None:
        """Carry out an action, and fold what comes back at once."""
        events: list[Event] = []
        clock = LoopClock()
        connector = cast("DerivativeConnector", Scripted(self.script))
        dispatcher = Dispatcher(
            connector=connector, instrument=cast("Any", None), clock=clock, gate=Gate(clock=clock), emit=events.extend
        )

        if isinstance(action, Place):
            self.orders.place(action.order, now)
        elif isinstance(action, Cancel):
            self.orders.cancel(action.client_id, now)

        await dispatcher.dispatch([action])

        for event in events:
            self.fold(event, now)

    def fold(self, event: Any, now: float) -> None:
        """Fold one event, as the state does."""
        match type(event).__name__:
            case "OrderAccepted":
                self.orders.accepted(event, now)
            case "CancelHandedOn":
                self.orders.cancel_handed_on(event, now)
            case "OrderReported":
                self.orders.reported(event.report, now, by_stream=event.by_stream)
            case "OrderUnknown":
                self.orders.unknown(event, now)
            case "OrderNotFound":
                self.orders.not_found(event, now)

    def told(self, now: float, **changes: Any) -> None:
        """The private stream shows the order."""
        self.fold(OrderReported(report=report(**changes), by_stream=True), now)

    @property
    def status(self) -> OrderStatus:
        """What is known of the one live order."""
        (working,) = self.orders.working()

        return working.status

    @property
    def end(self) -> tuple[End, Refusal | None]:
        """How the slot's order ended."""
        assert not self.orders.live
        ended = self.orders.endings.by_slot[QUOTE.slot]

        return ended.end, ended.refusal


async def test_a_gateways_word_proves_nothing_about_the_book() -> None:
    """The order is in flight until a report shows it, and its slot is taken all the while."""
    desk = Desk()
    await desk.send(Place(order=QUOTE), 0.0)
    assert desk.status is OrderStatus.PENDING
    assert not desk.orders.is_blocked

    desk.told(0.1)
    assert desk.status is OrderStatus.OPEN
    assert desk.orders.live["pm-1"].ask_at is None


@pytest.mark.each_value
@pytest.mark.parametrize("status", [OrderStatus.CANCELLED, OrderStatus.REFUSED])
@pytest.mark.parametrize("was_shown", [False, True])
async def test_a_refusal_that_comes_late_is_a_refusal(status: OrderStatus, *, was_shown: bool) -> None:
    """As if the answer had said it, whether or not the order was shown for a moment: pauses and words go by it."""
    desk = Desk()
    await desk.send(Place(order=QUOTE), 0.0)

    if was_shown:
        desk.told(0.1)

    desk.told(0.2, status=status, refusal=WOULD_TAKE, venue_ms=11)
    assert desk.end == (End.REFUSED, WOULD_TAKE)


async def test_an_order_of_which_no_report_comes_is_asked_for_and_proven_by_its_fence() -> None:
    """A gateway that took it does not mean that the book ever will: only after the fence "unknown" is proof."""
    desk = Desk()
    await desk.send(Place(order=QUOTE), 0.0)
    record = desk.orders.live["pm-1"]
    assert record.ask_at == GATEWAY_S

    desk.fold(OrderNotFound(client_id="pm-1", asked_at=1.0), 1.1)
    assert desk.status is OrderStatus.PENDING

    fence_at = record.working.fence_at
    assert fence_at is not None
    desk.fold(OrderNotFound(client_id="pm-1", asked_at=fence_at), fence_at + 0.1)
    assert desk.end == (End.NEVER_WAS, None)


async def test_a_cancel_that_the_gateway_took_may_be_too_late() -> None:
    """The slot stays taken; "too late" and the fill that beat the cancel end the order as filled."""
    desk = Desk()
    await desk.send(Place(order=QUOTE), 0.0)
    desk.told(0.1)
    await desk.send(Cancel(client_id="pm-1", venue_id="v1", kind=OrderKind.QUOTE), 1.0)
    assert desk.status is OrderStatus.CANCELLING

    desk.told(1.1, refusal=TOO_LATE, venue_ms=11)
    assert desk.status is OrderStatus.OPEN

    desk.told(1.2, status=OrderStatus.FILLED, filled_lots=5, refusal=TOO_LATE, venue_ms=12)
    assert desk.end == (End.FILLED, None)


async def test_a_cancel_that_the_gateway_took_is_asked_for_when_nothing_follows() -> None:
    """Silence frees no slot; what the venue then shows does."""
    desk = Desk()
    await desk.send(Place(order=QUOTE), 0.0)
    desk.told(0.1)
    await desk.send(Cancel(client_id="pm-1", venue_id="v1", kind=OrderKind.QUOTE), 1.0)
    assert desk.orders.live["pm-1"].ask_at == 1.0 + GATEWAY_S

    desk.told(1.2, status=OrderStatus.CANCELLED, venue_ms=12)
    assert desk.end == (End.REQUESTED, None)


async def test_an_order_may_have_a_fence_of_its_own() -> None:
    """Where the venue says for each order until when it may appear, that counts, and not the connector's constant."""
    desk = Desk(script=lambda name: Unknown(client_id=name, detail="no answer", signed_at=0.0, fence_at=20.0))
    await desk.send(Place(order=QUOTE), 0.0)
    desk.fold(OrderNotFound(client_id="pm-1", asked_at=FENCE_S + 1), FENCE_S + 1)
    assert desk.status is OrderStatus.UNKNOWN

    desk.fold(OrderNotFound(client_id="pm-1", asked_at=20.0), 20.1)
    assert desk.end == (End.NEVER_WAS, None)


# --- ids of a venue that has no room for text -----------------------------------------------------------------


@attrs.define
class Numbers:
    """Ids `tag:run:sequence` of 32 bits each, of which a run holds two."""

    tag: str
    begin_run: Callable[[str], bool]
    run: str = "0"
    mine: list[str] = attrs.field(factory=list)
    sequence: int = 2

    def next(self) -> str:
        """The next id; a full run is followed by another one, durable first."""
        if self.sequence == 2:
            run = str(len(self.mine) + 1)
            self.begin_run(run)
            self.run, self.sequence = run, 0
            self.mine.append(run)

        self.sequence += 1

        return f"{self.tag}:{self.run}:{self.sequence}"

    def is_ours(self, client_id: str) -> bool:
        """Whether the tag is this bot's."""
        return client_id.startswith(f"{self.tag}:")

    def run_of(self, client_id: str) -> str | None:
        """The run between the colons."""
        return client_id.split(":")[1] if self.is_ours(client_id) else None

    def is_of_this_start(self, client_id: str) -> bool:
        """Whether the run is one of ours."""
        return self.run_of(client_id) in self.mine


async def test_a_connector_may_bring_ids_of_its_own() -> None:
    """Whose run is full takes another one, which the journal knows before an id of it is handed out."""

    class Numbered(Scripted):
        account = "a"

        async def open_client_ids(self, _: object, bot: str, begin_run: Callable[[str], bool]) -> ClientIds:
            ids = Numbers(tag=bot, begin_run=begin_run)
            assert ids.next().endswith(":1:1")
            assert not begin_run("1")

            return ids

    venue = cast("DerivativeConnector", Numbered())
    key = Key(environment="sandbox", venue="v", account="a", market="BTC-USDT")

    with open_journal(None, key, "text") as (journal, _):
        begun = BegunRuns(journal)
        ids = await open_client_ids(venue, cast("Any", SimpleNamespace(market="BTC-USDT")), "text", begun)
        known = OrderIntents(journal=journal, client_ids=ids)
        assert not journal.knows_run("1")
        journal.record_run(0, {})
        begun.record()
        assert [ids.next()[-4:], ids.next()[-4:]] == [":1:2", ":2:1"]
        assert (journal.knows_run("1"), journal.knows_run("2"), journal.knows_run("3")) == (True, True, False)
        assert [begun.begin("1"), begun.begin("2"), begun.begin("7")] == [False, False, True]
        assert not known.is_strange(f"{ids.tag}:2:1")
        assert known.is_strange(f"{ids.tag}:3:1")
        assert known.kind("other:1:1") is None


async def test_ids_are_of_text_where_the_venue_takes_it() -> None:
    """A connector that says nothing of ids has them made for it."""
    venue = cast("DerivativeConnector", SimpleNamespace(name="v", account="a"))
    instrument = cast("Any", SimpleNamespace(market="BTC-USDT"))
    ids = await open_client_ids(venue, instrument, "run1", cast("BegunRuns", None))
    first = ids.next()
    assert first.startswith("pm-")
    assert (ids.run_of(first), ids.is_of_this_start(first), ids.is_ours("web-1")) == ("run1", True, False)
