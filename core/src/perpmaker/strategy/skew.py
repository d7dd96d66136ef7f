"""Inventory skew: the centre of the ladder moves against the position, so that fills bring it back.

Centre = reference x (1 - inventory_skew x inventory_skew_distance x clamp(net / cap, -1, 1)), where net is the signed
net position and cap what the risk module that bounds the exposure lets it come to. The ladder is laid around the centre
for the net position of a moment, and looked at again when that has moved by a twentieth of the cap.

Unless `skew_may_close_at_loss` says so, the skew brings no closing quote beyond the entry price: such a quote stands at
the entry price, or, where the market has passed that, as far from the reference as it would without skew.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

import attrs

from perpmaker.model.instrument import Instrument
from perpmaker.model.order import PositionSide, Side
from perpmaker.model.quote import Reason, Rule, opening_side
from perpmaker.state.view import View
from perpmaker.strategy.ladder import Level, ladder_ticks, least_distance, nearest_ticks
from perpmaker.strategy.reference import Reference
from perpmaker.strategy.settings import StrategySettings

STEPS = 20
"""The net position is looked at again when it has moved by the cap divided by this: 5 % (strategy.md)."""

_SHOWN = Decimal("1e-6")
_HELD_BACK = "no nearer: closing beyond the entry price would realise a loss"


@attrs.frozen(kw_only=True)
class ClosingLine:
    """Where closing begins to lose: the closing `side`, and the `entry` price, rounded away, in `ticks`.

    A quote at the entry price itself loses nothing; fees are not counted.
    """

    side: Side
    ticks: int
    entry: Decimal

    def is_beyond(self, side: Side, ticks: int) -> bool:
        """Whether a quote would close at a loss."""
        return side is self.side and side.sign * (ticks - self.ticks) > 0

    def hold(self, side: Side, skewed: int, plain: int) -> int:
        """Return the price that the skew may bring a quote to, of where it would stand with skew and without."""
        if not self.is_beyond(side, skewed):
            return skewed

        allowed = max(plain, self.ticks) if side is Side.BUY else min(plain, self.ticks)

        return min(skewed, allowed) if side is Side.BUY else max(skewed, allowed)


@attrs.frozen(kw_only=True)
class LaidFor:
    """What a ladder that rests was laid for: the net position in base, and where closing it began to lose then."""

    net: Decimal
    line: ClosingLine | None = None


@attrs.frozen(kw_only=True)
class Skewed:
    """The skew of one decision.

    `net`: the net position in base that the ladder is laid for; `has_moved`: what the resting ladder was laid for is so
    no more. `centre`: the price that the ladder is laid around, `reason` how far it lies from
    the reference (None: not at all). `floor`: the least distance from the reference, as a fraction, and `floor_name`
    what demands it. `line`: where closing would begin to lose, None where that holds nothing back.
    """

    net: Decimal
    has_moved: bool
    centre: Reference
    reason: Reason | None
    floor: Decimal
    floor_name: str
    line: ClosingLine | None

    def lay(
        self, side: Side, ladder: Sequence[Level], reference: Reference
    ) -> tuple[list[int], list[tuple[Reason, ...]]]:
        """Return the prices of a side's levels in ticks, and what the skew adds to the chain of each."""
        nearest = nearest_ticks(side, reference, self.floor)
        plain = ladder_ticks(side, ladder, reference) if self.line is not None and self.line.side is side else None
        prices: list[int] = []
        chains: list[tuple[Reason, ...]] = []

        for place, own in enumerate(ladder_ticks(side, ladder, self.centre)):
            reasons: tuple[Reason, ...] = () if self.reason is None else (self.reason,)
            ticks = own

            if side.sign * (own - nearest) > 0:
                ticks = nearest
                words = f"no nearer to the reference than {self.floor_name}"
                reasons = (*reasons, Reason(Rule.SKEW, words, self.floor))

            if plain is not None and (held := self.hold(side, ticks, plain[place])) != ticks:
                ticks = held
                reasons = (*reasons, Reason(Rule.SKEW, _HELD_BACK, None if self.line is None else self.line.entry))

            prices.append(ticks)
            chains.append(reasons)

        return prices, chains

    @property
    def laid_for(self) -> LaidFor:
        """What the ladder is laid for, to be remembered."""
        return LaidFor(net=self.net, line=self.line)

    def hold(self, side: Side, skewed: int, plain: int) -> int:
        """Return the price that a quote may be brought to, of where it would stand with skew and without."""
        return skewed if self.line is None else self.line.hold(side, skewed, plain)


class InventorySkew:
    """Skews ladders by what is held; what it keeps follows from the net position alone."""

    def __init__(self, settings: StrategySettings, instrument: Instrument) -> None:
        self._strength = Fraction(settings.inventory_skew or 0) * Fraction(settings.skew_distance)
        self._may_lose = settings.skew_may_close_at_loss
        self._floor = least_distance(settings, instrument)
        self._floor_name = "minimum_spread" if self._floor == settings.minimum_spread else "the maker fee"
        self._known: tuple[Decimal, Decimal, Fraction, Reason | None] | None = None

    @classmethod
    def of(cls, settings: StrategySettings, instrument: Instrument) -> InventorySkew | None:
        """Return the skew of these settings, None where it is off."""
        return None if settings.inventory_skew is None else cls(settings, instrument)

    def at(self, view: View, reference: Reference, laid_for: LaidFor | None) -> Skewed | None:
        """Return the skew of this moment, None where nothing says a cap. `laid_for`: None where nothing rests."""
        cap = view.position_cap

        if cap is None:
            return None

        held = sum((position.amount for position in view.positions.values()), Decimal(0))
        line = None if self._may_lose else closing_line(view)
        has_moved = laid_for is not None and (
            abs(held - laid_for.net) * STEPS >= cap or _is_passed(view, laid_for.line, line)
        )
        net = held if laid_for is None or has_moved else laid_for.net
        factor, reason = self._factor(view.instrument, net, cap)

        return Skewed(
            net=net,
            has_moved=has_moved,
            centre=reference if reason is None else _moved(reference, factor),
            reason=reason,
            floor=self._floor,
            floor_name=self._floor_name,
            line=line,
        )

    def _factor(self, instrument: Instrument, net: Decimal, cap: Decimal) -> tuple[Fraction, Reason | None]:
        """The centre as a share of the reference, with the reason; worked out once for a net position."""
        known = self._known

        if known is None or known[:2] != (net, cap):
            share = self._strength * max(Fraction(-1), min(Fraction(1), Fraction(net) / Fraction(cap)))
            known = self._known = (net, cap, 1 - share, _words(instrument, net, cap, share))

        return known[2], known[3]


def closing_line(view: View) -> ClosingLine | None:
    """Return where closing the One-way position begins to lose; None where there is none, or no entry is known.

    In Hedge mode quotes only open.
    """
    position, instrument = view.positions.get(PositionSide.NET), view.instrument

    if position is None or instrument.is_dust(position.amount) or position.entry <= 0:
        return None

    side = opening_side(PositionSide.NET, 1 if position.amount > 0 else -1).opposite
    ticks = instrument.ticks_up(position.entry) if side is Side.SELL else instrument.ticks_down(position.entry)

    return ClosingLine(side=side, ticks=ticks, entry=position.entry)


def _is_passed(view: View, before: ClosingLine | None, now: ClosingLine | None) -> bool:
    """Whether a closing quote rests that lost nothing when it was laid, and would now: the entry price has moved."""
    if before is None or now is None or before == now or before.side is not now.side:
        return False

    return any(
        now.is_beyond(slot.side, ticks) and not before.is_beyond(slot.side, ticks)
        for slot, order in view.orders.items()
        if slot.kind.is_quote and slot.side is now.side
        for ticks in order.prices
    )


def _moved(reference: Reference, factor: Fraction) -> Reference:
    """A price that is so many times the reference. It follows nothing: what watches the market goes by the latter."""
    return Reference(
        numerator=reference.numerator * factor.numerator,
        denominator=reference.denominator * factor.denominator,
        price=reference.price,
        reason=reference.reason,
    )


def _words(instrument: Instrument, net: Decimal, cap: Decimal, share: Fraction) -> Reason | None:
    """Say how far the centre lies from the reference, and for what."""
    if share == 0:
        return None

    distance = Decimal(share.numerator) / Decimal(share.denominator)
    place = "below" if distance > 0 else "above"
    shown = (abs(distance) * 100).quantize(_SHOWN).normalize()
    held = f"{'long' if net > 0 else 'short'} {abs(net).normalize():f} of {cap.normalize():f} {instrument.base}"

    return Reason(Rule.SKEW, f"{held}: the ladder's centre is {shown:f} % {place} the reference", -distance)
