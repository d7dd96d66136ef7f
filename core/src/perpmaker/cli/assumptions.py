"""What backtests and sweeps are asked to take for granted on the command line: latencies, the queue, a window."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from perpmaker.backtest.latency import OrderLatency  # not for --help
    from perpmaker.backtest.timeline import Feed  # the same

QUEUES: Final = ("risk-averse", "probabilistic")
"""The rules of the queue, the cautious one first."""

_NS_PER_MS: Final = 1_000_000


def in_ns(moment_ms: int | None) -> int | None:
    """Return a moment of the command line in nanoseconds since 1970."""
    return None if moment_ms is None else moment_ms * _NS_PER_MS


def refuse_no_time(begin_ms: int | None, end_ms: int | None) -> None:
    """Refuse a window that ends before it begins: nothing would be played, and that would look like a result."""
    if begin_ms is not None and end_ms is not None and begin_ms >= end_ms:
        raise click.UsageError("--from is not before --until: there is no time between them")


def order_latency(text: str | None) -> OrderLatency:
    """Return what is asked for: milliseconds, those of a journal, or those of a machine far from the exchange."""
    from perpmaker.backtest.latency import OrderLatency, assumed  # noqa: PLC0415  # not for --help

    if text is None:
        return assumed()

    try:
        ms = float(text)
    except ValueError:
        from perpmaker.backtest.journal_latency import journalled  # noqa: PLC0415  # only then

        return journalled(Path(text))

    if not 0 <= ms <= 60_000:  # noqa: PLR2004  # a minute; NaN is not within either
        raise click.BadParameter(
            f"{text} is not a number of milliseconds up to 60000.", param_hint="--order-latency-ms"
        )

    return OrderLatency.fixed(ms)


def feed_lag(text: str) -> Feed:
    """Return how late market data are: as recorded, or so many milliseconds."""
    from perpmaker.backtest.timeline import Feed  # noqa: PLC0415  # not for --help

    if text == "recorded":
        return Feed()

    try:
        ms = float(text)
    except ValueError:
        ms = -1.0

    if not 0 <= ms <= 60_000:  # noqa: PLR2004  # a minute
        raise click.BadParameter(
            f"{text} is neither `recorded` nor a number of milliseconds.", param_hint="--feed-latency"
        )

    return Feed(lag_ns=round(ms * 1_000_000))
