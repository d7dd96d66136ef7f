"""Connectors that nobody has made for recordings, and venues that behave as venues do."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import anyio
import attrs
import pytest

from perpmaker import Instrument
from perpmaker.capture import recorder as of_recorder
from perpmaker.cli.record_words import Recorded
from perpmaker.connector.interface import ConnectorContext
from perpmaker.errors import CaptureError, ExitCode, RecordingError
from perpmaker.model.event import BookLost, BookSnapshot, Channel, Event, MarkChanged, Traded
from perpmaker.plugins.catalog import load_catalog
from perpmaker.plugins.declarations import DerivativeConnectorDeclaration
from perpmaker.sandbox.server import SandboxSettings, rules_for
from perpmaker.simulation.recording_check import check_gradually
from perpmaker.simulation.recording_note import GapNote, MarketNote, is_note, parse_note
from perpmaker.simulation.rules import MARKETS
from perpmaker.wire.fault import Fault
from perpmaker_binance_perpetual import streams as of_binance

from ..venue.fathom import connector as fathom  # noqa: TID252  # it stands with the tests of the kit
from .studio import Ladder, Studio, lines_of, open_studio, reader_of, recording_of

pytestmark = pytest.mark.anyio

MIDNIGHT_MS = 1_767_225_600_000


def declared() -> DerivativeConnectorDeclaration[Any]:
    """The made-up exchange, whose connector stands over the kit alone."""
    found: list[DerivativeConnectorDeclaration[Any]] = []
    fathom.register_derivative_connectors(found.append)

    return found[0]


def texts_of(files: Sequence[Path]) -> list[bytes]:
    """The JSON of all lines."""
    return [line.split(b" ", 1)[1] for file in files for line in lines_of(file)]


async def test_a_connector_of_the_kit_is_recorded_without_a_word_of_its_own(tmp_path: Path) -> None:
    """One stream brings everything; nothing that takes a key is asked, and the next day's file has the whole book."""
    opened = open_studio(tmp_path, "fathom", declaration=declared(), epoch_ms=MIDNIGHT_MS - 2_000)

    async with opened as studio:
        await studio.run(4)

    texts = texts_of(studio.files)
    kept = [json.loads(text) for text in texts if not is_note(text)]
    notes = [parse_note(text) for text in texts if is_note(text)]
    assert len(studio.files) == 2
    assert len([note for note in notes if isinstance(note, MarketNote)]) == 2
    assert len(kept) == studio.recorder.lines.messages > 20
    assert not [text for text in texts if b"SIGNATURE" in text.upper() or b"TEST_FATHOM" in text.upper()]
    heard = studio.recorder.heard
    assert {type(event) for event in heard} >= {BookSnapshot, Traded, MarkChanged}
    assert sum(isinstance(event, BookSnapshot) for event in heard) == 2


@attrs.define
class Silent:
    """A connector that translates, and hands nothing on."""

    instrument: Instrument
    name: str = "silent"
    channels: frozenset[Channel] = frozenset({Channel.MARK})
    stall_s: float | None = None

    async def fetch_instrument(self, _: str) -> Instrument:
        """The market's rules."""
        return self.instrument

    def feeds(self, _: Instrument) -> Sequence[Silent]:
        """One stream."""
        return (self,)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Silent]:
        """Open it."""
        yield self

    async def receive(self) -> Sequence[Event]:
        """A mark price each second."""
        await anyio.sleep(1)

        mark = Decimal(60_000)

        return (MarkChanged(mark=mark, index=mark, funding_rate=None, next_funding_ms=None, venue_ms=1),)


async def test_a_connector_that_hands_nothing_on_is_said(tmp_path: Path) -> None:
    """No empty file is written for days: the recording ends with the name of the connector, exit code 6."""

    @asynccontextmanager
    async def opened(_: object, context: ConnectorContext) -> AsyncIterator[Silent]:
        assert context.tape is not None
        yield Silent(MARKETS["BTC-USDT"].instrument)

    of_binance_too: Any = attrs.evolve(declared(), name="silent", open=opened)

    async with open_studio(tmp_path, "silent", declaration=of_binance_too) as studio:
        with pytest.raises(CaptureError, match="the connector silent does not hand on what its venue says") as caught:
            await studio.run(10)

    assert caught.value.exit_code is ExitCode.PLUGIN


async def test_a_refused_stream_ends_a_recording_with_the_venues_words(tmp_path: Path) -> None:
    """What trying again does not mend is not tried again: exit code 3, and the file is whole."""
    async with open_studio(tmp_path, "bybit_perpetual") as studio:
        answer = (
            '{"success":false,"ret_msg":"error:handler not found","req_id":"orderbook.50.BTCUSDT","op":"subscribe"}'
        )
        studio.sandbox.faults.add(Fault(act="body", method="WS", contains='"orderbook.50.BTCUSDT"', arg=answer))

        with pytest.raises(CaptureError, match="handler not found") as caught:
            await studio.run(10)

    assert caught.value.exit_code is ExitCode.REFUSED
    assert texts_of(studio.files)[-1].startswith(b'{"perpmaker":"end","reason":"error"')


async def test_rules_that_change_are_noted_and_new_steps_end_a_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fees and limits change in the middle of a file; a market with another tick is another recording."""
    monkeypatch.setattr(of_recorder, "RULES_S", 1.0)

    async with open_studio(tmp_path) as studio:
        recorder, before = studio.recorder, studio.recorder.instrument
        recorder.instrument = attrs.evolve(before, max_orders=7)

        async def change() -> None:
            await anyio.sleep(1.5)
            recorder.instrument = attrs.evolve(before, tick=before.tick * 2)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(change)

            with pytest.raises(CaptureError, match=r"BTC-USDT has a tick of 0\.1 and a lot of 0\.001 now") as caught:
                await studio.run(10)

    notes = [note for text in texts_of(studio.files) if is_note(text) and (note := parse_note(text))]
    markets = [note.instrument.max_orders for note in notes if isinstance(note, MarketNote)]
    assert markets[0] == 7
    assert markets[-1] == before.max_orders
    assert caught.value.exit_code is ExitCode.REFUSED


async def test_a_clock_that_is_set_back_is_said_once(tmp_path: Path) -> None:
    """It is set back by a minute: the recording goes on, its times stand still, and a person reads so."""
    async with open_studio(tmp_path) as studio, anyio.create_task_group() as tasks:
        tasks.start_soon(studio.run, 4)
        await anyio.sleep(2)
        told_ns = studio.recorder.utc_ns
        studio.recorder.utc_ns = studio.recorder.lines._utc_ns = lambda: told_ns() - 60_000_000_000

    (said,) = [text for text in studio.told if "clock" in text]
    assert said.startswith("this machine's clock was set back by 60 s")
    stamps = [int(line.split()[0]) for line in lines_of(studio.files[0])]
    assert stamps == sorted(stamps)
    assert stamps.count(stamps[-1]) > 10


async def test_messages_are_timed_when_they_come_also_while_a_snapshot_is_waited_for(tmp_path: Path) -> None:
    """The venue takes two seconds for its book: no message waits for that in the recording."""
    async with open_studio(tmp_path) as studio:
        studio.sandbox.faults.add(Fault(act="delay", when="after", arg=2, path="/fapi/v1/depth"))
        await studio.run(4)

    lines = lines_of(studio.files[0])
    stamps = [int(line.split()[0]) for line in lines if b'"depthUpdate"' in line]
    snapshot = next(int(line.split()[0]) for line in lines if b'"lastUpdateId"' in line)
    assert snapshot - stamps[0] > 1_500_000_000
    assert sum(stamp < snapshot for stamp in stamps) > 10
    assert max(after - before for before, after in pairwise(stamps)) < 300_000_000


async def test_connections_that_overlap_tell_nothing_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Binance ends each connection after a day: the next is open before, and both are in the recording for a second."""
    monkeypatch.setattr(of_binance, "LIFE_S", 2.0)

    async with open_studio(tmp_path) as studio:
        await studio.run(6)

    texts = texts_of(studio.files)
    trades = [json.loads(text)["a"] for text in texts if b'"aggTrade"' in text]
    read = [one.event for one in reader_of(studio.files).read()]
    assert len(trades) > len(set(trades))
    assert not any(isinstance(event, BookLost) for event in read)
    assert not any(isinstance(parse_note(text), GapNote) for text in texts if is_note(text))
    told = [event for event in studio.recorder.heard if isinstance(event, Traded)]
    found = [event for event in read if isinstance(event, Traded)]
    assert found == told[len(told) - len(found) :]
    assert len(found) >= len(set(trades)) - 2


@pytest.mark.parametrize(
    ("venue", "options"),
    [
        pytest.param("dydx_perpetual", {"crossed_ms": 400}, id="levels that are gone cross the book"),
        pytest.param("bybit_perpetual", {"book_restart_ms": 900, "restart_is_empty": True}, id="the book begins anew"),
    ],
)
async def test_a_venues_own_ways_are_in_the_recording(tmp_path: Path, venue: str, options: dict[str, Any]) -> None:
    """Read back, the book is as the connector has heard it, after each message, and never crosses itself."""
    async with open_studio(tmp_path, venue, options=options) as studio:
        await studio.run(3)

    (file,) = studio.files
    read = [one.event for one in reader_of([file], venue).read()]
    book = [event for event in read if isinstance(event, BookLost) or Channel.BOOK is channel_of(event)]
    heard = [
        event for event in studio.recorder.heard if isinstance(event, BookLost) or Channel.BOOK is channel_of(event)
    ]
    assert [without_time(event) for event in book] == [without_time(event) for event in heard]
    assert len(book) > 8
    assert has_own_ways(studio, venue, book)

    for _ in check_gradually(recording_of([file], venue)):
        pass  # it raises where a book crosses itself


def channel_of(event: object) -> Channel | None:
    """The channel of what changes the book."""
    return Channel.BOOK if type(event).__name__ in {"BookSnapshot", "BookChanged"} else None


def without_time(event: Any) -> Any:
    """An event without the venue's time, which dYdX does not tell."""
    return attrs.evolve(event, venue_ms=0) if hasattr(event, "venue_ms") else event


def has_own_ways(studio: Studio, venue: str, book: Sequence[Any]) -> bool:
    """Whether what is tried has happened."""
    if venue == "bybit_perpetual":
        return sum(isinstance(event, BookSnapshot) for event in book) > 2

    ladder, shown = Ladder(), 0

    for event in book:
        ladder.fold(event)
        shown += ladder.sides() not in [sides for _, sides in studio.books]

    return shown > 0


async def test_a_recording_brings_the_rules_of_its_market(tmp_path: Path) -> None:
    """A market that no sandbox knows is played by what stands at the top; one of another venue is refused."""
    async with open_studio(tmp_path) as studio:
        await studio.run(1)

    (file,) = studio.files
    text = gzip.decompress(file.read_bytes()).replace(b"BTC", b"DOGE").replace(b'"tick":"0.10"', b'"tick":"0.01"')
    file.write_bytes(gzip.compress(text))
    found = load_catalog().derivative_connector("binance_perpetual").sandbox
    assert found is not None
    settings = SandboxSettings(venue="binance_perpetual", market="DOGE-USDT", recording=(file,))
    instrument = rules_for(found(), settings).instrument
    assert (instrument.market, instrument.symbol, instrument.tick) == ("DOGE-USDT", "DOGEUSDT", Decimal("0.01"))

    for wrong in ({"market": "BTC-USDT"}, {"venue": "bybit_perpetual"}):
        with pytest.raises(RecordingError, match="it is a recording of DOGE-USDT on binance_perpetual, not of"):
            rules_for(found(), attrs.evolve(settings, **wrong))


def test_the_summary_says_how_all_files_are_played(tmp_path: Path) -> None:
    """One file by its name, several by what their names have in common, without what a backtest writes beside them."""
    names = ["binance_perpetual_BTC-USDT_20261201T093000Z.zst", "binance_perpetual_BTC-USDT_20261202T000000Z.zst"]
    told = Recorded(
        connector="binance_perpetual",
        environment="live",
        market="BTC-USDT",
        seconds=60_000.0,
        messages=1_234_567,
        bytes=89_000_000,
        gaps=1,
        reconnects=1,
        last_price="60000.1",
        folder=str(tmp_path),
        files=names,
        stop_reason="SIGTERM",
        error="",
    )

    for name in names:
        (tmp_path / name).write_bytes(b"")
        (tmp_path / f"{name}.0123.columns").write_bytes(b"")

    rows = told.as_text().splitlines()
    pattern = Path(rows[-2].rpartition(" ")[2])
    assert "1,234,567 messages in 60,000.0 s, 89.0 MB, 1 gap, 1 reconnect; ended by SIGTERM" in rows[0]
    assert sorted(file.name for file in pattern.parent.glob(pattern.name)) == names
    assert rows[-1].endswith(f"--data {tmp_path}")
    assert str(tmp_path / names[0]) in attrs.evolve(told, files=names[:1]).as_text().splitlines()[-2]
