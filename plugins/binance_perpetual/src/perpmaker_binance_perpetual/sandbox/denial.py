"""The simulated exchange's reasons in the venue's codes, which differ by what was asked."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, unique
from typing import Final

from perpmaker.model.instrument import Instrument
from perpmaker.simulation.denial import Denial, DeniedError
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


GENERAL: Final[Mapping[Denial, int]] = {
    Denial.TICK: -4014,
    Denial.PRICE_RANGE: -4002,
    Denial.LOT: -4023,
    Denial.MIN_AMOUNT: -4004,
    Denial.MAX_AMOUNT: -4005,
    Denial.MIN_NOTIONAL: -4164,
    Denial.BAND_UP: -4016,
    Denial.BAND_DOWN: -4024,
    Denial.TOO_MANY_ORDERS: -2025,
    Denial.DUPLICATE_ID: -4116,
    Denial.POST_ONLY_WOULD_TAKE: -5022,
    Denial.FOK_NOT_FILLABLE: -5021,
    Denial.NO_LIQUIDITY: -4131,
    Denial.MARKET_BAND: -4131,
    Denial.REDUCE_ONLY: -2022,
    Denial.REDUCE_ONLY_COMPETING: -4118,
    Denial.REDUCE_ONLY_IN_HEDGE: -1106,
    Denial.POSITION_SIDE: -4061,
    Denial.INSUFFICIENT_MARGIN: -2019,
    Denial.LEVERAGE_LIMIT: -2027,
    Denial.LEVERAGE: -4028,
    Denial.LEVERAGE_REDUCTION: -4161,
    Denial.IN_LIQUIDATION: -2023,
    Denial.WOULD_TRIGGER: -2021,
    Denial.ACTIVATION: -4135,
    Denial.UNKNOWN_ORDER: -2013,
    Denial.NOT_AMENDABLE: -5025,
    Denial.TOO_MANY_AMENDS: -5026,
    Denial.UNCHANGED: -5027,
    Denial.UNKNOWN_ACCOUNT: -2015,
}

SPECIAL: Final[Mapping[tuple[Asked, Denial], int]] = {
    (Asked.AMEND, Denial.MIN_NOTIONAL): -5029,
    (Asked.CANCEL, Denial.UNKNOWN_ORDER): -2011,
    (Asked.LEVERAGE, Denial.INSUFFICIENT_MARGIN): -2028,
    (Asked.MARGIN_TYPE, Denial.UNCHANGED): -4046,
    (Asked.MARGIN_TYPE, Denial.OPEN_ORDERS): -4047,
    (Asked.MARGIN_TYPE, Denial.OPEN_POSITION): -4048,
    (Asked.POSITION_MODE, Denial.UNCHANGED): -4059,
    (Asked.POSITION_MODE, Denial.OPEN_ORDERS): -4067,
    (Asked.POSITION_MODE, Denial.OPEN_POSITION): -4068,
}


def translate_denial(error: DeniedError, asked: Asked, instrument: Instrument) -> CodeError:
    """The venue's refusal for the exchange's; -2010 with the exchange's words where the venue has no code for it."""
    code = SPECIAL.get((asked, error.denial), GENERAL.get(error.denial))

    if code is None:
        return CodeError(-2010, f"{TEXTS[-2010][:-1]}: {error}")

    if code in {-4016, -4024, -4028}:
        return CodeError(code, str(error))

    return refusal(code, limit=plain(instrument.min_notional), name="reduceonly")
