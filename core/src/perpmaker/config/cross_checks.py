"""What depends on keys of several owners: each check yields (key, what is allowed)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from perpmaker.config.chosen import Chosen
from perpmaker.config.settings import RunSettings
from perpmaker.config.source import source_faults
from perpmaker.connector.price_source import SourceRequest
from perpmaker.model.order import PositionMode
from perpmaker.plugins.catalog import Catalog
from perpmaker.plugins.declarations import (
    DerivativeConnectorDeclaration,
    PriceSourceDeclaration,
    RiskModuleDeclaration,
)
from perpmaker.strategy.interface import StrategyTraits

READ_BY_SOURCES = frozenset({"price_source_market", "price_source_custom_api", "custom_api_update_interval"})
"""Keys that price sources look at: a source is not asked about what cannot be read."""


def position_faults(
    run: RunSettings, connector: Chosen[DerivativeConnectorDeclaration[Any]] | None
) -> Iterator[tuple[str, str]]:
    """Refuse Hedge mode where the venue has none."""
    if connector and run.position_mode is PositionMode.HEDGE and not connector.declaration.hedge_mode:
        yield "position_mode", f'{connector.name} has none: only "One-way"'


def exposure_faults(
    traits: StrategyTraits, risk: Sequence[Chosen[RiskModuleDeclaration[Any]]], catalog: Catalog
) -> Iterator[tuple[str, str]]:
    """Refuse a strategy that quotes beside a position that nothing bounds."""
    if not traits.quotes_in_position or any(one.declaration.bounds_exposure for one in risk):
        return

    modules = map(catalog.risk_module, catalog.names(RiskModuleDeclaration))
    tables = " or ".join(f"[risk.{module.name}]" for module in modules if module.bounds_exposure)
    words = f"a table {tables}" if tables else "none is installed"

    yield "when_in_position", f"needs a risk module that bounds the position: {words}"


def price_faults(
    sources: Sequence[Chosen[Any] | None], values: Mapping[str, Any], request: SourceRequest | None
) -> Iterator[tuple[str, str]]:
    """Let price sources say what they cannot give. Without a request they are not asked themselves."""
    for one in sources:
        if one is not None and isinstance(one.declaration, PriceSourceDeclaration):
            yield from source_faults(one.declaration, one.settings, values, request)
