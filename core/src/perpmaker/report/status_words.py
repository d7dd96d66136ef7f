"""Pieces of a status as a person reads them: money, shares, spans of time, one level in a line."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from perpmaker.report.preflight_wording import money, percent, price
from perpmaker.report.status import LevelStatus, PositionStatus, Status, plain

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def span(seconds: float) -> str:
    """Return a time in its two largest units: `41 s`, `2 min 13 s`, `2 h 08 min`, `3 d 4 h`."""
    left = max(0, int(seconds))

    if left < _MINUTE:
        return f"{left} s"

    if left < _HOUR:
        return f"{left // _MINUTE} min {left % _MINUTE} s"

    if left < _DAY:
        return f"{left // _HOUR} h {left % _HOUR // _MINUTE:02} min"

    return f"{left // _DAY} d {left % _DAY // _HOUR} h"


def between(earlier: str, later: str) -> float:
    """Return the seconds from one moment to another."""
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()


def clock(moment: str) -> str:
    """Return the time of day of a moment."""
    return f"{moment[11:19]}Z"


def day_and_clock(moment: str) -> str:
    """Return date and time of a moment."""
    return f"{moment[:10]} {clock(moment)}"


def amounts(by_asset: Mapping[str, Decimal], *, signed: bool = False) -> str:
    """Return money in several assets, side by side."""
    return ", ".join(f"{gain(one) if signed else money(one)} {asset}" for asset, one in by_asset.items())


def gain(amount: Decimal) -> str:
    """Return money with its sign."""
    text = money(amount)

    return text if text.startswith("-") else f"+{text}"


def priced(status: Status, value: Decimal | None) -> str:
    """Return a price of the bot's market; `-` for none."""
    if value is None:
        return "-"

    return plain(value) if status.tick is None else price(value, status.tick)


def away(share: Decimal | None) -> str:
    """Return how far away something is, in brackets, where that is known."""
    return "" if share is None else f" ({percent(share)} away)"


def held(status: Status, position: PositionStatus) -> str:
    """Return a position in a few words: `+0.010 BTC at 59976.5`, of Hedge positions with the side."""
    side = "" if position.side == "net" else f"{position.side} "

    return f"{side}{position.amount:+f} {status.base} at {priced(status, position.entry)}"


def deciding(level: LevelStatus, at: str) -> str:
    """Return what decides about a level, in the words that a line has room for, and how long that lasts."""
    if level.state not in {"withheld", "open"}:
        return _STATES.get(level.state, level.state)

    link = level.reason

    if link is None:
        return "" if level.state == "open" else "no reason is known"

    if level.state == "open":
        return _placed(level)

    left = "" if level.until is None else f", {span(between(at, level.until))}"
    value = "" if link.value is None else f" ({plain(link.value)})"

    return f"{link.rule}{left}: {link.text}{value}"


_STATES = {
    "pending": "sent, not answered yet",
    "cancelling": "is being cancelled",
    "amending": "is being moved",
    "unknown": "what became of it is not known: the venue is asked",
}

_TELLING = ("risk", "tolerance", "refresh", "override", "spread")
"""Rules whose link tells best why an order is where it is, the most telling first."""


def _placed(level: LevelStatus) -> str:
    """Why an order is where it is: the link that tells most of its price."""
    telling = ("optimisation", *_TELLING) if level.level.endswith(" 0") else _TELLING  # others keep their distance

    for rule in telling:
        for link in reversed(level.reasons):
            if link.rule == rule:
                value = "" if link.value is None or rule in {"spread", "override"} else f" ({plain(link.value)})"
                return f"{link.text}{value}"

    return level.reasons[-1].text
