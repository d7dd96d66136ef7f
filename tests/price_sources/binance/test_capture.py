"""A recorded spot market, in the words of the spot streams."""

from __future__ import annotations

import json
from typing import Any

import pytest

from perpmaker.errors import PayloadError
from perpmaker.model.event import BookLost
from perpmaker.simulation.rules import MARKETS
from perpmaker_price_sources.binance.sandbox import dialect
from perpmaker_price_sources.binance.sandbox.capture import SpotCapture

INSTRUMENT = MARKETS["BTC-USDT"].instrument


def streamed(name: str, **data: Any) -> bytes:
    """A message of the combined stream."""
    return json.dumps({"stream": f"btcusdt@{name}", "data": {"s": INSTRUMENT.symbol, "E": 5, "T": 5} | data}).encode()


def difference(first: int, last: int) -> bytes:
    """A difference without levels."""
    return streamed("depth@100ms", U=first, u=last, b=[], a=[])


def snapshot(last: int) -> bytes:
    """A snapshot."""
    return json.dumps({"lastUpdateId": last, "bids": [["100.0", "1"]], "asks": []}).encode()


def kinds(capture: SpotCapture, *messages: bytes) -> list[str]:
    """The names of what messages bring."""
    return [type(event).__name__ for message in messages for event in capture.translate(message)]


def test_numbers_without_holes_are_joined_to_the_snapshot() -> None:
    """What the snapshot has is left out; the trade before it concerned nobody."""
    capture = dialect().capture(INSTRUMENT)
    trade = streamed("trade", p="100.0", q="0.5", m=True)

    assert kinds(capture, trade, difference(1, 5), difference(6, 7), snapshot(5)) == ["BookSnapshot", "BookChanged"]
    assert kinds(capture, trade, difference(8, 8), difference(10, 11)) == ["Traded", "BookChanged", "BookLost"]
    assert not capture.is_live


def test_a_snapshot_that_no_difference_reaches_is_said_once() -> None:
    """And the next one is believed."""
    capture = SpotCapture(INSTRUMENT)
    capture.translate(difference(20, 21))
    (lost,) = capture.translate(snapshot(5))

    assert lost == BookLost(
        reason="the depth snapshot ends with update 5, and the differences after it begin at 20 only"
    )
    assert kinds(capture, difference(22, 23), snapshot(21)) == ["BookSnapshot", "BookChanged"]


def test_streams_that_make_no_market_are_passed_over() -> None:
    """Best prices are in the book already."""
    assert kinds(SpotCapture(INSTRUMENT), streamed("bookTicker"), streamed("depth20@100ms")) == []


def test_what_is_no_message_of_this_market_is_refused() -> None:
    """In words."""
    for message, words in [
        (b"{}", "neither a stream nor a depth snapshot"),
        (b"[]", "object"),
        (streamed("trade", s="ETHUSDT", p="1", q="1", m=True), "of the market 'ETHUSDT'"),
    ]:
        with pytest.raises((ValueError, PayloadError), match=words):
            SpotCapture(INSTRUMENT).translate(message)
