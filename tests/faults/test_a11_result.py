"""A11: the result has every fee and every funding payment, in every asset, each of them once."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest

from perpmaker.journal.state_dir import StateDir
from perpmaker.ledger.ledger import Ledger
from perpmaker.model.event import FundingPaid, IncomeReported
from perpmaker.model.income import IncomeKind, IncomeRecord
from perpmaker.model.order import PositionMode, PositionSide, Side
from perpmaker.report.summary import Summary
from perpmaker.sandbox.server import ACCOUNT
from perpmaker.simulation.exchange import Exchange
from perpmaker.simulation.order import OrderRequest, TimeInForce
from perpmaker.simulation.statement import Assets
from perpmaker.testing.session import Session, open_session, open_stage
from perpmaker.wire.fault import Fault

from .venue_site import VenueWords

pytestmark = pytest.mark.anyio

FILE = Path(__file__).parents[1] / "practice.toml"
BNB = Assets(others={"BNB": (Decimal(1), Decimal(600))}, fee_asset="BNB")
QUIET = ("bid_spread=4", "ask_spread=4", "long_profit_taking_spread=4", "short_profit_taking_spread=4")
"""Quotes and targets that nobody takes."""


@pytest.fixture
def anyio_backend(virtual_time: Any) -> Any:
    """Sessions are minutes long."""
    return virtual_time


def income(exchange: Exchange, since_ms: int, *kinds: IncomeKind) -> dict[str, Decimal]:
    """What the venue has booked since, by asset."""
    found: dict[str, Decimal] = {}

    for one in exchange.income(ACCOUNT, since_ms):
        if one.kind in kinds:
            found[one.asset] = found.get(one.asset, Decimal(0)) + one.amount

    return {asset: amount for asset, amount in found.items() if amount}


def busy(amounts: dict[str, Decimal] | Any) -> dict[str, Decimal]:
    """The assets of a summary whose sum is not zero."""
    return {asset: amount for asset, amount in amounts.items() if amount}


def check_equal(summary: Summary, exchange: Exchange, since_ms: int) -> None:
    """The summary is the venue's own account, to the last digit, in every asset."""
    booked = income(exchange, since_ms, IncomeKind.REALIZED, IncomeKind.FEE, IncomeKind.FUNDING)
    unrealized = sum((one.unrealized for one in exchange.account(ACCOUNT).positions), Decimal(0))
    booked["USDT"] = booked.get("USDT", Decimal(0)) + unrealized
    assert busy(summary.result_by_asset) == busy(booked)
    assert summary.result == booked["USDT"]
    assert busy(summary.funding_by_asset) == income(exchange, since_ms, IncomeKind.FUNDING)
    assert busy(summary.fees_by_asset) == {
        asset: -amount for asset, amount in income(exchange, since_ms, IncomeKind.FEE).items()
    }


def settle_in(session: Session, seconds: float) -> None:
    """Let the venue settle funding so many seconds from now."""
    floor = session.sandbox.exchange._floor
    floor.next_funding_ms = session.clock.utc_ms() + round(seconds * 1000)
    floor.funding_rate = Decimal("0.0001")


def take(session: Session, side: Side, amount: str, position: PositionSide = PositionSide.NET) -> None:
    """A person opens a position at market."""
    request = OrderRequest(
        side=side,
        amount=Decimal(amount),
        price=None,
        time_in_force=TimeInForce.GTC,
        position_side=position,
        client_id=f"hand-{side.value}-{position.value}",
    )
    session.sandbox.exchange.place(ACCOUNT, request, session.clock.utc_ms())


# --- fees


@pytest.mark.parametrize("wallet", [pytest.param("1", marks=pytest.mark.full), "0.00001"])
async def test_A11_fees_in_bnb_are_in_the_result(wallet: str) -> None:
    """Also where the BNB run out on the way, so that the rest is paid in quote asset."""
    async with open_session(FILE, seed=1) as session:
        exchange, began_ms = session.sandbox.exchange, session.clock.utc_ms()
        assets = Assets(others={"BNB": (Decimal(wallet), Decimal(600))}, fee_asset="BNB")
        exchange.set_assets(ACCOUNT, assets, began_ms)
        summary = await session.run(60)

    assert summary.fills > 0
    assert summary.fees_by_asset["BNB" if wallet == "1" else "USDT"] > 0
    check_equal(summary, exchange, began_ms)
    told = json.loads(summary.as_json())
    assert told["asset"] == "USDT"
    assert {asset: Decimal(text) for asset, text in told["result_by_asset"].items()} == summary.result_by_asset
    assert Decimal(told["result"]) == summary.result


# --- funding


@pytest.mark.parametrize("multi_assets", [pytest.param(False, marks=pytest.mark.full), True])
async def test_A11_the_summary_is_the_venues_account_in_every_asset(multi_assets: bool) -> None:
    """Fills, fees in BNB and a settlement in one session."""
    async with open_session(FILE, seed=1) as session:
        exchange, began_ms = session.sandbox.exchange, session.clock.utc_ms()
        assets = Assets(others=BNB.others, fee_asset="BNB", multi_assets=multi_assets)
        exchange.set_assets(ACCOUNT, assets, began_ms)
        take(session, Side.BUY, "0.05")
        settle_in(session, 20)
        summary = await session.run(60)

    assert summary.funding_by_asset["USDT"] < 0
    assert busy(summary.funding_by_asset) == income(exchange, began_ms, IncomeKind.FUNDING)


async def run_around_funding(
    venue: VenueWords, *overrides: str, act: Callable[[Session], object], seconds: float | None = None
) -> Any:
    """A run with a position of 0.05 that sees one settlement after 20 s; its summary and the exchange."""
    async with open_session(FILE, *venue.settings, *QUIET, *overrides) as session:
        exchange, began_ms = session.sandbox.exchange, session.clock.utc_ms()
        settle_in(session, 20)
        act(session)
        summary = await session.run(60 + venue.listed_s if seconds is None else seconds)

    paid = income(exchange, began_ms, IncomeKind.FUNDING)
    assert paid

    return summary, paid


def drop_funding(venue: VenueWords, session: Session) -> None:
    """Nothing is told of a settlement, where the venue's stream tells of it at all."""
    if venue.funding:
        drop = Fault(act="drop", method="WS", path="/", contains=venue.funding, times=None)
        session.sandbox.faults.add(drop)


async def test_A11_both_legs_of_a_hedge_are_booked(venue: VenueWords) -> None:
    """One settlement, two payments: a long one that pays and a short one that receives less."""
    if not venue.has_hedge:
        pytest.skip(f"{venue} has no Hedge mode")

    def act(session: Session) -> None:
        take(session, Side.BUY, "0.05", PositionSide.LONG)
        take(session, Side.SELL, "0.02", PositionSide.SHORT)

    summary, paid = await run_around_funding(venue, "position_mode=Hedge", act=act)
    assert busy(summary.funding_by_asset) == paid
    assert summary.funding == paid["USDT"]


@pytest.mark.parametrize("position_mode", [pytest.param("One-way", marks=pytest.mark.full), "Hedge"])
async def test_A11_funding_of_a_lost_stream_is_found_in_the_history(position_mode: str, venue: VenueWords) -> None:
    """Nobody tells of the settlement; the next reconciliation reads it."""
    if position_mode == "Hedge" and not venue.has_hedge:
        pytest.skip(f"{venue} has no Hedge mode")

    def act(session: Session) -> None:
        hedge = session.sandbox.exchange.account(ACCOUNT).position_mode is PositionMode.HEDGE
        take(session, Side.BUY, "0.05", PositionSide.LONG if hedge else PositionSide.NET)
        drop_funding(venue, session)

    summary, paid = await run_around_funding(venue, f'position_mode="{position_mode}"', act=act)
    assert busy(summary.funding_by_asset) == paid


async def test_A11_a_payment_that_is_told_twice_is_booked_once(venue: VenueWords) -> None:
    """By the stream two times, and by the history."""
    if not venue.funding:
        pytest.skip(f"no stream of {venue} tells of funding")

    def act(session: Session) -> None:
        take(session, Side.BUY, "0.05")
        session.sandbox.faults.add(Fault(act="duplicate", method="WS", path="/", contains=venue.funding))

    summary, paid = await run_around_funding(venue, act=act)
    assert busy(summary.funding_by_asset) == paid


@pytest.mark.full
async def test_A11_funding_is_booked_where_the_history_cannot_be_read(venue: VenueWords) -> None:
    """The stream's word counts as long as nothing better is there, and the end says that the history is unread."""
    told: list[list[str]] = []

    def act(session: Session) -> None:
        told.append(session.told)
        take(session, Side.BUY, "0.05")
        venue.arm(session, "income", act="drop")

    summary, paid = await run_around_funding(venue, act=act)
    assert busy(summary.funding_by_asset) == (paid if venue.funding else {})
    assert [line for line in told[0] if "the income history could not be read at the end" in line]


async def test_A11_funding_in_the_last_seconds_is_in_the_result(venue: VenueWords) -> None:
    """The history is read once more when the run ends, also when the stream is away."""
    if venue.listed_s:
        pytest.skip(f"{venue} lists a payment {venue.listed_s:g} s after it: it is in the ledger of the next run")

    def act(session: Session) -> None:
        take(session, Side.BUY, "0.05")
        drop_funding(venue, session)

    summary, paid = await run_around_funding(venue, act=act, seconds=20.5)
    assert busy(summary.funding_by_asset) == paid


async def test_A11_funding_after_a_restart_and_between_two_runs(tmp_path: Path, venue: VenueWords) -> None:
    """Each run books its own; what was settled in between is told, and in neither result."""
    listed_s = venue.listed_s

    async with open_stage(FILE, *venue.settings, *QUIET) as stage:
        home, exchange = StateDir(tmp_path), stage.sandbox.exchange

        async with stage.open_bot(home=home) as first:
            take(first, Side.BUY, "0.05")
            settle_in(first, 10)
            one = await first.run(30 + listed_s)

        settle_in(first, 5)
        await anyio.sleep(20 + listed_s)
        exchange.advance(stage.clock.utc_ms())
        told: list[str] = []

        async with stage.open_bot(home=home, told=told, adopt=True, adopt_position=True) as second:
            settle_in(second, 10)
            two = await second.run(30 + listed_s)

    payments = [one.amount for one in exchange.income(ACCOUNT) if one.kind is IncomeKind.FUNDING]
    assert len(payments) == 3
    assert [one.funding, two.funding] == [payments[0], payments[2]]
    (line,) = [line for line in told if line.startswith("funding while no run watched")]
    assert f"{payments[1].normalize():f} {venue.asset}" in line


# --- the ledger by itself

HOUR_MS = 3_600_000


def row(number: int, amount: str, *, at_ms: int = HOUR_MS, **changes: Any) -> IncomeRecord:
    """A row of the income history."""
    plain: dict[str, Any] = {
        "kind": IncomeKind.FUNDING,
        "word": "FUNDING_FEE",
        "income_id": str(number),
        "asset": "USDT",
        "amount": Decimal(amount),
        "venue_ms": at_ms,
        "symbol": "BTCUSDT",
    }

    return IncomeRecord(**{**plain, **changes})


def told(number: int, amount: str, *, at_ms: int = HOUR_MS, asset: str = "USDT") -> FundingPaid:
    """An event of the stream."""
    return FundingPaid(asset=asset, amount=Decimal(amount), venue_ms=at_ms, funding_id=str(number))


def book(*steps: tuple[float, Sequence[IncomeRecord] | FundingPaid]) -> dict[str, Decimal]:
    """Funding by asset after events and readings at these times."""
    ledger = Ledger("BTCUSDT", began_ms=HOUR_MS // 2)

    for at, what in steps:
        event = what if isinstance(what, FundingPaid) else IncomeReported(records=tuple(what), asked_at=at)
        ledger.fold([event], at)

    return ledger.funding.by_asset


def test_A11_a_payment_is_booked_once() -> None:
    """Whatever the stream and the history say of it, in whatever order."""
    for steps, sums in [
        # one payment, told and read, in either order, read again and again
        ([(1, told(1, "-3"))], {"USDT": -3}),
        ([(1, told(1, "-3")), (2, [row(1, "-3")]), (40, [row(1, "-3")])], {"USDT": -3}),
        ([(1, [row(1, "-3")]), (2, told(1, "-3"))], {"USDT": -3}),
        # one event for both legs, whose rows come one by one
        ([(1, told(1, "-3")), (2, [row(1, "-5")])], {"USDT": -3}),
        ([(1, told(1, "-3")), (2, [row(1, "-5")]), (12, [row(1, "-5"), row(2, "2")])], {"USDT": -3}),
        # two events, of which the stream lost one
        ([(1, told(1, "-5")), (2, [row(1, "-5"), row(2, "2")])], {"USDT": -3}),
        # two legs of one size, told in one millisecond
        ([(1, told(1, "-5")), (1, told(2, "-5")), (2, [row(1, "-5")])], {"USDT": -10}),
        # rounded otherwise in the event: the history decides as soon as it must be complete
        ([(1, told(1, "-3.1")), (2, [row(1, "-3")])], {"USDT": Decimal("-3.1")}),
        ([(1, told(1, "-3.1")), (2, [row(1, "-3")]), (62, [row(1, "-3")])], {"USDT": -3}),
        # an event dated hours ahead, and one of another market that no row confirms
        ([(1, told(1, "-3", at_ms=9 * HOUR_MS)), (90, [row(1, "-3")])], {"USDT": -3}),
        ([(1, told(1, "-3")), (90, [])], {}),
        # the same id of two kinds, two assets, and two markets
        ([(1, [row(1, "-3"), row(1, "-1", word="SPECIAL_FUNDING_FEE")])], {"USDT": -4}),
        ([(1, [row(1, "-3"), row(1, "-2", asset="BNFCR")])], {"USDT": -3, "BNFCR": -2}),
        ([(1, [row(1, "-3"), row(1, "-7", symbol="ETHUSDT")])], {"USDT": -3}),
        # what is no funding, and what was settled before the run
        ([(1, [row(1, "-3", kind=IncomeKind.FEE, word="COMMISSION")])], {}),
        ([(1, [row(1, "-3", at_ms=1)])], {}),
    ]:
        assert busy(book(*steps)) == {asset: Decimal(amount) for asset, amount in sums.items()}


# --- the venue's history, through the connector


async def test_A11_the_history_is_read_in_pages() -> None:
    """More than a page of a thousand rows, several of one millisecond, across weeks; each once."""
    async with open_session(FILE, *QUIET) as session:
        exchange, now_ms = session.sandbox.exchange, session.clock.utc_ms()
        account = exchange._floor.accounts[ACCOUNT]
        account.income.clear()

        for number in range(2500):
            at_ms = now_ms - (2500 - number) // 3 * 1_000_000
            account.book_income(IncomeKind.FUNDING, Decimal(number), at_ms, number, None)

        rows = await session.bot.connector.fetch_income(session.bot.instrument, now_ms - 30 * 24 * HOUR_MS)  # type: ignore[attr-defined]  # the ability

    assert [int(one.income_id) for one in rows] == list(range(2500))
    assert sum(one.amount for one in rows) == sum(range(2500))
