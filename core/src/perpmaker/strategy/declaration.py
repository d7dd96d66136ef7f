"""The strategy as the hook `register_strategies` hears of it."""

from __future__ import annotations

from perpmaker.declarations import StrategyDeclaration
from perpmaker.strategy.perpetual_market_making import PerpetualMarketMaking
from perpmaker.strategy.settings import StrategySettings


def declaration() -> StrategyDeclaration:
    """Declare `perpetual_market_making`."""
    return StrategyDeclaration(
        name="perpetual_market_making",
        summary="A ladder of quotes around a reference price; profit taking and stop loss for what is filled.",
        settings=StrategySettings,
        build=PerpetualMarketMaking,
    )
