"""The list of metrics, made of a status (the keys of `perpmaker status --json`) and of counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal

import attrs

MODES: Final = ("start", "run", "reduce", "halt", "stop", "flatten")


@attrs.frozen
class Metric:
    """A metric: its name without `perpmaker_`, what it is, its own labels, and (labels, value) for each series."""

    name: str
    words: str
    values: tuple[tuple[tuple[str, ...], float], ...]
    labels: tuple[str, ...] = ()
    kind: Literal["gauge", "counter"] = "gauge"


_PRICES: Final = (
    ("mark", "mark_price", "Mark price of the venue, in quote asset"),
    ("reference", "reference_price", "Price that quotes are laid around, in quote asset"),
    ("best_bid", "best_bid_price", "Best bid of other people, in quote asset"),
    ("best_ask", "best_ask_price", "Best ask of other people, in quote asset"),
)
_POSITION: Final = (
    ("amount", "position", "Position in base asset, negative where it is short"),
    ("entry", "position_entry_price", "Entry price of the position, in quote asset"),
    ("notional", "position_notional", "Value of the position at the mark price, in quote asset"),
    ("unrealized_pnl", "position_unrealized_pnl", "Profit of the position that is not booked, in quote asset"),
    ("stop_distance", "position_stop_distance", "Way from the mark price to the stop, as a share of the mark price"),
    ("liquidation_distance", "position_liquidation_distance", "Way from the mark price to liquidation, as a share"),
)
_MARGIN: Final = (
    ("available", "margin_available", "What new orders may bind, in quote asset"),
    ("equity", "margin_equity", "Equity of the account, in quote asset"),
    ("free_share", "margin_free_share", "Share of the equity that no position or order binds"),
    ("maintenance_ratio", "margin_maintenance_ratio", "Maintenance margin as a share of the equity"),
)
_PNL: Final = (
    ("realized_pnl", "realized_pnl", "Profit of the run that is booked, in quote asset"),
    ("unrealized_pnl", "unrealized_pnl", "Profit that is not booked, in quote asset"),
    ("result", "result", "What the run has come to, in quote asset"),
)
_COUNTERS: Final = (
    ("quotes_placed", "Quotes sent in this run"),
    ("cancels", "Quotes and exits taken off in this run"),
    ("amends", "Quotes moved in this run"),
    ("fills", "Executions in this run"),
    ("volume", "What was traded in this run, in quote asset"),
    ("take_profits_placed", "Targets sent in this run"),
    ("stops_placed", "Stop losses sent in this run"),
)


def metrics_of(
    status: Mapping[str, Any], status_ms: int, counts: Mapping[str, int], last_ms: Mapping[str, int]
) -> Iterator[Metric]:
    """Yield every metric that is known. What the venue has not told is left out, which is not 0."""
    yield Metric("events", "How often what has happened", _series(counts), ("kind",), "counter")
    yield Metric(
        "last_event_timestamp_seconds",
        "When it happened last",
        _series({kind: at_ms / 1000 for kind, at_ms in last_ms.items()}),
        ("kind",),
    )

    if not status:
        return

    yield _single("status_timestamp_seconds", "When the figures of this page were true", status_ms / 1000)
    mode = status.get("mode")
    yield Metric("mode", "1 for the mode that the bot is in", _series({one: one == mode for one in MODES}), ("mode",))
    yield from _prices(status)
    yield from _money(status)


def _prices(status: Mapping[str, Any]) -> Iterator[Metric]:
    for key, name, words in _PRICES:
        yield from _known(name, words, status.get(key))

    for kind in ("quotes", "withheld", "exits"):
        words = f"How many {'levels are withheld' if kind == 'withheld' else f'{kind} rest'}"
        sides = [one.get("side") for one in status.get(kind, ())]
        yield Metric(f"{kind}_now", words, _series({side: sides.count(side) for side in ("buy", "sell")}), ("side",))

    for key, name, words in _POSITION:
        values = {one["side"]: one.get(key) for one in status.get("positions", ())}

        if key == "amount" and not values:
            values = {"net": 0}

        yield Metric(name, words, _series(values), ("position_side",))


def _money(status: Mapping[str, Any]) -> Iterator[Metric]:
    for group, rows in (("margin", _MARGIN), ("pnl", _PNL)):
        for key, name, words in rows:
            yield from _known(name, words, (status.get(group) or {}).get(key))

    pnl, funding = status.get("pnl") or {}, status.get("funding") or {}
    yield Metric("fees", "Fees paid in this run", _series(pnl.get("fees_by_asset", {})), ("asset",))
    yield Metric("funding", "Funding booked in this run", _series(pnl.get("funding_by_asset", {})), ("asset",))
    yield from _known("funding_rate", "Funding rate of the next payment, as a share", funding.get("rate"))
    counters = status.get("counters") or {}

    for key, words in _COUNTERS:
        if key in counters:
            yield Metric(key, words, (((), float(counters[key])),), (), "counter")


def _known(name: str, words: str, value: object) -> Iterator[Metric]:
    if value is not None:
        yield _single(name, words, value)


def _single(name: str, words: str, value: Any) -> Metric:  # noqa: ANN401  # a number, or money as text
    return Metric(name, words, (((), float(value)),))


def _series(values: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> tuple[tuple[tuple[str, ...], float], ...]:
    rows: Sequence[tuple[str, Any]] = list(values.items() if isinstance(values, Mapping) else values)

    return tuple(((label,), float(value)) for label, value in rows if value is not None)
