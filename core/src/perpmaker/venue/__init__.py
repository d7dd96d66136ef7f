"""The door for authors of connectors: the contract with its values, and the kit that connectors are made of.

A connector composes the parts of the kit and adds its dialect: the venue's words, numbers and rules. What price sources
and risk modules need too, and every error, is in `perpmaker`; what a venue's sandbox is made of in
`perpmaker.venue.sandbox`. Each name below is imported when it is first used, so that a plugin can be declared without a
network library.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from perpmaker.connector.abilities import (
        AccountRemarks,
        Amending,
        AttachedStops,
        DeadManSwitch,
        ExpiringQuotes,
        FundingHistory,
        KeyPermissions,
        KeyRights,
        PriceReading,
        SettingsReading,
        Timekeeping,
        UnguardedStops,
        VenueStops,
        VenueTargets,
        VenueTime,
    )
    from perpmaker.connector.bench import Bench
    from perpmaker.connector.interface import (
        AmendOrder,
        BeginRun,
        CancelOrder,
        ConnectorContext,
        DerivativeConnector,
        Environment,
        EventReceiver,
        Feed,
        IdScheme,
        SandboxAccess,
    )
    from perpmaker.connector.payload import (
        Id,
        Millis,
        Number,
        PayloadDecoder,
        is_json,
        parse_amount,
        parse_decimal,
        parse_price,
        parser,
    )
    from perpmaker.connector.probing import Conclusion, Experiment, Finding, InconclusiveError
    from perpmaker.connector.shared import (
        in_common,
    )
    from perpmaker.connector.tape import Tape
    from perpmaker.model.account import AccountSnapshot, AssetMode
    from perpmaker.model.client_id import ClientIds, is_own_id
    from perpmaker.model.event import (
        AccountEvent,
        BalanceReported,
        BookChanged,
        BookLost,
        BookSnapshot,
        Channel,
        Event,
        FeedAlive,
        FundingPaid,
        MarkChanged,
        MarketEvent,
        OrderAmended,
        OrderCancelled,
        OrderFilled,
        OrderReported,
        PositionReported,
        SettingsReported,
        Traded,
    )
    from perpmaker.model.forced_closure import MarginCalled
    from perpmaker.model.income import IncomeKind, IncomeRecord
    from perpmaker.model.instrument import MarginTier
    from perpmaker.model.order import CancelCause, Fill, OrderStatus, PositionMode, StopTrigger
    from perpmaker.model.outcome import Accepted, Outcome, Rejected, Unknown
    from perpmaker.model.position import Balance, MarginMode, VenueSettings
    from perpmaker.model.refusal import Refusal, RefusalReason
    from perpmaker.secret import Signer
    from perpmaker.venue.access import VenueAccess, open_access
    from perpmaker.venue.address import (
        HTTP_SCHEMES,
        WEBSOCKET_SCHEMES,
        IPAddress,
        is_allowed_base,
        is_this_machine,
        literal_address,
        stream_base,
    )
    from perpmaker.venue.answer import (
        Answer,
        Failure,
        LateAnswerError,
        LostAnswerError,
        NotSentError,
        error_of,
        one_line,
    )
    from perpmaker.venue.api_key_connector import ApiKeyConnector
    from perpmaker.venue.book_sync import BookSync
    from perpmaker.venue.captured_book import CapturedBook, CapturedMarket
    from perpmaker.venue.command_socket import CommandSocket, SocketWords
    from perpmaker.venue.declared_stream import BookUpdate, Stream
    from perpmaker.venue.declared_venue import DeclaredConnector, Venue
    from perpmaker.venue.experiments import stop_beside_target, stop_meets_own_quote, stop_when_flat, switch_takes_stops
    from perpmaker.venue.history import Page, Span, read_history
    from perpmaker.venue.http_dialect import (
        Access,
        Endpoint,
        HttpDialect,
        Parameters,
        Throttle,
        ThrottleDialect,
        UsageDialect,
    )
    from perpmaker.venue.json_http import JsonHttp
    from perpmaker.venue.key_settings import Address, ApiKeySettings
    from perpmaker.venue.keys import Credentials, KeySettings, key_fault, open_credentials
    from perpmaker.venue.levels import Levels, LevelTranslator, TicksAndLots
    from perpmaker.venue.market_settings import SettingsClient, apply_settings, check_leverage, check_settings
    from perpmaker.venue.number_ids import NumberIds, numbers_of, open_number_ids
    from perpmaker.venue.order_client import AmendDialect, Command, CommandSender, OrderClient, OrderDialect, OrderNames
    from perpmaker.venue.order_outcome import Element, OutcomeReader, Taken, amended, cancelled, placed
    from perpmaker.venue.receiver import (
        Chore,
        Message,
        Messages,
        RecurringChore,
        SnapshotChore,
        StreamEndedError,
        TranslatingReceiver,
    )
    from perpmaker.venue.reconnect_overlap import open_overlapping
    from perpmaker.venue.request_budget import Limit, RequestBudget
    from perpmaker.venue.rest_client import RestClient, open_rest_client, side_by_side
    from perpmaker.venue.rows import RowReader, Rows
    from perpmaker.venue.server_clock import ServerClock
    from perpmaker.venue.steps import (
        exact_ticks,
        find_market,
        lookup,
        order_sizes,
        order_terms,
        order_ticks,
        shown_lots,
        trade_terms,
    )
    from perpmaker.venue.stream import (
        StreamFeed,
        StreamReply,
        StreamRequest,
        StreamSpec,
        Translation,
        begin_receiving,
        open_stream,
    )
    from perpmaker.venue.stream_events import account_events, events_of
    from perpmaker.venue.taped import RenewalChore
    from perpmaker.venue.tolerance import Tolerance, UnknownMessageError
    from perpmaker.venue.venue_words import OrderLists, Question
    from perpmaker.wire.exchange import Exchanger, Incoming, Outgoing
    from perpmaker.wire.http import WireTransport, open_client, origin_of
    from perpmaker.wire.pipe import Connect, Resolve, secure
    from perpmaker.wire.rate_limit import parse_retry_after

__all__ = [
    "HTTP_SCHEMES",
    "WEBSOCKET_SCHEMES",
    "Accepted",
    "Access",
    "AccountEvent",
    "AccountRemarks",
    "AccountSnapshot",
    "Address",
    "AmendDialect",
    "AmendOrder",
    "Amending",
    "Answer",
    "ApiKeyConnector",
    "ApiKeySettings",
    "AssetMode",
    "AttachedStops",
    "Balance",
    "BalanceReported",
    "BeginRun",
    "Bench",
    "BookChanged",
    "BookLost",
    "BookSnapshot",
    "BookSync",
    "BookUpdate",
    "CancelCause",
    "CancelOrder",
    "CapturedBook",
    "CapturedMarket",
    "Channel",
    "Chore",
    "ClientIds",
    "Command",
    "CommandSender",
    "CommandSocket",
    "Conclusion",
    "Connect",
    "ConnectorContext",
    "Credentials",
    "DeadManSwitch",
    "DeclaredConnector",
    "DerivativeConnector",
    "Element",
    "Endpoint",
    "Environment",
    "Event",
    "EventReceiver",
    "Exchanger",
    "Experiment",
    "ExpiringQuotes",
    "Failure",
    "Feed",
    "FeedAlive",
    "Fill",
    "Finding",
    "FundingHistory",
    "FundingPaid",
    "HttpDialect",
    "IPAddress",
    "Id",
    "IdScheme",
    "IncomeKind",
    "IncomeRecord",
    "Incoming",
    "InconclusiveError",
    "JsonHttp",
    "KeyPermissions",
    "KeyRights",
    "KeySettings",
    "LateAnswerError",
    "LevelTranslator",
    "Levels",
    "Limit",
    "LostAnswerError",
    "MarginCalled",
    "MarginMode",
    "MarginTier",
    "MarkChanged",
    "MarketEvent",
    "Message",
    "Messages",
    "Millis",
    "NotSentError",
    "Number",
    "NumberIds",
    "OrderAmended",
    "OrderCancelled",
    "OrderClient",
    "OrderDialect",
    "OrderFilled",
    "OrderLists",
    "OrderNames",
    "OrderReported",
    "OrderStatus",
    "Outcome",
    "OutcomeReader",
    "Outgoing",
    "Page",
    "Parameters",
    "PayloadDecoder",
    "PositionMode",
    "PositionReported",
    "PriceReading",
    "Question",
    "RecurringChore",
    "Refusal",
    "RefusalReason",
    "Rejected",
    "RenewalChore",
    "RequestBudget",
    "Resolve",
    "RestClient",
    "RowReader",
    "Rows",
    "SandboxAccess",
    "ServerClock",
    "SettingsClient",
    "SettingsReading",
    "SettingsReported",
    "Signer",
    "SnapshotChore",
    "SocketWords",
    "Span",
    "StopTrigger",
    "Stream",
    "StreamEndedError",
    "StreamFeed",
    "StreamReply",
    "StreamRequest",
    "StreamSpec",
    "Taken",
    "Tape",
    "Throttle",
    "ThrottleDialect",
    "TicksAndLots",
    "Timekeeping",
    "Tolerance",
    "Traded",
    "TranslatingReceiver",
    "Translation",
    "UnguardedStops",
    "Unknown",
    "UnknownMessageError",
    "UsageDialect",
    "Venue",
    "VenueAccess",
    "VenueSettings",
    "VenueStops",
    "VenueTargets",
    "VenueTime",
    "WireTransport",
    "account_events",
    "amended",
    "apply_settings",
    "begin_receiving",
    "cancelled",
    "check_leverage",
    "check_settings",
    "error_of",
    "events_of",
    "exact_ticks",
    "find_market",
    "in_common",
    "is_allowed_base",
    "is_json",
    "is_own_id",
    "is_this_machine",
    "key_fault",
    "literal_address",
    "lookup",
    "numbers_of",
    "one_line",
    "open_access",
    "open_client",
    "open_credentials",
    "open_number_ids",
    "open_overlapping",
    "open_rest_client",
    "open_stream",
    "order_sizes",
    "order_terms",
    "order_ticks",
    "origin_of",
    "parse_amount",
    "parse_decimal",
    "parse_price",
    "parse_retry_after",
    "parser",
    "placed",
    "read_history",
    "secure",
    "shown_lots",
    "side_by_side",
    "stop_beside_target",
    "stop_meets_own_quote",
    "stop_when_flat",
    "stream_base",
    "switch_takes_stops",
    "trade_terms",
]

_HOMES = {
    "connector.abilities": (
        "AccountRemarks Amending AttachedStops DeadManSwitch ExpiringQuotes FundingHistory KeyPermissions "
        "KeyRights PriceReading SettingsReading Timekeeping UnguardedStops VenueStops VenueTargets "
        "VenueTime"
    ),
    "connector.interface": (
        "AmendOrder BeginRun CancelOrder ConnectorContext DerivativeConnector Environment EventReceiver Feed "
        "IdScheme SandboxAccess"
    ),
    "connector.bench": "Bench",
    "connector.shared": "in_common",
    "connector.tape": "Tape",
    "connector.probing": "Conclusion Experiment Finding InconclusiveError",
    "connector.payload": "Id Millis Number PayloadDecoder is_json parse_amount parse_decimal parse_price parser",
    "model.account": "AccountSnapshot AssetMode",
    "model.client_id": "ClientIds is_own_id",
    "model.event": (
        "AccountEvent BalanceReported BookChanged BookLost BookSnapshot Channel Event FeedAlive FundingPaid "
        "MarkChanged MarketEvent OrderAmended OrderCancelled OrderFilled OrderReported PositionReported "
        "SettingsReported Traded"
    ),
    "model.forced_closure": "MarginCalled",
    "model.income": "IncomeKind IncomeRecord",
    "model.instrument": "MarginTier",
    "model.order": "CancelCause Fill OrderStatus PositionMode StopTrigger",
    "model.outcome": "Accepted Outcome Rejected Unknown",
    "model.position": "Balance MarginMode VenueSettings",
    "model.refusal": "Refusal RefusalReason",
    "secret": "Signer",
    "venue.access": "VenueAccess open_access",
    "venue.address": (
        "HTTP_SCHEMES IPAddress WEBSOCKET_SCHEMES is_allowed_base is_this_machine literal_address stream_base"
    ),
    "venue.answer": "Answer Failure LateAnswerError LostAnswerError NotSentError error_of one_line",
    "venue.book_sync": "BookSync",
    "venue.captured_book": "CapturedBook CapturedMarket",
    "venue.command_socket": "CommandSocket SocketWords",
    "venue.experiments": "stop_beside_target stop_meets_own_quote stop_when_flat switch_takes_stops",
    "venue.history": "Page Span read_history",
    "venue.http_dialect": "Access Endpoint HttpDialect Parameters Throttle ThrottleDialect UsageDialect",
    "venue.key_settings": "Address ApiKeySettings",
    "venue.keys": "Credentials KeySettings key_fault open_credentials",
    "venue.levels": "LevelTranslator Levels TicksAndLots",
    "venue.market_settings": "SettingsClient apply_settings check_leverage check_settings",
    "venue.number_ids": "NumberIds numbers_of open_number_ids",
    "venue.order_client": "AmendDialect Command CommandSender OrderClient OrderDialect OrderNames",
    "venue.order_outcome": "Element OutcomeReader Taken amended cancelled placed",
    "venue.receiver": "Chore Message Messages RecurringChore SnapshotChore StreamEndedError TranslatingReceiver",
    "venue.reconnect_overlap": "open_overlapping",
    "venue.request_budget": "Limit RequestBudget",
    "venue.rest_client": "RestClient open_rest_client side_by_side",
    "venue.rows": "RowReader Rows",
    "venue.server_clock": "ServerClock",
    "venue.steps": "exact_ticks find_market lookup order_sizes order_terms order_ticks shown_lots trade_terms",
    "venue.stream": "StreamFeed StreamReply StreamRequest StreamSpec Translation begin_receiving open_stream",
    "venue.stream_events": "account_events events_of",
    "venue.taped": "RenewalChore",
    "venue.tolerance": "Tolerance UnknownMessageError",
    "venue.json_http": "JsonHttp",
    "venue.api_key_connector": "ApiKeyConnector",
    "venue.declared_stream": "BookUpdate Stream",
    "venue.declared_venue": "DeclaredConnector Venue",
    "venue.venue_words": "OrderLists Question",
    "wire.exchange": "Exchanger Incoming Outgoing",
    "wire.http": "WireTransport open_client origin_of",
    "wire.pipe": "Connect Resolve secure",
    "wire.rate_limit": "parse_retry_after",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> object:
    """Import the module that a public name lives in, and keep the name."""
    home = _HOME_OF.get(name)

    if home is None:
        raise AttributeError(f"module 'perpmaker.venue' has no attribute {name!r}")

    value = getattr(import_module(f"perpmaker.{home}"), name)
    globals()[name] = value

    return value


def __dir__() -> list[str]:
    """The public names, as `__all__` has them."""
    return sorted([*globals(), *__all__])
