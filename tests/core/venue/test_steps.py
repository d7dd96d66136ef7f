"""A venue's words, prices and amounts in the core's: exact where it must be, known to be unknown elsewhere."""

from __future__ import annotations

from decimal import Decimal

import pytest

from perpmaker.errors import PayloadError
from perpmaker.model.instrument import Instrument
from perpmaker.venue import exact_ticks, lookup, order_sizes, order_ticks, shown_lots


def test_a_word_without_a_meaning_is_named() -> None:
    """With those that have one."""
    assert lookup({"up": 1, "down": -1}, "up", "$.way") == 1

    with pytest.raises(PayloadError, match=r"'left' is none of up, down @ \$\.way"):
        lookup({"up": 1, "down": -1}, "left", "$.way")


@pytest.mark.parametrize("price", ["99.75", "0", "-1", "NaN", ""])
def test_a_price_at_which_something_happened_is_exact(instrument: Instrument, price: str) -> None:
    """Ticks of a half."""
    assert exact_ticks(instrument, "99.5", "$.p") == 199

    with pytest.raises(PayloadError):
        exact_ticks(instrument, price, "$.p")


def test_an_order_may_lie_between_two_steps(instrument: Instrument) -> None:
    """Its price is then not known, and what is left of it is known in base."""
    assert [order_ticks(instrument, price, "$.p") for price in ("99.5", "99.75", "0")] == [199, None, None]
    assert order_sizes(instrument, "1.5", "0.255", "$.q") == {"lots": 150, "filled_lots": 25, "remaining": None}
    assert order_sizes(instrument, "1.505", "0.255", "$.q") == {
        "lots": None,
        "filled_lots": 25,
        "remaining": Decimal("1.250"),
    }

    with pytest.raises(PayloadError):
        order_sizes(instrument, "-1", "0", "$.q")


def test_what_others_show_counts_in_whole_lots(instrument: Instrument) -> None:
    """Rounded down."""
    assert shown_lots(instrument, "0.019", "$.q") == 1
