from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from perpmaker.errors import RiskModuleError
from perpmaker.model.order import OrderKind, Side, Slot
from perpmaker.model.quote import Quote
from perpmaker.risk.interface import Approved, Refused, Verdict
from perpmaker.risk.review import Reviewed, review
from perpmaker.state.view import View
from perpmaker.testing.view import make_order, make_view

BID = Quote(slot=Slot(OrderKind.QUOTE, Side.BUY), ticks=9900, lots=100, generation=3)
ASK = Quote(slot=Slot(OrderKind.QUOTE, Side.SELL), ticks=10100, lots=100, generation=3)


class Module:
    """A risk module that answers by a function, and counts what it was asked."""

    def __init__(self, answer: Callable[[Quote], Verdict]) -> None:
        self.answer = answer
        self.asked: list[Quote] = []

    def review(self, view: View, quote: Quote) -> Verdict:  # noqa: ARG002  # the protocol's signature
        """Answer as told."""
        self.asked.append(quote)

        return self.answer(quote)


def changing(**changes: Any) -> Module:
    """A module that approves every quote changed like this."""
    return Module(lambda quote: Approved(quote=attrs.evolve(quote, **changes)))


REFUSING = "too much of it"


def refusing() -> Module:
    """A module that refuses every quote."""
    return Module(lambda quote: Refused(quote=quote, reason=REFUSING))


def test_without_modules_everything_is_approved_as_it_is() -> None:
    """No module, no work: the very same quotes."""
    quotes = (BID, ASK)

    assert review(make_view(), quotes, ()).approved is quotes


def test_each_module_sees_what_the_one_before_left() -> None:
    """Cuts add up in the order of the modules."""
    first, second = changing(lots=60), changing(ticks=9890)
    reviewed = review(make_view(), (BID,), (first, second))

    assert reviewed == Reviewed(approved=(attrs.evolve(BID, lots=60, ticks=9890),))
    assert second.asked == [attrs.evolve(BID, lots=60)]


def test_the_first_refusal_wins() -> None:
    """A refused quote is not shown to the modules that follow; the others are."""

    def no_bids(quote: Quote) -> Verdict:
        if quote.slot.side is Side.BUY:
            return Refused(quote=quote, reason=REFUSING)

        return Approved(quote=quote)

    no_bids_module = Module(no_bids)
    last = changing()
    reviewed = review(make_view(), (BID, ASK), (no_bids_module, last))

    assert reviewed.approved == (ASK,)
    assert [(refused.quote, refused.reason) for refused in reviewed.refused] == [(BID, REFUSING)]
    assert last.asked == [ASK]


def test_refused_quotes_are_all_named() -> None:
    """Every refusal is there to be shown."""
    assert len(review(make_view(), (BID, ASK), (refusing(),)).refused) == 2


def test_a_bolder_quote_is_an_error() -> None:
    """A module that enlarges, brings nearer or answers for another quote ends the review with its name."""
    for quote, change in [
        (BID, {"lots": 101}),
        (BID, {"lots": 0}),
        (BID, {"ticks": 9901}),
        (ASK, {"ticks": 10099}),
        (BID, {"ticks": 0}),
        (BID, {"generation": 4}),
        (BID, {"slot": ASK.slot}),
    ]:
        with pytest.raises(RiskModuleError, match="Module"):
            review(make_view(), (quote,), (changing(**change),))


def test_away_from_the_market_is_allowed_on_both_sides() -> None:
    """Away is down for bids and up for asks."""
    for quote, ticks in [(BID, 9899), (ASK, 10101)]:
        assert review(make_view(), (quote,), (changing(ticks=ticks),)).approved[0].ticks == ticks


def test_what_a_module_raises_passes_through() -> None:
    """Containing a raising module is the caller's: it pulls the market's quotes."""

    def fail(quote: Quote) -> Verdict:
        raise ZeroDivisionError(str(quote.slot))

    with pytest.raises(ZeroDivisionError):
        review(make_view(), (BID,), (Module(fail),))


def test_quote_that_was_cut_to_what_rests_stays_that_order() -> None:
    """Each refresh wants the whole amount anew; cut to the same again, the order keeps its queue place."""
    orders = {BID.slot: make_order(BID.slot, BID.ticks, 60, generation=2)}
    (kept,) = review(make_view(orders=orders), (BID,), (changing(lots=60),)).approved
    assert (kept.lots, kept.generation) == (60, 2)
    (moved,) = review(make_view(orders=orders), (BID,), (changing(lots=50),)).approved
    assert (moved.lots, moved.generation) == (50, BID.generation)


def test_quote_that_no_module_changed_is_replaced_as_the_strategy_wants() -> None:
    """A refresh that replaces every order does so under review too."""
    orders = {BID.slot: make_order(BID.slot, BID.ticks, BID.lots, generation=2)}
    assert review(make_view(orders=orders), (BID,), (changing(),)).approved == (BID,)


def test_modules_see_what_was_approved_before() -> None:
    """The view of a review shows the quotes that have passed already, as they will be sent."""
    seen: list[tuple[Quote, ...]] = []

    class Watching:
        """Notes what was approved before, and halves."""

        def review(self, view: View, quote: Quote) -> Verdict:
            """Halve."""
            seen.append(tuple(view.approved.values()))

            return Approved(quote=attrs.evolve(quote, lots=quote.lots // 2))

    review(make_view(), (BID, ASK), (Watching(),))
    assert seen == [(), (attrs.evolve(BID, lots=50),)]
