"""The pre-flight report for people, in 80 columns, and for programs, as plain values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from enum import Enum
from typing import Any

import attrs

from perpmaker.model.order import Side
from perpmaker.report.preflight import Preflight
from perpmaker.report.preflight_checklist import Verdict
from perpmaker.report.preflight_figure import Figures
from perpmaker.report.preflight_fill import Filled
from perpmaker.report.preflight_level import LevelLine, Placement
from perpmaker.report.preflight_wording import money, percent, price, short, wrapped

_LABEL = 26
_COLUMN = 16
_MARKS = {Verdict.OK: "ok", Verdict.LOOK: "?", Verdict.BAD: "!!"}
_NAMES = {Side.BUY: "bid", Side.SELL: "ask"}
_DAY_MS = 86_400_000


def render_preflight(preflight: Preflight, *, full: bool = False) -> str:
    """Return the report for a person: the verdict, what there is to look at, and the money.

    `full`: everything else too.
    """
    figures = preflight.figures
    parts: tuple[Iterator[str], ...] = (_verdict(preflight), _brief(figures), _fills(figures, full=full))

    if full:
        parts = (
            _verdict(preflight),
            _head(figures),
            _levels(figures),
            _fills(figures, full=full),
            _market(preflight),
            _checklist(preflight),
        )

    return "\n".join(line for part in parts for line in part)


def plain_preflight(preflight: Preflight) -> dict[str, Any]:
    """Return the report as plain values, the field names being the keys. Numbers are exact, as text."""
    values = attrs.asdict(preflight, value_serializer=lambda _, __, value: _plain(value))

    return {"verdict": preflight.verdict, **values}


def _plain(value: object) -> object:
    """Decimal as text without an exponent and without idle zeros; enumerations by their value."""
    if isinstance(value, Enum):
        return value.value

    if isinstance(value, Decimal):
        return "0" if value == 0 else f"{value.normalize():f}"

    return value


# --- the verdict ---------------------------------------------------------------------------------------------------


def _verdict(preflight: Preflight) -> Iterator[str]:
    """The verdict alone on the first line, then its reasons, the worst first."""
    yield preflight.verdict

    for refusal in preflight.refusals:
        yield from wrapped(f"!! REFUSED: {refusal}", "  ", "     ")

    for warned in preflight.looks:
        yield from wrapped(f"{'!!' if warned.loud else '!':<3}{warned.text}", "  ", "     ")


def _brief(figures: Figures) -> Iterator[str]:
    """Where the money is, what a run would change there, and what is held."""
    yield f"{figures.environment.upper()}  {figures.venue} {figures.market}"
    yield from _changes(figures)

    if figures.account.positions:
        yield from _held(figures)


# --- the head ------------------------------------------------------------------------------------------------------


def _head(figures: Figures) -> Iterator[str]:
    mode = "margin mode unknown" if figures.margin_mode is None else figures.margin_mode.value
    yield f"{figures.environment.upper()}  {figures.venue} {figures.market}"
    yield from _row("leverage", f"{figures.leverage} of at most {figures.max_leverage}, {mode}")
    yield from _row("positions", figures.position_mode.value)
    yield from _changes(figures)
    reference = "none" if figures.reference is None else price(figures.reference, figures.tick)
    basis = "" if figures.basis is None else f", traded market {percent(figures.basis)} away"
    yield from _row("reference", f"{reference} ({figures.reference_name}{basis})")
    yield from _row("mark price", price(figures.mark, figures.tick))
    yield from _row("market's rules", f"tick {figures.tick:f}, lot {figures.lot:f}, {_least(figures)}")
    yield from _row("fees", f"maker {percent(figures.maker_fee)}, taker {percent(figures.taker_fee)}")
    yield from _account(figures)


def _changes(figures: Figures) -> Iterator[str]:
    """What a run would change about the account's settings."""
    now = figures.settings_now

    if now is None:
        return

    changes = [
        f"{name} {before} -> {after}"
        for name, before, after in (
            ("leverage", now.leverage, figures.leverage),
            ("positions", now.position_mode.value, figures.position_mode.value),
            ("margin", now.margin_mode.value, None if figures.margin_mode is None else figures.margin_mode.value),
        )
        if after is not None and before != after
    ]

    if changes:
        yield from _row("a run changes", ", ".join(changes))


def _least(figures: Figures) -> str:
    return f"at least {figures.min_amount:f} {figures.base} and {figures.min_notional:f} {figures.quote}"


def _account(figures: Figures) -> Iterator[str]:
    account = figures.account
    equity = "" if account.equity in {None, account.wallet} else f", equity {money(account.equity)}"
    yield from _row("account", f"wallet {money(account.wallet)} {figures.quote}{equity}")

    yield from _held(figures)


def _held(figures: Figures) -> Iterator[str]:
    for held in figures.account.positions:
        liquidation = (
            ""
            if held.liquidation is None
            else f", liquidation {price(held.liquidation, figures.tick)} (the venue's own)"
        )
        yield from _row("held now", f"{held.amount:f} {figures.base} at {price(held.entry, figures.tick)}{liquidation}")

    if not figures.account.positions:
        yield from _row("held now", "nothing")


# --- levels --------------------------------------------------------------------------------------------------------


def _levels(figures: Figures) -> Iterator[str]:
    yield ""
    yield f"{'Levels':<10}{'price':>16}{'amount':>16}{'notional':>18}{'margin':>18}"

    for line in figures.levels:
        yield (
            f"  {_NAMES[line.side] + ' ' + str(line.number):<8}{price(line.price, figures.tick):>16}{line.amount:>16f}"
            f"{money(line.notional):>18}{money(line.margin):>18}"
        )
        yield from _remarks(line)

    if not figures.levels:
        yield "  none"


def _remarks(line: LevelLine) -> Iterator[str]:
    """Why a level is withheld, or what it was cut for."""
    if line.withheld is not None:
        yield from wrapped(f"withheld: {line.withheld}", "      ")

    if line.note is not None:
        yield from wrapped(line.note, "      ")


# --- full fills ----------------------------------------------------------------------------------------------------


_ROWS: Sequence[tuple[str, Callable[[Filled, Decimal], str]]] = (
    ("position", lambda one, _: f"{one.amount:f}"),
    ("notional", lambda one, _: money(one.notional)),
    ("margin", lambda one, _: money(one.margin)),
    ("average entry", lambda one, tick: price(one.entry, tick)),
    ("liquidation price", lambda one, tick: price(one.liquidation, tick)),
    ("  isolated, thumb rule", lambda one, tick: price(one.liquidation_rule_of_thumb, tick)),
    ("stop fires at", lambda one, tick: price(one.stop, tick)),
    ("loss at stop, with fees", lambda one, _: money(one.loss_at_stop)),
    ("  of the wallet", lambda one, _: "-" if one.loss_at_stop_share is None else percent(one.loss_at_stop_share)),
    ("  at its first limit", lambda one, _: money(one.loss_at_limit)),
    ("target", lambda one, tick: price(one.target, tick)),
    ("profit at target", lambda one, _: money(one.profit_at_target)),
    ("fees both ways, maker", lambda one, _: money(one.fees_round_trip)),
    ("break-even spread", lambda one, _: percent(one.break_even)),
    ("  with a day of funding", lambda one, _: "-" if one.break_even_day is None else percent(one.break_even_day)),
    ("funding a day (paid +)", lambda one, _: money(one.funding_day)),
    ("daily profit target", lambda one, _: money(one.min_daily_profit_target)),
)


_MONEY = {
    "position",
    "notional",
    "margin",
    "average entry",
    "liquidation price",
    "stop fires at",
    "loss at stop, with fees",
    "  of the wallet",
    "target",
    "profit at target",
}
"""The rows that a person needs before each run; the others come with `--full`."""


def _fills(figures: Figures, *, full: bool) -> Iterator[str]:
    bids, asks, together = figures.bids, figures.asks, figures.all_filled
    everything = {"notional": money(together.notional), "margin": money(together.margin)}
    everything["funding a day (paid +)"] = "" if together.funding_day is None else money(together.funding_day)
    yield ""
    yield f"{'If everything fills':<{_LABEL}}{'all bids':>{_COLUMN}}{'all asks':>{_COLUMN}}{'all levels':>{_COLUMN}}"

    for label, word in _ROWS:
        if not full and label not in _MONEY:
            continue

        cells = ["-" if one is None else word(one, figures.tick) for one in (bids, asks)]
        row = f"  {label:<{_LABEL - 2}}{cells[0]:>{_COLUMN}}{cells[1]:>{_COLUMN}}{everything.get(label, ''):>{_COLUMN}}"
        yield row.rstrip()

    for formula in dict.fromkeys(one.formula for one in (bids, asks) if full and one is not None):
        yield from wrapped(f"Liquidation: {formula}.", "  ")

    yield f"  Money in {figures.quote}, amounts in {figures.base}."


# --- the market, and what to think of it ---------------------------------------------------------------------------


def _market(preflight: Preflight) -> Iterator[str]:
    figures = preflight.figures
    account, orders, funding = figures.account, figures.orders, figures.funding
    yield ""
    yield "Market and account"

    if account.equity is not None and account.free_margin_share is not None:
        free = percent(account.free_margin_share)
        yield from _row("after full fills", f"{free} of the equity free of margin")

    if orders.per_minute is not None:
        of = "" if orders.limit is None else f" of the venue's {orders.limit}"
        yield from _row("new orders a minute", f"up to {short(orders.per_minute)}{of}")

    rate = "not told" if funding.rate is None else percent(funding.rate)
    due = "" if funding.next_ms is None else f", next at {_clock(funding.next_ms)}Z"
    yield from _row("funding", f"{rate} each {funding.interval_h} h{due}")

    for placed in figures.placements:
        yield from _row(f"{placed.mode}, {_NAMES[placed.side]} 1", _placement(placed, figures.tick))

    yield from _row("leverage", f"{figures.leverage}: {preflight.leverage_advice}")


def _placement(placed: Placement, tick: Decimal) -> str:
    own, moved = price(placed.own, tick), price(placed.price, tick)

    if placed.to_beat is None:
        return f"stays at {own}: nobody to beat within the depth"

    change = f"stays at {own}" if placed.own == placed.price else f"would move from {own} to {moved}"

    return f"{change}; best of the rest {price(placed.to_beat, tick)}"


def _clock(venue_ms: int) -> str:
    """Hours and minutes of a time, UTC."""
    minutes = venue_ms % _DAY_MS // 60_000

    return f"{minutes // 60:02}:{minutes % 60:02}"


def _checklist(preflight: Preflight) -> Iterator[str]:
    yield ""
    yield "What careful traders check"

    for line in preflight.checklist:
        yield from wrapped(f"{_MARKS[line.verdict]:<3}{line.question}: {line.found}", "  ", "     ")


def _row(name: str, text: str) -> Iterator[str]:
    return wrapped(f"{name:<20}{text}", "  ", " " * 22)
