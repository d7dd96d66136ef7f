"""What every part of the venue lives on: the exchange, one market and account of it, its clock, and the blocks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs

from perpmaker import Instrument
from perpmaker.venue.sandbox import AccountState, Exchange, SandboxParts
from perpmaker_dydx_perpetual.sandbox.accounts import KEYS
from perpmaker_dydx_perpetual.sandbox.markets import ChainMarket, chain_market
from perpmaker_dydx_perpetual.sandbox.options import ACTIVE, Options

FIRST_HEIGHT: Final = 1_000_000


@attrs.frozen(kw_only=True)
class Block:
    """A committed block; its time is the exchange's."""

    height: int
    at_ms: int


class Chain:
    """Commits blocks at fixed times, unless it stands still. `listeners` are told of each, in their order.

    A block is of the time at which it is committed: what has happened until then is in it.
    """

    def __init__(self, options: Options, now_ms: int) -> None:
        self.last = Block(height=FIRST_HEIGHT, at_ms=now_ms)
        self.listeners: list[Callable[[Block], None]] = []
        self._options = options
        self._next_ms = now_ms + options.block_ms

    @property
    def height(self) -> int:
        """The newest block's height."""
        return self.last.height

    @property
    def since_start(self) -> int:
        """Blocks since the first one."""
        return self.height - FIRST_HEIGHT

    def advance(self, now_ms: int) -> None:
        """Commit the blocks that are due."""
        while self._next_ms <= now_ms:
            due_ms, self._next_ms = self._next_ms, self._next_ms + self._options.block_ms
            self.last = Block(height=self.height + 1, at_ms=due_ms if self._next_ms <= now_ms else now_ms)

            if self.since_start == self._options.halt_after:
                self._next_ms += round(self._options.halt_s * 1000)

            for listener in self.listeners:
                listener(self.last)


class World:
    """Everything that is known everywhere."""

    def __init__(self, parts: SandboxParts, options: Options) -> None:
        self.parts = parts
        self.options = options
        self.exchange: Exchange = parts.exchange
        self.instrument: Instrument = parts.exchange.instrument
        self.market: ChainMarket = chain_market(self.instrument)
        self.owner = KEYS.api_key
        self.now_ms, self.server_ms, self.shown_ms = parts.clock.now_ms, parts.clock.server_ms, parts.clock.shown_ms
        self.chain = Chain(options, parts.clock.now_ms())

    @property
    def account(self) -> str:
        """The exchange's name of the account; empty while there is none."""
        return self.parts.account.name

    @property
    def block_ms(self) -> int:
        """The newest block's time on the venue's clock."""
        return self.shown_ms(self.chain.last.at_ms)

    @property
    def status(self) -> str:
        """The market's status."""
        is_due = self.chain.since_start >= self.options.market_status_after

        return self.options.market_status if is_due else ACTIVE

    @property
    def is_settled(self) -> bool:
        """Whether the market is closed for good, and no order lives on it."""
        return self.status == "FINAL_SETTLEMENT"

    @property
    def state(self) -> AccountState:
        """The account as the exchange has it."""
        return self.exchange.account(self.account)
