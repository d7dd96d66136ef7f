"""Why the simulated exchange says no: finer than `RefusalReason`, so that a dialect can find its venue's own code."""

from __future__ import annotations

from enum import Enum, unique

from perpmaker.errors import PerpmakerError
from perpmaker.model.refusal import Refusal, RefusalReason


@unique
class Rejection(Enum):
    """One rule of the exchange that a command broke."""

    TICK = "price is not a multiple of the tick"
    PRICE_RANGE = "price is outside the market's range"
    LOT = "amount is not a multiple of the lot"
    MIN_AMOUNT = "amount is below the market's minimum"
    MAX_AMOUNT = "amount is above the market's maximum"
    MIN_NOTIONAL = "notional is below the market's minimum"
    BAND_UP = "price is above the band around the mark price"
    BAND_DOWN = "price is below the band around the mark price"
    MARKET_BAND = "the best price of the other side is outside the band around the mark price"
    TOO_MANY_ORDERS = "too many open orders"
    DUPLICATE_ID = "client id is taken by an open order"
    POST_ONLY_WOULD_TAKE = "post-only order would take"
    FOK_NOT_FILLABLE = "fill-or-kill order cannot be filled at once"
    NO_LIQUIDITY = "nothing rests on the other side"
    REDUCE_ONLY = "order would not reduce a position"
    REDUCE_ONLY_COMPETING = "other closing orders already hold the whole position"
    REDUCE_ONLY_IN_HEDGE = "reduce-only is said by the position side in Hedge mode"
    POSITION_SIDE = "position side does not fit the position mode"
    INSUFFICIENT_MARGIN = "margin is insufficient"
    LEVERAGE_LIMIT = "position would exceed what the leverage allows"
    LEVERAGE = "leverage is outside the market's range"
    LEVERAGE_REDUCTION = "leverage cannot be reduced with an isolated position"
    IN_LIQUIDATION = "account is being liquidated"
    WOULD_TRIGGER = "conditional order would trigger at once"
    ACTIVATION = "the price has passed where the following would begin"
    UNKNOWN_ORDER = "no such open order"
    NOT_AMENDABLE = "order cannot be amended"
    TOO_MANY_AMENDS = "order was amended too often"
    UNCHANGED = "already so"
    OPEN_ORDERS = "open orders exist"
    OPEN_POSITION = "a position exists"
    UNKNOWN_ACCOUNT = "no such account"

    @property
    def reason(self) -> RefusalReason:
        """The coarser reason, on which the core acts."""
        return _REASONS.get(self, RefusalReason.OTHER)


_REASONS = {
    Rejection.TICK: RefusalReason.FILTER,
    Rejection.PRICE_RANGE: RefusalReason.FILTER,
    Rejection.LOT: RefusalReason.FILTER,
    Rejection.MIN_AMOUNT: RefusalReason.FILTER,
    Rejection.MAX_AMOUNT: RefusalReason.FILTER,
    Rejection.MIN_NOTIONAL: RefusalReason.FILTER,
    Rejection.BAND_UP: RefusalReason.PRICE_BAND,
    Rejection.BAND_DOWN: RefusalReason.PRICE_BAND,
    Rejection.MARKET_BAND: RefusalReason.PRICE_BAND,
    Rejection.TOO_MANY_ORDERS: RefusalReason.TOO_MANY_ORDERS,
    Rejection.DUPLICATE_ID: RefusalReason.DUPLICATE_ID,
    Rejection.POST_ONLY_WOULD_TAKE: RefusalReason.POST_ONLY_WOULD_TAKE,
    Rejection.REDUCE_ONLY: RefusalReason.REDUCE_ONLY,
    Rejection.REDUCE_ONLY_COMPETING: RefusalReason.REDUCE_ONLY,
    Rejection.REDUCE_ONLY_IN_HEDGE: RefusalReason.POSITION_MODE,
    Rejection.POSITION_SIDE: RefusalReason.POSITION_MODE,
    Rejection.INSUFFICIENT_MARGIN: RefusalReason.INSUFFICIENT_MARGIN,
    Rejection.LEVERAGE_LIMIT: RefusalReason.INSUFFICIENT_MARGIN,
    Rejection.IN_LIQUIDATION: RefusalReason.LIQUIDATION,
    Rejection.WOULD_TRIGGER: RefusalReason.WOULD_TRIGGER,
    Rejection.ACTIVATION: RefusalReason.WOULD_TRIGGER,
    Rejection.UNKNOWN_ORDER: RefusalReason.NOT_FOUND,
    Rejection.UNCHANGED: RefusalReason.UNCHANGED,
    Rejection.UNKNOWN_ACCOUNT: RefusalReason.AUTHENTICATION,
}


class RejectionError(PerpmakerError):
    """The exchange refused a command: nothing changed. `rejection` says which rule."""

    def __init__(self, rejection: Rejection, detail: str = "") -> None:
        self.rejection = rejection
        super().__init__(f"{rejection.value}: {detail}" if detail else rejection.value)

    @property
    def refusal(self) -> Refusal:
        """The refusal in the core's words."""
        return Refusal(reason=self.rejection.reason, code=self.rejection.name, text=str(self))
