"""A backtest as a person asks for one: a configuration over captures, also at three times the latency."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import attrs

from perpmaker.backtest.builder import ResultBuilder
from perpmaker.backtest.capture_files import open_columns
from perpmaker.backtest.columns import NS_PER_MS, ColumnFile
from perpmaker.backtest.driver import Driver, Progress, Window
from perpmaker.backtest.latency import OrderLatency
from perpmaker.backtest.result import BACKTEST, Assumptions, LatencyTrial, MarketFacts, Result, Whose
from perpmaker.backtest.timeline import Feed
from perpmaker.config.configuration import Configuration
from perpmaker.connector.interface import Environment
from perpmaker.decision.decision import Decision
from perpmaker.decision.trader import Trader
from perpmaker.errors import ConfigurationError, Problem, RecordingError
from perpmaker.launch.configured_plan import plan_of
from perpmaker.launch.plan import Plan
from perpmaker.model.event import Event
from perpmaker.runtime.event_queue import without_market_data
from perpmaker.sandbox.dialect import ReadsCaptures
from perpmaker.sandbox.server import SandboxSettings, rules_for
from perpmaker.simulation.recording_check import Progress as Reading

RISK_AVERSE: Final = "risk-averse"
PROBABILISTIC: Final = "probabilistic"
QUEUE_POWERS: Final = {RISK_AVERSE: None, PROBABILISTIC: 1.0}
"""The rules by which an order moves forward where lots leave its queue without a trade (`BookSide.power`)."""

SLOWER: Final = 3
"""So many times the latency the result is tried at as well."""

LOOK_MS: Final = 1_000
"""How often at least the curve of a result is drawn, where nothing happens that is in it anyway."""

NOT_SHOWN: Final = (
    "no venue refuses an order here, and none is slow or away",
    "our own orders move nobody: whoever traded and quoted then does the same beside them",
    "nobody else is deleveraged or liquidated because of us",
)
"""What no replay of recorded data can show."""


@attrs.frozen(kw_only=True)
class Terms:
    """What a backtest takes for granted."""

    latency: OrderLatency
    feed: Feed = attrs.field(factory=Feed)
    window: Window = attrs.field(factory=Window)
    queue: str = RISK_AVERSE


@attrs.define(kw_only=True)
class Backtest:
    """A configuration over a column file. `run` it once; `result` is what it has come to by then."""

    configuration: Configuration
    plan: Plan
    columns: ColumnFile
    terms: Terms
    sources: tuple[str, ...]
    trials: tuple[LatencyTrial, ...] = ()
    _driver: Driver | None = attrs.field(default=None, init=False)
    _builder: ResultBuilder = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        instrument = self.columns.foot.instrument
        self._builder = ResultBuilder(self._whose(), tick=instrument.tick, lot=instrument.lot)

    def run(self) -> Iterator[Progress]:
        """Run it, saying often how far it is."""
        driver = self._driver = self._new_driver(self.terms.latency, _Listener(self._builder))
        self._builder.opening_equity = driver.equity

        for gap in self.columns.foot.gaps:
            from_ns, until_ns = max(gap.from_ns, driver.begin_ns), min(gap.until_ns, driver.end_ns)

            if from_ns < until_ns:
                self._builder.gap(from_ns // NS_PER_MS, until_ns // NS_PER_MS, gap.reason)

        self._builder.begin_run(driver.begin_ns // NS_PER_MS, "1")

        yield from driver.run()

        self._builder.end_run(driver.end_ns // NS_PER_MS)

    def try_slower(self) -> Iterator[Progress]:
        """Run it again with more latency, for what becomes of the result then."""
        driver = self._new_driver(self.terms.latency.times(SLOWER), None)
        before = driver.equity

        yield from driver.run()

        self.trials = (LatencyTrial(factor=SLOWER, total=driver.equity - before, fills=driver.fills),)
        self._builder.whose = self._whose()

    def result(self) -> Result:
        """What it has come to by now."""
        at_ns = 0 if self._driver is None else self._driver.progress.at_ns

        return self._builder.result(at_ns // NS_PER_MS, self.columns.foot.notes)

    @property
    def survives(self) -> bool | None:
        """Whether a profit is one at more latency too. None where there is no profit, or nobody has tried."""
        total = self.result().pnl.total

        if total is None or total <= 0 or not self.trials:
            return None

        return all(trial.total is not None and trial.total > 0 for trial in self.trials)

    def _new_driver(self, latency: OrderLatency, listener: _Listener | None) -> Driver:
        return Driver(
            self.plan,
            self.columns,
            balance=self.configuration.sandbox.balance,
            latency=latency,
            feed=self.terms.feed,
            window=self.terms.window,
            queue_power=QUEUE_POWERS[self.terms.queue],
            listener=listener,
        )

    def _whose(self) -> Whose:
        configuration, latency = self.configuration, self.terms.latency

        return Whose(
            kind=BACKTEST,
            name=configuration.file.name,
            environment=BACKTEST,
            connector=configuration.connector.name,
            market=MarketFacts.of(self.columns.foot.instrument),
            sources=self.sources,
            strategy=configuration.strategy.name,
            program=_program(),
            synthetic=self.columns.foot.environment == Environment.SANDBOX.value,
            assumptions=Assumptions(
                order_latency_p50_ms=Decimal(latency.usual_ns) / NS_PER_MS,
                order_latency_p99_ms=Decimal(latency.busy_ns) / NS_PER_MS,
                order_latency=f"{latency} ({latency.source})",
                feed_latency=str(self.terms.feed),
                queue=self.terms.queue,
                not_shown=NOT_SHOWN,
                trials=self.trials,
            ),
        )


@attrs.define
class _Listener:
    """Makes the result of what the bot was given and has decided."""

    builder: ResultBuilder
    _mode: str = ""
    _looked_ms: int = 0

    def see(self, events: Sequence[Event], decision: Decision, now_ns: int, trader: Trader) -> None:
        """Take in one call of the trader."""
        now_ms = now_ns // NS_PER_MS
        told = without_market_data(events)
        matters = told or decision.actions or decision.entries or decision.notices

        if matters or now_ms - self._looked_ms >= LOOK_MS:
            book, mark = trader.state.book, trader.state.market.mark
            self._looked_ms = now_ms
            bid, ask = book.best_bid, book.best_ask
            mid = None if bid is None or ask is None else (bid + ask) * trader.state.instrument.tick / 2
            self.builder.look(now_ms, bid=bid, ask=ask, reference=mid, mark=mark)

        if matters:
            self.builder.step(now_ms, told, decision.actions, decision.entries, decision.notices)

        if decision.mode.value != self._mode:
            self._mode = decision.mode.value
            self.builder.mode(now_ms, self._mode, decision.mode_reason)


def open_backtest(
    configuration: Configuration, files: Sequence[Path], terms: Terms, spare: Path, on_read: Callable[[Reading], None]
) -> Backtest:
    """Return the backtest of a configuration over captures, which are converted where they have not been yet.

    ConfigurationError for what cannot be tried on recorded data, RecordingError for a capture that cannot be used,
    UnknownMarketError for a market whose rules nobody knows.
    """
    plan = plan_of(configuration)
    _check(configuration, plan)
    dialect = None if plan.connector.sandbox is None else plan.connector.sandbox()

    if dialect is None or not isinstance(dialect, ReadsCaptures):
        names = ", ".join(map(str, files))
        raise RecordingError(f"captures of {plan.connector.name} cannot be read", file=names)

    wanted = configuration.sandbox
    settings = SandboxSettings(
        venue=plan.connector.name,
        market=plan.market,
        recording=tuple(files),
        rules=None if wanted.rules is None else Path(wanted.rules),
        price=wanted.price,
    )
    rules = rules_for(dialect, settings)
    instrument = attrs.evolve(rules.instrument, symbol=dialect.symbol(plan.market))
    columns = _finished(open_columns(files, instrument, dialect.capture, spare), on_read)

    latency = attrs.evolve(terms.latency, busy_seconds=frozenset(columns.foot.busy_seconds))

    return Backtest(
        configuration=configuration,
        plan=plan,
        columns=columns,
        terms=attrs.evolve(terms, latency=latency),
        sources=tuple(map(str, files)),
    )


def _finished(reading: Iterable[Reading], on_read: Callable[[Reading], None]) -> ColumnFile:
    """Read to the end, and return what was made."""
    steps = iter(reading)

    while True:
        try:
            on_read(next(steps))
        except StopIteration as done:
            made: ColumnFile = done.value

            return made


def _check(configuration: Configuration, plan: Plan) -> None:
    """Refuse what recorded data of one market cannot tell."""
    if plan.price_source is None:
        return

    name = plan.price_source.declaration.name
    words = "cannot be tried on recorded data, which has the traded market alone: leave it out for a backtest"
    raise ConfigurationError((Problem(file=str(configuration.file), key="price_source", value=name, allowed=words),))


def _program() -> str:
    try:
        return f"perpmaker {version('perpmaker')}"
    except PackageNotFoundError:  # not installed, as in a checkout that is run as it is
        return "perpmaker"
