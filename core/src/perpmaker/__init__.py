"""Perpetual market making with plugins: everything that the author of a plugin needs, behind one door.

A plugin is a module (or any object) named by an entry point of the group `perpmaker`. It says which plugin API it
was written for and declares what it brings::

    from perpmaker import PriceSourceDeclaration, hookimpl

    __plugin_api__ = 1

    @hookimpl
    def register_price_sources(register):
        register(PriceSourceDeclaration(name="moon_phase", summary="...", settings=Settings, open=open_moon_phase))

What connectors and their sandboxes are made of is in `perpmaker.venue`, what tests of plugins need in
`perpmaker.testing`. Each name below is imported when it is first used, so that importing perpmaker costs next to
nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from perpmaker.clock import (
        Clock,
    )
    from perpmaker.connector.price_source import (
        ReferenceReceiver,
        SourceContext,
        SourceRequest,
        TradedMarket,
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
    from perpmaker.model.account import (
        AccountFacts,
    )
    from perpmaker.model.event import (
        ReferenceChanged,
    )
    from perpmaker.model.funding import (
        Funding,
    )
    from perpmaker.model.instrument import (
        Instrument,
    )
    from perpmaker.model.margin import (
        bound_notional,
        liquidation_price,
        maintenance_margin,
    )
    from perpmaker.model.order import NewOrder, OrderKind, OrderReport, OrderType, PositionSide, Side, Slot
    from perpmaker.model.position import (
        Position,
    )
    from perpmaker.model.quote import (
        Quote,
        Reason,
        Rule,
        TargetFactors,
        Wake,
        Wanted,
        Withheld,
    )
    from perpmaker.model.setting import (
        CrossChecked,
        Pattern,
        Percent,
        Range,
    )
    from perpmaker.model.working_order import WorkingOrder
    from perpmaker.plugins.declarations import (
        Declaration,
        DerivativeConnectorDeclaration,
        ObserverDeclaration,
        PriceSourceDeclaration,
        RiskModuleDeclaration,
        StrategyDeclaration,
    )
    from perpmaker.plugins.hookspecs import (
        Register,
        hookimpl,
    )
    from perpmaker.plugins.observer import (
        Happening,
        Observer,
        ObserverContext,
    )
    from perpmaker.risk.interface import (
        Approved,
        Demand,
        DemandKind,
        Refused,
        RiskModule,
        RiskRequest,
        Verdict,
    )
    from perpmaker.state.view import (
        BookView,
        View,
    )
    from perpmaker.strategy.interface import (
        Strategy,
        StrategyTraits,
    )

__all__ = [
    "AccountFacts",
    "Approved",
    "AuthenticationError",
    "BookView",
    "Clock",
    "ConfigurationError",
    "ConnectivityError",
    "CrossChecked",
    "DeadlineError",
    "Declaration",
    "Demand",
    "DemandKind",
    "DerivativeConnectorDeclaration",
    "Funding",
    "Happening",
    "Instrument",
    "MarketClosedError",
    "MarketRulesError",
    "NewOrder",
    "Observer",
    "ObserverContext",
    "ObserverDeclaration",
    "OrderKind",
    "OrderReport",
    "OrderType",
    "Pattern",
    "PayloadError",
    "Percent",
    "PerpmakerError",
    "PluginError",
    "Position",
    "PositionSide",
    "PriceSourceDeclaration",
    "Problem",
    "Quote",
    "Range",
    "RateLimitedError",
    "Reason",
    "ReferenceChanged",
    "ReferenceReceiver",
    "Refused",
    "RefusedError",
    "Register",
    "RiskModule",
    "RiskModuleDeclaration",
    "RiskRequest",
    "Rule",
    "Side",
    "Slot",
    "SourceContext",
    "SourceRequest",
    "Strategy",
    "StrategyDeclaration",
    "StrategyTraits",
    "TargetFactors",
    "TradedMarket",
    "UnknownMarketError",
    "VenueError",
    "Verdict",
    "View",
    "Wake",
    "Wanted",
    "Withheld",
    "WorkingOrder",
    "bound_notional",
    "hookimpl",
    "liquidation_price",
    "maintenance_margin",
]

_HOMES = {
    "clock": "Clock",
    "connector.price_source": "ReferenceReceiver SourceContext SourceRequest TradedMarket",
    "errors": (
        "AuthenticationError ConfigurationError ConnectivityError DeadlineError MarketClosedError "
        "MarketRulesError PayloadError PerpmakerError PluginError Problem RateLimitedError RefusedError "
        "UnknownMarketError VenueError"
    ),
    "model.account": "AccountFacts",
    "model.event": "ReferenceChanged",
    "model.funding": "Funding",
    "model.instrument": "Instrument",
    "model.margin": "bound_notional liquidation_price maintenance_margin",
    "model.order": "NewOrder OrderKind OrderReport OrderType PositionSide Side Slot",
    "model.position": "Position",
    "model.quote": "Quote Reason Rule TargetFactors Wake Wanted Withheld",
    "model.setting": "CrossChecked Pattern Percent Range",
    "model.working_order": "WorkingOrder",
    "plugins.declarations": (
        "Declaration DerivativeConnectorDeclaration ObserverDeclaration PriceSourceDeclaration RiskModuleDeclaration "
        "StrategyDeclaration"
    ),
    "plugins.hookspecs": "Register hookimpl",
    "plugins.observer": "Happening Observer ObserverContext",
    "risk.interface": "Approved Demand DemandKind Refused RiskModule RiskRequest Verdict",
    "state.view": "BookView View",
    "strategy.interface": "Strategy StrategyTraits",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> object:
    """Import the module that a public name lives in, and keep the name."""
    home = _HOME_OF.get(name)

    if home is None:
        raise AttributeError(f"module 'perpmaker' has no attribute {name!r}")

    value = getattr(import_module(f"perpmaker.{home}"), name)
    globals()[name] = value

    return value


def __dir__() -> list[str]:
    """The public names, as `__all__` has them."""
    return sorted([*globals(), *__all__])
