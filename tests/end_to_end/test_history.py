"""The history of a bot is the venue's own account, to the last digit, whatever happened to its processes and streams.

With --full there are many seeds of each venue and story.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import pytest

from perpmaker.cli.past_bots import find_bots, read_history, the_bot
from perpmaker.journal.state_dir import StateDir
from perpmaker.model.income import IncomeKind
from perpmaker.model.order import PositionSide, Side
from perpmaker.report.history import History
from perpmaker.sandbox.server import ACCOUNT
from perpmaker.simulation.exchange import Exchange
from perpmaker.simulation.order import OrderRequest
from perpmaker.simulation.rejection import RejectionError
from perpmaker.simulation.statement import Assets
from perpmaker.testing.crash import Doom, live
from perpmaker.testing.session import Stage, open_stage
from perpmaker.testing.virtual import virtual_backend
from perpmaker.wire.fault import Fault

EXAMPLES = Path(__file__).parents[2] / "examples"
FILES = {"Binance": "sandbox.toml", "Bybit": "bybit_sandbox.toml", "dYdX": "dydx_sandbox.toml"}
BUSY = ("bid_spread=0.02", "ask_spread=0.02", "sandbox.shape=practice", "order_refresh_time=3", "filled_order_delay=1")
SEEDS = int(os.environ.get("PERPMAKER_SEEDS", "1"))
LISTED_S = 60.0
"""Seconds after which dYdX lists a funding payment."""

LIFE_S = 16.0
QUIET = ("bid_spread=4", "ask_spread=4", "long_profit_taking_spread=4", "short_profit_taking_spread=4")
"""Quotes and targets that nobody takes."""

BNB = Assets(others={"BNB": (Decimal(1), Decimal(600))}, fee_asset="BNB")

Act = Callable[[Stage], Awaitable[None]]


def settle_in(stage: Stage, seconds: float) -> None:
    """Let the venue settle funding so many seconds from now."""
    floor = stage.sandbox.exchange._floor
    floor.next_funding_ms = stage.clock.utc_ms() + round(seconds * 1000)
    floor.funding_rate = Decimal("0.0001")


def take(stage: Stage, side: Side, amount: str, position: PositionSide = PositionSide.NET) -> None:
    """A person trades at market on the same account."""
    request = OrderRequest(side=side, amount=Decimal(amount), price=None, position_side=position)

    with suppress(RejectionError):
        stage.sandbox.exchange.place(ACCOUNT, request, stage.clock.utc_ms())


def history(home: StateDir) -> History:
    """What the command shows of the only bot."""
    bots, notes = find_bots(home.root)

    return read_history(the_bot(bots, None), notes=notes)


def booked(exchange: Exchange, after: int, *kinds: IncomeKind) -> dict[str, Decimal]:
    """What the venue has booked after its first so many rows, by asset."""
    found: dict[str, Decimal] = {}

    for one in exchange.income(ACCOUNT)[after:]:
        if one.kind in (kinds or tuple(IncomeKind)):
            found[one.asset] = found.get(one.asset, Decimal(0)) + one.amount

    return {asset: amount for asset, amount in found.items() if amount}


def together(*sums: object) -> dict[str, Decimal]:
    """Sums by asset as one, without those that are nothing."""
    found: dict[str, Decimal] = {}

    for one in sums:
        assert hasattr(one, "items")

        for asset, amount in one.items():
            found[asset] = found.get(asset, Decimal(0)) + amount

    return {asset: amount for asset, amount in found.items() if amount}


def check(told: History, exchange: Exchange, after: int) -> None:
    """The history is the venue's account: by kind, by day and as a whole, in every asset."""
    assert told.notes == ()
    assert {asset: one.difference for asset, one in told.wallet.items() if one.difference} == {}
    assert together(told.funding_by_asset) == booked(exchange, after, IncomeKind.FUNDING)
    assert together(told.transfers_by_asset) == booked(exchange, after, IncomeKind.TRANSFER)
    assert together(told.result_by_asset, told.by_hand_by_asset, told.transfers_by_asset) == booked(exchange, after)
    assert together(*(day.result_by_asset for day in told.days)) == together(told.result_by_asset)
    lines = [{row.asset: row.money} for row in told.entries]
    lines += [{row.fee_asset: -row.fee} for row in told.entries if row.fee]
    assert together(*lines) == booked(exchange, after)
    wallet = exchange.account(ACCOUNT).wallet
    assert told.wallet[told.asset].closing == wallet


def play(file: str, seed: int, *overrides: str, acts: tuple[Act, ...], assets: Assets | None = None) -> History:
    """Play processes one after the other on one account, and hold its history against the venue's books.

    Answers and events overtake each other: a fill may come before its order is acknowledged.
    """

    async def story() -> History:
        with TemporaryDirectory() as folder:
            home = StateDir(Path(folder))

            async with open_stage(EXAMPLES / file, *BUSY, *overrides, seed=seed, options={"race_ms": 100}) as stage:
                if assets is not None:
                    stage.sandbox.exchange.set_assets(ACCOUNT, assets, stage.clock.utc_ms())

                after = len(stage.sandbox.exchange.income(ACCOUNT))

                for act in acts:
                    await killed(stage, home, act)

                await anyio.sleep(LISTED_S if file == FILES["dYdX"] else 1)

                async with stage.open_bot(home=home, adopt=True, adopt_position=True, resume=True) as last:
                    await last.run(10)

                told = history(home)
                check(told, stage.sandbox.exchange, after)

        return told

    name, options = virtual_backend()

    return anyio.run(story, backend=name, backend_options=options)


async def killed(stage: Stage, home: StateDir, act: Act) -> None:
    """A process that is killed after a while in which things happen."""
    async with anyio.create_task_group() as group:
        group.start_soon(act, stage)
        await live(stage, home, Doom(), LIFE_S)


# --- what happens ----------------------------------------------------------------------------------------------------


async def money_moves(stage: Stage) -> None:
    """Funding, a transfer in and one out, and a person who trades beside the bot, while it runs."""
    await anyio.sleep(4)
    take(stage, Side.BUY, "0.02")
    settle_in(stage, 2)
    await anyio.sleep(4)
    stage.sandbox.exchange.transfer(ACCOUNT, Decimal("123.45"), stage.clock.utc_ms())
    take(stage, Side.SELL, "0.02")
    await anyio.sleep(2)
    stage.sandbox.exchange.transfer(ACCOUNT, Decimal(-20), stage.clock.utc_ms())


async def the_stream_is_lost(stage: Stage) -> None:
    """Nothing is told on the stream of the account for a while; then the process is killed just after a settlement."""
    faults = stage.sandbox.faults
    faults.add(Fault(act="drop", method="WS", path="/", contains="ORDER_TRADE_UPDATE", times=None))
    faults.add(Fault(act="drop", method="WS", path="/", contains="execution", times=None))
    faults.add(Fault(act="drop", method="WS", path="/", contains="v4_subaccounts", times=None))
    await anyio.sleep(6)
    faults.clear()
    settle_in(stage, LIFE_S - 6.5)  # half a second before the kill: told to nobody who lives to read the history


async def hedged(stage: Stage) -> None:
    """A settlement with a long position that pays and a short one that receives less."""
    await anyio.sleep(3)
    take(stage, Side.BUY, "0.05", PositionSide.LONG)
    take(stage, Side.SELL, "0.02", PositionSide.SHORT)
    settle_in(stage, 4)


async def liquidated(stage: Stage) -> None:
    """The market takes everything that a person's large position has, and the venue closes it."""
    await anyio.sleep(3)
    take(stage, Side.BUY, "0.49")
    await anyio.sleep(2)
    market = stage.sandbox.market
    market.jump(0.6)


@pytest.mark.parametrize(
    "file",
    [pytest.param(file, marks=[] if name == "Binance" else [pytest.mark.full]) for name, file in FILES.items()],
    ids=FILES,
)
def test_history_is_the_venues_account_over_kills_lost_streams_funding_and_transfers(file: str) -> None:
    """Three processes, the first two of them killed; fees in BNB where the venue takes them."""
    paid = []

    for seed in range(1, 1 + SEEDS):
        assets = BNB if file == FILES["Binance"] else None
        told = play(file, seed, acts=(money_moves, the_stream_is_lost), assets=assets)
        assert told.of.runs == 3
        assert told.fills > 0
        assert (assets is None) or told.fees_by_asset["BNB"] > 0
        paid.append(told.funding)

    assert any(paid)  # on some seed there was a position at the settlement


@pytest.mark.full
@pytest.mark.parametrize("file", [FILES["Binance"], FILES["Bybit"]], ids=["Binance", "Bybit"])
def test_funding_of_both_legs_of_a_hedge_is_in_the_history(file: str) -> None:
    """One settlement, two payments, of a process that is killed."""
    told = play(file, 1, "position_mode=Hedge", *QUIET, acts=(hedged,))
    assert len([row for row in told.entries if row.kind == "funding"]) == 2


@pytest.mark.full
@pytest.mark.parametrize("file", FILES.values(), ids=FILES)
def test_a_liquidation_is_in_the_history_with_what_it_cost(file: str) -> None:
    """The venue closes the position, charges for it, and makes good what was lost beyond the wallet."""
    told = play(file, 1, *QUIET, "leverage=20", "stop_loss_spread=0", "sandbox.balance=2000", acts=(liquidated,))
    assert together(told.result_by_asset, told.by_hand_by_asset)[told.asset] < -1900


@pytest.mark.full
def test_what_a_damaged_journal_had_booked_is_said_to_be_missing() -> None:
    """The ledger begins anew with the wallet as it is then, and what follows is the venue's account again."""

    async def story() -> None:
        with TemporaryDirectory() as folder:
            home = StateDir(Path(folder))

            async with open_stage(EXAMPLES / FILES["Binance"], *BUSY, seed=1) as stage:
                await live(stage, home, Doom(), LIFE_S)
                (path,) = home.root.glob("journal/*.sqlite3")

                with closing(sqlite3.connect(path)) as connection, connection:
                    connection.execute("UPDATE row SET payload = x'00' WHERE kind = 'entry'")

                unread = history(home).notes
                assert "a part of the journal could not be read" in unread[0]

                async with stage.open_bot(home=home, adopt=True, adopt_position=True) as last:
                    await last.run(LIFE_S)

                told = history(home)
                assert "a part of the journal was lost" in told.notes[0]
                assert len(told.notes) == 1
                assert told.fills > 0
                assert {one.difference for one in told.wallet.values()} == {Decimal(0)}
                assert told.wallet["USDT"].closing == stage.sandbox.exchange.account(ACCOUNT).wallet

    name, options = virtual_backend()
    anyio.run(story, backend=name, backend_options=options)
