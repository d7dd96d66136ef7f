"""What a plugin hands to `register`: frozen, keyword-only values that only declare."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs

from perpmaker.connector.interface import ConnectorContext, DerivativeConnector, ReferenceReceiver
from perpmaker.model.instrument import Instrument
from perpmaker.risk.interface import RiskModule
from perpmaker.strategy.interface import Strategy

if TYPE_CHECKING:
    from perpmaker.sandbox.dialect import Dialect  # with it comes the simulated exchange, which declaring does not need


@attrs.frozen(kw_only=True)
class DerivativeConnectorDeclaration:
    """A venue's connector.

    `settings` is an attrs class, structured from the TOML table of this name. `open(settings, context)` is an
    async context manager that yields the connector. `sandbox()` imports and returns the venue's dialect for
    `perpmaker sandbox`; None where there is none. `hedge_mode`: whether the venue has Hedge positions.
    """

    name: str
    summary: str
    settings: type
    open: Callable[[Any, ConnectorContext], AbstractAsyncContextManager[DerivativeConnector]]
    sandbox: Callable[[], Dialect] | None = None
    hedge_mode: bool = True


@attrs.frozen(kw_only=True)
class PriceSourceDeclaration:
    """A price source. `open` is None only for `current_market`, which is derived from the traded book.

    `price_types` are the values of the key price_type that it can answer, the first being its default.
    """

    name: str
    summary: str
    settings: type
    open: Callable[[Any, ConnectorContext], AbstractAsyncContextManager[ReferenceReceiver]] | None
    price_types: tuple[str, ...]


@attrs.frozen(kw_only=True)
class RiskModuleDeclaration:
    """A risk module, pure: `build(settings, instrument)`; settings from the table `[risk.NAME]`."""

    name: str
    summary: str
    settings: type
    build: Callable[[Any, Instrument], RiskModule]


@attrs.frozen(kw_only=True)
class StrategyDeclaration:
    """A strategy, pure: `build(settings, instrument)`; settings from the top level of the file."""

    name: str
    summary: str
    settings: type
    build: Callable[[Any, Instrument], Strategy]


Declaration: TypeAlias = (
    DerivativeConnectorDeclaration | PriceSourceDeclaration | RiskModuleDeclaration | StrategyDeclaration
)
