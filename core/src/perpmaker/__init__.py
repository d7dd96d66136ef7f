"""Perpetual market making with plugins: everything that the author of a plugin needs, behind one door.

A plugin is a module (or any object) named by an entry point of the group `perpmaker`. It says which plugin API it
was written for and declares what it brings::

    from perpmaker import PriceSourceDeclaration, hookimpl

    __plugin_api__ = 1

    @hookimpl
    def register_price_sources(register):
        register(PriceSourceDeclaration(name="moon_phase", summary="...", settings=Settings, open=open_moon_phase))

Values (orders, events, instruments) are in `perpmaker.model`, bytes and sockets in `perpmaker.wire`, signers in
`perpmaker.secret`, what connectors are made of in `perpmaker.venue`, a venue's sandbox in `perpmaker.sandbox`. Each
name below is imported when it is first used, so that importing perpmaker costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from perpmaker.connector.interface import (
        Amending,
        AmendOrder,
        CancelOrder,
        ConnectorContext,
        DerivativeConnector,
        Environment,
        EventReceiver,
        Feed,
        ReferenceReceiver,
        SandboxAccess,
        SourceContext,
        SourceRequest,
    )
    from perpmaker.errors import (
        AuthenticationError,
        ConfigurationError,
        ConnectivityError,
        DeadlineError,
        MarketClosedError,
        MarketRulesError,
        PayloadError,
        PerpmakerError,
        PluginError,
        Problem,
        RateLimitedError,
        RefusedError,
        UnknownMarketError,
        VenueError,
    )
    from perpmaker.model.setting import CrossChecked, Pattern, Percent, Range
    from perpmaker.plugins.declarations import (
        Declaration,
        DerivativeConnectorDeclaration,
        PriceSourceDeclaration,
        RiskModuleDeclaration,
        StrategyDeclaration,
    )
    from perpmaker.plugins.hookspecs import Register, hookimpl
    from perpmaker.risk.interface import Approved, Refused, RiskModule, Verdict
    from perpmaker.state.view import View
    from perpmaker.strategy.interface import Strategy

__all__ = [
    "AmendOrder",
    "Amending",
    "Approved",
    "AuthenticationError",
    "CancelOrder",
    "ConfigurationError",
    "ConnectivityError",
    "ConnectorContext",
    "CrossChecked",
    "DeadlineError",
    "Declaration",
    "DerivativeConnector",
    "DerivativeConnectorDeclaration",
    "Environment",
    "EventReceiver",
    "Feed",
    "MarketClosedError",
    "MarketRulesError",
    "Pattern",
    "PayloadError",
    "Percent",
    "PerpmakerError",
    "PluginError",
    "PriceSourceDeclaration",
    "Problem",
    "Range",
    "RateLimitedError",
    "ReferenceReceiver",
    "Refused",
    "RefusedError",
    "Register",
    "RiskModule",
    "RiskModuleDeclaration",
    "SandboxAccess",
    "SourceContext",
    "SourceRequest",
    "Strategy",
    "StrategyDeclaration",
    "UnknownMarketError",
    "VenueError",
    "Verdict",
    "View",
    "hookimpl",
]

_ROOMS = {
    "connector.interface": (
        "AmendOrder",
        "Amending",
        "CancelOrder",
        "ConnectorContext",
        "DerivativeConnector",
        "Environment",
        "EventReceiver",
        "Feed",
        "ReferenceReceiver",
        "SandboxAccess",
        "SourceContext",
        "SourceRequest",
    ),
    "plugins.declarations": (
        "Declaration",
        "DerivativeConnectorDeclaration",
        "PriceSourceDeclaration",
        "RiskModuleDeclaration",
        "StrategyDeclaration",
    ),
    "errors": (
        "AuthenticationError",
        "ConfigurationError",
        "ConnectivityError",
        "DeadlineError",
        "MarketClosedError",
        "MarketRulesError",
        "PayloadError",
        "PerpmakerError",
        "PluginError",
        "Problem",
        "RateLimitedError",
        "RefusedError",
        "UnknownMarketError",
        "VenueError",
    ),
    "plugins.hookspecs": ("Register", "hookimpl"),
    "model.setting": ("CrossChecked", "Pattern", "Percent", "Range"),
    "risk.interface": ("Approved", "Refused", "RiskModule", "Verdict"),
    "state.view": ("View",),
    "strategy.interface": ("Strategy",),
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}


def __getattr__(name: str) -> object:
    """Import the room that a public name lives in, and keep the name."""
    room = _ROOM_OF.get(name)

    if room is None:
        raise AttributeError(f"module 'perpmaker' has no attribute {name!r}")

    value = getattr(import_module(f"perpmaker.{room}"), name)
    globals()[name] = value

    return value


def __dir__() -> list[str]:
    """The public names, as `__all__` has them."""
    return sorted([*globals(), *__all__])
