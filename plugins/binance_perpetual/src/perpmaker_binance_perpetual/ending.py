"""Why an order ended, or was placed by the venue itself, in Binance's own words and ours; pure."""

from __future__ import annotations

from perpmaker.model.order import CancelCause
from perpmaker_binance_perpetual.user_messages import OrderUpdate

IN_MATCH = "EXPIRED_IN_MATCH"
"""The status of an order that self-match prevention has ended."""

SELF_MATCH = "self-match prevention"

# `er` of ORDER_TRADE_UPDATE, from older documentation: 1, 3, 4, 5 and 7 are acted upon, the rest is shown to people.
_EXPIRY = {
    "1": SELF_MATCH,
    "2": "the rest of an immediate-or-cancel order",
    "3": "self-match prevention of an immediate-or-cancel order",
    "4": "knocked out by a reduce-only rule",
    "5": "liquidation",
    "7": "delisted",
    "9": "the rest of a market order",
}
_RULES = frozenset({"1", "3", "4", "7"})
_LIQUIDATION = "5"

_FORCED = {
    "autoclose-": "liquidation",
    "adl_autoclose": "auto-deleveraging",
    "settlement_autoclose-": "settlement",
    "delivery_autoclose-": "delivery",
}
"""What the venue does on its own account, by the beginning of the client id that it gives such an order."""

_FORCED_KINDS = {"LIQUIDATION": "liquidation", "ADL": "auto-deleveraging"}
_FORCED_STATUSES = {"NEW_INSURANCE": "liquidation", "NEW_ADL": "auto-deleveraging"}


def forced_by(client_id: str, kind: str = "", status: str = "") -> str:
    """What an order of the venue's own is for; empty for everybody else's."""
    by_id = next((what for prefix, what in _FORCED.items() if client_id.startswith(prefix)), "")

    return by_id or _FORCED_KINDS.get(kind, "") or _FORCED_STATUSES.get(status, "")


def cancel_cause(update: OrderUpdate) -> tuple[CancelCause, str]:
    """Who ended an order of the stream, and why, in words; by command nobody can tell whose."""
    if update.x == "CANCELED":
        return CancelCause.UNEXPLAINED, ""

    reason = str(update.er or "0")

    if update.x == "CALCULATED" or reason == _LIQUIDATION:
        return CancelCause.LIQUIDATION, forced_by(update.c, update.o) or _EXPIRY[_LIQUIDATION]

    if reason in _RULES or update.X == IN_MATCH:
        return CancelCause.RULE, _EXPIRY[reason] if reason in _RULES else SELF_MATCH

    return CancelCause.VENUE, _EXPIRY.get(reason, update.X.lower())
