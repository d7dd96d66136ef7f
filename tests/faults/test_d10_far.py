"""D10: hours of silence are no circles, and a fault that no request can meet is refused."""

from __future__ import annotations

import msgspec
import pytest

from perpmaker.errors import PayloadError
from perpmaker.testing import scenario_play
from perpmaker.testing.scenario import Scenario
from perpmaker.wire.fault import Fault, parse_fault


@pytest.mark.parametrize(
    "method",
    [
        "FOO",
        "PATCHY",
        *(
            pytest.param(one, marks=pytest.mark.full)
            for one in (
                "post",
                "",
            )
        ),
    ],
)
def test_D10_a_fault_of_a_method_that_no_request_has_is_refused(method: str) -> None:
    """Instead of waiting for it in silence; the methods that there are are named."""
    with pytest.raises(ValueError, match="GET, POST, PUT, DELETE, WS"):
        Fault(act="drop", method=method)

    with pytest.raises(PayloadError, match="GET, POST, PUT, DELETE, WS"):
        parse_fault(msgspec.json.encode({"match": {"method": method}, "do": {"act": "drop"}}))


def test_D10_hours_of_silent_feeds_with_a_position_are_no_circles(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bot looks for a price a few times a second all the while: the limit grows with the time that is to pass."""
    monkeypatch.setattr(scenario_play, "BUSY", 100)  # a small one, so that minutes stand for hours
    scenario = Scenario()
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)
    scenario.fill("buy 0")

    for feed in ("book", "mark"):
        scenario.silence(feed)

    scenario.advance(300)
    assert scenario.now >= 300
