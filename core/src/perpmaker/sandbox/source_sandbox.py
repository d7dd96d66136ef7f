"""A second sandbox beside the first: the market that an external price source reads, in the same process.

A market of the same name follows the index price of the first one, as spot and perpetual follow each other; one of
another name is a synthetic market of its own, from the same seed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
from anyio.abc import Listener

from perpmaker.clock import Clock
from perpmaker.sandbox.dialect import Dialect
from perpmaker.sandbox.market_file import market_rules
from perpmaker.sandbox.server import Sandbox, SandboxLine, SandboxSettings, open_sandbox
from perpmaker.simulation.exchange import Exchange
from perpmaker.simulation.rules import MarketRules
from perpmaker.simulation.spot import SpotMarket


@attrs.frozen(kw_only=True)
class SourceMarket:
    """What is served for a price source: a venue's name and dialect, a market of it, and where it listens.

    `traded` are the rules of the traded market, for a source that reads the market of the same name; None: those that
    every sandbox knows.
    """

    venue: str
    dialect: Dialect
    market: str
    listener: Listener[Any]
    traded: MarketRules | None = None


@attrs.define(eq=False)
class SourceSandbox:
    """A source's sandbox that is being served, and what its market follows once there is something to follow."""

    sandbox: Sandbox
    spot: SpotMarket | None

    @property
    def line(self) -> SandboxLine:
        """Where it is."""
        return self.sandbox.line

    def follow(self, leader: Exchange) -> None:
        """Follow the exchange that serves the traded market, where it is the same market."""
        if self.spot is not None:
            self.spot.leader = leader


@asynccontextmanager
async def open_source_sandbox(
    source: SourceMarket, traded: SandboxSettings, *, clock: Clock
) -> AsyncIterator[SourceSandbox]:
    """Serve the market of a price source beside the traded one.

    UnknownMarketError when there are no rules for it.
    """
    same = source.market == traded.market
    rules = source.traded if same else None
    rules = rules or market_rules(source.dialect, source.venue, source.market, None, None)
    instrument = attrs.evolve(rules.instrument, symbol=source.dialect.symbol(source.market))
    spot = SpotMarket(instrument, price=rules.price, start_ms=clock.utc_ms()) if same else None
    settings = SandboxSettings(
        venue=source.venue,
        market=source.market,
        seed=traded.seed,
        shape=traded.shape,
        latency=traded.latency,
        rules=rules,
    )

    async with open_sandbox(source.dialect, settings, clock=clock, listener=source.listener, market=spot) as sandbox:
        yield SourceSandbox(sandbox, spot)
