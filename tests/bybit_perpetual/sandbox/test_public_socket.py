"""What the public socket tells, and how it answers."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from perpmaker.model.order import Side
from perpmaker_bybit_perpetual.sandbox import app

from .conftest import SYMBOL

pytestmark = pytest.mark.anyio


def topic(levels: int) -> str:
    """The topic of a book."""
    return f"orderbook.{levels}.{SYMBOL}"


def follow(book: dict[str, dict[str, str]], message: Any) -> None:
    """Apply a message to a book as the venue says; every delete hits a level that is there."""
    data = message["data"]

    for side in ("b", "a"):
        if message["type"] == "snapshot":
            book[side] = dict(data[side])
            continue

        for price, amount in data[side]:
            if amount.strip("0.") == "":
                del book[side][price]
            else:
                book[side][price] = amount


async def test_a_book_of_fifty_stays_the_best_fifty(open_venue: Any) -> None:
    """A snapshot, then changes whose ids grow by one; what they make is the venue's book."""
    async with open_venue() as venue, venue.listen() as ear:
        assert (await ear.say("subscribe", topic(50), req_id="r-1"))["req_id"] == "r-1"
        book: dict[str, dict[str, str]] = {}
        last = None

        for step in range(1, 30):
            ladder = [(599_990 - 2 * step - level, 100 + step * level % 7) for level in range(60)]
            venue.market.set_ladder(ladder, [(600_010 + step + level, 50) for level in range(60)])
            await anyio.sleep(0.1)

        for message in await ear.hear_all():
            assert last is None or (message["type"], message["data"]["u"]) == ("delta", last + 1)
            last = message["data"]["u"]
            follow(book, message)
            assert len(book["b"]) <= 50

        depth = venue.sandbox.exchange.depth(50)
        assert sorted(map(float, book["b"]), reverse=True) == [ticks / 10 for ticks, _ in depth.bids]
        assert sorted(map(float, book["a"])) == [ticks / 10 for ticks, _ in depth.asks]


async def test_one_level_has_only_snapshots_and_repeats_the_last_in_silence(open_venue: Any) -> None:
    """After three seconds the same one comes again, with the same id."""
    async with open_venue() as venue, venue.listen() as ear:
        await ear.say("subscribe", topic(1))
        first, again = await ear.hear(), await ear.hear()
        venue.market.take(Side.BUY, 10)
        changed = await ear.hear()

        assert {message["type"] for message in (first, again, changed)} == {"snapshot"}
        assert again["ts"] - first["ts"] == pytest.approx(3000, abs=150)
        assert again["data"] == first["data"]
        assert changed["data"]["u"] == first["data"]["u"] + 1
        assert changed["data"]["a"] == [["60000.1", "0.990"]]


async def test_bybit_B19_two_books_of_one_market_have_ids_of_their_own(open_venue: Any) -> None:
    """What the book of one level says is no part of the book of fifty."""
    async with open_venue() as venue, venue.listen() as ear:
        await ear.say("subscribe", topic(50))
        await ear.hear()
        await ear.say("subscribe", topic(1))
        books: dict[str, dict[str, dict[str, str]]] = {topic(50): {}, topic(1): {}}
        venue.market.take(Side.SELL, 1500)
        messages = await ear.hear_all()
        ids = {name: [one["data"]["u"] for one in messages if one["topic"] == name] for name in books}

        assert all(numbers for numbers in ids.values())
        assert len(next(one for one in messages if one["topic"] == topic(50))["data"]["b"]) == 2


async def test_bybit_B14_a_depth_that_there_is_no_more_is_refused_with_its_name(open_venue: Any) -> None:
    """One topic that there is not voids the whole request, or only itself, as the option says."""
    for voids in (True, False):
        async with open_venue(bad_topic_voids=voids) as venue, venue.listen() as ear:
            answer = await ear.say("subscribe", topic(500), topic(50), req_id="two")

            assert (answer["success"], answer["req_id"]) == (False, "two")
            assert "handler not found" in answer["ret_msg"]
            assert topic(500) in answer["ret_msg"]
            assert bool(await ear.hear_all()) is not voids


async def test_bybit_B14_what_is_subscribed_already_is_said_and_goes_on(open_venue: Any) -> None:
    """It is no failure of anything."""
    async with open_venue() as venue, venue.listen() as ear:
        await ear.say("subscribe", topic(50))
        await ear.hear()
        answer = await ear.say("subscribe", topic(50))
        venue.market.take(Side.BUY, 1)

        assert not answer["success"]
        assert "already subscribed" in answer["ret_msg"]
        assert [one["type"] for one in await ear.hear_all()] == ["delta"]


async def test_an_unsubscribed_topic_is_silent_and_begins_anew(open_venue: Any) -> None:
    """Subscribed again it begins with a snapshot."""
    async with open_venue() as venue, venue.listen() as ear:
        await ear.say("subscribe", topic(50))
        await ear.hear()
        assert (await ear.say("unsubscribe", topic(50)))["success"]
        venue.market.take(Side.BUY, 1)
        assert await ear.hear_all() == []
        await ear.say("subscribe", topic(50))
        assert (await ear.hear())["type"] == "snapshot"


@pytest.mark.parametrize("empty", [False, True])
async def test_a_restarted_service_says_so_by_its_id(open_venue: Any, empty: bool) -> None:
    """With an id of 1, and at first with both sides empty where it is set so."""
    async with open_venue(book_restart_ms=1000, restart_is_empty=empty) as venue, venue.listen() as ear:
        await ear.say("subscribe", topic(50))
        first, restarted, *_ = await ear.hear_all(1.2)

        assert first["data"]["u"] > 1
        assert (restarted["type"], restarted["data"]["u"]) == ("snapshot", 1)
        assert (restarted["data"]["b"] == []) is empty


async def test_a_ticker_begins_whole_and_tells_what_changed(open_venue: Any) -> None:
    """A change has the symbol and nothing that is as it was."""
    async with open_venue() as venue, venue.listen() as ear:
        await venue.hold()
        await ear.say("subscribe", f"tickers.{SYMBOL}")
        first = await ear.hear()
        venue.move_mark("60001")
        changed = await ear.hear()

        assert (first["type"], first["data"]["markPrice"]) == ("snapshot", "60000")
        assert changed["type"] == "delta"
        assert changed["data"] == {"symbol": SYMBOL, "markPrice": "60001", "indexPrice": "60001"}


async def test_trades_come_together_with_their_taker(open_venue: Any) -> None:
    """Trades of one moment stand in one message."""
    async with open_venue() as venue, venue.listen() as ear:
        await ear.say("subscribe", f"publicTrade.{SYMBOL}")
        venue.market.take(Side.SELL, 1500)
        (message,) = await ear.hear_all()

        assert [(row["S"], row["p"], row["v"]) for row in message["data"]] == [
            ("Sell", "59999.9", "1.000"),
            ("Sell", "59999.8", "0.500"),
        ]


async def test_the_price_band_is_told_again_and_again(open_venue: Any) -> None:
    """Three times in a second."""
    async with open_venue() as venue, venue.listen() as ear:
        await ear.say("subscribe", f"priceLimit.{SYMBOL}")
        messages = await ear.hear_all(1.0)

        assert len(messages) in {4, 5}
        assert messages[0]["data"] == {"symbol": SYMBOL, "buyLmt": "60600.0", "sellLmt": "59400.0"}
        venue.move_mark("60000.5")
        assert (await ear.hear())["data"] == {"symbol": SYMBOL, "buyLmt": "60600.5", "sellLmt": "59400.5"}


async def test_a_ping_is_answered_and_silence_ends_a_socket(open_venue: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """After ten minutes without a word of the client, or whatever is set."""
    assert app.IDLE_S == 600
    monkeypatch.setattr(app, "IDLE_S", 5.0)

    async with open_venue() as venue, venue.listen() as ear:
        answer = await ear.say("ping", req_id="p")
        assert (answer["op"], answer["ret_msg"], answer["req_id"]) == ("ping", "pong", "p")
        assert (await ear.say("ping"))["req_id"] == ""
        assert not (await ear.say("dance"))["success"]

        with pytest.raises(Exception, match="1008"):
            await ear.hear_all(7)


async def test_no_change_of_the_book_comes_before_its_snapshot(open_venue: Any) -> None:
    """Market data that was under way when the snapshot was taken is not told after it."""
    async with open_venue(feed_ms=300) as venue, venue.listen() as first, venue.listen() as second:
        await first.say("subscribe", topic(50))

        for _ in range(5):
            venue.market.take(Side.BUY, 1)
            await anyio.sleep(0.1)

        await second.say("subscribe", topic(50))
        book: dict[str, dict[str, str]] = {}
        messages = await second.hear_all(1.0)

        for message in messages:
            follow(book, message)

        assert messages[0]["type"] == "snapshot"
        assert book["a"]["60000.1"] == "0.995"
