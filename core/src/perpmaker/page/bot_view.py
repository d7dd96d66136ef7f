"""How a bot stands, as its card on the page of running bots: the words of `perpmaker status`, ready to be shown.

Everything in it is out of one `Status`, so that the page says what `status --json` says.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

import attrs

from perpmaker.page.figures import exact, tone
from perpmaker.report.preflight_wording import money, percent
from perpmaker.report.status import LevelStatus, PositionStatus, Status
from perpmaker.report.status_page import funding_words
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

_MARK_FREE: Final = (Decimal("0.2"), Decimal("0.3"))
"""Shares of free margin below which it is red, and yellow: the marks of `perpmaker balance`."""


@attrs.frozen
class Row:
    """One line: its name, what is so, and whether that is `good`, `bad` or neither."""

    label: str
    words: str
    tone: str = ""


@attrs.frozen(kw_only=True)
class Section:
    """Lines of one subject."""

    title: str
    rows: tuple[Row, ...]


@attrs.frozen(kw_only=True)
class LevelView:
    """One level of the ladder, or one exit: what is asked for, what rests, why; `reasons` is the whole chain."""

    level: str
    side: str
    state: str
    price: str
    amount: str
    ahead: str
    why: str
    reasons: tuple[str, ...]


@attrs.frozen(kw_only=True)
class NoticeView:
    """A line that was told, with the time of day."""

    at: str
    text: str


@attrs.frozen(kw_only=True)
class BotView:
    """A card. `headline` says the mode in words, `result` the money, `no_quotes` why none rests."""

    name: str
    environment: str
    market: str
    mode: str
    headline: str
    result: str
    result_tone: str
    sections: tuple[Section, ...]
    levels: tuple[LevelView, ...]
    exits: tuple[LevelView, ...]
    no_quotes: str
    notices: tuple[NoticeView, ...]


def bot_view(status: Status) -> BotView:
    """Return the card of a bot."""
    pnl = status.pnl
    found = (
        Section(title="Market", rows=tuple(_market(status))),
        Section(title="Position", rows=tuple(_positions(status))),
        Section(title="Result of this run", rows=tuple(_pnl(status))),
        Section(title="Account and funding", rows=tuple(_account(status))),
        Section(title="Counted", rows=tuple(_counted(status))),
    )
    levels = sorted([*status.quotes, *status.withheld], key=_place)

    return BotView(
        name=status.name,
        environment=status.environment,
        market=f"{status.market} on {status.venue}",
        mode=status.mode if status.running else "ended" if status.ended else "dead",
        headline=" ".join(_headline(status)),
        result="" if pnl is None else f"{gain(pnl.result)} {pnl.asset}",
        result_tone="" if pnl is None else tone(pnl.result) or "",
        sections=tuple(section for section in found if section.rows),
        levels=tuple(_level(status, level) for level in levels),
        exits=tuple(_level(status, level) for level in status.exits),
        no_quotes=status.no_quotes or "",
        notices=tuple(NoticeView(at=clock(one.at), text=one.text) for one in status.notices),
    )


def _headline(status: Status) -> Iterator[str]:
    if status.running:
        account = "no account yet" if status.account is None else f"account {status.account}"
        yield f"{status.mode.upper()} for {span(between(status.since, status.at))}, pid {status.pid}, {account}."

        if status.mode_reason:
            yield f"{status.mode}: {status.mode_reason}."
    elif status.ended is not None:
        ended = status.ended
        yield f"Ended by {ended.stop_reason} at {day_and_clock(ended.at)}, exit code {ended.exit_code}."
        yield f"Left on the venue: {ended.left}."

        if ended.unproven is not None:
            yield f"NOT PROVEN: {ended.unproven}."
    else:
        yield f"It did not live to say how it ended: look at the venue. Its last word is of {day_and_clock(status.at)}."


def _market(status: Status) -> Iterator[Row]:
    prices = (
        ("best bid", status.best_bid),
        ("best ask", status.best_ask),
        ("reference", status.reference),
        ("mark", status.mark),
    )

    for label, value in prices:
        if value is not None:
            yield Row(label, priced(status, value))

    if status.basis is not None:
        yield Row("basis", percent(status.basis))


def _positions(status: Status) -> Iterator[Row]:
    if status.tick is None:
        return

    for position in status.positions:
        yield from _position(status, position)

    if not status.positions:
        yield Row("position", "flat")


def _position(status: Status, position: PositionStatus) -> Iterator[Row]:
    value = "" if position.notional is None else f", value {money(position.notional)} {status.quote}"
    yield Row("position", f"{held(status, position)}{value}")

    if position.unrealized_pnl is not None:
        yield Row(
            "not realised", f"{gain(position.unrealized_pnl)} {status.quote}", tone(position.unrealized_pnl) or ""
        )

    yield Row("entry", priced(status, position.entry))
    yield Row("target", "none" if position.target is None else priced(status, position.target))
    stop = "none" if position.stop is None else f"{priced(status, position.stop)}{away(position.stop_distance)}"
    yield Row("stop", f"FIRED, {stop}" if position.stop_fired else stop, "bad" if position.stop_fired else "")

    if position.venue_stop is not None:
        yield Row("stop on the venue", priced(status, position.venue_stop))

    words = (
        "the venue tells none"
        if position.liquidation is None
        else f"{priced(status, position.liquidation)}{away(position.liquidation_distance)}"
    )
    yield Row("liquidation", words)


def _pnl(status: Status) -> Iterator[Row]:
    pnl = status.pnl

    if pnl is None:
        return

    for label, amount in (
        ("result", pnl.result),
        ("spread", pnl.spread),
        ("inventory", pnl.inventory),
        ("realised", pnl.realized_pnl),
        ("not realised", pnl.unrealized_pnl),
    ):
        yield Row(label, f"{gain(amount)} {pnl.asset}", tone(amount) or "")

    yield Row("fees paid", amounts(pnl.fees_by_asset))
    yield Row("funding", amounts(pnl.funding_by_asset, signed=True))


def _account(status: Status) -> Iterator[Row]:
    margin = status.margin

    if margin is not None:
        yield Row("available", f"{money(margin.available)} {status.quote}")

        if margin.free_share is not None:
            low, lowish = _MARK_FREE
            meaning = "bad" if margin.free_share < low else "warn" if margin.free_share < lowish else ""
            yield Row("free margin", f"{percent(margin.free_share)} of {money(margin.equity)} {status.quote}", meaning)

        if margin.maintenance_ratio is not None:
            yield Row("maintenance ratio", percent(margin.maintenance_ratio))

    if status.funding is not None:
        yield Row("funding rate", funding_words(status))


def _counted(status: Status) -> Iterator[Row]:
    count = status.counters

    if status.tick is None:
        return

    yield Row("fills", f"{count.fills:,}, volume {money(count.volume)} {status.quote}")
    yield Row("quotes", f"{count.quotes_placed:,} placed, {count.amends:,} moved, {count.cancels:,} cancelled")
    yield Row(
        "exits",
        f"{count.take_profits_placed:,} targets, {count.stops_placed:,} stops, "
        f"{count.venue_stops_placed:,} stops on the venue",
    )


def _level(status: Status, level: LevelStatus) -> LevelView:
    filled = f", {exact(level.filled)} of it filled" if level.filled else ""

    return LevelView(
        level=level.level,
        side=level.side,
        state=level.state,
        price="" if level.price is None else priced(status, level.price),
        amount="" if level.amount is None else f"{exact(level.amount)}{filled}",
        ahead="" if level.ahead is None else exact(level.ahead),
        why=deciding(level, status.at),
        reasons=tuple(map(str, level.reasons)),
    )


def _place(level: LevelStatus) -> tuple[bool, int]:
    """As on a screen: asks above bids, each side's nearest in the middle."""
    number = level.level.rpartition(" ")[2]
    distance = int(number) if number.isdigit() else 0

    return level.side == "buy", distance if level.side == "buy" else -distance
