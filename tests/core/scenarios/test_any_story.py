"""Any story whatever: markets that jump, fills, lost and refused commands, dead feeds, other hands, new processes.

While it happens no level is ever live twice, and every quote rests where the bot knows that it may; when the faults are
over the bot knows what the venue knows, the position is protected and its stop closes it, and quotes are placed again.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perpmaker.model.order import OrderKind
from perpmaker.simulation.rejection import RejectionError
from perpmaker.testing.scenario import Scenario
from perpmaker.testing.scenario_venue import ACCOUNT

EXITS = {"long_profit_taking_spread": 0.5, "short_profit_taking_spread": 0.5, "stop_loss_spread": 2}
BOTS: dict[str, dict[str, Any]] = {
    "hold": {"order_levels": 2, "filled_order_delay": 5, "order_refresh_time": 5},
    "pause": {"order_levels": 3, "filled_order_delay": 0, "when_in_position": "pause", "stop_loss_order": "market"},
    "continue": {
        "order_levels": 2,
        "filled_order_delay": 1,
        "when_in_position": "continue",
        "risk": {"exposure_limit": {"max_position": 5}},
    },
    "hedge": {"position_mode": "Hedge", "order_levels": 2, "filled_order_delay": 3},
    "guarded": {"order_levels": 2, "filled_order_delay": 3, "stop_loss_order": "venue"},
    "moving": {
        "order_levels": 3,
        "filled_order_delay": 0,
        "order_refresh_time": 2,
        "when_in_position": "continue",
        "inventory_skew": 1,
        "inventory_skew_distance": 0.3,
        "risk": {"exposure_limit": {"max_position": 5}},
    },
    "moving_hedge": {"position_mode": "Hedge", "order_levels": 2, "filled_order_delay": 1, "order_refresh_time": 3},
    "restless": {"order_optimization_enabled": True, "order_refresh_tolerance_pct": -1, "order_refresh_time": 2},
}
CALM = {"hold", "continue", "hedge"}
"""What every run tries without faults too; stories with faults have the calm acts as well."""
VENUES: dict[str, dict[str, bool]] = {bot: {"amends": True} for bot in ("moving", "moving_hedge", "restless")}
"""What the venue of a bot is like, where it is not as the usual one."""

COMMANDS = [
    "",
    "amend",
    "amend buy",
    "place",
    "place buy",
    "place take profit",
    "place stop loss",
    "place venue stop",
    "cancel",
    "cancel take profit",
]
REASONS = ["busy", "reduce_only", "other", "insufficient_margin", "not_found", "duplicate_id", "post_only_would_take"]
FEEDS = ["book", "mark", "account"]

calm_acts = st.one_of(
    st.tuples(st.just("move"), st.integers(-150, 150)),
    st.tuples(st.just("fill"), st.integers(0, 9), st.sampled_from([None, "0.25"])),
    st.tuples(st.just("vanish"), st.integers(0, 9), st.booleans()),
    st.tuples(st.just("by_hand"), st.sampled_from(["buy", "sell"]), st.sampled_from(["long", "short"]), st.booleans()),
    st.tuples(st.just("wait"), st.sampled_from([0.003, 0.01, 0.1, 0.5, 1, 3, 7])),
)
faulty_acts = st.one_of(
    st.tuples(st.just("lose"), st.sampled_from(COMMANDS), st.sampled_from(["before", "after"])),
    st.tuples(st.just("refuse"), st.sampled_from(COMMANDS), st.sampled_from(REASONS)),
    st.tuples(st.just("delay"), *[st.sampled_from([0.005, 0.3, 1.5, 1.9])] * 3),
    st.tuples(st.sampled_from(["silence", "disconnect"]), st.sampled_from(FEEDS)),
    st.tuples(st.sampled_from(["heal", "restore", "restart"])),
)


class Story:
    """A scenario and the price around which its market is."""

    def __init__(self, bot: str) -> None:
        self.scenario = Scenario({**EXITS, **BOTS[bot]}, **VENUES.get(bot, {}))
        self.mid = 10_000
        self.positions = ("long", "short") if "hedge" in bot else ("net",)
        self.move(0)
        self.scenario.advance(1)

    def play(self, act: tuple[Any, ...]) -> None:
        """One act; what a venue would not let happen does not."""
        name, *words = act

        try:
            getattr(self, name)(*words)
        except (ValueError, RejectionError):
            return

    def move(self, ticks: int) -> None:
        """The market jumps."""
        self.mid += ticks
        self.scenario.book(bid=(self.mid - 3) / 100, ask=(self.mid + 3) / 100)

    def fill(self, number: int, amount: str | None) -> None:
        """One of the orders that rest is taken."""
        orders = self.scenario.orders()
        self.scenario.fill(orders[number % len(orders)].name if orders else "none", amount)

    def vanish(self, number: int, by_hand: bool) -> None:
        """A quote goes without the bot's asking."""
        quotes = [order.name for order in self.scenario.orders() if order.kind is OrderKind.QUOTE]
        name = quotes[number % len(quotes)] if quotes else "none"
        (self.scenario.cancel_by_hand if by_hand else self.scenario.expire)(name)

    def by_hand(self, side: Any, position: Any, quiet: bool) -> None:
        """Other hands trade on the account."""
        where: Any = position if position in self.positions else "net"
        self.scenario.by_hand(side, "0.5", at=self.mid / 100, position=where, quiet=quiet)

    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.scenario.advance(seconds)

    def lose(self, command: str, when: Any) -> None:
        """An answer is lost."""
        self.scenario.lose(command, when)

    def refuse(self, command: str, reason: str) -> None:
        """Commands are refused."""
        self.scenario.refuse(command, reason, times=2)

    def delay(self, requests: float, answers: float, stream: float) -> None:
        """Everything is slow."""
        self.scenario.delay(requests=requests, answers=answers, stream=stream)

    def silence(self, feed: str) -> None:
        """A feed says nothing any more."""
        self.scenario.silence(feed)

    def disconnect(self, feed: str) -> None:
        """A feed ends."""
        self.scenario.disconnect(feed)

    def heal(self) -> None:
        """Commands are all right again."""
        self.scenario.heal()

    def restore(self) -> None:
        """All feeds speak."""
        for feed in FEEDS:
            self.scenario.restore(feed)

    def restart(self) -> None:
        """A new process."""
        self.scenario.restart()

    # --- what must hold

    def check_slots(self) -> None:
        """No level is live twice."""
        quotes = Counter(order.name for order in self.scenario.orders() if order.kind is OrderKind.QUOTE)
        assert not [name for name, live in quotes.items() if live > 1]

    def check_places(self) -> None:
        """Each quote rests at a price, and with an amount, that the bot takes for possible."""
        believed = self.scenario._trader.state.orders.live

        for order in self.scenario._venue.exchange.open_orders(ACCOUNT):
            if order.client_id in believed and not order.closing:
                working = believed[order.client_id].working
                assert order.ticks in working.prices
                assert order.lots <= working.most_lots

    def check_belief(self) -> None:
        """The bot knows what the venue knows."""
        scenario = self.scenario

        while any(line.endswith((": pending", ": cancelling", ": amending")) for line in scenario.believed_orders()):
            scenario.advance(0.007)  # in the middle of a refresh the answer is on its way

        names = sorted(order.name for order in scenario.orders() if order.kind is not OrderKind.FOREIGN)
        assert sorted(line.partition(":")[0] for line in scenario.believed_orders()) == names

        for side in self.positions:
            assert scenario.believed_position(side) == scenario.position(side)  # type: ignore[arg-type]  # sides

    def check_stops(self) -> None:
        """Each position is closed when the market passes its stop."""
        for side in self.positions:
            position: str = self.scenario.position(side)  # type: ignore[arg-type]  # sides

            if position != "flat":
                entry = float(position.rsplit(" ", 1)[1])
                self.mid = round(entry * (97.75 if position.startswith("long") else 102.25))  # before the backstop
                self.move(0)
                self.scenario.advance(1)
                assert self.scenario.position(side) == "flat"  # type: ignore[arg-type]  # sides


def end(story: Story) -> None:
    """The faults are over, and everything comes right."""
    story.heal()
    story.restore()
    story.scenario.advance(75)
    story.check_belief()
    story.check_stops()
    story.scenario.advance(140)
    story.check_slots()
    story.check_places()
    assert story.scenario.quotes()


@pytest.mark.parametrize("bot", [pytest.param(bot, marks=[] if bot in CALM else pytest.mark.full) for bot in BOTS])
@settings(max_examples=settings().max_examples // 20)
@given(acts=st.lists(calm_acts, max_size=40))
def test_on_a_venue_without_faults(bot: str, acts: list[tuple[Any, ...]]) -> None:
    """Whatever the market and other hands do."""
    story = Story(bot)

    for act in acts:
        story.play(act)
        story.check_slots()
        story.check_places()

    end(story)


@pytest.mark.parametrize("bot", BOTS)
@settings(max_examples=settings().max_examples // 20)
@given(acts=st.lists(st.one_of(calm_acts, faulty_acts), max_size=40))
def test_on_a_venue_with_faults(bot: str, acts: list[tuple[Any, ...]]) -> None:
    """Whatever is lost, refused, late, silent or started anew on top of that."""
    story = Story(bot)

    for act in acts:
        story.play(act)
        story.check_slots()
        story.check_places()

    end(story)
