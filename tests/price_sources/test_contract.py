"""The suite of price sources against those of this distribution, and against sources that are broken in one thing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from decimal import Decimal
from typing import Any, cast

import anyio
import attrs
import pytest

from perpmaker import PriceSourceDeclaration, ReferenceChanged, SourceContext, SourceRequest
from perpmaker.errors import ConnectivityError
from perpmaker.model.event import BookSnapshot, Channel, Event, FeedAlive, Traded
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import Side
from perpmaker.testing.contract import PriceSourceContract
from perpmaker.testing.contract.source_world import HttpWorld, TradedWorld, World, make_context, open_http_world
from perpmaker.testing.view import make_instrument
from perpmaker.testing.virtual import virtual_asyncio
from perpmaker.wire.memory import MemoryNetwork
from perpmaker_price_sources import register_price_sources

DECLARED: list[PriceSourceDeclaration[Any]] = []
register_price_sources(DECLARED.append)
SOURCES = {one.name: one for one in DECLARED}
BOOK_ONLY = "the core derives it from the traded book, which has an age and streams of its own"


class BothLoops:
    """The default run is on asyncio."""

    @pytest.fixture(params=["asyncio", pytest.param("trio", marks=pytest.mark.full)])
    def anyio_backend(self, request: pytest.FixtureRequest) -> Any:
        """Both event loops, on virtual time."""
        return request.getfixturevalue("virtual_asyncio" if request.param == "asyncio" else "virtual_trio")


# --- the traded market's own book ---------------------------------------------------------------------------------


class TestCurrentMarket(BothLoops, PriceSourceContract):
    """`current_market`, as the core derives it."""

    declaration = SOURCES["current_market"]
    lacks = dict.fromkeys(("test_a_price_that_stays_is_said_again_before_it_is_too_old",), BOOK_ONLY)

    @asynccontextmanager
    async def open_world(self, price_type: Any) -> AsyncIterator[World]:  # type: ignore[override]  # a generator
        """The traded market."""
        yield TradedWorld(request=SourceRequest(market="BTC-USDT", price_type=price_type))


# --- an address that is asked -------------------------------------------------------------------------------------


def open_api(price_type: str) -> AbstractAsyncContextManager[HttpWorld]:
    """An address that answers with a number, and is asked every second."""
    url = "http://127.0.0.1:8080/price"
    request = SourceRequest(market="BTC-USDT", price_type=price_type, url=url, interval_s=1.0)

    async def resolve(*_: object) -> Sequence[str]:
        return ("127.0.0.1",)

    return open_http_world(lambda price: str(price).encode(), request=request, resolve=resolve)


class TestCustomApi(BothLoops, PriceSourceContract):
    """`custom_api`, over an address in memory."""

    declaration = SOURCES["custom_api"]
    settings = {"allow_loopback": True}  # noqa: RUF012  # never changed

    def open_world(self, price_type: Any) -> AbstractAsyncContextManager[World]:
        """The address."""
        return open_api(price_type)


# --- another market -----------------------------------------------------------------------------------------------


@attrs.define
class MarketWorld:
    """Another market, through a connector that says what it is told to say."""

    context: SourceContext
    instrument: Instrument
    batches: list[list[Event]] = attrs.field(factory=list)
    is_away: bool = False
    is_alive: bool = True
    opened: int = 0

    async def set_price(self, price: Decimal) -> None:
        """Book and trades."""
        ticks = self.instrument.exact_ticks(price)
        book = BookSnapshot(bids=((ticks - 1, 5),), asks=((ticks + 1, 5),), venue_ms=0)
        self.batches = [[book, Traded(ticks=ticks, lots=1, taker=Side.BUY, venue_ms=0)]]

    async def talk_nonsense(self) -> None:
        """A connector's own contract sees to it."""

    async def fall_silent(self) -> None:
        """Nothing more is streamed."""
        self.is_alive = False

    async def go_away(self) -> None:
        """The streams end."""
        self.is_away = True

    def connections(self) -> int:
        """Streams that are open."""
        return self.opened


@attrs.frozen
class MarketFeed:
    """Its one stream, which proves alive every second."""

    world: MarketWorld
    channels = frozenset({Channel.BOOK, Channel.TRADES})
    stall_s = 10.0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[MarketFeed]:
        """Open it."""
        self.world.opened += 1

        try:
            yield self
        finally:
            self.world.opened -= 1

    async def receive(self) -> Sequence[Event]:
        """What comes next."""
        for _ in range(10):
            if self.world.is_away:
                raise ConnectivityError("away")

            if self.world.batches:
                return self.world.batches.pop(0)

            await anyio.sleep(0.1)

        if not self.world.is_alive:
            await anyio.sleep_forever()

        return [FeedAlive(channel=Channel.BOOK), FeedAlive(channel=Channel.TRADES)]


@attrs.frozen
class MarketConnector:
    """As much of a connector as is used."""

    world: MarketWorld
    name = "scripted"

    async def fetch_instrument(self, _: str) -> Instrument:
        """The rules; where the venue cannot be reached there are none."""
        if self.world.is_away:
            raise ConnectivityError("away")

        return self.world.instrument

    def feeds(self, _: Instrument) -> Sequence[MarketFeed]:
        """One."""
        return [MarketFeed(self.world)]


class TestExternalMarket(BothLoops, PriceSourceContract):
    """`external_market`, through a connector."""

    declaration = SOURCES["external_market"]
    lacks = {"test_what_is_no_price_is_not_given_as_one": "what a connector passes on are prices"}  # noqa: RUF012

    @asynccontextmanager
    async def open_world(self, price_type: Any) -> AsyncIterator[World]:  # type: ignore[override]  # a generator
        """The other market."""
        request = SourceRequest(market="ETH-USDT", price_type=price_type)
        world = MarketWorld(make_context(MemoryNetwork(), request=request), make_instrument())

        @asynccontextmanager
        async def opened() -> AsyncIterator[Any]:
            yield MarketConnector(world)

        world.context = attrs.evolve(world.context, connector=opened)
        yield world


# --- broken sources -----------------------------------------------------------------------------------------------

TESTS = sorted(name for name in dir(PriceSourceContract) if name.startswith("test_"))
Words = Callable[[Any, SourceContext], Any]
"""What becomes of an open source."""


@attrs.define
class Changed:
    """A source of which each word is changed."""

    inner: Any
    change: Callable[[ReferenceChanged], ReferenceChanged]

    async def receive(self) -> ReferenceChanged:
        """The next word."""
        return self.change(await self.inner.receive())


def changed(**fields: Callable[[ReferenceChanged], Any]) -> Words:
    """Change fields of each word."""

    def change(word: ReferenceChanged) -> ReferenceChanged:
        return attrs.evolve(word, **{name: of(word) for name, of in fields.items()})

    return lambda source, _: Changed(source, change)


class Custom:
    """A source whose waiting is written here."""

    def __init__(self, receive: Callable[[Any, SourceContext, list[Any]], Any]) -> None:
        self._receive = receive

    def __call__(self, inner: Any, context: SourceContext) -> Any:
        """Put it around an open source."""
        kept: list[Any] = []
        custom = Custom(self._receive)
        custom.receive = lambda: self._receive(inner, context, kept)  # type: ignore[attr-defined]  # a source

        return custom


async def is_there(context: SourceContext) -> bool:
    """Whether the address can be reached."""
    try:
        stream = await context.connect("127.0.0.1", 8080, tls=False)
    except ConnectivityError:
        return False

    await stream.aclose()

    return True


async def frozen(inner: Any, _: SourceContext, kept: list[Any]) -> ReferenceChanged:
    """The first price for ever, as if it were of now."""
    word = await inner.receive()
    kept.append(word.price)

    return ReferenceChanged(price=kept[0], at=word.at) if word.price is not None else word


async def once(inner: Any, _: SourceContext, kept: list[Any]) -> ReferenceChanged:
    """A price only when it is another one."""
    while (word := await inner.receive()).price is not None and kept[-1:] == [word.price]:
        pass

    kept.append(word.price)

    return cast("ReferenceChanged", word)


async def stale(inner: Any, context: SourceContext, kept: list[Any]) -> ReferenceChanged:
    """The last price again while nothing is heard, as if it were of now."""
    with anyio.move_on_after(1.5):
        word = await inner.receive()

        if word.price is not None:
            kept.append(word)

        return cast("ReferenceChanged", word)

    if await is_there(context):
        return attrs.evolve(kept[-1], at=context.clock.now())

    return cast("ReferenceChanged", await inner.receive())


async def stubborn(inner: Any, _: SourceContext, kept: list[Any]) -> ReferenceChanged:
    """The last good price instead of a doubt about an answer."""
    word = await inner.receive()

    if word.price is None and kept:
        return attrs.evolve(kept[-1], at=word.at)

    kept.append(word)

    return cast("ReferenceChanged", word)


async def crashing(inner: Any, context: SourceContext, _: list[Any]) -> ReferenceChanged:
    """What cannot be reached is a mistake of the program."""
    while True:
        with anyio.move_on_after(5.0):
            return cast("ReferenceChanged", await inner.receive())

        if not await is_there(context):
            raise RuntimeError("there is nobody")


async def spinning(inner: Any, _: SourceContext, kept: list[Any]) -> ReferenceChanged:
    """The last word at once, a thousand times between two that are heard."""
    if len(kept) % 1000 == 0:
        kept.append(await inner.receive())
    else:
        await anyio.sleep(0.0)
        kept.append(kept[-1])

    return cast("ReferenceChanged", kept[-1])


def generated(inner: Any, _: SourceContext) -> Any:
    """A generator that is over once it was cancelled."""

    async def words() -> AsyncIterator[ReferenceChanged]:
        while True:
            yield await inner.receive()

    generator = words()

    return attrs.make_class("Generated", {"receive": attrs.field(default=generator.__anext__)})()


def late(inner: Any, context: SourceContext) -> Any:
    """The first word is what the price was before."""

    async def receive(source: Any, _: SourceContext, kept: list[Any]) -> ReferenceChanged:
        kept.append(await source.receive())

        if len(kept) > 1 or kept[0].price is None:
            return cast("ReferenceChanged", kept[-1])

        return ReferenceChanged(price=Decimal(103), at=kept[-1].at)

    return Custom(receive)(inner, context)


BROKEN: dict[str, Words] = {
    "test_the_first_word_is_the_price_of_now": late,
    "test_a_price_that_changes_is_given": Custom(frozen),
    "test_prices_are_decimals_above_zero": changed(last=lambda _: Decimal(-1)),
    "test_a_price_is_dated_by_the_engines_clock": changed(at=lambda word: word.at + 1_767_225_600),
    "test_a_price_that_stays_is_said_again_before_it_is_too_old": Custom(once),
    "test_a_price_that_stays_leaves_others_their_turn": Custom(spinning),
    "test_what_is_no_price_is_not_given_as_one": Custom(stubborn),
    "test_silence_makes_no_price_younger": Custom(stale),
    "test_what_cannot_be_reached_is_waited_for": Custom(crashing),
    "test_waiting_can_be_given_up_and_goes_on": generated,
}
"""By the test that fails: what is done to `custom_api`."""


def declarations() -> Iterator[tuple[str, PriceSourceDeclaration[Any]]]:
    """The tests that fail, and a declaration that fails each."""
    sound = SOURCES["custom_api"]

    for name, break_ in BROKEN.items():

        @asynccontextmanager
        async def opened(settings: Any, context: SourceContext, break_: Words = break_) -> AsyncIterator[Any]:
            async with sound.open(settings, context) as source:  # type: ignore[misc]  # it has one
                yield break_(source, context)

        yield name, attrs.evolve(sound, open=opened)

    yield "test_the_declaration_says_what_can_be_asked_for", attrs.evolve(sound, needs=("price_source_url",))
    yield "test_a_request_that_is_right_is_not_refused", attrs.evolve(sound, check=lambda *_: [("url", "no")])

    @asynccontextmanager
    async def picky(settings: Any, context: SourceContext) -> AsyncIterator[Any]:
        doubt = "" if context.request.price_type == "custom" else "there is no such price"

        async with sound.open(settings, context) as source:  # type: ignore[misc]  # it has one
            yield changed(doubt=lambda _: doubt)(source, context)

    yield "test_every_price_type_that_is_declared_is_given", attrs.evolve(sound, open=picky)
    left: list[Any] = []

    @asynccontextmanager
    async def leaking(settings: Any, context: SourceContext) -> AsyncIterator[Any]:
        left.append(await context.connect("127.0.0.1", 8080, tls=False))

        async with sound.open(settings, context) as source:  # type: ignore[misc]  # it has one
            yield source

    yield "test_leaving_closes_every_connection", attrs.evolve(sound, open=leaking)
    used: list[Any] = []

    @asynccontextmanager
    async def single(settings: Any, context: SourceContext) -> AsyncIterator[Any]:
        if context in used:
            raise RuntimeError("it was open before")

        used.append(context)

        async with sound.open(settings, context) as source:  # type: ignore[misc]  # it has one
            yield source

    yield "test_it_can_be_opened_again", attrs.evolve(sound, open=single)


DECLARATIONS = dict(declarations())


def fails(suite: PriceSourceContract, name: str) -> bool:
    """Whether a test of the suite fails."""
    backend, options = virtual_asyncio()

    try:
        anyio.run(getattr(suite, name), backend=backend, backend_options=options)
    except (Exception, pytest.fail.Exception):  # noqa: BLE001  # a broken source may raise anything
        return True

    return False


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.full) if place % 3 else name for place, name in enumerate(TESTS)]
)
def test_a_broken_source_fails_the_test_of_what_is_broken(name: str, *, full: bool) -> None:
    """With `--full` every other test is seen to pass."""
    suite = type("Broken", (TestCustomApi,), {"declaration": DECLARATIONS[name]})()

    assert [test for test in (TESTS if full else [name]) if fails(suite, test)] == [name]
