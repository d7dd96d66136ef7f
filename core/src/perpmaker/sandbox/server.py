"""Serves a venue's sandbox: the simulated exchange, a market, the venue's dialect, and a control room in front."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias, cast

import anyio
import anyio.lowlevel
import attrs
from anyio.abc import Listener, SocketAttribute

from perpmaker.clock import Clock
from perpmaker.errors import WHOLE_FILE, ConfigurationError, Problem, RecordingError
from perpmaker.sandbox.control import ControlRoom
from perpmaker.sandbox.dialect import Dialect, KnowsOwnIds, ReadsCaptures, TestKeys, VenueApp
from perpmaker.sandbox.gate import Gate, new_token
from perpmaker.sandbox.invariants import Invariants
from perpmaker.sandbox.latency import Latency
from perpmaker.sandbox.market_file import market_rules
from perpmaker.sandbox.recording_file import open_capture
from perpmaker.sandbox.window import Window, window_of
from perpmaker.simulation.exchange import Exchange
from perpmaker.simulation.market import DEFAULT_SHAPE, SyntheticMarket
from perpmaker.simulation.participants import Market
from perpmaker.simulation.recording import RecordedMarket, Replay
from perpmaker.simulation.recording_check import Progress
from perpmaker.simulation.recording_reader import Recording, read_market
from perpmaker.simulation.rules import MarketRules
from perpmaker.wire.fault import FaultPlan
from perpmaker.wire.server import serve

ACCOUNT = "main"
"""The account that the test keys open."""

_PATIENCE_S = 0.1
_STANDS_STILL = "The recording has ended: the market stands still from now on."

OnRead: TypeAlias = Callable[[Progress], None]


@attrs.frozen(kw_only=True)
class SandboxSettings:
    """What a sandbox is made of. `options` are the dialect's own.

    `shape` is how the synthetic market behaves (`perpmaker.simulation.market.SHAPES`), `latency` how long orders and
    market data are under way. `rules` are those of a market that no sandbox knows, or a file with them, `price` is
    where its synthetic market begins, see `perpmaker.sandbox.market_file`.
    `recording` are the files of a capture, in order, that take the place of the synthetic market; it begins
    `recording_start` seconds after its first line. WebSockets are pinged every `ping_s` seconds, and who lets a ping
    pass unanswered is cut off, as venues do.
    """

    venue: str
    market: str = "BTC-USDT"
    seed: int = 0
    shape: str = DEFAULT_SHAPE
    balance: Decimal = Decimal(10_000)
    recording: tuple[Path, ...] = ()
    recording_start: float = 0.0
    rules: Path | MarketRules | None = None
    price: Decimal | None = None
    latency: Latency = attrs.field(factory=Latency)
    ping_s: float = 180.0
    options: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class SandboxLine:
    """What a sandbox prints when it is ready, as one JSON line. The keys are made up and shown on purpose.

    `recording` are the names of the recorded files, empty for the synthetic market; `window` is what is played of them,
    and `is_over` whether it has been, in what the sandbox answers to whoever asks. `source` is the sandbox of a price
    source that is served beside it. `control_token` opens the control endpoints: it is printed, and empty in what the
    sandbox answers to whoever asks who is there.
    """

    venue: str
    url: str
    api_key: str
    api_secret: str
    market: str
    seed: int
    shape: str = DEFAULT_SHAPE
    recording: tuple[str, ...] = ()
    window: Window | None = None
    is_over: bool = False
    latency: Latency = attrs.field(factory=Latency)
    source: SandboxLine | None = None
    control_token: str = attrs.field(default="", repr=False)

    @property
    def origin(self) -> str:
        """Where the market comes from, for people."""
        if self.recording:
            return f"recorded in {', '.join(self.recording)}"

        return f"synthetic market ({self.shape}, seed {self.seed})"

    @property
    def worth(self) -> tuple[str, ...]:
        """What a result there is worth, for the summary: where the market came from, in short lines."""
        if self.recording:
            played = () if self.window is None else (str(self.window), *self.window.notes)

            return (*(f"recorded in {name}" for name in self.recording), *played, str(self.latency))

        made = f"shape {self.shape}, seed {self.seed}"

        return ("synthetic market: says nothing about profit", made, str(self.latency))


@attrs.frozen(kw_only=True, eq=False)
class Sandbox:
    """A sandbox that is being served."""

    line: SandboxLine
    keys: TestKeys
    exchange: Exchange
    market: Market
    oracle: Invariants
    faults: FaultPlan


@asynccontextmanager
async def open_sandbox(
    dialect: Dialect,
    settings: SandboxSettings,
    *,
    clock: Clock,
    listener: Listener[Any],
    market: Market | None = None,
    faults: FaultPlan | None = None,
    source: SandboxLine | None = None,
    tell: Callable[[str], None] | None = None,
    on_read: OnRead | None = None,
) -> AsyncIterator[Sandbox]:
    """Serve a venue's sandbox on a listener (TCP or in memory) for as long as the context lasts.

    `market` takes the place of the one that the settings stand for; `tell` is given what a person should read, and
    `on_read` how far a recording has been read, many times a second; `source` is told to whoever asks who is here.
    UnknownMarketError when there are no rules for the market, ConfigurationError for a wrong file of rules,
    RecordingError for a recording that cannot be replayed.
    """
    answer = dict[str, Any]()

    try:
        exchange, behind, window = await _open_market(dialect, settings, clock, market, _Ears(answer, tell, on_read))
        oracle = Invariants(exchange, dialect.is_own_id) if isinstance(dialect, KnowsOwnIds) else Invariants(exchange)
        exchange.open_account(ACCOUNT, settings.balance)
        app = _open_app(dialect, exchange, clock, settings)
    except BaseException:
        with anyio.CancelScope(shield=True):  # what went wrong is said also when nobody waits for the sandbox any more
            await listener.aclose()

        raise

    line = attrs.evolve(_line(dialect, settings, _url(listener), source), window=window)
    answer |= {**attrs.asdict(_without_token(line)), **answer}
    plan = faults if faults is not None else FaultPlan(seed=settings.seed)
    sandbox = Sandbox(line=line, keys=dialect.keys, exchange=exchange, market=behind, oracle=oracle, faults=plan)
    room = _control_room(app, sandbox, clock, answer)
    error: Exception | None = None

    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(_drive, exchange, clock)
        tasks.start_soon(app.run)
        tasks.start_soon(_serve, listener, room, plan, settings.ping_s)

        try:
            yield sandbox
        except Exception as raised:  # noqa: BLE001  # raised again below: the task group would wrap it
            error = raised

        tasks.cancel_scope.cancel()

    if error is not None:
        raise error


def _control_room(app: VenueApp, sandbox: Sandbox, clock: Clock, answer: Mapping[str, Any]) -> ControlRoom:
    return ControlRoom(
        app,
        exchange=sandbox.exchange,
        market=sandbox.market,
        oracle=sandbox.oracle,
        faults=sandbox.faults,
        clock=clock,
        line=answer,
        gate=Gate(sandbox.line.control_token),
    )


@attrs.frozen
class _Ears:
    """Who is told of a recording: whoever asks the sandbox, a person, and whoever shows how far it has been read."""

    answer: dict[str, Any]
    tell: Callable[[str], None] | None
    on_read: OnRead | None


def _open_app(dialect: Dialect, exchange: Exchange, clock: Clock, settings: SandboxSettings) -> VenueApp:
    """The venue's app; ConfigurationError for options that it does not know or take."""
    try:
        return dialect.app(exchange, clock, dict(settings.options), settings.latency)
    except (TypeError, ValueError) as error:
        if not settings.options:
            raise

        raise ConfigurationError((Problem(file="--option", key=WHOLE_FILE, allowed=str(error)),)) from error


async def _open_market(
    dialect: Dialect, settings: SandboxSettings, clock: Clock, market: Market | None, ears: _Ears
) -> tuple[Exchange, Market, Window | None]:
    """The exchange, and everybody else on it; it begins once a recording has been read, which takes its time."""
    rules = rules_for(dialect, settings)
    instrument, window = rules.instrument, None

    if _recorded_rules(settings) is None:  # a recording says what the venue calls its market
        instrument = attrs.evolve(instrument, symbol=dialect.symbol(settings.market))

    if settings.recording and market is None:
        if not isinstance(dialect, ReadsCaptures):
            names = ", ".join(map(str, settings.recording))
            raise RecordingError(f"the sandbox of {settings.venue} replays no recordings: leave it out", file=names)

        captures = [open_capture(file) for file in settings.recording]
        recording = Recording(instrument, captures, dialect.capture)
        replay = await _open_replay(recording, settings.recording_start, ears.on_read)
        market, window = _recorded(replay, clock.utc_ms(), ears), window_of(replay)

    start_ms = clock.utc_ms()
    market = market or SyntheticMarket(
        instrument, price=rules.price, seed=settings.seed, start_ms=start_ms, shape=settings.shape
    )

    return Exchange(instrument, market, start_ms=start_ms), market, window


def rules_for(dialect: Dialect, settings: SandboxSettings) -> MarketRules:
    """Return the rules of the market that is to be served, and where its synthetic market begins."""
    if isinstance(settings.rules, MarketRules):
        return settings.rules

    recorded = _recorded_rules(settings)

    return recorded or market_rules(dialect, settings.venue, settings.market, settings.rules, settings.price)


def _recorded_rules(settings: SandboxSettings) -> MarketRules | None:
    """Return the rules of a recorded market that its recorder has written down; None where there are others, or none.

    RecordingError for a recording of another venue or market.
    """
    if not settings.recording or settings.rules is not None:
        return None

    first = settings.recording[0]
    note = read_market([open_capture(first)])

    if note is None:
        return None

    if (note.connector, note.instrument.market) != (settings.venue, settings.market):
        text = (
            f"it is a recording of {note.instrument.market} on {note.connector}, "
            f"not of {settings.market} on {settings.venue}"
        )
        raise RecordingError(text, file=str(first), line=1)

    return MarketRules(instrument=note.instrument, price=note.mark or note.instrument.tick)


def _line(dialect: Dialect, settings: SandboxSettings, url: str, source: SandboxLine | None) -> SandboxLine:
    return SandboxLine(
        venue=settings.venue,
        url=url,
        api_key=dialect.keys.api_key,
        api_secret=dialect.keys.api_secret,
        market=settings.market,
        seed=settings.seed,
        shape=settings.shape,
        recording=tuple(file.name for file in settings.recording),
        latency=settings.latency,
        source=source,
        control_token=new_token(),
    )


def _without_token(line: SandboxLine) -> SandboxLine:
    """Return what anybody on this machine may be told."""
    source = None if line.source is None else _without_token(line.source)

    return attrs.evolve(line, control_token="", source=source)


async def _open_replay(recording: Recording, start_s: float, on_read: OnRead | None) -> Replay:
    """Read a recording; everything else goes on meanwhile, and it can be given up."""
    reading = Replay.gradually(recording, start_s)

    while True:
        try:
            progress = next(reading)
        except StopIteration as done:
            return cast("Replay", done.value)

        if on_read is not None:
            on_read(progress)

        await anyio.lowlevel.checkpoint()


def _recorded(replay: Replay, start_ms: int, ears: _Ears) -> RecordedMarket:
    """The recorded market, which says when it has ended, also in what the sandbox answers of itself."""

    def tell(text: str) -> None:
        if ears.tell is not None:
            ears.tell(text)

    def on_end() -> None:
        ears.answer["is_over"] = True
        tell(_STANDS_STILL)

    for note in replay.notes:
        tell(note)

    return RecordedMarket(replay, start_ms=start_ms, on_end=on_end)


async def _serve(listener: Listener[Any], room: ControlRoom, plan: FaultPlan, ping_s: float) -> None:
    await serve(listener, room, faults=plan, ping_s=ping_s)


async def _drive(exchange: Exchange, clock: Clock) -> None:
    """Let the exchange do what is due, when it is due."""
    while True:
        now_ms = clock.utc_ms()
        exchange.advance(now_ms)
        wait_s = (exchange.next_due_ms - now_ms) / 1000
        await anyio.sleep(min(max(wait_s, 0.001), _PATIENCE_S))


def _url(listener: Listener[Any]) -> str:
    address = listener.extra(SocketAttribute.local_address)  # noqa: S610  # anyio's typed attribute, not Django's query

    return f"http://{address[0]}:{address[1]}"
