"""Fills that must have happened: the market was at the price of an order of ours, and nobody told of it."""

from __future__ import annotations

import attrs

from perpmaker.decision.missed_fill_detector import SUSPECT_S, MissedFillDetector
from perpmaker.testing.scene import Scene


def reached() -> tuple[Scene, MissedFillDetector]:
    """A bid at 990 of which the best ask says that it should have been filled."""
    scene = Scene().quoting()
    scene.tell(attrs.evolve(scene.book(), bids=((980, 7),), asks=((985, 7),)))
    detector = MissedFillDetector(scene.trader.state)
    detector.demand(scene.now)

    return scene, detector


def test_a_fill_is_kept_back_once_it_is_overdue() -> None:
    """The stream has a while to tell of it."""
    scene, detector = reached()
    record = scene.trader.state.orders.live["pm-bot-r1-1"]

    assert not detector.has_kept_back(record, scene.now)
    assert not detector.has_kept_back(record, scene.now + SUSPECT_S - 0.01)
    assert detector.has_kept_back(record, scene.now + SUSPECT_S)


def test_evidence_that_came_after_the_question_is_a_doubt_of_its_own() -> None:
    """The venue's answer is about the moment of the question: the market is still there, and it is asked again."""
    scene, detector = reached()
    record = scene.trader.state.orders.live["pm-bot-r1-1"]
    asked_at = scene.now + SUSPECT_S
    detector.demand(asked_at)
    assert record.ask_at == asked_at

    record.calm()
    detector.demand(asked_at + 1.0)
    assert asked_at + 1.0 + SUSPECT_S in list(detector.moments())
