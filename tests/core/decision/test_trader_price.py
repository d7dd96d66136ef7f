"""The trader asks for a price while a position is open and no stream brings one."""

from __future__ import annotations

from decimal import Decimal

import attrs

from perpmaker.execution.action import AskPrice
from perpmaker.model.event import BookLost, MarkChanged
from perpmaker.testing.scene import Scene, of


def holding() -> Scene:
    """A long position with its target, and no book any more."""
    scene = Scene()
    scene.start(amount="0.005")
    scene.tell(*(scene.accepted(seq) for seq in "123"))
    scene.tell(BookLost(reason="gap"))

    return scene


def mark() -> MarkChanged:
    """The mark price, now."""
    return MarkChanged(mark=Decimal(100), index=None, funding_rate=None, next_funding_ms=None, venue_ms=1)


def test_without_book_and_mark_the_price_is_asked_for_once_a_second_until_it_comes() -> None:
    """At once, and again while nobody answers."""
    scene = holding()
    assert len(of(scene.last.actions, AskPrice)) == 1
    assert len(of(scene.wait(3.5), AskPrice)) == 3

    scene.tell(mark())
    assert not of(scene.wait(1.5), AskPrice)
    assert of(scene.wait(1.0), AskPrice)


def test_a_mark_that_goes_on_is_enough() -> None:
    """Nothing is asked that the stream tells."""
    scene = holding()
    scene.wait(0.5)
    asked = [action for _ in range(10) for action in (*scene.tell(mark()).actions, *scene.wait(1.0))]

    assert not of(asked, AskPrice)


def test_a_book_that_falls_silent_is_not_trusted_for_longer_than_5_s() -> None:
    """Then the mark price has to be asked for, with a book that looks whole."""
    scene = Scene()
    scene.start(amount="0.005")

    assert not of(scene.wait(4.9), AskPrice)
    assert len(of(scene.wait(0.2), AskPrice)) == 1


def test_without_a_position_nothing_is_asked() -> None:
    """There is no exit that could trigger."""
    scene = Scene().quoting()
    scene.tell(BookLost(reason="gap"))

    assert not of([*scene.last.actions, *scene.wait(30)], AskPrice)


def test_a_book_of_one_side_is_no_price() -> None:
    """Nobody bids: what the position is worth is not to be seen there, and the mark price is asked for at once."""
    scene = Scene()
    scene.start(amount="0.005")
    assert not of(scene.last.actions, AskPrice)
    told = scene.tell(attrs.evolve(scene.book(), bids=()), after=0.1)

    assert len(of(told.actions, AskPrice)) == 1
