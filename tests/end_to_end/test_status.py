"""The status of a running bot is what the venue's own books say, and the page that a terminal shows of it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest

from perpmaker.cli import trading
from perpmaker.cli.desk import Desk
from perpmaker.cli.handle import Handle
from perpmaker.cli.screen import Screen
from perpmaker.config.configuration import Configuration
from perpmaker.config.loading import load_configuration
from perpmaker.journal.state_dir import StateDir, open_state_dir
from perpmaker.plugins.catalog import load_catalog
from perpmaker.report.status import Status, as_plain, decode_status
from perpmaker.report.status_of_bot import BotFacts
from perpmaker.sandbox.server import ACCOUNT
from perpmaker.testing.session import Session, open_session
from perpmaker.testing.waiting import until

FILE = Path(__file__).parents[1] / "practice.toml"

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend(virtual_time: Any) -> Any:
    """Whole sessions take virtual time."""
    return virtual_time


@pytest.fixture
def home(tmp_path: Path) -> StateDir:
    """A state directory of its own."""
    return open_state_dir({"PERPMAKER_HOME": str(tmp_path / "home")})


def desk_of(session: Session, home: StateDir, screen: Screen) -> Desk:
    """The desk of a session's bot."""
    configuration: Configuration = load_configuration(FILE, (), load_catalog())
    facts = BotFacts(
        name="practice:BTC-USDT",
        file=FILE,
        environment="sandbox",
        venue=configuration.connector.name,
        market="BTC-USDT",
        pid=4711,
        began_ms=session.clock.utc_ms(),
        exits=configuration.exits,
    )
    handle = Handle(close=False, seconds=10.0, scope=anyio.CancelScope(), bot=session.bot, tell=screen.tell)

    return Desk(facts=facts, handle=handle, screen=screen, home=home)


def prices(levels: Any) -> list[tuple[str, Decimal]]:
    """What rests, by side and price."""
    return sorted((level.side, level.price) for level in levels if level.price is not None)


def quotes_of(session: Session) -> list[tuple[str, Decimal]]:
    """The quotes that rest by the venue's own books."""
    ours, tick = session.open_quotes(), session.bot.instrument.tick

    return sorted(
        (order.side.value, order.ticks * tick)
        for order in session.sandbox.exchange.open_orders(ACCOUNT)
        if order.client_id in ours
    )


async def test_a_status_is_what_the_venues_own_books_say(home: StateDir) -> None:
    """Quotes, then a position with its exits, money, margin and funding; and all of it survives JSON."""
    async with open_session(FILE, seed=1) as session, anyio.create_task_group() as group:
        desk = desk_of(session, home, Screen(is_terminal=False))
        group.start_soon(session.run_bot, 600.0)
        await until(lambda: len(session.open_quotes()) == 2)
        await anyio.sleep(0.2)
        quoting = desk.status()
        assert prices(quoting.quotes) == quotes_of(session)
        assert quoting.mode == "run"
        assert {level.reasons[0].rule for level in quoting.quotes} == {"reference"}
        assert quoting.no_quotes is None

        await until(lambda: desk.status().positions != ())
        await anyio.sleep(0.5)
        held = desk.status()
        _check_held(session, held)
        assert decode_status(as_plain(held)) == held
        group.cancel_scope.cancel()


def _check_held(session: Session, held: Status) -> None:
    """The position and what is to close it are the exchange's, and so is the money."""
    exchange = session.sandbox.exchange
    account = exchange.account(ACCOUNT)
    (theirs,), (ours,) = account.positions, held.positions
    assert (ours.amount, ours.entry) == (theirs.amount, theirs.entry)
    assert held.no_quotes is not None
    targets = [order for order in exchange.open_orders(ACCOUNT) if order.client_id not in session.open_quotes()]
    tick = session.bot.instrument.tick
    assert [ours.target] == [order.ticks * tick for order in targets]
    assert [ours.venue_stop] == [order.trigger_ticks * tick for order in exchange.conditional_orders(ACCOUNT)]
    sign = 1 if ours.amount > 0 else -1
    assert ours.stop is not None
    assert 0 < sign * (ours.entry - ours.stop) / ours.entry - Decimal("0.005") < Decimal("0.0001")
    assert held.pnl is not None
    assert abs(held.pnl.result - (account.equity - 10_000)) < 1
    assert held.pnl.spread + held.pnl.inventory == held.pnl.realized_pnl + held.pnl.unrealized_pnl
    assert held.pnl.spread != 0
    assert held.margin is not None
    assert held.funding is not None
    assert held.funding.rate is not None
    assert held.funding.cost_a_day == held.funding.rate * (held.mark or 0) * ours.amount * 3
    assert {level.level for level in held.exits} >= {"target", "stop on the venue"}


async def test_a_terminal_shows_a_page_while_it_trades_and_the_lines_afterwards(
    home: StateDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once a second, with what was told last; once it is over, what was told stays for the summary to follow."""
    monkeypatch.setenv("TERM", "xterm")
    written: list[str] = []
    pages: list[tuple[str, ...]] = []
    monkeypatch.setattr("perpmaker.cli.screen.terminal_size", lambda: (80, 40))
    monkeypatch.setattr("perpmaker.cli.trading.terminal_size", lambda: (80, 40))
    monkeypatch.setattr("perpmaker.cli.screen.click.echo", lambda text, **_: written.append(text))
    screen = Screen(is_terminal=True)
    draw_page = Screen.draw_page

    def draw(self: Screen, lines: Any) -> None:
        pages.append(tuple(lines))
        draw_page(self, lines)

    monkeypatch.setattr(Screen, "draw_page", draw)

    async def tell() -> None:
        await anyio.sleep(5)
        screen.tell("somebody says something")

    async with open_session(FILE, seed=1) as session, anyio.create_task_group() as group:
        group.start_soon(tell)
        closing = await trading.trade(screen, desk_of(session, home, screen), session.bot)

    assert closing.unproven is None
    assert 9 <= len(pages) <= 15
    assert pages[-1][0].startswith("sandbox binance_perpetual BTC-USDT  ")
    assert any(line.startswith("  buy 0 ") for line in pages[2])
    assert max(len(line) for page in pages for line in page) <= 79
    assert not any("somebody says" in line for line in pages[2])
    assert any("Z somebody says something" in line for line in pages[8])
    assert [line.partition("Z ")[2] for line in written if not line.startswith("\x1b")] == ["somebody says something"]
