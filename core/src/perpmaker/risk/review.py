"""The review of quotes by risk modules: the first refusal wins, and no module may make a quote bolder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import zip_longest
from types import MappingProxyType

import attrs

from perpmaker.errors import RiskModuleError
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import Slot
from perpmaker.model.quote import Quote
from perpmaker.risk.interface import Approved, Refused, RiskModule
from perpmaker.state.view import View


@attrs.frozen(kw_only=True)
class Reviewed:
    """What came of a review: the quotes that may be sent, as the modules left them, and those that may not."""

    approved: tuple[Quote, ...] = ()
    refused: tuple[Refused, ...] = ()


def review(
    view: View,
    quotes: tuple[Quote, ...],
    modules: Sequence[RiskModule],
    memories: tuple[object, ...] = (),
    *,
    asking: Callable[[int], None] = lambda _: None,
) -> Reviewed:
    """Pass every quote through every module in turn; `memories` are what they remember, by their places.

    `asking` is told the place of each that is asked.

    From level 1 outward, the two sides in turn, so that what is left for a few goes to both. The view's `approved`
    shows each what was approved before it. Of several that cut or move a quote, so the smallest amount and the furthest
    price count.

    A module that raises, or that enlarges a quote, brings it nearer to the market or changes what it is, ends the
    review with an error (`RiskModuleError` for the latter): the caller pulls the market's quotes. A quote that the
    modules changed into what rests already stays that order, and keeps its queue place.
    """
    if not modules:
        return Reviewed(approved=quotes)

    approved: dict[Slot, Quote] = {}
    refused: list[Refused] = []
    seen = view.but(approved=MappingProxyType(approved), memory=None)
    seers = [
        (module, seen if memory is None else seen.but(memory=memory))
        for module, memory in zip_longest(modules, memories)
    ]

    for quote in sorted(quotes, key=lambda quote: quote.slot.level):
        verdict = _review_one(quote, seers, asking)

        if isinstance(verdict, Refused):
            refused.append(verdict)
        else:
            is_same = (verdict.ticks, verdict.lots) == (quote.ticks, quote.lots)  # a reason more changes no order
            approved[quote.slot] = verdict if is_same else _as_resting(view, verdict)

    left = tuple(approved[quote.slot] for quote in quotes if quote.slot in approved)

    return Reviewed(approved=left, refused=tuple(refused))


def _review_one(
    quote: Quote, seers: Sequence[tuple[RiskModule, View]], asking: Callable[[int], None]
) -> Quote | Refused:
    """The quote as all modules left it, or the first refusal; what is left must be an order that the market takes."""
    current = quote

    for place, (module, view) in enumerate(seers):
        asking(place)
        verdict = module.review(view, current)
        _check_kind(module, verdict)

        if isinstance(verdict, Refused):
            _check_refusal(module, verdict)
            return verdict if verdict.module else attrs.evolve(verdict, module=name_of(module))

        _check_bounds(module, current, verdict.quote)

        if verdict.quote.lots < current.lots and not _is_order(view.instrument, verdict.quote):
            left = view.instrument.amount(verdict.quote.lots)
            words = f"leaves {left:f} {view.instrument.base}, which is less than the market takes"
            return Refused(quote=current, reason=words, module=name_of(module))

        current = verdict.quote

    return current


def name_of(module: RiskModule) -> str:
    """What a module is called in the file, where that is known."""
    name = getattr(module, "name", None)

    return name if isinstance(name, str) else type(module).__name__


def _is_order(instrument: Instrument, quote: Quote) -> bool:
    """Whether the market takes an order of this size."""
    amount = instrument.amount(quote.lots)

    return amount >= instrument.min_amount and amount * instrument.price(quote.ticks) >= instrument.min_notional


def _as_resting(view: View, quote: Quote) -> Quote:
    """A changed quote as the order that rests in its slot, where price and amount are the same."""
    resting = view.orders.get(quote.slot)

    if resting is None or (resting.order.ticks, resting.order.lots) != (quote.ticks, quote.lots):
        return quote

    return attrs.evolve(quote, generation=resting.order.generation)


def _check_kind(module: RiskModule, verdict: object) -> None:
    """Raise RiskModuleError for an answer that is no verdict."""
    if isinstance(verdict, Refused) or (isinstance(verdict, Approved) and isinstance(verdict.quote, Quote)):
        return

    answered = f"{type(verdict).__name__} {verdict!r:.80}"
    raise RiskModuleError(f"review answered {answered}: neither Approved nor Refused", module=module)


def _check_refusal(module: RiskModule, refused: Refused) -> None:
    """Raise RiskModuleError unless a person can be told why it refuses."""
    reason: object = refused.reason

    if not isinstance(reason, str) or not reason:
        raise RiskModuleError(f"review refused with reason {reason!r:.40}: it must be a text", module=module)


def _check_bounds(module: RiskModule, before: Quote, after: Quote) -> None:
    """Raise RiskModuleError unless the quote is the same one, not larger and not nearer to the market."""
    name = type(module).__name__

    if (after.slot, after.generation) != (before.slot, before.generation):
        raise RiskModuleError(f"{name} answered for {before.slot} with another quote: {after.slot}", module=module)

    if type(after.lots) is not int or type(after.ticks) is not int:
        found = f"ticks {after.ticks!r:.40} and lots {after.lots!r:.40}"
        raise RiskModuleError(f"{name} answered for {before.slot} with {found}: both must be int", module=module)

    if not 0 < after.lots <= before.lots:
        text = f"{name} may only shrink {before.slot}: {before.lots} lots became {after.lots}"
        raise RiskModuleError(text, module=module)

    if before.slot.side.sign * (after.ticks - before.ticks) > 0 or after.ticks <= 0:
        text = f"{name} may only move {before.slot} away: {before.ticks} ticks became {after.ticks}"
        raise RiskModuleError(text, module=module)
