"""What a backtest has come to, in words: the page that `perpmaker backtest` prints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from perpmaker.backtest.driver import Progress
from perpmaker.backtest.play import PROBABILISTIC, RISK_AVERSE, SLOWER, Backtest
from perpmaker.backtest.result import Gap, Result
from perpmaker.ledger.sums import ZERO
from perpmaker.report.wrapping import wrapped

_CENT: Final = Decimal("0.01")
_NAME: Final = 12
_SHOWN_GAPS: Final = 3
_QUEUES: Final = {
    RISK_AVERSE: "who leaves a queue without a trade stood behind us",
    PROBABILISTIC: "who leaves a queue without a trade stood anywhere in it",
}


def page(backtest: Backtest, result: Result, *, stopped: bool) -> list[str]:
    """Return the lines of the page. `stopped`: a person has ended it before its end."""
    rows = _rows(backtest, result, stopped=stopped)

    return [line for name, text in rows for line in wrapped(f"{name:<{_NAME}}", text)]


def _rows(backtest: Backtest, result: Result, *, stopped: bool) -> Iterator[tuple[str, str]]:
    whose, quote = result.whose, result.whose.market.quote
    yield "backtest", f"{whose.name} on {whose.market.market} ({whose.connector})"

    for number, source in enumerate(whose.sources):
        yield ("data" if not number else ""), source

    yield "window", _window(result) + (" - stopped before its end" if stopped else "")

    for name, text in _gaps(result.gaps):
        yield name, text

    for note in result.notes:
        yield "note", note

    yield from _assumed(backtest)
    yield from _money(result, quote)
    yield from _verdict(backtest, result, quote)

    for number, text in enumerate(() if whose.assumptions is None else whose.assumptions.not_shown):
        yield ("not shown" if not number else ""), text


def _assumed(backtest: Backtest) -> Iterator[tuple[str, str]]:
    instrument, terms = backtest.columns.foot.instrument, backtest.terms
    maker, taker = instrument.maker_fee * 100, instrument.taker_fee * 100
    yield "fees", f"maker {maker.normalize():f} %, taker {taker.normalize():f} %"
    yield "latency", f"orders {terms.latency} ({terms.latency.source}), market data {terms.feed}"
    yield "queue", f"{terms.queue}: {_QUEUES[terms.queue]}"


def _money(result: Result, quote: str) -> Iterator[tuple[str, str]]:
    pnl, money = result.pnl, result.money
    quotes = sum(level.placed for level in result.levels)
    yield (
        "orders",
        f"{quotes:,} quotes placed, {_fills(money.fills)}, volume {_money_text(money.volume, signed=False)} {quote}",
    )
    yield "result", _signed(pnl.total, quote)
    yield "", f"spread {_signed(pnl.spread, quote)}, inventory {_signed(pnl.inventory, quote)}"
    yield "", f"fees {_signed(pnl.fees, quote)}, funding {_signed(pnl.funding, quote)}"

    for asset, amount in money.fees_by_asset.items():
        if asset != quote and amount:
            yield "", f"fees in {asset}: {amount.normalize():f}"

    if result.drawdown is not None:
        yield "drawdown", f"{_money_text(result.drawdown.amount, signed=False)} {quote} at most"

    yield "position", _position(result)


def _position(result: Result) -> str:
    amounts = result.curve.columns.get("position", ())
    last = amounts[-1] if amounts else None
    base = result.whose.market.base

    return "flat at the end" if not last else f"{last.normalize():+f} {base} at the end"


def _verdict(backtest: Backtest, result: Result, quote: str) -> Iterator[tuple[str, str]]:
    for trial in backtest.trials:
        yield (
            f"at {trial.factor}x",
            f"{_signed(trial.total, quote)} with {_fills(trial.fills)}, at {trial.factor} times the latency",
        )

    if backtest.survives is False:
        yield "", f"profit does not survive {SLOWER} times the latency"

    if result.money.fills == 0:
        yield "", "nothing was filled: nothing can be said of profit"


def _gaps(gaps: Sequence[Gap]) -> Iterator[tuple[str, str]]:
    if not gaps:
        yield "gaps", "none"
        return

    lost_s = sum(gap.until_ms - gap.from_ms for gap in gaps) / 1000
    yield "gaps", f"{len(gaps)}, {lost_s:.1f} s in all"

    for gap in gaps[:_SHOWN_GAPS]:
        yield "", f"{_utc(gap.from_ms)}, {(gap.until_ms - gap.from_ms) / 1000:.1f} s: {gap.reason}"


def progress_line(progress: Progress, rows_per_s: float, seconds_left: float, *, what: str) -> str:
    """Return the line that is shown while it runs."""
    return (
        f"{what}: {progress.portion:.0%}, {rows_per_s / 1e6:.2f} M rows/s, "
        f"{_duration(seconds_left)} remaining (Ctrl-C ends it here)"
    )


def _window(result: Result) -> str:
    begin, end = _utc(result.began_ms), _utc(result.ended_ms)
    end = end if end[:10] != begin[:10] else end[11:]

    return f"{begin} to {end} UTC ({_duration(result.seconds)})"


def _duration(seconds: float) -> str:
    if seconds < 120:  # noqa: PLR2004  # two minutes
        return f"{seconds:.0f} s"

    minutes, left = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)

    return f"{hours} h {minutes} min" if hours else f"{minutes} min {left} s"


def _utc(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M:%S}"


def _signed(amount: Decimal | None, quote: str) -> str:
    return "unknown" if amount is None else f"{_money_text(amount)} {quote}"


def _money_text(amount: Decimal, *, signed: bool = True) -> str:
    """Money to the cent; a smaller amount to its first digits."""
    shown = (
        amount.quantize(_CENT) if abs(amount) >= _CENT or not amount else amount.quantize(Decimal("1e-8")).normalize()
    )

    return f"{shown:+,f}" if signed and shown != ZERO else f"{shown:,f}"


def _fills(number: int) -> str:
    return f"{number:,} fill{'' if number == 1 else 's'}"
