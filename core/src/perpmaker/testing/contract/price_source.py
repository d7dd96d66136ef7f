"""The suite that every price source passes: its tests are subclassed with a declaration and a world to hear.

Time is virtual. Whatever a source says is looked at as the core looks at it; `World` says what happens out there.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from decimal import Decimal
from typing import Any, ClassVar, Final

import anyio
import attrs
import pytest

from perpmaker.config.reader import reader_for
from perpmaker.connector.price_source import ReferenceReceiver
from perpmaker.errors import ConnectivityError, MarketClosedError, PayloadError, RateLimitedError
from perpmaker.model.event import UNDATED, ReferenceChanged
from perpmaker.plugins.declarations import SOURCE_KEYS, PriceSourceDeclaration
from perpmaker.strategy.settings import DEFAULT_MAX_AGE_S, PriceType
from perpmaker.testing.contract.source_world import TradedReceiver, World, price_of
from perpmaker.testing.virtual import virtual_asyncio, virtual_trio

FIRST, SECOND, THIRD = Decimal(100), Decimal(103), Decimal(98)
NEAR: Final = Decimal("0.5")
UNHEARD: Final = (ConnectivityError, PayloadError, RateLimitedError, MarketClosedError)
"""What a source may raise: only time can mend it, and it is opened again."""

SILENCE_S: Final = 60.0
MOST_WORDS: Final = 200
"""Words a second, of a price that stands still: the rest of the bot has its turn too."""


@pytest.mark.anyio
class PriceSourceContract:
    """The suite. A subclass sets `declaration` and says by `open_world` what the source hears.

    Attributes:
        declaration: the source's declaration.
        settings: values for its settings.
        heard_s: seconds after which a price that has changed must have been given.
        lacks: names of tests about what cannot happen to this source, each with the reason why it is skipped.
    """

    declaration: ClassVar[PriceSourceDeclaration[Any]]
    settings: ClassVar[Mapping[str, Any]] = {}
    heard_s: ClassVar[float] = 3.0
    lacks: ClassVar[Mapping[str, str]] = {}

    def open_world(self, price_type: PriceType) -> AbstractAsyncContextManager[World]:
        """Open what the source hears, where a request of this price type stands in the context."""
        raise NotImplementedError

    @pytest.fixture(params=["asyncio", "trio"])
    def anyio_backend(self, request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
        """Both event loops, on virtual time."""
        return virtual_asyncio() if request.param == "asyncio" else virtual_trio()

    @pytest.fixture(autouse=True)
    def _can_happen(self, request: pytest.FixtureRequest) -> None:
        """Skip what cannot happen; a name that is no test's is a mistake of the subclass."""
        unknown = [name for name in self.lacks if not hasattr(self, name)]
        assert not unknown, f"lacks names what is no test: {unknown}"

        if request.function.__name__ in self.lacks:
            pytest.skip(self.lacks[request.function.__name__])

    # --- the declaration ----------------------------------------------------------------------------------------------

    async def test_the_declaration_says_what_can_be_asked_for(self) -> None:
        """Price types, each once; keys that are there to be needed; settings that the configuration can read."""
        declared = self.declaration
        types = declared.price_types
        assert types
        assert len(set(types)) == len(types)
        assert set(declared.needs) <= set(SOURCE_KEYS)
        assert (declared.open is None) is declared.is_traded_market
        attrs.resolve_types(declared.settings)
        readers = {field.name: reader_for(field.type) for field in attrs.fields(declared.settings) if field.init}
        assert set(self.settings) <= set(readers)

    async def test_a_request_that_is_right_is_not_refused(self) -> None:
        """`check` has nothing to say to what the world's own request asks."""
        async with self.open_world(self._price_type) as world:
            check = self.declaration.check
            found = [] if check is None else list(check(self._settings, world.context.request))

            assert found == []

    # --- prices -------------------------------------------------------------------------------------------------------

    async def test_the_first_word_is_the_price_of_now(self) -> None:
        """Whatever it was before the source was opened."""
        async with self.open_world(self._price_type) as world:
            await world.set_price(SECOND)
            await world.set_price(FIRST)

            async with self._open(world) as source:
                assert self._is(await self._word(source), FIRST)

    async def test_a_price_that_changes_is_given(self) -> None:
        """Up and down, within `heard_s`."""
        async with self._opened() as (world, source):
            for price in (SECOND, THIRD):
                await world.set_price(price)
                await self._hear(source, price)

    async def test_every_price_type_that_is_declared_is_given(self) -> None:
        """As the core reads it from the word."""
        for price_type in self.declaration.price_types:
            async with self.open_world(price_type) as world:  # type: ignore[arg-type]  # a word of the declaration
                await world.set_price(SECOND)

                async with self._open(world, price_type) as source:
                    await self._hear(source, SECOND, price_type)

    async def test_prices_are_decimals_above_zero(self) -> None:
        """Finite ones, and the bid is not above the ask."""
        async with self._opened() as (world, source):
            for price in (FIRST, SECOND):
                await world.set_price(price)
                word = await self._word(source)
                said = [one for one in (word.bid, word.ask, word.last, word.price) if one is not None]

                assert said
                assert all(type(one) is Decimal and one.is_finite() and one > 0 for one in said)
                assert word.bid is None or word.ask is None or word.bid <= word.ask

    async def test_a_price_is_dated_by_the_engines_clock(self) -> None:
        """Not before the source was opened, and not after the price was received; or not at all."""
        async with self.open_world(self._price_type) as world:
            await anyio.sleep(5.0)
            await world.set_price(FIRST)
            opened_at = world.context.clock.now()

            async with self._open(world) as source:
                word = await self._word(source)

                assert word.at == UNDATED or opened_at <= word.at <= world.context.clock.now()

    async def test_a_price_that_stays_is_said_again_before_it_is_too_old(self) -> None:
        """A market may stand still, and a source that says nothing looks dead."""
        async with self._opened() as (world, source):
            first = await self._word(source)
            clock, begun = world.context.clock, world.context.clock.now()

            with anyio.fail_after(self._max_age(world)):
                again = await source.receive()

            assert self._is(again, FIRST)
            assert again.at == UNDATED or again.at > first.at or clock.now() == begun

    async def test_a_price_that_stays_leaves_others_their_turn(self) -> None:
        """Some hundred words a second at most."""
        async with self._opened() as (_, source):
            words = 0

            with anyio.move_on_after(1.0):
                while words <= MOST_WORDS:
                    await source.receive()
                    words += 1

            assert words <= MOST_WORDS

    # --- what goes wrong ----------------------------------------------------------------------------------------------

    async def test_what_is_no_price_is_not_given_as_one(self) -> None:
        """It is a doubt, or an error that only time can mend; the last good price is no answer to it."""
        async with self._opened() as (world, source):
            await self._word(source)
            await world.talk_nonsense()
            since = world.context.clock.now()

            for word in await self._words(source, SILENCE_S / 2):
                assert self._is_of_before(word, since) or price_of(word, self._price_type) is None

    async def test_silence_makes_no_price_younger(self) -> None:
        """What nobody has said since is as old as it is, and is not said again as if it were of now."""
        async with self._opened() as (world, source):
            await self._word(source)
            await world.fall_silent()
            since = world.context.clock.now()

            for word in await self._words(source, SILENCE_S):
                assert self._is_of_before(word, since) or price_of(word, self._price_type) is None

    async def test_what_cannot_be_reached_is_waited_for(self) -> None:
        """It is a doubt, silence, or an error that only time can mend: at the start, and while a run goes on."""
        async with self._opened() as (world, source):
            await self._word(source)
            await world.go_away()
            since = world.context.clock.now()

            for word in await self._words(source, SILENCE_S):
                assert self._is_of_before(word, since) or price_of(word, self._price_type) is None

        async with self.open_world(self._price_type) as world:
            await world.go_away()

            try:
                with anyio.move_on_after(SILENCE_S):
                    async with self._open(world) as source:
                        assert price_of(await source.receive(), self._price_type) is None
            except UNHEARD:
                return

    # --- being used ---------------------------------------------------------------------------------------------------

    async def test_waiting_can_be_given_up_and_goes_on(self) -> None:
        """The core waits for a while, does something else, and waits again."""
        async with self._opened() as (world, source):
            await self._word(source)

            for wait_s in (0.0, 0.001, 0.5):
                with anyio.move_on_after(wait_s):
                    await source.receive()

            await world.set_price(SECOND)
            assert price_of(await self._word(source), self._price_type) is not None

    async def test_leaving_closes_every_connection(self) -> None:
        """At the end of a run, and when it is cancelled."""
        async with self._opened() as (world, source):
            await self._word(source)

        await anyio.sleep(1.0)
        assert world.connections() == 0

        async with self.open_world(self._price_type) as world:
            await world.set_price(FIRST)

            with anyio.move_on_after(self.heard_s):
                async with self._open(world) as source:
                    await self._word(source)
                    await anyio.sleep_forever()

            await anyio.sleep(1.0)
            assert world.connections() == 0

    async def test_it_can_be_opened_again(self) -> None:
        """After a failure, or after a pause: nothing is kept of the time before."""
        async with self.open_world(self._price_type) as world:
            for price in (FIRST, SECOND):
                await world.set_price(price)

                async with self._open(world) as source:
                    await self._hear(source, price)

    # --- parts --------------------------------------------------------------------------------------------------------

    @property
    def _price_type(self) -> Any:  # noqa: ANN401  # a word of the declaration
        return self.declaration.price_types[0]

    @property
    def _settings(self) -> Any:  # noqa: ANN401  # of the source's own class
        return self.declaration.settings(**self.settings)

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[tuple[World, ReferenceReceiver]]:
        async with self.open_world(self._price_type) as world:
            await world.set_price(FIRST)

            async with self._open(world) as source:
                yield world, source

    @asynccontextmanager
    async def _open(self, world: World, price_type: str | None = None) -> AsyncIterator[ReferenceReceiver]:
        opened = self.declaration.open

        if opened is None:  # the core derives it
            yield TradedReceiver(world.context, price_type or self._price_type)  # type: ignore[arg-type]  # a word of it
        else:
            async with opened(self._settings, world.context) as source:
                yield source

    async def _word(self, source: ReferenceReceiver) -> ReferenceChanged:
        """The next word, which has to come soon."""
        with anyio.fail_after(self.heard_s):
            return await source.receive()

    async def _words(self, source: ReferenceReceiver, seconds: float) -> list[ReferenceChanged]:
        """What is said in so many seconds, up to an error that only time can mend."""
        words: list[ReferenceChanged] = []

        try:
            with anyio.move_on_after(seconds):
                while len(words) < seconds * MOST_WORDS:
                    words.append(await source.receive())
        except UNHEARD:
            pass

        return words

    async def _hear(self, source: ReferenceReceiver, price: Decimal, price_type: str | None = None) -> ReferenceChanged:
        """Wait until a price is given."""
        with anyio.fail_after(self.heard_s):
            while not self._is(word := await source.receive(), price, price_type):
                pass

        return word

    def _is(self, word: ReferenceChanged, price: Decimal, price_type: str | None = None) -> bool:
        found = price_of(word, price_type or self._price_type)  # type: ignore[arg-type]  # a word of the declaration

        return found is not None and abs(found - price) < NEAR

    def _is_of_before(self, word: ReferenceChanged, since: float) -> bool:
        """Whether a word says itself that it is no younger."""
        return word.at != UNDATED and word.at <= since

    def _max_age(self, world: World) -> float:
        """How old a price may grow: three questions of a source that asks, else what is usual."""
        return 3 * world.context.request.interval_s if self.declaration.polls else DEFAULT_MAX_AGE_S
