"""A9: a quote that is refused waits at least as long as the venue has said, and no other quote goes round it."""

from __future__ import annotations

import pytest

from perpmaker.decision.slot_backoff import SlotBackoffs
from perpmaker.model.order import OrderKind, Side, Slot
from perpmaker.model.refusal import Refusal, RefusalReason
from perpmaker.state.view import End, SlotEnd

BID, ASK = (Slot(OrderKind.QUOTE, side) for side in Side)
EVERYTHING = (RefusalReason.RATE_LIMIT, RefusalReason.BUSY, RefusalReason.TOO_MANY_ORDERS)


def refused(reason: RefusalReason, seconds: float) -> Refusal:
    """A refusal that says for how long."""
    return Refusal(reason=reason, text="later", retry_after_s=seconds)


def refusal_of(client_id: str, at: float, refusal: Refusal) -> SlotEnd:
    """The end of an order that was refused."""
    return SlotEnd(client_id=client_id, end=End.REFUSED, at=at, ticks=1, lots=1, filled_lots=0, refusal=refusal)


def backoffs(refusal: Refusal, *, by_amend: bool = False) -> SlotBackoffs:
    """What is known after a bid was refused at 100."""
    found = SlotBackoffs()

    if by_amend:
        found.not_amended(BID, refusal, 100.0)
    else:
        found.ended(BID, refusal_of("x", 100.0, refusal), 100.0)

    return found


@pytest.mark.each_value
@pytest.mark.parametrize("by_amend", [False, True])
@pytest.mark.parametrize("reason", [*EVERYTHING, RefusalReason.OTHER, RefusalReason.FILTER])
def test_A9_a_refused_slot_waits_for_what_the_venue_has_said(reason: RefusalReason, *, by_amend: bool) -> None:
    """The slot itself for whatever reason; every slot where the account or the venue is meant."""
    found = backoffs(refused(reason, 12.0), by_amend=by_amend)
    assert found.waits(BID, 111.9)
    assert not found.waits(BID, 112.0)
    assert found.waits(ASK, 111.9) is (reason in EVERYTHING)
    assert not found.waits(ASK, 112.0)
    assert found.next_at(100.0) == 112.0


def test_A9_the_longest_of_several_words_counts() -> None:
    """Quotes that went together come back one after the other: none shortens what another one was told."""
    found = backoffs(refused(RefusalReason.RATE_LIMIT, 5.0))
    found.ended(ASK, refusal_of("y", 100.1, refused(RefusalReason.RATE_LIMIT, 30.0)), 100.1)
    assert found.waits(BID, 130.0)
    assert not found.waits(BID, 130.1)


def test_A9_a_word_that_is_shorter_than_the_schedule_changes_nothing() -> None:
    """The series of failures goes on as without it."""
    found = backoffs(refused(RefusalReason.OTHER, 0.0))
    assert not found.waits(BID, 100.0)
