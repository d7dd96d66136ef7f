"""Whole sessions on paper: the connector against a loopback venue, orders in the simulated exchange of this process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import attrs
import pytest

from perpmaker.clock import LoopClock
from perpmaker.config.loading import load_configuration
from perpmaker.connector.interface import ConnectorContext
from perpmaker.launch.configured_plan import plan_of
from perpmaker.launch.launch import prepare_run
from perpmaker.model.order import Fill, OrderKind, Side
from perpmaker.paper.connector import PaperConnector
from perpmaker.plugins.catalog import load_catalog
from perpmaker.runtime.supervisor import Supervisor
from perpmaker.sandbox.server import ACCOUNT, Sandbox, SandboxSettings, open_sandbox
from perpmaker.secret import References
from perpmaker.testing.virtual import virtual_backend
from perpmaker.wire.fault import Fault
from perpmaker.wire.memory import MemoryNetwork

pytestmark = pytest.mark.anyio

CONFIGURATION = """\
strategy = "perpetual_market_making"
derivative = "binance_perpetual"
market = "BTC-USDT"
leverage = 5
bid_spread = 0.01
ask_spread = 0.01
order_amount = 0.01
order_refresh_time = 5
filled_order_delay = 1
long_profit_taking_spread = 0.01
short_profit_taking_spread = 0.01
stop_loss_spread = {stop}
stop_loss_order = "{order}"

[binance_perpetual]
environment = "paper"
api_key = "env:A_KEY_THAT_NOBODY_LOOKS_FOR"
rest_url = "{rest}"
stream_url = "{stream}"

[sandbox]
balance = 5000
"""


@pytest.fixture
def anyio_backend(virtual_time: Any) -> Any:
    """Minutes of trading."""
    return virtual_time


@attrs.frozen
class Stage:
    """A bot on paper, and the venue that it looks at."""

    bot: Supervisor
    venue: Sandbox
    told: list[str]

    async def run(self, seconds: float) -> None:
        """Trade for so long, and stop."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._stop_after, seconds)
            closing = await self.bot.run()
            group.cancel_scope.cancel()

        assert closing.unproven is None
        assert self.bot.halted is None

    async def _stop_after(self, seconds: float) -> None:
        await anyio.sleep(seconds)
        self.bot.request_stop()


@asynccontextmanager
async def open_stage(folder: Path, *, seed: int = 1, stop: str = "0", order: str = "limit") -> AsyncIterator[Stage]:
    """Serve a venue in memory, and open a bot on paper that looks at it."""
    clock, network, told = LoopClock(), MemoryNetwork(latency_s=0.001), list[str]()
    catalog = load_catalog()
    declaration = catalog.derivative_connector("binance_perpetual")
    assert declaration.sandbox is not None
    settings = SandboxSettings(venue=declaration.name, seed=seed, shape="practice")

    async with open_sandbox(declaration.sandbox(), settings, clock=clock, listener=await network.listen()) as venue:
        rest = venue.line.url
        file = folder / "bot.toml"
        file.write_text(
            CONFIGURATION.format(rest=rest, stream="ws" + rest.removeprefix("http"), stop=stop, order=order)
        )
        configuration = load_configuration(file, (), catalog)
        context = ConnectorContext(
            clock=clock,
            connect=network.connect,
            signers=References(folder, {}),
            environment=configuration.environment,
        )

        async with prepare_run(plan_of(configuration), context, home=None, tell=told.append, seed=seed) as ready:
            bot = await ready.start()
            yield Stage(bot, venue, told)


async def test_bot_trades_on_paper_and_the_venue_notices_nothing(tmp_path: Path) -> None:
    """Quotes are filled and closed by the simulated exchange, while the venue has seen no order of anybody."""
    async with open_stage(tmp_path) as stage:
        before = stage.venue.exchange.account(ACCOUNT)
        await stage.run(30)
        state = stage.bot.trader.state
        assert stage.bot.connector.account.startswith("paper-")
        assert stage.bot.count.placed[OrderKind.QUOTE] > 4
        assert sum(state.account.totals.fees.values()) > 0
        assert stage.venue.exchange.orders(ACCOUNT) == []
        assert stage.venue.exchange.account(ACCOUNT).wallet == before.wallet
        assert stage.venue.oracle.violations == []


async def test_account_starts_with_the_configured_balance_at_the_venues_documented_terms(tmp_path: Path) -> None:
    """Fees and tiers that only a key could ask for are those that everybody gets."""
    async with open_stage(tmp_path) as stage:
        (balance,) = (await stage.bot.connector.fetch_account(stage.bot.instrument)).assets
        assert (balance.asset, balance.wallet) == ("USDT", Decimal(5000))
        instrument = stage.bot.instrument
        assert [str(fee) for fee in (instrument.maker_fee, instrument.taker_fee)] == ["0.0002", "0.0005"]
        assert (instrument.max_leverage, len(instrument.tiers)) == (20, 1)
        assert instrument.tick == stage.venue.exchange.instrument.tick


async def test_book_of_the_bot_is_the_venues_without_its_own_orders(tmp_path: Path) -> None:
    """What the bot takes for other people's orders is exactly what other people have in the simulated exchange."""
    async with open_stage(tmp_path) as stage, anyio.create_task_group() as group:
        group.start_soon(stage.run, 20)
        await anyio.sleep(7.3)
        connector = stage.bot.connector.guard_inner  # type: ignore[attr-defined]  # a test may look inside
        assert isinstance(connector, PaperConnector)
        assert connector._venue is not None
        depth = connector._venue.exchange.depth()
        orders = await connector.fetch_open_orders(stage.bot.instrument)
        assert orders

        for side, levels in ((Side.BUY, depth.bids), (Side.SELL, depth.asks)):
            others = Counter(dict(levels))
            others.subtract(
                {order.ticks or 0: order.lots - order.filled_lots for order in orders if order.side is side}
            )
            assert list(stage.bot.trader.state.book.levels(side)) == [level for level in others.items() if level[1]]


async def test_stop_that_rests_at_the_venue_works_on_paper(tmp_path: Path) -> None:
    """`stop_loss_order = "venue"`: the simulated exchange keeps it."""
    async with open_stage(tmp_path, stop="0.02", order="venue", seed=3) as stage:
        await stage.run(60)
        assert stage.bot.connector.account.startswith("paper-")
        assert stage.venue.exchange.conditional_orders(ACCOUNT, waiting_only=False) == []


@pytest.mark.full
async def test_outage_of_the_venue_takes_the_quotes_off_until_it_is_over(tmp_path: Path) -> None:
    """Without a book nothing is quoted; afterwards it goes on by itself."""
    async with open_stage(tmp_path) as stage, anyio.create_task_group() as group:
        group.start_soon(stage.run, 60)
        await anyio.sleep(10)
        await stage.venue.faults.inject(Fault(act="status", arg=503, path="/public", times=None))
        await stage.venue.faults.inject(Fault(act="close", when="now", path="/public"))
        await anyio.sleep(8)
        quotes = [
            order.client_id
            for order in await stage.bot.connector.fetch_open_orders(stage.bot.instrument)
            if stage.bot.known.kind(order.client_id) is OrderKind.QUOTE
        ]
        assert quotes == []
        placed = stage.bot.count.placed[OrderKind.QUOTE]
        stage.venue.faults.clear()
        await anyio.sleep(35)
        assert stage.bot.count.placed[OrderKind.QUOTE] > placed


@pytest.mark.full
def test_same_seed_is_the_same_session_on_paper(tmp_path: Path) -> None:
    """On virtual time it is as deterministic as the sandbox."""

    async def fills() -> list[Fill]:
        async with open_stage(tmp_path, seed=5) as stage:
            await stage.run(30)

            return list(await stage.bot.connector.fetch_fills(stage.bot.instrument, 0))

    sessions = []

    for _ in range(2):
        backend, options = virtual_backend()
        sessions.append(anyio.run(fills, backend=backend, backend_options=options))

    assert [attrs.evolve(fill, client_id="") for fill in sessions[0]] == [
        attrs.evolve(fill, client_id="") for fill in sessions[1]
    ]
    assert sessions[0]


def command(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The command, to its end."""
    return subprocess.run(  # noqa: S603  # our own command
        [sys.executable, "-m", "perpmaker", *words],
        check=False,
        cwd=cwd,
        env={**os.environ, "PERPMAKER_HOME": str(cwd / "home")},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.full
def test_command_runs_on_paper(tmp_path: Path) -> None:
    """`environment = "paper"` with a sandbox in the place of the venue: its line, its summary, exit code 0."""
    text = CONFIGURATION.format(rest="http://127.0.0.1:9", stream="ws://127.0.0.1:9", stop="0", order="limit")
    (tmp_path / "bot.toml").write_text(text)
    words = [sys.executable, "-m", "perpmaker", "sandbox", "binance_perpetual", "--json"]

    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as venue:  # noqa: S603  # our own command
        try:
            assert venue.stdout is not None
            url = json.loads(venue.stdout.readline())["url"]
            addresses = ["--set", f"binance_perpetual.rest_url={url}"]
            addresses += ["--set", f"binance_perpetual.stream_url=ws{url.removeprefix('http')}"]
            ended = command("run", "bot.toml", "--for", "3", *addresses, cwd=tmp_path)
            assert ended.returncode == 0, ended.stderr
            assert ended.stdout.startswith("paper BTC-USDT")
            assert "orders and account are simulated" in ended.stderr
            checked = command("check", "bot.toml", *addresses, cwd=tmp_path)
            assert "PAPER  binance_perpetual BTC-USDT" in checked.stdout, checked.stderr
            attached = command("run", "bot.toml", "--for", "3", "--sandbox-url", url, cwd=tmp_path)
            assert attached.returncode == 0, attached.stderr
            assert attached.stdout.startswith("paper BTC-USDT")
        finally:
            venue.kill()


@pytest.mark.full
def test_unreachable_venue_is_said_on_paper(tmp_path: Path) -> None:
    """Nobody listens there: the address is named, and the exit code says so."""
    text = CONFIGURATION.format(rest="http://127.0.0.1:9", stream="ws://127.0.0.1:9", stop="0", order="limit")
    (tmp_path / "bot.toml").write_text(text)
    ended = command("check", "bot.toml", cwd=tmp_path)
    assert ended.returncode == 4
    place = '[binance_perpetual] environment = "paper": 127.0.0.1:9'
    assert ended.stderr.startswith(f"{place} refused the connection: nobody listens there. ")
