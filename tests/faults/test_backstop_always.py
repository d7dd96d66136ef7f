"""Whatever happens on a venue that answers: no open position is without a stop there for longer than a way takes.

Market data may be silent or gone as long as it likes, other hands may trade, the process may be killed.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from perpmaker.model.order import PositionSide
from perpmaker.simulation.order import ConditionalState
from perpmaker.simulation.rejection import RejectionError
from perpmaker.testing.scenario import Scenario
from perpmaker.testing.scenario_venue import ACCOUNT
from perpmaker.testing.scenario_wire import LATENCY_S

BRIDGE_S = 6 * LATENCY_S
"""How long a new or larger position may be without its stop: the fill is told, the stop travels. A move takes 0."""

STEP_S = 0.0025

BOTS: dict[str, dict[str, Any]] = {
    "limit": {"order_levels": 2, "filled_order_delay": 2},
    "market": {"order_levels": 3, "filled_order_delay": 0, "when_in_position": "pause", "stop_loss_order": "market"},
    "venue": {"order_levels": 2, "filled_order_delay": 2, "stop_loss_order": "venue"},
    "continue": {
        "order_levels": 2,
        "filled_order_delay": 1,
        "when_in_position": "continue",
        "risk": {"exposure_limit": {"max_position": 5}},
    },
    "mark": {"order_levels": 2, "filled_order_delay": 2, "stop_loss_trigger": "mark"},
    "hedge": {"position_mode": "Hedge", "order_levels": 2, "filled_order_delay": 2},
}

acts = st.one_of(
    st.tuples(st.just("move"), st.integers(-150, 150)),
    st.tuples(st.just("mark"), st.integers(-150, 150)),
    st.tuples(st.just("fill"), st.integers(0, 9), st.sampled_from([None, "0.25"])),
    st.tuples(st.just("by_hand"), st.sampled_from(["buy", "sell"]), st.sampled_from(["long", "short"])),
    st.tuples(st.sampled_from(["silence", "disconnect", "restore"]), st.sampled_from(["book", "mark", "trades"])),
    st.tuples(st.just("wait"), st.sampled_from([0.003, 0.02, 0.3, 3, 7, 20])),
    st.tuples(st.just("restart")),
)


class Watched(Scenario):
    """A scenario that looks at the venue at every moment in which anything happens."""

    def __init__(self, configuration: dict[str, Any]) -> None:
        self.naked: dict[PositionSide, float] = {}
        self.covered: dict[PositionSide, tuple[Decimal | None, float]] = {}
        super().__init__(configuration)

    def _do_due(self) -> None:
        super()._do_due()
        self.look()

    def look(self) -> None:
        """Note since when each position has had no stop; AssertionError when that is too long."""
        exchange = self._venue.exchange
        stops = exchange.conditional_orders(ACCOUNT)

        for position in self._venue.positions():
            side, lots = position.side, abs(position.amount) / self.instrument.lot
            closing = [one for one in stops if one.position_side is side and one.side.sign * position.amount < 0]
            covered = any(one.close_position for one in closing) or sum(one.lots or 0 for one in closing) >= lots

            if covered:
                self.naked.pop(side, None)
                known, since = self.covered.get(side, (None, 0.0))
                self.covered[side] = (position.amount, since if known == position.amount else self.now)
                continue

            known, since = self.covered.pop(side, (None, 0.0))
            is_moved = known == position.amount and self.now - since > BRIDGE_S and not self._has_just_fired(side)

            if is_moved or self.now - self.naked.setdefault(side, self.now) > BRIDGE_S:
                self.naked.setdefault(side, self.now)
                raise AssertionError(f"{position.amount} {side.value} without a stop since {self.naked[side]} s")

    def _has_just_fired(self, side: PositionSide) -> bool:
        """Whether the venue has fired the last stop of this position: it closes, or is refused and sent again."""
        known = self._venue.exchange._floor.accounts[ACCOUNT].conditionals.values()
        last = [one.state for one in known if one.position_side is side and one.state is not ConditionalState.WAITING]

        return bool(last) and last[-1] in {ConditionalState.TRIGGERED, ConditionalState.REJECTED}


class Story:
    """What happens to one bot."""

    def __init__(self, bot: str) -> None:
        keys = {"long_profit_taking_spread": 0.5, "short_profit_taking_spread": 0.5, "stop_loss_spread": 2}
        self.scenario = Watched({**keys, "order_refresh_time": 5, **BOTS[bot]})
        self.mid, self.sides = 10_000, ("long", "short") if bot == "hedge" else ("net",)
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

    def mark(self, ticks: int) -> None:
        """The mark price jumps apart from the book."""
        self.scenario.mark((self.mid + ticks) / 100)

    def fill(self, number: int, amount: str | None) -> None:
        """One of the orders that rest is taken."""
        orders = self.scenario.orders()
        self.scenario.fill(orders[number % len(orders)].name if orders else "none", amount)

    def by_hand(self, side: Any, position: Any) -> None:
        """Other hands trade on the account."""
        where: Any = position if position in self.sides else "net"
        self.scenario.by_hand(side, "0.5", at=self.mid / 100, position=where)

    def silence(self, feed: str) -> None:
        """A feed says nothing any more."""
        self.scenario.silence(feed)

    def disconnect(self, feed: str) -> None:
        """A feed ends."""
        self.scenario.disconnect(feed)

    def restore(self, feed: str) -> None:
        """A feed speaks again."""
        self.scenario.restore(feed)

    def restart(self) -> None:
        """A new process; the stops of the old one rest on."""
        self.scenario.restart()

    def wait(self, seconds: float) -> None:
        """Time passes, and is looked at closely at its beginning."""
        for _ in range(int(min(seconds, 0.05) / STEP_S)):
            self.scenario.advance(STEP_S)
            self.scenario.look()

        self.scenario.advance(seconds)
        self.scenario.look()


@pytest.mark.parametrize("bot", BOTS)
@settings(max_examples=8, deadline=None)
@given(story=st.lists(acts, max_size=30))
@example(story=[("move", 106), ("move", 150), ("silence", "book"), ("move", 56)])
@example(story=[("fill", 0, None), ("wait", 3), ("silence", "book"), ("silence", "mark"), ("wait", 7), ("wait", 20)])
def test_backstop_no_open_position_is_without_a_stop(bot: str, story: list[tuple[Any, ...]]) -> None:
    """At no moment of any story for longer than the way there."""
    played = Story(bot)

    for act in story:
        played.play(act)

    played.wait(3)


@pytest.mark.each_value
@pytest.mark.parametrize("sign", [1, -1], ids=["long", "short"])
@pytest.mark.parametrize("order", ["limit", "market"])
def test_backstop_a_position_entered_beyond_its_stop_has_one_past_the_market(sign: int, order: str) -> None:
    """The venue takes no closing order, the stop fired with the fill: whoever is killed now leaves a stop."""
    scenario = Scenario({"stop_loss_spread": 2, "stop_loss_order": order})
    scenario.book(bid="99.9", ask="100.1")
    scenario.refuse("place stop loss", "busy", times=None)
    scenario.by_hand("buy" if sign > 0 else "sell", 1, at=105 if sign > 0 else 95)
    scenario.advance(30)
    stops = [line for line in scenario.exits() if line.startswith("venue stop")]
    assert stops == ["venue stop: sell 1 at 99" if sign > 0 else "venue stop: buy 1 at 101"]

    scenario.heal()
    scenario.advance(5)
    assert (scenario.position(), scenario.exits()) == ("flat", [])
