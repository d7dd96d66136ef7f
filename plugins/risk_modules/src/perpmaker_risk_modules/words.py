"""Figures as reasons show them."""

from __future__ import annotations

from decimal import Decimal


def percent(share: Decimal, digits: int = 1) -> str:
    """A share in percent, rounded."""
    return f"{share * 100:.{digits}f} %"


def setting(share: Decimal) -> str:
    """A share in percent as it stands in the file."""
    return f"{(share * 100).normalize():f} %"
