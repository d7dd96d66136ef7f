"""Numbers, times and shares of a result as a page shows them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from perpmaker.report.preflight_wording import money, short
from perpmaker.report.status import plain

MISSING: Final = "-"
_MANY: Final = 1000
_WHOLE: Final = 8


def grouped(amount: Decimal | None) -> str:
    """Return money with its thousands apart: `12,345.60`; more decimals where it is little."""
    if amount is None:
        return MISSING

    return f"{amount:z,.2f}" if abs(amount) >= _MANY else money(amount)


def signed(amount: Decimal | None) -> str:
    """Return money with its sign; nought has none."""
    if amount is None:
        return MISSING

    return f"+{grouped(amount)}" if amount > 0 else grouped(amount)


def tone(amount: Decimal | None) -> str | None:
    """Return the class of money that was won, or lost; None of neither."""
    return None if not amount else "good" if amount > 0 else "bad"


def exact(amount: Decimal | None) -> str:
    """Return an amount or a price as it is, its thousands apart."""
    if amount is None:
        return MISSING

    whole, point, fraction = plain(amount).partition(".")
    sign, digits = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    shown = f"{int(digits):,}" if len(digits) <= _WHOLE * 2 else digits

    return f"{sign}{shown}{point}{fraction}"


def moment(at_ms: int, *, with_day: bool = True) -> str:
    """Return a time in UTC to the second: `2026-11-30 22:10:34`."""
    at = datetime.fromtimestamp(at_ms / 1000, UTC)

    return f"{at:%Y-%m-%d %H:%M:%S}" if with_day else f"{at:%H:%M:%S}"


def share(part: float, whole: float) -> str:
    """Return a share in percent, with one decimal."""
    return MISSING if not whole else f"{100 * part / whole:.1f} %"


def basis_points(amount: Decimal | None, volume: Decimal) -> str:
    """Return money in basis points of a volume, with its sign."""
    if amount is None or not volume:
        return MISSING

    points = short(amount / volume * 10_000, 2)

    return f"+{points}" if amount > 0 and points != "0" else points


def plural(number: int, one: str) -> str:
    """Return how many there are of something: `1 fill`, `12 fills`."""
    return f"{number:,} {one}{'' if number == 1 else 's'}"
