"""A risk module that wants to be flat, in whole stories: every kind of venue, both sides of Hedge, slow answers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import attrs

from perpmaker.model.quote import Quote, Wake
from perpmaker.plugins.declarations import RiskModuleDeclaration
from perpmaker.risk.interface import Approved, Demand, DemandKind, Verdict
from perpmaker.state.view import View
from perpmaker.testing.scenario import Scenario

AT = 10.0


@attrs.frozen(kw_only=True)
class Settings:
    """What is demanded, and by which time of the scenario."""

    kind: str = "flatten"
    until: float = 1e9


class Timer:
    """Demands it from second ten on."""

    def __init__(self, settings: Settings, instrument: object) -> None:  # noqa: ARG002  # as modules are built
        self._settings = settings

    def review(self, view: View, quote: Quote) -> Verdict:  # noqa: ARG002  # the protocol's signature
        """As it is."""
        return Approved(quote=quote)

    def demand(self, view: View) -> Demand | None:
        """It is time."""
        is_time = AT <= view.now < self._settings.until

        return Demand(kind=DemandKind(self._settings.kind), reason="it is time") if is_time else None

    def wake(self, view: View) -> Wake:
        """At both ends of it."""
        return Wake(at=min((at for at in (AT, self._settings.until) if at > view.now), default=None))


TIMER = RiskModuleDeclaration(name="timer", summary="By the clock", settings=Settings, build=Timer)


def story(timer: dict[str, Any] | None = None, *, venue: dict[str, Any] | None = None, **values: Any) -> Scenario:
    """A market around 100 with targets at 1 % and a stop at 3 %, under the timer."""
    spreads = {"long_profit_taking_spread": 1, "short_profit_taking_spread": 1, "stop_loss_spread": 3}
    scenario = Scenario({**spreads, **values, "risk": {"timer": timer or {}}}, plugins=(TIMER,), **(venue or {}))
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)

    return scenario


VENUES: tuple[dict[str, Any], ...] = ({}, {"amends": True}, {"caps_resting_exits": False, "sizes_stops": True})


def test_every_venue_is_left_at_market() -> None:
    """With a target and a backstop beside it, wherever those are capped or not; and nothing is quoted any more."""
    for venue in VENUES:
        scenario = story(venue=venue)
        scenario.fill("buy 0")
        scenario.advance(12)
        assert scenario.position() == "flat", venue
        assert scenario.fills()[-1] == "stop loss: 1 at 99.9"
        assert scenario.mode == "halt: timer: it is time; every position is closed at market"
        scenario.advance(120)
        assert (scenario.quotes(), scenario.exits()) == ([], [])


def test_both_positions_of_hedge_are_closed() -> None:
    """Each by an order of its own."""
    scenario = story(position_mode="Hedge")
    scenario.fill("buy 0")
    scenario.fill("sell 0")
    scenario.advance(12)
    assert (scenario.position("long"), scenario.position("short")) == ("flat", "flat")
    assert len([fill for fill in scenario.fills() if fill.startswith("stop loss")]) == 2


def test_a_target_whose_cancel_is_not_answered_is_waited_for_a_second_at_most() -> None:
    """Then the order goes out all the same, as that of a stop."""
    scenario = story()
    scenario.fill("buy 0")
    scenario.advance(8)
    scenario.delay(answers=3, stream=3)
    scenario.advance(6)
    sent = scenario.sent("cancel take profit", "place stop loss", since=AT)
    assert [one.at - AT for one in sent][:2] == [0.0, 1.0]
    assert scenario.fills()[1:] == ["stop loss: 1 at 99.9"]


def test_a_flatten_that_is_not_demanded_any_more_goes_on() -> None:
    """It latches: a close that was refused is sent again, and a quote that is filled late is closed too."""
    scenario = story({"until": 10.5})
    scenario.fill("buy 0")
    scenario.advance(8)
    scenario.refuse("place stop loss", times=3)
    scenario.advance(10)
    assert scenario.position() == "flat"
    assert scenario.mode.startswith("halt: timer: ")
    scenario.by_hand("buy", 2, at=100)
    scenario.advance(5)
    assert scenario.position() == "flat"


def test_a_halt_leaves_target_and_stop() -> None:
    """They work on."""
    scenario = story({"kind": "halt"})
    scenario.fill("buy 0")
    scenario.advance(12)
    assert scenario.position() == "long 1 at 99.9"
    assert scenario.quotes() == []
    assert scenario.exits() == ["venue stop: sell 1 at 96.15", "take profit: sell 1 at 100.9"]
    scenario.book(bid="96.5", ask="96.7")
    scenario.advance(3)
    assert scenario.position() == "flat"


def test_a_pull_ends_by_itself() -> None:
    """Quotes are back in the step in which it is over."""
    scenario = story({"kind": "pull", "until": 20.0})
    before = scenario.quotes()
    scenario.advance(10)
    assert (scenario.quotes(), scenario.mode) == ([], "reduce: timer: it is time")
    assert scenario.why("buy 0")[-1] == "mode: reduce: timer: it is time"
    scenario.advance(9.5)
    assert scenario.quotes() == before
    assert scenario.mode == "run"
    assert Decimal(0) == scenario.net
