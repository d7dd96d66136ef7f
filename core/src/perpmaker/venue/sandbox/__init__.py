"""The kit's sandbox half: what the sandboxes of venues are made of that no venue has for itself.

A sandbox composes these parts over the simulated exchange and adds its dialect: the venue's endpoints, texts and rules.
Unlike `perpmaker.venue`, this door imports at once what it names: only who serves a sandbox comes here.
"""

from __future__ import annotations

from perpmaker.model.instrument import (
    OrderMargin,
)
from perpmaker.sandbox.dialect import (
    Dialect,
    TestKeys,
)
from perpmaker.sandbox.latency import (
    AT_ONCE,
    DelayLine,
    Latency,
)
from perpmaker.simulation.event import (
    AccountCause,
    AccountChanged,
    ConditionalChanged,
    FundingSettled,
    LevelsChanged,
    OrderChanged,
    SettingsChanged,
    SimulationEvent,
    TradePrinted,
)
from perpmaker.simulation.exchange import (
    Exchange,
)
from perpmaker.simulation.order import (
    Cause,
    ConditionalOrder,
    ConditionalRequest,
    ConditionalState,
    Execution,
    OrderRequest,
    OrderState,
    SelfTrade,
    SimulatedOrder,
    StopCustoms,
    TimeInForce,
    TriggerKind,
    TriggerPrice,
)
from perpmaker.simulation.past_fundings import (
    PastFundings,
)
from perpmaker.simulation.rejection import (
    Rejection,
    RejectionError,
)
from perpmaker.simulation.rules import (
    MarketRules,
    tiers,
)
from perpmaker.simulation.statement import (
    AccountState,
    Depth,
    Income,
    OtherAsset,
    PositionState,
)
from perpmaker.venue.http_dialect import (
    Access,
)
from perpmaker.venue.sandbox.app import (
    ProtocolDialect,
    SandboxApp,
    SandboxParts,
)
from perpmaker.venue.sandbox.endpoints import (
    Cost,
    EndpointTable,
    ServedEndpoint,
)
from perpmaker.venue.sandbox.lagged_account import (
    LaggedAccount,
)
from perpmaker.venue.sandbox.notation import (
    Notation,
    digits_of,
    plain,
    rounded,
)
from perpmaker.venue.sandbox.options import (
    VenueOptions,
    natural,
    parse_options,
    seconds,
)
from perpmaker.venue.sandbox.parameters import (
    ParameterRefusals,
    RequestParameters,
    form_values,
    json_values,
)
from perpmaker.venue.sandbox.refusals import (
    RefusalError,
)
from perpmaker.venue.sandbox.request_counts import (
    Bans,
    CountRefusals,
    CountWindow,
    RequestCounts,
)
from perpmaker.venue.sandbox.signatures import (
    HmacChecker,
    SignatureChecker,
    find_checker,
)
from perpmaker.venue.sandbox.sockets import (
    Session,
    SocketHub,
    SocketRules,
)
from perpmaker.venue.sandbox.streams import (
    BookChanges,
    HeldEvents,
    Rhythms,
)
from perpmaker.venue.sandbox.trade_bars import (
    MINUTE_MS,
    Bar,
    TradeBars,
)
from perpmaker.venue.sandbox.venue_clock import (
    VenueClock,
    Window,
)
from perpmaker.wire.server import (
    Request,
    Response,
)
from perpmaker.wire.websocket import (
    WebSocket,
)

__all__ = [
    "AT_ONCE",
    "MINUTE_MS",
    "Access",
    "AccountCause",
    "AccountChanged",
    "AccountState",
    "Bans",
    "Bar",
    "BookChanges",
    "Cause",
    "ConditionalChanged",
    "ConditionalOrder",
    "ConditionalRequest",
    "ConditionalState",
    "Cost",
    "CountRefusals",
    "CountWindow",
    "DelayLine",
    "Depth",
    "Dialect",
    "EndpointTable",
    "Exchange",
    "Execution",
    "FundingSettled",
    "HeldEvents",
    "HmacChecker",
    "Income",
    "LaggedAccount",
    "Latency",
    "LevelsChanged",
    "MarketRules",
    "Notation",
    "OrderChanged",
    "OrderMargin",
    "OrderRequest",
    "OrderState",
    "OtherAsset",
    "ParameterRefusals",
    "PastFundings",
    "PositionState",
    "ProtocolDialect",
    "RefusalError",
    "Rejection",
    "RejectionError",
    "Request",
    "RequestCounts",
    "RequestParameters",
    "Response",
    "Rhythms",
    "SandboxApp",
    "SandboxParts",
    "SelfTrade",
    "ServedEndpoint",
    "Session",
    "SettingsChanged",
    "SignatureChecker",
    "SimulatedOrder",
    "SimulationEvent",
    "SocketHub",
    "SocketRules",
    "StopCustoms",
    "TestKeys",
    "TimeInForce",
    "TradeBars",
    "TradePrinted",
    "TriggerKind",
    "TriggerPrice",
    "VenueClock",
    "VenueOptions",
    "WebSocket",
    "Window",
    "digits_of",
    "find_checker",
    "form_values",
    "json_values",
    "natural",
    "parse_options",
    "plain",
    "rounded",
    "seconds",
    "tiers",
]
