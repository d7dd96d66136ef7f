"""Watches the exchange at every change and writes down what must never happen, exact to the last digit.

The names of the invariants are those of the reliability document. What the exchange cannot know by itself (which
orders belong to one slot, what exposure is allowed, whether the bot says that it only reduces) is said by a test;
without that the invariants in question are not evaluated.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal

import attrs

from perpmaker.model.client_id import OWN_PREFIX
from perpmaker.model.order import PositionSide, Side
from perpmaker.model.position import VenueSettings
from perpmaker.simulation.event import AccountChanged, LevelsChanged, OrderChanged, SimulationEvent
from perpmaker.simulation.exchange import Exchange
from perpmaker.simulation.order import (
    Cause,
    ConditionalOrder,
    Execution,
    OrderState,
    SimulatedOrder,
    TimeInForce,
)
from perpmaker.simulation.statement import PositionState

_ZERO = Decimal(0)


@attrs.frozen(kw_only=True)
class Violation:
    """An invariant that did not hold: which, whose account, what was seen, and when (ms of the exchange)."""

    invariant: str
    account: str
    detail: str
    now_ms: int


def _has_prefix(client_id: str) -> bool:
    return client_id.startswith(OWN_PREFIX)


@attrs.define
class Expectations:
    """What a test says about an account. None or empty: not evaluated.

    `is_own`: whether a client id is the bot's; every other one is foreign. `slots`: client id -> slot, for I1.
    `max_lots`: the most that position and open orders may come to, for I7. `reducing`: nothing may enlarge the position
    from now on, for I21. `protect_s`: how long a position may stand without closing orders for all of it, for I4.
    `settings`: what the account must be set to whenever an order is accepted, for I20. `has_reduce_only`: the venue can
    be told that an order only reduces; where it cannot, I19 takes a market order that can do nothing else.
    """

    is_own: Callable[[str], bool] = _has_prefix
    slots: Mapping[str, str] = attrs.field(factory=dict)
    max_lots: int | None = None
    reducing: bool = False
    protect_s: float | None = None
    settings: VenueSettings | None = None
    has_reduce_only: bool = True


@attrs.define
class _Books:
    """What the oracle adds up by itself, to compare with the exchange."""

    wallet: Decimal = _ZERO
    lots: Counter[PositionSide] = attrs.field(factory=Counter)
    cash: dict[PositionSide, Decimal] = attrs.field(factory=dict)
    realized: dict[PositionSide, Decimal] = attrs.field(factory=dict)
    naked_since_ms: int | None = None
    naked_ms: int = 0


class Invariants:
    """Subscribe it before the accounts are opened. `is_own` tells our client ids where nothing else is expected.

    `violations` is what it found, `evaluated` how often it looked.
    """

    def __init__(self, exchange: Exchange, is_own: Callable[[str], bool] = _has_prefix) -> None:
        self._exchange = exchange
        self._is_own_id = is_own
        self._books: dict[str, _Books] = {}
        self._person = False
        self.expectations: dict[str, Expectations] = {}
        self.violations: list[Violation] = []
        self.evaluated: Counter[str] = Counter()
        exchange.subscribe(self._see)

    def expect(self, account: str) -> Expectations:
        """Return what is expected of an account. Change it in place."""
        return self.expectations.setdefault(account, Expectations(is_own=self._is_own_id))

    def longest_unprotected_s(self, account: str) -> float:
        """Return the longest that the account's position stood without closing orders for all of it, until now."""
        books = self._books.get(account, _Books())
        running = 0 if books.naked_since_ms is None else self._exchange.now_ms - books.naked_since_ms

        return max(books.naked_ms, running) / 1000

    @contextmanager
    def person(self) -> Iterator[None]:
        """While a person acts on the account: what is done now is not the bot's doing."""
        self._person = True

        try:
            yield
        finally:
            self._person = False

    # --- seeing

    def _see(self, event: SimulationEvent) -> None:
        if isinstance(event, OrderChanged):
            self._see_order(event)
        elif isinstance(event, AccountChanged):
            self._see_account(event)
        elif isinstance(event, LevelsChanged):
            self._see_levels()

    def _check(self, invariant: str, account: str, *, holds: bool, detail: str) -> None:
        self.evaluated[invariant] += 1

        if not holds:
            now_ms = self._exchange.now_ms
            self.violations.append(Violation(invariant=invariant, account=account, detail=detail, now_ms=now_ms))

    def _see_levels(self) -> None:
        bid, ask = self._exchange.best(Side.BUY), self._exchange.best(Side.SELL)
        crossed = bid is not None and ask is not None and bid[0] >= ask[0]
        self._check("book", "", holds=not crossed, detail=f"crossed: {bid} and {ask}")

    def _see_order(self, event: OrderChanged) -> None:
        order = event.order

        if event.execution is not None:
            self._see_execution(order, event.execution)

        if event.cause in {Cause.ACCEPTED, Cause.AMENDED}:
            self._see_accepted(order)

        if event.cause in {Cause.CANCELLED, Cause.AMENDED, Cause.AMEND}:
            own = self._is_own(order) or self._person
            self._check("I23", event.account, holds=own, detail=f"foreign order {order.client_id} {event.cause.value}")

        self._see_closing(event.account, order.position_side)
        self._see_protection(event.account)

    def _see_execution(self, order: SimulatedOrder, execution: Execution) -> None:
        books = self._books.setdefault(order.account, _Books())
        side, sign = order.position_side, order.side.sign
        before = books.lots[side]
        after = before + sign * execution.lots
        value = execution.price * execution.amount
        books.lots[side] = after
        in_quote = execution.fee_asset == self._exchange.instrument.quote
        books.wallet += execution.realized - (execution.fee if in_quote else _ZERO)
        books.cash[side] = books.cash.get(side, _ZERO) - sign * value
        books.realized[side] = books.realized.get(side, _ZERO) + execution.realized

        if order.closing:
            shrinks = abs(after) < abs(before) and before * after >= 0
            self._check("reduce_only", order.account, holds=shrinks, detail=f"{before} to {after} by {order.client_id}")

        if order.time_in_force is TimeInForce.POST_ONLY:
            self._check("I19", order.account, holds=execution.maker, detail=f"{order.client_id} took")

        if after == 0:
            exact = books.cash[side] == books.realized[side]
            detail = f"flat {side.value}: cash {books.cash[side]}, realised {books.realized[side]}"
            self._check("I10", order.account, holds=exact, detail=detail)

    def _see_account(self, event: AccountChanged) -> None:
        books = self._books.setdefault(event.account, _Books())
        books.wallet += event.transferred
        detail = f"wallet {event.state.wallet}, added up {books.wallet}"
        self._check("I10", event.account, holds=books.wallet == event.state.wallet, detail=detail)

        for position in event.state.positions:
            same = position.lots == books.lots[position.side]
            detail = f"{position.side.value} {position.lots}, added up {books.lots[position.side]}"
            self._check("position", event.account, holds=same, detail=detail)

        self._see_protection(event.account)

    def _see_accepted(self, order: SimulatedOrder) -> None:
        expected = self.expectations.get(order.account)

        if order.forced or self._person or not self._is_own(order):
            return

        holds = order.ticks is not None or order.closing or self._shrinks(expected, order)
        self._check("I19", order.account, holds=holds, detail=f"{order.client_id} opens at market")

        if expected is None:
            return

        self._see_slot(expected, order)
        self._see_exposure(expected, order)

        if expected.settings is not None:
            self._check(
                "I20",
                order.account,
                holds=self._settings(order.account) == expected.settings,
                detail=str(self._settings(order.account)),
            )

    def _shrinks(self, expected: Expectations | None, order: SimulatedOrder) -> bool:
        if expected is None or expected.has_reduce_only:
            return False

        held = self._books.setdefault(order.account, _Books()).lots[order.position_side]

        return held * order.side.sign < 0 and order.lots <= abs(held)

    def _is_own(self, order: SimulatedOrder) -> bool:
        expected = self.expectations.get(order.account)

        return (self._is_own_id if expected is None else expected.is_own)(order.client_id)

    def _settings(self, account: str) -> VenueSettings:
        state = self._exchange.account(account)

        return VenueSettings(leverage=state.leverage, position_mode=state.position_mode, margin_mode=state.margin_mode)

    def _see_slot(self, expected: Expectations, order: SimulatedOrder) -> None:
        slot = expected.slots.get(order.client_id)

        if slot is None or order.closing:
            return

        others = [
            other.client_id
            for other in self._exchange.open_orders(order.account)
            if other.order_id != order.order_id and expected.slots.get(other.client_id) == slot
        ]
        self._check("I1", order.account, holds=not others, detail=f"{slot}: {order.client_id} beside {others}")

    def _see_exposure(self, expected: Expectations, order: SimulatedOrder) -> None:
        held = self._books.setdefault(order.account, _Books()).lots[order.position_side]

        if expected.reducing:
            enlarges = not order.closing and (held * order.side.sign >= 0 or order.lots > abs(held))
            self._check("I21", order.account, holds=not enlarges, detail=f"{order.client_id} while reducing")

        if expected.max_lots is not None and not order.closing:
            worst = self._worst_lots(order, held)
            detail = f"{worst} lots with {order.client_id}, at most {expected.max_lots}"
            self._check("I7", order.account, holds=worst <= expected.max_lots, detail=detail)

    def _worst_lots(self, order: SimulatedOrder, held: int) -> int:
        open_orders = {other.order_id: other for other in self._exchange.open_orders(order.account)}

        if order.state is OrderState.OPEN:
            open_orders[order.order_id] = order

        added = sum(
            other.remaining_lots
            for other in open_orders.values()
            if other.side is order.side and other.position_side is order.position_side and not other.closing
        )

        return abs(held + order.side.sign * added)

    # --- closing and protection

    def _see_closing(self, account: str, side: PositionSide) -> None:
        held = next((abs(p.lots) for p in self._exchange.account(account).positions if p.side is side), 0)
        closing = self._closing_lots(account, side)
        self._check("reduce_only", account, holds=closing <= held, detail=f"{closing} lots close {held}")

    def _closing_lots(self, account: str, side: PositionSide) -> int:
        return sum(
            order.remaining_lots
            for order in self._exchange.open_orders(account)
            if order.closing and order.position_side is side
        )

    def _see_protection(self, account: str) -> None:
        books = self._books.setdefault(account, _Books())
        expected = self.expectations.get(account)
        now_ms = self._exchange.now_ms

        if self._is_protected(account):
            if books.naked_since_ms is not None:
                books.naked_ms = max(books.naked_ms, now_ms - books.naked_since_ms)
                books.naked_since_ms = None
        elif books.naked_since_ms is None:
            books.naked_since_ms = now_ms

        if expected is not None and expected.protect_s is not None:
            naked_s = 0.0 if books.naked_since_ms is None else (now_ms - books.naked_since_ms) / 1000
            self._check("I4", account, holds=naked_s <= expected.protect_s, detail=f"unprotected for {naked_s} s")

    def _is_protected(self, account: str) -> bool:
        least = self._exchange.instrument.lots_down(self._exchange.instrument.min_amount)
        waiting = self._exchange.conditional_orders(account)

        return all(
            abs(position.lots) < least
            or any(_closes(order, position) for order in waiting)
            or self._closing_lots(account, position.side) >= abs(position.lots)
            for position in self._exchange.account(account).positions
        )


def _closes(order: ConditionalOrder, position: PositionState) -> bool:
    """Whether a waiting conditional order closes the whole position, because that is what it is for or by its size."""
    if order.position_side is not position.side:
        return False

    reduces = order.reduce_only and order.side.sign * position.lots < 0

    return order.close_position or (reduces and (order.lots or 0) >= abs(position.lots))
