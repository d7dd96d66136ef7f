from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

import attrs
import pytest

from perpmaker.errors import ExitCode, RecordingError
from perpmaker.model.event import BookLost, BookSnapshot, MarkChanged, Traded
from perpmaker.model.order import Side
from perpmaker.simulation.event import SimulationEvent, TradePrinted
from perpmaker.simulation.exchange import Exchange
from perpmaker.simulation.order import OrderRequest, SimulatedOrder
from perpmaker.simulation.recording import RecordedMarket, Replay
from perpmaker.simulation.recording_reader import Capture, Recording
from perpmaker.simulation.rules import MARKETS
from perpmaker_binance_perpetual.sandbox.capture import BinanceCapture

Levels = Sequence[tuple[str, str]]

SECOND_MS = 1_000
BEGAN_MS = 1_700_000_000_000
NOW_MS = 1_767_225_600_000
INSTRUMENT = attrs.evolve(
    MARKETS["BTC-USDT"].instrument,
    lot=Decimal(1),
    min_amount=Decimal(1),
    max_amount=Decimal(1_000),
    min_notional=Decimal(5),
)


@attrs.define
class Tape:
    """Writes a capture of BTCUSDT around 100, line by line; the venue's clock is 250 ms ahead of ours."""

    unit: int = 1_000
    is_spot: bool = False
    at_ms: int = BEGAN_MS
    update: int = 1_000
    lines: list[bytes] = attrs.field(factory=list)

    def write(self, text: str) -> Tape:
        """Write one message, as received now."""
        self.lines.append(f"{self.at_ms * self.unit} {text}\n".encode())

        return self

    def stream(self, name: str, data: dict[str, Any]) -> Tape:
        """Write a message of the combined stream."""
        return self.write(json.dumps({"stream": f"btcusdt@{name}", "data": {"s": "BTCUSDT", **data}}))

    def wait(self, seconds: float) -> Tape:
        """Let time pass."""
        self.at_ms += round(seconds * SECOND_MS)

        return self

    def snapshot(self, bids: Levels = (("99.9", "10"),), asks: Levels = (("100.1", "10"),)) -> Tape:
        """Write a snapshot, and a difference without news that goes on from it."""
        self.write(json.dumps({"lastUpdateId": self.update, "bids": bids, "asks": asks, "T": self.venue_ms}))

        return self.depth()

    def depth(self, bids: Levels = (), asks: Levels = (), *, skipped: int = 0) -> Tape:
        """Write the next difference; with `skipped`, the updates before it are missing."""
        before = self.update + skipped
        self.update = before + 7
        data: dict[str, Any] = {"U": before + 1, "u": self.update, "b": bids, "a": asks, "E": self.venue_ms}

        return self.stream("depth@100ms", data if self.is_spot else {**data, "pu": before, "T": self.venue_ms})

    def trade(self, taker: Side, price: str, amount: str, *, kind: str = "MARKET", late_ms: int = -1) -> Tape:
        """Write a trade; with `late_ms`, it was made before the last difference."""
        data = {"p": price, "q": amount, "m": taker is Side.SELL, "T": self.venue_ms - late_ms, "X": kind}

        return self.stream("trade", data)

    def mark(self, price: str, rate: str, funding_in_s: float) -> Tape:
        """Write a mark price."""
        funding_ms = self.venue_ms + round(funding_in_s * SECOND_MS)

        return self.stream("markPrice@1s", {"p": price, "i": "99", "r": rate, "T": funding_ms, "E": self.venue_ms})

    @property
    def venue_ms(self) -> int:
        """The venue's clock."""
        return self.at_ms + 250

    def recording(self, *cuts: int) -> Recording:
        """The capture, cut into files after so many lines."""
        edges = [0, *cuts, len(self.lines)]
        parts = [self.lines[start:end] for start, end in pairwise(edges)]

        return Recording(
            INSTRUMENT, [Capture(f"part{n}.gz", part.__iter__) for n, part in enumerate(parts, 1)], BinanceCapture
        )


@attrs.define
class Stage:
    """A recording being replayed, with an account."""

    exchange: Exchange
    ended: list[bool]
    events: list[SimulationEvent]

    def go(self, seconds: float) -> None:
        """Let it play until so many seconds after its beginning."""
        self.exchange.advance(NOW_MS + round(seconds * SECOND_MS))

    def place(self, side: Side, price: str, amount: str) -> Callable[[], SimulatedOrder]:
        """Place an order now; returns what tells how it is."""
        request = OrderRequest(side=side, price=Decimal(price), amount=Decimal(amount))
        order_id = self.exchange.place("a", request, self.exchange.now_ms).order_id

        def now() -> SimulatedOrder:
            order = self.exchange.order("a", order_id=order_id)
            assert order is not None

            return order

        return now

    def best(self, side: Side) -> tuple[str, int]:
        """The best displayed price and lots."""
        best = self.exchange.best(side)
        assert best is not None

        return str(INSTRUMENT.price(best[0])), best[1]

    def prints(self) -> list[tuple[int, int]]:
        """The public trades, (ticks, lots)."""
        return [(event.ticks, event.lots) for event in self.events if isinstance(event, TradePrinted)]


def play(tape: Tape, offset_s: float = 0.0) -> Stage:
    """Replay a capture from now on."""
    ended: list[bool] = []
    replay = Replay(tape.recording(), offset_s)
    market = RecordedMarket(replay, start_ms=NOW_MS, on_end=lambda: ended.append(True))
    exchange = Exchange(INSTRUMENT, market, start_ms=NOW_MS)
    events: list[SimulationEvent] = []
    exchange.subscribe(events.append)
    exchange.open_account("a", Decimal(1_000_000))

    return Stage(exchange, ended, events)


def refused(recording: Recording, offset_s: float = 0.0) -> RecordingError:
    """Why a recording is not replayed."""
    with pytest.raises(RecordingError) as error:
        Replay(recording, offset_s)

    assert error.value.exit_code is ExitCode.FILE

    return error.value


# --- reading


def test_micro_and_nanoseconds_are_told_apart() -> None:
    """The same capture in either unit has its events at the same milliseconds."""
    times = [
        [one.at_ms for one in Tape(unit=unit).snapshot().wait(2).depth().recording().read()]
        for unit in (1_000, 1_000_000)
    ]
    assert times[0] == times[1] == [BEGAN_MS, BEGAN_MS, BEGAN_MS + 2_000]


def test_files_of_a_capture_are_one() -> None:
    """Continuity and time go on from one file to the next."""
    tape = Tape().snapshot().wait(1).depth().wait(1).depth().wait(1).depth()
    whole, cut = list(tape.recording().read()), list(tape.recording(2, 3).read())
    assert whole == cut
    assert tape.recording(2).check() == (BEGAN_MS, BEGAN_MS + 3_000)


@pytest.mark.parametrize("is_spot", [True, False])
def test_missing_difference_is_refused_with_file_and_line(is_spot: bool) -> None:
    """Futures say what an update follows, spot numbers them without holes; either way a gap is found."""
    tape = Tape(is_spot=is_spot).snapshot().depth().depth(skipped=3).depth()
    error = refused(tape.recording(3))
    assert (error.file, error.line) == ("part2.gz", 1)
    assert str(error).startswith("part2.gz:1: a gap in the book stream: after update 1014 came one that follows 101")


def test_snapshot_after_a_gap_makes_the_book_known_again() -> None:
    """A recorder that asked for a new snapshot is believed; between the two the book is lost."""
    tape = Tape().snapshot().wait(1).depth(skipped=3).wait(1)
    kinds = [type(one.event) for one in tape.snapshot().recording().read()]
    assert [kind for kind in kinds if kind in {BookSnapshot, BookLost}] == [BookSnapshot, BookLost, BookSnapshot]


def test_differences_before_the_snapshot_are_joined_where_they_meet_it() -> None:
    """Those that are in the snapshot are skipped, those after it applied, whenever the snapshot was received."""
    tape = Tape().depth([("99.8", "1")]).depth([("99.7", "5")])
    bids = [("99.9", "10"), ("99.7", "5"), ("99.8", "1")]
    tape.write(json.dumps({"lastUpdateId": tape.update, "bids": bids, "asks": [("100.1", "1")], "T": 1}))
    events = [one.event for one in tape.depth([("99.7", "0")]).recording().read()]
    assert isinstance(events[0], BookSnapshot)
    assert len(events) == 3  # the snapshot, the difference that it ends with, and the one after it


def test_gap_between_differences_that_waited_for_the_snapshot_is_found() -> None:
    """What waits is held to the same rule as what comes later: the book is lost at the gap."""
    tape = Tape().depth()
    at = tape.update
    tape.depth().depth(skipped=3)
    snapshot = {"lastUpdateId": at, "bids": [("99.9", "10")], "asks": [("100.1", "10")], "T": tape.venue_ms}
    error = refused(tape.write(json.dumps(snapshot)).recording())

    assert "a gap in the book stream: after update 1014 came one that follows 1017" in str(error)


def test_differences_that_wait_in_vain_are_not_all_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """A capture without a snapshot is read to its end in bounded memory; a late snapshot is still joined."""
    monkeypatch.setattr("perpmaker.venue.captured_book._MAX_PENDING", 3)
    capture = BinanceCapture(INSTRUMENT)

    for last in range(1, 50):
        data = {"s": "BTCUSDT", "U": last, "u": last, "pu": last - 1, "b": [], "a": [], "E": 0}
        capture.translate(json.dumps({"stream": "btcusdt@depth", "data": data}).encode())

    assert len(capture.translate(b'{"lastUpdateId": 48, "bids": [], "asks": []}')) == 3
    assert capture.is_live


def test_snapshot_that_no_difference_reaches_is_refused() -> None:
    """Between the snapshot and the first difference updates are missing."""
    tape = Tape()
    tape.write(json.dumps({"lastUpdateId": tape.update, "bids": [], "asks": []}))
    assert "ends with update 1000, and the differences after it begin at 1006" in str(
        refused(tape.depth(skipped=5).recording())
    )


def test_capture_without_snapshot_cannot_be_synchronised() -> None:
    """It is refused with the reason and the remedy."""
    error = refused(Tape().depth().trade(Side.BUY, "100.1", "1").depth().recording())
    assert "no depth snapshot" in str(error)
    assert "cannot be synchronised" in str(error)


def test_malformed_line_is_refused_with_its_place() -> None:
    """Whatever is no line of a capture is said with file and line, and shown short and escaped."""
    for line, words in [
        (b"\n", "does not begin with a time in micro- or nanoseconds"),
        (b"hello world\n", "does not begin with a time"),
        (b"1700000000000 {}\n", "does not begin with a time"),
        (b"-1700000000000000 {}\n", "does not begin with a time"),
        (b"9" * 10_000 + b" {}\n", "does not begin with a time"),
        (b"1700000000000000 \n", "is not a message of a Binance stream"),
        (b'1700000000000000 {"stream"\n', "is not a message of a Binance stream"),
        (b"1700000000000000 []\n", "is not a message of a Binance stream"),
        (b"1700000000000000 {}\n", "neither a stream nor a depth snapshot"),
        (b'1700000000000000 {"stream": "btcusdt@depth", "data": {"s": "BTCUSDT"}}\n', "missing required field"),
        (b"1700000000000000 " + b"[" * 100_000, "is not a message of a Binance stream"),
        (b"\xff\xfe\x00", "does not begin with a time"),
    ]:
        tape = Tape().snapshot()
        tape.lines.append(line)
        error = refused(tape.recording(1))
        assert (error.file, error.line) == ("part2.gz", 2)
        assert words in str(error)
        assert len(str(error)) < 300
        assert str(error).isprintable()


def test_number_that_the_market_cannot_have_is_refused() -> None:
    """A price or amount that is no multiple of the market's steps is most often another market's."""
    for price, amount, words in [
        ("99.95", "1", "99.95 is not a multiple of the tick 0.1 of BTC-USDT"),
        ("99.9", "0.5", "0.5 is not a multiple of the lot 1 of BTC-USDT"),
        ("NaN", "1", "'NaN' is no number"),
        ("1e400000", "1", "is no number"),
        ("99.9", "-1", "'-1' must not be negative"),
        ("9" * 50, "1", "is no number"),
    ]:
        assert words in str(refused(Tape().snapshot().depth([(price, amount)]).recording()))


def test_recording_of_another_market_is_refused() -> None:
    """The two names are said."""
    tape = Tape().snapshot().stream("trade", {"s": "ETHUSDT", "p": "1", "q": "1", "m": True, "T": 1})
    assert "it is of the market 'ETHUSDT', not of BTCUSDT" in str(refused(tape.recording()))


def test_files_in_the_wrong_order_are_refused() -> None:
    """A line older than the one before it shows it."""
    tape = Tape().snapshot().wait(1).depth()
    parts = tape.recording(2).captures
    assert "name the files of a capture in their order" in str(
        refused(Recording(INSTRUMENT, parts[::-1], BinanceCapture))
    )


def test_streams_that_make_no_market_are_skipped() -> None:
    """Best prices and partial books are in captures, and are not looked at."""
    tape = Tape().snapshot().stream("bookTicker", {"b": 1}).stream("depth20@100ms", {"b": []}).stream("new", {})
    assert len(list(tape.recording().read())) == 2


def test_trade_of_the_insurance_fund_is_no_market_price() -> None:
    """Only what somebody traded in the market counts."""
    tape = Tape().snapshot().trade(Side.SELL, "90", "1", kind="INSURANCE_FUND").trade(Side.SELL, "99.9", "2")
    trades = [one.event for one in tape.recording().read() if isinstance(one.event, Traded)]
    assert [(trade.ticks, trade.lots, trade.taker) for trade in trades] == [(999, 2, Side.SELL)]


# --- time


def test_market_begins_now_and_follows_the_recording() -> None:
    """What was received two seconds after the beginning happens two seconds from now."""
    tape = Tape().snapshot().wait(2).depth([("100.0", "3")]).wait(1)
    stage = play(tape.depth([("100.0", "0")], [("100.1", "4")]))
    assert stage.best(Side.BUY) == ("99.9", 10)
    stage.go(1.999)
    assert stage.best(Side.BUY) == ("99.9", 10)
    stage.go(2)
    assert stage.best(Side.BUY) == ("100.0", 3)
    stage.go(3)
    assert (stage.best(Side.BUY), stage.best(Side.SELL)) == (("99.9", 10), ("100.1", 4))


def test_start_winds_the_recording_forward() -> None:
    """With an offset, everything before it has happened already, and only its trades are gone."""
    tape = Tape().snapshot().trade(Side.BUY, "100.1", "1").wait(5).depth([("100.0", "3")]).wait(5)
    stage = play(tape.depth([("100.0", "7")]), offset_s=6)
    assert stage.best(Side.BUY) == ("100.0", 3)
    assert stage.prints() == []
    stage.go(4)
    assert stage.best(Side.BUY) == ("100.0", 7)


def test_start_before_the_book_is_known_is_when_it_becomes_known() -> None:
    """The first line of a capture is usually a difference that cannot be used yet."""
    tape = Tape().trade(Side.BUY, "100.1", "1").wait(3).snapshot().wait(1)
    stage = play(tape.depth([("100.0", "3")]).wait(1).depth())
    assert stage.best(Side.BUY) == ("99.9", 10)
    assert not stage.ended


def test_start_past_the_end_is_refused() -> None:
    """The length is said."""
    tape = Tape().snapshot().wait(4).depth()
    assert "recording_start = 4 is past its end: it is 4.0 s long" in str(refused(tape.recording(), 4))


def test_market_stands_still_at_the_end_and_says_so_once() -> None:
    """The book stays, nobody trades any more, and orders can still be placed."""
    stage = play(Tape().snapshot().wait(1).trade(Side.BUY, "100.1", "1"))
    stage.go(0.9)
    assert stage.ended == []
    stage.go(3600)
    assert stage.ended == [True]
    assert (stage.best(Side.BUY), stage.best(Side.SELL)) == (("99.9", 10), ("100.1", 9))
    order = stage.place(Side.BUY, "100.0", "1")
    stage.go(7200)
    assert order().filled_lots == 0
    assert len(stage.prints()) == 1


def test_same_recording_is_the_same_market() -> None:
    """Two replays print the same, looked at often or seldom."""
    tape = Tape().snapshot()

    for n in range(50):
        tape.wait(0.13).trade(Side.SELL if n % 3 else Side.BUY, "99.9" if n % 3 else "100.1", "2")
        tape.depth([("99.9", str(20 - n % 7))], [("100.1", str(30 + n % 5))])

    often, seldom = play(tape), play(tape)
    orders = often.place(Side.BUY, "99.9", "5"), seldom.place(Side.BUY, "99.9", "5")

    for n in range(700):
        often.go(n / 100)

    seldom.go(6.99)
    assert often.events == seldom.events
    assert orders[0]() == orders[1]()


# --- the queue


def test_order_queues_behind_what_is_displayed() -> None:
    """Trades at its price consume the ten before it, then it, partly and wholly; all of each trade is printed."""
    tape = Tape().snapshot().wait(1).trade(Side.SELL, "99.9", "6").wait(1).trade(Side.SELL, "99.9", "7").wait(1)
    stage = play(tape.trade(Side.SELL, "99.9", "9"))
    order = stage.place(Side.BUY, "99.9", "5")
    fills = []

    for second in (1, 2, 3):
        stage.go(second)
        fills.append(order().filled_lots)

    assert fills == [0, 3, 5]
    assert sum(lots for _, lots in stage.prints()) == 22
    assert {ticks for ticks, _ in stage.prints()} == {999}


def test_size_that_vanishes_is_taken_to_have_stood_behind() -> None:
    """A place in the queue is never won by hoping: with four of ten left, all four are before the order."""
    tape = Tape().snapshot().wait(1).depth([("99.9", "4")]).wait(1).trade(Side.SELL, "99.9", "3").wait(1)
    stage = play(tape.trade(Side.SELL, "99.9", "3"))
    order = stage.place(Side.BUY, "99.9", "5")
    stage.go(2)
    assert order().filled_lots == 0
    stage.go(3)
    assert order().filled_lots == 2


def test_size_that_is_added_stands_behind() -> None:
    """Who comes later waits longer."""
    stage = play(Tape().snapshot().wait(1).depth([("99.9", "99")]).wait(1).trade(Side.SELL, "99.9", "12"))
    order = stage.place(Side.BUY, "99.9", "5")
    stage.go(2)
    assert order().filled_lots == 2


def test_trade_that_the_book_showed_already_moves_nothing_a_second_time() -> None:
    """The difference has taken the four away; the trade that explains them comes after it."""
    tape = Tape().snapshot().wait(1).depth([("99.9", "6")]).trade(Side.SELL, "99.9", "4", late_ms=0).wait(1)
    stage = play(tape.trade(Side.SELL, "99.9", "6").wait(1).trade(Side.SELL, "99.9", "1"))
    order = stage.place(Side.BUY, "99.9", "5")
    stage.go(1)
    assert (order().filled_lots, stage.best(Side.BUY)) == (0, ("99.9", 11))
    stage.go(2)
    assert order().filled_lots == 0
    stage.go(3)
    assert order().filled_lots == 1


def test_late_trade_beyond_what_vanished_still_counts() -> None:
    """Ten stood before it and three vanished; a late trade of nine leaves one of them, not seven."""
    tape = Tape().snapshot().wait(1).depth([("99.9", "7")]).trade(Side.SELL, "99.9", "9", late_ms=3).wait(1)
    stage = play(tape.trade(Side.SELL, "99.9", "2"))
    order = stage.place(Side.BUY, "99.9", "5")
    stage.go(1)
    assert order().filled_lots == 0
    stage.go(2)
    assert order().filled_lots == 1


def test_order_at_a_better_price_is_met_first() -> None:
    """Nobody would have traded at 99.9 while 100.0 was bid; it gets what was traded, and no more."""
    stage = play(Tape().snapshot().wait(1).trade(Side.SELL, "99.9", "3"))
    order = stage.place(Side.BUY, "100.0", "5")
    stage.go(1)
    assert order().filled_lots == 3
    assert stage.prints() == [(1000, 3)]
    assert stage.best(Side.BUY) == ("100.0", 2)
    assert stage.exchange.depth().bids[1] == (999, 10)


def test_trade_at_a_better_price_does_not_concern_an_order() -> None:
    """A trade above a bid says nothing about those below it."""
    stage = play(Tape().snapshot([("99.9", "1"), ("99.8", "1")]).wait(1).trade(Side.SELL, "99.9", "50"))
    order = stage.place(Side.BUY, "99.8", "5")
    stage.go(1)
    assert order().filled_lots == 0


def test_book_that_moves_through_an_order_fills_it_with_what_is_there() -> None:
    """Somebody offers two at 99.8: at 99.9 they are bought; of nine there later those two are not new."""
    tape = Tape().snapshot().wait(1).depth([("99.9", "0"), ("99.7", "8")], [("99.8", "2")])
    stage = play(tape.wait(1).depth([], [("99.8", "9")]))
    order = stage.place(Side.BUY, "99.9", "5")
    stage.go(1)
    assert order().filled_lots == 2
    stage.go(2)
    assert order().filled_lots == 5
    assert stage.best(Side.SELL) == ("99.8", 4)


def test_what_an_account_takes_is_missing_while_the_level_lasts() -> None:
    """The recording knows nothing of us and goes on telling what we took; only a level that was gone begins anew."""
    tape = Tape().snapshot().wait(1).depth([], [("100.1", "8")]).wait(1).depth([], [("100.1", "0"), ("100.2", "9")])
    stage = play(tape.wait(1).depth([], [("100.1", "8")]))
    order = stage.place(Side.BUY, "100.1", "4")
    assert order().filled_lots == 4
    assert stage.best(Side.SELL) == ("100.1", 6)
    stage.go(1)
    assert stage.best(Side.SELL) == ("100.1", 4)
    stage.go(2)
    assert stage.best(Side.SELL) == ("100.2", 9)
    stage.go(3)
    assert stage.best(Side.SELL) == ("100.1", 8)


def test_two_orders_at_a_price_are_met_in_turn() -> None:
    """A trade that fills the first goes on to the second only with what is left."""
    stage = play(Tape().snapshot().wait(1).trade(Side.SELL, "99.9", "16"))
    first, second = stage.place(Side.BUY, "99.9", "4"), stage.place(Side.BUY, "99.9", "4")
    stage.go(1)
    assert (first().filled_lots, second().filled_lots) == (4, 2)


def test_closing_order_that_a_fill_ends_is_not_filled() -> None:
    """Two closing orders for a position of one: the fill of the better one leaves nothing to close."""
    stage = play(Tape().snapshot().wait(1).trade(Side.BUY, "100.3", "9").wait(1))
    stage.place(Side.BUY, "100.1", "1")
    sell = OrderRequest(side=Side.SELL, price=Decimal("100.2"), amount=Decimal(1), reduce_only=True)
    stage.exchange.place("a", sell, NOW_MS)
    stage.go(1)
    assert stage.exchange.account("a").positions[0].lots == 0


def test_book_that_is_lost_offers_nothing() -> None:
    """Between a gap and the next snapshot nothing is displayed but our own; trades are not believed."""
    tape = Tape().snapshot().wait(1).depth(skipped=3).trade(Side.SELL, "99.8", "9").wait(1)
    stage = play(tape.snapshot([("99.9", "3")]).wait(1).depth())
    order = stage.place(Side.BUY, "99.9", "5")
    stage.go(1)
    assert stage.exchange.best(Side.SELL) is None
    assert (order().filled_lots, stage.best(Side.BUY)) == (0, ("99.9", 5))
    stage.go(2)
    assert (stage.best(Side.BUY), stage.best(Side.SELL)) == (("99.9", 8), ("100.1", 10))


# --- mark price and funding


def test_mark_price_is_the_recorded_one() -> None:
    """With its index and rate, and from the beginning the one that was told last before it."""
    tape = Tape().snapshot().mark("100.5", "0.0003", 100).wait(2).mark("101", "0.0004", 98)
    stage = play(tape.wait(1).depth(), offset_s=1)
    assert (stage.exchange.mark, stage.exchange.index, stage.exchange.funding_rate) == (
        Decimal("100.5"),
        Decimal(99),
        Decimal("0.0003"),
    )
    stage.go(1)
    assert (stage.exchange.mark, stage.exchange.funding_rate) == (Decimal(101), Decimal("0.0004"))


def test_without_a_recorded_mark_it_is_the_middle_of_the_book() -> None:
    """It follows once a second, and nothing is charged for funding."""
    tape = Tape().snapshot().wait(0.5).depth([("100.0", "1")]).wait(0.6).depth([("100.0", "2")])
    stage = play(tape)
    assert (stage.exchange.mark, stage.exchange.index) == (Decimal(100), Decimal(100))
    stage.go(0.6)
    assert stage.exchange.mark == Decimal(100)
    stage.go(1.1)
    assert stage.exchange.mark == Decimal("100.05")
    assert stage.exchange.funding_rate == 0


def test_funding_is_settled_when_the_recording_says_with_its_rate() -> None:
    """At the recorded moment, once, at the rate that was announced, however late the next price was received."""
    for jitter_s in [-0.02, 0.0, 0.02]:
        tape = Tape().snapshot().mark("100", "0.0003", 2).wait(1).mark("100", "0.0005", 1).wait(1 + jitter_s)
        tape.mark("100", "0.0001", 28_800 - jitter_s).wait(1).mark("100", "0.0001", 28_799 - jitter_s)
        stage = play(tape.wait(1).depth())
        stage.place(Side.BUY, "100.1", "10")
        stage.go(1.9)
        before = stage.exchange.account("a").wallet
        stage.go(2.1)
        assert stage.exchange.account("a").wallet - before == Decimal("-0.5")
        stage.go(4)
        assert stage.exchange.account("a").wallet - before == Decimal("-0.5")
        assert stage.exchange.funding_rate == Decimal("0.0001")
        assert stage.exchange.next_funding_ms == pytest.approx(NOW_MS + 28_802 * SECOND_MS, abs=50)


def test_mark_that_is_told_is_as_it_was() -> None:
    """The events carry the venue's own times."""
    tape = Tape().snapshot().mark("100", "0.0003", 2)
    (mark,) = [one.event for one in tape.recording().read() if isinstance(one.event, MarkChanged)]
    assert (mark.venue_ms, mark.next_funding_ms) == (BEGAN_MS + 250, BEGAN_MS + 2_250)
