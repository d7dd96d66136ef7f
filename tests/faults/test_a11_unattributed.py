"""Row A11: what a fired stop did is told as somebody else's first, then the stop's end, then whose it was."""

from __future__ import annotations

from decimal import Decimal
from itertools import permutations

import attrs
import pytest

from perpmaker.model.event import Event, OrderFilled, OrderReported
from perpmaker.model.order import Fill, OrderKind, OrderReport, OrderStatus, OrderType, PositionSide, Side
from perpmaker.testing.scenario import Scenario

SETTINGS = {"long_profit_taking_spread": 2, "short_profit_taking_spread": 2, "stop_loss_spread": 5}
STRANGE, END, OURS = range(3)


def told(scenario: Scenario, quote: str) -> tuple[Event, Event, Event]:
    """The execution under a name that nobody knows, the end of the stop, and the execution under the stop's name."""
    (stop,) = [one for one in scenario._trader.working() if one.slot.kind is OrderKind.VENUE_STOP]
    side = Side.SELL if quote == "buy 0" else Side.BUY
    lots = stop.order.lots
    fill = Fill(
        client_id="sim-7",
        venue_id="700",
        trade_id="77",
        side=side,
        position_side=PositionSide.NET,
        price=Decimal(95),
        amount=scenario.instrument.amount(lots),
        fee=Decimal("0.05"),
        fee_asset="USDT",
        maker=False,
        realized_pnl=Decimal(-5),
        venue_ms=stop.venue_ms + 5_000,
        filled_lots=lots,
    )
    end = OrderReport(
        client_id=stop.client_id,
        venue_id="9",
        side=side,
        position_side=PositionSide.NET,
        status=OrderStatus.FILLED,
        raw_status="FINISHED",
        ticks=stop.order.ticks,
        lots=lots,
        filled_lots=lots,
        reduce_only=True,
        type=OrderType.VENUE_STOP,
        venue_ms=stop.venue_ms + 5_010,
        triggered=True,
    )
    named = {"client_id": stop.client_id, "venue_id": "700"}

    return OrderFilled(fill=fill), OrderReported(report=end), OrderFilled(fill=attrs.evolve(fill, **named))


@pytest.mark.each_value
@pytest.mark.parametrize("order", list(permutations((STRANGE, END, OURS))), ids=str)
@pytest.mark.parametrize("quote", ["buy 0", "sell 0"])
def test_A11_no_order_of_tellings_makes_a_position_up_or_loses_a_result(quote: str, order: tuple[int, ...]) -> None:
    """Flat from the first word on, and at the end the loss and its fee are ours, once."""
    scenario = Scenario(SETTINGS)
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)
    scenario.fill(quote)
    scenario.advance(0.5)
    trader, events = scenario._trader, told(scenario, quote)
    before = trader.state.account.totals.realized_pnl

    for which in order:
        trader.handle([events[which]], scenario.now + 0.1)
        assert trader.state.positions()[PositionSide.NET].amount == 0
        assert trader.wanted_exits == ()

    assert trader.state.account.totals.realized_pnl - before == -5
    assert trader.state.by_hand == []
