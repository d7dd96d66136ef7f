"""What risk modules demand of a whole market: pull, flatten, halt, other targets, and when they want to be asked."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from itertools import permutations
from typing import Any

import attrs
import pytest

from perpmaker.errors import ExitCode
from perpmaker.execution.action import Cancel, Place
from perpmaker.exits.exits import Exits
from perpmaker.exits.settings import ExitSettings
from perpmaker.model.event import BookSnapshot, InstrumentChanged, MarkChanged, StopRequested
from perpmaker.model.order import OrderKind, OrderStatus, OrderType, PositionSide
from perpmaker.model.quote import Quote, TargetFactors, Wake
from perpmaker.risk.interface import Approved, Demand, DemandKind, Verdict
from perpmaker.risk.modules import RiskModules
from perpmaker.state.view import Mode, View
from perpmaker.testing.scene import INSTRUMENT, Scene, of, placed

D = Decimal
PULL = Demand(kind=DemandKind.PULL, reason="enough for now")
FLATTEN = Demand(kind=DemandKind.FLATTEN, reason="out of it")
HALT = Demand(kind=DemandKind.HALT, reason="enough for good")


@attrs.define(slots=False)
class Guard:
    """Approves every quote and demands what it is told to."""

    wanted: Demand | None = None

    def review(self, view: View, quote: Quote) -> Verdict:  # noqa: ARG002  # the protocol's signature
        """As it is."""
        return Approved(quote=quote)

    def demand(self, view: View) -> Demand | None:  # noqa: ARG002  # the protocol's signature
        """What the test says."""
        return self.wanted


class Other(Guard):
    """Another one, of another name."""


def module(**methods: Callable[[View], Any]) -> Any:
    """A module that approves everything, with these methods beside."""
    known = {name: staticmethod(method) for name, method in methods.items()}

    return type("Module", (), {"review": lambda _, __, quote: Approved(quote=quote), **known})()


def exits(**settings: Any) -> Exits:
    """The real ones, with a target at 2 % and a stop at 5 %."""
    spreads = {"long_profit_taking_spread": D("0.02"), "stop_loss_spread": D("0.05")}

    return Exits(ExitSettings(**{**spreads, **settings}), INSTRUMENT)


def long(*modules: Any, **settings: Any) -> Scene:
    """A long position of five lots from 100 with its target, and quotes, under these modules."""
    scene = Scene(exits=exits(**settings), modules=modules)
    scene.start(amount="0.005")
    targets = [one.order.client_id for one in of(scene.last.actions, Place) if one.order.slot.kind.is_exit]
    scene.tell(*(scene.accepted(name.rsplit("-", 1)[1]) for name in targets))

    return scene


def book(scene: Scene, bid: int, ask: int) -> BookSnapshot:
    """Other people at these ticks."""
    scene.ms += 1

    return BookSnapshot(bids=((bid, 100),), asks=((ask, 100),), venue_ms=scene.ms)


def rate(scene: Scene, value: str) -> MarkChanged:
    """The venue's mark price, with another funding rate."""
    scene.ms += 1

    return MarkChanged(mark=D(100), index=None, funding_rate=D(value), next_funding_ms=10**6, venue_ms=scene.ms)


# --- pull -------------------------------------------------------------------------------------------------------------


def test_a_pull_takes_quotes_off_while_it_is_demanded() -> None:
    """The mode says whose wish it is and why; the target stays; afterwards quotes come back by themselves."""
    guard = Guard()
    scene = long(guard)
    assert scene.last.mode is Mode.RUN
    guard.wanted = PULL
    decision = scene.tell(scene.report("2", OrderStatus.OPEN), scene.resynced(amount="0.005"), after=0.1)
    assert (decision.mode, decision.mode_reason) == (Mode.REDUCE, "Guard: enough for now")
    assert decision.notices == ("Guard takes all quotes off: enough for now",)
    assert {str(one.slot.kind) for one in scene.trader.wanted_exits} == {str(OrderKind.TAKE_PROFIT)}
    guard.wanted = None
    decision = scene.tell(scene.resynced(amount="0.005"), after=0.1)
    assert decision.mode is Mode.RUN
    assert "Guard demands nothing any more" in decision.notices
    assert scene.trader.trading_state.latched is None


def test_a_demand_that_comes_and_goes_is_told_once_a_minute() -> None:
    """However often it does."""
    guard = Guard()
    scene = Scene(modules=(guard,)).quoting()
    told: list[str] = []

    for second in range(130):
        guard.wanted = PULL if second % 2 else None
        told += scene.tell(scene.resynced(), after=1.0).notices

    assert len([line for line in told if "takes all quotes off" in line]) == 3
    assert len([line for line in told if "demands nothing any more" in line]) == 3


def test_a_demand_that_returns_and_stays_is_told_although_a_line_was_told_just_before() -> None:
    """A minute after that line, with nothing else happening; and then that it is over."""
    guard = Guard()
    scene = Scene(modules=(guard,)).quoting()
    told: list[str] = []

    for wanted in (PULL, None, PULL):
        guard.wanted = wanted
        told += scene.tell(scene.resynced(), after=5.0).notices

    assert [line.startswith("Guard takes") for line in told if "Guard" in line] == [True, False]
    told.clear()

    while scene.now < 80.0:  # what the trader asks for, and no event
        wake = scene.last.wake_at
        told += scene.tell(after=5.0 if wake is None else max(0.01, wake - scene.now)).notices

        if any("Guard" in line for line in told):
            break

    assert [line for line in told if "Guard" in line] == ["Guard takes all quotes off: enough for now"]
    assert 60.0 <= scene.now <= 70.0
    guard.wanted = None
    assert "Guard demands nothing any more" in scene.tell(scene.resynced(), after=1.0).notices


def test_a_pull_that_begins_with_time_alone_wakes_the_trader() -> None:
    """The module says when; nothing else happens."""

    def late(view: View) -> Demand | None:
        return PULL if view.now >= 5.0 else None

    scene = Scene(modules=(module(demand=late, wake=lambda _: Wake(at=5.0)),)).quoting()
    actions = scene.wait(4.9)
    assert not of(actions, Cancel)
    assert len(of(scene.wait(0.2), Cancel)) == 2
    assert scene.last.mode is Mode.REDUCE


def test_a_rate_outside_of_its_bounds_wakes_the_trader() -> None:
    """And one within them does not: nothing is computed for it."""

    def dear(view: View) -> Demand | None:
        return PULL if view.funding.rate is not None and view.funding.rate > D("0.001") else None

    scene = Scene(modules=(module(demand=dear, wake=lambda _: Wake(rate_high=D("0.001"))),))
    scene.start()
    scene.tell(rate(scene, "0.0001"), *(scene.accepted(name) for name in ("1", "2")))
    asked = scene.strategy.asked
    scene.tell(rate(scene, "0.0009"))
    assert scene.strategy.asked == asked
    assert len(of(scene.tell(rate(scene, "0.002")).actions, Cancel)) == 2
    assert scene.last.mode_reason.startswith("Module: ")


def test_another_time_of_the_next_payment_is_news() -> None:
    """The venue has changed its interval: what was to be done by the old time is looked at again."""
    scene = Scene().quoting()
    scene.tell(rate(scene, "0.0001"))
    asked = scene.strategy.asked
    scene.tell(rate(scene, "0.0002"))
    assert scene.strategy.asked == asked
    scene.tell(attrs.evolve(rate(scene, "0.0002"), next_funding_ms=5 * 10**5))
    assert scene.strategy.asked == asked + 1


def test_another_funding_interval_is_told() -> None:
    """Once, with both."""
    scene = Scene().quoting()
    changed = InstrumentChanged(instrument=attrs.evolve(INSTRUMENT, funding_interval_h=4))
    words = "the venue now charges funding every 4 h, no longer every 8 h"
    assert scene.tell(changed).notices == (words,)
    assert scene.tell(changed).notices == ()


# --- halt and flatten -------------------------------------------------------------------------------------------------


def test_a_halt_latches() -> None:
    """Also when it is not demanded any more; the exits stay."""
    guard = Guard(HALT)
    scene = long(guard)
    trading_state = scene.trader.trading_state
    assert (scene.last.mode, scene.last.mode_reason) == (Mode.HALT, "Guard: enough for good")
    assert (trading_state.latched, trading_state.halt_code) == ("Guard: enough for good", ExitCode.HALTED)
    guard.wanted = None
    scene.tell(scene.resynced(amount="0.005"), after=1.0)
    assert scene.last.mode is Mode.HALT
    assert [one.slot.kind for one in scene.trader.wanted_exits] == [OrderKind.TAKE_PROFIT]


def test_a_flatten_takes_the_path_of_a_market_stop_and_latches() -> None:
    """The target goes, then all of the position at market, though the stop is a limit; the next run does not start."""
    guard = Guard()
    scene = long(guard)
    guard.wanted = FLATTEN
    decision = scene.tell(scene.resynced(amount="0.005"), after=0.1)
    assert decision.mode is Mode.HALT
    assert decision.mode_reason == "Guard: out of it; every position is closed at market"
    assert any("every position is closed at market: out of it" in line for line in decision.notices)
    guard.wanted = None  # it latches
    (target,) = [one for one in scene.trader.working() if one.slot.kind is OrderKind.TAKE_PROFIT]
    decision = scene.tell(scene.cancelled(target.order.client_id.rsplit("-", 1)[1]), after=0.1)
    (close,) = [one.order for one in of(decision.actions, Place)]
    assert (close.slot.kind, close.type, close.lots) == (OrderKind.STOP_LOSS, OrderType.MARKET, 5)
    assert scene.trader.trading_state.latched is not None
    assert scene.trader.remembered().fired == {}  # whoever resumes does not go on with it


def test_a_flatten_goes_on_after_the_wish_to_end() -> None:
    """As a fired stop does: the run waits for it."""
    guard = Guard(FLATTEN)
    scene = Scene(exits=exits(), modules=(guard,))
    scene.start(amount="0.005")
    assert [one.order.type for one in of(scene.last.actions, Place)] == [OrderType.MARKET]
    scene.tell(StopRequested())
    assert scene.last.mode is Mode.STOP
    assert scene.trader.fired == {PositionSide.NET}


def test_a_fired_stop_outranks_a_flatten() -> None:
    """It goes its own way, here as a limit at the buffer, and is remembered as a stop."""
    guard = Guard()
    scene = long(guard)
    guard.wanted = FLATTEN
    scene.tell(book(scene, 940, 942))
    (target,) = [one for one in scene.trader.working() if one.slot.kind is OrderKind.TAKE_PROFIT]
    decision = scene.tell(scene.cancelled(target.order.client_id.rsplit("-", 1)[1]), after=0.1)
    (stop,) = [one.order for one in of(decision.actions, Place)]
    assert (stop.slot.kind, stop.type) == (OrderKind.STOP_LOSS, OrderType.LIMIT)
    assert set(scene.trader.remembered().fired) == {PositionSide.NET}


def test_of_several_demands_the_gravest_counts() -> None:
    """Whatever their order in the file: halt before flatten before pull."""
    for demands in permutations((PULL, FLATTEN, HALT)):
        scene = Scene(modules=tuple(map(Guard, demands)))
        scene.start(amount="0.005")
        assert scene.last.mode_reason == "Guard: enough for good"
        assert not scene.trader.trading_state.flatten

    for demands in permutations((PULL, FLATTEN)):
        scene = Scene(modules=tuple(map(Guard, demands)))
        scene.start(amount="0.005")
        assert scene.trader.trading_state.flatten == "Guard: out of it"


def test_a_halt_is_not_followed_by_a_flatten() -> None:
    """It outranks it, also the one that came before."""
    guard = Guard(HALT)
    scene = long(guard)
    guard.wanted = FLATTEN
    scene.tell(scene.resynced(amount="0.005"), after=1.0)
    assert not scene.trader.trading_state.flatten
    assert [one.slot.kind for one in scene.trader.wanted_exits] == [OrderKind.TAKE_PROFIT]


def test_nothing_is_demanded_on_the_way_to_the_end() -> None:
    """Whoever stops wants to leave things as they are."""
    guard = Guard()
    scene = long(guard)
    scene.tell(StopRequested())
    guard.wanted = FLATTEN
    scene.tell(scene.resynced(amount="0.005"), after=1.0)
    assert (scene.last.mode, scene.trader.trading_state.latched) == (Mode.STOP, None)


def test_nothing_is_asked_before_the_account_was_read() -> None:
    """What is not known cannot be judged."""
    asked: list[View] = []
    scene = Scene(modules=(module(demand=asked.append),))
    scene.tell(scene.book())
    assert asked == []
    scene.start()
    assert asked


# --- targets ----------------------------------------------------------------------------------------------------------


def test_a_factor_moves_the_target_and_says_why() -> None:
    """2 % becomes 1 %; without the factor it goes back."""
    factors: list[TargetFactors | None] = [None]
    scene = long(module(target_factors=lambda _: factors[0]))
    (target,) = scene.trader.wanted_exits
    assert getattr(target, "ticks", None) == 1020
    factors[0] = TargetFactors(long=D("0.5"), reason="it costs")
    scene.tell(scene.resynced(amount="0.005"), after=0.1)
    (target,) = scene.trader.wanted_exits
    assert getattr(target, "ticks", None) == 1010
    assert [(one.text, one.value) for one in target.reasons if one.text.startswith("Module")] == [
        ("Module: it costs; the distance is multiplied by", D("0.5"))
    ]
    factors[0] = None
    scene.tell(scene.resynced(amount="0.005"), after=0.1)
    assert [getattr(one, "ticks", None) for one in scene.trader.wanted_exits] == [1020]


def test_a_factor_never_touches_a_stop() -> None:
    """However far it moves the target."""
    factors = TargetFactors(long=D(3), short=D(3), reason="far")
    scene = long(module(target_factors=lambda _: factors), stop_loss_order="market")
    scene.tell(book(scene, 951, 953))
    assert not scene.trader.fired
    scene.tell(book(scene, 950, 952))
    assert scene.trader.fired == {PositionSide.NET}


# --- memory -----------------------------------------------------------------------------------------------------------


def test_each_module_has_a_memory_of_its_own() -> None:
    """A value that goes in and out: its last answer is what it is shown, in review too; the strategy's is not."""
    seen: list[tuple[object, object]] = []

    def counting(view: View) -> int:
        return (view.memory if isinstance(view.memory, int) else 0) + 1

    class Memory:
        def review(self, view: View, quote: Quote) -> Verdict:
            seen.append(("review", view.memory))
            return Approved(quote=quote)

        def remember(self, view: View) -> object:
            return counting(view)

        def demand(self, view: View) -> None:
            seen.append(("demand", view.memory))

    scene = Scene(modules=(module(remember=lambda _: "another"), Memory()))
    scene.start()
    scene.tell(scene.resynced(), after=1.0)
    assert seen == [("demand", 1), ("review", 1), ("review", 1), ("demand", 2), ("review", 2), ("review", 2)]


# --- what is no answer ------------------------------------------------------------------------------------------------


def raising(_: View) -> Any:
    """Fail."""
    raise ValueError("broken inside")


WRONG: dict[str, tuple[dict[str, Callable[[View], Any]], str]] = {
    "remember raises": ({"remember": raising}, "broken inside"),
    "demand raises": ({"demand": raising}, "broken inside"),
    "target_factors raises": ({"target_factors": raising}, "broken inside"),
    "wake raises": ({"wake": raising}, "broken inside"),
    "a demand that is none": ({"demand": lambda _: "halt"}, "neither a Demand nor None"),
    "a demand of no kind": ({"demand": lambda _: Demand(kind="halt", reason="x")}, "neither a Demand nor None"),  # type: ignore[arg-type]
    "a demand without a reason": ({"demand": lambda _: attrs.evolve(HALT, reason="")}, "must be a text"),
    "a factor of nothing": ({"target_factors": lambda _: TargetFactors(long=D(0), reason="x")}, "above 0"),
    "a factor that is no number": ({"target_factors": lambda _: TargetFactors(long=D("NaN"), reason="x")}, "above 0"),
    "a float": ({"target_factors": lambda _: TargetFactors(long=0.5, reason="x")}, "above 0"),  # type: ignore[arg-type]
    "a factor without a reason": ({"target_factors": lambda _: TargetFactors(long=D(2))}, "must be a text"),
    "no factors": ({"target_factors": lambda _: D(2)}, "no TargetFactors"),
    "no wake": ({"wake": lambda _: 5.0}, "not Wake"),
    "a wake at no price": ({"wake": lambda _: Wake(mark_low=D("NaN"))}, "wake.mark_low is NaN"),
    "a wake at no time": ({"wake": lambda _: Wake(at=float("nan"))}, "wake.at"),
}


@pytest.mark.each_value
@pytest.mark.parametrize("case", WRONG)
def test_a_module_that_fails_takes_the_markets_quotes_off_for_good(case: str) -> None:
    """It is a plugin's fault, and not asked again; target and stop go on as they are set."""
    methods, words = WRONG[case]
    asked: list[View] = []
    broken = module(
        **{name: lambda view, made=made: (asked.append(view), made(view))[1] for name, made in methods.items()}
    )
    scene = long(broken)
    trading_state = scene.trader.trading_state
    assert scene.last.mode is Mode.HALT
    assert words in str(trading_state.halted)
    assert (trading_state.halt_code, trading_state.latched) == (ExitCode.PLUGIN, None)
    count = len(asked)
    scene.tell(scene.resynced(amount="0.005"), after=1.0)
    assert len(asked) == count
    assert placed(scene.last.actions) == []
    assert [one.slot.kind for one in scene.trader.wanted_exits] == [OrderKind.TAKE_PROFIT]


def test_a_strategy_that_fails_takes_no_module_with_it() -> None:
    """A module still closes the position when it has to."""

    class Strategy:
        def decide(self, view: View) -> Any:  # noqa: ARG002  # the protocol's signature
            raise ValueError("broken inside")

    guard = Guard()
    scene = Scene(Strategy(), exits(), modules=(guard,))
    scene.start(amount="0.005")
    assert scene.last.mode is Mode.HALT
    guard.wanted = FLATTEN
    scene.tell(scene.resynced(amount="0.005"), after=1.0)
    assert scene.trader.fired == {PositionSide.NET}


def test_modules_that_are_taken_away_leave_no_pull_behind() -> None:
    """Somebody has changed the file of the running bot: what was demanded is not any more."""
    scene = Scene(modules=(Guard(PULL),))
    assert scene.start().mode is Mode.REDUCE
    demands = scene.trader._risk  # as the trader does when parameters change
    demands.adopt(RiskModules(()))
    assert scene.tell(scene.resynced(), after=1.0).mode is Mode.RUN


def test_a_module_that_fails_takes_no_other_one_with_it() -> None:
    """Quotes are off, and another module still closes the position when it has to; also after a review that failed."""

    class Reviewer(Guard):
        def review(self, view: View, quote: Quote) -> Verdict:  # noqa: ARG002  # the protocol's signature
            raise ValueError("broken in review")

    for broken in (module(demand=raising), Reviewer()):
        guard = Guard()
        scene = long(broken, guard)
        assert scene.last.mode is Mode.HALT
        assert scene.trader.trading_state.latched is None
        guard.wanted = FLATTEN
        scene.tell(scene.resynced(amount="0.005"), after=1.0)
        assert scene.trader.trading_state.latched == "Guard: out of it; every position is closed at market"
        assert scene.trader.fired == {PositionSide.NET}


def test_a_module_whose_review_failed_is_not_asked_for_demands_either() -> None:
    """It is the module that is broken, not its method."""
    asked: list[View] = []

    class Reviewer:
        def review(self, view: View, quote: Quote) -> Verdict:  # noqa: ARG002  # the protocol's signature
            raise ValueError("broken in review")

        def demand(self, view: View) -> None:
            asked.append(view)

    scene = Scene(modules=(Reviewer(),))
    scene.start()
    assert len(asked) == 1
    scene.tell(scene.resynced(), after=1.0)
    assert len(asked) == 1


def test_two_modules_that_both_change_targets_are_a_fault_of_the_second() -> None:
    """The file is refused for it before; a module that lies about it is found here."""
    factors = TargetFactors(long=D(2), reason="far")
    scene = long(module(target_factors=lambda _: factors), module(target_factors=lambda _: factors))
    assert "Module changes targets already" in str(scene.trader.trading_state.halted)
