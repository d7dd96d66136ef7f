"""Numbers of the pre-flight report as a person reads them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from decimal import Decimal

WIDTH = 80

_ONE_PERCENT = Decimal("0.01")


def percent(share: Decimal) -> str:
    """Return a share in percent: with two decimals at most, four where it is below one."""
    return f"{short(share * 100, 2 if abs(share) >= _ONE_PERCENT else 4)} %"


def short(number: Decimal, places: int = 2) -> str:
    """Return a number with no more than so many decimals, and none of them idle."""
    text = f"{number:.{places}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text

    return "0" if text in {"-0", ""} else text


def money(amount: Decimal | None) -> str:
    """Money with two decimals, more where it is little."""
    if amount is None:
        return "-"

    return f"{amount:z.2f}" if abs(amount) >= 1 or amount == 0 else f"{amount:z.4f}"


def price(value: Decimal | None, tick: Decimal) -> str:
    """Return a price with as many decimals as the market's tick has. `none` for none."""
    if value is None:
        return "none"

    # Formatted, not quantized: that raises for what has too many digits, and a price from outside may have thirty.
    exponent = tick.as_tuple().exponent

    return f"{value:.{max(0, -exponent) if isinstance(exponent, int) else 0}f}"


def wrapped(text: str, first: str, others: str | None = None) -> Iterator[str]:
    """Yield the text in lines of at most 80 columns."""
    indent = first if others is None else others
    yield from textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=indent, break_on_hyphens=False)
