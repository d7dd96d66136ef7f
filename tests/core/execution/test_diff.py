"""The difference between what rests and what is wanted."""

from __future__ import annotations

from typing import Any

import attrs

from perpmaker.execution.diff import Changes, diff, new_order
from perpmaker.model.order import OrderKind, OrderStatus, OrderType, Side, Slot
from perpmaker.model.quote import Close, Quote, StopLoss, TakeProfit
from perpmaker.model.working_order import WorkingOrder

BUY = Slot(OrderKind.QUOTE, Side.BUY)
TARGET = Slot(OrderKind.TAKE_PROFIT, Side.SELL)
STOP = Slot(OrderKind.STOP_LOSS, Side.SELL)
QUOTE = Quote(slot=BUY, ticks=100, lots=5, generation=3)
TAKE_PROFIT = TakeProfit(slot=TARGET, ticks=110, lots=5)


def working(
    want: Any, status: OrderStatus = OrderStatus.OPEN, *, filled: int = 0, sent_at: float = 0.0
) -> WorkingOrder:
    """An order that was sent for a want."""
    order = new_order(want, f"pm-{want.slot.kind.value}-{sent_at}")

    return WorkingOrder(order=order, status=status, sent_at=sent_at, filled_lots=filled)


def quote(**changes: Any) -> Quote:
    """The quote, changed."""
    return Quote(**{"slot": BUY, "ticks": 100, "lots": 5, "generation": 3, **changes})


def test_equal_quote_is_kept_also_when_partly_filled() -> None:
    """A partly filled quote counts with its original amount."""
    assert diff([working(QUOTE, filled=2)], [QUOTE]) == Changes()


def test_different_quote_is_cancelled_and_not_placed_yet() -> None:
    """The slot is free only once the venue has acknowledged the cancel."""
    for changed in [quote(ticks=101), quote(lots=6), quote(generation=4)]:
        resting = working(QUOTE)

        assert diff([resting], [changed]) == Changes(cancel=(resting,))
        assert diff([], [changed]) == Changes(place=(changed,))


def test_taken_slot_is_never_placed_into() -> None:
    """What may become live counts as live, and cannot be cancelled twice."""
    for status in [OrderStatus.PENDING, OrderStatus.CANCELLING, OrderStatus.UNKNOWN]:
        assert diff([working(QUOTE, status)], [quote(ticks=101)]) == Changes()


def test_unwanted_order_on_its_way_is_cancelled_once_without_waiting_for_its_answer() -> None:
    """The venue has it long before the answer is here; a place that is only taken by another want waits."""
    for want in [QUOTE, TAKE_PROFIT]:
        sent = working(want, OrderStatus.PENDING)

        assert diff([sent], []).cancel == (sent,)
        assert diff([attrs.evolve(sent, cancel_requested=True)], []) == Changes()


def test_market_order_on_its_way_is_not_called_back() -> None:
    """It has executed by then."""
    assert diff([working(Close(slot=STOP, lots=5), OrderStatus.PENDING)], []) == Changes()


def test_exit_goes_out_beside_an_unknown_one_and_the_older_is_cancelled_when_it_shows() -> None:
    """The venue caps closes at the position; still only the newest is kept."""
    stop = StopLoss(slot=STOP, ticks=None, lots=5, type=OrderType.MARKET)
    assert diff([working(stop, OrderStatus.UNKNOWN)], [stop]).place == (stop,)
    older, newer = working(TAKE_PROFIT), working(TAKE_PROFIT, sent_at=1.0)
    assert diff([newer, older], [TAKE_PROFIT]).cancel == (older,)


def test_take_profit_is_right_by_what_is_left_to_close() -> None:
    """A target that closed a part is right for the rest of the position."""
    rest = TakeProfit(slot=TARGET, ticks=110, lots=3)

    assert diff([working(TAKE_PROFIT, filled=2)], [rest]) == Changes()
    assert diff([working(TAKE_PROFIT)], [rest]).cancel


def test_settling_exit_is_left_alone_unless_unwanted() -> None:
    """While an execution is announced and its fill not here, "different" proves nothing."""
    resting = working(TAKE_PROFIT, filled=2)

    assert diff([resting], [TAKE_PROFIT], settling={TARGET: 2}) == Changes()
    assert diff([resting], [], settling={TARGET: 2}).cancel == (resting,)


def test_settling_exit_that_is_gone_goes_again_for_what_the_announced_fills_leave() -> None:
    """The venue caps it at the position: it does not wait for the fills; where they close everything, nothing goes."""
    assert [want.lots for want in diff([], [TAKE_PROFIT], settling={TARGET: 2}).place] == [3]
    assert diff([], [TAKE_PROFIT], settling={TARGET: 5}) == Changes()


def test_settling_quote_is_not_placed_again_before_its_fills_are_here() -> None:
    """It may have been filled whole."""
    assert diff([], [quote()], settling={QUOTE.slot: 1}) == Changes()


def test_exit_that_the_venue_cut_is_kept_for_now_also_when_more_is_wanted() -> None:
    """Sent again at once it would be cut again; at another price, or for less, it is replaced as any other."""
    resting = working(TakeProfit(slot=TARGET, ticks=110, lots=3))
    cut = {resting.client_id}

    assert diff([resting], [TAKE_PROFIT], cut=cut) == Changes()
    assert diff([resting], [TAKE_PROFIT]).cancel
    assert diff([resting], [TakeProfit(slot=TARGET, ticks=111, lots=5)], cut=cut).cancel
    assert diff([resting], [TakeProfit(slot=TARGET, ticks=110, lots=2)], cut=cut).cancel


def test_blocked_places_no_quote_but_cancels_and_exits_go_on() -> None:
    """An unknown outcome forbids what adds exposure, and nothing else."""
    unwanted = working(quote(slot=Slot(OrderKind.QUOTE, Side.SELL)))
    changes = diff([unwanted], [QUOTE, TAKE_PROFIT], blocked=True)

    assert changes == Changes(cancel=(unwanted,), place=(TAKE_PROFIT,))


def test_exits_come_first() -> None:
    """Among cancels and among places, whatever the order of the wants."""
    changes = diff([working(QUOTE), working(TAKE_PROFIT)], [])
    assert [order.slot for order in changes.cancel] == [TARGET, BUY]
    assert diff([], [QUOTE, TAKE_PROFIT]).place == (TAKE_PROFIT, QUOTE)


def test_waiting_slot_is_not_placed_into() -> None:
    """After a refusal the slot has its pause."""
    assert diff([], [QUOTE], waiting={BUY}) == Changes()


def test_market_orders_are_not_cancelled() -> None:
    """They execute or end by themselves."""
    close = Close(slot=Slot(OrderKind.CLOSE, Side.SELL), lots=5)

    assert diff([working(close)], []) == Changes()


def test_orders_are_sent_as_their_wants_say() -> None:
    """Quotes post-only, targets as limits, closes at market; every exit reduce-only."""
    kinds = [new_order(want, "x") for want in (QUOTE, TAKE_PROFIT, Close(slot=STOP, lots=5))]

    assert [order.type for order in kinds] == [OrderType.POST_ONLY, OrderType.LIMIT, OrderType.MARKET]
    assert [order.reduce_only for order in kinds] == [False, True, True]
    assert kinds[0].generation == 3
