"""D9: the synthetic market was so restless, and came back so surely, that whoever waited won."""

from __future__ import annotations

import math
import os
import statistics
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import attrs
import pytest

from perpmaker.config.loading import load_configuration
from perpmaker.errors import ConfigurationError
from perpmaker.model.order import Side
from perpmaker.plugins.catalog import load_catalog
from perpmaker.simulation.market import SyntheticMarket
from perpmaker.simulation.rules import MARKETS
from perpmaker.testing.rehearsal import rehearse

EXAMPLE = Path(__file__).parents[2] / "examples" / "sandbox.toml"
RECORDINGS = Path(__file__).parents[3] / "shared" / "data" / "binance_usdm"
SEEDS = int(os.environ.get("PERPMAKER_SEEDS", "0"))
"""`pytest --full tests/faults/test_d9_market.py` is the whole proof, with 200 of them; without it a slice is taken."""

HOUR_S = 3_600
VOLATILITY_BP = (0.4, 1.3)
VARIANCE_RATIO = (0.5, 2.8)


@attrs.define
class Watcher:
    """A crowd without an exchange: it only looks at the ladder, and at who takes."""

    middle: float = 0.0
    taker: Side = Side.BUY

    def set_ladder(self, bids: Sequence[tuple[int, int]], asks: Sequence[tuple[int, int]]) -> None:
        """Note the middle."""
        self.middle = (bids[0][0] + asks[0][0]) / 2

    def take(self, side: Side, lots: int, limit_ticks: int | None = None) -> int:
        """Note who takes."""
        del limit_ticks
        self.taker = side

        return lots

    def set_mark(
        self, mark: Decimal, index: Decimal, funding_rate: Decimal, next_funding_ms: int | None = None
    ) -> None:
        """Let it be."""


@attrs.frozen
class Seen:
    """The logarithms of the middle after each step of a market, and who took before each."""

    middles: list[float]
    takers: list[Side]


def watch(seed: int, seconds: int, **shape: str) -> Seen:
    """A market of this seed for so many seconds, in steps of 100 ms."""
    rules, crowd = MARKETS["BTC-USDT"], Watcher()
    market = SyntheticMarket(rules.instrument, price=rules.price, seed=seed, start_ms=0, **shape)
    seen = Seen([], [])

    for _ in range(seconds * 10):
        market.step(crowd)  # type: ignore[arg-type]  # it does what a synthetic market wants of a crowd
        seen.middles.append(math.log(crowd.middle))
        seen.takers.append(crowd.taker)

    return seen


def variance(middles: Sequence[float], steps: int) -> float:
    """The mean square of the changes over so many steps."""
    return statistics.fmean((late - early) ** 2 for early, late in zip(middles, middles[steps:], strict=False))


def figures(seed: int) -> tuple[float, float]:
    """Volatility of a second in basis points, and the variance ratio of 60 s and 1 s, over an hour."""
    seconds = watch(seed, HOUR_S).middles[::10]

    return math.sqrt(variance(seconds, 1)) * 10_000, variance(seconds, 60) / variance(seconds, 1) / 60


@pytest.mark.full
def test_D9_seconds_are_as_restless_as_recordings_and_so_are_minutes() -> None:
    """Over an hour of each seed, volatility and variance ratio are within what recordings show."""
    found = {seed: figures(seed) for seed in range(SEEDS or 2)}

    assert {seed: one for seed, one in found.items() if not VOLATILITY_BP[0] <= one[0] <= VOLATILITY_BP[1]} == {}
    assert {seed: one for seed, one in found.items() if not VARIANCE_RATIO[0] <= one[1] <= VARIANCE_RATIO[1]} == {}


@pytest.mark.full
def test_D9_example_of_the_readme_has_a_fill_within_its_minute() -> None:
    """In at least 95 % of the seeds; whether it wins or loses is another matter."""
    seeds = SEEDS or 3
    sessions = [rehearse(EXAMPLE, seed, 60.0) for seed in range(seeds)]

    assert sum(session.summary.fills > 0 for session in sessions) >= 0.95 * seeds
    assert [session.seed for session in sessions if session.violations or session.open_quotes] == []


def test_D9_those_who_take_know_more_than_a_quote_does() -> None:
    """After somebody buys the price rises more often than not: a quote is filled just before it is wrong."""
    for shape in ["calm", "trend", "wild"]:
        seen = watch(1, 600, shape=shape)
        moves = [late - early for early, late in pairwise(seen.middles)]
        after = [move * side.sign for move, side in zip(moves, seen.takers[1:], strict=True)]

        assert statistics.fmean(after) > 0.1 * statistics.pstdev(moves)


@pytest.mark.full
def test_D9_shapes_are_what_their_names_say() -> None:
    """A trend goes further in a minute than its seconds tell, and a wild market moves far more than a calm one."""
    calm, trend, wild = (watch(2, HOUR_S, shape=shape).middles[::10] for shape in ("calm", "trend", "wild"))

    assert variance(trend, 60) / variance(trend, 1) > 1.2 * variance(calm, 60) / variance(calm, 1)
    assert variance(wild, 1) > 3 * variance(calm, 1)


def test_D9_practice_is_the_old_market() -> None:
    """The same seed is the same market as before there were shapes, trade for trade."""
    rules, crowd = MARKETS["BTC-USDT"], Watcher()
    market = SyntheticMarket(rules.instrument, price=rules.price, seed=3, start_ms=1_000, shape="practice")

    for _ in range(201):
        market.step(crowd)  # type: ignore[arg-type]  # as above

    assert market.price == pytest.approx(59_996.41382827581, abs=1e-9)


def test_D9_summary_says_what_a_synthetic_market_is_worth() -> None:
    """Whoever reads the result reads in the next line that it says nothing."""
    summary = rehearse(EXAMPLE, 1, 5.0).summary

    assert summary.origin[:2] == ("synthetic market: says nothing about profit", "shape calm, seed 1")
    assert '"origin":["synthetic market: says nothing about profit"' in summary.as_json()


@pytest.mark.parametrize(
    ("words", "said"), [('shape = "mild"', "calm"), ('shape = "calm"\nrecording = ["a.gz"]', "leave one of them out")]
)
def test_D9_shape_that_means_nothing_is_refused(tmp_path: Path, words: str, said: str) -> None:
    """A name that there is not, and a shape for a recording, which has its own."""
    file = tmp_path / "a.toml"
    file.write_text(EXAMPLE.read_text().replace('shape = "calm" ', words + " "))

    with pytest.raises(ConfigurationError, match=said):
        load_configuration(file, (), load_catalog())


@pytest.mark.full
@pytest.mark.skipif(not RECORDINGS.exists(), reason="the recordings are not on this machine")
def test_D9_range_is_that_of_the_recordings() -> None:
    """What is asserted of the seeds is what the recordings show, to the accuracy of eight minutes."""
    from perpmaker.model.event import BookChanged, BookSnapshot  # noqa: PLC0415  # only with recordings
    from perpmaker.sandbox.recording_file import open_capture  # noqa: PLC0415  # the same
    from perpmaker.simulation.book import Book  # noqa: PLC0415  # the same
    from perpmaker.simulation.recording_reader import Recording  # noqa: PLC0415  # the same
    from perpmaker_binance_perpetual.sandbox.capture import BinanceCapture  # noqa: PLC0415  # the same

    for first, second in (("20230404.dat", "20230405.dat"), ("20240718", "20240719")):
        captures = [open_capture(RECORDINGS / f"btcusdt_{day}.gz") for day in (first, second)]
        book, middles, due_ms = Book(), list[float](), 0

        for recorded in Recording(MARKETS["BTC-USDT"].instrument, captures, BinanceCapture).read():
            if (best := (book.bids.best_ticks(), book.asks.best_ticks())) != (None, None) and recorded.at_ms >= due_ms:
                middles.append(math.log(((best[0] or 0) + (best[1] or 0)) / 2))
                due_ms = max(due_ms, recorded.at_ms - 1_000) + 1_000

            if isinstance(event := recorded.event, BookSnapshot):
                book.bids.set_crowd(event.bids)
                book.asks.set_crowd(event.asks)
            elif isinstance(event, BookChanged):
                book.bids.change_crowd(event.bids)
                book.asks.change_crowd(event.asks)

        assert 0.3 < math.sqrt(variance(middles, 1)) * 10_000 < VOLATILITY_BP[1]
        assert VARIANCE_RATIO[0] < variance(middles, 60) / variance(middles, 1) / 60 < VARIANCE_RATIO[1] * 1.15
