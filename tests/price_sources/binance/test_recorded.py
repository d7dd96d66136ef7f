"""The spot stream as it really was: a capture of seven minutes of BTCUSDT, message for message."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from perpmaker_price_sources.binance.rest import Best
from perpmaker_price_sources.binance.stream import Heard, SpotTranslator

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
    spot = SpotTranslator("BTCUSDT")
    tickers = trades = 0

    for message in messages():
        said = json.loads(message)
        data = said["data"]
        (heard,) = spot.translate(message)

        if said["stream"].endswith("@bookTicker"):
            tickers += 1
            assert heard == Heard(best=Best(Decimal(data["b"]), Decimal(data["a"])))
        elif said["stream"].endswith("@trade"):
            trades += 1
            assert heard == Heard(last=Decimal(data["p"]))

    assert tickers > 1000
    assert trades > 1000
