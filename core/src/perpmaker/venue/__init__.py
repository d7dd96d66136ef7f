"""The venue kit: what connectors are made of that no venue has for itself.

A connector composes these parts and adds its dialect: the venue's words, numbers and rules. Each name below is imported
when it is first used, so that a plugin can be declared without a network library.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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
    from perpmaker.venue.book_sync import BookSync
    from perpmaker.venue.captured_book import CapturedBook
    from perpmaker.venue.history import Page, Span, read_history
    from perpmaker.venue.http_dialect import Access, Endpoint, HttpDialect, Parameters, Throttle
    from perpmaker.venue.keys import Credentials, KeySettings, key_fault, open_credentials
    from perpmaker.venue.levels import Levels, LevelTranslator, TicksAndLots
    from perpmaker.venue.market_settings import SettingsClient, apply_settings, check_leverage
    from perpmaker.venue.order_client import Command, OrderClient, OrderDialect, OrderNames
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
    from perpmaker.venue.steps import exact_ticks, lookup, order_sizes, order_ticks, shown_lots
    from perpmaker.venue.stream import (
        StreamFeed,
        StreamReply,
        StreamRequest,
        StreamSpec,
        Translation,
        begin_receiving,
        open_stream,
    )
    from perpmaker.venue.tolerance import Tolerance, UnknownMessageError

__all__ = [
    "HTTP_SCHEMES",
    "WEBSOCKET_SCHEMES",
    "Access",
    "Answer",
    "BookSync",
    "CapturedBook",
    "Chore",
    "Command",
    "Credentials",
    "Element",
    "Endpoint",
    "Failure",
    "HttpDialect",
    "IPAddress",
    "KeySettings",
    "LateAnswerError",
    "LevelTranslator",
    "Levels",
    "Limit",
    "LostAnswerError",
    "Message",
    "Messages",
    "NotSentError",
    "OrderClient",
    "OrderDialect",
    "OrderNames",
    "OutcomeReader",
    "Page",
    "Parameters",
    "RecurringChore",
    "RequestBudget",
    "RestClient",
    "RowReader",
    "Rows",
    "ServerClock",
    "SettingsClient",
    "SnapshotChore",
    "Span",
    "StreamEndedError",
    "StreamFeed",
    "StreamReply",
    "StreamRequest",
    "StreamSpec",
    "Taken",
    "Throttle",
    "TicksAndLots",
    "Tolerance",
    "TranslatingReceiver",
    "Translation",
    "UnknownMessageError",
    "amended",
    "apply_settings",
    "begin_receiving",
    "cancelled",
    "check_leverage",
    "error_of",
    "exact_ticks",
    "is_allowed_base",
    "is_this_machine",
    "key_fault",
    "literal_address",
    "lookup",
    "one_line",
    "open_credentials",
    "open_overlapping",
    "open_rest_client",
    "open_stream",
    "order_sizes",
    "order_ticks",
    "placed",
    "read_history",
    "shown_lots",
    "side_by_side",
    "stream_base",
]

_MODULES = (
    *("address", "keys", "levels", "steps", "server_clock", "tolerance", "book_sync", "history", "market_settings"),
    *("captured_book", "request_budget", "rows", "answer", "http_dialect", "order_outcome", "receiver"),
    *("reconnect_overlap", "rest_client", "order_client", "stream"),
)
"""Where names are looked for: what needs a network library comes last."""


def __getattr__(name: str) -> object:
    """Import the module that a public name lives in, and keep the name."""
    if name in __all__:
        for module in _MODULES:
            found = vars(import_module(f"perpmaker.venue.{module}"))

            if name in found:
                globals()[name] = found[name]

                return found[name]

    raise AttributeError(f"module 'perpmaker.venue' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the public names, as `__all__` has them."""
    return sorted([*globals(), *__all__])
