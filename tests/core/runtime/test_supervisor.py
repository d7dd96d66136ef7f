from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, cast

import anyio
import attrs
import pytest

from perpmaker.clock import LoopClock
from perpmaker.connector.interface import ConnectorContext, DerivativeConnector, Environment
from perpmaker.connector.price_source import ReferenceReceiver, SourceContext, SourceRequest
from perpmaker.errors import AuthenticationError, ConnectivityError, MarketRulesError, PluginError
from perpmaker.execution.action import Place
from perpmaker.exits.settings import ExitSettings
from perpmaker.launch.launch import prepare_run
from perpmaker.launch.plan import Plan
from perpmaker.launch.price_source import SourcePlan
from perpmaker.model.event import Channel, Event, FeedAlive, OtherMarketsChanged
from perpmaker.model.order import OrderKind, PositionMode
from perpmaker.model.position import MarginMode, VenueSettings
from perpmaker.plugins.declarations import DerivativeConnectorDeclaration, PriceSourceDeclaration
from perpmaker.plugins.shipped import declaration as perpetual_market_making
from perpmaker.runtime.account_exposure import AccountExposures, MarketExposure
from perpmaker.runtime.rules_watch import EVERY_S
from perpmaker.runtime.shutdown import Closing
from perpmaker.runtime.supervisor import Supervisor
from perpmaker.runtime.venue_side import CHECK_S
from perpmaker.state.view import Mode
from perpmaker.strategy.settings import StrategySettings
from perpmaker.testing.waiting import until

pytestmark = pytest.mark.anyio


@attrs.define
class Desk:
    """A bot on a fake venue, what a person was told, and how the run ended."""

    bot: Supervisor
    connector: Any
    told: list[str]
    closing: Closing | None = None

    async def run(self) -> None:
        """Run until asked to stop."""
        self.closing = await self.bot.run()

    async def quoting(self) -> None:
        """Wait until both quotes rest."""
        await until(lambda: len(self.connector.orders) == 2)


def plan_for(connector: Any, **changes: Any) -> Plan:
    """A plan that quotes both sides far away on a fake venue."""

    @asynccontextmanager
    async def opened(_: Any, __: ConnectorContext) -> AsyncIterator[DerivativeConnector]:
        yield cast("DerivativeConnector", connector)

    far = Decimal("0.01")
    plan = Plan(
        market="BTC-USDT",
        leverage=3,
        position_mode=PositionMode.ONE_WAY,
        margin_mode=None,
        connector=DerivativeConnectorDeclaration(name="fake", summary="A venue.", settings=object, open=opened),
        connector_settings=None,
        strategy=perpetual_market_making(),
        strategy_settings=StrategySettings(
            bid_spread=far, ask_spread=far, order_amount=Decimal("0.01"), order_refresh_time=5.0
        ),
        exits=ExitSettings(),
    )

    return attrs.evolve(plan, **changes)


@asynccontextmanager
async def open_desk(connector: Any, exposure: MarketExposure | None = None, **changes: Any) -> AsyncIterator[Desk]:
    """A bot on a fake venue, ready to run."""
    told: list[str] = []
    context = ConnectorContext(
        clock=LoopClock(), connect=cast("Any", None), signers=cast("Any", None), environment=Environment.TESTNET
    )

    async with prepare_run(
        plan_for(connector, **changes), context, home=None, tell=told.append, seed=1, exposure=exposure
    ) as ready:
        yield Desk(await ready.start(), connector, told)


async def keep_book_alive(connector: Any) -> None:
    """Say that the book lives, again and again."""
    while True:
        await anyio.sleep(1)
        connector.book.bring([FeedAlive(channel=Channel.BOOK)])


async def test_it_quotes_stops_and_proves_that_nothing_is_left(connector: Any) -> None:
    """The straight way: streams, one read of the account, quotes; at the end the venue's list is empty."""
    async with open_desk(connector) as desk, anyio.create_task_group() as group:
        group.start_soon(desk.run)
        await desk.quoting()
        assert desk.bot.mode is Mode.RUN
        desk.bot.request_stop()
        await until(lambda: desk.closing is not None, 2.0)

    assert desk.closing is not None
    assert desk.closing.unproven is None
    assert connector.orders == {}
    assert desk.bot.count.placed[OrderKind.QUOTE] == desk.bot.count.cancels == 2


async def test_another_market_hears_what_this_one_may_come_to_hold_once_its_account_is_read(connector: Any) -> None:
    """Until then that is not known; at the end it is nothing, as both quotes are gone."""
    exposures = AccountExposures()
    heard: list[Event] = []
    other, mine = (exposures.expect(name, "venue") for name in ("eth", "btc"))
    other.join(("testnet", "fake", connector.account, "USDT"), heard.extend)
    other.tell(Decimal(0))

    async with open_desk(connector, mine) as desk, anyio.create_task_group() as group:
        assert heard == [OtherMarketsChanged(notional=Decimal(0), unread=("btc",))]
        group.start_soon(desk.run)
        await desk.quoting()
        await until(lambda: not cast("OtherMarketsChanged", heard[-1]).unread)
        assert cast("OtherMarketsChanged", heard[-1]).notional > 0
        desk.bot.request_stop()
        await until(lambda: desk.closing is not None, 2.0)

    assert heard[-1] == OtherMarketsChanged(notional=Decimal(0))


async def test_I8_no_order_is_sent_before_its_intent_is_in_the_journal(connector: Any) -> None:
    """When the venue sees an order, the journal knows what it is for."""
    async with open_desk(connector) as desk, anyio.create_task_group() as group:
        known: list[bool] = []
        connector.watch = lambda order: known.append(desk.bot.journal.intent(order.client_id) == order)
        group.start_soon(desk.run)
        await desk.quoting()
        assert known == [True, True]
        group.cancel_scope.cancel()


async def test_F74_without_a_journal_nothing_new_is_sent_and_quotes_are_cancelled(connector: Any) -> None:
    """A full disk halts: the quotes that rest go, no new one comes, and a person is told why."""
    async with open_desk(connector) as desk, anyio.create_task_group() as group:
        group.start_soon(keep_book_alive, connector)
        group.start_soon(desk.run)
        await desk.quoting()
        desk.bot.journal._connection.execute("PRAGMA query_only = ON")
        sent = len(desk.bot.known.sent)
        await until(lambda: desk.bot.mode is Mode.HALT, 60.0)
        await until(lambda: not connector.orders)
        await anyio.sleep(30)

        assert len(desk.bot.known.sent) == sent
        assert "the journal cannot be written" in (desk.bot.halted or "")
        assert any("halted: the journal cannot be written" in line for line in desk.told)
        group.cancel_scope.cancel()


@attrs.define
class SlippingClock:
    """A clock that may be found to have gone on while nothing else did."""

    inner: LoopClock
    slipped_s: float = 0.0

    def now(self) -> float:
        """Seconds, with those that were lost."""
        return self.inner.now() + self.slipped_s

    def utc_ms(self) -> int:
        """The time of day."""
        return self.inner.utc_ms()


async def test_F74_quotes_that_waited_for_a_slow_disk_are_not_sent_any_more(connector: Any) -> None:
    """A commit of five seconds: what they were priced from is as old; nothing is halted, and the next ones go out."""
    async with open_desk(connector) as desk, anyio.create_task_group() as group:
        clock = SlippingClock(LoopClock())
        desk.bot._loop.clock = desk.bot._recorder.clock = clock
        record, sent, slow = desk.bot.journal.record_step, list[str](), [True]
        connector.watch = lambda order: sent.append(order.client_id)

        def record_slowly(step: Any, utc_ms: int) -> None:
            record(step, utc_ms)

            if slow and any(isinstance(action, Place) for action in step.actions):
                slow.clear()
                clock.slipped_s = 5.0

        desk.bot.journal.record_step = record_slowly  # type: ignore[method-assign]  # a disk that is slow once
        group.start_soon(keep_book_alive, connector)
        group.start_soon(desk.run)
        await desk.quoting()
        intents = [row.name for row in desk.bot.journal.rows() if row.kind == "intent"]

        assert len(intents) == 4
        assert sent == intents[2:]
        assert desk.bot.halted is None
        group.cancel_scope.cancel()


async def test_F74_a_journal_that_cannot_be_read_any_more_keeps_nobody_from_trading_on_or_ending(
    connector: Any,
) -> None:
    """What an order was meant for is then not known: one with our mark that this run did not send is left alone."""
    async with open_desk(connector) as desk, anyio.create_task_group() as group:
        group.start_soon(keep_book_alive, connector)
        group.start_soon(desk.run)
        await desk.quoting()
        desk.bot.journal._connection.close()
        ours = next(iter(connector.orders.values()))
        old = attrs.evolve(ours, client_id=f"{desk.bot.known.client_ids.prefix}old-1", side=ours.side.opposite)
        connector.orders[old.client_id] = old
        await until(lambda: desk.bot.mode is Mode.HALT, CHECK_S + 5)
        await until(lambda: list(connector.orders) == [old.client_id])
        desk.bot.request_stop()
        await until(lambda: desk.closing is not None, 12.0)
        group.cancel_scope.cancel()

    assert list(connector.orders) == [old.client_id]


async def test_F73_a_trader_that_dies_takes_its_quotes_with_it_and_the_error_is_raised(connector: Any) -> None:
    """No zombie: the venue is cleaned directly, and whoever started the bot learns of the error."""
    async with open_desk(connector) as desk:

        async def die() -> None:
            await desk.quoting()

            def handle(_: Any, __: float) -> Any:
                raise ZeroDivisionError

            desk.bot.trader.handle = handle  # type: ignore[method-assign, assignment]  # the failure under test
            connector.book.bring([])

        async def run_and_die() -> None:
            async with anyio.create_task_group() as group:
                group.start_soon(die)
                group.start_soon(desk.run)

        with pytest.raises(ExceptionGroup) as caught:
            await run_and_die()

        assert caught.group_contains(ZeroDivisionError)
        assert connector.orders == {}


async def test_a_stop_that_the_venue_does_not_confirm_is_not_called_clean(connector: Any) -> None:
    """Within ten seconds it gives up and says so."""
    async with open_desk(connector) as desk, anyio.create_task_group() as group:
        group.start_soon(desk.run)
        await desk.quoting()
        connector.fail = lambda _: ConnectivityError("127.0.0.1:1 is gone")
        began_at = anyio.current_time()
        desk.bot.request_stop()
        await until(lambda: desk.closing is not None, 20.0)

        assert anyio.current_time() - began_at <= 19
        assert desk.closing is not None
        assert desk.closing.unproven is not None
        assert desk.closing.unproven.split("; ") == [
            "the venue did not list the open orders",
            "the account could not be read at the end: position and exits are unknown",
        ]
        assert desk.closing.account is None


async def test_F70_the_second_signal_hurries(connector: Any) -> None:
    """A venue that cancels too slowly is waited for no longer than two seconds more."""
    async with open_desk(connector) as desk, anyio.create_task_group() as group:
        group.start_soon(desk.run)
        await desk.quoting()
        connector.fail = lambda what: ConnectivityError("no") if what == "cancel" else None
        desk.bot.request_stop()
        await anyio.sleep(1)
        desk.bot.request_stop()
        hurried_at = anyio.current_time()
        await until(lambda: desk.closing is not None, 4.0)

        assert anyio.current_time() - hurried_at <= 2.5
        assert desk.closing is not None
        assert "2 quotes are still on the venue" in (desk.closing.unproven or "")


async def test_the_account_is_compared_every_30_seconds_whatever_the_streams_say(connector: Any) -> None:
    """A position that changed without any event is found by the next check."""
    async with open_desk(connector) as desk, anyio.create_task_group() as group:
        group.start_soon(keep_book_alive, connector)
        group.start_soon(desk.run)
        await desk.quoting()
        connector.position = attrs.evolve(
            connector.position, amount=Decimal("0.5"), entry=Decimal(60_000), venue_ms=desk.bot.clock.utc_ms()
        )
        await anyio.sleep(CHECK_S + 1)
        positions = desk.bot.trader.state.account.positions

        assert [position.amount for position in positions.values()] == [Decimal("0.5")]
        group.cancel_scope.cancel()


async def test_an_account_that_is_not_set_as_asked_is_not_traded(connector: Any) -> None:
    """F42: accepted and not applied is found by reading back."""
    prepare = type(connector).prepare

    class Stubborn(type(connector)):  # type: ignore[misc]  # the fixture's class
        async def prepare(self, *words: Any) -> Any:
            return attrs.evolve(await prepare(self, *words), leverage=20)

    with pytest.raises(MarketRulesError, match="leverage is 20, not 3"):
        await open_desk(Stubborn()).__aenter__()


async def test_F14_a_key_that_is_refused_while_preparing_is_named(connector: Any) -> None:
    """With the venue's words and its code."""
    connector.fail = lambda what: AuthenticationError("Invalid", code="-2015") if what == "prepare" else None

    with pytest.raises(AuthenticationError, match=r"\[fake\] api_key, api_secret\): Invalid \(code -2015\)"):
        await open_desk(connector).__aenter__()


@pytest.mark.parametrize("what", ["instrument BTC-USDT", "open_orders", "prepare"])
async def test_connector_that_breaks_at_the_start_is_named(connector: Any, what: str) -> None:
    """Whatever it is asked for before it trades: that is its mistake, and no bug of perpmaker."""
    connector.fail = lambda asked: KeyError("x") if asked == what else None

    with pytest.raises(PluginError, match=r"The connector fake failed at its start \(KeyError: 'x'\)"):
        async with open_desk(connector):
            pytest.fail("it started")


async def test_price_source_that_breaks_at_the_start_is_named(connector: Any) -> None:
    """The same of what brings the price."""

    @asynccontextmanager
    async def broken(_: Any, __: SourceContext) -> AsyncIterator[ReferenceReceiver]:
        raise KeyError("x")
        yield

    source = SourcePlan(
        declaration=PriceSourceDeclaration(
            name="crystal", summary="A ball.", settings=object, open=broken, price_types=("mid_price",)
        ),
        settings=None,
        request=SourceRequest(market="BTC-USDT", price_type="mid_price"),
    )

    with pytest.raises(PluginError, match="The price source crystal failed at its start"):
        async with open_desk(connector, price_source=source):
            pytest.fail("it started")


async def test_what_only_the_market_says_is_not_journalled(connector: Any) -> None:
    """A busy book would be gigabytes a day; what an account event or a decision says is kept."""
    async with open_desk(connector) as desk, anyio.create_task_group() as group:
        group.start_soon(desk.run)
        await desk.quoting()
        rows = len(list(desk.bot.journal.rows()))
        connector.book.bring([FeedAlive(channel=Channel.BOOK)] * 100)
        await anyio.sleep(1)

        assert len(list(desk.bot.journal.rows())) == rows
        assert {row.kind for row in desk.bot.journal.rows()} == {"run", "start", "intent", "step", "entry", "memory"}
        group.cancel_scope.cancel()


READS = ("instrument", "read_settings", "arm", "open_orders", "fills", "account")


def able(connector: Any) -> Any:
    """The same venue, which can be asked for the account's settings as well, and has a dead-man switch."""

    class Able(type(connector)):  # type: ignore[misc]  # the fixture's class
        switch_takes = "everything"

        async def fetch_settings(self, _: Any) -> VenueSettings:
            self._ask("read_settings")

            return VenueSettings(leverage=3, position_mode=PositionMode.ONE_WAY, margin_mode=MarginMode.CROSS)

        async def arm(self, _: Any, __: float) -> None:
            self._ask("arm")

        async def disarm(self, _: Any) -> None:
            self._ask("disarm")

    return Able(book=connector.book)


@pytest.mark.each_value
@pytest.mark.parametrize("error", [KeyError("x"), RecursionError("deep")], ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("call", [*READS, "place", "cancel"])
async def test_F77_a_connector_that_raises_anything_halts_its_market_and_the_core_lives(
    connector: Any, call: str, error: Exception
) -> None:
    """Told once with the call's own error; quotes go as soon as the venue lets them, and the end is proven clean."""
    venue = able(connector)

    async with open_desk(venue, dead_man_switch_s=30.0) as desk, anyio.create_task_group() as group:
        group.start_soon(keep_book_alive, venue)
        group.start_soon(desk.run)
        await desk.quoting()
        venue.fail = lambda what: error if what.startswith(call) else None
        await anyio.sleep(35 + (EVERY_S if call in READS else 0))
        assert desk.bot.mode is Mode.HALT
        assert type(error).__name__ in (desk.bot.halted or "")
        assert sum("halted:" in line for line in desk.told) == 1
        venue.fail = lambda _: None
        await until(lambda: not venue.orders)
        desk.bot.request_stop()
        await until(lambda: desk.closing is not None, 12.0)
        group.cancel_scope.cancel()

    assert desk.closing is not None
    assert desk.closing.unproven is None


@pytest.mark.parametrize("call", ["open_orders", "account", "fills", "cancel", "disarm"])
async def test_F77_a_connector_that_raises_anything_at_the_end_does_not_keep_it_from_ending(
    connector: Any, call: str
) -> None:
    """What could not be proven is said, as with a venue that does not answer; the bot itself does not die of it."""
    venue = able(connector)

    async with open_desk(venue, dead_man_switch_s=30.0) as desk, anyio.create_task_group() as group:
        group.start_soon(desk.run)
        await desk.quoting()
        venue.fail = lambda what: KeyError("x") if what == call else None
        desk.bot.request_stop(close=call == "account")
        await until(lambda: desk.closing is not None, 60.0)
        group.cancel_scope.cancel()

    assert desk.closing is not None
    assert desk.closing.unproven is not None


@pytest.mark.each_value
@pytest.mark.parametrize(
    "call",
    ["fetch_instrument", "fetch_settings", "fetch_open_orders", "fetch_order", "fetch_fills", "fetch_account"],
)
@pytest.mark.parametrize("answer", [None, ["what?"]], ids=str)
async def test_F79_a_connector_that_answers_with_anything_halts_its_market_and_the_core_lives(
    connector: Any, call: str, answer: Any
) -> None:
    """What is not of the model's own classes gets no further than the seam, whoever asked for it."""
    venue = able(connector)

    async with open_desk(venue) as desk, anyio.create_task_group() as group:
        group.start_soon(keep_book_alive, venue)
        group.start_soon(desk.run)
        await desk.quoting()

        async def nonsense(*_: Any) -> Any:
            return answer

        setattr(venue, call, nonsense)

        if call == "fetch_order":
            venue.orders.clear()  # whatever became of them has to be asked for

        await anyio.sleep(EVERY_S + 35)
        assert (desk.bot.mode is Mode.HALT) is not (call == "fetch_order" and answer is None)
        group.cancel_scope.cancel()


async def test_F79_an_account_that_is_read_with_numbers_that_are_none_is_not_taken_over(connector: Any) -> None:
    """A NaN position would compare with nothing: it is a fault of the connector, and the last known one stays."""
    async with open_desk(connector) as desk, anyio.create_task_group() as group:
        group.start_soon(keep_book_alive, connector)
        group.start_soon(desk.run)
        await desk.quoting()
        connector.position = attrs.evolve(connector.position, amount=Decimal("NaN"))
        await until(lambda: desk.bot.mode is Mode.HALT, CHECK_S + 1)
        assert "amount of a Position is Decimal('NaN'), no finite Decimal" in (desk.bot.halted or "")
        assert [one.amount for one in desk.bot.trader.state.account.positions.values()] == [0]
        group.cancel_scope.cancel()
