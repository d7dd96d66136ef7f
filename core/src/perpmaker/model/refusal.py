"""A venue's no, and why: data that the core acts upon."""

from __future__ import annotations

from enum import unique

import attrs

from perpmaker.model.word import Word


@unique
class RefusalReason(Word):
    """Why a venue refused a command, where the core acts differently on it; everything else is OTHER."""

    POST_ONLY_WOULD_TAKE = "post_only_would_take"
    REDUCE_ONLY = "reduce_only"
    INSUFFICIENT_MARGIN = "insufficient_margin"
    FILTER = "filter"
    PRICE_BAND = "price_band"
    DUPLICATE_ID = "duplicate_id"
    NOT_FOUND = "not_found"
    RATE_LIMIT = "rate_limit"
    TOO_MANY_ORDERS = "too_many_orders"
    TIMESTAMP = "timestamp"
    AUTHENTICATION = "authentication"
    WOULD_TRIGGER = "would_trigger"
    STOP_EXISTS = "stop_exists"
    POSITION_MODE = "position_mode"
    UNCHANGED = "unchanged"
    AMEND_PENDING = "amend_pending"
    RESTRICTED = "restricted"
    LIQUIDATION = "liquidation"
    BUSY = "busy"
    OTHER = "other"


@attrs.frozen(kw_only=True)
class Refusal:
    """A venue's no: our reason, its own code and words (data, never markup).

    `retry_after_s`: for how long the venue takes nothing, where it said so; 0 where it did not.
    """

    reason: RefusalReason
    code: str = ""
    text: str = ""
    retry_after_s: float = 0.0
