"""Serves a venue's sandbox: the simulated exchange, a market, the venue's dialect, and a control room in front."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import anyio
import attrs
from anyio.abc import Listener, SocketAttribute

from perpmaker.clock import Clock
from perpmaker.errors import UnknownMarketError
from perpmaker.sandbox.control import ControlRoom
from perpmaker.sandbox.dialect import Dialect, TestKeys
from perpmaker.sandbox.oracle import Oracle
from perpmaker.simulation.crowd import Market
from perpmaker.simulation.exchange import Exchange
from perpmaker.simulation.market import SyntheticMarket
from perpmaker.simulation.rules import MARKETS
from perpmaker.wire.fault import FaultPlan
from perpmaker.wire.server import serve

ACCOUNT = "main"
"""The account that the test keys open."""

_PATIENCE_S = 0.1


@attrs.frozen(kw_only=True)
class SandboxSettings:
    """What a sandbox is made of; `options` are the dialect's own."""

    venue: str
    market: str = "BTC-USDT"
    seed: int = 0
    balance: Decimal = Decimal(10_000)
    options: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class SandboxLine:
    """What a sandbox prints when it is ready, as one JSON line; the keys are made up and shown on purpose."""

    venue: str
    url: str
    api_key: str
    api_secret: str
    market: str
    seed: int


@attrs.frozen(kw_only=True, eq=False)
class Sandbox:
    """A sandbox that is being served."""

    line: SandboxLine
    keys: TestKeys
    exchange: Exchange
    market: Market
    oracle: Oracle
    faults: FaultPlan


@asynccontextmanager
async def open_sandbox(
    dialect: Dialect,
    settings: SandboxSettings,
    *,
    clock: Clock,
    listener: Listener[Any],
    market: Market | None = None,
    faults: FaultPlan | None = None,
) -> AsyncIterator[Sandbox]:
    """Serve a venue's sandbox on a listener (TCP or in memory) for as long as the context lasts.

    `market` takes the place of the synthetic one. UnknownMarketError when there are no rules for the market.
    """
    rules = MARKETS.get(settings.market)

    if rules is None:
        raise UnknownMarketError(settings.market, f"the sandbox of {settings.venue}", tuple(MARKETS))

    start_ms = clock.utc_ms()
    instrument = attrs.evolve(rules.instrument, symbol=dialect.symbol(settings.market))
    behind = market or SyntheticMarket(instrument, price=rules.price, seed=settings.seed, start_ms=start_ms)
    exchange = Exchange(instrument, behind, start_ms=start_ms)
    oracle = Oracle(exchange)
    exchange.open_account(ACCOUNT, settings.balance)
    app = dialect.app(exchange, clock, dict(settings.options))
    line = SandboxLine(
        venue=settings.venue,
        url=_url(listener),
        api_key=dialect.keys.api_key,
        api_secret=dialect.keys.api_secret,
        market=settings.market,
        seed=settings.seed,
    )
    plan = faults if faults is not None else FaultPlan(seed=settings.seed)
    sandbox = Sandbox(line=line, keys=dialect.keys, exchange=exchange, market=behind, oracle=oracle, faults=plan)
    room = ControlRoom(
        app, exchange=exchange, market=behind, oracle=oracle, faults=plan, clock=clock, line=attrs.asdict(line)
    )

    error: Exception | None = None

    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(_drive, exchange, clock)
        tasks.start_soon(app.run)
        tasks.start_soon(_serve, listener, room, plan)

        try:
            yield sandbox
        except Exception as raised:  # noqa: BLE001  # raised again below: the task group would wrap it
            error = raised

        tasks.cancel_scope.cancel()

    if error is not None:
        raise error


async def _serve(listener: Listener[Any], room: ControlRoom, plan: FaultPlan) -> None:
    await serve(listener, room, faults=plan)


async def _drive(exchange: Exchange, clock: Clock) -> None:
    """Let the exchange do what is due, when it is due."""
    while True:
        now_ms = clock.utc_ms()
        exchange.advance(now_ms)
        wait_s = (exchange.next_due_ms - now_ms) / 1000
        await anyio.sleep(min(max(wait_s, 0.001), _PATIENCE_S))


def _url(listener: Listener[Any]) -> str:
    address = listener.extra(SocketAttribute.local_address)  # noqa: S610  # anyio's typed attribute, not Django's query

    return f"http://{address[0]}:{address[1]}"
