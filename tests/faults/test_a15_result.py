"""A15: what the venue closes by force is in the result of the run, as the venue's own history has it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import anyio
import attrs
import pytest

from perpmaker.model.event import OrderFilled
from perpmaker.model.income import IncomeKind
from perpmaker.model.order import Side
from perpmaker.report.summary import Summary
from perpmaker.sandbox.server import ACCOUNT
from perpmaker.simulation.market import SyntheticMarket
from perpmaker.testing.scene import Scene
from perpmaker.testing.session import Session, open_session

from .test_a11_result import FILE, income
from .venue_site import VenueWords

pytestmark = pytest.mark.anyio

KINDS = (IncomeKind.REALIZED, IncomeKind.FEE, IncomeKind.LIQUIDATION_FEE, IncomeKind.INSURANCE, IncomeKind.FUNDING)
NO_STOP = ("stop_loss_spread=0", "long_profit_taking_spread=5", "short_profit_taking_spread=5")


@pytest.fixture
def anyio_backend(virtual_time: Any) -> Any:
    """Virtual time."""
    return virtual_time


async def liquidated(session: Session) -> Summary:
    """Run until the account, nearly empty, is liquidated, and a while longer."""
    summaries: list[Summary] = []

    async def run() -> None:
        summaries.append(await session.run(60))

    async with anyio.create_task_group() as group:
        group.start_soon(run)

        with anyio.fail_after(50):
            while not any(one.lots for one in session.sandbox.exchange.account(ACCOUNT).positions):  # noqa: ASYNC110
                await anyio.sleep(0.05)

        await anyio.sleep(1)
        exchange, market = session.sandbox.exchange, session.sandbox.market
        free = exchange.account(ACCOUNT).available
        exchange.transfer(ACCOUNT, -free + Decimal(5), session.clock.utc_ms())
        assert isinstance(market, SyntheticMarket)
        sign = 1 if sum(one.lots for one in exchange.account(ACCOUNT).positions) > 0 else -1
        market.jump(1 - sign * 0.6)

    return summaries[0]


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.full)])
async def test_A15_the_result_of_a_liquidated_run_is_the_venues_own(seed: int, venue: VenueWords) -> None:
    """Profit, fee and what the insurance fund paid, to the last digit; a loss is no profit."""
    async with open_session(FILE, *venue.settings, *NO_STOP, seed=seed) as session:
        began_ms = session.clock.utc_ms()
        summary = await liquidated(session)
        booked = income(session.sandbox.exchange, began_ms, *KINDS)[venue.asset]

    assert summary.position == 0
    assert summary.result == booked
    assert summary.result < 0
    assert [line for line in session.told if line.startswith("LIQUIDATION: ")], session.told
    assert not [line for line in session.told if "traded by hand" in line]
    assert not session.open_quotes()


def test_A15_a_forced_fill_is_in_the_sums_once_and_still_told_as_the_venues_doing() -> None:
    """Whatever the venue closed the position for; a trade by hand stays out of the sums."""
    for forced in ["liquidation", "auto-deleveraging", "settlement", "delivery"]:
        scene = Scene().quoting()
        scene.tell(scene.fill("1", 5, 5))
        before = scene.trader.state.account.totals.fees["USDT"]
        fill = attrs.evolve(
            scene.fill("1", 3, 3, Side.SELL).fill, client_id="theirs", forced=forced, realized_pnl=Decimal(-7)
        )
        told = scene.tell(OrderFilled(fill=fill), OrderFilled(fill=fill))
        hand = attrs.evolve(scene.fill("1", 2, 2, Side.SELL).fill, client_id="web_1", realized_pnl=Decimal(-5))
        by_hand = scene.tell(OrderFilled(fill=hand))
        totals = scene.trader.state.account.totals

        assert (totals.realized_pnl, totals.fees["USDT"] - before, totals.fills) == (Decimal(-7), Decimal("0.01"), 2)
        assert any(f"closed by the venue ({forced})" in line for line in told.notices)
        assert any("traded by hand" in line for line in by_hand.notices)
