"""Where orders meet, money changes hands and events are collected.

The modules around it (`order_entry`, `trigger`, `settlement`) decide what may happen; the engine makes it happen. It
holds the book, the accounts, the prices and the counters, and is never seen from outside the simulation.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from decimal import Decimal
from itertools import islice

import attrs

from perpmaker.model.income import IncomeKind
from perpmaker.model.instrument import Instrument, OrderMargin
from perpmaker.model.order import PositionSide, Side
from perpmaker.simulation.account import MONEY, ZERO, Account
from perpmaker.simulation.book import Book, Resting
from perpmaker.simulation.event import (
    AccountCause,
    AccountChanged,
    LevelsChanged,
    OrderChanged,
    TradePrinted,
)
from perpmaker.simulation.order import Cause, Execution, OrderState, SelfTrade, SimulatedOrder, StopCustoms
from perpmaker.simulation.publisher import Publisher
from perpmaker.simulation.rejection import Rejection, RejectionError

_KEPT_TRADES = 1000
_KEPT_ORDERS = 20_000
"""How many orders of an account are known, ended ones included: on paper an account trades for weeks."""

_FORGOTTEN_AT_ONCE = 1000


class MatchingEngine:
    """Book, accounts and prices of one market. Prices in ticks, amounts in lots, money in Decimal."""

    def __init__(
        self, instrument: Instrument, *, start_ms: int, liquidation_fee: Decimal, queue_power: float | None = None
    ) -> None:
        self.instrument = instrument
        self.liquidation_fee = liquidation_fee
        self.now_ms = start_ms
        self.book = Book(queue_power)
        self.accounts: dict[str, Account] = {}
        self.trades: deque[TradePrinted] = deque(maxlen=_KEPT_TRADES)
        self.last_ticks: int | None = None
        self.taken_lots = 0
        self.traded_range: tuple[int, int] | None = None
        self.mark = ZERO
        self.index = ZERO
        self.funding_rate = ZERO
        self.next_funding_ms = 0
        self.update_id = 0
        self._next_id = 1_000
        self._next_trade_id = 1
        self._publisher = Publisher()
        self.subscribe, self.emit = self._publisher.subscribe, self._publisher.emit
        self._resting: dict[int, Resting] = {}
        self.good_till: dict[int, SimulatedOrder] = {}
        self.stop_customs = StopCustoms()

    # --- events

    def publish(self) -> None:
        """Tell the subscribers what has happened, changed levels last."""
        bids, asks = self.book.bids.changes(), self.book.asks.changes()

        if bids or asks:
            self.update_id += 1
            self.emit(LevelsChanged(update_id=self.update_id, bids=bids, asks=asks, now_ms=self.now_ms))

        self._publisher.publish()

    def new_id(self) -> int:
        """Return an id greater than all before, for orders, conditional orders and income."""
        self._next_id += 1

        return self._next_id

    def account(self, name: str) -> Account:
        """Return the account of that name."""
        try:
            return self.accounts[name]
        except KeyError:
            raise RejectionError(Rejection.UNKNOWN_ACCOUNT, name) from None

    # --- matching

    def sweep(
        self, side: Side, lots: int, limit: int | None, taker: SimulatedOrder | None = None
    ) -> SimulatedOrder | None:
        """Take from the other side, best price first and oldest first, no worse than the limit.

        `taker` is the account's order that takes, None for another participant. Returns the order as it is then.
        """
        opposite = self.book.side(side.opposite)

        while lots > 0:
            ticks = opposite.best_ticks()

            if ticks is None or not opposite.reaches(ticks, limit):
                break

            resting, there = opposite.front(ticks)

            if resting is not None and taker is not None and self._is_prevented(resting, taker):
                if taker.self_trade is not SelfTrade.CANCEL_TAKER:
                    self.end(self._open(resting), Cause.SELF_TRADE)

                if taker.self_trade is not SelfTrade.CANCEL_MAKER:
                    return self.end(taker, Cause.SELF_TRADE)

                continue

            traded = min(lots, there)

            if taker is not None and not self._is_backed(taker, ticks, traded):
                return self.end(taker, Cause.MARGIN)

            if resting is not None and not self.keeps(resting, traded):
                continue

            taker = self.trade(side, ticks, traded, resting, taker)
            lots -= traded

        return taker

    def _is_prevented(self, resting: Resting, taker: SimulatedOrder) -> bool:
        return resting.account == taker.account and taker.self_trade is not SelfTrade.TRADE

    def trade(
        self, side: Side, ticks: int, lots: int, resting: Resting | None, taker: SimulatedOrder | None
    ) -> SimulatedOrder | None:
        """Trade with what rests at a price, an account's order or (None) the crowd.

        Returns the taker afterwards.
        """
        trade_id = self.print_trade(side, ticks, lots)

        if resting is None:
            self.book.side(side.opposite).take_from_crowd(ticks, lots)
        else:
            maker = self._open(resting)
            self.book.side(side.opposite).reduce(resting, lots)
            self.execute(maker, ticks, lots, trade_id, maker=True)

        return None if taker is None else self.execute(taker, ticks, lots, trade_id, maker=False)

    def keeps(self, resting: Resting, lots: int) -> bool:
        """Whether an account's order may trade so many lots; one that nothing backs is ended instead."""
        order = self._open(resting)

        if self._is_backed(order, resting.ticks, lots):
            return True

        self.end(order, Cause.MARGIN)

        return False

    def _is_backed(self, order: SimulatedOrder, ticks: int, lots: int) -> bool:
        """Whether the account can carry the trade; where resting orders need margin, that was seen to before."""
        if self.instrument.order_margin is not OrderMargin.NONE or order.closing:
            return True

        return self.accounts[order.account].carries(order, self.instrument.price(ticks), lots, self.mark)

    def print_trade(self, side: Side, ticks: int, lots: int) -> int:
        """Print a public trade, and return its id."""
        trade_id = self._next_trade_id
        self._next_trade_id += 1
        self.last_ticks = ticks
        self.taken_lots += lots
        low, high = self.traded_range or (ticks, ticks)
        self.traded_range = (min(low, ticks), max(high, ticks))
        printed = TradePrinted(trade_id=trade_id, ticks=ticks, lots=lots, taker=side, now_ms=self.now_ms)
        self.trades.append(printed)
        self.emit(printed)

        return trade_id

    def execute(self, order: SimulatedOrder, ticks: int, lots: int, trade_id: int, *, maker: bool) -> SimulatedOrder:
        """Book an execution of an order, and return the order as it is afterwards."""
        account = self.accounts[order.account]
        execution = self._settle(account, order, ticks, lots, trade_id, maker=maker)
        filled = order.filled_lots + lots
        order = attrs.evolve(
            order,
            filled_lots=filled,
            filled_notional=order.filled_notional + execution.price * execution.amount,
            state=OrderState.FILLED if filled == order.lots else order.state,
            updated_ms=self.now_ms,
        )
        self.keep(order)
        self.emit(
            OrderChanged(account=account.name, order=order, cause=Cause.TRADED, execution=execution, now_ms=self.now_ms)
        )
        cause = AccountCause.LIQUIDATION if order.forced else AccountCause.ORDER
        self.account_changed(account, cause, (order.position_side,))
        self.trim(account, order.position_side)

        return order

    def _settle(
        self, account: Account, order: SimulatedOrder, ticks: int, lots: int, trade_id: int, *, maker: bool
    ) -> Execution:
        lot_value = self.instrument.price(ticks) * self.instrument.lot
        holding = account.holdings[order.position_side]
        rate = self.instrument.maker_fee if maker else self.instrument.taker_fee
        fee, fee_asset = account.fee_in((lots * lot_value * rate).quantize(MONEY))
        own_fee = fee if fee_asset == self.instrument.quote else ZERO
        realized = holding.fill(order.side.sign, lots, lot_value, account.isolated_leverage, own_fee)
        holding.updated_ms = self.now_ms

        if realized:
            account.book_income(IncomeKind.REALIZED, realized, self.now_ms, self.new_id(), trade_id)

        account.book_income(IncomeKind.FEE, -fee, self.now_ms, self.new_id(), trade_id, asset=fee_asset)

        execution = Execution(
            trade_id=trade_id,
            order_id=order.order_id,
            account=account.name,
            client_id=order.client_id,
            side=order.side,
            position_side=order.position_side,
            ticks=ticks,
            lots=lots,
            price=self.instrument.price(ticks),
            amount=self.instrument.amount(lots),
            fee=fee,
            fee_asset=fee_asset,
            realized=realized,
            maker=maker,
            forced=order.forced,
            now_ms=self.now_ms,
        )
        account.executions.append(execution)

        return execution

    # --- orders

    def _open(self, resting: Resting) -> SimulatedOrder:
        return self.accounts[resting.account].open_orders[resting.order_id]

    def keep(self, order: SimulatedOrder) -> None:
        """Write down an order as it is now, among the open ones exactly while it rests."""
        account = self.accounts[order.account]
        account.orders[order.order_id] = order

        if order.order_id in account.open_orders:
            if order.state is OrderState.OPEN:
                account.open_orders[order.order_id] = order
            else:
                del account.open_orders[order.order_id]
                del self._resting[order.order_id]

        if len(account.orders) > _KEPT_ORDERS:
            _forget_oldest(account)

    def rest(self, order: SimulatedOrder) -> None:
        """Put an order with a price at the end of the queue."""
        if order.ticks is None:
            raise ValueError(f"market order {order.order_id} cannot rest")

        resting = Resting(
            order_id=order.order_id, account=order.account, ticks=order.ticks, lots=order.remaining_lots, ahead=0
        )
        self.book.side(order.side).add(resting)
        self._resting[order.order_id] = resting
        self.accounts[order.account].open_orders[order.order_id] = order

        if order.good_till_ms:
            self.good_till[order.order_id] = order

    def unrest(self, order: SimulatedOrder) -> None:
        """Take an order off the queue, for it to be put elsewhere."""
        self.book.side(order.side).remove(self._resting.pop(order.order_id))
        del self.accounts[order.account].open_orders[order.order_id]

    def end(self, order: SimulatedOrder, cause: Cause) -> SimulatedOrder:
        """End an order that is not filled, resting or not."""
        state = OrderState.CANCELLED if cause in {Cause.CANCELLED, Cause.AMEND} else OrderState.EXPIRED
        order = attrs.evolve(order, state=state, updated_ms=self.now_ms)

        if order.order_id in self._resting:
            self.book.side(order.side).remove(self._resting[order.order_id])

        self.keep(order)
        self.emit(OrderChanged(account=order.account, order=order, cause=cause, now_ms=self.now_ms))

        return order

    def end_all(self, account: Account, cause: Cause) -> Sequence[SimulatedOrder]:
        """End all resting orders of an account."""
        return [self.end(order, cause) for order in tuple(account.open_orders.values())]

    def trim(self, account: Account, position_side: PositionSide) -> None:
        """Cut closing orders to what is left of the position, the newest first or the oldest: none may ever flip it."""
        closing, room = account.closing_side(position_side), abs(account.holdings[position_side].lots)
        orders = account.closing_orders(position_side)

        for order in reversed(orders) if self.stop_customs.cut_oldest else orders:
            if closing is not order.side or room == 0:
                self.end(order, Cause.REDUCE_ONLY)
            elif order.remaining_lots > room:
                self._cut(order, order.remaining_lots - room)
                room = 0
            else:
                room -= order.remaining_lots

    def _cut(self, order: SimulatedOrder, lots: int) -> None:
        self.book.side(order.side).reduce(self._resting[order.order_id], lots)
        order = attrs.evolve(order, lots=order.lots - lots, updated_ms=self.now_ms)
        self.keep(order)
        self.emit(OrderChanged(account=order.account, order=order, cause=Cause.REDUCED, now_ms=self.now_ms))

    def account_changed(
        self,
        account: Account,
        cause: AccountCause,
        sides: tuple[PositionSide, ...] = (),
        transferred: Decimal = ZERO,
    ) -> None:
        """Say that an account's balance or positions changed."""
        self.emit(
            AccountChanged(
                account=account.name,
                cause=cause,
                state=account.state(self.mark),
                sides=sides,
                transferred=transferred,
                now_ms=self.now_ms,
            )
        )


def _forget_oldest(account: Account) -> None:
    """Forget the oldest orders that have ended, as venues do."""
    oldest = [account.orders[order_id] for order_id in islice(account.orders, _FORGOTTEN_AT_ONCE)]

    for order in oldest:
        if order.state is not OrderState.OPEN:
            del account.orders[order.order_id]

            if account.order_ids.get(order.client_id) == order.order_id:
                del account.order_ids[order.client_id]
