"""B5: `check` passed what `run` refused, because each had rules of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest

from perpmaker.clock import LoopClock
from perpmaker.config.configuration import Configuration
from perpmaker.config.loading import load_configuration
from perpmaker.connector.interface import ConnectorContext, DerivativeConnector, Environment
from perpmaker.errors import MarketRulesError
from perpmaker.launch.configured_plan import plan_of
from perpmaker.launch.launch import prepare_run
from perpmaker.launch.preflight import survey
from perpmaker.model.instrument import Instrument
from perpmaker.plugins.catalog import load_catalog
from perpmaker.secret import References
from perpmaker.testing.view import make_instrument
from perpmaker.wire.memory import MemoryNetwork

pytestmark = pytest.mark.anyio

FILE = Path(__file__).parents[2] / "examples" / "sandbox.toml"


@attrs.define
class BareVenue:
    """A connector of a venue that keeps no stops and has nothing but its rules; nothing else may be asked."""

    rules: Instrument
    name: str = "binance_perpetual"
    account: str = "test"
    fence_s: float = 2.0
    caps_resting_exits: bool = True

    async def fetch_instrument(self, _: str) -> Instrument:
        """The market's rules."""
        return self.rules

    async def _asked(self, *_: Any) -> Any:
        raise AssertionError("it was asked for more than the market's rules")

    prepare = feeds = place = cancel = fetch_order = fetch_open_orders = fetch_fills = fetch_account = _asked


def configured(overrides: Sequence[str]) -> tuple[Configuration, ConnectorContext]:
    """A configuration of the example, and what its connector would be opened with."""
    context = ConnectorContext(
        clock=LoopClock(),
        connect=MemoryNetwork().connect,
        signers=References(FILE.parent, {}),
        environment=Environment.SANDBOX,
    )

    return load_configuration(FILE, overrides, load_catalog()), context


async def refused_by_check(overrides: Sequence[str], rules: Instrument) -> str:
    """Why `check` refuses, before it has asked the venue for anything but its rules."""
    configuration, context = configured(overrides)
    venue: DerivativeConnector = BareVenue(rules)  # type: ignore[assignment]  # nothing of the rest may be asked

    with pytest.raises(MarketRulesError) as refused:
        await survey(configuration, venue, rules, context)

    return str(refused.value)


async def refused_by_run(overrides: Sequence[str], rules: Instrument) -> str:
    """Why a run does not begin, on the same venue."""
    configuration, context = configured(overrides)

    @asynccontextmanager
    async def opened(*_: Any) -> AsyncIterator[Any]:
        yield BareVenue(rules)

    plan = plan_of(configuration)
    plan = attrs.evolve(plan, connector=attrs.evolve(plan.connector, open=opened))

    with pytest.raises(MarketRulesError) as refused:
        await prepare_run(plan, context, home=None, tell=lambda _: None, seed=1).__aenter__()

    return str(refused.value)


async def test_B5_check_refuses_what_run_refuses() -> None:
    """Each rule of the market, by both, in the same words and before anything is asked of the account."""
    for overrides, rules, words in [
        (['stop_loss_order="venue"'], {}, 'stop_loss_order = "venue": binance_perpetual keeps no stops'),
        (["leverage=21"], {"max_leverage": 20}, "leverage = 21: BTC-USDT allows at most 20"),
        (['position_mode="Hedge"'], {"has_hedge_mode": False}, 'position_mode = "Hedge": BTC-USDT on'),
        (["order_levels=5"], {"max_orders": 11}, "order_levels = 5: 10 quotes and 2 closing orders"),
        (
            ["order_override={a = ['buy', 1, 1], b = ['sell', 1, 1]}", 'position_mode="Hedge"'],
            {"max_orders": 5},
            "order_override: 2 quotes and 4 closing orders are more than the 5 orders",
        ),
    ]:
        instrument = make_instrument(**{"has_hedge_mode": True, **rules})
        by_check, by_run = await refused_by_check(overrides, instrument), await refused_by_run(overrides, instrument)

        assert by_check == by_run
        assert by_check.startswith(words)


async def test_B5_every_rule_that_is_broken_is_said_at_once() -> None:
    """A person mends the file once, not rule by rule."""
    overrides = ['stop_loss_order="venue"', "leverage=200", 'position_mode="Hedge"', "order_levels=100"]
    instrument = make_instrument(has_hedge_mode=False, max_orders=200)
    by_check, by_run = await refused_by_check(overrides, instrument), await refused_by_run(overrides, instrument)

    assert by_check == by_run
    assert [line.partition(":")[0] for line in by_check.splitlines()] == [
        "leverage = 200",
        'position_mode = "Hedge"',
        'stop_loss_order = "venue"',
        "order_levels = 100",
    ]
