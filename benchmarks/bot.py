"""A whole bot on one market of the crowd, in the process that measures it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

from benchmarks.crowd import Settings, open_connector
from benchmarks.depth import synthetic
from benchmarks.feeder import LEVELS
from perpmaker.clock import SystemClock
from perpmaker.connector.interface import ConnectorContext, Environment
from perpmaker.exits.settings import ExitSettings
from perpmaker.journal.state_dir import StateDir
from perpmaker.launch.launch import prepare_run
from perpmaker.launch.plan import Plan
from perpmaker.model.order import PositionMode
from perpmaker.plugins.declarations import DerivativeConnectorDeclaration
from perpmaker.plugins.shipped import declaration
from perpmaker.runtime.supervisor import Supervisor
from perpmaker.secret import References
from perpmaker.strategy.settings import StrategySettings
from perpmaker.wire.pipe import connect_tcp

_STRATEGY = StrategySettings(
    bid_spread=Decimal("0.001"),
    ask_spread=Decimal("0.001"),
    order_amount=Decimal("0.01"),
    order_refresh_time=5.0,
)


@asynccontextmanager
async def open_bot(number: int, port: int, home: StateDir) -> AsyncIterator[Supervisor]:
    """One bot with an account of its own, whose book stream is at this port of loopback."""
    settings = Settings(str(number), f"ws://127.0.0.1:{port}", synthetic(1, levels=LEVELS).snapshot)
    plan = Plan(
        market="BTC-USDT",
        leverage=3,
        position_mode=PositionMode.ONE_WAY,
        margin_mode=None,
        connector=DerivativeConnectorDeclaration(
            name="crowd", summary="A venue that takes every order.", settings=Settings, open=open_connector
        ),
        connector_settings=settings,
        strategy=declaration(),
        strategy_settings=_STRATEGY,
        exits=ExitSettings(),
    )
    context = ConnectorContext(
        clock=SystemClock(),
        connect=connect_tcp,
        signers=References(Path()),
        environment=Environment.PAPER,
    )

    async with prepare_run(plan, context, home=home, tell=lambda _: None, seed=number) as ready:
        yield await ready.start()
