from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perpmaker.connector.payload import PayloadDecoder
from perpmaker.errors import PayloadError
from perpmaker.model.event import BookChanged, BookLost, BookSnapshot, MarketEvent
from perpmaker.model.instrument import Instrument
from perpmaker.venue import LevelTranslator
from perpmaker_binance_perpetual.messages import Depth
from perpmaker_binance_perpetual.streams import DepthTranslator

RECORDING = Path(__file__).parents[2].parent / "shared" / "data" / "binance_usdm" / "btcusdt_20240718.gz"


def update(first: int, last: int, previous: int, price: str = "60000.00", amount: str = "1.000") -> str:
    """A difference that sets one bid."""
    message = {"e": "depthUpdate", "U": first, "u": last, "pu": previous, "b": [[price, amount]], "a": [], "T": last}

    return json.dumps(message)


def snapshot(last: int) -> Depth:
    """A book of one level a side."""
    return Depth(lastUpdateId=last, bids=(("59999.00", "1.000"),), asks=(("60001.00", "2.000"),), T=last)


def kinds(events: Sequence[MarketEvent]) -> list[str]:
    """The events' names."""
    return [type(event).__name__ for event in events]


def test_levels_are_ticks_and_lots(instrument: Instrument) -> None:
    """Prices and amounts become integers of the market's steps, however they are written."""
    levels = LevelTranslator(instrument).translate([("60000.10", "0.010"), ("60000.1", "0"), ("0.1", "1")])

    assert levels == ((600001, 10), (600001, 0), (1, 1000))


@pytest.mark.parametrize(
    "level",
    [
        ("60000.15", "1"),
        ("NaN", "1"),
        ("1", "Infinity"),
        ("-1", "1"),
        ("1", "-1"),
        *(pytest.param(one, marks=pytest.mark.full) for one in (("0", "1"),)),
    ],
)
def test_F21_levels_that_are_none_are_refused(instrument: Instrument, level: tuple[str, str]) -> None:
    """A price or an amount that is no multiple of the tick, not positive or not finite never becomes a level."""
    with pytest.raises(PayloadError):
        LevelTranslator(instrument).translate([level])


def test_B1_what_other_people_show_between_two_lots_counts_in_whole_lots(instrument: Instrument) -> None:
    """A lot that has become larger, or a liquidation: others' orders need not be multiples of it."""
    levels = LevelTranslator(instrument).translate([("60000.1", "0.0105"), ("60000.2", "0.0001"), ("60000.3", "7")])

    assert levels == ((600001, 10), (600002, 0), (600003, 7000))


def test_nothing_is_live_before_snapshot_and_stream_have_met(instrument: Instrument) -> None:
    """A snapshot alone is not a book: the first message that continues it makes it one."""
    sync = DepthTranslator(instrument)
    wanted = [sync.sync.wants_snapshot]

    assert sync.restore(snapshot(100)) == ()
    assert [*wanted, sync.sync.wants_snapshot] == [True, False]
    assert kinds(sync.translate(update(95, 105, 90))) == ["BookSnapshot", "BookChanged"]


def test_messages_older_than_the_snapshot_are_dropped(instrument: Instrument) -> None:
    """What was buffered is replayed from the message that contains the snapshot's update."""
    sync = DepthTranslator(instrument)

    for message in (update(80, 90, 70), update(91, 99, 90), update(100, 110, 99), update(111, 120, 110)):
        assert sync.translate(message) == ()

    events = sync.restore(snapshot(100))

    assert kinds(events) == ["BookSnapshot", "BookChanged", "BookChanged"]
    assert [event.venue_ms for event in events if isinstance(event, BookChanged)] == [110, 120]


def test_F28_a_snapshot_older_than_the_stream_is_asked_for_again(instrument: Instrument) -> None:
    """When the oldest message begins after the snapshot, the snapshot is of no use."""
    sync = DepthTranslator(instrument)
    sync.translate(update(120, 130, 115))

    assert sync.restore(snapshot(100)) == ()
    assert sync.sync.wants_snapshot
    assert kinds(sync.restore(snapshot(125))) == ["BookSnapshot", "BookChanged"]


def test_a_snapshot_between_two_messages_is_good(instrument: Instrument) -> None:
    """A snapshot that falls into the hole between two messages joins at the second."""
    sync = DepthTranslator(instrument)
    sync.translate(update(120, 130, 110))

    assert kinds(sync.restore(snapshot(115))) == ["BookSnapshot", "BookChanged"]


def test_F28_a_gap_loses_the_book_until_the_next_snapshot(instrument: Instrument) -> None:
    """A message that does not follow the last one ends the book, and is kept for the next snapshot."""
    sync = DepthTranslator(instrument)
    sync.restore(snapshot(100))
    sync.translate(update(95, 105, 90))

    (lost,) = sync.translate(update(120, 130, 119))

    assert isinstance(lost, BookLost)
    assert "105" in lost.reason
    assert sync.sync.wants_snapshot
    assert kinds(sync.restore(snapshot(125))) == ["BookSnapshot", "BookChanged"]


def test_F28_a_gap_among_buffered_messages_is_found(instrument: Instrument) -> None:
    """Buffered messages are held to the same continuity as live ones."""
    sync = DepthTranslator(instrument)
    sync.translate(update(95, 105, 90))
    sync.translate(update(120, 130, 119))

    assert kinds(sync.restore(snapshot(100))) == ["BookSnapshot", "BookChanged", "BookLost"]


def test_F26_repeated_messages_are_passed_over(instrument: Instrument) -> None:
    """Two connections bring the same for a moment: what was applied is not applied again, and what follows is."""
    sync = DepthTranslator(instrument)
    sync.restore(snapshot(100))
    messages = [update(95, 105, 90), update(106, 110, 105), update(111, 120, 110)]

    for message in messages[:2]:
        sync.translate(message)

    assert [kinds(sync.translate(message)) for message in messages] == [[], [], ["BookChanged"]]


def test_F28_an_old_message_that_was_never_applied_is_a_gap(instrument: Instrument) -> None:
    """Only what is known to have been applied is passed over."""
    sync = DepthTranslator(instrument)
    sync.restore(snapshot(100))
    sync.translate(update(95, 105, 90))

    assert kinds(sync.translate(update(91, 104, 90))) == ["BookLost"]


def test_F21_a_bad_snapshot_leaves_the_wish_for_one(instrument: Instrument) -> None:
    """A snapshot that cannot be understood is not kept."""
    sync = DepthTranslator(instrument)

    with pytest.raises(PayloadError):
        sync.restore(Depth(lastUpdateId=1, bids=(("NaN", "1"),), asks=()))

    assert sync.sync.wants_snapshot


def test_F21_a_bad_message_shows_as_a_gap(instrument: Instrument) -> None:
    """A difference that was dropped for its content breaks continuity at the next one."""
    sync = DepthTranslator(instrument)
    sync.restore(snapshot(100))
    sync.translate(update(95, 105, 90))

    with pytest.raises(PayloadError):
        sync.translate(update(106, 110, 105, price="1e999"))

    assert kinds(sync.translate(update(111, 120, 110))) == ["BookLost"]


@given(data=st.data())
def test_F28_no_loss_of_messages_ever_shows_a_wrong_book(data: st.DataObject, instrument: Instrument) -> None:
    """Whichever messages are lost, doubled or late: while the book stands it equals the venue's at that update."""
    rules = instrument
    sync = DepthTranslator(rules)
    truth: dict[int, dict[int, int]] = {0: {}}
    book: dict[int, int] | None = None
    shown = 0

    for number in range(1, 25):
        price = data.draw(st.integers(1, 4))
        lots = data.draw(st.integers(0, 2))
        truth[number] = {**truth[number - 1], price: lots}
        message = update(number * 10 - 5, number * 10, (number - 1) * 10, f"{price}", f"{lots}")

        for _ in range(data.draw(st.sampled_from([1, 1, 1, 1, 0, 2]))):
            events = list(sync.translate(message))

            if sync.sync.wants_snapshot and data.draw(st.booleans()):
                seen = data.draw(st.integers(max(0, number - 2), number))
                bids = tuple((f"{at}", f"{amount}") for at, amount in truth[seen].items() if amount)
                events.extend(sync.restore(Depth(lastUpdateId=seen * 10, bids=bids, asks=(), T=seen)))

            for event in events:
                if isinstance(event, BookSnapshot):
                    book = dict(event.bids)
                elif isinstance(event, BookChanged):
                    assert book is not None
                    book.update(event.bids)
                    shown = event.venue_ms // 10
                else:
                    book = None

            if book is not None:
                expected = {at * 10: amount * 1000 for at, amount in truth[shown].items() if amount}
                assert {at: amount for at, amount in book.items() if amount} == expected


@attrs.frozen(kw_only=True)
class Ticker:
    """bookTicker: update id, best bid and its amount, best ask and its amount."""

    u: int
    b: str
    B: str
    a: str
    A: str


@attrs.frozen(kw_only=True)
class Envelope:
    """A message of a combined stream."""

    stream: str
    data: msgspec.Raw


@pytest.mark.skipif(not RECORDING.exists(), reason="the recorded data of ../shared/data is not here")
def test_the_rebuilt_book_equals_every_recorded_ticker(instrument: Instrument) -> None:
    """On a captured session, whenever book and ticker carry the same update id they agree in price and amount."""
    sync = DepthTranslator(instrument)
    sides: tuple[dict[int, int], dict[int, int]] = ({}, {})
    tickers: dict[int, Ticker] = {}
    compared = 0

    for line in recorded_lines():
        if line.startswith('{"lastUpdateId"'):
            apply(sync.restore(PayloadDecoder(Depth).decode(line)), sides)
            continue

        envelope = msgspec.json.decode(line, type=Envelope)

        if envelope.stream.endswith("@bookTicker"):
            ticker = msgspec.json.decode(envelope.data, type=Ticker)
            tickers[ticker.u] = ticker
        elif "@depth" in envelope.stream:
            apply(sync.translate(bytes(envelope.data)), sides)
            expected = tickers.get(sync.sync.last or 0)

            if sides[0] and expected is not None:
                bid, ask = max(sides[0]), min(sides[1])
                assert (bid, sides[0][bid]) == LevelTranslator(instrument).translate([(expected.b, expected.B)])[0]
                assert (ask, sides[1][ask]) == LevelTranslator(instrument).translate([(expected.a, expected.A)])[0]
                compared += 1

    assert compared > 100


def recorded_lines() -> Iterator[str]:
    """The messages of the capture, without their local times."""
    with gzip.open(RECORDING, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield line.partition(" ")[2]


def apply(events: Sequence[MarketEvent], sides: tuple[dict[int, int], dict[int, int]]) -> None:
    """Fold book events into two dictionaries of lots by ticks."""
    for event in events:
        assert isinstance(event, BookSnapshot | BookChanged), event

        if isinstance(event, BookSnapshot):
            sides[0].clear()
            sides[1].clear()

        for side, levels in zip(sides, (event.bids, event.asks), strict=True):
            for ticks, lots in levels:
                if lots:
                    side[ticks] = lots
                else:
                    side.pop(ticks, None)
