"""The price that quotes hang on: which one, whether it may be trusted, and how it answers to the book."""

from __future__ import annotations

from decimal import Decimal
from math import gcd

import attrs

from perpmaker.model.event import ReferenceChanged
from perpmaker.model.instrument import Instrument
from perpmaker.model.quick import quick
from perpmaker.model.quote import Reason, Rule
from perpmaker.state.view import View
from perpmaker.strategy.settings import DEFAULT_MAX_AGE_S, PriceType

RECOVERY_S = 1.0
"""How long a reference must have been good before quotes that were pulled come back."""

FARTHEST = Decimal("0.2")
"""How far from the traded market's mid an external reference is believed where nothing else is said, as a fraction."""

NEAR_S = 5.0
"""How long an external reference that was too far from the traded market must have been nearer (strategy.md)."""


@quick
@attrs.frozen(kw_only=True)
class Reference:
    """A reference price as an exact number of ticks, `numerator / denominator`, and the reason that tells it.

    `bid_weight`, `ask_weight` and `trade_weight` say how the price follows best bid, best ask and last trade:
    price in ticks = (bid_weight x bid + ask_weight x ask + trade_weight x trade) / denominator; all 0 when it does not.
    """

    numerator: int
    denominator: int
    price: Decimal
    reason: Reason
    bid_weight: int = 0
    ask_weight: int = 0
    trade_weight: int = 0


@attrs.frozen(kw_only=True)
class NoReference:
    """There is no price to quote from.

    `stale` when only time (a feed coming alive) can tell that there is again.

    `deviates`: there is one, from outside, and it is too far from the traded market.
    """

    reason: Reason
    stale: bool = False
    deviates: bool = False


def book_max_age_s(view: View, max_age_s: float) -> float:
    """The age from which the traded book is stale: what was set is about the price source, where that is another."""
    return DEFAULT_MAX_AGE_S if view.external_reference else max_age_s


def source_age_s(view: View, price_type: PriceType) -> float | None:
    """Return the age of the feed that the price comes from.

    None where that is the traded book, which has its own, or us.
    """
    if price_type == "last_own_trade_price" and view.last_own_trade is not None:
        return None

    if view.external_reference:
        return view.reference_age_s

    return view.trade_age_s if price_type == "last_price" else None


def read_reference(
    view: View, price_type: PriceType, max_age_s: float, max_deviation: Decimal | None = FARTHEST
) -> Reference | NoReference:
    """Return the reference of this moment, or why there is none.

    `max_deviation`: how far an external one may be from the traded market's mid, as a fraction of it (None: any).
    The traded book must be usable whatever the source: synchronised, alive, two-sided, not crossed.
    """
    book = view.book
    bid, ask = book.best_bid, book.best_ask

    if not view.book_ok or view.book_age_s >= book_max_age_s(view, max_age_s):
        return NoReference(reason=Reason(Rule.STALE, "the traded book is not up to date"), stale=True)

    if bid is None or ask is None:
        return NoReference(reason=Reason(Rule.REFERENCE, "a side of the traded book is empty without our own orders"))

    if bid >= ask:
        return NoReference(reason=Reason(Rule.REFERENCE, "the traded book is crossed"))

    if price_type == "last_own_trade_price" and view.last_own_trade is not None:
        return _from_ticks(view, view.last_own_trade, 1, "last own trade")

    if view.external_reference:
        mid = view.instrument.price(bid + ask) / 2

        return _believed(view, _external(view, price_type, max_age_s), mid, max_deviation)

    return _traded(view, price_type, max_age_s, bid=bid, ask=ask)


def _traded(view: View, price_type: PriceType, max_age_s: float, *, bid: int, ask: int) -> Reference | NoReference:
    """The reference out of the traded market itself."""
    if price_type == "best_bid":
        return _from_ticks(view, bid, 1, "best bid", bid_weight=1)

    if price_type == "best_ask":
        return _from_ticks(view, ask, 1, "best ask", ask_weight=1)

    if price_type == "last_price":
        trade = view.last_trade

        if trade is None or trade <= 0:
            return NoReference(reason=Reason(Rule.REFERENCE, "nothing has been traded yet"))

        if view.trade_age_s >= max_age_s:
            return NoReference(reason=Reason(Rule.STALE, "the trades are not up to date"), stale=True)

        return _from_ticks(view, trade, 1, "last trade", trade_weight=1)

    return _mid(view, bid + ask)


class ReferenceReader:
    """Reads the reference, and hands out the same one while the price that it comes from is the same."""

    def __init__(self, price_type: PriceType, max_age_s: float, max_deviation: Decimal | None) -> None:
        self._price_type = price_type
        self._max_age_s = max_age_s
        self._max_deviation = max_deviation
        self._known: tuple[Instrument, int, Reference] | None = None

    def read(self, view: View) -> Reference | NoReference:
        """Return the reference of this moment, or why there is none; see `read_reference`."""
        if self._price_type == "mid_price" and not view.external_reference and view.book_age_s < self._max_age_s:
            bid, ask = view.book.best_bid, view.book.best_ask
            known = self._known

            if bid is not None and ask is not None and view.book_ok and bid < ask:
                if known is None or known[0] is not view.instrument or known[1] != bid + ask:
                    known = self._known = (view.instrument, bid + ask, _mid(view, bid + ask))

                return known[2]

        return read_reference(view, self._price_type, self._max_age_s, self._max_deviation)


def _mid(view: View, doubled: int) -> Reference:
    """The middle between best bid and best ask, of which this is the sum in ticks."""
    return _from_ticks(view, doubled, 2, "mid", bid_weight=1, ask_weight=1)


def _from_ticks(view: View, numerator: int, denominator: int, name: str, **weights: int) -> Reference:
    """A reference of our own market's ticks; `weights` are those of `Reference`."""
    price = view.instrument.price(numerator) / denominator
    reason = Reason(Rule.REFERENCE, name, price)

    return Reference(numerator=numerator, denominator=denominator, price=price, reason=reason, **weights)


def _external(view: View, price_type: PriceType, max_age_s: float) -> Reference | NoReference:
    """The reference out of an external source's newest word."""
    word = view.reference

    if word is None:
        return NoReference(reason=Reason(Rule.REFERENCE, "the price source has not spoken yet"))

    if view.reference_age_s >= max_age_s:
        return NoReference(reason=Reason(Rule.STALE, "the price source is not up to date"), stale=True)

    if word.doubt:
        return NoReference(reason=Reason(Rule.REFERENCE, word.doubt))

    name, price = _price_of(word, price_type)

    if price is None or price <= 0:
        return NoReference(reason=Reason(Rule.REFERENCE, f"the price source gives no usable {price_type}"))

    if word.bid is not None and word.ask is not None and word.bid > word.ask:
        return NoReference(reason=Reason(Rule.REFERENCE, "the price source's book is crossed"))

    return _from_price(view.instrument, price, name)


def _price_of(word: ReferenceChanged, price_type: PriceType) -> tuple[str, Decimal | None]:
    """The price that is asked for, and what it is called; None where the source does not give it, or no number."""
    said = (word.bid, word.ask, word.last, word.price)

    if not all(part is None or part.is_finite() for part in said):  # before any is compared: NaN would raise
        return "", None

    if word.price is not None:
        return "external price", word.price

    if price_type == "best_bid":
        return "external best bid", word.bid

    if price_type == "best_ask":
        return "external best ask", word.ask

    if price_type == "last_price":
        return "external last trade", word.last

    return "external mid", None if word.bid is None or word.ask is None else (word.bid + word.ask) / 2


def _believed(
    view: View, reference: Reference | NoReference, mid: Decimal, max_deviation: Decimal | None
) -> Reference | NoReference:
    """A reference that the traded market does not contradict."""
    if isinstance(reference, NoReference) or max_deviation is None:
        return reference

    if abs(reference.price - mid) <= max_deviation * mid:
        return reference

    far = f"more than {percent(max_deviation)} away from {view.instrument.market}"
    text = f"the price source says {reference.price}, {far}"

    return NoReference(reason=Reason(Rule.REFERENCE, text, mid), deviates=True)


def mid_bounds(reference: Reference, max_deviation: Decimal) -> tuple[int, int | None]:
    """Between which sums of best bid and best ask, in ticks, a reference is near enough.

    None: no upper one.
    """
    over, under = max_deviation.as_integer_ratio()
    doubled = 2 * reference.numerator * under
    low = -(-doubled // (reference.denominator * (under + over)))

    return low, doubled // (reference.denominator * (under - over)) if over < under else None


def percent(ratio: Decimal) -> str:
    """Return a fraction as percent, without zeros at its end."""
    return f"{(ratio * 100).normalize():f}%"


def _from_price(instrument: Instrument, price: Decimal, name: str) -> Reference:
    """A reference that need not be a multiple of the traded market's tick, still exact."""
    price_over, price_under = price.as_integer_ratio()
    tick_over, tick_under = instrument.tick.as_integer_ratio()
    numerator, denominator = price_over * tick_under, price_under * tick_over
    divisor = gcd(numerator, denominator)

    return Reference(
        numerator=numerator // divisor,
        denominator=denominator // divisor,
        price=price,
        reason=Reason(Rule.REFERENCE, name, price),
    )
