"""A made-up perpetual with a deep book as a column file, out of a seed: differences ten times a second, and trades."""

from __future__ import annotations

from pathlib import Path
from random import Random

import attrs

from perpmaker.backtest.columns import (
    BOUGHT,
    CHANGE,
    CHUNK_MESSAGES,
    CHUNK_ROWS,
    NS_PER_MS,
    SNAPSHOT,
    SOLD,
    VERSION,
    ColumnWriter,
    Foot,
    Gathered,
)
from perpmaker.model.instrument import Instrument
from perpmaker.simulation.rules import MARKETS

INSTRUMENT: Instrument = attrs.evolve(MARKETS["BTC-USDT"].instrument, symbol="BTCUSDT")
BEGAN_NS = 1_750_000_000_000_000_000
STEP_NS = 100_000_000
LEVELS = 1_500
ROWS_A_STEP = 14
LAG_NS = 3_000_000


@attrs.define
class SeededMarket:
    """Writes the market: about 140 levels and 20 trades a second, as of a large venue's busiest market."""

    path: Path
    seed: int = 42
    bid: int = 600_000
    ask: int = 600_001
    last: int = 0
    rows: int = 0
    messages: int = 0
    _bids: dict[int, int] = attrs.field(factory=dict)
    _asks: dict[int, int] = attrs.field(factory=dict)
    _chunk: Gathered = attrs.field(factory=Gathered)

    def write(self, seconds: int) -> int:
        """Write so many seconds; how many rows they have."""
        random, writer = Random(self.seed), ColumnWriter(self.path)  # noqa: S311  # a market, not cryptography
        self._bids = {self.bid - n: random.randint(1, 900) for n in range(LEVELS) if n == 0 or random.random() < 0.3}
        self._asks = {self.ask + n: random.randint(1, 900) for n in range(LEVELS) if n == 0 or random.random() < 0.3}
        self._message(BEGAN_NS, SNAPSHOT, 0, dict(self._bids), dict(self._asks))

        for step in range(1, seconds * 10 + 1):
            self._step(random, BEGAN_NS + step * STEP_NS)

            if len(self._chunk.kind) >= CHUNK_MESSAGES or len(self._chunk.bid_ticks) >= CHUNK_ROWS // 2:
                writer.put(self._chunk)
                self._chunk = Gathered()

        writer.put(self._chunk)
        writer.finish(
            Foot(
                version=VERSION,
                key="seeded",
                names=("seeded",),
                instrument=INSTRUMENT,
                first_ns=BEGAN_NS,
                last_ns=BEGAN_NS + (seconds * 10 + 1) * STEP_NS,
                messages=self.messages,
                rows=self.rows,
                least_lag_ns=LAG_NS,
            )
        )

        return self.rows

    def _step(self, random: Random, at_ns: int) -> None:
        """Some trades, and the difference after them."""
        move = round(random.gauss(0, 4)) if random.random() < 0.9 else round(random.gauss(0, 30))

        for number in range(random.choice([0, 1, 2, 2, 3, 4])):
            kind = BOUGHT if random.random() < (0.8 if move > 0 else 0.2 if move < 0 else 0.5) else SOLD
            self.last = self.ask if kind == BOUGHT else self.bid
            self._message(at_ns - STEP_NS + (number + 1) * 10 * NS_PER_MS, kind, random.randint(1, 80), {}, {})

        self.bid, self.ask = self.bid + move, self.bid + move + random.choice([1, 1, 1, 1, 3])
        bids = {ticks: 0 for ticks in self._bids if ticks > self.bid} | {self.bid: random.randint(1, 600)}
        asks = {ticks: 0 for ticks in self._asks if ticks < self.ask} | {self.ask: random.randint(1, 600)}

        while len(bids) + len(asks) < ROWS_A_STEP:
            away = int(random.expovariate(1 / 80)) + 1
            side, ticks = (bids, self.bid - away) if random.random() < 0.5 else (asks, self.ask + away)
            side[ticks] = random.randint(1, 900) if random.random() < 0.7 else 0

        for known, told in ((self._bids, bids), (self._asks, asks)):
            for ticks, lots in told.items():
                if lots:
                    known[ticks] = lots
                else:
                    known.pop(ticks, None)

        self._message(at_ns, CHANGE, 0, bids, asks)

    def _message(self, at_ns: int, kind: int, value: int, bids: dict[int, int], asks: dict[int, int]) -> None:
        chunk = self._chunk
        chunk.received.append(at_ns + LAG_NS)
        chunk.venue.append(at_ns)
        chunk.kind.append(kind)
        chunk.best_bid.append(self.bid)
        chunk.best_ask.append(self.ask)
        chunk.last.append(self.last)
        chunk.value.append(value)
        chunk.bids.append(len(bids))
        chunk.asks.append(len(asks))
        chunk.bid_ticks.extend(bids)
        chunk.bid_lots.extend(bids.values())
        chunk.ask_ticks.extend(asks)
        chunk.ask_lots.extend(asks.values())
        self.messages += 1
        self.rows += len(bids) + len(asks) + (kind in {BOUGHT, SOLD})
