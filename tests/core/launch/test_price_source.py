"""A price source that stands still, and what a start says of one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import attrs
import pytest

from perpmaker.clock import LoopClock
from perpmaker.connector.interface import ConnectorContext, Environment, SandboxAccess
from perpmaker.connector.price_source import OpenSource, SourceContext, SourceRequest
from perpmaker.errors import ConnectivityError, MarketClosedError, UnknownMarketError
from perpmaker.launch.price_source import FROZEN_S, PROOF_S, SourcePlan, Standstill, first_word, judged, source_opener
from perpmaker.model.event import ReferenceChanged
from perpmaker.plugins.declarations import DerivativeConnectorDeclaration, PriceSourceDeclaration
from perpmaker.secret import References
from perpmaker.wire.memory import MemoryNetwork

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """The start waits seconds of virtual time."""
    return virtual_time


def word(price: str, at: float) -> ReferenceChanged:
    """A price at a time."""
    return ReferenceChanged(price=Decimal(price), at=at)


def test_F61_value_that_is_frozen_while_the_market_moves_is_doubted() -> None:
    """The same price for 10 s while the traded mid moved by half a percent is no price, and a person reads why."""
    mids = [Decimal(100)]
    told: list[str] = []
    standstill = Standstill(mid=lambda: mids[-1], tell=told.append)
    assert standstill.judge(word("100", 0.0)).price == 100
    mids.append(Decimal("100.5"))
    assert standstill.judge(word("100", FROZEN_S - 0.1)).price == 100
    doubted = standstill.judge(word("100", FROZEN_S))
    assert (doubted.price, doubted.at) == (None, FROZEN_S)
    assert doubted.doubt == "the price source has said the same for 10 s while the market moved by 0.50%"


def test_F61_standstill_ends_with_another_price_and_only_with_that() -> None:
    """It stays doubted while it repeats itself, also when the market comes back half way; a new price is believed."""
    mids = [Decimal(100)]
    told: list[str] = []
    standstill = Standstill(mid=lambda: mids[-1], tell=told.append)
    standstill.judge(word("100", 0.0))
    mids.append(Decimal(98))
    assert standstill.judge(word("100", 20.0)).doubt
    assert standstill.judge(word("100", 21.0)).doubt
    assert not standstill.judge(word("98", 22.0)).doubt
    assert not standstill.judge(word("98", 40.0)).doubt
    assert told == [
        "the price source has said the same for 20 s while the market moved by 2.00%: no quotes",
        "price source: price 98 again",
    ]


def test_doubt_of_a_source_about_itself_is_told_once() -> None:
    """A person reads when a source begins to answer what is no price, and when it is well again."""
    told: list[str] = []
    standstill = Standstill(mid=lambda: Decimal(100), tell=told.append)

    for at in (0.0, 1.0, 2.0):
        assert standstill.judge(ReferenceChanged(doubt="it answered what is no price", at=at)).doubt

    standstill.judge(word("100.10", 3.0))
    assert told == ["it answered what is no price: no quotes", "price source: price 100.1 again"]


def test_quiet_source_beside_a_quiet_market_is_believed() -> None:
    """The same price for hours is right where the traded market does not move either."""
    told: list[str] = []
    standstill = Standstill(mid=lambda: Decimal("100.2"), tell=told.append)
    assert not any(standstill.judge(word("100", at)).doubt for at in (0.0, 60.0, 3600.0))


def test_standstill_is_not_judged_without_a_traded_book() -> None:
    """While there is no mid to compare with nothing is doubted, and the comparison begins with the first one."""
    mids: list[Decimal | None] = [None]
    told: list[str] = []
    standstill = Standstill(mid=lambda: mids[-1], tell=told.append)
    assert not standstill.judge(word("100", 0.0)).doubt
    mids.append(Decimal(100))
    assert not standstill.judge(word("100", 30.0)).doubt
    mids.append(None)
    assert not standstill.judge(word("100", 60.0)).doubt
    mids.append(Decimal(99))
    assert standstill.judge(word("100", 61.0)).doubt


def source_of(*words: ReferenceChanged | Exception) -> OpenSource:
    """A source that says these words, then nothing."""
    waiting = list(words)

    class Receiver:
        async def receive(self) -> ReferenceChanged:
            if not waiting:
                await anyio.sleep_forever()

            said = waiting.pop(0)

            if isinstance(said, Exception):
                raise said

            return said

    @asynccontextmanager
    async def opened() -> AsyncIterator[Receiver]:
        yield Receiver()

    return opened


async def test_F61_standstill_outlives_a_connection() -> None:
    """A source that is opened again and says the same still stands still."""
    mids = [Decimal(100)]
    told: list[str] = []
    source = judged(source_of(word("100", 0.0), word("100", 20.0)), Standstill(mid=lambda: mids[-1], tell=told.append))

    async with source() as receiver:
        assert not (await receiver.receive()).doubt

    mids.append(Decimal(90))

    async with source() as receiver:
        assert (await receiver.receive()).doubt


async def test_first_word_is_told() -> None:
    """The start says what the source says, or why it says nothing yet."""
    for said, told in [
        (ReferenceChanged(bid=Decimal(1), ask=Decimal(2), at=0.0), "price source: bid 1, ask 2"),
        (word("5", 0.0), "price source: price 5"),
        (ReferenceChanged(doubt="is no price", at=0.0), "price source: is no price"),
        (ConnectivityError("gone"), "price source: gone; quoting waits for it"),
        (
            MarketClosedError("ETH-USDT", "the venue", "BREAK"),
            "price source: its market is closed, its status is BREAK; quoting waits for it",
        ),
    ]:
        lines: list[str] = []
        await first_word(source_of(said), lines.append)
        assert lines == [told]


async def test_silent_source_does_not_hold_the_start_up() -> None:
    """After a few seconds of silence the run begins, without a reference."""
    lines: list[str] = []
    began_at = anyio.current_time()
    await first_word(source_of(), lines.append)
    assert lines == ["price source: nothing heard within 3 s; quoting waits for it"]
    assert anyio.current_time() - began_at == pytest.approx(PROOF_S)


async def test_market_that_does_not_exist_ends_the_start() -> None:
    """What no waiting mends is raised before anything is traded."""
    with pytest.raises(UnknownMarketError):
        await first_word(source_of(UnknownMarketError("NO-USDT", "Binance spot", ())), print)


@attrs.frozen(kw_only=True)
class Nothing:
    """Settings of what has none."""


@pytest.mark.parametrize(
    ("environment", "opened_in"),
    [
        (Environment.SANDBOX, Environment.SANDBOX),
        (Environment.LIVE, Environment.PAPER),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                (Environment.PAPER, Environment.PAPER),
                (Environment.TESTNET, Environment.PAPER),
            )
        ),
    ],
)
async def test_external_venue_is_opened_for_public_data_alone(environment: Environment, opened_in: Environment) -> None:
    """Whatever is traded with, a source is opened without an account: in the sandbox its own, outside on paper."""
    seen: list[ConnectorContext] = []

    @asynccontextmanager
    async def opened(_: Nothing, context: ConnectorContext) -> AsyncIterator[Any]:
        seen.append(context)
        yield None

    connector = DerivativeConnectorDeclaration(name="moon", summary="Moon", settings=Nothing, open=opened)
    source = PriceSourceDeclaration(name="ext", summary="S", settings=Nothing, open=opened, price_types=("mid_price",))
    traded = SandboxAccess(url="http://traded", api_key="", api_secret="")
    beside = SandboxAccess(url="http://beside", api_key="", api_secret="")
    context = ConnectorContext(
        clock=LoopClock(),
        connect=MemoryNetwork().connect,
        signers=References(Path(), environ={}),
        environment=environment,
        sandbox=traded,
        source_sandbox=beside,
    )
    plan = SourcePlan(
        declaration=source, settings=Nothing(), request=SourceRequest(market="A-B"), external=(connector, Nothing())
    )

    async with source_opener(plan, context)():
        (given,) = seen
        assert isinstance(given, SourceContext)
        assert given.connector is not None
        assert given.source is None

        async with given.connector():
            pass

    assert [one.environment for one in seen] == [opened_in, opened_in]
    assert [one.sandbox for one in seen] == [beside, beside]


async def test_a_source_of_a_source_that_says_a_mistake_is_doubted_and_goes_on() -> None:
    """Only a start refuses a plugin for what its author must mend; a run has no price from it, and listens on."""
    words = [ReferenceChanged(price=Decimal(1), at=float("nan")), word("2", 0.0)]

    class Beside:
        async def receive(self) -> ReferenceChanged:
            return words.pop(0)

    @asynccontextmanager
    async def inner(*_: object) -> AsyncIterator[Any]:
        yield Beside()

    @asynccontextmanager
    async def outer(_: Nothing, context: SourceContext) -> AsyncIterator[Any]:
        assert context.source is not None

        async with context.source() as source:
            yield source

    prices = {"settings": Nothing, "price_types": ("mid_price",)}
    plan = SourcePlan(
        declaration=PriceSourceDeclaration(name="outer", summary="S", open=outer, **prices),
        settings=Nothing(),
        request=SourceRequest(market="A-B"),
        external=(PriceSourceDeclaration(name="inner", summary="S", open=inner, **prices), Nothing()),
    )
    context = ConnectorContext(
        clock=LoopClock(),
        connect=MemoryNetwork().connect,
        signers=References(Path(), environ={}),
        environment=Environment.PAPER,
    )

    async with source_opener(plan, context)() as source:
        assert "the time of its price is nan" in (await source.receive()).doubt
        assert (await source.receive()).price == 2
