"""Sockets: routes, control messages, the book's diffs, and what the market streams say."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import anyio
import pytest

from perpmaker.errors import ConnectivityError
from perpmaker.model.order import Side

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend(virtual_time: Any) -> Any:
    """Streams have rhythms of up to seconds: virtual time."""
    return virtual_time


async def test_control_messages_echo_ids_of_either_type(open_venue: Any) -> None:
    """SUBSCRIBE, UNSUBSCRIBE and LIST_SUBSCRIPTIONS answer under the id they came with; unknown streams as known."""
    async with open_venue() as venue, venue.listen("/market/stream") as ear:
        await ear.say({"method": "SUBSCRIBE", "params": ["btcusdt@aggTrade", "nosuch@thing"], "id": 7})

        assert await ear.hear() == {"result": None, "id": 7}

        await ear.say({"method": "LIST_SUBSCRIPTIONS", "id": "a-b"})

        assert await ear.hear() == {"result": ["btcusdt@aggTrade", "nosuch@thing"], "id": "a-b"}

        await ear.say({"method": "UNSUBSCRIBE", "params": ["btcusdt@aggTrade"], "id": 8})

        assert await ear.hear() == {"result": None, "id": 8}

        venue.market.take(Side.BUY, 5)

        assert await ear.hears_nothing(1)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("{", 3),
        ('{"method": "SUBSCRIBE", "params": []}', 2),
        ('{"method": "SHOUT", "params": [], "id": 1}', 2),
        ('{"method": "SUBSCRIBE", "params": "btcusdt@depth", "id": 1}', 2),
    ],
)
async def test_malformed_control_message_is_answered_with_a_code(open_venue: Any, message: str, code: int) -> None:
    """What cannot be understood is said to be so, and the socket stays open."""
    async with open_venue() as venue, venue.listen("/public/ws") as ear:
        await ear.socket.send(message)

        assert (await ear.hear())["code"] == code

        await ear.say({"method": "LIST_SUBSCRIPTIONS", "id": 1})

        assert await ear.hear() == {"result": [], "id": 1}


async def test_more_than_ten_control_messages_a_second_end_the_socket(open_venue: Any) -> None:
    """Who shouts is closed."""
    async with open_venue() as venue, venue.listen("/public/ws") as ear:
        for number in range(12):
            await ear.say({"method": "LIST_SUBSCRIPTIONS", "id": number})

        answers = [await ear.hear() for _ in range(10)]

        assert [answer["id"] for answer in answers] == list(range(10))

        with pytest.raises(ConnectivityError, match="1008"):
            await ear.hear()


@pytest.mark.parametrize(
    ("target", "heard"),
    [
        ("/market/ws/btcusdt@markPrice@1s", True),
        ("/public/ws/btcusdt@markPrice@1s", False),
        ("/market/ws/BTCUSDT@markPrice@1s", False),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                ("/market/stream?streams=btcusdt@markPrice@1s", True),
                ("/ws/btcusdt@markPrice@1s", False),
                ("/stream?streams=btcusdt@markPrice@1s", False),
            )
        ),
    ],
)
async def test_market_class_streams_are_heard_on_their_route_only(open_venue: Any, target: str, heard: bool) -> None:
    """On /public and on the old un-routed paths they are silently dead; names are lower case."""
    async with open_venue() as venue, venue.listen(target) as ear:
        assert await ear.hears_nothing(2.5) is not heard


async def test_unknown_path_is_closed(open_venue: Any) -> None:
    """A socket path that the venue does not have ends at once."""
    async with open_venue() as venue, venue.listen("/elsewhere") as ear:
        with pytest.raises(ConnectivityError, match="no such path"):
            await ear.socket.receive()


async def test_book_from_snapshot_and_diffs_is_the_book(open_venue: Any) -> None:
    """Buffered diffs and a later snapshot follow the documented algorithm at the first try, and end at the truth."""
    async with open_venue() as venue, venue.listen("/public/ws/btcusdt@depth@100ms") as ear:
        for step in range(40):
            best = 600_000 + step % 7 * 3
            venue.market.set_ladder(
                [(best - 1 - level, 10 + step) for level in range(5)],
                [(best + 1 + level, 20 + step) for level in range(5)],
                at_ms=venue.clock.utc_ms() + 35 * step,
            )

        await anyio.sleep(0.45)
        snapshot = (await venue.http.get("/fapi/v1/depth?symbol=BTCUSDT&limit=1000")).json()
        await anyio.sleep(2)
        events = []

        with anyio.move_on_after(0.5):
            while True:
                events.append(await ear.hear())

        levels = {side: dict(snapshot[name]) for side, name in (("b", "bids"), ("a", "asks"))}
        fresh = [event for event in events if event["u"] >= snapshot["lastUpdateId"]]

        assert fresh[0]["U"] <= snapshot["lastUpdateId"] <= fresh[0]["u"]

        for before, event in zip([None, *fresh], fresh, strict=False):
            assert before is None or event["pu"] == before["u"]
            assert event["U"] > event["pu"] + 1

            for side, book in levels.items():
                book.update(event[side])

        shown = {side: {price: lots for price, lots in book.items() if Decimal(lots)} for side, book in levels.items()}
        truth = (await venue.http.get("/fapi/v1/depth?symbol=BTCUSDT&limit=1000")).json()

        assert shown == {"b": dict(truth["bids"]), "a": dict(truth["asks"])}


async def test_best_prices_trades_and_partial_depth(open_venue: Any) -> None:
    """Each stream says what happened in the venue's words, with numbers as text."""
    async with open_venue() as venue, venue.listen("/public/ws/btcusdt@bookTicker/btcusdt@depth5@100ms") as public:
        best = (await public.hear_until("bookTicker"))[-1]
        partial = (await public.hear_until("depthUpdate"))[-1]

        assert (best["b"], best["B"], best["a"], best["A"]) == ("59999.90", "1.000", "60000.10", "1.000")
        assert best["u"] % 10 == 0
        assert len(partial["b"]) == len(partial["a"]) == 5

        async with venue.listen("/market/stream?streams=btcusdt@aggTrade") as market:
            venue.market.take(Side.SELL, 250)
            message = await market.hear()

        assert message["stream"] == "btcusdt@aggTrade"
        assert (message["data"]["p"], message["data"]["q"], message["data"]["m"]) == ("59999.90", "0.250", True)


async def test_mark_price_comes_every_second(open_venue: Any) -> None:
    """Mark, index, rate and the time of the next funding."""
    async with open_venue() as venue, venue.listen("/market/ws/btcusdt@markPrice@1s") as ear:
        first, second = await ear.hear(), await ear.hear()

        assert second["E"] - first["E"] == 1000
        assert (first["p"], first["r"]) == ("60000.00000000", "0.00010000")
        assert first["T"] == 1_767_254_400_000


async def test_every_socket_ends_after_its_life(open_venue: Any) -> None:
    """After socket_life_s (a day, unless set) the venue disconnects."""
    async with open_venue(socket_life_s=60) as venue, venue.listen("/public/ws") as ear:
        await anyio.sleep(59)

        assert not await _is_closed(ear)

        await anyio.sleep(2)

        assert await _is_closed(ear)


async def test_a_client_that_answers_no_pings_is_dropped(open_venue: Any) -> None:
    """Every three minutes there is a ping; whoever lets one pass is cut off, whoever listens is not."""
    async with open_venue() as venue, venue.listen("/public/ws") as deaf, venue.listen("/public/ws") as lively:
        assert await lively.hears_nothing(1_000)

        with pytest.raises(ConnectivityError):
            await deaf.hear()


async def _is_closed(ear: Any) -> bool:
    try:
        return not await ear.hears_nothing(0.1)
    except ConnectivityError as error:
        return "1008" in str(error)
