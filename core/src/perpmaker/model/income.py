"""What a venue has booked to the wallets of an account, in its own history."""

from __future__ import annotations

from decimal import Decimal
from enum import unique

import attrs

from perpmaker.model.word import Word


@unique
class IncomeKind(Word):
    """Why a wallet changed. OTHER is what this version knows no name for."""

    REALIZED = "realized"
    FEE = "fee"
    FUNDING = "funding"
    TRANSFER = "transfer"
    LIQUIDATION_FEE = "liquidation_fee"
    INSURANCE = "insurance"
    OTHER = "other"


@attrs.frozen(kw_only=True)
class IncomeRecord:
    """One change of one wallet, signed from the account's side (a fee or funding that was paid is negative).

    `word` is the venue's own name of the kind, `income_id` its id, unique with word, asset and symbol. `symbol` is the
    venue's name of the market, empty where the change belongs to none.
    """

    kind: IncomeKind
    word: str
    income_id: str
    asset: str
    amount: Decimal
    venue_ms: int
    symbol: str = ""
    trade_id: str = ""
