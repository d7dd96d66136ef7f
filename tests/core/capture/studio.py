"""A sandbox in memory, in virtual time, and a recorder of its public streams."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import attrs

from perpmaker.capture.files import CaptureFiles
from perpmaker.capture.recorder import Recorder
from perpmaker.clock import LoopClock
from perpmaker.connector.interface import ConnectorContext, Environment, SandboxAccess
from perpmaker.connector.tape import Tape
from perpmaker.errors import PerpmakerError, RecordingError
from perpmaker.model.event import BookChanged, BookLost, BookSnapshot, Event, MarketEvent
from perpmaker.plugins.catalog import load_catalog
from perpmaker.plugins.declarations import DerivativeConnectorDeclaration
from perpmaker.runtime.opening import open_connector
from perpmaker.sandbox.recording_file import open_capture
from perpmaker.sandbox.server import Sandbox, SandboxSettings, open_sandbox
from perpmaker.secret import References
from perpmaker.simulation.recording_reader import Reader, Recorded, Recording, read_market
from perpmaker.wire.memory import MemoryNetwork
from perpmaker.wire.pipe import Connect

VENUES = ("binance_perpetual", "bybit_perpetual", "dydx_perpetual")
LEVELS = 20
SENT_MS = 300
MARKETS = {"dydx_perpetual": "BTC-USD"}


async def at_once(do: Callable[[], object]) -> object:
    """Do it here: in virtual time there are no threads."""
    return do()


@attrs.define(kw_only=True)
class ListeningRecorder(Recorder):
    """A recorder that keeps what it hears, translated as live."""

    heard: list[Event] = attrs.field(factory=list, init=False)

    def _take(self, events: Sequence[Event]) -> None:
        self.heard.extend(events)
        super()._take(events)


Sides = tuple[list[tuple[int, int]], list[tuple[int, int]]]


@attrs.define(kw_only=True)
class Studio:
    """A recorder that runs, and the sandbox behind it. `told` is what a person has read.

    `books` are the best levels of the sandbox's book after everything that happened there, with its time.
    """

    recorder: ListeningRecorder
    sandbox: Sandbox
    network: MemoryNetwork
    clock: LoopClock
    folder: Path
    told: list[str]
    books: list[tuple[int, Sides]] = attrs.field(factory=list, init=False)

    def note_book(self, _: object) -> None:
        """Remember the sandbox's book of now."""
        depth = self.sandbox.exchange.depth(LEVELS)
        self.books.append((depth.now_ms, (list(depth.bids), list(depth.asks))))

    def books_before(self, at_ms: int) -> list[Sides]:
        """The books that a message of a time may show: those of the 300 ms before, and the one until then."""
        known = [(book_ms, sides) for book_ms, sides in self.books if book_ms <= at_ms]
        first = next((n for n, (book_ms, _) in enumerate(known) if book_ms >= at_ms - SENT_MS), len(known))

        return [sides for _, sides in known[max(first - 1, 0) :]]

    @property
    def files(self) -> list[Path]:
        """The files so far, in order."""
        return sorted(self.folder.iterdir())

    async def run(self, seconds: float) -> None:
        """Record for so many seconds."""
        failures: list[Exception] = []
        ended = anyio.Event()

        async def record() -> None:
            try:
                await self.recorder.run()
            except PerpmakerError as error:
                failures.append(error)

            ended.set()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(record)

            with anyio.move_on_after(seconds):
                await ended.wait()

            self.recorder.stop("--for")

        for error in failures:
            raise error


@asynccontextmanager
async def open_studio(
    folder: Path,
    venue: str = "binance_perpetual",
    *,
    seed: int = 1,
    compression: str = "gzip",
    epoch_ms: int = 1_767_225_600_000 - 60_000,
    options: dict[str, Any] | None = None,
    connect: Callable[[Connect], Connect] = lambda inner: inner,
    prefix: str = "market",
    market: str | None = None,
    declaration: DerivativeConnectorDeclaration[Any] | None = None,
) -> AsyncIterator[Studio]:
    """Open a sandbox and a recorder; the clock begins a minute before a midnight."""
    clock, network, told = LoopClock(epoch_ms), MemoryNetwork(latency_s=0.001), list[str]()
    declaration = declaration or load_catalog().derivative_connector(venue)
    assert declaration.sandbox is not None
    market = market or MARKETS.get(venue, "BTC-USDT")
    settings = SandboxSettings(venue=venue, market=market, seed=seed, options=options or {})
    tape = Tape(keep=lambda _: None)

    async with AsyncExitStack() as stack:
        listener = await network.listen()
        opened = open_sandbox(declaration.sandbox(), settings, clock=clock, listener=listener)
        sandbox = await stack.enter_async_context(opened)
        context = ConnectorContext(
            clock=clock,
            connect=connect(network.connect),
            signers=References(folder),
            environment=Environment.SANDBOX,
            sandbox=SandboxAccess(url=sandbox.line.url, api_key="", api_secret=""),
            tape=tape,
        )
        connector, instrument = await open_connector(declaration, declaration.settings(), context, market, stack=stack)

        studio = Studio(
            recorder=ListeningRecorder(
                connector=connector,
                instrument=instrument,
                environment="sandbox",
                tape=tape,
                files=CaptureFiles(folder, prefix, compression),
                clock=clock,
                utc_ns=lambda: clock.utc_ms() * 1_000_000,
                tell=told.append,
                in_thread=at_once,
            ),
            sandbox=sandbox,
            network=network,
            clock=clock,
            folder=folder,
            told=told,
        )
        studio.note_book(None)
        sandbox.exchange.subscribe(studio.note_book)

        yield studio


def lines_of(file: Path) -> list[bytes]:
    """All lines of a file, up to where it was cut off."""
    found = list[bytes]()

    try:
        for line in open_capture(file).lines():
            found.append(line)
    except RecordingError:
        pass

    return found


def reader_of(files: Sequence[Path], venue: str = "binance_perpetual") -> Reader:
    """What reads files as a recorded market."""
    return Reader(recording_of(files, venue))


def recording_of(files: Sequence[Path], venue: str) -> Recording:
    """Take files as a recorded market, by the rules at their top."""
    captures = [open_capture(file) for file in files]
    note = read_market(captures)
    assert note is not None
    declaration = load_catalog().derivative_connector(venue)
    assert declaration.sandbox is not None
    dialect: Any = declaration.sandbox()

    return Recording(note.instrument, captures, dialect.capture)


@attrs.define
class Ladder:
    """A book that market events make."""

    bids: dict[int, int] = attrs.field(factory=dict)
    asks: dict[int, int] = attrs.field(factory=dict)
    is_known: bool = False

    def fold(self, event: MarketEvent) -> None:
        """Take in one event."""
        match event:
            case BookSnapshot():
                self.bids, self.asks, self.is_known = dict(event.bids), dict(event.asks), True
            case BookChanged():
                self.bids.update(event.bids)
                self.asks.update(event.asks)
            case BookLost():
                self.is_known = False

    def sides(self) -> Sides:
        """The best levels of both sides."""
        bids = sorted((level for level in self.bids.items() if level[1]), reverse=True)
        asks = sorted(level for level in self.asks.items() if level[1])

        return bids[:LEVELS], asks[:LEVELS]


def ladders(recorded: Sequence[Recorded]) -> Ladder:
    """The book after some events."""
    ladder = Ladder()

    for one in recorded:
        ladder.fold(one.event)

    return ladder
