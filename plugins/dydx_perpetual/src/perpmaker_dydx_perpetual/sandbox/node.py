"""A node: every transaction goes through the checks of the chain, in their order, and then into memory or a block."""

from __future__ import annotations

from typing import Final

from perpmaker import PayloadError
from perpmaker.venue.sandbox import RejectionError
from perpmaker_dydx_perpetual.sandbox.accounts import ChainAccount, pairs_of, subaccount_of
from perpmaker_dydx_perpetual.sandbox.chain import Block, Chain
from perpmaker_dydx_perpetual.sandbox.identity import Row
from perpmaker_dydx_perpetual.sandbox.markets import PPM
from perpmaker_dydx_perpetual.sandbox.matching import Matching
from perpmaker_dydx_perpetual.sandbox.options import ACTIVE, Options
from perpmaker_dydx_perpetual.sandbox.rate_limits import RateLimits
from perpmaker_dydx_perpetual.sandbox.refusals import ChainError, clob, node_error, sdk
from perpmaker_dydx_perpetual.sandbox.short_term import ShortTermOrders
from perpmaker_dydx_perpetual.sandbox.stateful import StatefulOrders
from perpmaker_dydx_perpetual.sandbox.validation import (
    check_body,
    check_message,
    check_timeout,
    is_short_term,
    known_messages,
)
from perpmaker_dydx_perpetual.transactions import (
    BatchCancel,
    CancelOrder,
    ChainMessage,
    Order,
    PlaceOrder,
    TimeInForce,
    Transaction,
    UpdateLeverage,
    read_transaction,
    transaction_hash,
)

IN_CACHE: Final = "tx already exists in cache"


class Node:
    """Checks transactions and gives them to those who keep orders.

    Args:
        account: the only account of this chain.
        chain: the blocks.
        matching: the book.
        short_term: short-term orders.
        stateful: stateful orders.
        options: what the market's status becomes, and whether counts are enforced.
        enforced: whether transactions that are too many are refused.
    """

    def __init__(  # noqa: PLR0917  # everything that a transaction may be about
        self,
        account: ChainAccount,
        chain: Chain,
        matching: Matching,
        short_term: ShortTermOrders,
        stateful: StatefulOrders,
        options: Options,
        *,
        enforced: bool,
    ) -> None:
        self.account = account
        self.included: dict[str, int] = {}
        self.leverage_ppm: int | None = None
        self._chain = chain
        self._matching = matching
        self._short_term = short_term
        self._stateful = stateful
        self._options = options
        self._enforced = enforced
        self._limits = RateLimits()
        self._cache: set[str] = set()
        self._waiting: list[str] = []
        self._next_leverage_ppm: int | None = None

    @property
    def status(self) -> str:
        """The market's status."""
        is_due = self._chain.since_start >= self._options.market_status_after

        return self._options.market_status if is_due else ACTIVE

    def broadcast(self, sent: bytes) -> Row:
        """Take a transaction; the answer has the code with which the chain refuses it, 0 where it does not."""
        name = transaction_hash(sent)

        if name in self._cache:
            raise node_error(IN_CACHE)

        answer: Row = {"code": 0, "data": "", "log": "[]", "codespace": "", "hash": name}

        try:
            self._check(sent, name)
        except ChainError as error:
            return {**answer, "code": error.code, "log": error.text, "codespace": error.space}

        self._cache.add(name)

        return answer

    def on_block(self, block: Block) -> None:
        """Put into a block what waited for it."""
        self.included |= dict.fromkeys(self._waiting, block.height)
        self._waiting.clear()

        if self._next_leverage_ppm is not None:
            self.leverage_ppm, self._next_leverage_ppm = self._next_leverage_ppm, None

    def _check(self, sent: bytes, name: str) -> None:
        try:
            transaction = read_transaction(sent)
        except PayloadError as error:
            raise sdk(2, f"{error}: tx parse error") from None

        check_body(transaction)
        messages = known_messages(transaction)

        for message in messages:
            check_message(message)

        check_timeout(transaction, self._chain.height + 1)
        self._check_signer(transaction, messages)

        if self._enforced:
            for message in messages:
                self._limits.spend(message, self._chain.height + 1)

        for message in messages:
            self._carry_out(message)

        if not is_short_term(messages[0]):
            self._waiting.append(name)

    def _check_signer(self, transaction: Transaction, messages: tuple[ChainMessage, ...]) -> None:
        for message in messages:
            owner = subaccount_of(message).owner

            if owner != self.account.address:
                raise sdk(9, f"account {owner} does not exist: unknown address")

        is_short = is_short_term(messages[0])
        before = (self.account.sequence, list(self.account.nonces), self.account.largest_forgotten)

        if not is_short:
            self.account.use_sequence(transaction.sequence, self._matching.server_ms())

        try:
            self.account.check_signature(transaction, messages)
        except ChainError:
            self.account.sequence, self.account.nonces, self.account.largest_forgotten = before
            raise

    def _carry_out(self, message: ChainMessage) -> None:
        if (number := subaccount_of(message).number) != 0:
            raise clob(3007, f"subaccount {number} has no collateral")

        for pair in pairs_of(message):
            if pair != self._matching.market.clob_pair:
                raise clob(8, f"Clob pair ID {pair} does not exist: Invalid clob")

        match message:
            case PlaceOrder(order=order):
                self._check_order(order)
                (self._short_term if is_short_term(message) else self._stateful).place(order)
            case CancelOrder():
                (self._short_term if is_short_term(message) else self._stateful).cancel(message)
            case BatchCancel():
                self._short_term.cancel_batch(message)
            case UpdateLeverage():
                self._set_leverage(message)

    def _check_order(self, order: Order) -> None:
        market, status = self._matching.market, self.status
        takes = order.time_in_force != TimeInForce.POST_ONLY

        if status != ACTIVE and not (status == "POST_ONLY" and not takes):
            raise clob(34, f"Order conflicts with the status {status} of the market: Operation conflicts with ClobPair")

        for value, step, what in (
            (order.quantums, market.step_quantums, "StepBaseQuantums"),
            (order.subticks, market.tick_subticks, "SubticksPerTick"),
            (order.trigger_subticks, market.tick_subticks, "SubticksPerTick"),
        ):
            if value % step:
                raise clob(12, f"{value} must be a multiple of the ClobPair's {what} {step}: Invalid place order")

    def _set_leverage(self, message: UpdateLeverage) -> None:
        """Set the leverage of the market; whole numbers only, as the exchange behind this has it."""
        ppm = message.markets[0].margin_ppm
        least = int(self._matching.market.initial_margin * PPM)

        if ppm < least:
            raise ChainError("subaccounts", 701, f"custom imf ppm {ppm} is below {least}: Leverage exceeds maximum")

        try:
            self._matching.set_leverage(int(PPM) // ppm)
        except RejectionError as error:
            raise ChainError("subaccounts", 703, f"{error}: Leverage violates margin requirements") from None

        self._next_leverage_ppm = ppm
