"""What tests of several rows begin with: a configuration without a fault, and a bot in a position."""

from __future__ import annotations

from collections.abc import Mapping

from perpmaker.testing.scenario import Scenario

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
