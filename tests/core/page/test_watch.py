"""Looking at running bots, on virtual time: once a second for all pages, and what a page is told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import anyio
import attrs
import msgspec
import pytest
from anyio.streams.memory import MemoryObjectReceiveStream
from tests.core.page.bots import ENDED, ScriptedBots, card, status
from tests.core.page.results import long_result

from perpmaker.page.watch import BACKLOG, IDLE_S, MOST_PAGES, LiveFill, Watch
from perpmaker.report.status import Counters, Status

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend(virtual_time: Any) -> Any:
    """Virtual time."""
    return virtual_time


@asynccontextmanager
async def watching(bots: ScriptedBots) -> AsyncIterator[Watch]:
    """A watch that looks at them."""
    watch = Watch(bots)

    async with anyio.create_task_group() as group:
        group.start_soon(watch.run)
        await anyio.sleep(0.01)
        yield watch
        group.cancel_scope.cancel()


async def heard(told: MemoryObjectReceiveStream[bytes] | None) -> dict[str, Any]:
    """What a page is told next."""
    assert told is not None

    return dict(msgspec.json.decode(await told.receive()))


async def test_bots_are_asked_once_a_second_however_many_pages_are_open() -> None:
    """Ten pages cost what one costs; without any they are asked rarely."""
    bots = ScriptedBots()
    bots.start(card())

    async with watching(bots) as watch:
        await anyio.sleep(30)
        assert len(bots.looked_at) <= 30 / IDLE_S + 1

        async with anyio.create_task_group() as group:

            async def read() -> None:
                async with watch.page() as told:
                    for _ in range(11):
                        assert (await heard(told))["bots"][0]["state"] == "runs"

            bots.looked_at.clear()
            began_at = anyio.current_time()

            for _ in range(10):
                group.start_soon(read)

        assert anyio.current_time() - began_at == pytest.approx(10, abs=0.2)
        assert len(bots.looked_at) in {10, 11, 12}


async def test_a_page_is_told_at_once_and_then_each_second() -> None:
    """Also where nobody had looked for long; numbers follow each other."""
    bots = ScriptedBots()
    bots.start(card())

    async with watching(bots) as watch:
        await anyio.sleep(7)
        opened_at = anyio.current_time()

        async with watch.page() as told:
            first = await heard(told)
            assert anyio.current_time() - opened_at < 0.1
            second = await heard(told)
            assert second["number"] == first["number"] + 1
            assert anyio.current_time() - opened_at == pytest.approx(1, abs=0.1)

            async with watch.page() as other:
                assert (await heard(other))["number"] == second["number"]


async def test_a_bot_that_dies_is_told_within_three_seconds() -> None:
    """With what it had said; where it lived to say how it ended, with that; other bots go on."""
    bots, one, other = ScriptedBots(), card(1), card(2)
    bots.start(one)
    bots.start(other)
    bots.takes_s = 1.2  # a third one hangs

    async with watching(bots) as watch, watch.page() as told:
        await heard(told)
        bots.end(one)
        died_at = anyio.current_time()
        found = await heard(told)

        while found["bots"][0]["state"] != "gone":
            found = await heard(told)

        assert anyio.current_time() - died_at < 3
        assert found["bots"][0]["view"]["mode"] == "dead"
        assert "look at the venue" in found["bots"][0]["view"]["headline"]
        assert found["bots"][0]["row"] is None
        assert found["bots"][1]["state"] == "runs"
        bots.last[other.id] = attrs.evolve(status(other), running=False, ended=ENDED)
        bots.end(other)
        found = await heard(told)
        found = await heard(told)
        assert found["bots"][1]["view"]["headline"].startswith("Ended by signal")


async def test_last_words_of_an_earlier_process_are_not_of_the_one_that_died() -> None:
    """They are of another pid: what the bot itself said last is shown."""
    bots, one = ScriptedBots(), card()
    bots.start(one)
    bots.last[one.id] = attrs.evolve(status(one), pid=1, running=False, ended=ENDED, mode="halt")

    async with watching(bots) as watch, watch.page() as told:
        await heard(told)
        bots.end(one)
        found = await heard(told)
        assert found["bots"][0]["view"]["mode"] == "dead"


async def test_a_bot_that_does_not_answer_is_shown_with_what_it_said_and_why() -> None:
    """Its figures stay, marked as old; when it answers again it goes on."""
    bots, one = ScriptedBots(), card()
    said: list[Status | None] = [status(one), None, status(one, 62)]
    bots.start(one, lambda: said.pop(0) if len(said) > 1 else said[0])

    async with watching(bots) as watch, watch.page() as told:
        found = [(await heard(told))["bots"][0] for _ in range(3)]
        states = [(bot["state"], bot["words"]) for bot in found]
        assert ("silent", "does not answer") in states
        assert states[-1] == ("runs", "")
        silent = next(bot for bot in found if bot["state"] == "silent")
        assert silent["view"]["result"] == "+1.33 USDT"
        assert silent["row"] is None


async def test_a_bot_that_is_started_again_takes_the_place_of_the_dead_one() -> None:
    """One card for one configuration and market, not one for each of its processes."""
    bots, one = ScriptedBots(), card()
    bots.start(one)

    async with watching(bots) as watch, watch.page() as told:
        await heard(told)
        bots.end(one)
        again = attrs.evolve(one, id="feed", pid=9)
        await heard(told)
        bots.start(again)
        await heard(told)
        found = await heard(told)
        assert [bot["id"] for bot in found["bots"]] == ["feed"]


async def test_each_status_is_a_row_of_the_curve_and_the_journal_stands_before_it() -> None:
    """The curve begins where the run began; its number says to those who have drawn it that it is another one."""
    bots, one = ScriptedBots(), card()
    bots.journal = long_result(12)  # one minute before the first status, with another result
    bots.start(one, lambda: status(one, 60 + anyio.current_time()))

    async with watching(bots) as watch, watch.page() as told:
        found = [(await heard(told))["bots"][0] for _ in range(4)]
        assert found[-1]["curve"] == 1
        history = msgspec.json.decode(watch.history(one.id) or b"")
        assert history["number"] == 1
        assert history["x"] == sorted(history["x"])
        assert len(history["x"]) > 20
        assert history["columns"]["total"][-1] == found[-1]["row"][1] == pytest.approx(1.3274)
        assert history["columns"]["own_bid"][-1] == 59990.5
        assert history["columns"]["position"][-1] == -0.02
        assert history["columns"]["fees"][-1] == pytest.approx(-0.2512)
        first = bots.journal.curve.columns["total"][0]
        opened = bots.journal.pnl.unrealized_before
        assert first is not None
        assert history["columns"]["total"][0] == float(first + (opened or 0))

    assert watch.history("nobody") is None


async def test_fills_are_told_once_and_kept_for_pages_that_come_later() -> None:
    """What the journal has since the last time, when the bot has counted more."""
    bots, one = ScriptedBots(), card()
    count = [3]
    bots.start(one, lambda: status(one, anyio.current_time(), counters=Counters(fills=count[0])))
    fill = LiveFill(key="a", at=1.0, side=1, price=100.0, what="quote", words="quote: bought 1 at 100")

    async with watching(bots) as watch, watch.page() as told:
        for _ in range(4):
            await heard(told)

        count[0], bots.told_fills[one.id] = 4, [fill]
        found = [(await heard(told))["bots"][0]["fills"] for _ in range(4)]
        assert [len(one) for one in found].count(1) == 1
        assert [one for told_then in found for one in told_then] == [attrs.asdict(fill)]
        assert msgspec.json.decode(watch.history(one.id) or b"")["fills"] == [attrs.asdict(fill)]


async def test_a_page_that_does_not_read_holds_up_nobody() -> None:
    """It misses what it has no room for, and sees that by the numbers; others hear each of them."""
    bots = ScriptedBots()
    bots.start(card())

    async with watching(bots) as watch, watch.page() as slow, watch.page() as quick:
        numbers = [(await heard(quick))["number"] for _ in range(BACKLOG + 5)]
        assert numbers == list(range(numbers[0], numbers[0] + BACKLOG + 5))
        late = [(await heard(slow))["number"] for _ in range(BACKLOG + 1)]
        assert late[-1] != late[0] + BACKLOG


async def test_pages_are_bounded() -> None:
    """One page too many is told so; when one closes there is room again."""
    bots = ScriptedBots()

    async with watching(bots) as watch:
        async with anyio.create_task_group() as group:

            async def stay() -> None:
                async with watch.page():
                    await anyio.sleep_forever()

            for _ in range(MOST_PAGES):
                group.start_soon(stay)

            await anyio.sleep(0.1)

            async with watch.page() as told:
                assert told is None

            group.cancel_scope.cancel()

        async with watch.page() as told:
            assert told is not None


async def test_status_is_that_of_the_command() -> None:
    """The same keys and texts as `status --json`, of all bots."""
    bots, one = ScriptedBots(), card()
    bots.start(one, lambda: status(one))

    async with watching(bots) as watch:
        (found,) = msgspec.json.decode(watch.status())
        assert msgspec.convert(found, Status) == status(one)
        assert Decimal(found["pnl"]["result"]) == Decimal("1.3274")
