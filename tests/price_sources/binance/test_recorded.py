"""The spot stream as it really was: a capture of seven minutes of BTCUSDT, message for message."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from perpmaker.clock import LoopClock
from perpmaker_price_sources.binance.rest import Best
from perpmaker_price_sources.binance.source import SpotReceiver

pytestmark = pytest.mark.anyio

CAPTURE = Path(__file__).parents[4] / "shared" / "data" / "binance_spot" / "btcusdt_20230405.dat.gz"
needs_capture = pytest.mark.skipif(not CAPTURE.exists(), reason="../shared/data/binance_spot is not there")


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Nothing here waits."""
    return virtual_time


def messages() -> Iterator[str]:
    """The streamed messages of the capture, without the time at which each was received."""
    with gzip.open(CAPTURE, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield line.partition(" ")[2]


@needs_capture
async def test_every_message_of_a_real_stream_is_understood() -> None:
    """Best prices and trades are followed to the last digit, other streams are passed over, none is malformed."""
    nobody: Any = None
    source = SpotReceiver(nobody, nobody, "BTCUSDT", LoopClock(), best=Best(None, None), last=Decimal(1))
    tickers = trades = 0

    for message in messages():
        source._take(message)
        heard = json.loads(message)
        data, word = heard["data"], source._word
        assert source._malformed == 0

        if heard["stream"].endswith("@bookTicker"):
            tickers += 1
            assert (word.bid, word.ask) == (Decimal(data["b"]), Decimal(data["a"]))
        elif heard["stream"].endswith("@trade"):
            trades += 1
            assert word.last == Decimal(data["p"])

    assert tickers > 1000
    assert trades > 1000
