"""Inventory skew: the centre of the ladder moves against the position, so that fills bring it back.

Centre = reference x (1 - inventory_skew x inventory_skew_distance x clamp(net / cap, -1, 1)), where net is the signed
net position and cap what the risk module that bounds the exposure lets it come to. The ladder is laid around the centre
for the net position of a moment, and looked at again when that has moved by a twentieth of the cap.
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
CLOSES_AT_LOSS = "would close the position at a loss, below its entry price"
CLOSES_SHORT_AT_LOSS = "would close the position at a loss, above its entry price"


@attrs.frozen(kw_only=True)
class ClosingLoss:
    """The quotes that would realise a loss: of the closing `side`, nearer than `ticks`, the entry price rounded away.

    A quote at the entry price itself realises none; fees are not counted.
    """

    side: Side
    ticks: int
    reason: Reason

    def check(self, side: Side, *prices: int) -> Reason | None:
        """Why a quote at this price in ticks, or at one of these, is withheld; or None."""
        if side is not self.side or all(side.sign * (ticks - self.ticks) <= 0 for ticks in prices):
            return None

        return self.reason


@attrs.frozen(kw_only=True)
class Skewed:
    """The skew of one decision.

    `net`: the net position in base that the ladder is laid for, to be remembered; `has_moved`: it is another one than
    the resting ladder was laid for. `centre`: the price that the ladder is laid around, `reason` how far it lies from
    the reference (None: not at all). `floor`: the least distance from the reference, as a fraction, and `floor_name`
    what demands it. `loss`: the closing quotes that are withheld.
    """

    net: Decimal
    has_moved: bool
    centre: Reference
    reason: Reason | None
    floor: Decimal
    floor_name: str
    loss: ClosingLoss | None

    def lay(self, side: Side, ladder: Sequence[Level], reference: Reference) -> tuple[list[int], list[bool]]:
        """Return the prices of a side's levels in ticks, and which of them the floor keeps away from the reference."""
        own = ladder_ticks(side, ladder, self.centre)
        nearest = nearest_ticks(side, reference, self.floor)
        held = [side.sign * (ticks - nearest) > 0 for ticks in own]

        return [nearest if is_held else ticks for ticks, is_held in zip(own, held, strict=True)], held

    def may_close_again(self, side: Side, withheld: tuple[Reason, ...]) -> bool:
        """Whether a level was withheld for closing at a loss, and there is no position any more that it would close."""
        return withheld[-1].rule is Rule.SKEW and (self.loss is None or self.loss.side is not side)

    def reasons(self, *, is_held: bool) -> tuple[Reason, ...]:
        """Return what the skew adds to the chain of a level."""
        moved = () if self.reason is None else (self.reason,)

        if not is_held:
            return moved

        return (*moved, Reason(Rule.SKEW, f"no nearer to the reference than {self.floor_name}", self.floor))


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

    def at(self, view: View, reference: Reference, laid_for: Decimal | None) -> Skewed | None:
        """Return the skew of this moment, None where nothing says a cap.

        `laid_for`: the net position that the resting ladder was laid for, None where nothing rests.
        """
        cap = view.position_cap

        if cap is None:
            return None

        held = sum((position.amount for position in view.positions.values()), Decimal(0))
        has_moved = laid_for is not None and abs(held - laid_for) * STEPS >= cap
        net = held if laid_for is None or has_moved else laid_for
        factor, reason = self._factor(view.instrument, net, cap)

        return Skewed(
            net=net,
            has_moved=has_moved,
            centre=reference if reason is None else _moved(reference, factor),
            reason=reason,
            floor=self._floor,
            floor_name=self._floor_name,
            loss=None if self._may_lose else closing_loss(view),
        )

    def _factor(self, instrument: Instrument, net: Decimal, cap: Decimal) -> tuple[Fraction, Reason | None]:
        """The centre as a share of the reference, with the reason; worked out once for a net position."""
        known = self._known

        if known is None or known[:2] != (net, cap):
            share = self._strength * max(Fraction(-1), min(Fraction(1), Fraction(net) / Fraction(cap)))
            known = self._known = (net, cap, 1 - share, _words(instrument, net, cap, share))

        return known[2], known[3]


def closing_loss(view: View) -> ClosingLoss | None:
    """Return which quotes would close the One-way position at a loss; None where there is none, or no entry is known.

    In Hedge mode quotes only open.
    """
    position, instrument = view.positions.get(PositionSide.NET), view.instrument

    if position is None or instrument.is_dust(position.amount) or position.entry <= 0:
        return None

    side = opening_side(PositionSide.NET, 1 if position.amount > 0 else -1).opposite
    ticks = instrument.ticks_up(position.entry) if side is Side.SELL else instrument.ticks_down(position.entry)
    words = CLOSES_AT_LOSS if side is Side.SELL else CLOSES_SHORT_AT_LOSS

    return ClosingLoss(side=side, ticks=ticks, reason=Reason(Rule.SKEW, words, position.entry))


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
