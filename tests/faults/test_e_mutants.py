"""E: small changes of orders, drawn by the mutation command, that no test noticed; each by what it would do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import anyio
import attrs
import pytest

from perpmaker.errors import PluginFaultError
from perpmaker.execution.action import Cancel
from perpmaker.execution.dispatch import Gate
from perpmaker.foreign_code import ForeignCode
from perpmaker.journal.state_dir import StateDir
from perpmaker.model.command_event import CancelRefused, OrderNotFound
from perpmaker.model.event import PositionReported, ReferenceChanged, StopRequested
from perpmaker.model.order import NewOrder, OrderKind, OrderStatus, OrderType, PositionSide, Side, Slot
from perpmaker.model.position import Position
from perpmaker.model.refusal import Refusal, RefusalReason
from perpmaker.runtime.left_behind import held
from perpmaker.runtime.plugin_guard import GuardedOpening, GuardedSource
from perpmaker.runtime.plugin_output_checks import ANSWERS
from perpmaker.state.position import TrackedPosition
from perpmaker.state.step import Step
from perpmaker.testing.scenario import Scenario
from perpmaker.testing.scene import Scene, of
from perpmaker.testing.view import make_instrument

SIDES = pytest.mark.parametrize("amount", [1, -1], ids=["long", "short"])


def holding(amount: int, **keys: object) -> Scenario:
    """A bot with a position at 100 in a market with a band of 5 %, its exits resting, at 1 s; the mark stays at 100."""
    plain = {"bid_spread": 2, "ask_spread": 2, "long_profit_taking_spread": 5, "short_profit_taking_spread": 5}
    rules = make_instrument(band_up=Decimal("1.05"), band_down=Decimal("0.95"))
    scenario = Scenario({**plain, "stop_loss_spread": 3, **keys}, instrument=rules)
    scenario.by_hand("buy" if amount > 0 else "sell", abs(amount), at=100)
    scenario.book(bid="99.9", ask="100.1")
    scenario.mark("100")
    scenario.advance(1)

    return scenario


def test_E_an_order_that_never_was_and_that_the_venue_then_shows_is_left_out_of_the_book() -> None:
    """It stands in the book beside the one that was placed for it meanwhile: none of it is other people's."""
    scene = Scene()
    scene.start()
    scene.tell(scene.accepted("2"), scene.unknown("1"))
    scene.tell(scene.book(), OrderNotFound(client_id="pm-bot-r1-1", asked_at=4.0), after=4.0)
    assert scene.status("1") is None
    scene.tell(scene.accepted("1"), after=0.1)
    book = scene.book()
    scene.tell(attrs.evolve(book, bids=((990, 10), (980, 7))), after=0.1)
    assert scene.trader.state.book.best_bid == 980


def test_E_a_refused_cancel_is_sent_again_at_once_and_then_ever_later() -> None:
    """0, 0.25, 0.5, 1 s after each refusal, then every 2 s: a venue that refuses is not stormed."""
    scene = Scene().quoting()
    told = scene.tell(StopRequested(), after=1.0)
    sent: list[float] = []

    for _ in range(7):
        while not [one for one in of(told.actions, Cancel) if one.client_id == "pm-bot-r1-1"]:
            assert told.wake_at is not None
            told = scene.tell(after=max(0.0, told.wake_at - scene.now))

        sent.append(scene.now)
        refusal = Refusal(reason=RefusalReason.OTHER, code="-1", text="not now")
        told = scene.tell(CancelRefused(client_id="pm-bot-r1-1", refusal=refusal))

    assert scene.status("1") is OrderStatus.OPEN
    pauses = [later - earlier for earlier, later in pairwise(sent)]
    assert pauses == pytest.approx([0.0, 0.25, 0.5, 1.0, 2.0, 2.0], abs=0.02)


@SIDES
def test_E_a_mark_that_jumps_past_the_backstop_fires_the_local_stop(amount: int) -> None:
    """It need not be told at the very level."""
    scenario = holding(amount)
    scenario.expire("venue stop")
    scenario.refuse("place venue stop", "busy", times=None)
    scenario.advance(0.5)
    scenario.mark(f"{100 - 4.5 * amount}")
    scenario.advance(0.2)
    assert scenario.position() == "flat"


@SIDES
def test_E_a_closing_order_that_is_lost_at_the_edge_of_the_band_goes_again_at_the_edge_of_now(amount: int) -> None:
    """The mark has moved since it was priced: its old price may be outside of the band."""
    scenario = holding(amount, venue_backstop=False)
    scenario.book(bid=100 - 6.2 * amount, ask=100.2 - 6.2 * amount)
    scenario.advance(5)
    assert scenario.exits() == ["stop loss: sell 1 at 95.05" if amount > 0 else "stop loss: buy 1 at 104.94"]

    scenario.refuse("place stop loss", "busy", times=None)
    scenario.expire("stop loss")
    scenario.advance(0.1)
    scenario.mark(f"{100 - 0.5 * amount}")
    scenario.advance(3)
    last = scenario.sent("place stop loss")[-1].what
    assert last == ("place stop loss: sell 1 at 94.58" if amount > 0 else "place stop loss: buy 1 at 105.46")


def test_E_a_late_reading_is_believed_for_the_swallowed_fills_alone() -> None:
    """A fill dated before the anchor makes a reading that holds exactly it true, and no other one."""
    one = TrackedPosition(Position(side=PositionSide.NET))
    one.begin()
    one.report(reading("5", 100), 10.0)
    one.explain()
    one.fill(Step(90, Decimal(2), Decimal(100), 10.1))
    one.resync(reading("9", 80), 80, 10.5, began_at=9.5)
    assert (one.now.amount, "older" in one.question) == (Decimal(5), True)

    one.resync(reading("7", 80), 80, 10.6, began_at=9.6)
    assert one.now.amount == 7


def reading(amount: str, venue_ms: int) -> Position:
    """A net position from 100."""
    return Position(side=PositionSide.NET, amount=Decimal(amount), entry=Decimal(100), venue_ms=venue_ms)


class Stopped:
    """A clock that stands."""

    def now(self) -> float:
        """Always the same."""
        return 100.0

    def utc_ms(self) -> int:
        """Always the same."""
        return 100_000


@pytest.mark.parametrize("amount", ["0.005", "-0.005"])
def test_E_a_small_position_is_told_with_its_side(amount: str) -> None:
    """Less than one of the base asset, either way."""
    side = "long" if Decimal(amount) > 0 else "short"
    assert held(reading(amount, 1), make_instrument()) == f"{side} 0.005 BTC from 100"


def test_E_the_fence_of_a_connector_is_a_number_of_seconds() -> None:
    """Anything else is the connector's fault, and not a fence of one second."""
    for answer in [True, "3", None, -1, float("inf"), float("nan")]:
        with pytest.raises(TypeError, match="no number of seconds"):
            ANSWERS["fence_s"](answer)


@pytest.mark.parametrize(("kind", "best"), [(OrderType.POST_ONLY, 980), (OrderType.VENUE_STOP, 990)])
def test_E_an_order_of_an_earlier_run_without_a_purpose_is_ours_in_the_book_and_a_stop_is_not_there(
    kind: OrderType, best: int
) -> None:
    """Until its cancel is through it is nobody else's price; a stop stands in no book."""
    scene = Scene()
    left = attrs.evolve(scene.order_report("pm-bot-r0-7", OrderStatus.OPEN), type=kind)
    book = attrs.evolve(scene.book(), bids=((990, 5), (980, 7)))
    scene.tell(scene.resynced(orders=(left,)), book)
    assert scene.trader.state.book.best_bid == best


def test_E_a_key_that_was_always_accepted_shut_nothing() -> None:
    """The end of a run tells a key that the venue refused, however long ago; and of no other."""
    gate = Gate(clock=Stopped())
    assert not gate.was_shut
    gate.shut()
    assert gate.was_shut


def test_E_a_source_that_doubts_itself_is_quoted_in_its_own_words() -> None:
    """It is no fault of it: no plugin is named as one that said something wrong, and its time stays."""
    doubt = ReferenceChanged(doubt="the market is closed", at=99.0)

    class Source:
        async def receive(self) -> ReferenceChanged:
            return doubt

    guarded = GuardedSource(code=ForeignCode(kind="price source", name="tide"), inner=Source(), clock=Stopped())
    assert anyio.run(guarded.receive) == doubt


def test_E_a_hold_that_was_cut_off_is_none(tmp_path: Path) -> None:
    """A process that was killed between two words leaves an empty file: the next start goes on."""
    for left in ["", "soon", "12:30"]:
        home = StateDir(tmp_path)
        home.hold("venue", 1_700_000_000_000)
        (file,) = (tmp_path / "hold").iterdir()
        file.write_text(left)
        assert home.held_until_ms("venue") == 0


def test_E_lots_that_a_position_report_told_of_before_their_order_are_held_once() -> None:
    """Position first, then the order's word a millisecond later, and its fill not yet: 5 lots are held, not 10."""
    scene = Scene().quoting()
    scene.ms += 1
    position = Position(side=PositionSide.NET, amount=Decimal("0.005"), entry=Decimal(99), venue_ms=scene.ms)
    scene.tell(PositionReported(position=position), after=0.1)
    scene.tell(scene.report("1", OrderStatus.FILLED, 5, by_stream=True), after=0.01)
    assert scene.trader.state.positions()[PositionSide.NET].amount == Decimal("0.005")


def test_E_a_fill_of_an_earlier_run_pauses_its_side_whatever_the_history_tells_before_it() -> None:
    """A trade by hand comes first in the reading: the bid that was filled meanwhile counts all the same."""
    bid = NewOrder(
        client_id="pm-bot-r0-7", slot=Slot(OrderKind.QUOTE, Side.BUY), lots=5, ticks=990, type=OrderType.POST_ONLY
    )
    scene = Scene(intent={bid.client_id: bid}.get)
    by_hand, ours = (
        attrs.evolve(scene.fill("7", 5, 5).fill, client_id=client_id) for client_id in ("by-hand", bid.client_id)
    )
    scene.start(fills=(by_hand, ours))
    assert set(scene.strategy.views[-1].quote_filled_at) == {Side.BUY}


def test_E_a_fill_that_only_the_history_tells_is_in_the_flat_account_that_was_read_after_it() -> None:
    """A flat position is dated by its last change that the venue kept: the fill is not a position of its own."""
    scene = Scene()
    scene.start(positions=(Position(side=PositionSide.NET, venue_ms=1),))
    fill = attrs.evolve(scene.fill("7", 5, 5).fill, client_id="by-hand", venue_ms=scene.ms - 2)
    scene.tell(scene.resynced(fills=(fill,)), after=5.0)
    assert scene.amount == 0


@pytest.mark.each_value
@pytest.mark.parametrize("closing", [ValueError("closing"), None], ids=["close fails", "close works"])
@pytest.mark.parametrize("inside", [KeyError("inside"), None], ids=["fails inside", "works inside"])
def test_E_what_fails_first_while_a_plugin_is_open_is_what_is_told(
    inside: KeyError | None, closing: ValueError | None
) -> None:
    """An error of closing it hides none that went before, and is told where there was none."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[int]:
        try:
            yield 7
        finally:
            if closing is not None:
                raise closing

    async def use() -> None:
        async with GuardedOpening(ForeignCode(kind="price source", name="tide"), opened, int):
            if inside is not None:
                raise inside

    expected = KeyError if inside is not None else PluginFaultError if closing is not None else None

    with nullcontext() if expected is None else pytest.raises(expected):
        anyio.run(use)
