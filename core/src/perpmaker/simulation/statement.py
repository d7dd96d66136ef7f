"""What the simulated exchange says of an account: positions, balance, income. Frozen values, money exact in Decimal."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum, unique

import attrs

from perpmaker.model.order import PositionMode, PositionSide
from perpmaker.model.position import MarginMode


@unique
class IncomeKind(Enum):
    """Why the wallet changed. The sum of all income is exactly the change of the wallet."""

    REALIZED = "realized"
    FEE = "fee"
    FUNDING = "funding"
    TRANSFER = "transfer"
    LIQUIDATION_FEE = "liquidation_fee"
    INSURANCE = "insurance"


@attrs.frozen(kw_only=True)
class Income:
    """One change of the wallet, signed from the account's side (a fee paid is negative)."""

    income_id: int
    kind: IncomeKind
    amount: Decimal
    now_ms: int
    trade_id: int | None = None


@attrs.frozen(kw_only=True)
class PositionState:
    """A position: `lots` and `amount` are signed, `entry` is the average entry price (0 when flat).

    `break_even` is the entry price moved by the fees that were paid to open what is held, funding left out.

    `liquidation` is None where the position can never be liquidated; `isolated_margin` is None in cross mode;
    `order_margin`
    is that of the open orders which act on it; `realized` accumulates since the account was opened, before fees.
    """

    side: PositionSide
    lots: int
    amount: Decimal
    entry: Decimal
    break_even: Decimal
    mark: Decimal
    notional: Decimal
    unrealized: Decimal
    initial_margin: Decimal
    maintenance_margin: Decimal
    order_margin: Decimal
    liquidation: Decimal | None
    isolated_margin: Decimal | None
    realized: Decimal
    updated_ms: int


@attrs.frozen(kw_only=True)
class AccountState:
    """An account as of now: `equity` is the wallet plus unrealised profit, `available` what new orders may take.

    `cross_wallet` is the wallet without the margin of isolated positions. `positions` is one NET, or LONG and SHORT.
    """

    name: str
    asset: str
    wallet: Decimal
    cross_wallet: Decimal
    unrealized: Decimal
    equity: Decimal
    available: Decimal
    position_margin: Decimal
    order_margin: Decimal
    maintenance_margin: Decimal
    leverage: int
    margin_mode: MarginMode
    position_mode: PositionMode
    positions: tuple[PositionState, ...]
    updated_ms: int
