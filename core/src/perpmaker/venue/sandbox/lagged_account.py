"""What queries see: the exchange as it is, or, with a lag, as it was; new orders may hide for a moment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from perpmaker.simulation.event import (
    AccountChanged,
    ConditionalChanged,
    OrderChanged,
    SettingsChanged,
    SimulationEvent,
)
from perpmaker.simulation.exchange import Exchange
from perpmaker.simulation.order import Cause, ConditionalOrder, Execution, OrderState, SimulatedOrder
from perpmaker.simulation.statement import AccountState, Income
from perpmaker.venue.sandbox.options import VenueOptions

_Version = TypeVar("_Version")
_History = list[tuple[int, _Version]]


class LaggedAccount:
    """The exchange's first account for queries. Without a lag nothing is kept; with it, each version with its time."""

    def __init__(self, exchange: Exchange, now_ms: Callable[[], int], options: VenueOptions) -> None:
        self._exchange = exchange
        self._now_ms = now_ms
        self._lag_ms = options.read_lag_ms
        self._hidden_for_ms = options.hidden_for_ms
        self._orders: dict[int, _History[SimulatedOrder]] = {}
        self._conditionals: dict[int, _History[ConditionalOrder]] = {}
        self._accounts: _History[AccountState] = [(0, exchange.account(name)) for name in exchange.accounts()[:1]]
        self._endings: dict[int, Cause] = {}
        exchange.subscribe(self._keep)

    @property
    def name(self) -> str:
        """The account's name on the exchange; empty while there is none, which the exchange rejects."""
        return next(iter(self._exchange.accounts()), "")

    def state(self) -> AccountState:
        """Return balance and positions."""
        state = self._exchange.account(self.name)

        return state if self._lag_ms == 0 else _as_of(self._accounts, self._seen_ms()) or state

    def order(self, *, order_id: int | None, client_id: str | None) -> SimulatedOrder | None:
        """Return an order by either id, open or not; None while it is hidden or the lag has not passed."""
        order = self._exchange.order(self.name, order_id=order_id, client_id=client_id)

        return None if order is None else self._seen(order)

    def orders(self) -> Sequence[SimulatedOrder]:
        """Return all orders, oldest first."""
        seen = (self._seen(order) for order in self._exchange.orders(self.name))

        return [order for order in seen if order is not None]

    def open_orders(self) -> Sequence[SimulatedOrder]:
        """Return the open orders, oldest first."""
        if self._lag_ms:
            return [order for order in self.orders() if order.state is OrderState.OPEN]

        seen = (self._seen(order) for order in self._exchange.open_orders(self.name))

        return [order for order in seen if order is not None]

    def conditional(self, *, conditional_id: int | None, client_id: str | None) -> ConditionalOrder | None:
        """Return a conditional order by either id."""
        order = self._exchange.conditional(self.name, conditional_id=conditional_id, client_id=client_id)

        return None if order is None else self._seen_conditional(order)

    def waiting_conditionals(self) -> Sequence[ConditionalOrder]:
        """Return the conditional orders that wait, oldest first."""
        seen = (self._seen_conditional(order) for order in self._exchange.conditional_orders(self.name))

        return [order for order in seen if order is not None]

    def executions(self, since_ms: int) -> Sequence[Execution]:
        """Return executions, oldest first."""
        seen_ms = self._seen_ms()

        return [e for e in self._exchange.executions(self.name, since_ms) if e.now_ms <= seen_ms]

    def income(self, since_ms: int) -> Sequence[Income]:
        """Return everything that changed the wallet, oldest first."""
        seen_ms = self._seen_ms()

        return [i for i in self._exchange.income(self.name, since_ms) if i.now_ms <= seen_ms]

    def ending(self, order_id: int) -> Cause | None:
        """Return what ended an order, where it was not a fill."""
        return self._endings.get(order_id)

    def _seen_ms(self) -> int:
        return self._now_ms() - self._lag_ms

    def _seen(self, order: SimulatedOrder) -> SimulatedOrder | None:
        if order.created_ms > self._now_ms() - self._hidden_for_ms:
            return None

        return order if self._lag_ms == 0 else _as_of(self._orders.get(order.order_id, []), self._seen_ms())

    def _seen_conditional(self, order: ConditionalOrder) -> ConditionalOrder | None:
        if self._lag_ms == 0:
            return order

        return _as_of(self._conditionals.get(order.conditional_id, []), self._seen_ms())

    def _keep(self, event: SimulationEvent) -> None:
        match event:
            case OrderChanged():
                if event.order.state in {OrderState.CANCELLED, OrderState.EXPIRED}:
                    self._endings[event.order.order_id] = event.cause

                if self._lag_ms:
                    self._orders.setdefault(event.order.order_id, []).append((event.now_ms, event.order))
            case ConditionalChanged() if self._lag_ms:
                self._conditionals.setdefault(event.order.conditional_id, []).append((event.now_ms, event.order))
            case AccountChanged() | SettingsChanged() if self._lag_ms:
                self._accounts.append((event.now_ms, event.state))


def _as_of(history: _History[_Version], at_ms: int) -> _Version | None:
    return next((version for since_ms, version in reversed(history) if since_ms <= at_ms), None)
