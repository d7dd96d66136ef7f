"""Whole sessions on a venue that does not exist, whose connector and sandbox stand over the kit alone.

Its gateway answers before its book, everything else comes over one WebSocket, ids are numbers of 32 bits, and it cannot
be told that an order may only reduce a position.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from perpmaker.journal.reading import JournalReader, find_journals
from perpmaker.journal.state_dir import StateDir, open_state_dir
from perpmaker.model.income import IncomeKind
from perpmaker.model.order import OrderKind, OrderStatus, Side, Slot
from perpmaker.model.refusal import RefusalReason
from perpmaker.plugins.catalog import Catalog, load_catalog
from perpmaker.plugins.loading import LoadedPlugin, PluginState
from perpmaker.replay.recorded_plans import RecordedPlans
from perpmaker.replay.replay import Replay
from perpmaker.report.summary import Summary
from perpmaker.sandbox.server import ACCOUNT
from perpmaker.simulation.market import SyntheticMarket
from perpmaker.state.view import End, Mode
from perpmaker.testing import session
from perpmaker.testing.rehearsal import targets_filled
from perpmaker.testing.session import Session, open_session, open_stage
from perpmaker.testing.waiting import until
from perpmaker.venue.declared_venue import DeclaredConnector
from perpmaker.wire.fault import Fault

from ..core.venue.fathom import connector as fathom  # noqa: TID252  # it stands with the tests of the kit

pytestmark = pytest.mark.anyio

FILE = Path(__file__).with_name("fathom.toml")
FAR = ("bid_spread=0.5", "ask_spread=0.5")
BUY, SELL = Slot(OrderKind.QUOTE, Side.BUY), Slot(OrderKind.QUOTE, Side.SELL)


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Sessions on virtual time."""
    return virtual_time


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The connector is installed beside the others."""
    declared: list[Any] = []
    fathom.register_derivative_connectors(declared.append)
    plugin = LoadedPlugin(
        name="fathom", distribution="strangers", version="1", state=PluginState.LOADED, declarations=tuple(declared)
    )
    monkeypatch.setattr(session, "load_catalog", lambda: Catalog((*load_catalog().plugins, plugin)))


def market_of(opened: Session) -> SyntheticMarket:
    """The market behind the venue."""
    assert isinstance(opened.sandbox.market, SyntheticMarket)

    return opened.sandbox.market


def status_of(opened: Session, slot: Slot) -> OrderStatus | None:
    """What the bot believes of the order in a slot; None without one."""
    live = opened.bot.trader.state.orders.live.values()

    return next((record.working.status for record in live if record.working.slot == slot), None)


@asynccontextmanager
async def opened_on_fathom(*overrides: str, seed: int = 1) -> AsyncIterator[Session]:
    """A bot on a venue of which it is known that no order can be told to reduce."""
    async with open_session(FILE, *overrides, seed=seed) as opened:
        opened.sandbox.oracle.expect(ACCOUNT).has_reduce_only = False
        yield opened


@asynccontextmanager
async def trading(*overrides: str, seed: int = 1) -> AsyncIterator[Session]:
    """A bot that trades in the background; in the end it stops, and what it says of itself is checked."""
    async with opened_on_fathom(*overrides, seed=seed) as opened, anyio.create_task_group() as group:
        summaries: list[Summary] = []

        async def trade() -> None:
            summaries.append(await opened.run(600))

        group.start_soon(trade)
        yield opened
        opened.bot.request_stop()
        await until(lambda: bool(summaries))
        group.cancel_scope.cancel()

    check(opened, summaries[0])


def check(opened: Session, summary: Summary) -> None:
    """The summary is the venue's own account to the last digit; nothing is left resting, and nothing was violated."""
    exchange = opened.sandbox.exchange
    income = {kind: sum(one.amount for one in exchange.income(ACCOUNT) if one.kind is kind) for kind in IncomeKind}
    executions = exchange.executions(ACCOUNT)
    (position,) = exchange.account(ACCOUNT).positions

    assert opened.sandbox.oracle.violations == []
    assert opened.sandbox.oracle.evaluated["I1"] >= 2
    assert summary.realized_pnl == income[IncomeKind.REALIZED]
    assert summary.fees == -income[IncomeKind.FEE]
    assert summary.funding == income[IncomeKind.FUNDING]
    assert summary.fills == len(executions)
    assert summary.volume == sum(one.price * one.amount for one in executions)
    assert summary.position == position.amount
    cancelled = [line.split()[2] for line in opened.trace if " cancelled " in line]
    assert summary.cancels == sum(opened.bot.known.kind(one) is OrderKind.QUOTE for one in cancelled)
    assert summary.open_orders_left == summary.exits_left == len(exchange.open_orders(ACCOUNT)) == 0


@pytest.mark.parametrize("close", [False, True])
async def test_quotes_fill_and_targets_take_the_profit(close: bool) -> None:
    """The summary is the account; what was asked to be closed is, by orders that cannot be told to reduce only."""
    async with opened_on_fathom() as opened:
        summary = await opened.run(30, close=close)

        check(opened, summary)
        assert targets_filled(opened) > 0
        assert summary.fees > 0
        assert not (close and summary.position)


async def test_a_stop_closes_the_position_when_the_market_runs_away() -> None:
    """It is sent as immediate-or-cancel at a price, since nothing would keep a resting one within the position."""
    async with trading() as opened:
        account = opened.bot.trader.state.account
        await until(lambda: any(position.amount for position in account.positions.values()))
        (held,) = account.positions.values()
        market_of(opened).jump(0.98 if held.amount > 0 else 1.02)
        await until(lambda: opened.bot.count.placed[OrderKind.STOP_LOSS] > 0)
        await until(lambda: not any(position.amount for position in account.positions.values()))

    closing = [line for line in opened.trace if "traded" in line]
    assert len(closing) >= 2


@pytest.mark.parametrize("arrives", [True, False])
async def test_a_lost_answer_and_report_are_proven_by_a_question_after_the_fence(
    arrives: bool,
) -> None:
    """Until then its slot is blocked; what arrived is shown by the answer, and what did not has never been."""
    async with opened_on_fathom(*FAR) as opened, anyio.create_task_group() as group:
        faults, state = opened.sandbox.faults, opened.bot.trader.state
        lost = Fault(act="drop", when="after" if arrives else "before", method="POST", path="/v1/orders")
        faults.add(lost)
        faults.add(Fault(act="drop", method="WS", contains='"orders"', times=None))
        faults.add(Fault(act="delay", arg=0.5, method="GET", path="/v1/order", contains="client=", times=2))
        group.start_soon(opened.bot.run)
        await until(lambda: status_of(opened, BUY) is OrderStatus.UNKNOWN)
        first = set(state.orders.live)
        sent_at = min(record.working.sent_at for record in state.orders.live.values())
        assert state.orders.is_blocked
        faults.clear()

        if not arrives:
            await until(lambda: not first & set(state.orders.live))
            assert opened.clock.now() - sent_at >= opened.bot.connector.fence_s

        await until(lambda: status_of(opened, BUY) is OrderStatus.OPEN)
        sent = {order.client_id for order in opened.sandbox.exchange.orders(ACCOUNT)}
        assert len(first) == len(sent) == len(opened.open_quotes()) == 2
        assert (sent == first) is arrives
        opened.bot.request_stop()
        await until(lambda: not opened.open_quotes())
        group.cancel_scope.cancel()

    assert opened.sandbox.oracle.violations == []


async def test_a_refusal_after_the_gateways_yes_becomes_a_pause_of_the_level() -> None:
    """The market falls below the bid while the order is under way, twice: the level waits, the other one does not."""
    async with trading(*FAR, "sandbox.order_latency_ms=400", "order_refresh_time=60") as opened:
        market, trader, exchange = market_of(opened), opened.bot.trader, opened.sandbox.exchange
        endings = trader.state.orders.endings.by_slot

        for _ in range(2):
            await until(lambda: status_of(opened, BUY) is OrderStatus.PENDING)
            (bid,) = (one.working.client_id for one in trader.state.orders.live.values() if one.working.slot == BUY)
            assert exchange.order(ACCOUNT, client_id=bid) is None
            market.jump(0.98)
            await until(lambda bid=bid: BUY in endings and endings[BUY].client_id == bid)
            refusal = endings[BUY].refusal
            assert endings[BUY].end is End.REFUSED
            assert refusal is not None
            assert refusal.reason is RefusalReason.POST_ONLY_WOULD_TAKE

        now = opened.clock.now()
        assert trader._retries.waits(BUY, now)
        assert trader._retries.next_at(now) == pytest.approx(now + 1.0, abs=0.1)
        assert not trader._retries.waits(SELL, now)
        await until(lambda: status_of(opened, BUY) is OrderStatus.OPEN)


async def test_orders_that_fill_while_the_stream_is_gone_are_found_later() -> None:
    """There is one socket for everything: quotes go, the account is read, and then it quotes again."""
    async with trading(*FAR, seed=3) as opened:
        exchange, account = opened.sandbox.exchange, opened.bot.trader.state.account
        await until(lambda: len(opened.open_quotes()) == 2 and opened.bot.mode is Mode.RUN)
        opened.sandbox.faults.add(Fault(act="drop", method="POST", path="/v1/cancels"))
        await opened.sandbox.faults.inject(Fault(act="reset", when="now", path="/v1/stream"))
        market_of(opened).jump(0.98)
        await until(lambda: opened.bot.mode is Mode.REDUCE, within_s=1.0)
        await until(lambda: len(exchange.executions(ACCOUNT)) > 0)
        await until(lambda: opened.bot.mode is Mode.RUN and account.totals.fills == len(exchange.executions(ACCOUNT)))
        await until(lambda: len(opened.open_quotes()) == 2)


async def test_a_gap_in_the_book_is_mended_on_the_same_connection() -> None:
    """The snapshot is asked for again; nothing is heard anew but the book."""
    async with trading(*FAR) as opened:
        faults, handshakes = (
            opened.sandbox.faults,
            Fault(act="delay", arg=0.0, method="GET", path="/v1/stream", times=None),
        )
        await until(lambda: len(opened.open_quotes()) == 2)
        faults.add(handshakes)
        faults.add(Fault(act="drop", method="WS", contains='"book"'))
        await until(lambda: not opened.bot.trader.state.book.ok)
        await until(lambda: opened.bot.trader.state.book.ok)
        assert handshakes not in faults.fired


async def test_orders_of_a_run_that_was_cut_off_are_adopted_by_their_numbers(tmp_path: Path) -> None:
    """The tag says that they are this bot's, the upper bits of the number of which run; the journal knows it."""
    home = StateDir(tmp_path)

    async with open_stage(FILE, *FAR, seed=1) as stage:
        async with stage.open_bot(home=home) as first, anyio.create_task_group() as group:
            group.start_soon(first.run_bot, 600.0)
            await until(lambda: len(first.open_quotes()) == 2)
            left = first.open_quotes()
            stage.sandbox.faults.add(Fault(act="drop", method=None, times=None))
            await stage.network.reset_connections()
            group.cancel_scope.cancel()

        stage.sandbox.faults.clear()

        async with stage.open_bot(home=home) as second:
            ids = second.bot.known.client_ids
            adopted = [second.bot.known.intent(client_id) for client_id in left]
            assert [order.slot.kind for order in adopted if order is not None] == [OrderKind.QUOTE] * 2
            assert {ids.run_of(client_id) for client_id in left} == {first.bot.known.client_ids.run} != {ids.run}

            summary = await second.run(5.0)

            assert summary.unproven is None
            assert second.open_quotes() == []
            assert all(0 <= int(number) < 2**32 for client_id in left for number in client_id.split("-"))

        assert stage.sandbox.oracle.violations == []


@pytest.mark.parametrize(
    ("last", "words"),
    [
        ("", "fathom has no dead-man switch: if this process is killed, its quotes stay there"),
        ("about 6 s", "fathom: if this process is killed, its quotes end by themselves, about 6 s"),
    ],
)
async def test_it_is_told_what_becomes_of_quotes_when_the_process_is_killed(
    monkeypatch: pytest.MonkeyPatch, last: str, words: str
) -> None:
    """They stay, or a venue ends those that nobody renews."""
    if last:
        monkeypatch.setattr(DeclaredConnector, "quotes_last", last, raising=False)

    async with opened_on_fathom() as opened:
        await opened.run(1)

    assert [line for line in opened.told if "killed" in line] == [words]


async def test_a_replay_of_a_session_decides_as_it_did(tmp_path: Path) -> None:
    """Also where ids are the connector's own, stops bear none of ours, and a stream is lost in the middle."""
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path / "home")})

    async with open_session(FILE, seed=1, home=home) as opened, anyio.create_task_group() as group:
        opened.sandbox.oracle.expect(ACCOUNT).has_reduce_only = False

        async def shake() -> None:
            await anyio.sleep(3)
            market_of(opened).jump(0.99)
            await opened.sandbox.faults.inject(Fault(act="reset", when="now"))

        group.start_soon(shake)
        await opened.run(8)
        group.cancel_scope.cancel()

    (found,) = find_journals(home.root).journals
    outcome = Replay(reader=JournalReader(found.path), plans=RecordedPlans(session.load_catalog())).run()

    assert outcome.difference is None
    assert [(part.remark, part.decisions > 10) for part in outcome.runs] == [("", True)]
