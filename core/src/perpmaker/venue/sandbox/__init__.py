"""The kit's sandbox half: what the sandboxes of venues are made of that no venue has for itself.

A sandbox composes these parts over the simulated exchange and adds its dialect: the venue's endpoints, texts and rules.
Unlike `perpmaker.venue`, this door imports at once what it names: only who serves a sandbox comes here.
"""

from __future__ import annotations

from perpmaker.venue.http_dialect import Access
from perpmaker.venue.sandbox.app import ProtocolDialect, SandboxApp, SandboxParts
from perpmaker.venue.sandbox.endpoints import Cost, EndpointTable, ServedEndpoint
from perpmaker.venue.sandbox.lagged_account import LaggedAccount
from perpmaker.venue.sandbox.notation import Notation, digits_of, plain, rounded
from perpmaker.venue.sandbox.options import VenueOptions, natural, parse_options, seconds
from perpmaker.venue.sandbox.parameters import ParameterRefusals, Parameters, form_values, json_values
from perpmaker.venue.sandbox.refusals import RefusalError
from perpmaker.venue.sandbox.request_counts import Bans, CountRefusals, CountWindow, RequestCounts
from perpmaker.venue.sandbox.signatures import HmacChecker, SignatureChecker, find_checker
from perpmaker.venue.sandbox.sockets import Session, SocketHub, SocketRules
from perpmaker.venue.sandbox.streams import BookChanges, HeldEvents, Rhythms
from perpmaker.venue.sandbox.venue_clock import VenueClock, Window

__all__ = [
    "Access",
    "Bans",
    "BookChanges",
    "Cost",
    "CountRefusals",
    "CountWindow",
    "EndpointTable",
    "HeldEvents",
    "HmacChecker",
    "LaggedAccount",
    "Notation",
    "ParameterRefusals",
    "Parameters",
    "ProtocolDialect",
    "RefusalError",
    "RequestCounts",
    "Rhythms",
    "SandboxApp",
    "SandboxParts",
    "ServedEndpoint",
    "Session",
    "SignatureChecker",
    "SocketHub",
    "SocketRules",
    "VenueClock",
    "VenueOptions",
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
]
