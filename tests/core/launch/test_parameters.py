"""Parameters of a running bot are changed as one event: whole or not at all, and each key when it is said to count."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import attrs
import pytest

from perpmaker.cli import parameters
from perpmaker.cli.handle import Handle
from perpmaker.cli.parameters import ParameterDesk
from perpmaker.config.loading import load_configuration
from perpmaker.config.recorded import recorded
from perpmaker.control.protocol import DEADLINE_S
from perpmaker.errors import BotRefusedError, PluginFaultError
from perpmaker.exits.settings import ExitSettings
from perpmaker.journal.state_dir import StateDir
from perpmaker.launch.assembly import Rebuilder
from perpmaker.launch.configured_plan import plan_of
from perpmaker.launch.known_bots import known_bots
from perpmaker.launch.preview import firing
from perpmaker.model.event import Event
from perpmaker.model.order import OrderKind, PositionSide
from perpmaker.model.parameters import ParametersChanged
from perpmaker.model.position import Position
from perpmaker.plugins.catalog import load_catalog
from perpmaker.sandbox.server import ACCOUNT
from perpmaker.testing.session import Session, open_stage
from perpmaker.testing.view import make_instrument
from perpmaker.testing.virtual import virtual_backend

FILE = Path(__file__).parents[2] / "practice.toml"
WIDE = ("bid_spread=0.5", "ask_spread=0.5", "order_refresh_time=5", "stop_loss_spread=6")
NEAR = (*WIDE[2:], "bid_spread=0.01", "ask_spread=0.01", "long_profit_taking_spread=4", "short_profit_taking_spread=4")

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> Any:
    """A minute takes well under a second."""
    return virtual_backend()


def bot_at(amount: Decimal, price: Decimal) -> Any:
    """A bot with a position from 100, in a market at this price."""
    instrument = make_instrument()
    position = Position(side=PositionSide.NET, amount=amount, entry=Decimal(100))
    book = SimpleNamespace(best_bid=instrument.ticks_down(price), best_ask=instrument.ticks_down(price) + 1)
    state = SimpleNamespace(book=book, account=SimpleNamespace(positions={PositionSide.NET: position}))

    return SimpleNamespace(trader=SimpleNamespace(state=state), instrument=instrument)


@attrs.define
class Bench:
    """A bot that runs, and the desk where it is told other parameters."""

    session: Session
    desk: ParameterDesk
    given: tuple[str, ...]

    async def apply(self, *overrides: str, **more: object) -> dict[str, Any]:
        """Change what the bot was started with by these."""
        configuration = load_configuration(FILE, (*self.given, *overrides), load_catalog())

        return dict(await self.desk._apply({**recorded(configuration), **more}))

    def prices(self) -> list[str]:
        """The prices of the quotes that rest, by the venue's books."""
        known, exchange = self.session.bot.known, self.session.sandbox.exchange
        orders = [one for one in exchange.open_orders(ACCOUNT) if known.kind(one.client_id) is OrderKind.QUOTE]

        return sorted(f"{exchange.instrument.price(one.ticks):f}" for one in orders)

    def stops(self) -> list[str]:
        """The triggers of the stops that the venue keeps."""
        instrument = self.session.bot.instrument
        stops = [order for order in self.session.bot.trader.working() if order.slot.kind is OrderKind.VENUE_STOP]

        return [f"{instrument.price(one.order.ticks or 0):f}" for one in stops if one.status.is_open]

    async def when(self, is_so: Callable[[], bool], within_s: float) -> float:
        """Wait until something is so, and return how long that took."""
        began_at = self.session.clock.now()

        with anyio.fail_after(within_s):
            while not is_so():  # noqa: ASYNC110  # what the venue has is no event
                await anyio.sleep(0.02)

        return self.session.clock.now() - began_at


@asynccontextmanager
async def running(tmp_path: Path, *given: str, seconds: float = 2.0) -> AsyncIterator[Bench]:
    """A bot that has run for so many seconds."""
    async with (
        open_stage(FILE, *given, seed=6) as stage,
        stage.open_bot(home=StateDir(tmp_path)) as session,
        anyio.create_task_group() as group,
    ):
        handle = Handle(close=False, seconds=None, scope=anyio.CancelScope(), tell=lambda _: None)
        handle.bot = session.bot
        group.start_soon(session.bot.run)
        await anyio.sleep(seconds)
        yield Bench(session, ParameterDesk(handle=handle, now=stage.configuration), given)
        group.cancel_scope.cancel()


async def test_quotes_follow_at_the_refresh_and_levels_at_once(tmp_path: Path) -> None:
    """Spreads and amounts wait for the set's own time; a level more is an empty place, and a level less goes."""
    async with running(tmp_path, *WIDE) as bench:
        before = bench.prices()
        told = await bench.apply("bid_spread=0.9", "order_levels=2", "order_level_spread=0.3")

        assert told["applied"]
        assert [change["when"] for change in told["changes"]] == [
            "at the next refresh",
            "live",
            "at the next refresh",
        ]
        assert await bench.when(lambda: len(bench.prices()) == 4, 1.0) < 1.0
        assert set(before) < set(bench.prices())
        assert 0.5 < await bench.when(lambda: not set(before) & set(bench.prices()), 12.0) < 5.0

        await bench.apply("order_levels=1")
        await bench.when(lambda: len(bench.prices()) == 2, 1.0)


async def test_a_stop_that_is_set_otherwise_moves_at_once(tmp_path: Path) -> None:
    """On the venue as well; and an end without the trader goes by it."""
    async with running(tmp_path, *NEAR) as bench:
        before = bench.stops()
        assert len(before) == 1
        await bench.apply("stop_loss_spread=3")
        await bench.when(lambda: bench.stops() not in ([], before), 3.0)

        last = bench.session.bot._ending.last_stop
        assert last is not None
        assert str(last.settings.stop_loss_spread) == "0.03"


async def test_what_cannot_be_changed_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that needs a restart, what check refuses, a stop that would fire: each is said, and none of it counts."""
    async with running(tmp_path, *NEAR) as bench:
        bot = bench.session.bot

        for overrides, words in (
            (("leverage=5", "bid_spread=0.9"), "leverage needs a restart"),
            (("order_amount=0.0000001",), "nothing was changed: "),
        ):
            with pytest.raises(BotRefusedError, match=words):
                await bench.apply(*overrides)

        monkeypatch.setattr(parameters, "firing", lambda *_: ["the stop would fire at once"])

        with pytest.raises(BotRefusedError, match="would fire at once"):
            await bench.apply("stop_loss_spread=5")

        assert bot.trader.parameters.changed is None
        assert (await bench.apply())["applied"] is False
        assert (await bench.apply("stop_loss_spread=5", fires=True))["applied"] is True


async def test_a_stop_that_the_market_has_passed_is_known_to_fire() -> None:
    """Of a long and of a short; not one that is set further out."""
    for amount, spread, fires in (
        ("1", "0.02", True),
        ("1", "0.04", False),
        ("-1", "0.02", True),
        ("-1", "0.04", False),
    ):
        bot = bot_at(Decimal(amount), Decimal(103) if amount == "-1" else Decimal(97))
        assert bool(list(firing(bot, ExitSettings(stop_loss_spread=Decimal(spread))))) is fires


async def test_parts_that_cannot_be_made_leave_the_bot_as_it_was(tmp_path: Path) -> None:
    """Also where that shows in the trader only, as in a replay without the plugin."""

    def broken(*_: object) -> Any:
        raise PluginFaultError("the risk module cannot be built")

    async with running(tmp_path, *WIDE) as bench:
        bot = bench.session.bot
        strategy, exits = bot.trader._strategy, bot.trader._exits
        bot.trader.parameters.rebuild = broken
        bot.event_queue.put([ParametersChanged(configuration="", file="", keys=("bid_spread",))])
        await anyio.sleep(0.5)

        assert (bot.trader._strategy, bot.trader._exits) == (strategy, exits)
        assert any("parameters were not changed: the risk module" in line for line in bench.session.told)
        assert len(bench.prices()) == 2


async def test_the_change_is_in_the_journal_for_replay_and_for_whoever_comes_after(tmp_path: Path) -> None:
    """One event with the whole configuration; the newest one is what panic and resume go by."""
    async with running(tmp_path, *WIDE) as bench:
        await bench.apply("bid_spread=0.9", "risk.exposure_limit.max_position=1")
        journal = bench.session.bot.journal
        steps = [row.payload for row in journal.rows() if row.kind == "step"]
        assert sum(b"ParametersChanged" in payload for payload in steps) == 1

        (bot,) = known_bots(StateDir(tmp_path))
        assert "bid_spread = 0.9" in bot.configuration
        changed = bench.session.bot.trader.parameters.changed
        rebuild = bench.session.bot.trader.parameters.rebuild
        assert changed is not None
        assert isinstance(rebuild, Rebuilder)

        started = load_configuration(FILE, WIDE, load_catalog())
        fresh = Rebuilder(plan=plan_of(started), abilities=rebuild.abilities, report=rebuild.report)
        parts = fresh(changed, bench.session.bot.instrument)
        assert parts.strategy is not None
        assert parts.modules is not None
        assert len(parts.modules) == 1


async def test_a_change_that_nobody_waited_for_is_what_the_next_one_is_compared_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client's time was over between the change and its answer: the bot goes by it, and so does the desk."""
    async with running(tmp_path, *WIDE) as bench:
        queue, bot = bench.session.bot.event_queue, bench.session.bot

        with anyio.CancelScope() as hasty:
            put = queue.put

            def put_and_give_up(events: Sequence[Event]) -> None:
                put(events)

                if any(isinstance(event, ParametersChanged) for event in events):
                    hasty.cancel()

            monkeypatch.setattr(queue, "put", put_and_give_up)
            await bench.apply("bid_spread=0.9")

        assert hasty.cancelled_caught
        await bench.when(lambda: bot.trader.parameters.changed is not None, 1.0)
        told: list[str] = []
        bench.desk.on_change = lambda now: told.append(str(now.strategy.settings.bid_spread))
        assert (await bench.apply("bid_spread=0.9"))["changes"] == []
        assert told == ["0.009"]


async def test_a_venue_that_tells_nothing_is_said_before_the_client_gives_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is changed then, and the next one is not held up by it."""
    async with running(tmp_path, *WIDE) as bench:
        with monkeypatch.context() as hanging:
            hanging.setattr(parameters, "look", lambda _: anyio.sleep_forever())
            began_at = bench.session.clock.now()

            with pytest.raises(BotRefusedError, match=r"did not tell account and settings within 5 s"):
                await bench.apply("bid_spread=0.9")

            assert bench.session.clock.now() - began_at + parameters.TAKEN_S < DEADLINE_S

        assert bench.session.bot.trader.parameters.changed is None
        assert (await bench.apply("bid_spread=0.9"))["applied"] is True
