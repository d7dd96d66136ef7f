"""The book of one topic: snapshots, differences, gaps, restarts, and what is not of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from perpmaker.errors import PayloadError
from perpmaker.model.event import BookChanged, BookLost, BookSnapshot
from perpmaker.model.instrument import Instrument
from perpmaker_bybit_perpetual.streams import BookTranslator, read_reply, subscription

from .payloads import book

TOPIC = "orderbook.50.BTCUSDT"


def translator(instrument: Instrument, **options: Any) -> BookTranslator:
    """The translation of the topic of 50 levels."""
    return BookTranslator(instrument, TOPIC, **options)


def kinds(events: Sequence[object]) -> list[type]:
    """What they are."""
    return [type(event) for event in events]


def test_a_snapshot_makes_the_book_and_differences_change_it(instrument: Instrument) -> None:
    """In ticks and lots, with the venue's time; an amount of 0 removes a level."""
    translate = translator(instrument).translate
    assert translate(book("delta", u=99)) == ()  # of a book that nobody knows
    assert translate(book(u=100)) == (BookSnapshot(bids=((600_000, 1000),), asks=((600_001, 2500),), venue_ms=118),)
    changed = translate(book("delta", u=101, bids=[["60000.0", "0"]], asks=[]))
    assert changed == (BookChanged(((600_000, 0),), (), 118),)


def test_a_gap_loses_the_book_until_a_snapshot_and_is_never_patched(instrument: Instrument) -> None:
    """A message is missing where `u` jumps; one that came before is passed over."""
    depth = translator(instrument)
    depth.translate(book(u=100))
    assert depth.translate(book("delta", u=100)) == ()
    assert kinds(depth.translate(book("delta", u=102))) == [BookLost]
    assert depth.sync.wants_snapshot
    assert depth.translate(book("delta", u=103)) == ()
    assert kinds(depth.translate(book(u=110))) == [BookSnapshot]
    assert kinds(depth.translate(book("delta", u=111))) == [BookChanged]


def test_the_venue_does_not_promise_that_it_counts(instrument: Instrument) -> None:
    """Where `strict_book` is off a later number is the next; the sequence may not go back."""
    depth = translator(instrument, is_strict=False)
    depth.translate(book(u=100))
    assert kinds(depth.translate(book("delta", u=105))) == [BookChanged]
    assert depth.translate(book("delta", u=105)) == ()
    back = json.loads(book("delta", u=106))
    back["data"]["seq"] = 1
    assert kinds(depth.translate(json.dumps(back))) == [BookLost]


def test_a_restart_replaces_the_book_whatever_it_is_called(instrument: Instrument) -> None:
    """`u` is 1 then; with an empty side it is no empty market, and the book is not known."""
    depth = translator(instrument)
    depth.translate(book(u=100))
    assert kinds(depth.translate(book("delta", u=1))) == [BookSnapshot]
    assert kinds(depth.translate(book("delta", u=2))) == [BookChanged]

    for sides in ({"bids": [], "asks": []}, {"bids": []}):
        assert kinds(depth.translate(book(u=1, **sides))) == [BookLost]
        assert depth.sync.wants_snapshot
        assert kinds(depth.translate(book(u=1))) == [BookSnapshot]


def test_bybit_B19_another_depth_of_the_market_is_another_book(instrument: Instrument) -> None:
    """Its snapshot of one level does not collapse ours, and its numbers make no gap."""
    depth = translator(instrument)
    depth.translate(book(u=100))
    assert depth.translate(book(u=7000, topic="orderbook.1.BTCUSDT")) == ()
    assert depth.translate(book(u=101, topic="orderbook.50.ETHUSDT")) == ()
    assert kinds(depth.translate(book("delta", u=101))) == [BookChanged]


def test_bybit_B14_each_topic_is_answered_by_itself(instrument: Instrument) -> None:
    """A refused topic is named, "already subscribed" is a yes, and an answer is of its own request alone."""
    request = subscription(TOPIC)
    said = json.loads(str(request.message))
    assert (request.name, said) == (TOPIC, {"op": "subscribe", "req_id": TOPIC, "args": [TOPIC]})

    for reply, refusal in [
        ({"success": True, "ret_msg": ""}, ""),
        ({"success": False, "ret_msg": f"error:handler not found,topic:{TOPIC}"}, "handler not found"),
        ({"success": False, "ret_msg": f"error:already subscribed,topic:{TOPIC}"}, ""),
        ({"retCode": 0, "retMsg": "OK"}, ""),
    ]:
        answered = read_reply(json.dumps({"op": "subscribe", "req_id": TOPIC, "conn_id": "c"} | reply))
        assert answered is not None
        assert answered.name == TOPIC
        assert refusal in answered.refusal
        assert bool(answered.refusal) is bool(refusal)

    assert read_reply('{"success":true,"ret_msg":"pong","conn_id":"c","req_id":"","op":"ping"}') is None
    assert read_reply(book()) is None
    assert translator(instrument).translate('{"op":"subscribe","success":true}') == ()


def test_each_shape_of_a_login_is_understood() -> None:
    """The private socket has one, the trade socket another, and one recording a third."""
    for reply, is_yes in [
        ({"success": True, "ret_msg": "", "conn_id": "c"}, True),
        ({"retCode": 0, "retMsg": "OK", "connId": "c"}, True),
        ({"success": False, "ret_msg": "error"}, False),
        ({"retCode": 10004, "retMsg": "error sign"}, False),
        ({"success": False, "retCode": 10003, "retMsg": "API key is invalid."}, False),
    ]:
        answered = read_reply(json.dumps({"op": "auth"} | reply))
        assert answered is not None
        assert (answered.name, answered.refusal == "") == ("auth", is_yes)


def test_a_level_that_makes_no_sense_is_no_level(instrument: Instrument) -> None:
    """A price between two ticks, a negative amount: the message is not applied, and the next one shows a gap."""
    depth = translator(instrument)
    depth.translate(book(u=100))

    for levels in ([["60000.05", "1"]], [["60000.0", "-1"]], [["NaN", "1"]]):
        with pytest.raises(PayloadError):
            depth.translate(book("delta", u=101, bids=levels))

    assert kinds(depth.translate(book("delta", u=102))) == [BookLost]
