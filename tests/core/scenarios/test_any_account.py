"""Any story of an account that others use too, and of a venue that closes, liquidates and refuses.

The same must hold as in `test_any_story`, once the faults are over, the settings are what they were, and a person has
released a halt. With --full there are more stories than in every run.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perpmaker.model.event import OrderReported, TradingChanged
from perpmaker.model.order import OrderKind, OrderStatus, PositionSide, Side
from perpmaker.model.position import VenueSettings
from perpmaker.simulation.order import ConditionalRequest, OrderRequest, TriggerKind, TriggerPrice
from perpmaker.simulation.rejection import RejectionError
from perpmaker.simulation.statement import Assets
from perpmaker.testing.scenario_venue import ACCOUNT
from perpmaker.testing.scene import Scene

from .test_any_story import BOTS, COMMANDS, VENUES, Story, calm_acts, end, faulty_acts

SETTLED_S = 3
"""After so long without faults a position has a stop, and the bot knows what the venue knows."""

FULL_STORIES = 40
"""How many stories of each bot `--full` tells."""

DEAD_S = 1000
"""A stall that no story outlives: the process is dead."""

MORE_BOTS: dict[str, dict[str, Any]] = {
    "levered": {**BOTS["hold"], "leverage": 20, "stop_loss_spread": 2},
    "uncapped": BOTS["hold"],
    "uncapped at market": BOTS["pause"],
    "sized": BOTS["continue"],
    "sized hedge": {**BOTS["hedge"], "stop_loss_order": "venue"},
}
OTHER_VENUES = {
    "uncapped": {"caps_resting_exits": False},
    "uncapped at market": {"caps_resting_exits": False},
    "sized": {"sizes_stops": True},
    "sized hedge": {"sizes_stops": True},
}
"""One that lets a target exceed its position, and one whose stops are for an amount."""

REASONS = ["price_band", "rate_limit", "too_many_orders", "would_trigger", "stop_exists", "restricted", "liquidation"]
SIDES = st.sampled_from(["buy", "sell"])
POSITIONS = st.sampled_from(["long", "short"])
BNB = {"BNB": (Decimal(20), Decimal(600))}
ASSETS: dict[str, Assets] = {
    "one asset": Assets(),
    "another asset": Assets(others=BNB),
    "multi-assets": Assets(others=BNB, multi_assets=True),
    "other markets": Assets(bound_elsewhere=Decimal(9950)),
    "others in multi-assets": Assets(others=BNB, multi_assets=True, bound_elsewhere=Decimal(21_900)),
}
"""What an account may have beside its quote asset, and what else is bound by it."""

others_acts = st.one_of(
    st.tuples(st.just("order"), SIDES, POSITIONS, st.booleans(), st.integers(-80, 80)),
    st.tuples(st.just("their_stop"), SIDES, POSITIONS, st.sampled_from([-900, -260, -150, 150, 260, 900])),
    st.tuples(st.just("withdraw")),
    st.tuples(st.just("by_hand"), SIDES, POSITIONS, st.booleans()),
    st.tuples(st.just("set"), st.sampled_from(["leverage", "margin_mode", "position_mode"])),
    st.tuples(st.just("crash"), st.sampled_from([-900, -400, 400, 900])),
    st.tuples(st.just("deleverage"), st.sampled_from(["adl_autoclose", "autoclose-7"])),
    st.tuples(st.just("close_market"), st.booleans()),
    st.tuples(st.just("stop"), st.booleans()),
    st.tuples(st.sampled_from(["restart", "restart", "resume", "adopt"])),
    st.tuples(st.just("killed"), st.sampled_from([-300, -90, 0, 90, 300]), st.sampled_from([0, 300, -500])),
    st.tuples(st.just("stall"), st.sampled_from([0.1, 0.8, 1.5, 4])),
    st.tuples(st.just("own"), st.sampled_from(sorted(ASSETS)), st.sampled_from([0, 100, 10_000])),
)
outages = st.one_of(
    st.tuples(st.just("refuse"), st.sampled_from(COMMANDS), st.sampled_from(REASONS)),
    st.tuples(st.just("outage"), st.sampled_from(["before", "after"]), st.sampled_from([0.3, 1, 9])),
    st.tuples(st.just("blind"), st.sampled_from([2, 6, 12])),
)


class AccountStory(Story):
    """A story on an account that is not the bot's alone."""

    def __init__(self, bot: str, *, faulty: bool) -> None:
        BOTS.update(MORE_BOTS)
        VENUES.update(OTHER_VENUES)
        super().__init__(bot)
        self.others = 0
        self.faulty = faulty
        self.sizes_stops = VENUES.get(bot, {}).get("sizes_stops", False)
        self.quotes_close = BOTS[bot].get("when_in_position") == "continue"

    def order(self, side: str, position: str, reduces: bool, ticks: int) -> None:
        """An order of a person rests, or trades."""
        where = PositionSide(position) if position in self.positions else PositionSide.NET
        self.others += 1
        instrument = self.scenario.instrument
        request = OrderRequest(
            side=Side(side),
            amount=instrument.amount(500),
            price=instrument.price(self.mid + ticks),
            position_side=where,
            reduce_only=reduces and where is PositionSide.NET,
            client_id=f"person-{self.others}",
        )
        self.exchange.place(ACCOUNT, request, self.venue_ms)
        self.scenario.advance(0)

    def their_stop(self, side: str, position: str, ticks: int) -> None:
        """A person leaves a stop or a target that closes the whole position, of which the venue takes one."""
        where = PositionSide(position) if position in self.positions else PositionSide.NET
        stops = self.scenario._venue.stops.waiting()

        if any(one.close_position and (one.side, one.position_side) == (Side(side), where) for one in stops):
            return

        self.others += 1
        request = ConditionalRequest(
            side=Side(side),
            trigger=self.scenario.instrument.price(self.mid + ticks),
            kind=TriggerKind.STOP if (ticks > 0) == (side == "buy") else TriggerKind.TAKE_PROFIT,
            watch=TriggerPrice.MARK,
            position_side=where,
            client_id=f"person-{self.others}",
        )
        self.exchange.place_conditional(ACCOUNT, request, self.venue_ms)
        self.scenario.advance(0)

    def withdraw(self) -> None:
        """A person takes all orders off that are not the bot's."""
        for stop in self.scenario._venue.stops.waiting():
            if stop.client_id.startswith("person-"):
                self.exchange.cancel_conditional(ACCOUNT, client_id=stop.client_id, now_ms=self.venue_ms)

        for order in self.exchange.open_orders(ACCOUNT):
            if order.client_id.startswith("person-"):
                self.exchange.cancel(ACCOUNT, order_id=order.order_id, now_ms=self.venue_ms)

        self.scenario.advance(0)

    def set(self, what: str) -> None:
        """A person changes a setting."""
        mode = "One-way" if self.mode == "Hedge" else "Hedge"
        other: dict[str, Any] = {"leverage": 7, "margin_mode": "isolated", "position_mode": mode}
        self.scenario.set_by_hand(**{what: other[what]})

    def crash(self, ticks: int) -> None:
        """The market falls further than a stop can follow, and comes back."""
        self.move(ticks)
        self.scenario.advance(3)
        self.move(-ticks)

    def deleverage(self, client_id: str) -> None:
        """The venue announces that it closes a position."""
        report = Scene().order_report(client_id, OrderStatus.OPEN)
        side = PositionSide.LONG if len(self.positions) > 1 else PositionSide.NET
        forced = attrs.evolve(report, forced="liquidation", side=Side.SELL, position_side=side)
        self.tell(OrderReported(report=forced, by_stream=True))

    def close_market(self, closed: bool) -> None:
        """The market's status is another one."""
        self.tell(TradingChanged(closed="SETTLING" if closed else ""))

    def stop(self, close: bool) -> None:
        """A person ends the run, and begins the next one."""
        self.scenario.stop(close=close)
        self.scenario.advance(8)
        self.check_end(close)
        self.restart()

    def killed(self, ticks: int, later: int) -> None:
        """The process dies, and the market moves before and after the next one begins."""
        self.die(ticks)
        self.scenario.restart()
        self.move(later)

    def die(self, ticks: int = 0) -> None:
        """The process is dead for longer than what it has sent may still arrive, if the next one can begin then."""
        self.scenario._venue.prepare()
        self.scenario.stall(DEAD_S)
        self.move(0)
        self.move(ticks)
        self.scenario.advance(2.1)

    def resume(self) -> None:
        """A run that has halted is started again."""
        if self.scenario.mode.startswith("halt"):
            with suppress(RejectionError):
                self.restart()

    def adopt(self) -> None:
        """The journal is lost; a person starts again, and has everything taken over that is there."""
        self.die()
        self.scenario.restart(remembers=False)

    def stall(self, seconds: float) -> None:
        """A plugin keeps the processor in the next decision, and the market moves meanwhile."""
        self.scenario.stall(seconds)
        self.move(-20)
        self.scenario.advance(seconds)

    def own(self, what: str, wallet: int) -> None:
        """A person moves money, or changes what stands behind the positions."""
        found = self.exchange.account(ACCOUNT)
        self.exchange.set_assets(ACCOUNT, ASSETS[what], self.venue_ms)
        self.exchange.transfer(ACCOUNT, wallet - found.wallet, self.venue_ms)
        self.scenario.advance(0)

    def outage(self, when: Any, seconds: float) -> None:
        """No command is answered for a while, and the market moves."""
        self.scenario.lose("", when, times=None)
        self.scenario.advance(seconds / 2)
        self.move(120)
        self.scenario.advance(seconds / 2)
        self.scenario.heal()

    def blind(self, seconds: float) -> None:
        """No public stream speaks for a while; the mark price can be asked for."""
        self.scenario.silence("book")
        self.scenario.silence("mark")
        self.scenario.advance(seconds / 2)
        self.move(-150)
        self.scenario.advance(seconds / 2)
        self.restore()

    # --- the venue itself

    @property
    def exchange(self) -> Any:
        """The simulated exchange."""
        return self.scenario._venue.exchange

    @property
    def venue_ms(self) -> int:
        """The venue's time."""
        return self.scenario._venue._ms

    def tell(self, event: Any) -> None:
        """Have the bot hear what the simulated venue never says."""
        self.scenario._event_queue.append(event)
        self.scenario.advance(0)

    def calm_down(self) -> None:
        """All that a person or the venue has changed is as it was."""
        self.heal()
        self.restore()
        self.close_market(False)
        self.withdraw()
        self.own("one asset", 10_000)

        usual = self.begun_with
        changes: list[dict[str, Any]] = [
            {"leverage": usual.leverage},
            {"margin_mode": None if usual.margin_mode is None else usual.margin_mode.value},
            {"position_mode": usual.position_mode.value},
        ]

        for change in changes:
            with suppress(RejectionError):
                self.scenario.set_by_hand(**change)

    @property
    def begun_with(self) -> VenueSettings:
        """What the account was set to when this run began; a start sets what its file names, and keeps the rest."""
        wanted = self.scenario._trader._event_judge._drift.wanted
        assert wanted is not None

        return wanted

    @property
    def mode(self) -> str:
        """The position mode that the bot trades in."""
        return self.scenario.plan.position_mode.value

    # --- what must hold besides

    def check_others(self) -> None:
        """Orders of others are never touched, and nothing is quoted while something forbids it."""
        assert not self.scenario.sent("cancel person-")

        if not self.scenario.mode.startswith("run"):
            assert not self.scenario.quotes()

    def check_end(self, close: bool) -> None:
        """In calm times an end leaves no quote, a stop for each position, and none at all if that was the wish."""
        if self.faulty:
            return

        assert not self.scenario.quotes()
        self.check_stop_rests()
        is_alone = not any(one.kind is OrderKind.FOREIGN for one in self.scenario.orders())
        assert not is_alone or self.scenario._trader.is_settled
        assert not is_alone or self.scenario._trader.is_clean

        for side in self.positions if close and is_alone and self.venue_mode == self.mode else ():
            assert not self.held(side)[0]

    def check_stop_rests(self) -> None:
        """Whatever is held has a stop on the venue, in calm times: the bot's, or a person's for all of it."""
        for side in self.positions if self.venue_mode == self.mode else ():
            held, _ = self.held(side)
            closing = Side.SELL if held > 0 else Side.BUY
            stops = self.scenario._venue.stops.waiting()

            if held:
                assert any(one.side is closing and one.position_side.value == side for one in stops)

    @property
    def venue_mode(self) -> str:
        """The position mode that the account is set to."""
        mode: str = self.scenario._venue.settings().position_mode.value

        return mode

    def check_exits(self) -> None:
        """Each position has its target, and a stop that the venue keeps, whatever else is forbidden."""
        for side in self.positions:
            held, entry = self.held(side)
            closing = Side.SELL if held > 0 else Side.BUY
            orders = [one for one in self.scenario.orders() if one.side is closing and one.position_side.value == side]
            stops = [one for one in orders if one.kind is OrderKind.VENUE_STOP]
            kinds = {OrderKind.TAKE_PROFIT, *([OrderKind.QUOTE] if self.quotes_close else [])}
            closers = [one for one in orders if one.kind in kinds]

            if held:
                assert [one.amount for one in stops] == [abs(held)]
                assert abs(stops[0].price / entry - 1) <= Decimal("0.0252")
                assert sum(one.amount for one in closers) >= abs(held) or self.leaves_no_target
            else:
                assert not [one for one in orders if one.kind.is_exit]

    @property
    def leaves_no_target(self) -> bool:
        """Whether the bot is ending where the venue would let the target exceed its position."""
        return not self.scenario._venue.caps_resting_exits and self.scenario.mode.startswith("stop")

    def check_backstop(self) -> None:
        """The venue's stop closes each position by itself: nothing that the bot sends arrives any more."""
        self.scenario.lose("", "before", times=None)

        for side in self.positions:
            held, entry = self.held(side)

            if held:
                self.mid = round(float(entry) * (97 if held > 0 else 103))
                self.move(0)
                assert not self.held(side)[0]

        self.heal()

    def held(self, side: str) -> tuple[Decimal, Decimal]:
        """Amount and entry price of a position on the venue."""
        found = {one.side.value: one for one in self.scenario._venue.positions()}[side]

        return found.amount, found.entry


def play(bot: str, acts: Sequence[tuple[Any, ...]], *, alone: bool = False, faulty: bool = True) -> None:
    """Play a story to its end; `alone`: the stops on the venue close what is left, and else those of the bot."""
    story = AccountStory(bot, faulty=faulty)

    for act in acts:
        story.play(act)
        story.check_slots()

        if not faulty and act[0] == "wait" and act[1] >= SETTLED_S:
            story.check_stop_rests()

            if story.venue_mode == story.mode:
                story.check_belief()

    story.calm_down()
    story.scenario.advance(40)
    story.check_exits()
    story.check_others()
    story.resume()
    story.scenario.advance(75)
    story.check_belief()
    story.check_exits()
    story.check_others()
    # A stop of an amount cannot work beside a target on this venue, nor close what fills on the way down to it.
    (story.check_backstop if alone and not story.sizes_stops else story.check_stops)()
    story.scenario.advance(10)
    story.calm_down()  # what orders or a position forbade before

    if story.venue_mode != story.mode:  # a run does not begin like that
        return

    if story.scenario.mode.startswith(("halt", "stop", "flatten")):
        story.restart()

    end(story)


@pytest.mark.each_value
@pytest.mark.parametrize("bot", [*BOTS, *MORE_BOTS])
@pytest.mark.parametrize("faulty", [False, True], ids=["no faults", "faults"])
def test_whatever_others_and_the_venue_do(bot: str, *, faulty: bool, full: bool) -> None:
    """Orders of others, settings, liquidation, closed markets, ends and starts; commands lost and refused."""
    acts = [calm_acts, others_acts, *([faulty_acts, outages] if faulty else [])]

    @settings(max_examples=FULL_STORIES if full else 2, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.one_of(*acts), min_size=3, max_size=40), st.booleans())
    def stories(acts: list[tuple[Any, ...]], alone: bool) -> None:
        play(bot, acts, alone=alone, faulty=faulty)

    stories()
