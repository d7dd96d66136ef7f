"""The recordings of real markets beside the repository: they are skipped, saying so, where they are not there."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import pytest

from perpmaker.errors import RecordingError
from perpmaker.model.event import BookChanged, BookLost, BookSnapshot, Traded
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import Side
from perpmaker.sandbox.recording_file import open_capture
from perpmaker.sandbox.server import ACCOUNT
from perpmaker.simulation.book import Book
from perpmaker.simulation.exchange import Exchange
from perpmaker.simulation.recording import RecordedMarket, Replay
from perpmaker.simulation.recording_reader import Recording
from perpmaker.simulation.rules import MARKETS
from perpmaker.testing.session import open_session
from perpmaker.testing.virtual import virtual_backend
from perpmaker.venue import LevelTranslator
from perpmaker_binance_perpetual.sandbox.capture import BinanceCapture, Difference, parse_message

DATA = Path(__file__).parents[3] / "shared" / "data"
BTC = MARKETS["BTC-USDT"].instrument
NEXO = attrs.evolve(BTC, market="NEXO-USDT", symbol="NEXOUSDT", base="NEXO", tick=Decimal("0.001"), lot=Decimal("0.01"))
IN_2023 = ("binance_usdm/btcusdt_20230404.dat.gz", "binance_usdm/btcusdt_20230405.dat.gz")
IN_2024 = ("binance_usdm/btcusdt_20240718.gz", "binance_usdm/btcusdt_20240719.gz")
SPOT = ("binance_spot/nexousdt_20240723.dat.gz", "binance_spot/nexousdt_20240724.dat.gz")
NOW_MS = 1_767_225_600_000
CONFIGURATION = """\
strategy = "perpetual_market_making"
derivative = "binance_perpetual"
market = "BTC-USDT"
leverage = 5
bid_spread = 0.01
ask_spread = 0.01
order_amount = 0.01
order_refresh_time = 5
filled_order_delay = 1

[sandbox]
recording = {recording}
recording_start = 300
"""

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"no recordings of real markets in {DATA}")


@pytest.fixture
def anyio_backend() -> Any:
    """Virtual time only: half a minute of the market in a second."""
    return virtual_backend()


def files(names: Sequence[str]) -> list[Path]:
    """Where the files are."""
    return [DATA / name for name in names]


def recording(names: Sequence[str], instrument: Instrument = BTC) -> Recording:
    """A recording of the data folder."""
    return Recording(instrument, [open_capture(file) for file in files(names)], BinanceCapture)


def lines(names: Sequence[str]) -> Iterator[bytes]:
    """All lines of a capture."""
    for file in files(names):
        with gzip.open(file, "rb") as opened:
            yield from opened


def tickers(names: Sequence[str], levels: LevelTranslator) -> dict[int, tuple[tuple[int, int], tuple[int, int]]]:
    """Best bid and ask by update id, as the venue streamed them."""
    told = {}

    for line in lines(names):
        if b"@bookTicker" in line:
            data = json.loads(line.partition(b" ")[2])["data"]
            bid, ask = levels.translate([(data["b"], data["B"]), (data["a"], data["A"])])
            told[data["u"]] = bid, ask

    return told


@pytest.mark.parametrize(
    ("names", "instrument", "least"),
    [
        pytest.param(IN_2023, BTC, 1_000, marks=pytest.mark.full),
        (IN_2024, BTC, 500),
        pytest.param(SPOT, NEXO, 1_000, marks=pytest.mark.full),
    ],
)
def test_rebuilt_book_equals_every_ticker(names: Sequence[str], instrument: Instrument, least: int) -> None:
    """Wherever a difference and a ticker carry the same update, best prices and sizes agree; it is never crossed."""
    book, compared = Book(), 0
    told, capture = tickers(names, LevelTranslator(instrument, exact_amounts=True)), BinanceCapture(instrument)

    for line in lines(names):
        text = line.partition(b" ")[2]
        message = parse_message(text)

        for event in capture.translate(text):
            assert not isinstance(event, BookLost)

            if not isinstance(event, BookSnapshot | BookChanged):
                continue

            for side, levels in ((book.bids, event.bids), (book.asks, event.asks)):
                (side.set_crowd if isinstance(event, BookSnapshot) else side.change_crowd)(levels)

        best = [(side.best_crowd_ticks(), side) for side in (book.bids, book.asks)]
        bid, ask = [(ticks, side.crowd_at(ticks)) for ticks, side in best if ticks is not None] or ((0, 0), (1, 0))
        assert bid[0] < ask[0]

        if capture.is_live and isinstance(message, Difference) and message.u in told:
            assert (bid, ask) == told[message.u]
            compared += 1

    assert compared > least


def test_capture_is_whole() -> None:
    """No line is malformed, no update is missing, and the trades are those of the market itself."""
    trades = [one.event for one in recording(IN_2023).read() if isinstance(one.event, Traded)]
    assert 12_900 < len(trades) <= 12_934
    assert max(trade.ticks for trade in trades) - min(trade.ticks for trade in trades) < 281_000 * 0.01


def test_capture_without_snapshot_cannot_be_synchronised() -> None:
    """The spot capture that lacks it is refused with that reason."""
    with pytest.raises(RecordingError, match="cannot be synchronised"):
        Replay(recording(["binance_spot/btcusdt_20230405.dat.gz"]))


def test_funding_of_the_recording_is_settled_once_at_its_rate() -> None:
    """The capture goes through a settlement at midnight, a hundred seconds after it begins."""
    market = RecordedMarket(Replay(recording(IN_2023)), start_ms=NOW_MS)
    exchange = Exchange(BTC, market, start_ms=NOW_MS)
    exchange.open_account("a", Decimal(10_000))
    rates = []

    for second in range(1, 130):
        exchange.advance(NOW_MS + second * 1_000)
        rates.append((exchange.funding_rate, exchange.next_funding_ms))

    settlements = sorted({due for _, due in rates})
    assert [round((due - NOW_MS) / 1000) for due in settlements if due < NOW_MS + 130_000] == [99]
    assert rates[50][0] == Decimal("0.00002754")
    assert exchange.next_funding_ms - settlements[0] == pytest.approx(8 * 3_600_000, abs=1_000)


@pytest.mark.anyio
async def test_run_on_the_capture_gets_fills_within_half_a_minute(tmp_path: Path) -> None:
    """With spreads of 0.01 % and a start 300 s into it; the bot knows of every one of them."""
    file = tmp_path / "bot.toml"
    file.write_text(CONFIGURATION.format(recording=json.dumps([str(path) for path in files(IN_2024)])))

    async with open_session(file) as session:
        summary = await session.run(30)
        executions = session.sandbox.exchange.executions(ACCOUNT)
        assert session.sandbox.oracle.violations == []

    assert summary.fills == len(executions) > 0


@pytest.mark.full
def test_same_recording_and_seed_are_the_same_session(tmp_path: Path) -> None:
    """On virtual time two sessions leave the same trace at the venue."""
    import anyio  # noqa: PLC0415  # a loop of its own for each session

    file = tmp_path / "bot.toml"
    file.write_text(CONFIGURATION.format(recording=json.dumps([str(path) for path in files(IN_2024)])))

    async def trace() -> list[str]:
        async with open_session(file) as session:
            await session.run(15)

            return session.trace

    traces = []

    for _ in range(2):
        backend, options = virtual_backend()
        traces.append(anyio.run(trace, backend=backend, backend_options=options))

    assert traces[0] == traces[1] != []


@pytest.mark.full
def test_replay_of_a_side_that_nobody_trades_on_is_what_was_recorded() -> None:
    """Without accounts the displayed book at the end is the recorded one."""
    replay = Replay(recording(IN_2024), offset_s=400)
    market = RecordedMarket(replay, start_ms=NOW_MS)
    exchange = Exchange(BTC, market, start_ms=NOW_MS)
    exchange.advance(NOW_MS + 100_000)
    assert market.next_ms is None

    whole = Replay(recording(IN_2024), offset_s=479.7)
    other = Exchange(BTC, RecordedMarket(whole, start_ms=NOW_MS), start_ms=NOW_MS)
    other.advance(NOW_MS + 100_000)
    assert exchange.depth(20).bids == other.depth(20).bids
    assert exchange.depth(20).asks == other.depth(20).asks
    assert exchange.best(Side.BUY) == other.best(Side.BUY)


def command(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The command, to its end."""
    home = {**os.environ, "PERPMAKER_HOME": str(cwd / "home")}

    return subprocess.run(  # noqa: S603  # our own command
        [sys.executable, "-m", "perpmaker", *words],
        check=False,
        cwd=cwd,
        env=home,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.full
def test_run_from_a_file_trades_on_the_recording(tmp_path: Path) -> None:
    """`[sandbox] recording` of a run: the venue is the recording, and it says so."""
    (tmp_path / "recordings").symlink_to(DATA / "binance_usdm")
    names = [f"recordings/{Path(name).name}" for name in IN_2024]
    (tmp_path / "bot.toml").write_text(CONFIGURATION.format(recording=json.dumps(names)))
    ended = command("run", "bot.toml", "--for", "4", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert "btcusdt_20240718.gz, btcusdt_20240719.gz" in ended.stderr


@pytest.mark.full
def test_paper_runs_on_the_recording_too(tmp_path: Path) -> None:
    """`environment = "paper"` with a recording: the capture is the venue that is looked at."""
    text = CONFIGURATION.format(recording=json.dumps([str(path) for path in files(IN_2024)]))
    (tmp_path / "bot.toml").write_text(text + '\n[binance_perpetual]\nenvironment = "paper"\n')
    ended = command("run", "bot.toml", "--for", "4", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("paper BTC-USDT")
    assert "recorded in btcusdt_20240718.gz, btcusdt_20240719.gz" in ended.stderr


@pytest.mark.full
def test_run_on_a_capture_that_cannot_be_used_ends_before_it_starts(tmp_path: Path) -> None:
    """What is wrong with the recording is said, and the exit code is that of a wrong file."""
    spot = json.dumps([str(DATA / "binance_spot" / "btcusdt_20230405.dat.gz")])
    (tmp_path / "bot.toml").write_text(CONFIGURATION.format(recording=spot))
    ended = command("run", "bot.toml", "--for", "4", cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "cannot be synchronised" in ended.stderr
    assert command("check", "bot.toml", cwd=tmp_path).returncode == 2
