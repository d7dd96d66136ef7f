"""The extension points: each says when it is called, what to hand over, and shows a whole plugin.

Every hook runs once, when the catalog is built, before a configuration is read. It only declares: nothing is read from
network, disk or environment. `register` takes one declaration and may be called any number of times.

::

    entry point of the group `perpmaker`
      -> imported
      -> `__plugin_api__` read, hooks compared with the ones below
      -> each hook called by itself -> register(declaration), checked
      -> the catalog: one name, one provider
      -> run: `open` or `build` of what the configuration names
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

import pluggy

from perpmaker.plugins.declarations import (
    DerivativeConnectorDeclaration,
    ObserverDeclaration,
    PriceSourceDeclaration,
    RiskModuleDeclaration,
    StrategyDeclaration,
)

PROJECT = "perpmaker"
PLUGIN_API = 1
"""What `__plugin_api__` of a plugin must be; raised when a hook or a declaration changes incompatibly."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

_Declared = TypeVar("_Declared")
Register: TypeAlias = Callable[[_Declared], None]


@hookspec
def register_derivative_connectors(register: Register[DerivativeConnectorDeclaration[Any]]) -> None:
    """Declare connectors to venues of perpetuals; called once, when the catalog is built.

    Hand over one `DerivativeConnectorDeclaration` per venue. `open(settings, context)` is called later, when a
    configuration names the connector, and yields a `DerivativeConnector` for as long as the run lasts.

    Example::

        from perpmaker import DerivativeConnectorDeclaration, hookimpl
        from perpmaker_moon.settings import Settings, open_moon

        __plugin_api__ = 1

        @hookimpl
        def register_derivative_connectors(register):
            register(DerivativeConnectorDeclaration(name="moon", summary="Moon", settings=Settings, open=open_moon))
    """


@hookspec
def register_price_sources(register: Register[PriceSourceDeclaration[Any]]) -> None:
    """Declare sources of the reference price; called once, when the catalog is built.

    Hand over one `PriceSourceDeclaration` per source, with the price types that it can answer, the default first.
    `open(settings, context)` is called later, when a configuration names the source as `price_source`.

    Example::

        from perpmaker import PriceSourceDeclaration, hookimpl
        from perpmaker_tide.source import Settings, open_tide

        __plugin_api__ = 1

        @hookimpl
        def register_price_sources(register):
            register(PriceSourceDeclaration(name="tide", summary="Tide", settings=Settings, open=open_tide))
    """


@hookspec
def register_risk_modules(register: Register[RiskModuleDeclaration[Any]]) -> None:
    """Declare modules that review quotes before they are sent; called once, when the catalog is built.

    Hand over one `RiskModuleDeclaration` per module. `build(settings, instrument)` is called later, for each table
    `[risk.NAME]` of the configuration, and returns a pure `RiskModule`.

    Example::

        from perpmaker import RiskModuleDeclaration, hookimpl
        from perpmaker_calm.module import Calm, Settings

        __plugin_api__ = 1

        @hookimpl
        def register_risk_modules(register):
            register(RiskModuleDeclaration(name="calm", summary="Calm", settings=Settings, build=Calm))
    """


@hookspec
def register_strategies(register: Register[StrategyDeclaration[Any]]) -> None:
    """Declare strategies; called once, when the catalog is built.

    Hand over one `StrategyDeclaration` per strategy; its settings are the keys at the top of the file.
    `build(settings, instrument)` is called later, when a configuration names it, and returns a pure `Strategy`.

    Example::

        from perpmaker import StrategyDeclaration, hookimpl
        from perpmaker_idle.strategy import Idle, Settings

        __plugin_api__ = 1

        @hookimpl
        def register_strategies(register):
            register(StrategyDeclaration(name="idle", summary="Idle", settings=Settings, build=Idle))
    """


@hookspec
def register_observers(register: Register[ObserverDeclaration[Any]]) -> None:
    """Declare observers, which are told what happens; called once, when the catalog is built.

    Hand over one `ObserverDeclaration` per observer. `build(settings, context)` is called later, for each table
    `[observers.NAME]` of the configuration, in a thread of its own, and returns something with `observe(happening)`.

    Example::

        from perpmaker import ObserverDeclaration, hookimpl
        from perpmaker_bell.observer import Bell, Settings

        __plugin_api__ = 1

        @hookimpl
        def register_observers(register):
            register(ObserverDeclaration(name="bell", summary="Bell", settings=Settings, build=Bell))
    """
