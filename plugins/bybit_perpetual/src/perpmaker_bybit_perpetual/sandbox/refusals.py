"""The venue's return codes, its words for them, and which of them says what about a parameter or an order.

What the venue refuses is answered with HTTP 200 all the same, except where `status` says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from perpmaker import Instrument
from perpmaker.venue.sandbox import ParameterRefusals, RefusalError, Rejection, RejectionError, plain

TEXTS: Final[Mapping[int, str]] = {
    10001: "params error: {what}",
    10002: "invalid request, please check your server timestamp or recv_window param. "
    "req_timestamp[{asked}],server_timestamp[{now}],recv_window[{window}]",
    10003: "API key is invalid.",
    10004: "error sign! origin_string[{signed}]",
    10005: "Permission denied, please check your API key permissions.",
    10006: "Too many visits! You have exceeded the API rate limit of {limit} a second.",
    10017: "Route not found.",
    10018: "access too frequent",
    10404: "op type or category is not found.",
    20001: "Repeat auth",
    20006: "reqId is duplicated",
    34040: "not modified",
    110001: "order not exists or too late to {what}",
    110003: "Order price exceeds the allowable range.",
    110007: "ab not enough for new order",
    110008: "Order has already been finished or canceled.",
    110009: "The number of stop orders exceeds maximum allowable limit.",
    110010: "Order has already been canceled.",
    110012: "Insufficient available balance.",
    110013: "cannot set leverage due to risk limit level.",
    110017: "current position is zero, cannot fix reduce-only order qty",
    110020: "Not allowed to have more than {limit} active orders.",
    110023: "Currently you can only reduce positions on this contract.",
    110024: "You have an existing position, so the position mode cannot be switched.",
    110025: "Position mode is not modified",
    110028: "You have existing open orders, so the position mode cannot be switched.",
    110043: "leverage not modified",
    110058: "You can't set take profit and stop loss while orders that only reduce hold the whole position.",
    110059: "You can't change the stop of an order that is partly filled.",
    110064: "The modified quantity must be greater than the executed quantity.",
    110072: "OrderLinkedID is duplicate",
    110079: "The order is processing and can not be operated, please try again later.",
    110090: "Order placement failed as your position may exceed the max limit.",
    110092: "expect Rising, but trigger_price[{trigger}] <= current[{now}]",
    110093: "expect Falling, but trigger_price[{trigger}] >= current[{now}]",
    110094: "Order does not meet minimum order value {limit}",
}

GENERAL: Final[Mapping[Rejection, int]] = {
    Rejection.PRICE_RANGE: 110003,
    Rejection.MIN_NOTIONAL: 110094,
    Rejection.BAND_UP: 110003,
    Rejection.BAND_DOWN: 110003,
    Rejection.TOO_MANY_ORDERS: 110020,
    Rejection.DUPLICATE_ID: 110072,
    Rejection.REDUCE_ONLY: 110017,
    Rejection.REDUCE_ONLY_COMPETING: 110017,
    Rejection.INSUFFICIENT_MARGIN: 110007,
    Rejection.LEVERAGE_LIMIT: 110090,
    Rejection.IN_LIQUIDATION: 110023,
    Rejection.UNKNOWN_ORDER: 110001,
    Rejection.OPEN_ORDERS: 110028,
    Rejection.OPEN_POSITION: 110024,
    Rejection.UNKNOWN_ACCOUNT: 10003,
}
"""Codes for what the exchange rejects; 10001 with words for the rest."""

WORDS: Final[Mapping[Rejection, str]] = {
    Rejection.TICK: "the price is not a multiple of the tick size",
    Rejection.LOT: "Qty invalid",
    Rejection.MIN_AMOUNT: "The number of contracts below minimum limit allowed",
    Rejection.POSITION_SIDE: "position idx not match position mode",
    Rejection.LEVERAGE: "buy leverage invalid",
    Rejection.UNCHANGED: "The order remains unchanged as the parameters entered match the existing ones.",
}

SETTING: Final[Mapping[Rejection, int]] = {Rejection.LEVERAGE_LIMIT: 110013, Rejection.INSUFFICIENT_MARGIN: 110012}
"""What is another code where a setting is changed."""

NOT_FOUND: Final = 404
UNAUTHORIZED: Final = 401
FORBIDDEN: Final = 403
STATUSES: Final[Mapping[int, int]] = {10017: NOT_FOUND, 10018: FORBIDDEN}


def refusal(code: int, **values: object) -> RefusalError:
    """The refusal of this code in the venue's own words, with the values those words name."""
    return RefusalError(code, TEXTS[code].format(**values), status=STATUSES.get(code, 200))


def bad(what: str) -> RefusalError:
    """The refusal of parameters: one code for all of them, told apart by its text."""
    return refusal(10001, what=what)


def translate_rejection(error: RejectionError, instrument: Instrument, *, setting: bool = False) -> RefusalError:
    """The venue's refusal for the exchange's."""
    code = SETTING.get(error.rejection) if setting else None
    code = code or GENERAL.get(error.rejection)

    if code is None:
        return bad(WORDS.get(error.rejection, str(error)))

    limit = instrument.max_orders if error.rejection is Rejection.TOO_MANY_ORDERS else plain(instrument.min_notional)

    return refusal(code, limit=limit, what="cancel")


PARAMETER_REFUSALS: Final = ParameterRefusals(
    missing=lambda name: bad(f"{name} is required"),
    empty=lambda name: bad(f"{name} is empty"),
    malformed=lambda name, _legal: bad(f"{name} is no number"),
    unfit=lambda name: bad(f"{name} invalid"),
    unread=lambda read, sent: bad(f"{sent - read} parameters are not known"),
)
