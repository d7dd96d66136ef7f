"""The guards in whole sessions over the wire: what the sandbox's account comes to, and what the bot says of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from perpmaker.errors import ExitCode
from perpmaker.model.order import Side
from perpmaker.sandbox.server import ACCOUNT
from perpmaker.state.view import Mode
from perpmaker.testing.session import open_session
from perpmaker.testing.virtual import virtual_backend

TESTS = Path(__file__).parents[1]
BINANCE = TESTS / "practice.toml"
BYBIT = TESTS / "bybit_perpetual" / "session.toml"


def play(scenario: Any) -> Any:
    """Run it on virtual time."""
    name, options = virtual_backend()

    return anyio.run(scenario, backend=name, backend_options=options)


@pytest.mark.parametrize(
    "file", [pytest.param(BINANCE, id="binance"), pytest.param(BYBIT, id="bybit", marks=pytest.mark.full)]
)
def test_quotes_leave_free_what_margin_guard_says(file: Path) -> None:
    """Whatever is filled and wherever the market goes, by the sandbox's own account at every moment."""

    async def scenario() -> tuple[float, int]:
        levels = ("order_levels=4", "order_level_spread=0.02", "filled_order_delay=1", "order_refresh_time=2")
        guard = ("risk.margin_guard.quote_below=65", "risk.margin_guard.reduce_below=30")

        async with open_session(file, *levels, *guard, "sandbox.balance=2000", seed=2) as session:
            exchange, least, quoted = session.sandbox.exchange, [1.0], [0]

            def look(_: object) -> None:
                state = exchange.account(ACCOUNT)
                bound = state.position_margin + state.order_margin
                least[0] = min(least[0], float((state.equity - bound) / state.equity))
                quoted[0] = max(quoted[0], len(exchange.open_orders(ACCOUNT)))

            exchange.subscribe(look)
            await session.run(12)
            assert not session.sandbox.oracle.violations

            return least[0], quoted[0]

    least, quoted = play(scenario)
    assert quoted > 0
    assert 0.64 < least < 0.9  # without the guard it is 0.6; fees, and the mark's way since the last reading


def test_a_flatten_closes_at_market_and_halts_for_good() -> None:
    """The first position at leverage 5 is nearer than that: flat a moment later, and the run ends as halted."""

    async def scenario() -> None:
        guard = ("risk.liquidation_guard.quote_below=19.95", "risk.liquidation_guard.flatten_below=19.9")
        options = ('margin_mode="isolated"', "leverage=5", *guard)

        async with open_session(BINANCE, *options, seed=1) as session:
            await session.run(12)
            bot, exchange = session.bot, session.sandbox.exchange
            assert all(position.lots == 0 for position in exchange.account(ACCOUNT).positions)
            assert bot.mode in {Mode.HALT, Mode.STOP}
            state = bot.trader.trading_state
            assert (state.latched, state.halt_code) == (state.halted, ExitCode.HALTED)
            assert "liquidation_guard: " in str(state.latched)
            assert "every position is closed at market" in str(bot.journal.halt())
            assert not session.sandbox.oracle.violations

    play(scenario)


@pytest.mark.parametrize(
    "file", [pytest.param(BINANCE, id="binance"), pytest.param(BYBIT, id="bybit", marks=pytest.mark.full)]
)
def test_funding_guard_goes_by_what_the_venue_announces(file: Path) -> None:
    """0.01 % each eight hours is above 0.005: no bid, since a payment is near enough, and a person is told why."""

    async def scenario() -> tuple[set[Side], list[str]]:
        guard = ("risk.funding_guard.threshold=0.005", "risk.funding_guard.withhold_minutes=480")

        async with open_session(file, *guard, "ask_spread=5", seed=1) as session:
            sides: set[Side] = set()
            told_by = session.clock.now() + 3  # the first mark price brings the rate

            def look(_: object) -> None:
                if session.clock.now() > told_by:
                    sides.update(one.side for one in session.sandbox.exchange.open_orders(ACCOUNT))

            session.sandbox.exchange.subscribe(look)
            await session.run(8)

            return sides, session.told

    sides, told = play(scenario)
    assert sides == {Side.SELL}
    words = "funding_guard multiplies the profit-taking spread of longs by 0.5, of shorts by 2: longs pay 0.0100 %"
    assert len([line for line in told if words in line]) == 1
