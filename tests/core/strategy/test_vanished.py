from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from perpmaker.model.order import OrderKind, Side, Slot
from perpmaker.model.refusal import Refusal, RefusalReason
from perpmaker.state.view import End, SlotEnd
from perpmaker.strategy.memory import Vanished
from perpmaker.strategy.vanished import track
from perpmaker.testing.view import make_view

BID = Slot(OrderKind.QUOTE, Side.BUY)


def ended(end: End, at: float = 1000.0, client_id: str = "pm-1", reason: RefusalReason | None = None) -> dict[str, Any]:
    """A view in which the last order of the bid ended like this."""
    refusal = None if reason is None else Refusal(reason=reason)
    last = SlotEnd(client_id=client_id, end=end, at=at, ticks=9900, lots=10, filled_lots=0, refusal=refusal)

    return {"ended": {BID: last}}


def waits(times: int = 1, **end: Any) -> float:
    """How long a level waits when its orders end like this one after the other, at the same time."""
    known: Any = {}

    for count in range(times):
        known = track(make_view(**ended(client_id=f"pm-{count}", **end)), known, 30.0)

    return float(known[BID].back_at - known[BID].at) if known else -1.0


def test_what_was_filled_or_asked_for_did_not_vanish() -> None:
    """A fill and a cancel of our own leave nothing to wait for."""
    for end in [End.FILLED, End.REQUESTED]:
        assert waits(end=end) == -1.0


def test_post_only_refused_is_placed_again_at_once_then_ever_later() -> None:
    """The next price may rest: 0, 1, 2, 4, 8, 16, 30, 30 s."""
    refused = {"end": End.REFUSED, "reason": RefusalReason.POST_ONLY_WOULD_TAKE}

    assert [waits(times, **refused) for times in range(1, 9)] == [0, 1, 2, 4, 8, 16, 30, 30]


def test_another_refusal_is_not_repeated_before_a_second() -> None:
    """What only time or a person mends is not hammered."""
    refused = {"end": End.REFUSED, "reason": RefusalReason.INSUFFICIENT_MARGIN}

    assert [waits(times, **refused) for times in (1, 2, 3)] == [1, 2, 4]


def test_an_order_that_never_was_is_placed_again_at_once() -> None:
    """An order proven never to have been leaves its level free."""
    assert waits(end=End.NEVER_WAS) == 0


def test_an_unexplained_end_waits_for_one_refresh_time() -> None:
    """It counts as a person's wish."""
    assert waits(end=End.UNEXPLAINED) == 30.0


def test_the_same_end_counts_once() -> None:
    """An end that was seen already changes nothing, not even the object."""
    view = make_view(**ended(End.VENUE))
    known = track(view, {}, 30.0)

    assert track(view, known, 30.0) is known


def test_exits_are_none_of_its_business() -> None:
    """Only quotes wait like this."""
    last = SlotEnd(client_id="pm-1", end=End.REFUSED, at=1000.0, ticks=1, lots=1, filled_lots=0)

    assert track(make_view(ended={Slot(OrderKind.TAKE_PROFIT, Side.SELL): last}), {}, 30.0) == {}


@given(st.lists(st.floats(0, 100), min_size=1, max_size=40))
def test_never_more_than_six_in_a_minute(pauses: list[float]) -> None:
    """However long each order lives, a level is placed again at most 6 times in any minute."""
    now, known, placed = 0.0, dict[Slot, Vanished](), list[float]()

    for count, lived in enumerate(pauses):
        now += lived
        known = dict(track(make_view(**ended(End.VENUE, at=now, client_id=f"pm-{count}")), known, 30.0))
        now = max(now, known[BID].back_at)
        placed.append(now)

    assert all(sum(start <= at < start + 60.0 for at in placed) <= 6 for start in placed)
