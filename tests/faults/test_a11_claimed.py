"""Row A11: the order that a stop on the venue becomes may be told of before it is known for ours; it is ours."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest

from perpmaker.model.order import OrderKind
from perpmaker.sandbox.server import ACCOUNT
from perpmaker.simulation.market import SyntheticMarket
from perpmaker.testing.session import Session, open_session
from perpmaker.wire.fault import Fault

from .venue_site import VenueWords

pytestmark = pytest.mark.anyio

EXAMPLE = Path(__file__).parents[1] / "practice.toml"
SETTINGS = (
    'stop_loss_order="venue"',
    "stop_loss_spread=0.3",
    "long_profit_taking_spread=3",
    "short_profit_taking_spread=3",
    "filled_order_delay=300",
)


@pytest.fixture
def anyio_backend(virtual_time: Any) -> Any:
    """Sessions on virtual time."""
    return virtual_time


def late(what: str, seconds: float) -> Fault:
    """Messages of one kind come late."""
    return Fault(method="WS", contains=what, act="delay", arg=seconds, times=None)


def lost(what: str) -> Fault:
    """Messages of one kind never come."""
    return Fault(method="WS", contains=what, act="drop", times=None)


async def fire(session: Session, gap_s: float) -> None:
    """Move the market through the stop, and end every connection a moment later; the fills are read slowly then."""
    exchange, market = session.sandbox.exchange, session.sandbox.market
    assert isinstance(market, SyntheticMarket)

    def is_guarded() -> bool:
        return any(one.lots for one in exchange.account(ACCOUNT).positions) and bool(
            exchange.conditional_orders(ACCOUNT)
        )

    while not is_guarded():  # noqa: ASYNC110  # what is waited for is the state of the venue, not an event
        await anyio.sleep(0.05)

    await anyio.sleep(1)
    held = sum(one.lots for one in exchange.account(ACCOUNT).positions)
    market.jump(0.996 if held > 0 else 1.004)
    await anyio.sleep(gap_s)
    await session.sandbox.faults.inject(Fault(act="close", when="now", path="/", arg=1001))


ALL, ORDERS = ("stop", "order", "fill", "account"), ("order", "fill")


@pytest.mark.each_value
@pytest.mark.parametrize("gap_s", [0.1, *(pytest.param(gap_s, marks=pytest.mark.full) for gap_s in (0.0, 0.05, 0.3))])
@pytest.mark.parametrize("act", ["late", "lost"])
@pytest.mark.parametrize("kinds", [ALL, ORDERS], ids=["every word", "words of orders"])
async def test_A11_what_a_fired_stop_did_is_in_the_result_however_it_is_told(
    kinds: tuple[str, ...], act: str, gap_s: float, venue: VenueWords
) -> None:
    """A reading has its fill before anybody says whose it is: booked once, as ours, and no position is made up."""
    async with open_session(EXAMPLE, *venue.settings, *SETTINGS, seed=3) as session:
        faults = session.sandbox.faults
        venue.arm(session, "fills", act="delay", arg=1.5)

        for kind in {word for name, word in venue.told.items() if name in kinds}:
            faults.add(late(kind, 2.0) if act == "late" else lost(kind))

        async with anyio.create_task_group() as group:
            group.start_soon(fire, session, gap_s)
            summary = await session.run(25)
            group.cancel_scope.cancel()

        account = session.sandbox.exchange.account(ACCOUNT)
        strangers = [line for line in session.told if "traded by hand" in line]
        exits = [line for line in session.told if "without its target" in line]
        placed = dict(session.bot.count.placed)

    assert summary.position == 0
    assert summary.result == account.equity - Decimal(10_000), session.told
    assert exits == []
    assert strangers == []
    assert placed.get(OrderKind.TAKE_PROFIT, 0) <= 1  # none where nothing tells of the position before it is gone
    assert session.sandbox.oracle.violations == []
