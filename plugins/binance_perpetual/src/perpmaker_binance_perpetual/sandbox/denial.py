"""The simulated exchange's reasons in the venue's codes, which differ by what was asked."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, unique
from typing import Final

from perpmaker.model.instrument import Instrument
from perpmaker.simulation.rejection import Rejection, RejectionError
from perpmaker_binance_perpetual.sandbox.notation import plain
from perpmaker_binance_perpetual.sandbox.refusal import TEXTS, CodeError, refusal


@unique
class Asked(Enum):
    """What the refused call wanted."""

    PLACE = "place"
    AMEND = "amend"
    CANCEL = "cancel"
    LEVERAGE = "leverage"
    MARGIN_TYPE = "margin type"
    POSITION_MODE = "position mode"


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

SPECIAL: Final[Mapping[tuple[Asked, Rejection], int]] = {
    (Asked.AMEND, Rejection.MIN_NOTIONAL): -5029,
    (Asked.CANCEL, Rejection.UNKNOWN_ORDER): -2011,
    (Asked.LEVERAGE, Rejection.INSUFFICIENT_MARGIN): -2028,
    (Asked.MARGIN_TYPE, Rejection.UNCHANGED): -4046,
    (Asked.MARGIN_TYPE, Rejection.OPEN_ORDERS): -4047,
    (Asked.MARGIN_TYPE, Rejection.OPEN_POSITION): -4048,
    (Asked.POSITION_MODE, Rejection.UNCHANGED): -4059,
    (Asked.POSITION_MODE, Rejection.OPEN_ORDERS): -4067,
    (Asked.POSITION_MODE, Rejection.OPEN_POSITION): -4068,
}


def translate_denial(error: RejectionError, asked: Asked, instrument: Instrument) -> CodeError:
    """The venue's refusal for the exchange's; -2010 with the exchange's words where the venue has no code for it."""
    code = SPECIAL.get((asked, error.denial), GENERAL.get(error.denial))

    if code is None:
        return CodeError(-2010, f"{TEXTS[-2010][:-1]}: {error}")

    if code in {-4016, -4024, -4028}:
        return CodeError(code, str(error))

    return refusal(code, limit=plain(instrument.min_notional), name="reduceonly")
