from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from typing import Any

import anyio
import attrs
import pytest

from perpmaker.clock import LoopClock
from perpmaker.errors import ConnectivityError
from perpmaker.model.command_event import OrderNotFound
from perpmaker.model.event import OrderReported
from perpmaker.model.order import Fill, NewOrder, OrderKind, OrderStatus, OrderType, PositionSide, Side, Slot
from perpmaker.model.position import Position
from perpmaker.model.working_order import WorkingOrder
from perpmaker.runtime.reconciliation import Reconciliation
from perpmaker.testing.view import make_account

pytestmark = pytest.mark.anyio


def order(client_id: str) -> NewOrder:
    """A quote."""
    slot = Slot(OrderKind.QUOTE, Side.BUY)

    return NewOrder(client_id=client_id, slot=slot, lots=10, ticks=599_000, type=OrderType.POST_ONLY)


def fill(venue_ms: int) -> Fill:
    """An execution at a time of the venue."""
    return Fill(
        client_id="a",
        venue_id="va",
        trade_id=str(venue_ms),
        side=Side.BUY,
        position_side=PositionSide.NET,
        price=Decimal(59_900),
        amount=Decimal("0.01"),
        fee=Decimal("0.1"),
        fee_asset="USDT",
        maker=True,
        realized_pnl=None,
        venue_ms=venue_ms,
    )


def reconciliation(connector: Any) -> Reconciliation:
    """A recovery on the fake venue."""
    return Reconciliation(connector=connector, instrument=attrs.NOTHING, clock=LoopClock())  # type: ignore[arg-type]  # unused


async def test_it_reads_everything_and_asks_for_what_is_believed_live_and_is_not_open(connector: Any) -> None:
    """One read: what is held and what rests, side by side; then the fate of missing orders, fills, balances."""
    for client_id in ("rests", "gone"):
        connector._take(order(client_id))

    connector._take_off("gone")
    connector.fill_list = [fill(5), fill(50), fill(60)]
    believed = [
        WorkingOrder(order=order(client_id), status=OrderStatus.OPEN, sent_at=0.0)
        for client_id in ("rests", "gone", "never")
    ]
    resynced = await reconciliation(connector).read(believed, since_ms=50)

    assert [report.client_id for report in resynced.orders] == ["rests"]
    assert [(report.client_id, report.status) for report in resynced.finished] == [("gone", OrderStatus.CANCELLED)]
    assert [one.venue_ms for one in resynced.fills] == [50, 60]
    assert resynced.venue_ms == 60
    assert sorted(connector.asked[:2]) == ["account", "open_orders"]
    assert connector.asked[2:] == ["order gone", "order never", "fills"]


async def test_asking_for_one_order_answers_with_what_the_venue_knows_or_that_it_knows_nothing(connector: Any) -> None:
    """Not found carries the time of the question, which alone decides whether it proves anything."""
    connector._take(order("rests"))

    assert isinstance(await reconciliation(connector).ask("rests", None), OrderReported)
    assert await reconciliation(connector).ask("never", None) == OrderNotFound(client_id="never", asked_at=0.0)


async def test_the_first_look_asks_for_everything_at_once_and_the_one_after_a_failure_in_turn() -> None:
    """Exits wait for no more than one round trip; a venue that has just failed is asked for one thing at a time."""
    began: list[float] = []

    class Slow:
        fails = False

        async def fetch_open_orders(self, _: object) -> list[Any]:
            return await self.answer([])

        async def fetch_account(self, _: object) -> Any:
            return await self.answer(make_account(Position(side=PositionSide.NET)))

        async def answer(self, found: Any) -> Any:
            began.append(anyio.current_time())
            await anyio.sleep(1.0)

            if self.fails:
                raise ConnectivityError("down")

            return found

    venue, gaps = Slow(), list[float]()
    reading = reconciliation(venue)

    for venue.fails in (False, True, False):
        began.clear()

        with suppress(ConnectivityError):
            await reading.look()

        gaps.append(began[-1] - began[0])

    assert gaps == [0.0, 0.0, 1.0]
