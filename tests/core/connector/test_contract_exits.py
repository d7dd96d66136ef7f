"""The contract of a connector about exits: a venue that does not cap them, that sizes stops, or that names none."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, cast

import attrs
import pytest

from perpmaker.clock import LoopClock
from perpmaker.connector.interface import DerivativeConnector
from perpmaker.decision.checkpoint import decode_recollection, encode_recollection
from perpmaker.exits.last_stop import LastStop
from perpmaker.model.command_event import OrderAccepted
from perpmaker.model.event import OrderFilled, OrderReported
from perpmaker.model.order import OrderKind, OrderReport, OrderStatus, OrderType, PositionSide, Side, Slot
from perpmaker.model.position import Position
from perpmaker.model.quote import Exit, VenueStop
from perpmaker.runtime.reconciliation import Reconciliation
from perpmaker.runtime.shutdown import exit_left
from perpmaker.state.view import View
from perpmaker.testing.scenario import Scenario
from perpmaker.testing.scene import ExitsOf, Scene, placed

HOLD: dict[str, Any] = {"long_profit_taking_spread": 1, "short_profit_taking_spread": 1}
CONTINUE = {**HOLD, "when_in_position": "continue", "risk": {"exposure_limit": {"max_position": 10}}}
STOPPED = {**HOLD, "stop_loss_spread": 3}
TARGET = "take profit: sell 1 at 100.9"


def uncapped(configuration: dict[str, Any], **kwargs: Any) -> Scenario:
    """Begin a bot in a calm market, on a venue that lets a target exceed its position."""
    scenario = Scenario(configuration, caps_resting_exits=False, **kwargs)
    scenario.book(bid="99.5", ask="100.5")
    scenario.advance(1)

    return scenario


def times(scenario: Scenario, what: str) -> list[float]:
    """When the bot sent what begins with this text."""
    return [one.at for one in scenario.sent(what)]


# --- a target that the venue does not cap


def test_target_waits_until_closing_quotes_are_gone() -> None:
    """No target is sent while the sell quote of the same position may still be filled."""
    scenario = uncapped(HOLD)
    scenario.delay("cancel sell", answers=0.5, stream=0.3)
    scenario.fill("buy 0")
    scenario.advance(0.4)
    waiting = (times(scenario, "place take profit"), scenario.why("take profit")[-1])
    scenario.advance(0.5)

    assert times(scenario, "cancel sell") == [1.3]
    assert waiting[0] == []
    assert "no quote closes the position" in waiting[1]
    assert times(scenario, "place take profit")[0] > 1.6
    assert scenario.exits() == [TARGET]


def test_continue_withholds_the_target_while_quotes_close() -> None:
    """With `continue` the quotes on both sides go on, and the target is withheld with its reason."""
    scenario = uncapped(CONTINUE)
    scenario.fill("buy 0", 0.4)
    scenario.advance(5)

    assert [one for one in scenario.exits() if one.startswith("take")] == []
    assert "sell 1 at 100.1" in scenario.quotes()
    assert "no quote closes the position" in scenario.why("take profit")[-1]


def test_continue_places_the_target_when_quotes_are_off_and_clears_it_before_they_return() -> None:
    """A target and a quote of its side are never live together, in whichever order they come and go."""
    scenario = uncapped(CONTINUE)
    scenario.fill("buy 0", 0.4)
    scenario.silence("book")
    scenario.mark("100")
    scenario.advance(12)
    pulled = (scenario.quotes(), scenario.exits())
    scenario.delay("cancel take profit", answers=0.4, stream=0.2)
    scenario.restore("book")
    back_at = scenario.now
    scenario.advance(5)
    cancelled, placed = scenario.sent("cancel take profit", "place sell", since=back_at)

    assert pulled == ([], ["take profit: sell 0.4 at 100.9"])
    assert cancelled.at + 0.2 <= placed.at
    assert [one for one in scenario.exits() if one.startswith("take")] == []


def test_unknown_outcome_blocks_the_target() -> None:
    """A lost answer to any order of the position holds the target back until the venue has told of it."""
    scenario = uncapped(HOLD)
    scenario.lose("cancel sell", "before")
    scenario.delay("ask", requests=1)
    scenario.fill("buy 0")
    scenario.advance(2.5)
    blocked = (scenario.believed_orders(), times(scenario, "place take profit"))
    scenario.heal()
    scenario.advance(5)

    assert blocked[1] == []
    assert scenario.exits() == [TARGET]


def test_lost_target_is_not_sent_twice() -> None:
    """A target whose own answer was lost may rest: a second one beside it could open a short position."""
    scenario = uncapped(HOLD)
    scenario.lose("place take profit", "before")
    scenario.fill("buy 0")
    scenario.advance(2.5)
    during = times(scenario, "place take profit")
    scenario.advance(3)

    assert len(during) == 1
    assert scenario.exits() == [TARGET]


def test_unknown_outcome_never_blocks_the_stop() -> None:
    """A stop goes out as IOC although the target's outcome is unknown."""
    scenario = uncapped({**STOPPED, "venue_backstop": False})
    scenario.lose("place take profit", "before")
    scenario.fill("buy 0")
    scenario.advance(2.2)
    scenario.book(bid="96", ask="96.2")
    scenario.advance(1.1)

    assert times(scenario, "place stop loss")[0] <= 4.3
    assert scenario.position() == "flat"


def test_target_goes_in_the_step_that_shrinks_the_position() -> None:
    """Somebody closes half of the position by hand: the target that is too large now goes at once."""
    scenario = uncapped(HOLD)
    scenario.fill("buy 0")
    scenario.advance(1)
    scenario.by_hand("sell", 0.5, at="100")
    at = scenario.now
    scenario.advance(1)

    assert times(scenario, "cancel take profit") == [pytest.approx(at + 0.005)]
    assert scenario.exits() == ["take profit: sell 0.5 at 100.9"]


def test_target_under_way_goes_when_the_position_shrinks() -> None:
    """A target that is not acknowledged yet is taken back too: its answer need not be awaited."""
    scenario = uncapped(HOLD)
    scenario.delay("place take profit", answers=1.5)
    scenario.fill("buy 0")
    scenario.advance(0.1)
    scenario.delay("", stream=1)
    scenario.by_hand("sell", 1, at="100")
    scenario.advance(1.2)

    assert times(scenario, "cancel take profit")[0] < 2.5


def test_target_is_taken_off_when_a_reading_shows_less() -> None:
    """A reading without our fill is not believed yet, but the venue would not cap the target by it either."""
    scenario = uncapped(HOLD)
    scenario.fill("buy 0")
    scenario.advance(1)
    scenario.silence("account")
    scenario.by_hand("sell", 1, at="100")
    scenario.advance(29)

    assert times(scenario, "cancel take profit")
    assert scenario.exits() == []


def test_fired_stop_is_sent_as_ioc_and_goes_to_market_after_three() -> None:
    """No stop order rests: each is IOC, sent again for what is left, and the fourth goes at market."""
    scenario = uncapped({**STOPPED, "venue_backstop": False})
    scenario.fill("buy 0")
    scenario.advance(1)
    scenario.delay("place stop loss", requests=0.2)
    scenario.book(bids={96: 0.2, 90: 100}, asks={97: 100})
    scenario.advance(0.1)

    for best in (95, 94, 93, 92):
        scenario.book(bids={best: 0.1, best - 6: 100}, asks={best + 1: 100})
        scenario.advance(0.3)

    scenario.advance(3)
    stops = [one.what for one in scenario.sent("place stop loss")]

    assert scenario.sent("cancel stop loss") == []
    assert [one.endswith("at market") for one in stops] == [False, False, False, True]
    assert scenario.position() == "flat"


def test_no_target_is_left_at_an_end() -> None:
    """A stop of the bot takes the target off, where a venue that caps it keeps it."""
    capped, scenario = Scenario(HOLD), uncapped(HOLD)
    capped.book(bid="99.5", ask="100.5")
    capped.advance(1)

    for one in (capped, scenario):
        one.fill("buy 0")
        one.advance(1)
        one.stop()
        one.advance(1)

    assert (capped.exits(), scenario.exits()) == ([TARGET], [])
    assert scenario.why("take profit")[-1].endswith("no target is left at an end")


def left_on_venue(**settings: Any) -> Scenario:
    """A bot that has ended with a position of 1 from 99.9, where the venue fires targets and caps none that rests."""
    scenario = uncapped({**STOPPED, **settings}, keeps_targets=True)
    scenario.fill("buy 0")
    scenario.advance(1)
    assert scenario.exits() == ["venue stop: sell 1 at 96.15", TARGET]
    scenario.stop()
    scenario.advance(1)

    return scenario


def test_a_target_that_the_venue_fires_is_left_beside_the_stop() -> None:
    """The resting one goes first; what waits instead closes what there is, at no price beyond the buffer."""
    scenario = left_on_venue(stop_loss_slippage_buffer=2)
    (order,) = [one.order for one in scenario._trader.working() if one.slot.kind is OrderKind.VENUE_TARGET]
    assert scenario.exits() == ["venue stop: sell 1 at 96.9", "venue target: sell 1 at 100.9"]
    assert times(scenario, "cancel take profit")[0] < times(scenario, "place venue target")[0]
    assert (order.type, order.limit, order.reduce_only) == (OrderType.VENUE_TARGET, 9889, True)
    assert scenario._trader.is_settled


@pytest.mark.parametrize("kind", [OrderKind.VENUE_TARGET, OrderKind.VENUE_STOP])
def test_an_end_waits_for_what_the_venue_has_fired(kind: OrderKind) -> None:
    """It is fired in one block and executes in the next: a summary in between would name a position that is gone."""
    scenario = left_on_venue()
    trader = scenario._trader
    (order,) = [one for one in trader.working() if one.slot.kind is kind]
    report = attrs.evolve(
        Scene().order_report(order.client_id, OrderStatus.OPEN),
        side=Side.SELL,
        ticks=order.order.ticks,
        lots=order.order.lots,
        type=order.order.type,
        reduce_only=True,
        triggered=True,
        venue_ms=order.venue_ms + 1,
    )
    trader.handle([OrderReported(report=report, by_stream=True)], scenario.now + 0.01)
    assert not trader.is_settled
    trader.handle([OrderReported(report=attrs.evolve(report, status=OrderStatus.CANCELLED))], scenario.now + 0.02)
    assert not any(one.triggered for one in trader.working())


def test_the_next_run_takes_it_for_a_target_and_never_for_a_stop() -> None:
    """It is taken off before a target rests again; the stop is not touched by that."""
    scenario = left_on_venue()
    scenario.restart()
    scenario.advance(1)
    assert [one for one in scenario.notices if "target on the venue" in one and "taken over" in one]
    assert scenario.exits() == ["venue stop: sell 1 at 96.15", TARGET]
    assert times(scenario, "cancel venue target")[0] < times(scenario, "place take profit")[-1]


def test_what_is_left_of_a_target_that_the_venue_has_fired_is_no_exit_of_anything() -> None:
    """The position was closed at its profit while nobody was here: the stop is taken off, and quoting goes on."""
    scenario = left_on_venue()
    scenario.silence("account")
    scenario.book(bid="101", ask="102")
    assert scenario.position() == "flat"
    scenario.restart()
    scenario.restore("account")
    scenario.advance(60)
    assert (scenario.exits(), len(scenario.quotes())) == ([], 2)


def test_an_end_says_what_waits_there_in_words() -> None:
    """A target that the venue fires is none of the stops that protect a position."""
    scenario = left_on_venue()
    reports = [scenario._venue.stops.report(one) for one in scenario._venue.stops.waiting()]
    assert {exit_left(one, scenario.instrument) for one in reports} == {
        "a stop that the venue fires: sell all at 96.90",
        "a target that the venue fires: sell all at 100.90",
    }


def test_own_target_without_a_position_is_cancelled_at_a_start() -> None:
    """The position went while nobody was here: the target that it left behind would open another one."""
    scenario = uncapped(HOLD)
    scenario.fill("buy 0")
    scenario.advance(1)
    scenario.silence("account")
    scenario.by_hand("sell", 1, at="100")
    scenario.restart()
    scenario.restore("account")
    scenario.advance(1)

    assert [one for one in scenario.exits() if one.startswith("take")] == []
    assert scenario.position() == "flat"


# --- stops of an amount


def sized(**settings: Any) -> Scenario:
    """Begin a bot on a venue whose stops close an amount, and not whatever the position is."""
    scenario = Scenario({**STOPPED, "order_amount": 2, **settings}, sizes_stops=True)
    scenario.book(bid="99.5", ask="100.5")
    scenario.advance(1)

    return scenario


def stops(scenario: Scenario) -> list[str]:
    """The stops that rest on the venue."""
    return [one for one in scenario.exits() if one.startswith("venue stop")]


def test_sized_stop_follows_the_position() -> None:
    """Each fill makes the stop larger, a target that fills makes it smaller; it is never missing meanwhile."""
    scenario = sized(long_profit_taking_spread=1)
    found = []

    for act in (
        lambda: scenario.fill("buy 0", 0.5),
        lambda: scenario.fill("buy 0", 1.5),
        lambda: scenario.fill("take profit", 0.4),
    ):
        act()
        scenario.advance(0.5)
        found.append(stops(scenario))

    placed, cancelled = times(scenario, "place venue stop"), times(scenario, "cancel venue stop")

    assert [one[0].split(" at ")[0] for one in found] == [f"venue stop: sell {lots}" for lots in ("0.5", "2", "1.6")]
    assert [len(one) for one in found] == [1, 1, 1]
    assert len(placed) == 3
    assert all(before < after for before, after in zip(placed[1:], cancelled, strict=True))


def test_sized_stop_closes_its_amount_when_the_venue_fires_it() -> None:
    """The venue's own stop leaves nothing of a position that it was sized for, and nothing of it stays."""
    scenario = sized(stop_loss_order="venue")
    scenario.fill("buy 0", 1.5)
    scenario.advance(1)
    scenario.book(bid="96", ask="96.2")
    scenario.advance(3)

    assert scenario.position() == "flat"
    assert stops(scenario) == []


def test_sized_stop_is_made_for_the_position_at_an_end_without_the_trader() -> None:
    """The stop of a rescue is for an amount as well: the venue knows no other."""
    scenario = sized()
    last = LastStop(scenario.plan.exits, scenario.instrument, sizes_stops=True)
    order = last.order(Position(side=PositionSide.NET, amount=Decimal("1.5"), entry=Decimal(100)), "pm-1", None)

    assert order is not None
    assert (order.whole, order.lots) == (False, 1500)


# --- a stop that bears no id of ours


def guard_of(view: View) -> tuple[Exit, ...]:
    """A stop on the venue for any long position, five ticks lower for each ten lots."""
    lots = view.instrument.lots_down(view.positions[PositionSide.NET].amount)
    slot = Slot(OrderKind.VENUE_STOP, Side.SELL)

    return (VenueStop(slot=slot, ticks=950 - lots, lots=lots),) if lots > 0 else ()


def position_stop(venue_id: str, ticks: int, status: OrderStatus = OrderStatus.OPEN, **changes: Any) -> OrderReport:
    """The position's own stop as the venue tells of it: without an id of ours."""
    facts: dict[str, Any] = {
        "client_id": venue_id,
        "venue_id": venue_id,
        "side": Side.SELL,
        "position_side": PositionSide.NET,
        "status": status,
        "raw_status": status.value,
        "ticks": ticks,
        "lots": 5,
        "filled_lots": 0,
        "reduce_only": True,
        "type": OrderType.VENUE_STOP,
        "venue_ms": 5000,
        "of_position": True,
    }

    return OrderReport(**{**facts, **changes})


def stop_fill(scene: Scene, venue_id: str, lots: int) -> OrderFilled:
    """An execution of the position's own stop."""
    fill = scene.fill("9", lots, lots, side=Side.SELL, ticks=945).fill

    return OrderFilled(fill=attrs.evolve(fill, client_id=venue_id, venue_id=venue_id, of_position=True))


def guarded(**options: Any) -> Scene:
    """A long position of five lots, and the call for its stop taken by the venue's gateway: order 3."""
    scene = Scene(exits=ExitsOf(guard_of), names_stops=False, **options).quoting()
    scene.tell(scene.fill("1", 5, 5))
    taken = OrderAccepted(client_id="pm-bot-r1-3", venue_id=None, venue_ms=4000, by_gateway=True, fence_at=9.0)
    scene.tell(taken, after=0.1)

    return scene


def told(report: OrderReport) -> OrderReported:
    """The private stream tells of a stop."""
    return OrderReported(report=report, by_stream=True)


def test_nameless_stop_is_known_by_the_report_that_follows_the_call() -> None:
    """The report at the trigger that was asked for proves that the stop rests, and tells the venue's id."""
    scene = guarded()
    before = scene.status("3")
    scene.tell(told(position_stop("o-7", 945)), after=0.1)
    (stop,) = [order for order in scene.trader.working() if order.slot.kind is OrderKind.VENUE_STOP]

    assert (before, stop.status, stop.venue_id) == (OrderStatus.PENDING, OrderStatus.OPEN, "o-7")
    assert scene.trader.state.foreign.resting == ()
    assert scene.trader.remembered().stops == {"o-7": "pm-bot-r1-3"}


def test_nameless_stop_of_another_trigger_is_not_taken_for_ours() -> None:
    """A person has set the position's stop elsewhere: our call is not answered by that, and it is no foreign order."""
    scene = guarded()
    scene.tell(told(position_stop("o-6", 900)), after=0.1)

    assert scene.status("3") is OrderStatus.PENDING
    assert scene.trader.state.foreign.resting == ()


def test_nameless_stop_that_takes_the_place_of_another_is_no_loss() -> None:
    """The position grows: the new stop replaces the old one, whose end is ours, whichever word comes first."""
    for gone_first in (False, True):
        scene = guarded(two_stops=True)
        scene.tell(told(position_stop("o-7", 945)), after=0.1)
        scene.tell(scene.fill("4", 1, 1), after=0.1)
        scene.tell(OrderAccepted(client_id="pm-bot-r1-5", venue_id=None, venue_ms=5001, by_gateway=True, fence_at=9.0))
        gone = told(position_stop("o-7", 945, OrderStatus.CANCELLED))
        new = told(position_stop("o-8", 944))
        notices = [line for one in ((gone, new) if gone_first else (new, gone)) for line in scene.tell(one).notices]
        stops_now = [order.client_id for order in scene.trader.working() if order.slot.kind is OrderKind.VENUE_STOP]

        assert stops_now == ["pm-bot-r1-5"]
        assert notices == []


def test_nameless_stop_that_takes_the_place_of_another_may_bear_its_id() -> None:
    """The venue moves its order to the new trigger: the id is the new stop's from then on, and the old one is over."""
    scene = guarded(two_stops=True)
    scene.tell(told(position_stop("o-7", 945)), after=0.1)
    scene.tell(scene.fill("4", 1, 1), after=0.1)
    scene.tell(OrderAccepted(client_id="pm-bot-r1-5", venue_id=None, venue_ms=5001, by_gateway=True, fence_at=9.0))
    notices = list(scene.tell(told(position_stop("o-7", 944))).notices)
    stops_now = [order.client_id for order in scene.trader.working() if order.slot.kind is OrderKind.VENUE_STOP]

    assert stops_now == ["pm-bot-r1-5"]
    assert scene.trader.remembered().stops == {"o-7": "pm-bot-r1-5"}
    assert notices == []
    assert scene.trader.names is not None
    old = scene.trader.names.answer("pm-bot-r1-3", position_stop("o-7", 944))
    assert (old.client_id, old.status) == ("pm-bot-r1-3", OrderStatus.CANCELLED)


def test_nameless_stop_that_was_there_already_is_ours_once_we_ask_for_it() -> None:
    """A filled quote has set it where it belongs: the stream has shown it, before the venue says that it is set."""
    scene = Scene(exits=ExitsOf(guard_of), names_stops=False).quoting()
    scene.tell(told(position_stop("o-6", 945)), after=0.1)
    scene.tell(scene.fill("1", 5, 5), after=0.1)
    scene.tell(OrderAccepted(client_id="pm-bot-r1-3", venue_id="o-6", venue_ms=4000), after=0.1)
    scene.tell(OrderReported(report=position_stop("o-6", 945)))
    (stop,) = [order for order in scene.trader.working() if order.slot.kind is OrderKind.VENUE_STOP]

    assert (stop.client_id, stop.status, stop.confirmed) == ("pm-bot-r1-3", OrderStatus.OPEN, True)


def test_nameless_stop_is_known_again_after_a_restart() -> None:
    """What was learned is kept with the memory of a run, by which the next one takes the stop over."""
    first = guarded()
    first.tell(told(position_stop("o-7", 945)), after=0.1)
    kept = decode_recollection(encode_recollection(first.trader.remembered()))
    intents = {order.client_id: order.order for order in first.trader.working()}
    scene = Scene(exits=ExitsOf(guard_of), names_stops=False, intent=intents.get)
    assert kept is not None
    scene.trader.recall(kept)
    decision = scene.start(amount="0.005", orders=(position_stop("o-7", 945),))

    assert [order.client_id for order in scene.trader.working() if order.slot.kind.is_exit] == ["pm-bot-r1-3"]
    assert not any("stop" in one for one in placed(decision.actions))


def test_fill_of_a_nameless_stop_is_our_stops() -> None:
    """An execution with the venue's id finds the stop, and the filled delay begins as after every stop."""
    scene = guarded()
    scene.tell(told(position_stop("o-7", 945)), after=0.1)
    decision = scene.tell(stop_fill(scene, "o-7", 5), after=0.1)

    assert scene.amount == 0
    assert scene.status("3") is None
    assert not any("by hand" in line for line in decision.notices)
    assert scene.trader.state.stop_closed_at == {PositionSide.NET: scene.now}


def test_fill_of_a_stop_that_nobody_can_attribute_is_the_positions() -> None:
    """It is booked to the position and to our sums, told as what it is, and never as a person's trade."""
    scene = guarded()
    fees = dict(scene.trader.state.account.totals.fees)
    decision = scene.tell(stop_fill(scene, "o-99", 5), after=0.1)
    line = next(one for one in decision.notices if "o-99" in one)

    assert scene.amount == 0
    assert line.startswith("closed by the position's stop on the venue: sell 0.005 at 94.5")
    assert scene.trader.state.stop_closed_at == {PositionSide.NET: scene.now}
    assert scene.trader.state.account.totals.fees["USDT"] > fees["USDT"]


@pytest.mark.anyio
async def test_question_about_a_nameless_stop_goes_by_the_venues_id() -> None:
    """A reading and an answer bear our id, although the venue has none."""
    scene = guarded()
    scene.tell(told(position_stop("o-7", 945)), after=0.1)
    reconciliation = Reconciliation(
        connector=cast("DerivativeConnector", Nameless()),
        instrument=scene.trader.state.instrument,
        clock=LoopClock(),
        names=scene.trader.names,
    )
    answer = await reconciliation.ask("pm-bot-r1-3", "o-7", OrderKind.VENUE_STOP)
    (listed,) = await reconciliation.open_orders()

    assert isinstance(answer, OrderReported)
    assert (answer.report.client_id, listed.client_id) == ("pm-bot-r1-3", "pm-bot-r1-3")


class Nameless:
    """A connector whose venue keeps one stop of a position, without an id of ours."""

    allows_two_stops = True
    sizes_stops = False
    names_stops = False

    async def fetch_open_orders(self, _: object) -> list[OrderReport]:
        """Nothing else rests."""
        return []

    async def fetch_open_stops(self, _: object) -> list[OrderReport]:
        """The one stop."""
        return [position_stop("o-7", 945)]

    async def fetch_stop(self, _: object, __: str, venue_id: str | None = None) -> OrderReport | None:
        """By the venue's id alone."""
        return position_stop("o-7", 945) if venue_id == "o-7" else None

    async def place_stops(self, *_: object) -> None:
        """Nothing is placed here."""

    async def cancel_stops(self, *_: object) -> None:
        """Nothing is cancelled here."""
