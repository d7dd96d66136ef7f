"""From a checked configuration to the engine's plan: what the file names, and nothing of how the file is written."""

from __future__ import annotations

from perpmaker.config.configuration import Configuration
from perpmaker.engine.launch import Plan
from perpmaker.strategy.settings import DEFAULT_MAX_AGE_S, StrategySettings


def plan_of(configuration: Configuration) -> Plan:
    """The plan that a configuration comes to."""
    run, settings = configuration.run, configuration.strategy.settings
    source = configuration.price_source
    ours = settings if isinstance(settings, StrategySettings) else None

    return Plan(
        market=run.market,
        leverage=run.leverage,
        position_mode=run.position_mode,
        margin_mode=run.margin_mode_wanted,
        connector=configuration.connector.declaration,
        connector_settings=configuration.connector.settings,
        strategy=configuration.strategy.declaration,
        strategy_settings=settings,
        exits=configuration.exits,
        price_source=None if source.declaration.open is None else source.declaration,
        price_source_settings=source.settings,
        risk=tuple((chosen.declaration, chosen.settings) for chosen in configuration.risk),
        quotes_continue=ours is not None and ours.when_in_position == "continue",
        book_max_age_s=DEFAULT_MAX_AGE_S if ours is None else ours.max_age_s,
    )
