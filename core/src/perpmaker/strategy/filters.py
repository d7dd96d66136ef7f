"""What a candidate quote must pass: the market's rules, its own distance, the book, and the money.

A filter answers with the reason to withhold, or None. Everything is integer arithmetic in ticks and lots.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_CEILING, Decimal
from math import inf

from perpmaker.model.instrument import Instrument
from perpmaker.model.margin import affordable_notional, bound_notional
from perpmaker.model.order import Side
from perpmaker.model.quote import Reason, Rule
from perpmaker.model.working_order import WorkingOrder
from perpmaker.state.view import View
from perpmaker.strategy.reference import Reference

_BUY, _SELL = Side.BUY, Side.SELL
_ZERO = Decimal(0)
_SHORT = "the balance does not carry its margin and fee"


class MarketFilter:
    """The market's own rules about a single order: amount, notional, price."""

    def __init__(self, instrument: Instrument) -> None:
        unit = instrument.tick * instrument.lot
        self._instrument = instrument
        self._min_lots = int((instrument.min_amount / instrument.lot).to_integral_value(ROUND_CEILING))
        self._max_lots = instrument.lots_down(instrument.max_amount)
        self._min_units = int((instrument.min_notional / unit).to_integral_value(ROUND_CEILING))
        self._min_ticks = max(1, instrument.ticks_up(instrument.min_price))
        self._max_ticks = inf if instrument.max_price is None else instrument.ticks_down(instrument.max_price)
        self._mark: Decimal | None = None
        self._band: dict[Side, float] = {side: side.sign * inf for side in Side}

    def check(self, side: Side, ticks: int, lots: int, mark: Decimal | None) -> Reason | None:
        """Why the market would not take this order, or None."""
        if mark is not self._mark:
            self._mark, self._band = mark, {side: self._last_in_band(side, mark) for side in Side}

        if (
            lots > 0
            and self._min_lots <= lots <= self._max_lots
            and self._min_ticks <= ticks <= self._max_ticks
            and ticks * lots >= self._min_units
            and side.sign * (ticks - self._band[side]) <= 0
        ):
            return None

        return self._broken_rule(side, ticks, lots)

    def _broken_rule(self, side: Side, ticks: int, lots: int) -> Reason:
        """The first rule that such an order breaks: of its amount, price and notional, each by itself, and the band.

        The venue bounds buys from above and sells from below, by the mark price.
        """
        instrument = self._instrument

        if lots <= 0 or lots < self._min_lots:
            return Reason(Rule.MIN_AMOUNT, "below the market's minimum amount", instrument.min_amount)

        if lots > self._max_lots:
            return Reason(Rule.MAX_AMOUNT, "above the market's maximum amount", instrument.max_amount)

        if ticks < self._min_ticks:
            return Reason(Rule.ROUNDING, "below the market's lowest price", instrument.min_price)

        if ticks > self._max_ticks:
            return Reason(Rule.ROUNDING, "above the market's highest price", instrument.max_price)

        if ticks * lots < self._min_units:
            return Reason(Rule.MIN_NOTIONAL, "below the market's minimum notional", instrument.min_notional)

        price = instrument.price(int(self._band[side]))

        return Reason(Rule.PRICE_BAND, "outside of the venue's own price band around the mark price", price)

    def _last_in_band(self, side: Side, mark: Decimal | None) -> float:
        """The last ticks that the venue takes."""
        share = self._instrument.band_up if side is Side.BUY else self._instrument.band_down

        if mark is None or share is None:
            return side.sign * inf

        limit = mark * share

        return self._instrument.ticks_down(limit) if side is Side.BUY else self._instrument.ticks_up(limit)


class MinimumSpread:
    """The nearest a quote may be to the reference: a bid at most reference x (1 - spread), mirrored for asks."""

    def __init__(self, spread: Decimal | None) -> None:
        self.spread = spread
        share = Decimal(0) if spread is None else spread
        self._share = {side: (1 - side.sign * share).as_integer_ratio() for side in Side}

    def nearest(self, side: Side) -> tuple[int, int]:
        """The nearest price allowed as a share of the reference: (numerator, denominator)."""
        return self._share[side]

    def check(self, side: Side, ticks: int, reference: Reference) -> Reason | None:
        """Why the price is too near, or None; exactly at the minimum is right."""
        if self.spread is None:
            return None

        over, under = self._share[side]
        beyond = side.sign * (ticks * under * reference.denominator - reference.numerator * over)

        return Reason(Rule.MINIMUM_SPREAD, "nearer than minimum_spread", self.spread) if beyond > 0 else None


def own_barriers(orders: Iterable[WorkingOrder]) -> dict[Side, int]:
    """Per side, the nearest price of our own live orders, in ticks: a quote at or through it would meet ourselves.

    A stop that rests on the venue is in no book: what it has is a trigger, on the far side of the market.
    """
    nearest: dict[Side, int] = {}

    for order in orders:
        new = order.order
        ticks, side = new.ticks, new.slot.side

        if new.type.is_conditional or ticks is None:
            continue

        if order.amended_from is not None:  # it may rest at either of two
            ticks = side.sign * max(side.sign * one for one in order.prices)

        if side not in nearest or side.sign * (ticks - nearest[side]) > 0:
            nearest[side] = ticks

    return nearest


class Taking:
    """Which prices would take, or meet one of our own orders, instead of resting: read from the book once a decision.

    `orders` are our own live ones.
    """

    def __init__(self, view: View, orders: Iterable[WorkingOrder]) -> None:
        own = own_barriers(orders)
        self._best = {_BUY: view.book.best_ask, _SELL: view.book.best_bid}
        self._own = {_BUY: own.get(_SELL, inf), _SELL: own.get(_BUY, -inf)}

    def check(self, side: Side, ticks: int) -> Reason | None:
        """Why a quote would not rest; None when it does."""
        best, own, sign = self._best[side], self._own[side], side.sign

        if best is None or sign * (ticks - best) >= 0:
            return Reason(Rule.NO_TAKING, "at or through the best price of the other side", best)

        if sign * (ticks - own) >= 0:
            return Reason(Rule.NO_TAKING, "at or through an order of our own on the other side", int(own))

        return None


class Allowance:
    """How much quotes may bind altogether, reckoned again when the capital is another one.

    Margin of a quote = notional / leverage + notional x taker fee. Counted in notional units of one tick x one lot.
    `max_margin` is the most that quotes may bind. `short` is why a quote is not granted that is beyond `limit`.
    """

    def __init__(self, instrument: Instrument, leverage: int, max_margin: Decimal | None = None) -> None:
        self._instrument = instrument
        self._leverage = leverage
        self._max_margin = max_margin
        self._capital: Decimal | None = None
        self.limit = 0
        self.short = Reason(Rule.BUDGET, _SHORT, _ZERO)

    def look(self, capital: Decimal | None) -> None:
        """Reckon with this capital, None where it is not known."""
        if capital is self._capital:
            return

        self._capital = capital
        capital, instrument = capital or _ZERO, self._instrument
        self.short = Reason(Rule.BUDGET, _SHORT, capital)

        if self._max_margin is not None and self._max_margin < capital:
            capital = self._max_margin
            self.short = Reason(Rule.BUDGET, "max_margin does not carry its margin and fee", capital)

        notional = affordable_notional(instrument, self._leverage, max(_ZERO, capital))
        self.limit = int(notional / (instrument.tick * instrument.lot))


class Budget:
    """What quotes may still take margin from, granted one quote at a time.

    `free_lots` per side reduce the position and need no margin. Of a capital that was read too long ago nothing is
    granted. `short` is why a quote is not granted.
    """

    def __init__(self, view: View, free_lots: dict[Side, int], allowance: Allowance | None = None) -> None:
        allowance = allowance or Allowance(view.instrument, view.leverage)
        allowance.look(view.capital)
        self.short = allowance.short
        self._limit = 0 if view.is_capital_stale else allowance.limit
        self._margin = view.instrument.order_margin
        self._used = {_BUY: 0, _SELL: 0}
        self._free = free_lots

    def count(self, side: Side, ticks: int, lots: int) -> None:
        """Take a resting quote into account, whether it fits or not: it has its margin already."""
        if self._free and side in self._free:
            free = min(lots, self._free[side])
            self._free[side] -= free
            lots -= free

        self._used[side] += ticks * lots

    def grant(self, side: Side, ticks: int, lots: int) -> bool:
        """Whether the quote fits whole, with no more held for all quotes than there is; if so it is counted."""
        needed = ticks * (max(0, lots - self._free.get(side, 0)) if self._free else lots)
        mine, other = self._used[side] + needed, self._used[side.opposite]

        if needed and bound_notional(self._margin, mine, other) > self._limit:
            return False

        self.count(side, ticks, lots)

        return True
