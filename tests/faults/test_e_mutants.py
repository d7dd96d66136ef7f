"""E: small changes of orders, drawn by the mutation command, that no test noticed; each by what it would do."""

from __future__ import annotations

from itertools import pairwise

import attrs
import pytest

from perpmaker.execution.action import Cancel
from perpmaker.model.event import CancelRefused, OrderNotFound, StopRequested
from perpmaker.model.order import OrderStatus, Refusal, RefusalReason
from perpmaker.testing.scene import Scene, of


def test_E_an_order_that_never_was_and_that_the_venue_then_shows_is_left_out_of_the_book() -> None:
    """It stands in the book beside the one that was placed for it meanwhile: none of it is other people's."""
    scene = Scene()
    scene.start()
    scene.tell(scene.accepted("2"), scene.unknown("1"))
    scene.tell(scene.book(), OrderNotFound(client_id="pm-bot-r1-1", asked_at=4.0), after=4.0)
    assert scene.status("1") is None
    scene.tell(scene.accepted("1"), after=0.1)
    book = scene.book()
    scene.tell(attrs.evolve(book, bids=((990, 10), (980, 7))), after=0.1)
    assert scene.trader.state.book.best_bid == 980


def test_E_a_refused_cancel_is_sent_again_at_once_and_then_ever_later() -> None:
    """0, 0.25, 0.5, 1 s after each refusal, then every 2 s: a venue that refuses is not stormed."""
    scene = Scene().quoting()
    told = scene.tell(StopRequested(), after=1.0)
    sent: list[float] = []

    for _ in range(7):
        while not [one for one in of(told.actions, Cancel) if one.client_id == "pm-bot-r1-1"]:
            assert told.wake_at is not None
            told = scene.tell(after=max(0.0, told.wake_at - scene.now))

        sent.append(scene.now)
        refusal = Refusal(reason=RefusalReason.OTHER, code="-1", text="not now")
        told = scene.tell(CancelRefused(client_id="pm-bot-r1-1", refusal=refusal))

    assert scene.status("1") is OrderStatus.OPEN
    pauses = [later - earlier for earlier, later in pairwise(sent)]
    assert pauses == pytest.approx([0.0, 0.25, 0.5, 1.0, 2.0, 2.0], abs=0.02)
