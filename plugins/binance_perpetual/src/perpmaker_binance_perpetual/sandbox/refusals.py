"""The venue's error codes, its words for them, and which of them says that a parameter is wrong or an order rejected.

Source: the venue's error code page; HTTP 401 for keys, 429 and 418 for limits, 400 otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from perpmaker import Instrument
from perpmaker.venue.sandbox import ParameterRefusals, RefusalError, Rejection, RejectionError, plain

TEXTS: Final[Mapping[int, str]] = {
    -1003: "Too many requests; current limit of IP(127.0.0.1) is {limit} requests per minute. "
    "Please use the websocket for live updates to avoid polling the API.",
    -1015: "Too many new orders; current limit is {limit} orders per {interval}.",
    -1021: "Timestamp for this request is outside of the recvWindow.",
    -1022: "Signature for this request is not valid.",
    -1100: "Illegal characters found in parameter '{name}'; legal range is '{legal}'.",
    -1102: "Mandatory parameter '{name}' was not sent, was empty/null, or malformed.",
    -1104: "Not all sent parameters were read; read '{read}' parameter(s) but was sent '{sent}'.",
    -1105: "Parameter '{name}' was empty.",
    -1106: "Parameter '{name}' sent when not required.",
    -1111: "Precision is over the maximum defined for this asset.",
    -1115: "Invalid timeInForce.",
    -1116: "Invalid orderType.",
    -1117: "Invalid side.",
    -1120: "Invalid interval.",
    -1121: "Invalid symbol.",
    -1125: "This listenKey does not exist.",
    -1128: "Combination of optional parameters invalid.",
    -1130: "Data sent for parameter '{name}' is not valid.",
    -1131: "recvWindow must be less than 60000.",
    -1135: "Invalid JSON Request.",
    -2007: "Invalid callBack rate.",
    -2010: "New order rejected.",
    -2011: "Unknown order sent.",
    -2013: "Order does not exist.",
    -2014: "API-key format invalid.",
    -2015: "Invalid API-key, IP, or permissions for action.",
    -2019: "Margin is insufficient.",
    -2021: "Order would immediately trigger.",
    -2022: "ReduceOnly Order is rejected.",
    -2023: "User in liquidation mode now.",
    -2025: "Reach max open order limit.",
    -2027: "Exceeded the maximum allowable position at current leverage.",
    -2028: "Leverage is smaller than permitted: insufficient margin balance.",
    -4001: "Price less than 0.",
    -4002: "Price greater than max price.",
    -4003: "Quantity less than or equal to zero.",
    -4004: "Quantity less than min quantity.",
    -4005: "Quantity greater than max quantity.",
    -4013: "Price less than min price.",
    -4014: "Price not increased by tick size.",
    -4015: "Client order id is not valid.",
    -4016: "Limit price can't be higher than {limit}.",
    -4021: "Invalid depth limit.",
    -4023: "Qty not increased by step size.",
    -4024: "Limit price can't be lower than {limit}.",
    -4028: "Leverage {leverage} is not valid.",
    -4046: "No need to change margin type.",
    -4047: "Margin type cannot be changed if there exists open orders.",
    -4048: "Margin type cannot be changed if there exists position.",
    -4059: "No need to change position side.",
    -4061: "Order's position side does not match user's setting.",
    -4062: "Invalid or improper reduceOnly value.",
    -4067: "Position side cannot be changed if there exists open orders.",
    -4068: "Position side cannot be changed if there exists position.",
    -4116: "ClientOrderId is duplicated.",
    -4118: "ReduceOnly Order Failed. Please check your existing position and open orders.",
    -4120: "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead.",
    -4130: "An open stop or take profit order with GTE and closePosition in the direction is existing.",
    -4131: "The counterparty's best price does not meet the PERCENT_PRICE filter limit.",
    -4135: "Invalid activation price.",
    -4136: "Target strategy invalid for orderType '{type}',closePosition 'true'",
    -4161: "Leverage reduction is not supported in Isolated Margin Mode with open positions.",
    -4164: "Order's notional must be no smaller than {limit} (unless you choose reduce only).",
    -4168: "Unable to adjust to isolated-margin mode under the Multi-Assets mode.",
    -4171: "No need to change Multi-Assets mode.",
    -5021: "Due to the order could not be filled immediately, the FOK order has been rejected. "
    "The order will not be recorded in the order history.",
    -5022: "Due to the order could not be executed as maker, the Post Only order will be rejected. "
    "The order will not be recorded in the order history.",
    -5025: "Only limit order is supported.",
    -5026: "Exceed maximum modify order limit.",
    -5027: "No need to modify the order.",
    -5028: "Timestamp for this request is outside of the ME recvWindow.",
    -5029: "Order's notional must be no smaller than {limit}.",
    -5037: "Invalid price match.",
    -5038: "Price match only supports order type: LIMIT, STOP AND TAKE_PROFIT.",
    -5039: "Invalid self trade prevention mode.",
    -5040: "The goodTillDate timestamp must be greater than the current time plus 600 seconds "
    "and smaller than 253402300799000 (UTC 9999-12-31 23:59:59).",
    -5041: "No depth matches this BBO order.",
    -5043: "Exist pending modification.",
    -5047: "The original order is not a reduce-only order.",
}

STATUSES: Final[Mapping[int, int]] = {-2014: 401, -2015: 401, -1003: 429, -1015: 429}
UNFIT: Final[Mapping[str, int]] = {
    "side": -1117,
    "type": -1116,
    "timeInForce": -1115,
    "priceMatch": -5037,
    "selfTradePreventionMode": -5039,
}
"""Codes for words that a parameter cannot have; -1130 for the other parameters."""


GENERAL: Final[Mapping[Rejection, int]] = {
    Rejection.TICK: -4014,
    Rejection.PRICE_RANGE: -4002,
    Rejection.LOT: -4023,
    Rejection.MIN_AMOUNT: -4004,
    Rejection.MAX_AMOUNT: -4005,
    Rejection.MIN_NOTIONAL: -4164,
    Rejection.BAND_UP: -4016,
    Rejection.BAND_DOWN: -4024,
    Rejection.TOO_MANY_ORDERS: -2025,
    Rejection.DUPLICATE_ID: -4116,
    Rejection.POST_ONLY_WOULD_TAKE: -5022,
    Rejection.FOK_NOT_FILLABLE: -5021,
    Rejection.NO_LIQUIDITY: -4131,
    Rejection.MARKET_BAND: -4131,
    Rejection.REDUCE_ONLY: -2022,
    Rejection.REDUCE_ONLY_COMPETING: -4118,
    Rejection.REDUCE_ONLY_IN_HEDGE: -1106,
    Rejection.POSITION_SIDE: -4061,
    Rejection.INSUFFICIENT_MARGIN: -2019,
    Rejection.LEVERAGE_LIMIT: -2027,
    Rejection.LEVERAGE: -4028,
    Rejection.LEVERAGE_REDUCTION: -4161,
    Rejection.IN_LIQUIDATION: -2023,
    Rejection.WOULD_TRIGGER: -2021,
    Rejection.ACTIVATION: -4135,
    Rejection.UNKNOWN_ORDER: -2013,
    Rejection.NOT_AMENDABLE: -5025,
    Rejection.TOO_MANY_AMENDS: -5026,
    Rejection.UNCHANGED: -5027,
    Rejection.UNKNOWN_ACCOUNT: -2015,
}

SPECIAL: Final[Mapping[tuple[str, Rejection], int]] = {
    ("PUT", Rejection.MIN_NOTIONAL): -5029,
    ("DELETE", Rejection.UNKNOWN_ORDER): -2011,
    ("/fapi/v1/leverage", Rejection.INSUFFICIENT_MARGIN): -2028,
    ("/fapi/v1/marginType", Rejection.UNCHANGED): -4046,
    ("/fapi/v1/marginType", Rejection.OPEN_ORDERS): -4047,
    ("/fapi/v1/marginType", Rejection.OPEN_POSITION): -4048,
    ("/fapi/v1/positionSide/dual", Rejection.UNCHANGED): -4059,
    ("/fapi/v1/positionSide/dual", Rejection.OPEN_ORDERS): -4067,
    ("/fapi/v1/positionSide/dual", Rejection.OPEN_POSITION): -4068,
}
"""What is another code for a method than for the others, or for a path."""


def refusal(code: int, **values: object) -> RefusalError:
    """The refusal of this code in the venue's own words, with the values those words name."""
    return RefusalError(code, TEXTS[code].format(**values), status=STATUSES.get(code, 400))


def refuse_first(*faults: tuple[int, Callable[[], bool]], **values: object) -> None:
    """Refuse with the code of the first fault that is there; `values` are what its words name."""
    for code, is_there in faults:
        if is_there():
            raise refusal(code, **values)


def refusal_body(error: RefusalError) -> dict[str, object]:
    """The answer's JSON object."""
    return {"code": error.code, "msg": error.text}


def translate_rejection(error: RejectionError, method: str, path: str, instrument: Instrument) -> RefusalError:
    """The venue's refusal for the exchange's; -2010 with the exchange's words where the venue has no code for it."""
    codes = (SPECIAL.get((asked, error.rejection)) for asked in (path, method))
    code = next(filter(None, codes), GENERAL.get(error.rejection))

    if code is None:
        return RefusalError(-2010, f"{TEXTS[-2010][:-1]}: {error}")

    if code in {-4016, -4024, -4028}:
        return RefusalError(code, str(error))

    return refusal(code, limit=plain(instrument.min_notional), name="reduceonly")


PARAMETER_REFUSALS: Final = ParameterRefusals(
    missing=lambda name: refusal(-1102, name=name),
    empty=lambda name: refusal(-1105, name=name),
    malformed=lambda name, legal: refusal(-1100, name=name, legal=legal),
    unfit=lambda name: refusal(UNFIT.get(name, -1130), name=name),
    unread=lambda read, sent: refusal(-1104, read=read, sent=sent),
)
