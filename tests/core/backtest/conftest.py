"""Captures that the tests make themselves, and runs over them: without an event loop, and with one in virtual time."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import anyio
import attrs
import pytest

from perpmaker.arithmetic import own_arithmetic
from perpmaker.backtest.capture_files import open_columns
from perpmaker.backtest.columns import NS, NS_PER_MS, ColumnFile
from perpmaker.backtest.driver import Driver, Window
from perpmaker.backtest.latency import OrderLatency
from perpmaker.backtest.timeline import Feed as FeedLag
from perpmaker.config.loading import load_configuration
from perpmaker.connector.interface import ConnectorContext, Environment, EventReceiver, Feed
from perpmaker.launch.configured_plan import plan_of
from perpmaker.launch.launch import prepare_run
from perpmaker.launch.plan import Plan
from perpmaker.model.event import BookChanged, BookLost, BookSnapshot, Channel, Event, MarkChanged, Traded
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import Side
from perpmaker.paper.connector import PaperConnector
from perpmaker.paper.event_translation import market_event
from perpmaker.paper.feed import AccountFeed
from perpmaker.paper.venue import ACCOUNT, PaperVenue
from perpmaker.plugins.catalog import load_catalog
from perpmaker.sandbox.recording_file import open_capture
from perpmaker.secret import References
from perpmaker.simulation.event import MarkUpdated, OrderChanged, SimulationEvent
from perpmaker.simulation.exchange import Exchange
from perpmaker.simulation.recording_reader import Reader, Recording
from perpmaker.simulation.rules import MARKETS
from perpmaker.testing.virtual import virtual_asyncio
from perpmaker.wire.pipe import connect_tcp
from perpmaker_binance_perpetual.sandbox.capture import BinanceCapture

BEGAN_NS = 1_700_000_000_000_000_000
INSTRUMENT = attrs.evolve(MARKETS["BTC-USDT"].instrument, symbol="BTCUSDT")

CONFIGURATION = """
strategy = "perpetual_market_making"
derivative = "binance_perpetual"
market = "BTC-USDT"
leverage = 10
bid_spread = 0.004
ask_spread = 0.004
order_amount = 0.01
order_levels = 2
order_level_spread = 0.004
order_refresh_time = 2.0
filled_order_delay = 3.0
long_profit_taking_spread = 0.01
short_profit_taking_spread = 0.01
stop_loss_spread = 0.05
time_between_stop_loss_orders = 5.0

[binance_perpetual]
environment = "sandbox"
"""


@attrs.define
class Tape:
    """Writes a capture of BTCUSDT, line by line. The venue's clock is `lag_ms` behind the moment of receipt."""

    path: Path
    at_ns: int = BEGAN_NS
    lag_ms: int = 4
    update: int = 1_000
    lines: list[bytes] = attrs.field(factory=list)

    def write(self, text: str) -> Tape:
        """Write one message, as received now."""
        self.lines.append(f"{self.at_ns} {text}\n".encode())

        return self

    def stream(self, name: str, data: dict[str, Any]) -> Tape:
        """Write a message of the combined stream."""
        return self.write(json.dumps({"stream": f"btcusdt@{name}", "data": {"s": "BTCUSDT", **data}}))

    def wait(self, seconds: float) -> Tape:
        """Let time pass."""
        self.at_ns += round(seconds * NS)

        return self

    @property
    def venue_ms(self) -> int:
        """The venue's date of what is received now."""
        return self.at_ns // NS_PER_MS - self.lag_ms

    def snapshot(self, bids: Sequence[tuple[int, int]], asks: Sequence[tuple[int, int]]) -> Tape:
        """Write a snapshot of (ticks, lots), and a difference without news that goes on from it."""
        levels = {"bids": _levels(bids), "asks": _levels(asks)}
        self.write(json.dumps({"lastUpdateId": self.update, **levels, "T": self.venue_ms}))

        return self.depth()

    def depth(
        self, bids: Sequence[tuple[int, int]] = (), asks: Sequence[tuple[int, int]] = (), *, skipped: int = 0
    ) -> Tape:
        """Write the next difference; with `skipped`, the updates before it are missing."""
        before = self.update + skipped
        self.update = before + 7
        at_ms = self.venue_ms
        data = {"U": before + 1, "u": self.update, "pu": before, "E": at_ms, "T": at_ms}

        return self.stream("depth@100ms", {**data, "b": _levels(bids), "a": _levels(asks)})

    def trade(self, taker: Side, ticks: int, lots: int, *, late_ms: int = 0) -> Tape:
        """Write a trade; with `late_ms` it was made so much earlier."""
        ((price, amount),) = _levels([(ticks, lots)])
        data = {"p": price, "q": amount, "m": taker is Side.SELL, "T": self.venue_ms - late_ms, "X": "MARKET"}

        return self.stream("trade", data)

    def mark(self, price: str, rate: str = "0", funding_ms: int = 0) -> Tape:
        """Write a mark price; `funding_ms` is when the venue settles next, by its clock."""
        return self.stream("markPrice@1s", {"p": price, "i": price, "r": rate, "T": funding_ms, "E": self.venue_ms})

    def save(self) -> Path:
        """Write the file."""
        self.path.write_bytes(gzip.compress(b"".join(self.lines), compresslevel=1))

        return self.path


def _levels(levels: Sequence[tuple[int, int]]) -> list[tuple[str, str]]:
    return [(f"{INSTRUMENT.price(ticks):f}", f"{INSTRUMENT.amount(lots):f}") for ticks, lots in levels]


@attrs.define
class Crowd:
    """A book that wanders, trades that take of it, and mark prices, out of a seed."""

    tape: Tape
    random: Random
    middle: int = 600_000
    bids: dict[int, int] = attrs.field(factory=dict)
    asks: dict[int, int] = attrs.field(factory=dict)
    _told: tuple[dict[int, int], dict[int, int]] = ({}, {})

    def begin(self) -> None:
        """Show the first book."""
        self.bids = {self.middle - 1 - n: self.random.randint(5, 60) for n in range(200)}
        self.asks = {self.middle + 1 + n: self.random.randint(5, 60) for n in range(200)}
        self.tape.snapshot([*self.bids.items()], [*self.asks.items()])
        self._told = dict(self.bids), dict(self.asks)

    def go_on(self, seconds: float, *, marks: bool) -> None:
        """Go on for so long."""
        end_ns = self.tape.at_ns + round(seconds * NS)
        mark_ns = self.tape.at_ns

        while self.tape.at_ns < end_ns:
            self.tape.at_ns += self.random.randint(3_000, 60_000) * 1_000

            if marks and self.tape.at_ns >= mark_ns:
                mark_ns = self.tape.at_ns + NS
                price = f"{INSTRUMENT.price(self.middle):f}"
                self.tape.mark(price, "0.0001", self.tape.venue_ms + 3_600_000)

            if self.random.random() < 0.4:
                self._trade()
            else:
                self._difference()

    def _trade(self) -> None:
        """Somebody takes of one side; it is told now and then after the difference that shows it."""
        side = self.random.choice([Side.BUY, Side.SELL])
        levels, best = (self.asks, min(self.asks)) if side is Side.BUY else (self.bids, max(self.bids))
        depth = self.random.choice([0, 0, 0, 0, 1, 3, 12])
        ticks = best + depth * side.sign
        lots = self.random.randint(1, 50)

        for price in [price for price in levels if (ticks - price) * side.sign > 0]:
            del levels[price]

        left = levels.get(ticks, 0) - lots
        levels.pop(ticks, None)

        if left > 0:
            levels[ticks] = left

        self.tape.trade(side, ticks, lots, late_ms=self.random.choice([0, 0, 0, 30]))

    def _difference(self) -> None:
        """The book moves, is told anew around its middle, and never crosses."""
        self.middle += self.random.choice([-9, -3, -1, 0, 0, 0, 1, 3, 9])

        for ticks in [ticks for ticks in self.bids if ticks >= self.middle]:
            del self.bids[ticks]

        for ticks in [ticks for ticks in self.asks if ticks <= self.middle]:
            del self.asks[ticks]

        for _ in range(self.random.randint(1, 12)):
            ticks = self.middle + self.random.choice([-1, 1]) * self.random.randint(1, 60)
            levels = self.bids if ticks < self.middle else self.asks

            if self.random.random() < 0.3 and len(levels) > 20:
                levels.pop(ticks, None)
            else:
                levels[ticks] = self.random.randint(1, 60)

        bids, asks = self._told
        self.tape.depth(_difference(bids, self.bids), _difference(asks, self.asks))
        self._told = dict(self.bids), dict(self.asks)


def _difference(before: dict[int, int], now: dict[int, int]) -> list[tuple[int, int]]:
    changed = [(ticks, lots) for ticks, lots in now.items() if before.get(ticks) != lots]

    return [*changed, *((ticks, 0) for ticks in before if ticks not in now)]


@pytest.fixture
def tape(tmp_path: Path) -> Tape:
    """An empty capture."""
    return Tape(tmp_path / "capture.gz")


@pytest.fixture
def wander(tmp_path: Path) -> Callable[..., Path]:
    """Makes a capture of so many seconds out of a seed."""

    def make(seed: int, seconds: float, *, marks: bool = True) -> Path:
        tape = Tape(tmp_path / f"wander{seed}.gz")
        crowd = Crowd(tape, Random(seed))  # noqa: S311  # a market, not cryptography
        crowd.begin()
        crowd.go_on(seconds, marks=marks)

        return tape.save()

    return make


@pytest.fixture
def columns(tmp_path: Path) -> Callable[..., ColumnFile]:
    """Converts captures."""

    def make(*files: Path, instrument: Instrument = INSTRUMENT) -> ColumnFile:
        steps = open_columns(files, instrument, BinanceCapture, tmp_path / "spare")

        while True:
            try:
                next(steps)
            except StopIteration as done:
                made: ColumnFile = done.value

                return made

    return make


@pytest.fixture
def make_plan(tmp_path: Path) -> Callable[..., Plan]:
    """Makes a plan of the configuration above, with other values laid over it."""

    def make(*overrides: str) -> Plan:
        file = tmp_path / "bot.toml"
        file.write_text(CONFIGURATION)

        return plan_of(load_configuration(file, overrides, load_catalog()))

    return make


@attrs.define
class Played:
    """What became of orders, line by line, and the account at the end; `steps` is how often the trader was called."""

    trace: list[str]
    wallet: Decimal
    held: tuple[Decimal, ...]
    income: list[str]
    steps: int = 0


def note_in(trace: list[str]) -> Callable[[SimulationEvent], None]:
    """Return what writes down what becomes of orders; ids of runs and of public trades are left out."""

    def note(event: SimulationEvent) -> None:
        if isinstance(event, OrderChanged):
            order, execution = event.order, event.execution
            number = order.client_id.rpartition("-")[2]
            done = (
                "" if execution is None else f"{execution.price} {execution.fee} {execution.realized} {execution.maker}"
            )
            trace.append(
                f"{event.now_ms} {event.cause.value} {number} {order.side.value} {order.ticks} {order.lots} "
                f"{order.filled_lots} {done}".rstrip()
            )

    return note


def judged(exchange: Exchange, account: str, trace: list[str], steps: int = 0) -> Played:
    """What is compared of a run."""
    state = exchange.account(account)

    return Played(
        trace=list(trace),
        wallet=state.wallet,
        held=tuple(position.amount for position in state.positions),
        income=[f"{one.now_ms} {one.kind.value} {one.amount}" for one in exchange.income(account)[1:]],
        steps=steps,
    )


@pytest.fixture
def drive() -> Callable[..., Played]:
    """Runs a plan over columns without an event loop."""

    def run(plan: Plan, columns: ColumnFile, *, latency_ms: float = 0, feed: FeedLag | None = None) -> Played:
        trace: list[str] = []

        with own_arithmetic():
            driver = Driver(
                plan,
                columns,
                balance=Decimal(10_000),
                latency=OrderLatency.fixed(latency_ms),
                feed=feed or FeedLag(lag_ns=0),
                window=Window(),
            )
            driver.desk.exchange.subscribe(note_in(trace))

            for _ in driver.run():
                pass

        return judged(driver.desk.exchange, "backtest", trace, driver.progress.steps)

    return run


# --- the same in an event loop, on virtual time ---


@attrs.define
class _Clock:
    """The clock of a recording machine: nanoseconds exactly, of virtual time."""

    begin_ns: int
    started: float = attrs.field(factory=anyio.current_time)

    @property
    def passed_ns(self) -> int:
        return round((anyio.current_time() - self.started) * NS)

    def now(self) -> float:
        return self.passed_ns / NS

    def utc_ms(self) -> int:
        return (self.begin_ns + self.passed_ns) // NS_PER_MS


@attrs.define
class _Venue:
    """A venue with nothing but a market's rules."""

    instrument: Instrument
    name: str = "recorded"

    async def fetch_instrument(self, _: str) -> Instrument:
        return self.instrument

    def feeds(self, _: Instrument) -> Sequence[Feed]:
        return ()


class _Paper(PaperConnector):
    """A paper account on a recorded market: the bot sees the venue's stream as it was, with its own orders in it."""

    events: Sequence[tuple[int, Event]] = ()
    clock: _Clock

    def feeds(self, instrument: Instrument) -> Sequence[Feed]:
        venue = self._at(instrument)

        return (_RecordedFeed(venue, self.events, self.clock), AccountFeed(venue=venue))

    @property
    def exchange(self) -> Exchange:
        assert self._venue is not None

        return self._venue.exchange


@attrs.define
class _RecordedFeed:
    venue: PaperVenue
    events: Sequence[tuple[int, Event]]
    clock: _Clock
    channels: frozenset[Channel] = frozenset({Channel.BOOK, Channel.TRADES, Channel.MARK})
    stall_s: float | None = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[EventReceiver]:
        receiver = _Receiver(self.venue, iter(self.events), self.clock)
        end = self.venue.exchange.subscribe(receiver.note)
        yield receiver
        end()


@attrs.define
class _Receiver:
    venue: PaperVenue
    events: Iterator[tuple[int, Event]]
    clock: _Clock
    _marks: list[Event] = attrs.field(factory=list)
    _shown: dict[tuple[Side, int], int] = attrs.field(factory=dict)

    def note(self, event: SimulationEvent) -> None:
        if isinstance(event, MarkUpdated) and (told := market_event(event)) is not None:
            self._marks.append(told)

    async def receive(self) -> Sequence[Event]:
        at_ns, event = next(self.events, (None, None))

        if at_ns is None or event is None:
            await anyio.sleep_forever()

        await anyio.sleep(max(0.0, (at_ns - self.clock.begin_ns - self.clock.passed_ns) / NS))
        assert isinstance(event, (BookChanged, BookSnapshot, BookLost, Traded, MarkChanged))
        self.venue.hear(event)
        now_ms = self.venue.exchange.now_ms
        heard: list[Event] = []

        match event:
            case BookChanged() | BookSnapshot():
                bids, asks = self._told(Side.BUY, dict(event.bids)), self._told(Side.SELL, dict(event.asks))
                changes = {"bids": tuple(bids.items()), "asks": tuple(asks.items()), "venue_ms": now_ms}
                heard.append(attrs.evolve(event, **changes))
            case Traded():
                heard.append(attrs.evolve(event, venue_ms=now_ms))
            case BookLost():
                heard.append(event)

        heard, self._marks = [*heard, *self._marks], []

        return heard

    def _told(self, side: Side, levels: dict[int, int]) -> dict[int, int]:
        """The levels of a message, with our own lots in those where we have some, or had until now."""
        book = self.venue.exchange._floor.book.side(side)
        ours = {ticks for one, ticks in self._shown if one is side}

        for ticks in ours | set(book.watched):
            lots = book.told_at(ticks)

            if ticks in levels or self._shown.get((side, ticks)) != lots:
                levels[ticks] = lots

            self._shown[side, ticks] = lots

            if ticks not in set(book.watched):
                del self._shown[side, ticks]

        return levels


@pytest.fixture
def hold_session(tmp_path: Path) -> Callable[..., Played]:
    """Runs a plan over captures with all that a live bot has: tasks, queue, dispatch, journal, on virtual time."""

    def run(plan: Plan, files: Sequence[Path], columns: ColumnFile, *, latency_ms: int = 0) -> Played:
        probe = Driver(
            plan,
            columns,
            balance=Decimal(10_000),
            latency=OrderLatency.fixed(0),
            feed=FeedLag(lag_ns=0),
        )
        opening, end_ns = probe.opening, probe.end_ns
        reader = Reader(Recording(columns.foot.instrument, [open_capture(file) for file in files], BinanceCapture))
        later = [(reader.last_ns, one.event) for one in reader.read() if reader.last_ns > opening.begin_ns]
        first: list[tuple[int, Any]] = [(opening.begin_ns, opening.book)]
        first += [] if opening.mark is None else [(opening.begin_ns, opening.mark)]
        backend, options = virtual_asyncio()  # trio begins tasks in no order, and so sends commands of one moment

        return anyio.run(
            _session,
            plan,
            columns,
            [*first, *later],
            end_ns,
            latency_ms,
            tmp_path,
            backend=backend,
            backend_options=options,
        )

    return run


async def _session(  # noqa: PLR0917  # anyio.run has no keywords
    plan: Plan,
    columns: ColumnFile,
    events: Sequence[tuple[int, Event]],
    end_ns: int,
    latency_ms: int,
    folder: Path,
) -> Played:
    clock = _Clock(events[0][0])
    trace: list[str] = []
    opened: list[_Paper] = []

    @asynccontextmanager
    async def open_on_paper(_: object, context: ConnectorContext) -> AsyncIterator[_Paper]:
        venue: Any = _Venue(columns.foot.instrument)
        paper = _Paper(venue, balance=Decimal(10_000), clock=context.clock, order_latency_ms=latency_ms)
        paper.events, paper.clock = events, clock
        opened.append(paper)
        yield paper

    declaration = attrs.evolve(plan.connector, open=open_on_paper)
    context = ConnectorContext(
        clock=clock, connect=connect_tcp, signers=References(folder, {}), environment=Environment.PAPER
    )
    wanted = attrs.evolve(plan, connector=declaration, journals_market_data=False)

    async with prepare_run(wanted, context, home=None, tell=lambda _: None, seed=0) as ready:
        bot = await ready.start()
        opened[0].exchange.subscribe(note_in(trace))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(bot.run)
            await anyio.sleep((end_ns - clock.begin_ns - clock.passed_ns) / NS)
            played = judged(opened[0].exchange, ACCOUNT, trace)
            tasks.cancel_scope.cancel()

    return played


@pytest.fixture
def both(
    columns: Callable[..., ColumnFile], drive: Callable[..., Played], hold_session: Callable[..., Played]
) -> Callable[..., tuple[Played, Played]]:
    """Runs a plan over captures, without an event loop and with one."""

    def run(plan: Plan, *files: Path, latency_ms: int = 0) -> tuple[Played, Played]:
        converted = columns(*files)
        alone = drive(plan, converted, latency_ms=latency_ms)

        return alone, hold_session(plan, files, converted, latency_ms=latency_ms)

    return run
