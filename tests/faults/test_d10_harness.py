"""Row D10: in a scenario the bot is the one that trades, and the venue is like a venue."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import anyio
import attrs
import pytest

from perpmaker import PriceSourceDeclaration
from perpmaker.connector.price_source import SourceContext
from perpmaker.errors import ConnectivityError
from perpmaker.model.event import ReferenceChanged
from perpmaker.simulation.rejection import RejectionError
from perpmaker.testing.scenario import Scenario


def quoting(**keys: object) -> Scenario:
    """A bot on a market around 100, its quotes placed."""
    scenario = Scenario({"bid_spread": 1, "ask_spread": 1, "long_profit_taking_spread": 2, **keys})
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)

    return scenario


# --- settings


@pytest.mark.parametrize("leverage", [2, 5])
def test_D10_leverage_that_a_person_changes_is_noticed(leverage: int) -> None:
    """At once by the stream: nothing is quoted, a person is told, and it goes on when it is set back."""
    scenario = quoting()
    said = f"leverage is {leverage}, not 1"
    scenario.set_by_hand(leverage=leverage)
    scenario.advance(0.1)
    assert said in scenario.mode
    assert [line for line in scenario.notices if said in line]

    scenario.advance(20)
    assert scenario.quotes() == []

    scenario.set_by_hand(leverage=1)
    scenario.advance(30)
    assert (scenario.mode, len(scenario.quotes())) == ("run", 2)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"margin_mode": "isolated"}, "margin_mode is isolated, not cross"),
        ({"position_mode": "Hedge"}, "position_mode is Hedge, not One-way"),
    ],
)
def test_D10_modes_that_a_person_changes_are_noticed(change: Any, said: str) -> None:
    """While nothing rests, as the venue wants it; with orders there the venue refuses the person."""
    scenario = Scenario({"bid_spread": 1, "ask_spread": 1})
    scenario.advance(1)
    scenario.set_by_hand(**change)
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)
    assert said in scenario.mode
    assert scenario.quotes() == []

    with pytest.raises(RejectionError, match="open orders exist"):
        quoting().set_by_hand(**change)


def test_D10_settings_that_no_stream_tells_of_are_found_by_the_check() -> None:
    """Every 30 s they are read, as the account is."""
    scenario = quoting()
    scenario.disconnect("account")
    scenario.set_by_hand(leverage=7)
    scenario.restore("account")
    scenario.advance(30)
    assert "leverage is 7, not 1" in scenario.mode


def test_D10_a_new_run_sets_what_was_changed() -> None:
    """As a start does: it quotes with the leverage of its file."""
    scenario = quoting()
    scenario.set_by_hand(leverage=7)
    scenario.advance(1)
    scenario.restart()
    scenario.advance(2)
    assert (scenario.mode, len(scenario.quotes())) == ("run", 2)


# --- positions in Hedge mode


def test_D10_positions_are_shown_in_either_mode() -> None:
    """Without a side all that is held; a side that the mode does not have is named."""
    hedge = quoting(position_mode="Hedge")
    assert (hedge.position(), hedge.believed_position()) == ("flat", "flat")

    hedge.by_hand("buy", 1, at=100, position="long")
    hedge.by_hand("sell", 2, at=100, position="short")
    hedge.advance(1)
    both = "long 1 at 100, short 2 at 100"
    assert (hedge.position(), hedge.believed_position()) == (both, both)
    assert (hedge.position("long"), hedge.believed_position("short")) == ("long 1 at 100", "short 2 at 100")

    with pytest.raises(ValueError, match="One-way mode has no long position: net"):
        quoting().position("long")

    with pytest.raises(ValueError, match="One-way mode has no short position: net"):
        quoting().believed_position("short")


# --- a person's trades


@pytest.mark.each_value
@pytest.mark.parametrize("side", ["buy", "sell"])
@pytest.mark.parametrize("at", ["90", "99.9", "110"])
def test_D10_a_person_who_is_refused_changes_nothing(side: Any, at: str) -> None:
    """More than the account can back: refused in words, and no order of the bot is touched."""
    scenario = quoting()
    before = scenario.quotes()

    with pytest.raises(RejectionError, match="margin is insufficient"):
        scenario.by_hand(side, 999, at=at)

    scenario.advance(2)
    assert (scenario.quotes(), scenario.fills(), scenario.position()) == (before, [], "flat")


def test_D10_a_person_trades_past_the_orders_of_the_bot() -> None:
    """At a price on the other side of its quotes, too: the position is the person's alone, the book as before."""
    for side, at in [("buy", "98"), ("buy", "102"), ("sell", "98"), ("sell", "102")]:
        scenario = quoting()
        before = scenario.quotes()
        scenario.by_hand(side, 3, at=at)
        assert scenario.fills() == []
        assert scenario.quotes() == before
        assert scenario.position() == f"{'long' if side == 'buy' else 'short'} 3 at {at}"


# --- stops


@pytest.mark.parametrize("verb", ["expire", "cancel_by_hand"])
def test_D10_a_stop_on_the_venue_has_a_name_too(verb: str) -> None:
    """It goes by the venue's hand or a person's, and the bot protects the position again."""
    scenario = quoting(stop_loss_order="venue", stop_loss_spread=3)
    scenario.fill("buy 0")
    scenario.advance(1)
    assert "venue stop" in scenario.exits()[0]

    getattr(scenario, verb)("venue stop")
    scenario.advance(0.002)
    assert not [one for one in scenario.exits() if "venue stop" in one]

    scenario.advance(40)
    assert [one for one in scenario.exits() if "stop" in one]


def test_D10_a_name_that_nothing_has_is_answered_with_those_there_are() -> None:
    """Stops among them."""
    scenario = quoting(stop_loss_order="venue", stop_loss_spread=3)
    scenario.fill("buy 0")
    scenario.advance(1)

    with pytest.raises(ValueError, match=r"no order 'sell 7' rests; there are: .*take profit.*venue stop"):
        scenario.expire("sell 7")


# --- a restart


def test_D10_a_fill_in_the_instant_of_a_restart_starts_the_filled_delay() -> None:
    """Nobody had told the old process of it; the new one reads it, and pauses as it would have."""
    scenario = quoting(filled_order_delay=30)
    scenario.fill("buy 0")
    scenario.restart()
    scenario.advance(1)
    assert scenario.position() == "long 1 at 99"
    assert scenario.exits()[0].startswith("take profit")

    scenario.fill("take profit")
    scenario.advance(5)
    assert scenario.quotes() == []
    assert set(scenario.withheld().values()) == {"filled delay"}

    scenario.advance(30)
    assert len(scenario.quotes()) == 2


def test_D10_a_fill_while_no_process_lives_is_read_once() -> None:
    """A fill that the old process has counted starts nothing anew in the next one."""
    scenario = quoting(filled_order_delay=5)
    scenario.fill("buy 0")
    scenario.advance(1)
    scenario.fill("take profit")
    scenario.advance(10)
    assert len(scenario.quotes()) == 2

    scenario.restart()
    scenario.advance(1)
    assert len(scenario.quotes()) == 2


# --- a price source of one's own


STEP = Decimal("0.05")


@attrs.frozen(kw_only=True)
class Settings:
    """What the source is told."""

    every: float = 1.0


def source(name: str, log: list[str], *, fails_first: bool = False) -> PriceSourceDeclaration:
    """A source that says 200, 200.05, 200.1 ..., a price every second."""

    @attrs.define
    class Receiver:
        context: SourceContext
        every: float
        price: Decimal = Decimal(200)

        async def receive(self) -> ReferenceChanged:
            await anyio.sleep(self.every)
            self.price += STEP

            return ReferenceChanged(price=self.price - STEP, at=self.context.clock.now())

    @asynccontextmanager
    async def opened(settings: Settings, context: SourceContext) -> AsyncIterator[Receiver]:
        log.append(f"opened at {context.clock.now():g}, {context.request.market}")

        if fails_first and len(log) == 1:
            raise ConnectivityError("not yet")

        try:
            yield Receiver(context, settings.every)
        finally:
            log.append("closed")

    return PriceSourceDeclaration(name=name, summary="Counts", settings=Settings, open=opened, price_types=("custom",))


def test_D10_a_price_source_that_is_handed_over_is_opened() -> None:
    """Its prices come at its own times, on the scenario's clock, and the quotes hang on them."""
    log: list[str] = []
    keys = {"price_source": "counter", "price_type": "custom", "counter": {"every": 2}, "order_refresh_time": 1}
    scenario = Scenario(keys, plugins=[source("counter", log)])
    scenario.book(bid="199.9", ask="200.1")
    scenario.advance(1.9)
    assert (log, scenario.quotes()) == (["opened at 0, BTC-USDT"], [])

    scenario.advance(0.2)
    assert scenario.quotes() == ["buy 1 at 199.8", "sell 1 at 200.2"]
    assert scenario.why("buy 0")[0] == "reference: external price (200)"

    scenario.advance(4)
    assert scenario.why("buy 0")[0] == "reference: external price (200.1)"


def test_D10_a_price_source_that_fails_is_opened_again() -> None:
    """As in a run: after a while, and a plugin that breaks is told as a plugin's fault."""
    log: list[str] = []
    keys = {"price_source": "counter", "price_type": "custom"}
    scenario = Scenario(keys, plugins=[source("counter", log, fails_first=True)])
    scenario.book(bid="199.9", ask="200.1")
    scenario.advance(10)
    assert len(log) == 2
    assert len(scenario.quotes()) == 2

    scenario.silence("reference")
    scenario.advance(30)
    assert scenario.quotes() == []


def test_D10_a_source_may_wait_for_any_time() -> None:
    """A wait that ends between two nanoseconds ends, and the scenario does not turn in circles before."""
    for wait_s in [0.3119653926, 1 / 3, 0.1 + 0.2, 2**-31 + 0.5]:
        keys = {"price_source": "counter", "price_type": "custom", "counter": {"every": wait_s}}
        scenario = Scenario(keys, plugins=[source("counter", [])])
        scenario.book(bid="199.9", ask="200.1")
        scenario.advance(3)
        assert len(scenario.quotes()) == 2


def test_D10_a_restart_opens_the_source_anew() -> None:
    """The old one ends with its process."""
    log: list[str] = []
    keys = {"price_source": "counter", "price_type": "custom"}
    scenario = Scenario(keys, plugins=[source("counter", log)])
    scenario.book(bid="199.9", ask="200.1")
    scenario.advance(3)
    scenario.restart()
    scenario.advance(3)
    assert log == ["opened at 0, BTC-USDT", "closed", "opened at 3, BTC-USDT"]
    assert scenario.why("buy 0")[0] == "reference: external price (200)"


def test_D10_the_same_scenario_with_a_source_is_the_same_run() -> None:
    """To the millisecond, however busy the machine is."""

    def play() -> Any:
        scenario = Scenario({"price_source": "counter", "price_type": "custom"}, plugins=[source("counter", [])])
        scenario.book(bid="199.9", ask="200.1")
        scenario.advance(60)

        return scenario.sent()

    assert play() == play()
