"""A capture as columns: what the reader tells, made once, and made anew where a file is not to be used."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import msgspec
import pytest

from perpmaker.backtest.capture_files import SUFFIX
from perpmaker.backtest.column_market import market_event_of
from perpmaker.backtest.columns import MAGIC, VERSION, ColumnFile
from perpmaker.backtest.timeline import Feed, Timeline
from perpmaker.errors import RecordingError
from perpmaker.model.event import BookChanged, BookSnapshot
from perpmaker.model.order import Side
from perpmaker.sandbox.recording_file import open_capture
from perpmaker.simulation.recording_reader import Recording
from perpmaker.state.book import Half
from perpmaker_binance_perpetual.sandbox.capture import BinanceCapture, Difference, parse_message

DATA = Path(__file__).parents[4] / "shared" / "data" / "binance_usdm"
DAYS = ("btcusdt_20240718.gz", "btcusdt_20240719.gz")


def events_of(columns: ColumnFile) -> list[Any]:
    """The events that columns hold."""
    timeline, number, events = Timeline(columns, Feed()), 0, []

    while (segment := timeline.segment(number)) is not None:
        events += [market_event_of(segment, message) for message in range(segment.size)]
        timeline.release(number)
        number += 1

    return events


def made_of(folder: Path) -> list[Path]:
    """The column files in a folder."""
    return sorted(folder.glob(f"*{SUFFIX}"))


def test_columns_hold_what_the_reader_tells(wander: Callable[..., Path], columns: Callable[..., ColumnFile]) -> None:
    """Books, differences, trades and marks, digit by digit, in their order."""
    file = wander(3, 30.0)
    made = columns(file)
    recording = Recording(made.foot.instrument, [open_capture(file)], BinanceCapture)

    assert events_of(made) == [one.event for one in recording.read()]
    assert made.foot.messages == len(events_of(made))


def test_columns_are_made_once_and_again_for_another_capture(
    wander: Callable[..., Path], columns: Callable[..., ColumnFile]
) -> None:
    """The second time the file is found; what the capture holds decides, and not its name."""
    file = wander(1, 5.0)
    first = columns(file).path
    written = first.stat().st_mtime_ns

    assert columns(file).path == first
    assert first.stat().st_mtime_ns == written

    file.write_bytes(wander(2, 5.0).read_bytes())

    assert columns(file).path != first
    assert len(made_of(file.parent)) == 2


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda content: b"something else" + content[14:], "no column file"),
        (lambda content: MAGIC + (VERSION + 1).to_bytes(4, "little") + content[len(MAGIC) + 4 :], "of version"),
        (lambda content: content[:-40], "without its end"),
        (lambda _: b"", "no column file"),
    ],
)
def test_columns_that_are_not_ours_or_not_whole_are_refused_and_made_anew(
    spoil: Callable[[bytes], bytes], words: str, wander: Callable[..., Path], columns: Callable[..., ColumnFile]
) -> None:
    """Foreign, of another version, or cut off: said in words by whoever opens it, and mended by a conversion."""
    file = wander(1, 5.0)
    made = columns(file)
    whole = made.path.read_bytes()
    made.path.write_bytes(spoil(whole))

    with pytest.raises(RecordingError, match=words):
        ColumnFile(made.path)

    assert columns(file).path.read_bytes() == whole


def test_a_conversion_that_fails_leaves_nothing_behind(tape: Any, columns: Callable[..., ColumnFile]) -> None:
    """A book that crosses itself is named with file and line, and no half of a file stays."""
    tape.snapshot([(599_999, 10)], [(600_001, 10)]).wait(1).depth(bids=[(600_002, 5)])

    with pytest.raises(RecordingError, match=r"capture\.gz:3: the book crosses itself"):
        columns(tape.save())

    assert [path.name for path in tape.path.parent.iterdir()] == ["capture.gz"]


def test_a_cut_tail_is_used_up_to_the_cut_and_said(tape: Any, columns: Callable[..., ColumnFile]) -> None:
    """What came before it plays; the foot says where it was cut."""
    tape.snapshot([(599_999, 10)], [(600_001, 10)]).wait(1).trade(Side.BUY, 600_001, 1)
    tape.path.write_bytes(gzip.compress(b"".join(tape.lines) + f'{tape.at_ns} {{"stream'.encode()))
    foot = columns(tape.path).foot

    assert foot.messages == 3
    assert "was cut off in its line 4: it is used up to there" in foot.notes[0]


def test_a_gap_is_told_with_its_time_and_reason(tape: Any, columns: Callable[..., ColumnFile]) -> None:
    """From the difference that does not go on to the snapshot after it."""
    book = [(599_999, 10)], [(600_001, 10)]
    tape.snapshot(*book).wait(1).depth(bids=[(599_998, 1)], skipped=5).wait(2).snapshot(*book)
    (gap,) = columns(tape.save()).foot.gaps

    assert gap.until_ns - gap.from_ns == 2_000_000_000
    assert gap.reason


@pytest.mark.full
@pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data/binance_usdm is not there")
def test_books_over_the_columns_equal_every_ticker(tmp_path: Path, columns: Callable[..., ColumnFile]) -> None:
    """Wherever a difference and a best-price message carry the same update, prices and sizes agree."""
    files = [tmp_path / name for name in DAYS]

    for file in files:
        file.symlink_to(DATA / file.name)

    instrument, tickers, updates = columns(*files).foot.instrument, {}, []
    translator = BinanceCapture(attrs.evolve(instrument))

    for file in files:
        for line in open_capture(file).lines():
            text = line.partition(b" ")[2]

            if b"@bookTicker" in text:
                data = msgspec.json.decode(text)["data"]
                sides = ((data["b"], data["B"]), (data["a"], data["A"]))
                tickers[data["u"]] = [
                    (instrument.exact_ticks(Decimal(price)), instrument.exact_lots(Decimal(amount)))
                    for price, amount in sides
                ]
                continue

            message = parse_message(text)
            told = translator.translate(text)
            updates += [message.u if isinstance(message, Difference) and len(told) == 1 else None for _ in told]

    compared, bids, asks = 0, Half(Side.BUY.sign), Half(Side.SELL.sign)

    for update, event in zip(updates, events_of(columns(*files)), strict=True):
        if isinstance(event, BookSnapshot):
            bids.replace(event.bids)
            asks.replace(event.asks)
        elif isinstance(event, BookChanged):
            bids.change(event.bids)
            asks.change(event.asks)

            if update in tickers:
                assert [(half.best, half.at(half.best or 0)) for half in (bids, asks)] == tickers[update]
                compared += 1

    assert compared > 500
