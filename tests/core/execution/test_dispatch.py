from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

import anyio
import attrs
import pytest

from perpmaker.clock import LoopClock
from perpmaker.connector.interface import CancelOrder, DerivativeConnector
from perpmaker.errors import AuthenticationError, ConnectivityError
from perpmaker.execution.action import Cancel, Place
from perpmaker.execution.dispatch import LOCKED_OUT_S, Dispatcher, Gate
from perpmaker.model.command_event import CancelRefused, Command, OrderAccepted, OrderRefused, OrderUnknown
from perpmaker.model.event import Event, Halted, OrderCancelled, OrderReported
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import (
    CancelCause,
    NewOrder,
    OrderKind,
    OrderReport,
    OrderStatus,
    OrderType,
    PositionSide,
    Side,
    Slot,
)
from perpmaker.model.outcome import Accepted, Outcome, Rejected, Unknown
from perpmaker.model.refusal import Refusal, RefusalReason
from perpmaker.simulation.rules import MARKETS

pytestmark = pytest.mark.anyio

INSTRUMENT = MARKETS["BTC-USDT"].instrument
KEY_REFUSED = Refusal(reason=RefusalReason.AUTHENTICATION, code="-2015", text="Invalid API-key")
TOO_CLOSE = Refusal(reason=RefusalReason.POST_ONLY_WOULD_TAKE, code="-5022", text="Post Only order will be rejected")


@pytest.fixture
def anyio_backend(virtual_time: Any) -> Any:
    """These tests are about waiting."""
    return virtual_time


@attrs.define
class Venue:
    """A connector that answers as told and remembers what it was asked, in order."""

    answer: Callable[[str], Outcome | Exception | None] = lambda client_id: Accepted(client_id=client_id, venue_ms=5)
    delay_s: float = 0.0
    asked: list[tuple[str, ...]] = attrs.field(factory=list)
    name: str = "fake"
    fence_s: float = 3.5

    async def place(self, instrument: Instrument, orders: Sequence[NewOrder]) -> Sequence[Outcome]:
        """Answer for each order."""
        del instrument
        return await self._answers("place", orders)

    async def cancel(self, instrument: Instrument, orders: Sequence[CancelOrder]) -> Sequence[Outcome]:
        """Answer for each cancel."""
        del instrument
        return await self._answers("cancel", orders)

    async def _answers(self, what: str, orders: Sequence[NewOrder | CancelOrder]) -> Sequence[Outcome]:
        self.asked.append((what, *(order.client_id for order in orders)))
        await anyio.sleep(self.delay_s)
        outcomes = []

        for order in orders:
            outcome = self.answer(order.client_id)

            if isinstance(outcome, Exception):
                raise outcome

            if outcome is not None:
                outcomes.append(outcome)

        return outcomes


@attrs.define
class Bench:
    """A dispatcher over a fake venue, and what it emitted."""

    venue: Venue
    events: list[Event]
    dispatcher: Dispatcher

    @property
    def dispatch(self) -> Callable[..., Awaitable[None]]:
        """The function under test."""
        return self.dispatcher.dispatch


@pytest.fixture
async def bench() -> Bench:
    """A dispatcher whose venue accepts everything until told otherwise."""
    venue, clock = Venue(), LoopClock()
    events: list[Event] = []
    connector = cast("DerivativeConnector", venue)
    gate = Gate(clock=clock)

    return Bench(
        venue,
        events,
        Dispatcher(connector=connector, instrument=INSTRUMENT, clock=clock, gate=gate, emit=events.extend),
    )


def place(client_id: str, kind: OrderKind = OrderKind.QUOTE) -> Place:
    """An order to be sent."""
    slot = Slot(kind, Side.BUY, 0)

    return Place(order=NewOrder(client_id=client_id, slot=slot, lots=1, ticks=1, type=OrderType.POST_ONLY))


def cancel(client_id: str, kind: OrderKind = OrderKind.QUOTE) -> Cancel:
    """A cancel to be sent."""
    return Cancel(client_id=client_id, venue_id=None, kind=kind)


def report(client_id: str, status: OrderStatus, filled_lots: int = 0) -> OrderReport:
    """An order as the venue shows it."""
    return OrderReport(
        client_id=client_id,
        venue_id="7",
        side=Side.BUY,
        position_side=PositionSide.NET,
        status=status,
        raw_status=status.name,
        ticks=1,
        lots=1,
        filled_lots=filled_lots,
        reduce_only=False,
        type=OrderType.LIMIT,
        venue_ms=6,
    )


async def test_one_decision_becomes_one_batch_of_each_kind_exits_and_cancels_first(bench: Bench) -> None:
    """What shrinks the risk has its turn before new quotes, and exits are cancelled before quotes."""
    target = place("t", OrderKind.TAKE_PROFIT)
    await bench.dispatch([place("q1"), cancel("c1"), place("q2"), target, cancel("c2", OrderKind.TAKE_PROFIT)])

    assert bench.venue.asked[-1] == ("place", "q1", "q2")
    assert set(bench.venue.asked[:-1]) == {("place", "t"), ("cancel", "c2", "c1")}


async def test_a_slow_cancel_does_not_hold_up_the_quotes(bench: Bench) -> None:
    """The batches are under way side by side."""
    bench.venue.delay_s = 1.0
    began_at = anyio.current_time()
    await bench.dispatch([cancel("c"), place("q"), place("t", OrderKind.CLOSE)])

    assert anyio.current_time() - began_at == 1.0


async def test_accepted_refused_and_unknown_are_three_different_events(bench: Bench) -> None:
    """An unknown order may still arrive until its request's own deadline has passed; a refused one never was."""
    answers: dict[str, Outcome] = {
        "a": Accepted(client_id="a", venue_id="7", venue_ms=5, report=report("a", OrderStatus.FILLED, 1)),
        "r": Rejected(client_id="r", refusal=TOO_CLOSE),
        "u": Unknown(client_id="u", detail="no answer", signed_at=1.0),
    }
    bench.venue.answer = answers.__getitem__
    await bench.dispatch([place("a"), place("r"), place("u")])

    assert bench.events == [
        OrderAccepted(client_id="a", venue_id="7", venue_ms=5),
        OrderReported(report=report("a", OrderStatus.FILLED, 1)),
        OrderRefused(client_id="r", refusal=TOO_CLOSE),
        OrderUnknown(client_id="u", command=Command.PLACE, detail="no answer", fence_at=4.5),
    ]


async def test_a_cancel_says_what_became_of_the_order(bench: Bench) -> None:
    """Gone with what it had filled, filled before the cancel came, refused, or not known."""
    answers: dict[str, Outcome] = {
        "gone": Accepted(client_id="gone", venue_ms=5, report=report("gone", OrderStatus.CANCELLED, 1)),
        "plain": Accepted(client_id="plain", venue_ms=5),
        "filled": Accepted(client_id="filled", report=report("filled", OrderStatus.FILLED, 1)),
        "refused": Rejected(client_id="refused", refusal=Refusal(reason=RefusalReason.NOT_FOUND)),
        "unknown": Unknown(client_id="unknown", detail="503", signed_at=0.0),
    }
    bench.venue.answer = answers.__getitem__
    await bench.dispatch([cancel(name) for name in answers])

    assert bench.events == [
        OrderCancelled(client_id="gone", cause=CancelCause.REQUESTED, filled_lots=1, venue_ms=5),
        OrderCancelled(client_id="plain", cause=CancelCause.REQUESTED, venue_ms=5),
        OrderReported(report=report("filled", OrderStatus.FILLED, 1)),
        CancelRefused(client_id="refused", refusal=Refusal(reason=RefusalReason.NOT_FOUND)),
        OrderUnknown(client_id="unknown", command=Command.CANCEL, detail="503", fence_at=3.5),
    ]


async def test_F10_a_short_answer_leaves_the_missing_orders_unknown(bench: Bench) -> None:
    """Only evidence about an order says anything about it."""
    bench.venue.answer = lambda client_id: None if client_id == "b" else Accepted(client_id=client_id)
    await bench.dispatch([place("a"), place("b")])

    assert [type(event) for event in bench.events] == [OrderAccepted, OrderUnknown]


async def test_a_connectivity_error_that_slips_out_of_the_connector_leaves_the_batch_unknown(bench: Bench) -> None:
    """Losing the connection says nothing about what was sent."""
    bench.venue.answer = lambda _: ConnectivityError("127.0.0.1:1 is gone")
    await bench.dispatch([place("a")])

    assert bench.events == [
        OrderUnknown(client_id="a", command=Command.PLACE, detail="127.0.0.1:1 is gone", fence_at=3.5)
    ]


@pytest.mark.parametrize("answer", [None, ConnectivityError("gone"), RecursionError("deep")])
async def test_F06_the_fence_of_an_order_nobody_answered_for_counts_from_the_last_moment_it_may_have_been_signed(
    bench: Bench, answer: Exception | None
) -> None:
    """The connector may have waited for its budget before it signed: an early fence would place the order twice."""
    bench.venue.delay_s = 10.0
    bench.venue.answer = lambda _: answer
    await bench.dispatch([place("a")])

    assert isinstance(bench.events[-1], OrderUnknown)
    assert bench.events[-1].fence_at == anyio.current_time() + bench.venue.fence_s


async def test_F77_a_connector_that_raises_leaves_orders_unknown_and_halts(bench: Bench) -> None:
    """A fault of the plugin costs its market's quotes, not the process."""
    bench.venue.answer = lambda _: RecursionError("deep")
    await bench.dispatch([place("a")])

    assert [type(event) for event in bench.events] == [Halted, OrderUnknown]
    assert "the connector fake failed on an order (RecursionError: deep)" in str(bench.events[0])


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [None],
        *(
            pytest.param(one, marks=pytest.mark.full)
            for one in (
                7,
                [{"client_id": "a"}],
            )
        ),
    ],
    ids=str,
)
async def test_F79_a_connector_that_answers_with_what_is_no_outcome_leaves_orders_unknown_and_halts(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, answer: Any
) -> None:
    """Checked at the seam: nothing is concluded from it, and the process lives."""

    async def nonsense(_: Any, __: Any) -> Any:
        return answer

    monkeypatch.setattr(type(bench.venue), "place", staticmethod(nonsense))
    await bench.dispatch([place("a")])

    assert [type(event) for event in bench.events] == [Halted, OrderUnknown]
    assert "TypeError" in str(bench.events[0])


@pytest.mark.parametrize(
    "answer",
    [
        Rejected(client_id="a", refusal=KEY_REFUSED),
        AuthenticationError("Invalid API-key", code="-2015", status=401),
    ],
)
async def test_F14_a_key_that_is_not_accepted_any_more_halts_and_is_not_tried_again_for_30_s(
    bench: Bench, answer: Outcome | Exception
) -> None:
    """Everything in between is refused here, without a request; then one try goes out again."""
    bench.venue.answer = lambda _: answer
    await bench.dispatch([place("a")])
    assert any(isinstance(event, Halted) and "does not accept the key" in event.reason for event in bench.events)

    bench.events.clear()
    await bench.dispatch([place("b", OrderKind.CLOSE), cancel("c")])
    assert {type(event) for event in bench.events} == {OrderRefused, CancelRefused}
    assert len(bench.venue.asked) == 1

    await anyio.sleep(LOCKED_OUT_S)
    await bench.dispatch([cancel("c")])
    assert len(bench.venue.asked) == 2
