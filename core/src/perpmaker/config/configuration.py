"""One file, one strategy on one market: everything that a run needs, checked against itself and the catalog."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs

from perpmaker.config.chosen import Chosen
from perpmaker.config.file import Document
from perpmaker.config.settings import RunSettings, SandboxSettings
from perpmaker.connector.interface import Environment
from perpmaker.connector.price_source import SourceRequest
from perpmaker.exits.settings import ExitSettings
from perpmaker.plugins.declarations import (
    DerivativeConnectorDeclaration,
    ObserverDeclaration,
    PriceSourceDeclaration,
    RiskModuleDeclaration,
    StrategyDeclaration,
)
from perpmaker.strategy.interface import StrategyTraits


@attrs.frozen(kw_only=True)
class Configuration:
    """A configuration without a fault.

    `risk` and `observers` are in the order of the file. `notes` are things worth saying.
    `traits` are those of the strategy as it is set, `external` is what price_source_derivative names; `source_request`
    is what the price source is asked for. `given` are the keys at the top of the file: what stands there was decided,
    the rest is default. `document` is the file as it was read, which tells the line of each key.
    """

    file: Path
    environment: Environment
    run: RunSettings
    strategy: Chosen[StrategyDeclaration[Any]]
    traits: StrategyTraits
    exits: ExitSettings
    connector: Chosen[DerivativeConnectorDeclaration[Any]]
    price_source: Chosen[PriceSourceDeclaration[Any]]
    external: Chosen[DerivativeConnectorDeclaration[Any]] | Chosen[PriceSourceDeclaration[Any]] | None
    source_request: SourceRequest
    risk: tuple[Chosen[RiskModuleDeclaration[Any]], ...]
    observers: tuple[Chosen[ObserverDeclaration[Any]], ...]
    sandbox: SandboxSettings
    notes: tuple[str, ...]
    given: frozenset[str]
    document: Document
