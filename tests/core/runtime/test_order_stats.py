from __future__ import annotations

import attrs
import pytest

from perpmaker.model.command_event import CancelHandedOn, OrderAccepted
from perpmaker.model.event import Event, OrderAmended, OrderCancelled, OrderReported, Resynced
from perpmaker.model.order import CancelCause, OrderKind, OrderReport, OrderStatus, OrderType, PositionSide, Side
from perpmaker.runtime.order_stats import OrderStats
from perpmaker.testing.view import make_account

KINDS = {"q1": OrderKind.QUOTE, "q2": OrderKind.QUOTE, "t1": OrderKind.TAKE_PROFIT}
REPORT = OrderReport(
    client_id="q2",
    venue_id="2",
    side=Side.BUY,
    position_side=PositionSide.NET,
    status=OrderStatus.OPEN,
    raw_status="NEW",
    ticks=1,
    lots=1,
    filled_lots=0,
    reduce_only=False,
    type=OrderType.POST_ONLY,
    venue_ms=1,
)


@pytest.fixture
def count() -> OrderStats:
    """A count that knows three orders of this run."""
    return OrderStats(kind_of=KINDS.get)


def accepted(client_id: str) -> OrderAccepted:
    """The venue has the order."""
    return OrderAccepted(client_id=client_id, venue_id=None, venue_ms=1)


def test_an_order_counts_once_however_often_it_is_told_of(count: OrderStats) -> None:
    """The answer, the stream and a resync tell of the same order; orders of others never count."""
    resynced = Resynced(began_at=0, orders=(REPORT,), finished=(), fills=(), account=make_account(), venue_ms=1)
    events: list[Event] = [accepted("q1"), accepted("t1"), accepted("somebody"), OrderReported(report=REPORT), resynced]
    count.fold(events + events)

    assert count.placed[OrderKind.QUOTE] == 2
    assert count.placed[OrderKind.TAKE_PROFIT] == 1
    assert count.placed[OrderKind.STOP_LOSS] == 0


@pytest.mark.parametrize("status", [OrderStatus.REFUSED, None])
def test_a_report_that_proves_nothing_counts_nothing(count: OrderStats, status: OrderStatus | None) -> None:
    """A refused order was never placed, and a status that is not understood says nothing."""
    count.fold([OrderReported(report=attrs.evolve(REPORT, status=status))])

    assert count.placed[OrderKind.QUOTE] == 0


def test_only_cancels_that_were_asked_for_and_confirmed_count_and_once(count: OrderStats) -> None:
    """A cancel by the venue is not one of ours."""
    mine = OrderCancelled(client_id="q1", cause=CancelCause.REQUESTED, venue_ms=1)
    its = OrderCancelled(client_id="q2", cause=CancelCause.VENUE, venue_ms=1)
    count.fold([mine, mine, its])

    assert count.cancels == 1


@pytest.mark.parametrize("changes", [{}, {"ended_by_venue": True}], ids=["by command", "by the venue"])
def test_a_cancel_that_a_gateway_took_counts_once_a_report_confirms_it(
    count: OrderStats, changes: dict[str, bool]
) -> None:
    """Its answer proves nothing; what the venue ended by itself meanwhile is no cancel of ours."""
    gone = attrs.evolve(REPORT, status=OrderStatus.CANCELLED, **changes)
    count.fold([OrderReported(report=gone, by_stream=True)])
    assert count.cancels == 0

    count.fold([CancelHandedOn(client_id="q2")])
    assert count.cancels == 0

    count.fold([OrderReported(report=gone, by_stream=True)] * 2)
    assert count.cancels == (not changes)


def test_B7_a_summary_counts_cancels_of_quotes_beside_the_quotes(count: OrderStats) -> None:
    """Targets and stops that were moved are no cancelled quotes."""
    count.fold([OrderCancelled(client_id=one, cause=CancelCause.REQUESTED, venue_ms=1) for one in ("t1", "q1")])

    assert count.cancels == 1


def test_an_amend_counts_once_by_its_number(count: OrderStats) -> None:
    """The answer and the stream tell of the same one; what has no number is the venue's own cut."""
    one = OrderAmended(client_id="q1", ticks=1, lots=1, venue_ms=1, number=1)
    cut = attrs.evolve(one, number=0)
    count.fold([one, one, cut, attrs.evolve(one, number=2), attrs.evolve(one, client_id="somebody")])

    assert count.amends == 2
