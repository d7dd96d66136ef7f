"""Prices that the venue takes from the book (`priceMatch`), and orders that end by themselves (`goodTillDate`)."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from perpmaker.model.order import Side
from perpmaker_binance_perpetual.sandbox.parameter import Parameters
from perpmaker_binance_perpetual.sandbox.refusal import refusal
from perpmaker_binance_perpetual.sandbox.venue import Venue

NONE: Final = "NONE"
MATCHES: Final = {
    f"{side}{suffix}": (side, level)
    for side in ("OPPONENT", "QUEUE")
    for suffix, level in (("", 1), ("_5", 5), ("_10", 10), ("_20", 20))
}
"""Whose side of the book the price is on, and which level there; 1 is the best."""

GTD: Final = "GTD"
LEAST_LIFE_MS: Final = 600_000
LATEST_MS: Final = 253_402_300_799_000


def read_match(parameters: Parameters, order_type: str) -> str:
    """`priceMatch`, NONE when it was not sent: -5037 for no such, -5038 where the order has no price."""
    word = parameters.choice("priceMatch", {NONE, *MATCHES}, default=NONE, code=-5037)

    if word != NONE and order_type not in {"LIMIT", "STOP", "TAKE_PROFIT"}:
        raise refusal(-5038)

    if word != NONE and "price" in parameters:
        raise refusal(-1106, name="price")

    return word


def matched_price(venue: Venue, word: str, side: Side) -> Decimal:
    """The price that the book has there; -5041 where it is not that deep."""
    whose, level = MATCHES[word]
    book = venue.exchange.depth(level)
    levels = book.bids if (side is Side.BUY) is (whose == "QUEUE") else book.asks

    if len(levels) < level:
        raise refusal(-5041)

    return venue.instrument.price(levels[level - 1][0])


def read_good_till(venue: Venue, parameters: Parameters, time_in_force: str) -> int:
    """When the order ends, on the venue's clock and to the second; 0 for one that is not GTD. Refused: -1102, -5040."""
    if time_in_force != GTD:
        if "goodTillDate" in parameters:
            raise refusal(-1106, name="goodtilldate")

        return 0

    until_ms = parameters.integer("goodTillDate") // 1000 * 1000

    if not venue.server_ms() + LEAST_LIFE_MS < until_ms < LATEST_MS:
        raise refusal(-5040)

    return until_ms
