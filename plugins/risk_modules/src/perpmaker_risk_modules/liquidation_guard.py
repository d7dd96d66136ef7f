"""`liquidation_guard`: nothing is added to a position that is near to its liquidation, and it is left before that.

The distance is that from the mark price to the liquidation price, as a share of the mark price. The liquidation price
is the venue's own; where the venue tells none, it is reckoned from equity and maintenance margin of the account, and
reasons say so. A position without one cannot be liquidated by this market alone: nothing holds it back.

Remembered is which positions are near: one is until its distance is a tenth above `quote_below` again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Annotated

import attrs

from perpmaker import (
    Approved,
    Demand,
    DemandKind,
    Instrument,
    Percent,
    Position,
    Quote,
    Refused,
    RiskRequest,
    Verdict,
    View,
    Wake,
    liquidation_price,
    maintenance_margin,
)
from perpmaker_risk_modules.words import percent, setting

MARK_MAX_AGE_S = 5.0
"""By an older mark price no position is left, as no stop fires by one."""

HYSTERESIS = Decimal("1.1")


@attrs.frozen(kw_only=True)
class LiquidationGuardSettings:
    """The table [risk.liquidation_guard]: distances from the mark price; without `flatten_below` nothing is closed."""

    quote_below: Annotated[Decimal, Percent(above=0, below=100)] = Decimal("0.1")
    flatten_below: Annotated[Decimal | None, Percent(at_least=0, below=100, off=0)] = None

    def faults(self) -> Iterator[tuple[str, str]]:
        """Yield (key, what is allowed): nothing is added before anything is closed."""
        if self.flatten_below is not None and self.flatten_below >= self.quote_below:
            yield "flatten_below", f"must be below quote_below = {setting(self.quote_below)}"


def check(settings: LiquidationGuardSettings, request: RiskRequest) -> Iterator[tuple[str, str]]:
    """Yield what makes no sense beside the leverage: no isolated position begins further from its liquidation."""
    if not request.is_isolated:
        return

    most = 1 / Decimal(request.leverage)
    words = f"must be below {percent(most)}: at leverage {request.leverage} an isolated position is never further away"

    for key in ("quote_below", "flatten_below"):
        value = getattr(settings, key)

        if value is not None and value >= most:
            yield key, words


@attrs.frozen(kw_only=True)
class Distance:
    """How far a position is from its liquidation; `is_reckoned`: the venue does not tell its price."""

    price: Decimal
    share: Decimal
    is_reckoned: bool

    def __str__(self) -> str:
        """Say it as a reason does."""
        reckoned = "reckoned " if self.is_reckoned else ""

        return f"{reckoned}liquidation at {self.price.normalize():f} is {percent(self.share)} from the mark price"


class LiquidationGuard:
    """Looks at each position by itself; pure, its memory is the set of those that are near."""

    def __init__(self, settings: LiquidationGuardSettings, instrument: Instrument) -> None:  # noqa: ARG002  # as modules are built
        self._settings = settings

    def remember(self, view: View) -> object:
        """Answer which positions are near, the hysteresis counted in."""
        return frozenset(side for side, one in view.positions.items() if self._is_near(view, one))

    def demand(self, view: View) -> Demand | None:
        """Demand that everything is closed where a position has come too near; not by an old mark price."""
        below = self._settings.flatten_below

        if below is None or view.mark_age_s > MARK_MAX_AGE_S:
            return None

        for side, position in view.positions.items():
            distance = distance_of(view, position)

            if side in view.unproven or distance is None or (distance.is_reckoned and view.is_account_old):
                continue

            if distance.share < below:
                return Demand(kind=DemandKind.FLATTEN, reason=f"{distance}, below flatten_below = {setting(below)}")

        return None

    def wake(self, view: View) -> Wake:
        """Ask again when the mark price crosses what the distances are measured by."""
        lows: list[Decimal] = []
        highs: list[Decimal] = []

        for position in view.positions.values():
            distance = distance_of(view, position)

            if distance is None or view.mark is None:
                continue

            sign = 1 if position.amount > 0 else -1

            for crossed in self._marks(distance, sign):
                is_low = crossed <= view.mark if sign > 0 else crossed < view.mark
                (lows if is_low else highs).append(crossed)

        return Wake(mark_low=max(lows, default=None), mark_high=min(highs, default=None))

    def review(self, view: View, quote: Quote) -> Verdict:
        """Refuse a quote that adds to a position which is near to its liquidation."""
        side = quote.slot.position_side
        position = view.positions.get(side)
        near: object = view.memory

        if position is None or not isinstance(near, frozenset) or side not in near:
            return Approved(quote=quote)

        if quote.slot.side.sign * position.amount <= 0:
            return Approved(quote=quote)

        distance, mark = distance_of(view, position), f"quote_below = {setting(self._settings.quote_below)}"
        beyond = "below" if distance and distance.share < self._settings.quote_below else "not yet a tenth above"

        return Refused(quote=quote, reason=f"{distance}, {beyond} {mark}")

    def advise(self, view: View) -> Iterable[str]:
        """Say before a start that nothing could be judged."""
        if view.account.equity is None or view.account.maintenance_margin is None:
            yield (
                "the venue tells neither equity nor maintenance margin: a position counts only where the venue tells "
                "its liquidation price"
            )

    def _is_near(self, view: View, position: Position) -> bool:
        """Whether nothing is to be added to a position."""
        before: object = view.memory
        was_near = isinstance(before, frozenset) and position.side in before
        distance = distance_of(view, position)

        if distance is None:
            return False

        return distance.share < self._settings.quote_below * (HYSTERESIS if was_near else 1)

    def _marks(self, distance: Distance, sign: int) -> Iterator[Decimal]:
        """The mark prices at which something changes."""
        for share in (
            self._settings.quote_below,
            self._settings.quote_below * HYSTERESIS,
            self._settings.flatten_below,
        ):
            if share is not None and share < 1:
                yield distance.price / (1 - sign * share)


def distance_of(view: View, position: Position) -> Distance | None:
    """How far a position is from its liquidation; None where it has none, or nothing tells it."""
    mark = view.mark

    if mark is None or view.instrument.is_dust(position.amount):
        return None

    price = position.liquidation or _reckoned(view, position, mark)

    if price is None:
        return None

    sign = 1 if position.amount > 0 else -1

    return Distance(price=price, share=sign * (mark - price) / mark, is_reckoned=position.liquidation is None)


def _reckoned(view: View, position: Position, mark: Decimal) -> Decimal | None:
    """The liquidation price by what the account is told to have; None where it is not told."""
    margin, account, tiers = position.isolated_margin, view.account, view.instrument.tiers

    if margin is None:
        if account.equity is None or account.maintenance_margin is None:
            return None

        read_at = account.mark or mark
        others = account.maintenance_margin - maintenance_margin(tiers, position.amount * read_at)
        margin = account.equity - position.amount * (read_at - position.entry) - max(others, Decimal(0))

    found = liquidation_price(tiers, amount=position.amount, entry=position.entry, margin=margin)

    return None if found is None else view.instrument.price(view.instrument.ticks_down(found))
