"""A venue's words, prices and amounts in the core's: exact where it must be, known to be unknown elsewhere."""

from __future__ import annotations

from decimal import Decimal

import pytest

from perpmaker.errors import MarketClosedError, PayloadError, UnknownMarketError
from perpmaker.model.instrument import Instrument
from perpmaker.venue import (
    exact_ticks,
    find_market,
    lookup,
    order_sizes,
    order_terms,
    order_ticks,
    shown_lots,
    trade_terms,
)


def test_a_word_without_a_meaning_is_named() -> None:
    """With those that have one."""
    assert lookup({"up": 1, "down": -1}, "up", "$.way") == 1

    with pytest.raises(PayloadError, match=r"'left' is none of up, down @ \$\.way"):
        lookup({"up": 1, "down": -1}, "left", "$.way")


@pytest.mark.parametrize(
    "price",
    [
        "99.75",
        "0",
        "NaN",
        *(
            pytest.param(one, marks=pytest.mark.full)
            for one in (
                "-1",
                "",
            )
        ),
    ],
)
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


def test_terms_are_price_and_amounts_by_the_names_of_what_they_are_for(instrument: Instrument) -> None:
    """Of an order what lies between two steps is not known; of a trade the price is exact."""
    known = {"ticks": 199, "lots": 150, "filled_lots": 25, "remaining": None}
    assert order_terms(instrument, "99.5", "1.5", "0.255") == known
    assert order_terms(instrument, "99.75", "1.5", "0.255") == known | {"ticks": None}
    assert trade_terms(instrument, "99.5", "0.019") == {"ticks": 199, "lots": 1}

    with pytest.raises(PayloadError, match=r"\$\.row\.price"):
        trade_terms(instrument, "99.75", "0.019", "$.row")


def test_a_market_that_is_not_listed_is_answered_with_the_nearest() -> None:
    """Three at most."""
    assert find_market({"BTC-USDT": 1}, "BTC-USDT", "Ore") == 1

    with pytest.raises(UnknownMarketError) as caught:
        find_market(dict.fromkeys(["BTC-USDT", "BTC-USDC", "ETH-USDT", "XRP-EUR"]), "btc-usd", "Ore")

    assert caught.value.nearest == ("BTC-USDT", "BTC-USDC", "ETH-USDT")


def test_a_market_that_takes_no_orders_is_refused_with_the_venues_word() -> None:
    """It may open again."""
    with pytest.raises(MarketClosedError, match="halted"):
        find_market({"BTC-USDT": "halted"}, "BTC-USDT", "Ore", closed=lambda row: row)
