"""How often people are told of the same thing."""

from __future__ import annotations

from perpmaker.decision.notices import QUIET_S, Notices


def test_a_cause_is_told_of_once_a_minute_and_what_was_left_out_is_counted() -> None:
    """Two causes do not silence each other."""
    notices = Notices()
    told = [list(notices.say("gap", f"gap {number}", float(number))) for number in range(5)]

    assert told == [["gap 0"], [], [], [], []]
    assert list(notices.say("doubt", "doubt", 1.0)) == ["doubt"]
    assert list(notices.say("gap", "gap", QUIET_S)) == ["gap (and 4 more like it before)"]
    assert list(notices.say("gap", "gap", 2 * QUIET_S)) == ["gap"]
