"""The market's own rules for orders: Decimal in, ticks and lots out, or the rule that was broken. Pure."""

from __future__ import annotations

from decimal import Decimal

from perpmaker.model.instrument import Instrument
from perpmaker.model.order import Side
from perpmaker.simulation.rejection import Rejection, RejectionError


def parse_ticks(instrument: Instrument, price: Decimal) -> int:
    """Return the ticks of a price. Rejected: PRICE_RANGE, TICK."""
    if not price.is_finite() or not _is_in_range(instrument, price):
        raise RejectionError(Rejection.PRICE_RANGE, str(price))

    try:
        return instrument.exact_ticks(price)
    except ValueError:
        raise RejectionError(Rejection.TICK, f"{price}, tick {instrument.tick}") from None


def _is_in_range(instrument: Instrument, price: Decimal) -> bool:
    most = instrument.max_price

    return price > 0 and price >= instrument.min_price and (most is None or price <= most)


def parse_lots(instrument: Instrument, amount: Decimal, *, market: bool) -> int:
    """Return the lots of an amount.

    `market` orders have a maximum of their own. Rejected: MIN_AMOUNT, MAX_AMOUNT, LOT.
    """
    if not amount.is_finite() or amount <= 0 or amount < instrument.min_amount:
        raise RejectionError(Rejection.MIN_AMOUNT, f"{amount}, minimum {instrument.min_amount}")

    most = instrument.max_market_amount if market else instrument.max_amount

    if amount > most:
        raise RejectionError(Rejection.MAX_AMOUNT, f"{amount}, maximum {most}")

    try:
        return instrument.exact_lots(amount)
    except ValueError:
        raise RejectionError(Rejection.LOT, f"{amount}, lot {instrument.lot}") from None


def check_band(instrument: Instrument, side: Side, price: Decimal, mark: Decimal) -> None:
    """Refuse a buy far above and a sell far below the mark. Rejected: BAND_UP, BAND_DOWN."""
    if side is Side.BUY and instrument.band_up is not None and price > mark * instrument.band_up:
        raise RejectionError(Rejection.BAND_UP, f"{price}, at most {mark * instrument.band_up}")

    if side is Side.SELL and instrument.band_down is not None and price < mark * instrument.band_down:
        raise RejectionError(Rejection.BAND_DOWN, f"{price}, at least {mark * instrument.band_down}")


def market_bound(instrument: Instrument, side: Side, mark: Decimal) -> int | None:
    """Return the last price in ticks at which a market order trades: what is left beyond the band expires."""
    factor = instrument.band_up if side is Side.BUY else instrument.band_down

    if factor is None or not mark:
        return None

    return instrument.ticks_down(mark * factor) if side is Side.BUY else instrument.ticks_up(mark * factor)


def check_notional(instrument: Instrument, price: Decimal, amount: Decimal) -> None:
    """Refuse what is worth too little. Rejected: MIN_NOTIONAL."""
    if price * amount < instrument.min_notional:
        raise RejectionError(Rejection.MIN_NOTIONAL, f"{price * amount}, minimum {instrument.min_notional}")
