"""A node: every transaction goes through the checks of the chain, in their order, and then into memory or a block."""

from __future__ import annotations

from collections import deque
from typing import Final

from perpmaker import PayloadError
from perpmaker.venue.sandbox import RejectionError
from perpmaker_dydx_perpetual import transactions as tx
from perpmaker_dydx_perpetual.sandbox.accounts import AUTHENTICATOR, ChainAccount, Permission, pairs_of, subaccount_of
from perpmaker_dydx_perpetual.sandbox.markets import PPM
from perpmaker_dydx_perpetual.sandbox.matching import Matching
from perpmaker_dydx_perpetual.sandbox.options import ACTIVE
from perpmaker_dydx_perpetual.sandbox.records import Row
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
from perpmaker_dydx_perpetual.sandbox.world import Block, World

IN_CACHE: Final = "tx already exists in cache"
MOST_CACHED: Final = 10_000


SHORT_TERM, STATEFUL, LEVERAGE = "short-term orders and cancels", "stateful orders", "leverage updates"
LIMITS: Final = {SHORT_TERM: ((5, 4000),), STATEFUL: ((1, 2), (100, 20)), LEVERAGE: ((1, 1), (100, 100))}
"""In so many blocks so many of a kind, of one owner."""

BATCH_WEIGHT: Final = 2


class RateLimits:
    """Counts by block; those that fail count as well."""

    def __init__(self) -> None:
        self._counts: dict[str, deque[tuple[int, int]]] = {kind: deque() for kind in LIMITS}

    def spend(self, message: tx.ChainMessage, height: int) -> None:
        """Count a message, or refuse it; clob 5001."""
        kind = SHORT_TERM if is_short_term(message) else _KINDS.get(type(message))

        if kind is None:
            return

        counts = self._counts[kind]
        counts.append((height, BATCH_WEIGHT if isinstance(message, tx.BatchCancel) else 1))

        while counts[0][0] <= height - max(blocks for blocks, _ in LIMITS[kind]):
            counts.popleft()

        for blocks, most in LIMITS[kind]:
            count = sum(weight for at, weight in counts if at > height - blocks)

            if count > most:
                text = f"Rate of {count} exceeds configured block rate limit of {most} {kind} in {blocks} blocks"
                raise clob(5001, f"{text}: Block rate limit exceeded")


_KINDS: Final[dict[type[object], str]] = {tx.PlaceOrder: STATEFUL, tx.UpdateLeverage: LEVERAGE}


class Node:
    """Checks transactions and gives them to those who keep orders."""

    def __init__(self, world: World, matching: Matching, short_term: ShortTermOrders, stateful: StatefulOrders) -> None:
        permission = Permission.of_trading_key(may_set_leverage=world.options.key_sets_leverage)
        self.account = ChainAccount(permissions={AUTHENTICATOR: permission})
        self.leverage_ppm: int | None = None
        self._world = world
        self._matching = matching
        self._short_term = short_term
        self._stateful = stateful
        self._limits = RateLimits()
        self._cache: dict[str, None] = {}
        self._next_leverage_ppm: int | None = None

    def broadcast(self, sent: bytes) -> Row:
        """Take a transaction; the answer has the code with which the chain refuses it, 0 where it does not."""
        name = tx.transaction_hash(sent)
        answer: Row = {"code": 0, "data": "", "log": "[]", "codespace": "", "hash": name}

        if name in self._cache:
            raise node_error(IN_CACHE)

        try:
            self._check(sent)
        except ChainError as error:
            return {**answer, "code": error.code, "log": error.text, "codespace": error.space}

        self._cache[name] = None

        if len(self._cache) > MOST_CACHED:
            del self._cache[next(iter(self._cache))]

        return answer

    def on_block(self, _: Block) -> None:
        """Show the leverage that was set for this block."""
        self.leverage_ppm, self._next_leverage_ppm = self._next_leverage_ppm or self.leverage_ppm, None

    def _check(self, sent: bytes) -> None:
        try:
            transaction = tx.read_transaction(sent)
        except PayloadError as error:
            raise sdk(2, f"{error}: tx parse error") from None

        check_body(transaction)
        messages, height = known_messages(transaction), self._world.chain.height + 1

        for message in messages:
            check_message(message)

        check_timeout(transaction, height)

        with self.account.all_or_nothing(), self._stateful.all_or_nothing():
            self._check_signer(transaction, messages)

            if self._world.parts.options.enforce_limits:
                for message in messages:
                    self._limits.spend(message, height)

            for message in messages:
                self._carry_out(message)

    def _check_signer(self, transaction: tx.Transaction, messages: tuple[tx.ChainMessage, ...]) -> None:
        for owner in {subaccount_of(message).owner for message in messages}:
            if owner != self.account.address:
                raise sdk(9, f"account {owner} does not exist: unknown address")

        if not is_short_term(messages[0]):
            self.account.use_sequence(transaction.sequence, self._world.block_ms)

        self.account.check_signature(transaction, messages)

    def _carry_out(self, message: tx.ChainMessage) -> None:
        if (number := subaccount_of(message).number) != 0:
            raise clob(3007, f"subaccount {number} has no collateral")

        for pair in pairs_of(message):
            if pair != self._world.market.clob_pair:
                raise clob(8, f"Clob pair ID {pair} does not exist: Invalid clob")

        match message:
            case tx.PlaceOrder(order=order):
                self._check_order(order)
                (self._short_term if is_short_term(message) else self._stateful).place(order)
            case tx.CancelOrder():
                (self._short_term if is_short_term(message) else self._stateful).cancel(message)
            case tx.BatchCancel():
                self._short_term.cancel_batch(message)
            case tx.UpdateLeverage():
                self._set_leverage(message)

    def _check_order(self, order: tx.Order) -> None:
        world, market, status = self._world, self._world.market, self._world.status
        takes = order.time_in_force != tx.TimeInForce.POST_ONLY

        if status != ACTIVE and not (status == "POST_ONLY" and not takes):
            raise clob(34, f"Order conflicts with the status {status} of the market: Operation conflicts with ClobPair")

        if order.quantums > world.instrument.max_amount / world.instrument.lot * market.step_quantums:
            raise clob(3, f"{order.quantums} is more than anybody has: Invalid order quantums")

        for value, step, what in (
            (order.quantums, market.step_quantums, "StepBaseQuantums"),
            (order.subticks, market.tick_subticks, "SubticksPerTick"),
            (order.trigger_subticks, market.tick_subticks, "SubticksPerTick"),
        ):
            if value % step:
                raise clob(12, f"{value} must be a multiple of the ClobPair's {what} {step}: Invalid place order")

    def _set_leverage(self, message: tx.UpdateLeverage) -> None:
        """Set the leverage of the market; whole numbers only, as the exchange behind this has it."""
        ppm, world = message.markets[0].margin_ppm, self._world
        least = int(world.market.initial_margin * PPM)

        if ppm < least:
            raise ChainError("subaccounts", 701, f"custom imf ppm {ppm} is below {least}: Leverage exceeds maximum")

        try:
            world.exchange.set_leverage(world.account, round(PPM / ppm), world.exchange.now_ms)
        except RejectionError as error:
            raise ChainError("subaccounts", 703, f"{error}: Leverage violates margin requirements") from None

        self._next_leverage_ppm = ppm
