"""What happened in a run, as one value: a backtest and a journal make it, a report, a sweep and a gap read it.

Its field names are the keys of the JSON file. Money, prices and amounts are Decimal (texts in JSON, exact), times are
milliseconds since 1970 in UTC, durations seconds. What is in one asset is never added to what is in another.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Self

import attrs
import msgspec

from perpmaker.errors import PayloadError, ResultError
from perpmaker.model.instrument import Instrument
from perpmaker.report.history import DayHistory, MarkoutHistory, MoneyHistory, PnlSplit
from perpmaker.report.status import as_plain

FORMAT: Final = "perpmaker result"
VERSION: Final = 1
"""Raised when a field changes its meaning; new fields have defaults, and need no new version."""

JOURNAL: Final = "journal"
BACKTEST: Final = "backtest"


@attrs.frozen(kw_only=True)
class MarketFacts:
    """The market and its rules in short. None: not known, as of a journal that does not tell it."""

    market: str
    base: str
    quote: str
    symbol: str = ""
    tick: Decimal | None = None
    lot: Decimal | None = None
    min_notional: Decimal | None = None
    maker_fee: Decimal | None = None
    taker_fee: Decimal | None = None
    max_leverage: int | None = None
    funding_interval_h: int | None = None

    @classmethod
    def of(cls, instrument: Instrument) -> Self:
        """Return the facts of an instrument."""
        return cls(
            **{
                field.name: getattr(instrument, field.name)
                for field in attrs.fields(cls)
                if hasattr(instrument, field.name)
            }
        )


@attrs.frozen(kw_only=True)
class LatencyTrial:
    """The same run at `factor` times the latency: what it came to then, and how many fills."""

    factor: int
    total: Decimal | None
    fills: int


@attrs.frozen(kw_only=True)
class Assumptions:
    """What a backtest takes for granted: latencies in ms, the rule of the queue, and what no replay can show.

    `order_latency` and `feed_latency` say it in words, and where it comes from; `not_shown` has a line for each thing.
    """

    order_latency_p50_ms: Decimal
    order_latency_p99_ms: Decimal
    order_latency: str
    feed_latency: str
    queue: str
    not_shown: tuple[str, ...] = ()
    trials: tuple[LatencyTrial, ...] = ()


@attrs.frozen(kw_only=True)
class Whose:
    """Which run it is. `kind` is `journal` or `backtest`, `sources` the files that it was read from.

    `environment` is sandbox, paper, testnet, live or backtest; `synthetic` whether the market was made by a generator,
    so that the result says nothing about profit. `settings` are keys of the configuration with their values as texts.
    """

    kind: str
    name: str
    environment: str
    connector: str
    market: MarketFacts
    account: str = ""
    sources: tuple[str, ...] = ()
    strategy: str = ""
    program: str = ""
    synthetic: bool = False
    settings: Mapping[str, str] = attrs.field(factory=dict)
    assumptions: Assumptions | None = None


@attrs.frozen(kw_only=True)
class RunResult:
    """One run of a journal, or the one of a backtest. `ended_ms` is None for one that runs, or was killed."""

    run: str
    began_ms: int
    ended_ms: int | None = None


@attrs.frozen(kw_only=True)
class Gap:
    """A time without data. `reason` says why, in words."""

    from_ms: int
    until_ms: int
    reason: str


@attrs.frozen(kw_only=True)
class Curve:
    """What changed over time, thinned so that no column loses a least or greatest value.

    All columns have one value for each time; a value holds until the next time. None: there was none. Columns are
    those of `perpmaker.backtest.builder.COLUMNS`.
    """

    at_ms: tuple[int, ...] = ()
    columns: Mapping[str, tuple[Decimal | None, ...]] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class FillResult:
    """One execution. `what` is what its order was for (`quote`, `take_profit`, ...), or `liquidation` and the like.

    `level` is the quote's, None of exits and where the order is not known. `fee` is positive when paid. `profit` is
    what it realised, `markout_*s` what it was worth later, both in quote asset, `mid` the middle of the book then.
    `own` is false for orders of somebody else on the account.
    """

    at_ms: int
    side: str
    position_side: str
    price: Decimal
    amount: Decimal
    what: str
    level: int | None
    fee: Decimal
    fee_asset: str
    maker: bool
    profit: Decimal
    mid: Decimal | None = None
    markout_1s: Decimal | None = None
    markout_10s: Decimal | None = None
    markout_60s: Decimal | None = None
    own: bool = True


@attrs.frozen(kw_only=True)
class Payment:
    """What was booked beside trades: funding, liquidation, other, transfers; signed from our side."""

    at_ms: int
    line: str
    asset: str
    amount: Decimal


@attrs.frozen(kw_only=True)
class LevelResult:
    """What became of the quotes of one level, `buy 0` being the bid nearest to the market.

    `filled` counts orders that were filled at least in part. `rested_s` is the time that all of them rested together.
    `unresolved` rested still, or nobody knows what became of them.
    """

    level: str
    placed: int
    amended: int
    filled: int
    cancelled: int
    refused: int
    unresolved: int
    amount_placed: Decimal
    amount_filled: Decimal
    rested_s: float

    @property
    def fill_rate(self) -> float | None:
        """The share of orders that were filled at least in part; None where none was placed."""
        return self.filled / self.placed if self.placed else None


@attrs.frozen(kw_only=True)
class ModeTime:
    """How long the bot was in a mode, and how often it came to it."""

    mode: str
    seconds: float
    times: int


@attrs.frozen(kw_only=True)
class ModeChange:
    """The bot came to a mode, for a reason in words."""

    at_ms: int
    mode: str
    reason: str


@attrs.frozen(kw_only=True)
class QuotingTime:
    """Seconds with quotes on both sides, with bids or asks alone, and without any, while the bot ran."""

    both_s: float = 0.0
    bids_s: float = 0.0
    asks_s: float = 0.0
    none_s: float = 0.0

    @property
    def total_s(self) -> float:
        """All of it."""
        return self.both_s + self.bids_s + self.asks_s + self.none_s


@attrs.frozen(kw_only=True)
class Drawdown:
    """The largest fall of the result from a best moment to a worse one after it, in quote asset; `amount` is positive.

    `recovered_ms` is when the result was back at the best, None where it is not.
    """

    amount: Decimal
    from_ms: int
    until_ms: int
    recovered_ms: int | None = None


@attrs.frozen(kw_only=True)
class Extreme:
    """The greatest value of something, and when."""

    at_ms: int
    value: Decimal


@attrs.frozen(kw_only=True)
class Told:
    """A line that a person was told."""

    at_ms: int
    text: str


@attrs.frozen(kw_only=True)
class Result:
    """All of a run. `pnl` is the split by the ledger's rules: spread + inventory + fees + funding is its total.

    `fills_left_out` and the like count what was thinned away: sums have everything. `opening_equity` is what the
    account was worth in quote asset at the beginning, None where that is not known. `notes` say what a person should
    know before they believe it: a cut file, parts that cannot be read, a market that was made up.
    """

    format: str = FORMAT
    version: int = VERSION
    whose: Whose
    began_ms: int
    ended_ms: int
    runs: tuple[RunResult, ...] = ()
    gaps: tuple[Gap, ...] = ()
    money: MoneyHistory
    pnl: PnlSplit
    opening_equity: Decimal | None = None
    days: tuple[DayHistory, ...] = ()
    curve: Curve = Curve()
    fills: tuple[FillResult, ...] = ()
    fills_left_out: int = 0
    payments: tuple[Payment, ...] = ()
    payments_left_out: int = 0
    levels: tuple[LevelResult, ...] = ()
    markouts: tuple[MarkoutHistory, ...] = ()
    modes: tuple[ModeTime, ...] = ()
    mode_changes: tuple[ModeChange, ...] = ()
    mode_changes_left_out: int = 0
    quoting: QuotingTime = QuotingTime()
    drawdown: Drawdown | None = None
    largest_position: Extreme | None = None
    best: Extreme | None = None
    worst: Extreme | None = None
    told: tuple[Told, ...] = ()
    told_left_out: int = 0
    notes: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """How long the window is."""
        return (self.ended_ms - self.began_ms) / 1000

    def as_json(self) -> bytes:
        """Return it as one JSON object on one line, money as text, exactly as summed."""
        return msgspec.json.encode(as_plain(self))


def decode_result(content: bytes) -> Result:
    """Return the result that `as_json` has made a text of.

    Raises:
        PayloadError: it is none, or one of a version that this program does not know.
    """
    try:
        head: Any = msgspec.json.decode(content)
    except msgspec.DecodeError as error:
        raise PayloadError(f"it is not JSON: {error}") from error

    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise PayloadError("it is no result of perpmaker")

    version = head.get("version")

    if not isinstance(version, int) or version > VERSION:
        raise PayloadError(f"a newer perpmaker has written it (version {version}, known {VERSION}): read it with that")

    try:
        return msgspec.convert(head, Result)
    except msgspec.ValidationError as error:
        raise PayloadError(f"it is damaged: {error}") from error


def read_result(path: Path) -> Result:
    """Read a result from its file.

    Raises:
        ResultError: the file cannot be read, or has no result that this version can read.
    """
    try:
        return decode_result(path.read_bytes())
    except OSError as error:
        raise ResultError(f"{path} cannot be read: {error.strerror or error}") from error
    except PayloadError as error:
        raise ResultError(f"{path} cannot be read: {error}") from error


def write_result(path: Path, result: Result) -> None:
    """Write a result to a file, whole or not at all. OSError where that cannot be done."""
    unfinished = path.with_name(f"{path.name}.new")
    unfinished.write_bytes(result.as_json() + b"\n")
    unfinished.replace(path)
