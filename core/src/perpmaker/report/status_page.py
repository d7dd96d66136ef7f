"""A status as a page for a terminal of 80 columns, cut to the rows that there are: what is nearest to money stays."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from perpmaker.report.preflight_wording import money, percent, short
from perpmaker.report.status import WITHHELD, LevelStatus, PositionStatus, Status
from perpmaker.report.status_words import (
    amounts,
    away,
    between,
    clock,
    day_and_clock,
    deciding,
    gain,
    held,
    priced,
    span,
)

WIDTH = 80

NOTICES = 10
"""Lines of what was told last, where there is room."""

LEAST_NOTICES = 3
"""Lines of it that levels leave room for."""

LEAST_LEVELS = 4
"""Lines of the ladder that these leave room for."""

_INDENT = " " * 12


def status_page(status: Status, *, width: int = WIDTH, rows: int | None = None) -> list[str]:
    """Return the page, no line wider than `width`, and of at most so many rows."""
    head = [*_head(status), *_money(status)]
    ladder = _ladder(status)
    lines = [f"  {clock(one.at)} {one.text}" for one in status.notices[-NOTICES:]]
    notices = [line for text in lines for line in _wrapped(text, _INDENT)] if rows is None else lines

    if rows is None or len(head) + len(ladder) + len(notices) + 1 <= rows:
        body = [*ladder, *(["", *notices] if notices else [])]
    else:
        body = _fitting(ladder, notices, max(0, rows - len(head)))

    return [fitted(line, width) for line in (*head, *body)][:rows]


def _fitting(ladder: Sequence[str], notices: Sequence[str], rows: int) -> list[str]:
    """Ladder and notices in so many rows: all levels and the last notices, or else the levels next to the market."""
    few = min(LEAST_NOTICES, len(notices))

    if rows >= len(ladder) + few + 1:
        return [*ladder, "", *notices[len(ladder) + 1 - rows :]]

    levels = [line for line in ladder if line]
    few = few if rows >= few + LEAST_LEVELS else 0

    return [*_nearest(levels, rows - few), *notices[len(notices) - few :]]


def fitted(line: str, width: int) -> str:
    """Return a line cut to a width."""
    return line if len(line) <= width else f"{line[: max(0, width - 1)]}…"


def _head(status: Status) -> Iterator[str]:
    """Which bot it is and how much it may do."""
    mode = status.mode.upper() if status.running else "NOT RUNNING"
    lasts = f"for {span(between(status.since, status.at))}" if status.running else f"as of {day_and_clock(status.at)}"
    yield f"{status.environment} {status.venue} {status.market}  {mode}  {lasts}"
    account = f", account {status.account}" if status.account else ""
    pid = "" if status.pid is None else f", pid {status.pid}"
    yield f"  {status.name}{pid}{account}"

    if status.mode_reason and status.running:
        yield from _wrapped(f"  {status.mode}: {status.mode_reason}", "    ")

    if status.ended is not None:
        ended = status.ended
        yield f"  ended by {ended.stop_reason} at {day_and_clock(ended.at)}, exit code {ended.exit_code}"
        yield from _wrapped(f"  left on the venue: {ended.left}", "    ")
        yield from () if ended.unproven is None else _wrapped(f"  NOT PROVEN: {ended.unproven}", "    ")
    elif not status.running and status.pid is not None:
        yield "  it did not live to say how it ended: look at the venue"


def _money(status: Status) -> Iterator[str]:
    """Market, positions, result, margin and funding: as far as they are known."""
    if status.tick is None:
        return

    prices = (("bid", status.best_bid), ("ask", status.best_ask), ("mark", status.mark), ("ref", status.reference))
    basis = "" if status.basis is None else f"  basis {percent(status.basis)}"
    yield _row("market", "  ".join(f"{name} {priced(status, value)}" for name, value in prices if value) + basis)

    for position in status.positions:
        yield from _position(status, position)

    if not status.positions:
        yield _row("position", "flat")

    if status.pnl is not None:
        yield from _pnl(status)

    if (margin := status.margin) is not None:
        known = [f"available {money(margin.available)} {status.quote}"]
        known += [] if margin.free_share is None else [f"free {percent(margin.free_share)} of {money(margin.equity)}"]
        known += [] if margin.maintenance_ratio is None else [f"maintenance {percent(margin.maintenance_ratio)}"]
        yield _row("margin", ", ".join(known))

    if status.funding is not None and status.funding.rate is not None:
        yield _row("funding", funding_words(status))


def _position(status: Status, position: PositionStatus) -> Iterator[str]:
    open_profit = "" if position.unrealized_pnl is None else f", unrealised {gain(position.unrealized_pnl)}"
    value = "" if position.notional is None else f", value {money(position.notional)}"
    yield _row("position", f"{held(status, position)}{value}{open_profit} {status.quote}")
    fired = "STOP FIRED, " if position.stop_fired else ""
    stop = "no stop" if position.stop is None else f"stop {priced(status, position.stop)}{away(position.stop_distance)}"
    venue = "" if position.venue_stop is None else f", on the venue {priced(status, position.venue_stop)}"
    yield f"{_INDENT}{fired}target {priced(status, position.target)}, {stop}{venue}"
    yield from _lacking(status, position)

    if position.liquidation is None:
        yield f"{_INDENT}liquidation: the venue tells none"
    else:
        yield f"{_INDENT}liquidation {priced(status, position.liquidation)}{away(position.liquidation_distance)}"


def _lacking(status: Status, position: PositionStatus) -> Iterator[str]:
    """Why an exit of a position is not there, where one should be."""
    for level in status.exits:
        if level.position_side == position.side and level.state == WITHHELD and level.reason is not None:
            yield from _wrapped(f"{_INDENT}no {level.level} now: {level.reason.text}", _INDENT)


def _pnl(status: Status) -> Iterator[str]:
    pnl = status.pnl

    if pnl is None:
        return

    parts = (
        f"realised {gain(pnl.realized_pnl)}",
        f"open {gain(pnl.unrealized_pnl)}",
        f"fees {amounts(pnl.fees_by_asset)}",
        f"funding {amounts(pnl.funding_by_asset, signed=True)}",
    )
    first = f"{gain(pnl.result)} {pnl.asset}: "
    yield from _wrapped(f"{'  PnL':<12}{first}{', '.join(parts)}", _INDENT)

    if pnl.spread or pnl.inventory:
        unsplit = f" ({pnl.unsplit_fills} fills without a middle)" if pnl.unsplit_fills else ""
        yield f"{_INDENT}profit is spread {gain(pnl.spread)}, inventory {gain(pnl.inventory)}{unsplit}"


def funding_words(status: Status) -> str:
    """Return funding in a line: rate, next payment, what the position costs a day."""
    funding = status.funding

    if funding is None or funding.rate is None:
        return "the venue tells none"

    due = "" if funding.next_in_s is None else f", next in {span(funding.next_in_s)}"
    cost = funding.cost_a_day
    day = "" if not cost else f", {'costs' if cost > 0 else 'brings'} {money(abs(cost))} {status.quote} a day"

    return f"{percent(funding.rate)} each {funding.interval_h} h{due}{day}"


def _ladder(status: Status) -> list[str]:
    """The levels as they stand on a screen: asks above bids, each side's nearest in the middle."""
    if not status.running and not status.withheld:
        return _orders(status)

    levels = [*status.quotes, *status.withheld]

    if not levels:
        return [] if status.no_quotes is None else [*_wrapped(f"  no quotes: {status.no_quotes}", "    ")]

    asks = [level for level in levels if level.side == "sell"]
    bids = [level for level in levels if level.side == "buy"]
    ordered = [*sorted(asks, key=_number, reverse=True), *sorted(bids, key=_number)]

    return [
        "",
        f"  {'level':<8}{'price':>11}{'amount':>10}{'ahead':>9}  why",
        *(_level(status, one) for one in ordered),
    ]


def _orders(status: Status) -> list[str]:
    """What rests on a venue while no bot looks after it."""
    orders = [*status.quotes, *status.exits]

    return [
        *([""] if orders else []),
        *(
            f"  open: {one.side} {'all' if one.amount is None else f'{one.amount:f}'} at {priced(status, one.price)}"
            f"  {one.level}"
            for one in orders
        ),
    ]


def _number(level: LevelStatus) -> int:
    return int(level.level.rpartition(" ")[2])


def _level(status: Status, level: LevelStatus) -> str:
    left = None if level.amount is None else level.amount - (level.filled or 0)
    ahead = "-" if level.ahead is None else f"≤{short(level.ahead, 4)}" if level.ahead else "first"
    amount = "-" if left is None else f"{left:f}"

    return f"  {level.level:<8}{priced(status, level.price):>11}{amount:>10}{ahead:>9}  {deciding(level, status.at)}"


def _nearest(ladder: Sequence[str], rows: int) -> list[str]:
    """The ladder in so many rows: the levels next to the market, which is in the middle, stay."""
    levels = ladder[1:]
    room = rows - 2  # beside its heading, and the line that says how many levels there are besides

    if len(ladder) <= rows or room <= 0:
        return list(ladder[: max(0, rows)])

    asks = sum(line.startswith("  sell") for line in levels)
    first = min(max(0, asks - (room + 1) // 2), len(levels) - room)

    return [ladder[0], *levels[first : first + room], f"  ... and {len(levels) - room} levels further away"]


def _row(name: str, text: str) -> str:
    return f"  {name:<10}{text}"


def _wrapped(text: str, indent: str) -> Iterator[str]:
    yield from textwrap.wrap(text, WIDTH, subsequent_indent=indent, break_on_hyphens=False, drop_whitespace=True)
