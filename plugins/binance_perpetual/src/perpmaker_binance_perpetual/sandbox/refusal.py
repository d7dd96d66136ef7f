"""The venue's error codes, its words for them, and the answer that carries them.

Source: the venue's error code page; HTTP 401 for keys, 429 and 418 for limits, 503 while it is too busy, 400 otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

TEXTS: Final[Mapping[int, str]] = {
    -1000: "An unknown error occurred while processing the request.",
    -1003: "Too many requests; current limit of IP(127.0.0.1) is {limit} requests per minute. "
    "Please use the websocket for live updates to avoid polling the API.",
    -1008: "Server is currently overloaded with other requests. Please try again in a few minutes.",
    -1015: "Too many new orders; current limit is {limit} orders per {interval}.",
    -1021: "Timestamp for this request is outside of the recvWindow.",
    -1022: "Signature for this request is not valid.",
    -1100: "Illegal characters found in parameter '{name}'; legal range is '{legal}'.",
    -1101: "Too many parameters; expected '{limit}' and received '{count}'.",
    -1102: "Mandatory parameter '{name}' was not sent, was empty/null, or malformed.",
    -1103: "An unknown parameter was sent.",
    -1104: "Not all sent parameters were read; read '{read}' parameter(s) but was sent '{sent}'.",
    -1105: "Parameter '{name}' was empty.",
    -1106: "Parameter '{name}' sent when not required.",
    -1111: "Precision is over the maximum defined for this asset.",
    -1115: "Invalid timeInForce.",
    -1116: "Invalid orderType.",
    -1117: "Invalid side.",
    -1121: "Invalid symbol.",
    -1125: "This listenKey does not exist.",
    -1128: "Combination of optional parameters invalid.",
    -1130: "Data sent for parameter '{name}' is not valid.",
    -1131: "recvWindow must be less than 60000.",
    -2007: "Invalid callBack rate.",
    -2010: "New order rejected.",
    -2011: "Unknown order sent.",
    -2013: "Order does not exist.",
    -2014: "API-key format invalid.",
    -2015: "Invalid API-key, IP, or permissions for action.",
    -2018: "Balance is insufficient.",
    -2019: "Margin is insufficient.",
    -2020: "Unable to fill.",
    -2021: "Order would immediately trigger.",
    -2022: "ReduceOnly Order is rejected.",
    -2023: "User in liquidation mode now.",
    -2025: "Reach max open order limit.",
    -2026: "This OrderType is not supported when reduceOnly.",
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
    -5024: "Symbol is not in trading status. Order amendment is not permitted.",
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
    -5043: "Exist pending modification.",
    -5047: "The original order is not a reduce-only order.",
    -5041: "No depth matches this BBO order.",
}

STATUS_401: Final = frozenset({-2014, -2015})
STATUS_429: Final = frozenset({-1003, -1015})
STATUS_503: Final = frozenset({-1008})


class CodeError(Exception):
    """The venue's no: `code` and `text` make the body, `status` and `headers` the rest of the answer."""

    def __init__(self, code: int, text: str, *, status: int = 400, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text
        self.status = status
        self.headers = headers or {}

    def body(self) -> dict[str, object]:
        """The answer's JSON object."""
        return {"code": self.code, "msg": self.text}


def refusal(code: int, **values: object) -> CodeError:
    """The refusal of this code in the venue's own words, with the values those words name."""
    return CodeError(code, TEXTS[code].format(**values), status=_status(code))


def _status(code: int) -> int:
    if code in STATUS_401:
        return 401

    if code in STATUS_429:
        return 429

    return 503 if code in STATUS_503 else 400
