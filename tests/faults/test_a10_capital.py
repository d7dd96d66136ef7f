"""A10: what quotes may bind is what the venue says is available, never what is in the wallet."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import attrs
import pytest

from perpmaker.connector.interface import ConnectorContext, Environment, SandboxAccess
from perpmaker.errors import MarketRulesError
from perpmaker.launch.preflight import refuse, survey
from perpmaker.model.account import AssetMode
from perpmaker.model.event import AccountReported, OrderReported
from perpmaker.model.instrument import OrderMargin
from perpmaker.model.margin import quote_cost
from perpmaker.model.order import OrderReport, OrderStatus, OrderType, PositionSide, Side
from perpmaker.model.position import Balance
from perpmaker.model.quote import Rule
from perpmaker.runtime.account_reader import FRESH_S
from perpmaker.sandbox.server import ACCOUNT, Sandbox
from perpmaker.secret import References
from perpmaker.simulation.statement import Assets
from perpmaker.state.view import Mode
from perpmaker.strategy.perpetual_market_making import PerpetualMarketMaking
from perpmaker.strategy.settings import StrategySettings
from perpmaker.testing.scenario import Scenario
from perpmaker.testing.scene import Scene
from perpmaker.testing.session import Session, open_session, open_stage
from perpmaker.testing.view import make_account, make_position, make_view
from perpmaker.wire.fault import Fault

from .venue_site import VenueWords

pytestmark = pytest.mark.anyio

FILE = Path(__file__).parents[1] / "practice.toml"


@pytest.fixture
def anyio_backend(virtual_time: Any) -> Any:
    """Sessions are minutes long."""
    return virtual_time


# --- the venue's word, through the Binance connector

USDT = {"asset": "USDT", "walletBalance": "0", "availableBalance": "0", "updateTime": 0}
USDC = {"asset": "USDC", "walletBalance": "9000", "availableBalance": "9000", "updateTime": 0}
CREDITS = {"asset": "BNFCR", "walletBalance": "7000", "availableBalance": "7000", "updateTime": 0}
RICH = {"asset": "USDT", "walletBalance": "10000", "availableBalance": "10000", "updateTime": 0}


def multi(*rows: Mapping[str, Any], available: str) -> dict[str, Any]:
    """An account in multi-assets mode: each row repeats the whole."""
    return {"assets": [{**row, "availableBalance": available} for row in rows], "availableBalance": available}


@asynccontextmanager
async def open_account(account: Mapping[str, Any], *, multi_assets: bool = False) -> AsyncIterator[Session]:
    """A session whose account is answered for with these words."""
    async with open_session(FILE, "leverage=1", "bid_spread=0.5", "ask_spread=0.5") as session:
        spoil(session.sandbox, account, multi_assets=multi_assets)
        await anyio.sleep(FRESH_S + 0.1)  # what the start has read a moment ago would not be asked for again

        yield session


def spoil(sandbox: Sandbox, account: Mapping[str, Any], *, multi_assets: bool) -> None:
    """Let the sandbox answer for the account with these words."""
    rows = [{**row, "balance": row["walletBalance"]} for row in account["assets"]]
    config = {"dualSidePosition": False, "canTrade": True, "multiAssetsMargin": multi_assets}
    answers = {"/fapi/v3/account": account, "/fapi/v3/balance": rows, "/fapi/v1/accountConfig": config}

    for path, body in answers.items():
        fault = Fault(act="body", when="after", arg=json.dumps(body), method="GET", path=path, times=None)
        sandbox.faults.add(fault)


async def quotes_after(session: Session, seconds: float) -> list[Decimal]:
    """What the quotes bind after so many seconds, each by itself."""
    async with anyio.create_task_group() as group:
        group.start_soon(session.bot.run)
        await anyio.sleep(seconds)
        exchange = session.sandbox.exchange
        found = [
            exchange.instrument.price(order.ticks or 0) * exchange.instrument.amount(order.lots)
            for order in exchange.open_orders(ACCOUNT)
        ]
        group.cancel_scope.cancel()

    return found


async def test_A10_a_wallet_of_nothing_quotes_from_other_assets() -> None:
    """9,000 USDC stand behind the positions in multi-assets mode: the venue says that 8,900 are available."""
    async with open_account(multi(USDT, USDC, available="8900"), multi_assets=True) as session:
        assert len(await quotes_after(session, 5)) == 2


async def test_A10_credits_are_capital() -> None:
    """In credits mode the wallet of the settlement asset is empty for good."""
    async with open_account({"assets": [USDT, CREDITS], "availableBalance": "7000"}) as session:
        assert len(await quotes_after(session, 5)) == 2


async def test_A10_other_assets_are_no_capital_in_single_asset_mode() -> None:
    """9,000 USDC do nothing for a market that settles in USDT; told once, with the assets that are there."""
    async with open_account({"assets": [USDT, USDC], "availableBalance": "0"}) as session:
        assert await quotes_after(session, 70) == []
        (line,) = [line for line in session.told if "available" in line]
        assert "9000 USDC" in line
        assert "single-asset mode" in line


@pytest.mark.parametrize("bound", ["9950", "9000"])
async def test_A10_what_another_market_binds_is_not_there(bound: str) -> None:
    """With most of the balance bound elsewhere, only what is left carries quotes; none is refused by the venue."""
    left = Decimal(10_000) - Decimal(bound)
    account = {"assets": [{**RICH, "availableBalance": str(left)}], "availableBalance": str(left)}

    async with open_account(account) as session:
        quotes = await quotes_after(session, 5)
        assert sum(quotes) <= left
        assert len(quotes) == (1 if left > 600 else 0)


@pytest.mark.parametrize("bound", ["9950", "9000"])
async def test_A10_what_the_rest_of_the_account_binds_is_not_there(bound: str, venue: VenueWords) -> None:
    """The same by each venue's own books: margin that other markets take, or money that is not there."""
    settings = (*venue.settings, "leverage=1", "bid_spread=0.5", "ask_spread=0.5")

    async with open_session(FILE, *settings) as session:
        exchange, now_ms = session.sandbox.exchange, session.clock.utc_ms()

        if venue.binds_elsewhere:
            exchange.set_assets(ACCOUNT, Assets(bound_elsewhere=Decimal(bound)), now_ms)
        else:
            exchange.transfer(ACCOUNT, -Decimal(bound), now_ms)

        await anyio.sleep(2)  # a chain shows it with its next block
        left = Decimal(10_000) - Decimal(bound)
        quotes = await quotes_after(session, 5)
        assert sum(quotes) <= left
        assert len(quotes) == (1 if left > 600 else 0)


@pytest.mark.also_on("dYdX")
async def test_A10_a_transfer_out_is_seen_at_once(venue: VenueWords) -> None:
    """Money that a person takes away while the bot trades is gone from the capital long before the next check.

    A chain shows it with its next block, and the account is asked for at most every two seconds.
    """
    settings = (*venue.settings, "order_amount=0.01", "leverage=1")

    async with open_session(FILE, *settings) as session, anyio.create_task_group() as group:
        group.start_soon(session.bot.run)
        await anyio.sleep(5)
        state, exchange = session.bot.trader.state, session.sandbox.exchange
        assert state.funds.capital is not None
        assert state.funds.capital > 9_000
        exchange.transfer(ACCOUNT, Decimal(-8_000), session.clock.utc_ms())
        await anyio.sleep(3 if venue.is_signed else 1)
        assert state.funds.capital < 2_001
        group.cancel_scope.cancel()


async def test_A10_after_each_fill_the_venue_is_asked_and_never_in_a_storm(venue: VenueWords) -> None:
    """At most one reading in two seconds; afterwards the capital is the venue's own to the last digit."""
    settings = (*venue.settings, "filled_order_delay=1")

    async with open_session(FILE, *settings, seed=3) as session, anyio.create_task_group() as group:
        group.start_soon(session.bot.run)
        await anyio.sleep(45)
        asked_at = session.bot.trader.state.funds.snapshot.asked_at  # type: ignore[union-attr]  # it was read
        executions = session.sandbox.exchange.executions(ACCOUNT)
        assert executions
        newest = (session.clock.utc_ms() - executions[-1].now_ms) / 1000
        assert session.clock.now() - asked_at <= max(newest, 2.5)
        group.cancel_scope.cancel()


# --- what is added back, and what is taken off


def capital(scene: Scene) -> Decimal | None:
    """What the trader takes for its capital."""
    return scene.trader.state.funds.capital


def test_A10_the_margin_of_our_own_quotes_is_added_back() -> None:
    """The venue counts it as gone; what rests may be replaced by as much."""
    scene = Scene().quoting()
    scene.tell(AccountReported(account=make_account(wallet="10", order_margin=Decimal(20), asked_at=scene.now)))
    assert capital(scene) == 30


def foreign(scene: Scene, lots: int, side: Side = Side.BUY) -> OrderReported:
    """Somebody's order that rests beside ours."""
    scene.ms += 1
    report = OrderReport(
        client_id="by-hand",
        venue_id="99",
        side=side,
        position_side=PositionSide.NET,
        status=OrderStatus.OPEN,
        raw_status="NEW",
        ticks=990,
        lots=lots,
        filled_lots=0,
        reduce_only=False,
        type=OrderType.LIMIT,
        venue_ms=scene.ms,
    )

    return OrderReported(report=report, by_stream=True)


def test_A10_the_margin_of_other_peoples_orders_is_not_ours() -> None:
    """Of what the venue binds for the market only our share of the notional is added back."""
    scene = Scene().quoting()
    orders = list(scene.trader.working())
    instrument = scene.trader.state.instrument
    worth = {
        side: sum(
            (instrument.price(one.order.ticks or 0) * instrument.amount(one.remaining_lots))
            for one in orders
            if one.slot.side is side
        )
        for side in Side
    }
    scene.tell(foreign(scene, 5))
    ours = Decimal(sum(worth.values()))
    theirs = ours * 3
    account = make_account(
        wallet="10",
        order_margin=Decimal(40),
        bids=Decimal(worth[Side.BUY]) + theirs,
        asks=Decimal(worth[Side.SELL]),
        asked_at=scene.now,
    )
    assert instrument.order_margin is OrderMargin.BOTH_SIDES
    scene.tell(AccountReported(account=account))
    assert capital(scene) == 10 + 40 / 4


def test_A10_a_fill_after_the_question_is_taken_off_and_one_before_is_not() -> None:
    """What the venue has counted already is not counted twice."""
    scene = Scene().quoting()
    before = capital(scene)
    scene.tell(scene.fill("1", 5, 5))
    instrument = scene.trader.state.instrument
    notional = Decimal("0.005") * instrument.price(990)
    assert before is not None
    assert capital(scene) == before - quote_cost(instrument, 3, notional)
    scene.wait(1)
    scene.tell(AccountReported(account=make_account(wallet="500", asked_at=scene.now)))
    assert capital(scene) == 500


def test_A10_an_answer_that_was_asked_for_earlier_is_not_newer() -> None:
    """Two readings side by side: the one that was asked for last counts, whichever comes last."""
    scene = Scene().quoting()
    scene.wait(2)
    scene.tell(AccountReported(account=make_account(wallet="500", asked_at=scene.now)))
    scene.tell(AccountReported(account=make_account(wallet="900", asked_at=scene.now - 1)))
    assert capital(scene) == 500


# --- what it means for quotes


def test_A10_quotes_never_bind_more_than_max_margin() -> None:
    """However much there is."""
    scenario = Scenario({"order_levels": 2, "max_margin": 310})
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)
    assert scenario.quotes() == ["buy 1 at 99.9", "buy 1 at 98.9", "sell 1 at 100.1"]
    assert scenario.withheld() == {"sell 1": "budget"}
    assert "max_margin" in scenario.why("sell 1")[-1]


def test_A10_a_word_of_more_than_a_minute_ago_enlarges_nothing() -> None:
    """Quotes go when the account was not read for 60 s, although its stream and the book are alive."""
    scene = Scene().quoting()
    view_of = scene.trader.state.view
    assert not view_of(scene.now, mode=Mode.RUN, mode_reason="", memory=None).is_capital_stale
    assert not view_of(scene.now + 60, mode=Mode.RUN, mode_reason="", memory=None).is_capital_stale
    assert view_of(scene.now + 60.1, mode=Mode.RUN, mode_reason="", memory=None).is_capital_stale


def test_A10_quotes_that_enlarge_go_when_the_account_is_not_read_for_a_minute() -> None:
    """Resting ones too; on the side that only reduces the position quotes go on, up to the position."""
    settings = StrategySettings(
        bid_spread=Decimal("0.01"),
        ask_spread=Decimal("0.01"),
        order_amount=Decimal(1),
        order_refresh_time=15.0,
        when_in_position="continue",
    )
    view = make_view(capital_age_s=61.0)
    strategy = PerpetualMarketMaking(settings, view.instrument)
    assert len(strategy.decide(attrs.evolve(view, capital_age_s=59.0)).quotes) == 2

    for amount, sides in (("0", []), ("1", [Side.SELL]), ("-1", [Side.BUY]), ("0.5", [])):
        found = strategy.decide(attrs.evolve(view, positions=make_position(amount)))
        assert [quote.slot.side for quote in found.quotes] == sides
        assert all(one.reasons[-1].rule is Rule.BUDGET for one in found.withheld)


def test_A10_the_bot_wakes_when_the_venues_word_becomes_too_old() -> None:
    """Nothing else need happen at that moment."""
    scene = Scene().quoting()
    scene.wait(59)
    assert scene.last.wake_at is not None
    assert scene.last.wake_at <= 60.05


def test_A10_nothing_available_is_told_once_and_that_there_is_something_again() -> None:
    """No quotes, and the reason with the assets; not a line each time the account is read."""
    scene = Scene()
    asset = Balance(asset="USDC", wallet=Decimal(9000), available=Decimal(9000))
    nothing = attrs.evolve(
        make_account(wallet="0"), assets=(*make_account(wallet="0").assets, asset), asset_mode=AssetMode.SINGLE
    )
    scene.start()

    for _ in range(3):
        scene.wait(30)
        scene.tell(AccountReported(account=attrs.evolve(nothing, asked_at=scene.now)))

    notices = [notice for decision in scene.decisions for notice in decision.notices]
    (line,) = [notice for notice in notices if "9000 USDC" in notice]
    assert "nothing is available" in line
    told = scene.tell(AccountReported(account=make_account(wallet="700", asked_at=scene.now))).notices
    assert list(told) == ["there is margin for quotes again: 700 USDT"]


# --- before it starts


@pytest.mark.parametrize("bound", ["", "max_margin=500"])
async def test_A10_check_wants_a_bound_where_the_wallet_is_empty(bound: str) -> None:
    """Without one all of somebody's other assets could be bound: refused with the key, and fine with it."""
    async with open_stage(FILE, *([bound] if bound else [])) as stage:
        spoil(stage.sandbox, multi(USDT, USDC, available="8900"), multi_assets=True)
        line, connector = stage.sandbox.line, stage.configuration.connector
        context = ConnectorContext(
            clock=stage.clock,
            connect=stage.network.connect,
            signers=References(FILE.parent, {}),
            environment=Environment.SANDBOX,
            sandbox=SandboxAccess(url=line.url, api_key=line.api_key, api_secret=line.api_secret),
        )

        async with connector.declaration.open(connector.settings, context) as opened:
            report = await survey(stage.configuration, opened, await opened.fetch_instrument("BTC-USDT"), context)

    if bound:
        refuse(report)
    else:
        with pytest.raises(MarketRulesError, match="max_margin is needed"):
            refuse(report)

    assert any("9000.00 USDC" in warned.text for warned in report.warnings)
