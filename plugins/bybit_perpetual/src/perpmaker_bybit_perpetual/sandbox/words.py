"""The venue's words for what the exchange knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from perpmaker import PositionSide, Side
from perpmaker.venue.sandbox import Cause, Rejection, SelfTrade, TimeInForce, TriggerPrice

SIDES: Final[Mapping[str, Side]] = {"Buy": Side.BUY, "Sell": Side.SELL}
SIDE_WORDS: Final = {side: word for word, side in SIDES.items()}
TIMES_IN_FORCE: Final[Mapping[str, TimeInForce]] = {
    "GTC": TimeInForce.GTC,
    "IOC": TimeInForce.IOC,
    "FOK": TimeInForce.FOK,
    "PostOnly": TimeInForce.POST_ONLY,
}
TIME_IN_FORCE_WORDS: Final = {value: word for word, value in TIMES_IN_FORCE.items()}
TRIGGER_PRICES: Final[Mapping[str, TriggerPrice]] = {
    "LastPrice": TriggerPrice.LAST,
    "MarkPrice": TriggerPrice.MARK,
}
TRIGGER_PRICE_WORDS: Final = {price: word for word, price in TRIGGER_PRICES.items()}
POSITIONS: Final[Mapping[str, PositionSide]] = {
    "0": PositionSide.NET,
    "1": PositionSide.LONG,
    "2": PositionSide.SHORT,
}
POSITION_INDEXES: Final = {side: int(index) for index, side in POSITIONS.items()}

SMP_TYPES: Final[Mapping[str, SelfTrade]] = {
    "None": SelfTrade.TRADE,
    "CancelMaker": SelfTrade.CANCEL_MAKER,
    "CancelTaker": SelfTrade.CANCEL_TAKER,
    "CancelBoth": SelfTrade.CANCEL_BOTH,
}
BY_USER: Final = "CancelByUser"
BY_CLEARING: Final = "CancelByTpSlTsClear"
UNKNOWN: Final = "UNKNOWN"
NO_ERROR: Final = "EC_NoError"
ASKED: Final = "EC_PerCancelRequest"
WILL_TAKE: Final = "EC_PostOnlyWillTakeLiquidity"
TOO_LATE: Final = "EC_OrigClOrdIDDoesNotExist"
OTHERS: Final = "EC_Others"

ENDINGS: Final[Mapping[Cause, tuple[str, str]]] = {
    Cause.CANCELLED: (BY_USER, ASKED),
    Cause.AMEND: (UNKNOWN, WILL_TAKE),
    Cause.REDUCE_ONLY: ("CancelByReduceOnly", ASKED),
    Cause.SELF_TRADE: ("CancelBySmp", "EC_BySelfMatch"),
    Cause.COUNTDOWN: ("CancelByDCP", ASKED),
    Cause.LIQUIDATION: ("CancelAllBeforeLiq", ASKED),
}
"""What ended an order, as its cancel type and its reject reason."""

LATER: Final[Mapping[Rejection, str]] = {
    Rejection.POST_ONLY_WOULD_TAKE: WILL_TAKE,
    Rejection.FOK_NOT_FILLABLE: "EC_CancelForNoFullFill",
    Rejection.NO_LIQUIDITY: "EC_NoImmediateQtyToFill",
    Rejection.MARKET_BAND: "EC_ReachMarketPriceLimit",
}
"""What the gateway does not look at, with the reason for which the matching engine cancels the order then."""

OVERTAKEN: Final[Mapping[Rejection, tuple[str, str, str]]] = {
    **dict.fromkeys(
        (Rejection.REDUCE_ONLY, Rejection.REDUCE_ONLY_COMPETING), ("Cancelled", *ENDINGS[Cause.REDUCE_ONLY])
    ),
    **dict.fromkeys((Rejection.BAND_UP, Rejection.BAND_DOWN), ("Rejected", UNKNOWN, "EC_ReachRiskPriceLimit")),
    **{rejection: ("Cancelled", UNKNOWN, reason) for rejection, reason in LATER.items()},
}
"""How an order ends (status, cancel type, reason) of which the gateway thought otherwise."""
