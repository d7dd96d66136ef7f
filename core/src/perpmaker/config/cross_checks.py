"""What depends on keys of several owners: each check yields (key, what is allowed)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from perpmaker.config.chosen import Chosen
from perpmaker.config.file import KeyPath
from perpmaker.config.settings import RunSettings
from perpmaker.config.source import source_faults
from perpmaker.connector.price_source import SourceRequest
from perpmaker.exits.settings import ExitSettings
from perpmaker.model.order import PositionMode
from perpmaker.model.position import MarginMode
from perpmaker.plugins.catalog import Catalog
from perpmaker.plugins.declarations import (
    DerivativeConnectorDeclaration,
    PriceSourceDeclaration,
    RiskModuleDeclaration,
)
from perpmaker.plugins.start import code_of
from perpmaker.risk.interface import RiskRequest
from perpmaker.strategy.interface import StrategyTraits

READ_BY_SOURCES = frozenset({"price_source_market", "price_source_custom_api", "custom_api_update_interval"})
"""Keys that price sources look at: a source is not asked about what cannot be read."""


def position_faults(
    run: RunSettings, connector: Chosen[DerivativeConnectorDeclaration[Any]] | None
) -> Iterator[tuple[str, str]]:
    """Refuse Hedge mode where the venue has none."""
    if connector and run.position_mode is PositionMode.HEDGE and not connector.declaration.hedge_mode:
        yield "position_mode", f'{connector.name} has none: only "One-way"'


def risk_faults(
    traits: StrategyTraits, risk: Sequence[Chosen[RiskModuleDeclaration[Any]]], catalog: Catalog
) -> Iterator[tuple[str, str]]:
    """Refuse what the risk modules of a file come to together."""
    yield from _exposure_faults(traits, risk, catalog)
    yield from _target_faults(risk)


def module_faults(
    run: RunSettings, exits: ExitSettings, risk: Sequence[Chosen[RiskModuleDeclaration[Any]]]
) -> Iterator[tuple[KeyPath, str]]:
    """Let each risk module say what of its table makes no sense beside the rest of the file."""
    request = RiskRequest(
        leverage=run.leverage,
        is_isolated=run.margin_mode_wanted is MarginMode.ISOLATED,
        long_profit_taking_spread=exits.long_profit_taking_spread,
        short_profit_taking_spread=exits.short_profit_taking_spread,
        stop_loss_spread=exits.stop_loss_spread,
    )

    for one in risk:
        if one.declaration.check is None or one.settings is None:
            continue

        code = code_of(one.declaration)
        found = code.prepare("check", tuple, code.prepare("check", one.declaration.check, one.settings, request))

        with code.blamed("check"):
            yield from [(("risk", one.name, str(key)), str(allowed)) for key, allowed in found]


def _exposure_faults(
    traits: StrategyTraits, risk: Sequence[Chosen[RiskModuleDeclaration[Any]]], catalog: Catalog
) -> Iterator[tuple[str, str]]:
    """Refuse a strategy that quotes beside a position that nothing bounds, or goes by a cap that nothing says."""
    modules = [catalog.risk_module(name) for name in catalog.names(RiskModuleDeclaration)]

    if traits.quotes_in_position and not any(one.declaration.bounds_exposure for one in risk):
        tables = " or ".join(f"[risk.{module.name}]" for module in modules if module.bounds_exposure)
        words = f"a table {tables}" if tables else "none is installed"

        yield "when_in_position", f"needs a risk module that bounds the position: {words}"

    if traits.cap_key is not None and position_cap(risk) is None:
        keys = " or ".join(f"{module.cap_key} in [risk.{module.name}]" for module in modules if module.cap_key)

        yield (
            traits.cap_key,
            f"needs a cap of the position in base asset: {keys or 'no module that has one is installed'}",
        )


def position_cap(risk: Sequence[Chosen[RiskModuleDeclaration[Any]]]) -> Decimal | None:
    """Return the largest position in base that the risk modules let come to be; None where none says it."""
    keys = ((one.settings, one.declaration.cap_key) for one in risk if one.settings is not None)
    caps = [getattr(settings, key) for settings, key in keys if key is not None]

    return min((cap for cap in caps if cap is not None), default=None)


def _target_faults(risk: Sequence[Chosen[RiskModuleDeclaration[Any]]]) -> Iterator[tuple[str, str]]:
    """Refuse two modules that change the target: neither would know what the other one has made of it."""
    changing = [one.name for one in risk if one.declaration.changes_targets]

    if len(changing) > 1:
        tables = " and ".join(f"[risk.{name}]" for name in changing)
        yield "risk", f"{tables} both change the target: keep one of them"


def price_faults(
    sources: Sequence[Chosen[Any] | None], values: Mapping[str, Any], request: SourceRequest | None
) -> Iterator[tuple[str, str]]:
    """Let price sources say what they cannot give. Without a request they are not asked themselves."""
    for one in sources:
        if one is not None and isinstance(one.declaration, PriceSourceDeclaration):
            yield from source_faults(one.declaration, one.settings, values, request)
