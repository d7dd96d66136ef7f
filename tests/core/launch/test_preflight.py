"""The survey before a run: what it waits for, what it reports when that does not come, and what it never does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import attrs
import pytest

from perpmaker.clock import LoopClock
from perpmaker.config.loading import load_configuration
from perpmaker.connector.interface import ConnectorContext, DerivativeConnector, Environment, EventReceiver, Feed
from perpmaker.connector.price_source import SourceContext
from perpmaker.errors import ConnectivityError, MarketClosedError, MarketRulesError, PluginError
from perpmaker.launch.preflight import LOOK_S, refuse, survey
from perpmaker.model.account import AccountSnapshot
from perpmaker.model.event import BookSnapshot, Channel, Event, MarkChanged, ReferenceChanged
from perpmaker.model.instrument import Instrument
from perpmaker.plugins.catalog import Catalog
from perpmaker.plugins.declarations import PriceSourceDeclaration
from perpmaker.plugins.loading import LoadedPlugin, PluginState, load_plugins
from perpmaker.secret import References
from perpmaker.testing.view import make_account, make_instrument
from perpmaker.wire.memory import MemoryNetwork

pytestmark = pytest.mark.anyio

FILE = Path(__file__).parents[3] / "examples" / "sandbox.toml"
BOOK = BookSnapshot(bids=((9999, 1000),), asks=((10001, 1000),), venue_ms=1)
MARK = MarkChanged(mark=Decimal(100), index=None, funding_rate=Decimal("0.0001"), next_funding_ms=None, venue_ms=1)


@pytest.fixture
def anyio_backend(virtual_time: Any) -> Any:
    """Seconds of waiting take none."""
    return virtual_time


@attrs.frozen
class ScriptedFeed:
    """Brings its events once and is silent then, or fails."""

    channels: frozenset[Channel]
    events: Sequence[Event] = ()
    failure: Exception | None = None
    stall_s: float | None = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[EventReceiver]:
        """Open at once."""
        send, receive = anyio.create_memory_object_stream[Sequence[Event]](1)

        async with send, receive:
            if self.events:
                await send.send(self.events)

            if self.failure is not None:
                raise self.failure

            yield receive


@attrs.define
class ScriptedVenue:
    """A connector that can be asked and has nothing that could be set or sent."""

    streams: Sequence[Feed]
    name: str = "binance_perpetual"
    account: str = "test"
    fence_s: float = 2.0
    caps_resting_exits: bool = True
    failure: Exception | None = None

    def feeds(self, _: Instrument) -> Sequence[Feed]:
        """The streams, and one of the account, which must not be opened."""
        account = ScriptedFeed(frozenset({Channel.ACCOUNT}), failure=AssertionError("the account's stream was opened"))

        return (*self.streams, account)

    async def fetch_account(self, _: Instrument) -> AccountSnapshot:
        """Flat, with a thousand."""
        if self.failure is not None:
            raise self.failure

        return make_account()


def feed(channel: Channel, *events: Event, failure: Exception | None = None) -> Feed:
    """A stream of one channel."""
    return ScriptedFeed(frozenset({channel}), events, failure)


async def look(
    *streams: Feed,
    overrides: Sequence[str] = (),
    plugins: Sequence[LoadedPlugin] = (),
    failure: Exception | None = None,
) -> tuple[Any, float]:
    """The report over these streams, and how long it took."""
    configuration = load_configuration(FILE, overrides, Catalog((*load_plugins({}), *plugins)))
    clock = LoopClock()
    context = ConnectorContext(
        clock=clock,
        connect=MemoryNetwork().connect,
        signers=References(FILE.parent, {}),
        environment=Environment.SANDBOX,
    )
    venue: DerivativeConnector = ScriptedVenue(streams, failure=failure)  # type: ignore[assignment]  # nothing of the rest may be asked
    began_at = clock.now()
    report = await survey(configuration, venue, make_instrument(max_orders=200), context)

    return report, clock.now() - began_at


async def test_survey_waits_for_book_and_mark_and_no_longer() -> None:
    """As soon as a quote could be decided the streams are closed."""
    report, took_s = await look(feed(Channel.BOOK, BOOK), feed(Channel.MARK, MARK))
    assert took_s < 0.1
    assert (report.figures.reference, report.figures.mark, report.figures.funding.rate) == (100, 100, MARK.funding_rate)
    assert report.figures.account.wallet == 1000
    assert [line.withheld for line in report.figures.levels] == [None, None]


async def test_what_risk_modules_say_of_market_and_account_is_in_the_report() -> None:
    """The account tells no equity: the guard would quote nothing, says so, and withholds each level with its reason."""
    guard = "risk.margin_guard.quote_below=30"
    report, _ = await look(feed(Channel.BOOK, BOOK), feed(Channel.MARK, MARK), overrides=(guard,))
    words = "margin_guard: the venue does not tell equity and initial margin: nothing will be quoted."
    assert any(words in one.text for one in report.warnings)
    assert all("margin_guard" in str(line.withheld) for line in report.figures.levels)


async def test_silent_book_is_reported_after_some_seconds() -> None:
    """What has not come by then is missing, and the report says so."""
    report, took_s = await look(feed(Channel.BOOK), feed(Channel.MARK, MARK))
    assert took_s == pytest.approx(LOOK_S)
    assert report.figures.reference is None
    assert any("nothing can be quoted now" in one.text and one.loud for one in report.warnings)


async def test_price_type_that_needs_a_trade_waits_for_one() -> None:
    """`last_price` before the first trade of a quiet market: the report says what is missing."""
    report, took_s = await look(
        feed(Channel.BOOK, BOOK), feed(Channel.MARK, MARK), overrides=['price_type="last_price"']
    )
    assert took_s == pytest.approx(LOOK_S)
    assert report.figures.reference_name == "nothing has been traded yet"


async def test_stream_that_cannot_be_reached_ends_the_survey() -> None:
    """A venue that is not there is no market to report about."""
    with pytest.raises(ConnectivityError, match="gone"):
        await look(feed(Channel.BOOK, failure=ConnectivityError("gone")), feed(Channel.MARK, MARK))


@attrs.frozen
class Mute:
    """Settings of nothing."""


@attrs.frozen
class MuteSource:
    """A source that has only a reason to say nothing."""

    failure: Exception

    @asynccontextmanager
    async def open(self, _: Mute, __: SourceContext) -> AsyncIterator[MuteSource]:
        """A source that can be opened, and no more."""
        yield self

    async def receive(self) -> ReferenceChanged:
        """There is no price."""
        raise self.failure


async def test_price_source_that_cannot_be_heard_is_reported_with_its_reason() -> None:
    """The market is there to report about; nothing can be quoted on it, and a person reads why."""
    for failure, why in [
        (ConnectivityError("no price in price.txt"), "no price in price.txt"),
        (MarketClosedError("ETH-USDT", "the venue", "BREAK"), "its market is closed, its status is BREAK"),
    ]:
        source = PriceSourceDeclaration(
            name="mute",
            summary="Says nothing",
            settings=Mute,
            open=MuteSource(failure).open,
            price_types=("mid_price",),
        )
        plugin = LoadedPlugin(
            name="mute", distribution="mute", version="1", state=PluginState.LOADED, declarations=(source,)
        )
        report, _ = await look(
            feed(Channel.BOOK, BOOK), feed(Channel.MARK, MARK), overrides=["price_source=mute"], plugins=(plugin,)
        )
        assert f"nothing can be quoted now: the price source has not spoken yet ({why})" in [
            one.text for one in report.warnings
        ]


async def test_connector_that_breaks_while_it_is_asked_is_named() -> None:
    """That is its mistake, and no bug of perpmaker."""
    with pytest.raises(PluginError, match=r"The connector binance_perpetual failed at its start \(KeyError: 'x'\)"):
        await look(feed(Channel.BOOK, BOOK), feed(Channel.MARK, MARK), failure=KeyError("x"))


async def test_margin_mode_that_cannot_be_read_is_said() -> None:
    """A connector without that ability: liquidation is computed as isolated, with a warning."""
    report, _ = await look(feed(Channel.BOOK, BOOK), feed(Channel.MARK, MARK))
    assert any("margin mode was not read" in one.text for one in report.warnings)
    report, _ = await look(feed(Channel.BOOK, BOOK), feed(Channel.MARK, MARK), overrides=['margin_mode="isolated"'])
    assert not any("margin mode was not read" in one.text for one in report.warnings)


async def test_refusals_of_a_report_become_one_error() -> None:
    """Every reason not to trade, one a line, with exit code 3."""
    report, _ = await look(
        feed(Channel.BOOK, BOOK),
        feed(Channel.MARK, MARK),
        overrides=["stop_loss_spread=50", 'margin_mode="isolated"'],
    )

    with pytest.raises(MarketRulesError) as refused:
        refuse(report)

    assert len(str(refused.value).splitlines()) == 2


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["order_levels=1_000_000_000"], "order_levels = 1000000000: 2000000000 quotes and 2 closing orders are more"),
        (["order_levels=100"], "order_levels = 100: 200 quotes and 2 closing orders are more than the 200 orders"),
        (["order_levels=99", 'position_mode="Hedge"'], "198 quotes and 4 closing orders"),
        (["order_override={a = ['buy', 1, 1]}"], None),
        (["order_levels=99"], None),
    ],
)
async def test_more_quotes_than_the_venue_takes_orders_are_refused_at_once(
    overrides: Sequence[str], words: str | None
) -> None:
    """Not one of them is computed; and the closing orders have their room."""
    feeds = (feed(Channel.BOOK, BOOK), feed(Channel.MARK, MARK))

    if words is None:
        assert await look(*feeds, overrides=overrides)
        return

    with pytest.raises(MarketRulesError, match=words):
        await look(*feeds, overrides=overrides)
