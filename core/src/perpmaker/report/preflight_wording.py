"""Numbers of the pre-flight report as a person reads them."""

from __future__ import annotations

from decimal import Decimal


def percent(share: Decimal) -> str:
    """A share in percent, with no more than four decimals."""
    return f"{short(share * 100, 4)} %"


def short(number: Decimal, places: int = 2) -> str:
    """A number with no more than so many decimals, and none of them idle."""
    text = f"{number:.{places}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text

    return "0" if text in {"-0", ""} else text


def money(amount: Decimal | None) -> str:
    """Money with two decimals, more where it is little."""
    if amount is None:
        return "-"

    return f"{amount:.2f}" if abs(amount) >= 1 or amount == 0 else f"{amount:.4f}"


def price(value: Decimal | None) -> str:
    """A price as short as it can be said with two decimals, or five digits where it is small; `none` for none."""
    if value is None:
        return "none"

    return f"{value:.2f}" if abs(value) >= 10 else f"{value:.6g}"  # noqa: PLR2004  # below ten two decimals are too few
