"""The simulated exchange: one instrument, several accounts, synchronous and deterministic; no I/O and no clock.

Every command carries `now_ms`, and first lets the market do whatever was due until then, so that the outcome does
not depend on how often somebody looks. Commands raise `DeniedError` (nothing changed) or return the order as it is
afterwards; what happened meanwhile is handed to the subscribers, in order, once the command is complete.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Protocol, TypeAlias

import attrs

from perpmaker.model.instrument import Instrument
from perpmaker.model.order import PositionMode, PositionSide, Side
from perpmaker.model.position import MarginMode
from perpmaker.simulation.event import SimulationEvent, TradePrinted
from perpmaker.simulation.order import (
    ConditionalOrder,
    ConditionalRequest,
    Execution,
    OrderRequest,
    SimulatedOrder,
)
from perpmaker.simulation.statement import AccountState, Income

Subscriber: TypeAlias = Callable[[SimulationEvent], None]


@attrs.frozen(kw_only=True)
class Depth:
    """The displayed book from the best outward, (ticks, lots), as of `update_id`."""

    update_id: int
    bids: tuple[tuple[int, int], ...]
    asks: tuple[tuple[int, int], ...]
    now_ms: int


class Crowd(Protocol):
    """What a market may do on the exchange: everybody else's orders, and the mark price."""

    def set_ladder(self, bids: Sequence[tuple[int, int]], asks: Sequence[tuple[int, int]]) -> None:
        """Replace everybody else's resting orders: (ticks, lots), best first; what crosses an account's order trades."""

    def take(self, side: Side, lots: int, limit_ticks: int | None = None) -> int:
        """Somebody else takes up to so many lots, no worse than the limit; returns the lots traded."""

    def set_mark(self, mark: Decimal, index: Decimal, funding_rate: Decimal) -> None:
        """Set mark and index price and the funding rate; checks triggers and liquidations."""


class Market(Protocol):
    """Where everybody else's orders come from: synthetic, scripted, or a recording."""

    @property
    def next_ms(self) -> int | None:
        """When the next step is due; None when nothing more will come by itself."""

    def step(self, crowd: Crowd) -> None:
        """Do the step that is due and move `next_ms` on."""


class Exchange:
    """One market with its accounts. Ids of orders, trades, income and book updates grow by one each."""

    def __init__(
        self,
        instrument: Instrument,
        market: Market,
        *,
        start_ms: int,
        liquidation_fee: Decimal = Decimal("0.0125"),
    ) -> None: ...

    instrument: Instrument
    now_ms: int

    # --- time and listeners

    def advance(self, now_ms: int) -> None:
        """Let everything happen that is due until then: market steps, funding, dead man's switches."""
        raise NotImplementedError

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Be told of every event from now on; returns what ends that."""
        raise NotImplementedError

    # --- market data

    def depth(self, limit: int = 1000) -> Depth:
        """The displayed book, at most `limit` levels a side."""
        raise NotImplementedError

    def best(self, side: Side) -> tuple[int, int] | None:
        """The best displayed (ticks, lots) of the bids (BUY) or asks (SELL); None on an empty side."""
        raise NotImplementedError

    def trades(self, limit: int = 500) -> Sequence[TradePrinted]:
        """The newest public trades, oldest first."""
        raise NotImplementedError

    last_ticks: int | None
    mark: Decimal
    index: Decimal
    funding_rate: Decimal
    next_funding_ms: int

    # --- accounts

    def open_account(self, name: str, balance: Decimal, now_ms: int | None = None) -> None:
        """Open an account with so much quote asset: leverage 20, cross, One-way."""
        raise NotImplementedError

    def accounts(self) -> Sequence[str]:
        """The names of all accounts."""
        raise NotImplementedError

    def account(self, name: str) -> AccountState:
        """The account as it is now; DeniedError (UNKNOWN_ACCOUNT) when there is none."""
        raise NotImplementedError

    def income(self, account: str, since_ms: int = 0) -> Sequence[Income]:
        """Everything that changed the wallet, oldest first."""
        raise NotImplementedError

    def executions(self, account: str, since_ms: int = 0) -> Sequence[Execution]:
        """The account's executions, oldest first."""
        raise NotImplementedError

    def set_leverage(self, account: str, leverage: int, now_ms: int) -> AccountState:
        """Change the leverage; the same again is fine. Denied: LEVERAGE, LEVERAGE_REDUCTION, INSUFFICIENT_MARGIN."""
        raise NotImplementedError

    def set_margin_mode(self, account: str, mode: MarginMode, now_ms: int) -> AccountState:
        """Change the margin mode. Denied: UNCHANGED, OPEN_ORDERS, OPEN_POSITION."""
        raise NotImplementedError

    def set_position_mode(self, account: str, mode: PositionMode, now_ms: int) -> AccountState:
        """Change the position mode. Denied: UNCHANGED, OPEN_ORDERS, OPEN_POSITION."""
        raise NotImplementedError

    def transfer(self, account: str, amount: Decimal, now_ms: int) -> AccountState:
        """Move quote asset in (or out, negative)."""
        raise NotImplementedError

    # --- orders

    def place(self, account: str, request: OrderRequest, now_ms: int) -> SimulatedOrder:
        """Take an order: fill what crosses, rest the remainder if it may rest. Returns it as it is afterwards."""
        raise NotImplementedError

    def amend(
        self,
        account: str,
        *,
        order_id: int | None = None,
        client_id: str | None = None,
        price: Decimal,
        amount: Decimal,
        now_ms: int,
        amend_id: int = 0,
    ) -> SimulatedOrder:
        """Move an open limit order; `amount` is the new total. It loses its place in the queue.

        Denied: UNKNOWN_ORDER, UNCHANGED, any filter. The order is cancelled (cause AMEND) when the new total is not
        above what is filled already, or a post-only order would take at the new price.
        """
        raise NotImplementedError

    def cancel(
        self, account: str, *, order_id: int | None = None, client_id: str | None = None, now_ms: int
    ) -> SimulatedOrder:
        """Cancel an open order; DeniedError (UNKNOWN_ORDER) when it is not open."""
        raise NotImplementedError

    def cancel_all(self, account: str, now_ms: int) -> Sequence[SimulatedOrder]:
        """Cancel all open orders of the account; conditional ones stay."""
        raise NotImplementedError

    def set_countdown(self, account: str, countdown_ms: int, now_ms: int) -> None:
        """Dead man's switch: all open orders expire after so long unless it is set again; 0 ends it."""
        raise NotImplementedError

    def order(
        self, account: str, *, order_id: int | None = None, client_id: str | None = None
    ) -> SimulatedOrder | None:
        """An order, open or not; of several that used a client id the newest."""
        raise NotImplementedError

    def open_orders(self, account: str) -> Sequence[SimulatedOrder]:
        """The account's open orders, oldest first; conditional ones are in a namespace of their own."""
        raise NotImplementedError

    def orders(self, account: str, since_ms: int = 0) -> Sequence[SimulatedOrder]:
        """All orders of the account created since, oldest first."""
        raise NotImplementedError

    def reduce_only_room(self, account: str, side: Side, position_side: PositionSide) -> int:
        """Lots that a new closing order could still close: the position less what closing orders hold already."""
        raise NotImplementedError

    # --- conditional orders

    def place_conditional(self, account: str, request: ConditionalRequest, now_ms: int) -> ConditionalOrder:
        """Take a conditional order; margin and reduce-only are checked only when it triggers."""
        raise NotImplementedError

    def cancel_conditional(
        self, account: str, *, conditional_id: int | None = None, client_id: str | None = None, now_ms: int
    ) -> ConditionalOrder:
        """Cancel a waiting conditional order; DeniedError (UNKNOWN_ORDER) when it is not waiting."""
        raise NotImplementedError

    def cancel_all_conditional(self, account: str, now_ms: int) -> Sequence[ConditionalOrder]:
        """Cancel all waiting conditional orders of the account."""
        raise NotImplementedError

    def conditional(
        self, account: str, *, conditional_id: int | None = None, client_id: str | None = None
    ) -> ConditionalOrder | None:
        """A conditional order, waiting or not."""
        raise NotImplementedError

    def conditional_orders(self, account: str, *, waiting_only: bool = True) -> Sequence[ConditionalOrder]:
        """The account's conditional orders, oldest first."""
        raise NotImplementedError
