"""The simulated exchange: one instrument, several accounts, synchronous and deterministic; no I/O and no clock.

Every command carries `now_ms`, and first lets the market do whatever was due until then, so that the outcome does
not depend on how often somebody looks. Commands raise `RejectionError` (nothing changed) or return the order as it is
afterwards; what happened meanwhile is handed to the subscribers, in order, once the command is complete.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from itertools import islice

from perpmaker.model.income import IncomeKind
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import PositionMode, PositionSide, Side
from perpmaker.model.position import MarginMode
from perpmaker.simulation import order_entry, setting, settlement, trigger
from perpmaker.simulation.account import Account
from perpmaker.simulation.event import AccountCause, TradePrinted
from perpmaker.simulation.market_access import MarketAccess
from perpmaker.simulation.matching_engine import MatchingEngine
from perpmaker.simulation.order import (
    Cause,
    ConditionalOrder,
    ConditionalRequest,
    Execution,
    OrderRequest,
    SimulatedOrder,
    StopCustoms,
)
from perpmaker.simulation.participants import Market
from perpmaker.simulation.publisher import Subscriber
from perpmaker.simulation.statement import AccountState, Assets, Depth, Income

_HOUR_MS = 3_600_000


class Exchange:
    """One market with its accounts. Ids of orders, trades and book updates grow.

    `market` brings everybody else's orders and the mark price; its first step is done at `start_ms`.
    `liquidation_fee` is the share of notional that a liquidation costs beside the taker fee. `queue_power` as of
    `perpmaker.simulation.book.BookSide`.
    """

    def __init__(
        self,
        instrument: Instrument,
        market: Market,
        *,
        start_ms: int,
        liquidation_fee: Decimal = Decimal("0.0125"),
        queue_power: float | None = None,
    ) -> None:
        self.instrument = instrument
        self._market = market
        self._floor = MatchingEngine(
            instrument, start_ms=start_ms, liquidation_fee=liquidation_fee, queue_power=queue_power
        )
        self._street = MarketAccess(self._floor)
        self._funding_ms = instrument.funding_interval_h * _HOUR_MS
        self._floor.next_funding_ms = (start_ms // self._funding_ms + 1) * self._funding_ms
        self.advance(start_ms)

    # --- time and listeners

    @property
    def now_ms(self) -> int:
        """The time of the newest command or step."""
        return self._floor.now_ms

    def advance(self, now_ms: int) -> None:
        """Let everything happen that is due until then: market steps, funding, dead man's switches."""
        while (due := self.next_due_ms) <= now_ms:
            self._floor.now_ms = max(due, self._floor.now_ms)
            self._do_due()

        self._floor.now_ms = max(now_ms, self._floor.now_ms)

    @property
    def next_due_ms(self) -> int:
        """When something happens by itself next: a market step, funding, or a dead man's switch."""
        market_ms, due = self._market.next_ms, settlement.next_due_ms(self._floor)

        return due if market_ms is None else min(market_ms, due)

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Subscribe to every event from now on, and return what ends the subscription."""
        return self._floor.subscribe(subscriber)

    # --- market data

    def depth(self, limit: int = 1000) -> Depth:
        """Return the displayed book, at most `limit` levels a side."""
        floor = self._floor

        return Depth(
            update_id=floor.update_id,
            bids=tuple(islice(floor.book.bids.levels(), limit)),
            asks=tuple(islice(floor.book.asks.levels(), limit)),
            now_ms=floor.now_ms,
        )

    def best(self, side: Side) -> tuple[int, int] | None:
        """Return the best displayed (ticks, lots) of the bids (BUY) or asks (SELL). None on an empty side."""
        levels = self._floor.book.side(side)
        ticks = levels.best_ticks()

        return None if ticks is None else (ticks, levels.lots_at(ticks))

    def trades(self, limit: int = 500) -> Sequence[TradePrinted]:
        """Return the newest public trades, oldest first."""
        return list(self._floor.trades)[-limit:]

    @property
    def last_ticks(self) -> int | None:
        """The price of the last trade. None before the first."""
        return self._floor.last_ticks

    @property
    def mark(self) -> Decimal:
        """The mark price."""
        return self._floor.mark

    @property
    def index(self) -> Decimal:
        """The index price."""
        return self._floor.index

    @property
    def funding_rate(self) -> Decimal:
        """The rate that the next settlement charges."""
        return self._floor.funding_rate

    @property
    def next_funding_ms(self) -> int:
        """When funding is settled next."""
        return self._floor.next_funding_ms

    # --- accounts

    def open_account(self, name: str, balance: Decimal) -> AccountState:
        """Open an account with so much quote asset: leverage 20 (or the market's most), cross, One-way."""
        account = Account(name=name, instrument=self.instrument, leverage=min(20, self.instrument.max_leverage))
        self._floor.accounts[name] = account
        account.book_income(IncomeKind.TRANSFER, balance, self.now_ms, self._floor.new_id(), None)
        self._floor.account_changed(account, AccountCause.TRANSFER, (), balance)
        self._floor.publish()

        return account.state(self.mark)

    def accounts(self) -> Sequence[str]:
        """Return the names of all accounts."""
        return tuple(self._floor.accounts)

    def account(self, name: str) -> AccountState:
        """Return the account as it is now. RejectionError (UNKNOWN_ACCOUNT) when there is none."""
        return self._floor.account(name).state(self.mark)

    def income(self, account: str, since_ms: int = 0) -> Sequence[Income]:
        """Return everything that changed the wallet, the opening balance included, oldest first."""
        return [income for income in self._floor.account(account).income if income.now_ms >= since_ms]

    def executions(self, account: str, since_ms: int = 0) -> Sequence[Execution]:
        """Return the account's executions, oldest first."""
        return [execution for execution in self._floor.account(account).executions if execution.now_ms >= since_ms]

    def forget(self, account: str, kept: int) -> int:
        """Forget income and executions but for the newest `kept` of each; return how many incomes are gone."""
        owner = self._floor.account(account)
        gone = max(0, len(owner.income) - kept)
        del owner.income[:gone]
        del owner.executions[: max(0, len(owner.executions) - kept)]

        return gone

    def set_leverage(self, account: str, leverage: int, now_ms: int) -> AccountState:
        """Change the leverage. Rejected: LEVERAGE, LEVERAGE_LIMIT, LEVERAGE_REDUCTION, INSUFFICIENT_MARGIN."""
        with self._command(account, now_ms) as owner:
            setting.change_leverage(self._floor, owner, leverage)

            return owner.state(self.mark)

    def set_margin_mode(self, account: str, mode: MarginMode, now_ms: int) -> AccountState:
        """Change the margin mode. Rejected: UNCHANGED, OPEN_ORDERS, OPEN_POSITION."""
        with self._command(account, now_ms) as owner:
            setting.change_margin_mode(self._floor, owner, mode)

            return owner.state(self.mark)

    def set_position_mode(self, account: str, mode: PositionMode, now_ms: int) -> AccountState:
        """Change the position mode. Rejected: UNCHANGED, OPEN_ORDERS, OPEN_POSITION."""
        with self._command(account, now_ms) as owner:
            setting.change_position_mode(self._floor, owner, mode)

            return owner.state(self.mark)

    def transfer(self, account: str, amount: Decimal, now_ms: int) -> AccountState:
        """Move quote asset in (or out, negative)."""
        with self._command(account, now_ms) as owner:
            owner.book_income(IncomeKind.TRANSFER, amount, self.now_ms, self._floor.new_id(), None)
            self._floor.account_changed(owner, AccountCause.TRANSFER, (), amount)

            return owner.state(self.mark)

    def assets(self, account: str) -> Assets:
        """Return what the account was given beside its quote asset."""
        return self._floor.account(account).assets

    def set_assets(self, account: str, assets: Assets, now_ms: int) -> AccountState:
        """Say what the account has beside its quote asset, and what stands behind its positions."""
        with self._command(account, now_ms) as owner:
            return setting.change_assets(self._floor, owner, assets)

    # --- orders

    def place(self, account: str, request: OrderRequest, now_ms: int) -> SimulatedOrder:
        """Take an order: fill what crosses, rest the remainder if it may rest. Returns it as it is afterwards."""
        with self._command(account, now_ms) as owner:
            return order_entry.place(self._floor, owner, request)

    def check(self, account: str, request: OrderRequest, now_ms: int) -> None:
        """Raise the RejectionError of `place`, as a gateway that stands before the book does; nothing is taken."""
        with self._command(account, now_ms) as owner:
            order_entry.check(self._floor, owner, request)

    def trade_off_book(self, account: str, request: OrderRequest, now_ms: int) -> SimulatedOrder:
        """Take an order that trades at its price off the book, which stays as it is. Refused as any other."""
        with self._command(account, now_ms) as owner:
            return order_entry.trade_off_book(self._floor, owner, request)

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
        """Move an open limit order. `amount` is the new total. It loses its place in the queue.

        Rejected: UNKNOWN_ORDER, UNCHANGED, any filter, INSUFFICIENT_MARGIN. The order is cancelled (cause AMEND) when
        the new total is not above what is filled already, or a post-only order would take at the new price.
        """
        with self._command(account, now_ms) as owner:
            order = order_entry.find_open(owner, order_id, client_id)

            return order_entry.amend(self._floor, order, price, amount, amend_id)

    def cancel(
        self, account: str, *, order_id: int | None = None, client_id: str | None = None, now_ms: int
    ) -> SimulatedOrder:
        """Cancel an open order. RejectionError (UNKNOWN_ORDER) when it is not open."""
        with self._command(account, now_ms) as owner:
            return self._floor.end(order_entry.find_open(owner, order_id, client_id), Cause.CANCELLED)

    def cancel_all(self, account: str, now_ms: int) -> Sequence[SimulatedOrder]:
        """Cancel all open orders of the account. Conditional ones stay."""
        with self._command(account, now_ms) as owner:
            return self._floor.end_all(owner, Cause.CANCELLED)

    def set_countdown(self, account: str, countdown_ms: int, now_ms: int) -> None:
        """Set the dead-man switch: all open orders expire after so long unless it is set again. 0 ends it."""
        with self._command(account, now_ms) as owner:
            owner.countdown_ms = self.now_ms + countdown_ms if countdown_ms > 0 else None

    def order(
        self, account: str, *, order_id: int | None = None, client_id: str | None = None
    ) -> SimulatedOrder | None:
        """Return an order, open or not. Of several that used a client id the newest."""
        return order_entry.find(self._floor.account(account), order_id, client_id)

    def open_orders(self, account: str) -> Sequence[SimulatedOrder]:
        """Return the account's open orders. Conditional ones are in a namespace of their own."""
        return tuple(self._floor.account(account).open_orders.values())

    def orders(self, account: str, since_ms: int = 0) -> Sequence[SimulatedOrder]:
        """Return all orders of the account created since, oldest first."""
        return [order for order in self._floor.account(account).orders.values() if order.created_ms >= since_ms]

    def reduce_only_room(self, account: str, side: Side, position_side: PositionSide) -> int:
        """Lots that a new closing order could still close: the position less what closing orders hold already."""
        return self._floor.account(account).room(side, position_side)

    # --- conditional orders

    def set_stop_customs(self, customs: StopCustoms) -> None:
        """What the venue does with conditional orders from now on."""
        self._floor.stop_customs = customs

    def place_conditional(self, account: str, request: ConditionalRequest, now_ms: int) -> ConditionalOrder:
        """Take a conditional order. Margin and reduce-only are checked only when it triggers."""
        with self._command(account, now_ms) as owner:
            return trigger.place_conditional(self._floor, owner, request)

    def cancel_conditional(
        self, account: str, *, conditional_id: int | None = None, client_id: str | None = None, now_ms: int
    ) -> ConditionalOrder:
        """Cancel a waiting conditional order. RejectionError (UNKNOWN_ORDER) when it is not waiting."""
        with self._command(account, now_ms) as owner:
            return trigger.end_conditional(self._floor, trigger.find_waiting(owner, conditional_id, client_id))

    def trigger_conditional(self, account: str, conditional_id: int, now_ms: int) -> ConditionalOrder:
        """Trigger a waiting conditional order now, as a venue does that holds it itself. Rejected: UNKNOWN_ORDER."""
        with self._command(account, now_ms) as owner:
            trigger.send(self._floor, trigger.find_waiting(owner, conditional_id, None))

            return owner.conditionals[conditional_id]

    def cancel_all_conditional(self, account: str, now_ms: int) -> Sequence[ConditionalOrder]:
        """Cancel all waiting conditional orders of the account."""
        with self._command(account, now_ms) as owner:
            return [trigger.end_conditional(self._floor, order) for order in trigger.waiting(owner)]

    def conditional(
        self, account: str, *, conditional_id: int | None = None, client_id: str | None = None
    ) -> ConditionalOrder | None:
        """Return a conditional order, waiting or not. Of several that used a client id the newest."""
        return trigger.find_conditional(self._floor.account(account), conditional_id, client_id)

    def conditional_orders(self, account: str, *, waiting_only: bool = True) -> Sequence[ConditionalOrder]:
        """Return the account's conditional orders, oldest first."""
        owner = self._floor.account(account)

        return trigger.waiting(owner) if waiting_only else list(owner.conditionals.values())

    # --- inside

    @contextmanager
    def _command(self, account: str, now_ms: int) -> Iterator[Account]:
        self.advance(now_ms)

        try:
            yield self._floor.account(account)
        finally:
            self._conclude()

    def _conclude(self) -> None:
        trigger.check_triggers(self._floor)
        self._floor.publish()

    def _do_due(self) -> None:
        floor, now_ms, mark = self._floor, self._floor.now_ms, self._floor.mark

        if now_ms >= floor.next_funding_ms:
            settlement.settle_funding(floor)
            floor.next_funding_ms += self._funding_ms

        settlement.check_countdowns(floor)
        settlement.check_good_till(floor)

        if self._market.next_ms is not None and self._market.next_ms <= now_ms:
            self._market.step(self._street)

        if floor.mark != mark or any(account.liquidating for account in floor.accounts.values()):
            settlement.check_liquidations(floor)

        self._conclude()
