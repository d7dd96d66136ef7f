"""`volatility_guard`: quotes go, or move away, when the reference has moved by more than so much within so long.

The reference is the price source's newest word, where it is another market's, else the middle of the traded book. Its
way is kept in steps of a twentieth of `max_move`, 200 at most: between two of them it is not asked. Once it acts, it
does so until the reference has not been too far from anywhere within the time for `calm_s` more.

A quote that is moved away rests there as an order of the strategy's own; what rested before the guard acted and what
is placed while it acts is moved once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from itertools import pairwise
from operator import itemgetter
from typing import Annotated, Literal

import attrs

from perpmaker import (
    Approved,
    Demand,
    DemandKind,
    Instrument,
    Percent,
    Quote,
    Range,
    Reason,
    Refused,
    Rule,
    Slot,
    Verdict,
    View,
    Wake,
)

NAME = "volatility_guard"
STEPS = 20

MOST = 200
"""Places of the reference's way that are remembered at most, however small `max_move` is."""

_HALF = Decimal("0.5")
_PLACE = itemgetter(1)


@attrs.frozen(kw_only=True)
class VolatilityGuardSettings:
    """The table [risk.volatility_guard]: a move of more than `max_move` within `within_s` seconds is too much.

    Then quotes go (`pull`), or stand `widen_by` further from the market (`widen`), until it has been calm for `calm_s`.
    """

    max_move: Annotated[Decimal, Percent(above=0, below=100)]
    within_s: Annotated[float, Range(at_least=1, at_most=3600)] = 10.0
    action: Literal["pull", "widen"] = "pull"
    widen_by: Annotated[Decimal | None, Percent(above=0, below=100)] = None
    calm_s: Annotated[float, Range(at_least=1, at_most=3600)] = 30.0

    def faults(self) -> Iterator[tuple[str, str]]:
        """Yield (key, what is allowed): one action has a distance, the other none."""
        if self.action == "widen" and self.widen_by is None:
            yield "widen_by", 'is missing: action = "widen" needs it'

        if self.action == "pull" and self.widen_by is not None:
            yield "widen_by", 'does nothing with action = "pull": leave it out'


@attrs.frozen(kw_only=True)
class Moves:
    """What the guard remembers: where the reference was and when, oldest first, and until when it acts at least.

    `before`: what rested when it began to act, by slot: client id and price in ticks; None while it does not.
    """

    path: tuple[tuple[float, Decimal], ...] = ()
    until: float | None = None
    before: Mapping[Slot, tuple[str, int | None]] | None = None


class VolatilityGuard:
    """Watches how far the reference moves; what it knows is handed in and out."""

    def __init__(self, settings: VolatilityGuardSettings, _: Instrument) -> None:
        self._settings = settings
        far = f"{(settings.max_move * 100).normalize():f} % within {settings.within_s:g} s"
        self._reason = f"the reference has moved by more than {far}"

    def remember(self, view: View) -> Moves:
        """Add to the reference's way, and see whether it has gone too far."""
        known = view.memory if isinstance(view.memory, Moves) else Moves()
        price = reference_of(view)
        path = known.path if price is None else self._followed(known.path, price, view.now)

        if price is not None and (over_at := self._moved_until(path, price)) is not None:
            until = max(known.until or 0.0, over_at + self._settings.calm_s)
            orders = view.orders.items()
            before = {slot: (order.client_id, order.order.ticks) for slot, order in orders if slot.kind.is_quote}
            return Moves(path=path, until=until, before=before if known.before is None else known.before)

        if known.until is not None and view.now >= known.until:
            return Moves(path=path)

        return known if path is known.path else attrs.evolve(known, path=path)

    def demand(self, view: View) -> Demand | None:
        """Take all quotes off while it acts, where that is what it does."""
        if self._settings.action == "pull" and self._acts(view):
            return Demand(kind=DemandKind.PULL, reason=self._reason)

        return None

    def review(self, view: View, quote: Quote) -> Verdict:
        """Move the quote away while it acts, where that is what it does, but never one that it has moved."""
        widen_by = self._settings.widen_by

        if widen_by is None or not self._acts(view):
            return Approved(quote=quote)

        why = Reason(Rule.RISK, f"{NAME}: {self._reason}: further away by", widen_by)
        reasons = (*quote.reasons, why)

        if self._is_moved(view, quote):
            return Approved(quote=attrs.evolve(quote, reasons=reasons))

        sign, rounding = quote.slot.side.sign, ROUND_FLOOR if quote.slot.side.sign > 0 else ROUND_CEILING
        ticks = int((quote.ticks * (1 - sign * widen_by)).to_integral_value(rounding))

        if ticks <= 0:
            return Refused(quote=quote, reason=f"{self._reason}: no price is left further away")

        return Approved(quote=attrs.evolve(quote, ticks=ticks, reasons=reasons))

    def wake(self, view: View) -> Wake:
        """Ask again when the book has moved by a step, and when it may be over."""
        memory = view.memory if isinstance(view.memory, Moves) else Moves()
        step = self._settings.max_move / STEPS
        bid, ask = view.book.best_bid, view.book.best_ask

        if view.external_reference or bid is None or ask is None:
            return Wake(at=memory.until)

        return Wake(
            at=memory.until,
            bid_low=_inner(bid, 1 - step),
            bid_high=int(bid * (1 + step)),
            ask_low=_inner(ask, 1 - step),
            ask_high=int(ask * (1 + step)),
        )

    def _acts(self, view: View) -> bool:
        """Whether it acts now."""
        return isinstance(view.memory, Moves) and view.memory.until is not None

    def _is_moved(self, view: View, quote: Quote) -> bool:
        """Whether the quote is an order that rests, and was placed since it acts."""
        order, memory = view.orders.get(quote.slot), view.memory

        if order is None or not isinstance(memory, Moves) or memory.before is None:
            return False

        rests = order.order
        is_that = (rests.ticks, rests.lots, rests.generation) == (quote.ticks, quote.lots, quote.generation)

        return is_that and memory.before.get(quote.slot) != (order.client_id, rests.ticks)

    def _followed(
        self, path: tuple[tuple[float, Decimal], ...], price: Decimal, now: float
    ) -> tuple[tuple[float, Decimal], ...]:
        """The reference's way with where it is now, and without what is over: a place counts until the next one."""
        began = now - self._settings.within_s
        over = sum(at <= began for at, _ in path)
        kept = path[over - 1 :] if over > 1 else path

        if kept and abs(price - kept[-1][1]) * STEPS < self._settings.max_move * kept[-1][1]:
            return kept

        return (*(kept if len(kept) < MOST else _thinned(kept)), (now, price))

    def _moved_until(self, path: tuple[tuple[float, Decimal], ...], price: Decimal) -> float | None:
        """Until when the reference is too far from where it was within the time, if it stays; None where it is not."""
        most, within_s = self._settings.max_move, self._settings.within_s
        left = [at for (_, place), (at, _) in pairwise(path) if abs(price - place) > most * place]

        return max(left) + within_s if left else None


def _thinned(path: tuple[tuple[float, Decimal], ...]) -> tuple[tuple[float, Decimal], ...]:
    """Of each stretch of a way its lowest and its highest place, which then count until the next one that is left.

    So no move is overlooked; one may be held against the reference for a few stretches longer.
    """
    size = -(-len(path) // (MOST // 4))
    kept: list[tuple[float, Decimal]] = []

    for began in range(0, len(path), size):
        stretch = path[began : began + size]
        kept.extend(sorted({min(stretch, key=_PLACE), max(stretch, key=_PLACE)}))

    return tuple(kept)


def reference_of(view: View) -> Decimal | None:
    """Return the price whose moves count; None while there is none."""
    if view.external_reference:
        word = view.reference

        if word is None:
            return None

        if word.price is not None:
            return word.price

        return (word.bid + word.ask) * _HALF if word.bid is not None and word.ask is not None else word.last

    bid, ask = view.book.best_bid, view.book.best_ask

    if not view.book_ok or bid is None or ask is None or bid >= ask:
        return None

    return view.instrument.tick * (bid + ask) * _HALF


def _inner(ticks: int, share: Decimal) -> int:
    """The lowest whole number of ticks that is not below the share."""
    return max(1, int((ticks * share).to_integral_value(ROUND_CEILING)))
