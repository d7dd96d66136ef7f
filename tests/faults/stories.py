"""What tests of several rows begin with: a configuration without a fault, and a bot in a position."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from perpmaker.model.order import PositionSide, Side
from perpmaker.simulation.order import ConditionalRequest, OrderRequest, TimeInForce, TriggerKind, TriggerPrice
from perpmaker.testing.scenario import Scenario
from perpmaker.testing.scenario_venue import ACCOUNT, START_MS

PERSONS = "web-1"
"""The client id of a person's order."""

GOOD = """\
strategy = "perpetual_market_making"
derivative = "binance_perpetual"
market = "ETH-USDT"
leverage = 3
bid_spread = 0.1
ask_spread = 0.1
order_amount = 0.1
order_refresh_time = 30
"""
"""A configuration without a fault, eight lines long."""


def in_position(keys: Mapping[str, object], amount: int = 1) -> Scenario:
    """A bot with a position at 100 (negative: short), its target resting, at 1 s."""
    scenario = Scenario(dict(keys))
    scenario.by_hand("buy" if amount > 0 else "sell", abs(amount), at=100)
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)

    return scenario


def rest_by_hand(
    scenario: Scenario, side: Side, amount: str, *, at: str, position: PositionSide = PositionSide.NET
) -> None:
    """A person's order that only closes rests on the account."""
    venue = scenario._venue
    request = OrderRequest(
        side=side,
        amount=Decimal(amount),
        price=Decimal(at),
        time_in_force=TimeInForce.GTC,
        position_side=position,
        reduce_only=position is PositionSide.NET,
        client_id=PERSONS,
    )
    venue.exchange.place(ACCOUNT, request, START_MS + round(scenario.now * 1000))
    scenario.advance(0)
    scenario.advance(0.1)


def cancel_persons(scenario: Scenario) -> None:
    """The person takes it off again."""
    scenario._venue.exchange.cancel(ACCOUNT, client_id=PERSONS, now_ms=START_MS + round(scenario.now * 1000))
    scenario.advance(0)
    scenario.advance(0.02)


def stop_by_hand(
    scenario: Scenario,
    side: Side,
    *,
    at: str,
    position: PositionSide = PositionSide.NET,
    target: bool = False,
    watch: TriggerPrice = TriggerPrice.MARK,
) -> None:
    """A person's stop (or target) that closes the whole position rests on the venue."""
    request = ConditionalRequest(
        side=side,
        trigger=Decimal(at),
        kind=TriggerKind.TAKE_PROFIT if target else TriggerKind.STOP,
        watch=watch,
        position_side=position,
        client_id=PERSONS,
    )
    venue = scenario._venue
    venue.exchange.place_conditional(ACCOUNT, request, START_MS + round(scenario.now * 1000))
    scenario.advance(0)
    scenario.advance(0.02)


def cancel_persons_stop(scenario: Scenario) -> None:
    """The person takes it off again."""
    now_ms = START_MS + round(scenario.now * 1000)
    scenario._venue.exchange.cancel_conditional(ACCOUNT, client_id=PERSONS, now_ms=now_ms)
    scenario.advance(0)
    scenario.advance(0.1)
