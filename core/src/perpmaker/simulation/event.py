"""What happens on the simulated exchange, in the past tense; handed to subscribers in order, after each command."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum, unique
from typing import TypeAlias

import attrs

from perpmaker.model.order import PositionSide, Side
from perpmaker.simulation.order import Cause, ConditionalOrder, Execution, SimulatedOrder
from perpmaker.simulation.statement import AccountState


@attrs.frozen(kw_only=True)
class OrderChanged:
    """An order of an account changed. `execution` is there exactly when the cause is TRADED."""

    account: str
    order: SimulatedOrder
    cause: Cause
    execution: Execution | None = None
    now_ms: int


@attrs.frozen(kw_only=True)
class ConditionalChanged:
    """A conditional order of an account changed."""

    account: str
    order: ConditionalOrder
    cause: Cause
    now_ms: int


@unique
class AccountCause(Enum):
    """Why an account's balance or position changed."""

    ORDER = "order"
    FUNDING = "funding"
    TRANSFER = "transfer"
    LIQUIDATION = "liquidation"
    INSURANCE = "insurance"
    MARGIN_MODE = "margin_mode"


@attrs.frozen(kw_only=True)
class AccountChanged:
    """An account's balance or positions changed.

    `state` is the account right after; `sides` are the positions that changed; `transferred` is the change of the
    wallet that is neither profit nor fee (funding, transfers, insurance).
    """

    account: str
    cause: AccountCause
    state: AccountState
    sides: tuple[PositionSide, ...] = ()
    transferred: Decimal = Decimal(0)
    now_ms: int


@attrs.frozen(kw_only=True)
class SettingsChanged:
    """An account's leverage, margin mode or position mode was changed."""

    account: str
    state: AccountState
    now_ms: int


@attrs.frozen(kw_only=True)
class TradePrinted:
    """A public trade."""

    trade_id: int
    ticks: int
    lots: int
    taker: Side
    now_ms: int


@attrs.frozen(kw_only=True)
class LevelsChanged:
    """Displayed levels changed: (ticks, total lots) pairs, 0 where a level is gone.

    `update_id` grows by one each.
    """

    update_id: int
    bids: tuple[tuple[int, int], ...]
    asks: tuple[tuple[int, int], ...]
    now_ms: int


@attrs.frozen(kw_only=True)
class MarkUpdated:
    """Mark and index price, and the funding rate to be charged at `next_funding_ms`."""

    mark: Decimal
    index: Decimal
    funding_rate: Decimal
    next_funding_ms: int
    now_ms: int


@attrs.frozen(kw_only=True)
class FundingSettled:
    """Funding was booked for one position: `amount` signed from the account's side (negative: paid)."""

    account: str
    side: PositionSide
    amount: Decimal
    rate: Decimal
    mark: Decimal
    now_ms: int


@attrs.frozen(kw_only=True)
class Liquidated:
    """An account fell below its maintenance margin: its orders are expired and a forced order closes the position."""

    account: str
    side: PositionSide
    lots: int
    mark: Decimal
    now_ms: int


SimulationEvent: TypeAlias = (
    OrderChanged
    | ConditionalChanged
    | AccountChanged
    | SettingsChanged
    | TradePrinted
    | LevelsChanged
    | MarkUpdated
    | FundingSettled
    | Liquidated
)
