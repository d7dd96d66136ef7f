"""Words, prices and amounts of a venue, to meanings and to the market's steps. Pure.

What is not finite, not positive where it must be, or not a multiple of the market's steps is a PayloadError; but an
order may lie between two steps: a liquidation's may be anywhere, and an order keeps its price and its amount when the
market's steps become others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from difflib import get_close_matches
from typing import Any, TypeVar

from perpmaker.connector.payload import Number, parse_amount, parse_price
from perpmaker.errors import MarketClosedError, PayloadError, UnknownMarketError
from perpmaker.model.instrument import Instrument

T = TypeVar("T")

_SHOWN = 3


def lookup(table: Mapping[str, T], word: str, path: str) -> T:
    """Return the meaning of a venue's word; PayloadError naming the word where it has none."""
    try:
        return table[word]
    except KeyError:
        raise PayloadError(f"{word!r} is none of {', '.join(table)}", path=path) from None


def find_market(markets: Mapping[str, T], market: str, venue: str, *, closed: Callable[[T], str] = lambda _: "") -> T:
    """Return what a venue lists under the name `BASE-QUOTE`.

    Args:
        markets: what the venue lists, by that name.
        market: the name.
        venue: the venue's name, for people.
        closed: the venue's word for why a market takes no orders now; empty where it takes them.

    Raises:
        UnknownMarketError: there is none; it names the nearest.
        MarketClosedError: it takes no orders.
    """
    if market not in markets:
        nearest = get_close_matches(market.upper(), markets, n=_SHOWN, cutoff=0.5)
        raise UnknownMarketError(market, venue, tuple(nearest))

    if word := closed(markets[market]):
        raise MarketClosedError(market, venue, word)

    return markets[market]


def exact_ticks(instrument: Instrument, value: Number, path: str) -> int:
    """Return a price in ticks; PayloadError where it is not a whole number of them."""
    try:
        return instrument.exact_ticks(parse_price(value, path=path))
    except ValueError as error:
        raise PayloadError(str(error), path=path) from None


def shown_lots(instrument: Instrument, value: Number, path: str) -> int:
    """Return the whole lots of what other people show or trade; their orders may lie between two lots."""
    return instrument.lots_down(parse_amount(value, path=path))


def order_ticks(instrument: Instrument, value: Number, path: str) -> int | None:
    """Return the price of an order in ticks; None without one, and for one between two ticks."""
    price = parse_amount(value, path=path)

    try:
        return instrument.exact_ticks(price) or None
    except ValueError:
        return None


def order_sizes(instrument: Instrument, amount: Number, filled: Number, path: str) -> dict[str, Any]:
    """Return the sizes of an `OrderReport`, by name.

    Where its lots are not known, it is what is left of it in base.
    """
    whole, done = parse_amount(amount, path=path), parse_amount(filled, path=path)
    lots, remaining = None, None

    try:
        lots = instrument.exact_lots(whole)
    except ValueError:
        remaining = max(Decimal(0), whole - done)

    return {"lots": lots, "filled_lots": instrument.lots_down(done), "remaining": remaining}


def order_terms(
    instrument: Instrument, price: Number, amount: Number, filled: Number, path: str = "$"
) -> dict[str, Any]:
    """Return price and sizes of an `OrderReport`, by name; see `order_ticks` and `order_sizes`."""
    sizes = order_sizes(instrument, amount, filled, f"{path}.amount")

    return {"ticks": order_ticks(instrument, price, f"{path}.price"), **sizes}


def trade_terms(instrument: Instrument, price: Number, amount: Number, path: str = "$") -> dict[str, int]:
    """Return price and amount of a `Traded`, by name; see `exact_ticks` and `shown_lots`."""
    lots = shown_lots(instrument, amount, f"{path}.amount")

    return {"ticks": exact_ticks(instrument, price, f"{path}.price"), "lots": lots}
