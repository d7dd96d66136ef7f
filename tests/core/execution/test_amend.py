"""What is amended instead of cancelled and placed, how amends are sent, and what their outcomes amount to."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, cast

import attrs
import pytest

from perpmaker.clock import LoopClock
from perpmaker.connector.interface import AmendOrder, DerivativeConnector
from perpmaker.execution.action import Amend
from perpmaker.execution.amend_rules import AmendRules
from perpmaker.execution.diff import Changes, diff
from perpmaker.execution.dispatch import Dispatcher, Gate
from perpmaker.model.command_event import AmendHandedOn, AmendRefused, Command, OrderUnknown
from perpmaker.model.event import Event, OrderAmended, OrderReported
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import NewOrder, OrderStatus, OrderType, Side
from perpmaker.model.outcome import Accepted, Outcome, Rejected, Unknown
from perpmaker.model.quote import TakeProfit
from perpmaker.model.refusal import Refusal, RefusalReason

from .test_diff import BUY, QUOTE, TARGET, quote, working
from .test_dispatch import INSTRUMENT, Venue, cancel, place, report

RULES = AmendRules(attrs.evolve(INSTRUMENT, min_amount=Decimal("0.002"), min_notional=Decimal("0.02")))
NO = Refusal(reason=RefusalReason.FILTER, code="-5029", text="notional")


@pytest.fixture
def anyio_backend(virtual_time: Any) -> Any:
    """Fences are moments: virtual time."""
    return virtual_time


# --- what is amended


def test_a_quote_with_another_price_or_amount_is_amended() -> None:
    """Neither cancelled nor placed."""
    for changed in [quote(ticks=101), quote(ticks=99), quote(lots=6), quote(lots=4)]:
        resting = working(QUOTE)

        assert diff([resting], [changed], amends=RULES) == Changes(amend=((resting, changed),))


def test_a_quote_that_differs_by_its_refresh_alone_is_replaced() -> None:
    """There is nothing to amend in it, and the venue would say so."""
    resting = working(QUOTE)

    assert diff([resting], [quote(generation=4)], amends=RULES) == Changes(cancel=(resting,))


def test_only_what_rests_with_nothing_under_way_is_amended() -> None:
    """One amend at a time, and none before an outcome is known."""
    for status in [OrderStatus.PENDING, OrderStatus.CANCELLING, OrderStatus.AMENDING, OrderStatus.UNKNOWN]:
        assert diff([working(QUOTE, status)], [quote(ticks=101)], amends=RULES) == Changes()


def test_where_an_amend_is_not_allowed_a_quote_is_cancelled_as_ever() -> None:
    """While an outcome is unknown, after a refusal, after an amend that was not made, on a venue that moves nothing."""
    for limits in [{"blocked": True}, {"waiting": {BUY}}, {"outdated": {"pm-quote-0.0"}}, {}]:
        resting = working(QUOTE)
        rules = RULES if limits else None

        assert diff([resting], [quote(ticks=101)], amends=rules, **limits) == Changes(cancel=(resting,))


def test_less_than_half_left_is_worth_a_new_order() -> None:
    """The total becomes the wanted one, what was filled included."""
    for want, filled, is_amended in [
        (quote(ticks=101), 2, True),
        (quote(ticks=101), 3, False),
        (quote(lots=10), 5, True),
        (quote(lots=3), 3, False),
    ]:
        changes = diff([working(QUOTE, filled=filled)], [want], amends=RULES)

        assert (bool(changes.amend), bool(changes.cancel)) == (is_amended, not is_amended)


def test_what_would_be_left_under_the_market_s_minimum_is_worth_a_new_order() -> None:
    """3 lots at 101 ticks are 0.003, worth 0.0303."""
    for rules in [{"min_amount": Decimal("0.004")}, {"min_notional": Decimal("0.0304")}]:
        strict = AmendRules(attrs.evolve(RULES.instrument, **rules))
        changes = diff([working(QUOTE, filled=2)], [quote(ticks=101)], amends=strict)

        assert (bool(changes.amend), bool(changes.cancel)) == (False, True)


def test_an_outdated_order_goes_whatever_it_looks_like() -> None:
    """Its amend was not made: the strategy may have made its peace with it, but it is not where it should be."""
    resting = working(QUOTE)

    assert diff([resting], [QUOTE], amends=RULES, outdated={resting.client_id}) == Changes(cancel=(resting,))


def test_exits_are_replaced() -> None:
    """A target is not amended: it is another order, and the venue caps it at the position."""
    target = TakeProfit(slot=TARGET, ticks=110, lots=5)
    resting = working(target)

    assert diff([resting], [attrs.evolve(target, ticks=111)], amends=RULES).cancel == (resting,)


def test_an_unwanted_quote_is_cancelled_also_while_an_amend_is_under_way_once() -> None:
    """A cancel may go out at any time."""
    moving = attrs.evolve(working(QUOTE, OrderStatus.AMENDING), amended_from=working(QUOTE).order)
    lost = attrs.evolve(moving, status=OrderStatus.UNKNOWN)

    assert diff([moving], [], amends=RULES).cancel == (moving,)
    assert diff([lost], [], amends=RULES).cancel == (lost,)
    assert diff([attrs.evolve(lost, cancel_requested=True)], [], amends=RULES) == Changes()


def test_a_quote_of_which_nobody_knows_whether_it_was_moved_goes_when_something_else_is_wanted() -> None:
    """Neither of its places is the wanted one; the one that it was to have is waited for."""
    lost = attrs.evolve(working(QUOTE, OrderStatus.UNKNOWN), amended_from=working(quote(ticks=90)).order)

    assert diff([lost], [QUOTE], blocked=True, amends=RULES) == Changes()
    assert diff([lost], [quote(ticks=101)], blocked=True, amends=RULES).cancel == (lost,)


def test_an_amend_shrinks_the_risk_that_goes_away_from_the_market_for_no_more() -> None:
    """Those are sent first."""
    for side, ticks, lots, shrinks in [
        (Side.BUY, 99, 5, True),
        (Side.BUY, 100, 4, True),
        (Side.BUY, 101, 5, False),
        (Side.BUY, 99, 6, False),
        (Side.SELL, 101, 5, True),
        (Side.SELL, 99, 5, False),
    ]:
        before = attrs.evolve(working(QUOTE).order, slot=BUY._replace(side=side))
        after = attrs.evolve(before, ticks=ticks, lots=lots)

        assert Amend(order=after, before=before, venue_id=None, number=1).shrinks_risk is shrinks


# --- how it is sent


@attrs.define
class MovingVenue(Venue):
    """A venue that moves orders."""

    async def amend(self, instrument: Instrument, orders: Sequence[AmendOrder]) -> Sequence[Outcome]:
        """Answer for each order."""
        del instrument
        return await self._answers("amend", cast("Sequence[Any]", orders))


def amend(client_id: str, number: int = 1) -> Amend:
    """An amend of an order that is at 2 ticks, to 1."""
    order = NewOrder(client_id=client_id, slot=BUY, lots=1, ticks=1, type=OrderType.POST_ONLY)

    return Amend(order=order, before=attrs.evolve(order, ticks=2), venue_id=None, number=number)


async def sent(venue: Venue, *actions: Any) -> list[Event]:
    """Dispatch these; what came of it."""
    events: list[Event] = []
    clock = LoopClock()
    dispatcher = Dispatcher(
        connector=cast("DerivativeConnector", venue),
        instrument=INSTRUMENT,
        clock=clock,
        gate=Gate(clock=clock),
        emit=events.extend,
    )
    await dispatcher.dispatch(actions)

    return events


@pytest.mark.anyio
async def test_cancels_go_before_amends_and_amends_before_quotes() -> None:
    """Each kind in one batch."""
    venue = MovingVenue()
    await sent(venue, place("q"), amend("a"), amend("b"), cancel("c"))

    assert venue.asked == [("cancel", "c"), ("amend", "a", "b"), ("place", "q")]


@pytest.mark.anyio
async def test_made_refused_ended_and_lost_are_different_events() -> None:
    """An amend that has ended the order is told by the order as it is; a missing answer is unknown."""
    resting, ended = report("made", OrderStatus.OPEN), report("ended", OrderStatus.CANCELLED)
    answers: dict[str, Outcome] = {
        "made": Accepted(client_id="made", report=resting),
        "plain": Accepted(client_id="plain", venue_ms=7),
        "ended": Accepted(client_id="ended", report=ended),
        "gateway": Accepted(client_id="gateway", by_gateway=True, fence_at=9.0),
        "refused": Rejected(client_id="refused", refusal=NO),
        "lost": Unknown(client_id="lost", detail="503", signed_at=1.0),
    }
    events = await sent(MovingVenue(answers.get), *(amend(name, 4) for name in (*answers, "missing")))

    assert events == [
        OrderAmended(client_id="made", ticks=1, lots=1, venue_ms=6, number=4),
        OrderReported(report=resting),
        OrderAmended(client_id="plain", ticks=1, lots=1, venue_ms=7, number=4),
        OrderReported(report=ended),
        AmendHandedOn(client_id="gateway", number=4, fence_at=9.0),
        AmendRefused(client_id="refused", refusal=NO, number=4),
        OrderUnknown(client_id="lost", command=Command.AMEND, detail="503", fence_at=4.5),
        OrderUnknown(client_id="missing", command=Command.AMEND, detail="the answer did not speak of it", fence_at=3.5),
    ]
