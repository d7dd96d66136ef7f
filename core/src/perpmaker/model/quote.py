"""What a strategy wants, each with the chain of reasons that led there."""

from __future__ import annotations

from decimal import Decimal
from enum import unique
from math import isfinite
from operator import attrgetter
from typing import TypeAlias

import attrs

from perpmaker.model.order import OrderType, PositionSide, Side, Slot, StopTrigger
from perpmaker.model.quick import quick
from perpmaker.model.word import Word


@unique
class Rule(Word):
    """The rule that a reason speaks of; `why` groups and words by it."""

    REFERENCE = "reference"
    SPREAD = "spread"
    SKEW = "inventory skew"
    OVERRIDE = "override"
    OPTIMISATION = "optimisation"
    ROUNDING = "rounding"
    MIN_AMOUNT = "minimum amount"
    MIN_NOTIONAL = "minimum notional"
    MAX_AMOUNT = "maximum amount"
    PRICE_BAND = "price band"
    NO_TAKING = "no taking"
    BUDGET = "budget"
    MINIMUM_SPREAD = "minimum spread"
    REFRESH = "refresh"
    TOLERANCE = "tolerance"
    FILLED_DELAY = "filled delay"
    VANISHED = "vanished"
    HOLD = "position held"
    STALE = "stale"
    STOPPED = "stop loss"
    MODE = "mode"
    RISK = "risk"
    TARGET = "profit taking"


@quick
@attrs.frozen
class Reason:
    """One step of the chain: the rule, what it did in words a trader uses, and the value it left, if any."""

    rule: Rule
    text: str
    value: Decimal | int | None = None


@quick
@attrs.frozen
class Quote:
    """A quote that should rest: price in ticks, amount in lots. Equal to the resting order of its slot: kept."""

    slot: Slot
    ticks: int
    lots: int
    generation: int
    reasons: tuple[Reason, ...] = ()


@quick
@attrs.frozen(kw_only=True)
class Withheld:
    """A level that is not quoted now, and why; the last reason decides. `until`: when that ends by itself, if known."""

    slot: Slot
    reasons: tuple[Reason, ...]
    until: float | None = None


@quick
@attrs.frozen(kw_only=True)
class TakeProfit:
    """The closing limit order that should rest for a position."""

    slot: Slot
    ticks: int
    lots: int
    reasons: tuple[Reason, ...] = ()


@quick
@attrs.frozen(kw_only=True)
class StopLoss:
    """The order that ends a position at a loss: `ticks` is None for a market order."""

    slot: Slot
    ticks: int | None
    lots: int
    type: OrderType
    reasons: tuple[Reason, ...] = ()


@quick
@attrs.frozen(kw_only=True)
class VenueStop:
    """The stop that should rest on the venue, fired at `ticks` by the price that `trigger` names.

    `whole`: it closes whatever the position is by then; otherwise just `lots`, as the bridge over which one is moved.
    `sized`: the venue keeps stops of an amount only, so that a resting one has to be for exactly `lots`.
    """

    slot: Slot
    ticks: int
    lots: int
    reasons: tuple[Reason, ...] = ()
    trigger: StopTrigger = StopTrigger.MARK
    whole: bool = True
    sized: bool = False


@attrs.frozen(kw_only=True)
class VenueTarget:
    """The order that waits on the venue to close a position at a profit: at `ticks`, at no price beyond `limit`."""

    slot: Slot
    ticks: int
    lots: int
    limit: int
    reasons: tuple[Reason, ...] = ()


@attrs.frozen(kw_only=True)
class Close:
    """A market order for the whole position: a person's wish to be flat, or the last resort of a refused target."""

    slot: Slot
    lots: int
    reasons: tuple[Reason, ...] = ()


Exit: TypeAlias = TakeProfit | StopLoss | VenueStop | VenueTarget | Close


@quick
@attrs.frozen(kw_only=True)
class Wake:
    """When to decide again: at a time, or when a watched value leaves its bounds (inclusive; None: any).

    The decision would be the same while the watched values stay within their bounds, no own order, position, capital,
    mode, permission or external reference changes, the book stays usable (or not), and the time has not come; so
    nothing is computed then. Best bid and ask of other people and the last trade are in ticks; an empty side (and a
    trade that never was) counts as 0 ticks, and is therefore outside of any bound above 0. `rate` is that of funding.
    """

    at: float | None = None
    bid_low: int | None = None
    bid_high: int | None = None
    ask_low: int | None = None
    ask_high: int | None = None
    trade_low: int | None = None
    trade_high: int | None = None
    mark_low: Decimal | None = None
    mark_high: Decimal | None = None
    rate_low: Decimal | None = None
    rate_high: Decimal | None = None

    def holds(
        self, now: float, *, bid: int | None, ask: int | None, trade: int | None = None, mark: Decimal | None = None
    ) -> bool:
        """Whether nothing needs to be decided yet: the time has not come and every value is within its bounds."""
        at, low, high = self.at, self.bid_low, self.bid_high

        if at is not None and now >= at:
            return False

        if low is not None or high is not None:
            known = 0 if bid is None else bid

            if (low is not None and known < low) or (high is not None and known > high):
                return False

        low, high = self.ask_low, self.ask_high

        if low is not None or high is not None:
            known = 0 if ask is None else ask

            if (low is not None and known < low) or (high is not None and known > high):
                return False

        return _within(trade, self.trade_low, self.trade_high) and _within(mark, self.mark_low, self.mark_high)

    @property
    def watches_rate(self) -> bool:
        """Whether the funding rate is bounded, which few decisions look at."""
        return self.rate_low is not None or self.rate_high is not None

    def holds_at(self, rate: Decimal | None) -> bool:
        """Whether the funding rate is within its bounds."""
        return _within(rate, self.rate_low, self.rate_high)


def _within(value: Decimal | int | None, low: Decimal | int | None, high: Decimal | int | None) -> bool:
    """Whether low <= value <= high, where an absent value counts as 0 and an absent bound as none."""
    if low is None and high is None:
        return True

    known = 0 if value is None else value

    return (low is None or known >= low) and (high is None or known <= high)


_BOUNDS = tuple(field.name for field in attrs.fields(Wake) if field.name != "at")
_bounds = attrgetter(*_BOUNDS)
_COUNTED = {int, type(None)}


def check_wake(wake: Wake) -> None:
    """TypeError or ValueError unless it is a time and bounds that can be compared with those of the market."""
    found: object = wake

    if not isinstance(found, Wake):
        raise TypeError(f"wake is {type(found).__name__}, not Wake")

    if wake.at is not None and not isfinite(wake.at):
        raise ValueError(f"wake.at is {wake.at}")

    bounds = _bounds(wake)

    if not {*map(type, bounds)} - _COUNTED:  # ticks, which most are
        return

    for name, bound in zip(_BOUNDS, bounds, strict=True):
        if bound is not None and not isinstance(bound, (int, Decimal)):
            raise TypeError(f"wake.{name} is {bound!r:.40}, no number")

        if isinstance(bound, Decimal) and not bound.is_finite():
            raise ValueError(f"wake.{name} is {bound}")


@attrs.frozen(kw_only=True)
class TargetFactors:
    """By how much a risk module multiplies the distance of targets from the entry price: of longs, and of shorts.

    1 leaves it as it is set; `reason` is shown to people, and `module`, whose it is, is filled in.
    """

    long: Decimal = Decimal(1)
    short: Decimal = Decimal(1)
    reason: str = ""
    module: str = ""

    @property
    def leave(self) -> bool:
        """Whether targets are as they are set."""
        return self.long == self.short == 1


@quick
@attrs.frozen(kw_only=True)
class Wanted:
    """What one decision of a strategy comes to: quotes that should rest, levels withheld, memory, when to ask again.

    `stands_once_placed`: the strategy need not be asked again because the venue has taken these quotes, and no other
    order: it would answer the very same.
    """

    quotes: tuple[Quote, ...] = ()
    withheld: tuple[Withheld, ...] = ()
    memory: object = None
    wake: Wake = Wake()
    stands_once_placed: bool = False


@quick
@attrs.frozen(kw_only=True)
class WantedExits:
    """What one decision about exits comes to.

    `no_quotes_for` names the position sides whose quotes must go now and stay away (a stop has fired and the
    position is not flat yet). `withheld` are exits that are not sent now, each with why; `awaited` those that should
    rest, and were refused a moment ago: each waits for its next try.
    """

    exits: tuple[Exit, ...] = ()
    withheld: tuple[Withheld, ...] = ()
    awaited: tuple[Exit, ...] = ()
    no_quotes_for: frozenset[PositionSide] = frozenset()
    memory: object = None
    wake: Wake = Wake()


def opening_side(position: PositionSide, amount_sign: int) -> Side:
    """The side that adds to a position: of LONG buy, of SHORT sell, of a net one the side of its sign."""
    if position is PositionSide.NET:
        return Side.BUY if amount_sign > 0 else Side.SELL

    return Side.BUY if position is PositionSide.LONG else Side.SELL
