"""Depth differences to fold: synthetic ones of 20 levels a side, recorded ones, and the plain way to fold them."""

from __future__ import annotations

import gzip
import json
from bisect import bisect_left, insort
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from random import Random

import attrs

from perpmaker.connector.payload import PayloadDecoder
from perpmaker.model.event import BookChanged, BookSnapshot
from perpmaker.model.instrument import Instrument
from perpmaker.state.book import Book
from perpmaker_binance_perpetual.messages import Depth
from perpmaker_binance_perpetual.streams import DepthTranslator

INSTRUMENT = Instrument(
    market="BTC-USDT",
    symbol="BTCUSDT",
    base="BTC",
    quote="USDT",
    tick=Decimal("0.1"),
    lot=Decimal("0.001"),
    min_amount=Decimal("0.001"),
    max_amount=Decimal(1000),
    max_market_amount=Decimal(100),
    min_notional=Decimal(5),
    max_leverage=20,
    maker_fee=Decimal("0.0002"),
    taker_fee=Decimal("0.0004"),
)

RECORDINGS = Path(__file__).parents[2] / "shared" / "data" / "binance_usdm"
CAPTURE = ("btcusdt_20240718.gz", "btcusdt_20240719.gz")

MIDDLE = 600_000
SNAPSHOT_LEVELS = 1_000
LEVELS = 20
REACH = 200
STEP = 3
SIZES = 400
EMPTIED = 0.3

_DEPTH = PayloadDecoder(Depth)


@attrs.frozen(kw_only=True)
class Flow:
    """A snapshot and the differences that continue it, as the venue sends them."""

    snapshot: bytes
    updates: Sequence[bytes]


def synthetic(count: int, *, levels: int = LEVELS, seed: int = 1) -> Flow:
    """Differences of so many levels a side near a price that wanders: what a lively market sends in 100 ms."""
    random = Random(seed)  # noqa: S311  # a market to measure with, nothing to keep secret
    bids, asks = _Crowd(random, -1, levels), _Crowd(random, 1, levels)
    middle, last = MIDDLE, 1_000
    snapshot = {"lastUpdateId": last, "T": 1, "E": 1, "bids": bids.ladder(), "asks": asks.ladder()}
    updates = []

    for number in range(count):
        middle += random.randint(-STEP, STEP)
        first, previous, last = last + 1, last, last + random.randint(1, 500)
        head = {"e": "depthUpdate", "E": number + 2, "T": number + 2, "s": "BTCUSDT", "ps": "BTCUSDT", "st": 1}
        ids = {"U": first, "u": last, "pu": previous}
        updates.append({**head, **ids, "b": bids.changes(middle), "a": asks.changes(middle)})

    return Flow(snapshot=_compact(snapshot), updates=[_compact(update) for update in updates])


def recorded() -> Flow | None:
    """The capture of BTCUSDT of 2024-07-18/19, or None where there is none on this machine."""
    if not all((RECORDINGS / name).exists() for name in CAPTURE):
        return None

    snapshot, updates = b"", []

    for name in CAPTURE:
        with gzip.open(RECORDINGS / name, "rb") as lines:
            for line in lines:
                message = json.loads(line.partition(b" ")[2])

                if "lastUpdateId" in message:
                    snapshot = _compact(message)
                elif "@depth" in message["stream"]:
                    updates.append(_compact(message["data"]))

    return Flow(snapshot=snapshot, updates=updates)


def level_count(message: bytes) -> int:
    """How many levels a difference has, both sides together."""
    return message.count(b'["')


def folding(flow: Flow) -> tuple[Callable[[bytes], None], Sequence[bytes]]:
    """The connector's way from bytes to an updated book, behind its snapshot, and the messages still to be folded."""
    sync, book = DepthTranslator(INSTRUMENT), Book()

    def fold(message: bytes) -> None:
        for event in sync.translate(message):
            if isinstance(event, BookChanged):
                book.change(event, 0.0)
            elif isinstance(event, BookSnapshot):
                book.snapshot(event, 0.0)

    for event in sync.restore(_DEPTH.decode(flow.snapshot)):
        raise AssertionError(f"no message was offered yet, and there is {event}")

    rest = list(flow.updates)

    while not book.ok:
        fold(rest.pop(0))

    return fold, rest


def plain_folding(flow: Flow) -> tuple[Callable[[bytes], None], Sequence[bytes]]:
    """The same in the usual way: json, prices and amounts as Decimal, a dictionary and a sorted list of prices."""
    snapshot = json.loads(flow.snapshot)
    bids, asks = _PlainHalf(), _PlainHalf()
    bids.change(snapshot["bids"])
    asks.change(snapshot["asks"])

    def fold(message: bytes) -> None:
        update = json.loads(message)
        bids.change(update["b"])
        asks.change(update["a"])

    return fold, flow.updates


@attrs.define
class _PlainHalf:
    amounts: dict[Decimal, Decimal] = attrs.field(factory=dict)
    prices: list[Decimal] = attrs.field(factory=list)

    def change(self, levels: Sequence[tuple[str, str]]) -> None:
        for price_text, amount_text in levels:
            price, amount = Decimal(price_text), Decimal(amount_text)

            if amount:
                if price not in self.amounts:
                    insort(self.prices, price)

                self.amounts[price] = amount
            elif self.amounts.pop(price, None) is not None:
                del self.prices[bisect_left(self.prices, price)]


@attrs.define
class _Crowd:
    """The people of one side; `sign` is -1 for bids. Their amounts are often the same few."""

    random: Random
    sign: int
    levels: int
    resting: set[int] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.resting = {MIDDLE + self.sign * distance for distance in range(1, SNAPSHOT_LEVELS + 1)}

    def ladder(self) -> list[list[str]]:
        """All levels, from the best outward."""
        return [_level(ticks, SIZES) for ticks in sorted(self.resting, key=lambda ticks: ticks * self.sign)]

    def changes(self, middle: int) -> list[list[str]]:
        """What changes when the middle comes here: who is on the wrong side of it goes, others come and go."""
        wrong = [ticks for ticks in range(middle - STEP, middle + STEP + 1) if (ticks - middle) * self.sign <= 0]
        lots = dict.fromkeys(self.resting.intersection(wrong), 0)

        for distance in self.random.sample(range(1, REACH), self.levels - len(lots)):
            stays = self.random.random() > EMPTIED
            lots[middle + self.sign * distance] = self.random.randint(1, SIZES) if stays else 0

        self.resting.update(ticks for ticks, left in lots.items() if left)
        self.resting.difference_update(ticks for ticks, left in lots.items() if not left)

        return [_level(ticks, lots[ticks]) for ticks in sorted(lots, key=lambda ticks: ticks * self.sign)]


def _level(ticks: int, lots: int) -> list[str]:
    return [f"{ticks / 10:.2f}", f"{lots / 1000:.3f}"]


def _compact(message: object) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode()
