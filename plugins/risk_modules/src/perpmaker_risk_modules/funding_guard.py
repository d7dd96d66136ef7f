"""`funding_guard`: positions that pay funding are left sooner, and nothing is added to them shortly before a payment.

While the size of the funding rate is above `threshold`, the profit-taking spread of the side that pays is multiplied by
`paying_factor`, and that of the side that receives by `receiving_factor`; a stop is never touched. Quotes that add to
the paying side are withheld within `withhold_minutes` before a payment.

Remembered is its stance, a value: which side pays, since when, and by which interval. It is left when the rate has come
20 % below the threshold, changes at most once a minute, and never in the last minute before a payment. Another interval
of the venue arms it anew: then the rate decides without waiting for the minute and without the 20 %. An old rate
changes nothing. After a restart the stance begins with the rate as it is then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from math import inf
from typing import Annotated

import attrs

from perpmaker import (
    Approved,
    Funding,
    Instrument,
    Percent,
    PositionSide,
    Quote,
    Range,
    Reason,
    Refused,
    RiskRequest,
    Rule,
    TargetFactors,
    Verdict,
    View,
    Wake,
)
from perpmaker_risk_modules.words import percent, setting

NAME = "funding_guard"
LEAVING = Decimal("0.8")
"""The part of the threshold at which the stance is left."""

LEAST_S = 60.0
"""Seconds between two changes, and before a payment without any."""

LOOK_S = 5.0
"""How often a rate that is not known is looked for."""

_DIGITS = 4
_PAYING = {1: "longs pay", -1: "shorts pay"}
_POSITIONS = {1: PositionSide.LONG, -1: PositionSide.SHORT}


@attrs.frozen(kw_only=True)
class FundingGuardSettings:
    """The table [risk.funding_guard]: `threshold` is the rate of one payment, whatever the venue's interval is."""

    threshold: Annotated[Decimal, Percent(above=0, below=100)]
    paying_factor: Annotated[Decimal, Range(above=0, at_most=1)] = Decimal("0.5")
    receiving_factor: Annotated[Decimal, Range(at_least=1, at_most=100)] = Decimal(2)
    withhold_minutes: Annotated[float, Range(at_least=0, at_most=480)] = 10.0

    def faults(self) -> Iterator[tuple[str, str]]:
        """Yield (key, what is allowed): with nothing to do the module would be there for nothing."""
        if self.paying_factor == self.receiving_factor == 1 and not self.withhold_minutes:
            yield "paying_factor", "must not be 1 beside receiving_factor = 1 and withhold_minutes = 0: nothing is left"


def check(settings: FundingGuardSettings, request: RiskRequest) -> Iterator[tuple[str, str]]:
    """Yield what makes no sense beside the rest of the file: a target at the entry price has no distance."""
    is_idle = settings.paying_factor == settings.receiving_factor == 1
    spreads = request.long_profit_taking_spread, request.short_profit_taking_spread

    if not is_idle and not any(spreads):
        words = "has nothing to multiply: long_profit_taking_spread and short_profit_taking_spread are 0"
        yield "paying_factor", f"{words}. Set them, or both factors to 1"


@attrs.frozen(kw_only=True)
class Stance:
    """Which side pays more than is borne: +1 the longs, -1 the shorts, 0 none; decided at `since` by this rate."""

    paying: int = 0
    rate: Decimal = Decimal(0)
    since: float = -inf
    interval_h: int | None = None


class FundingGuard:
    """Goes by the rate that the venue announces for the next payment; pure, its memory is its stance."""

    def __init__(self, settings: FundingGuardSettings, instrument: Instrument) -> None:  # noqa: ARG002  # as modules are built
        self._settings = settings

    def remember(self, view: View) -> object:
        """Answer the stance of now."""
        before = _stance(view)
        wanted = self._wanted(before, view.funding)

        if wanted is None or (wanted == before.paying and before.interval_h == view.funding.interval_h):
            return before

        if wanted == before.paying:
            return attrs.evolve(before, interval_h=view.funding.interval_h)

        if view.now < self._may_change_at(before, view):
            return before

        rate = view.funding.rate or Decimal(0)

        return Stance(paying=wanted, rate=rate, since=view.now, interval_h=view.funding.interval_h)

    def target_factors(self, view: View) -> TargetFactors | None:
        """Leave positions that pay sooner, and those that receive later."""
        stance, paying, receiving = _stance(view), self._settings.paying_factor, self._settings.receiving_factor

        if not stance.paying:
            return None

        long, short = (paying, receiving) if stance.paying > 0 else (receiving, paying)
        words = f"{_words(stance.paying, stance.rate)}, above threshold = {setting(self._settings.threshold)}"

        return TargetFactors(long=long, short=short, reason=words)

    def wake(self, view: View) -> Wake:
        """Ask again by the clock of payments, and when the rate asks for another stance."""
        stance, funding = _stance(view), view.funding
        times = [*self._times(view)]
        wanted = self._wanted(stance, funding)

        if wanted is None:  # until it is known again
            return Wake(at=_next([*times, view.now + LOOK_S], view.now))

        if wanted != stance.paying:  # as soon as a change is allowed
            return Wake(at=_next([*times, self._may_change_at(stance, view)], view.now))

        threshold = self._settings.threshold
        low: Decimal | None = -threshold
        high: Decimal | None = threshold

        if stance.paying:
            low, high = (LEAVING * threshold, None) if stance.paying > 0 else (None, -LEAVING * threshold)

        return Wake(at=_next(times, view.now), rate_low=low, rate_high=high)

    def review(self, view: View, quote: Quote) -> Verdict:
        """Refuse, shortly before a payment, what adds to the side that pays, or cut it to what closes the other."""
        stance = _stance(view)

        if not stance.paying or quote.slot.side.sign != stance.paying or not self._is_near_payment(view):
            return Approved(quote=quote)

        side = quote.slot.position_side

        if side is not PositionSide.NET and side is not _POSITIONS[stance.paying]:
            return Approved(quote=quote)  # of Hedge: it closes the position that receives

        left = ((view.funding.next_at or view.now) - view.now) / 60
        words = f"{_words(stance.paying, view.funding.rate or stance.rate)} in {left:.0f} min: nothing is added to them"
        closing = self._closing_lots(view, stance.paying, side)

        if closing >= quote.lots:
            return Approved(quote=quote)

        if closing <= 0:
            return Refused(quote=quote, reason=words)

        cut = Reason(Rule.RISK, f"{NAME}: {words}; cut to what closes", view.instrument.amount(closing))

        return Approved(quote=attrs.evolve(quote, lots=closing, reasons=(*quote.reasons, cut)))

    def advise(self, view: View) -> Iterable[str]:
        """Say before a start what it can do nothing about on this market."""
        funding = view.funding

        if funding.rate is None:
            yield "the venue tells no funding rate of this market: nothing will come of it"

        if funding.interval_h is not None and self._settings.withhold_minutes >= funding.interval_h * 60:
            minutes = f"withhold_minutes = {self._settings.withhold_minutes:g}"
            yield f"{minutes} is all of the interval of {funding.interval_h} h: the paying side is never added to"

    def _wanted(self, stance: Stance, funding: Funding) -> int | None:
        """The stance that the rate asks for; None where it is not known well enough to change anything."""
        rate = funding.rate

        if rate is None or funding.is_old:
            return None

        side = 1 if rate > 0 else -1
        is_armed = stance.paying == side and stance.interval_h == funding.interval_h
        stays = is_armed and abs(rate) >= LEAVING * self._settings.threshold

        return side if stays or abs(rate) > self._settings.threshold else 0

    def _may_change_at(self, stance: Stance, view: View) -> float:
        """From when on the stance may change."""
        next_at, is_same = view.funding.next_at, stance.interval_h == view.funding.interval_h
        earliest = max(stance.since + LEAST_S, view.now) if is_same else view.now

        return next_at if next_at is not None and next_at - LEAST_S <= earliest < next_at else earliest

    def _is_near_payment(self, view: View) -> bool:
        """Whether the next payment is so near that nothing is added to the side that pays."""
        next_at = view.funding.next_at

        return next_at is not None and 0 < next_at - view.now <= self._settings.withhold_minutes * 60

    def _times(self, view: View) -> Iterator[float]:
        """The moments around the next payment at which something begins or ends."""
        next_at = view.funding.next_at

        if next_at is not None:
            yield from (next_at - self._settings.withhold_minutes * 60, next_at)

    def _closing_lots(self, view: View, paying: int, side: PositionSide) -> int:
        """How much of a quote of the paying side's direction only closes a net position of the other side."""
        position = view.positions.get(side)

        if side is not PositionSide.NET or position is None or position.amount * paying >= 0:
            return 0

        return view.instrument.lots_down(abs(position.amount))


def _stance(view: View) -> Stance:
    """What was remembered."""
    memory: object = view.memory

    return memory if isinstance(memory, Stance) else Stance(interval_h=view.funding.interval_h)


def _words(paying: int, rate: Decimal) -> str:
    """Who pays how much."""
    return f"{_PAYING[paying]} {percent(abs(rate), _DIGITS)}"


def _next(times: Iterable[float], now: float) -> float | None:
    """The first moment that is still to come."""
    return min((at for at in times if at > now), default=None)
