"""The scenario harness itself: what its verbs do on the venue, and what its looks show."""

from __future__ import annotations

from decimal import Decimal

import attrs
import pytest

from perpmaker import RiskModuleDeclaration, StrategyDeclaration
from perpmaker.errors import ConfigurationError
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import OrderKind, PositionSide, Side, Slot
from perpmaker.model.quote import Quote, Reason, Rule, Wanted
from perpmaker.risk.interface import Approved, Refused, Verdict
from perpmaker.state.view import View
from perpmaker.testing.scenario import Scenario
from perpmaker.testing.scenario_words import OpenOrder
from perpmaker.testing.view import make_instrument


@pytest.fixture
def scenario() -> Scenario:
    """A calm market around 100, quotes of 1 at 0.1 % resting, at 1 s."""
    calm = Scenario({"long_profit_taking_spread": 1})
    calm.book(bid="99.9", ask="100.1")
    calm.advance(1)

    return calm


# --- configuration


def test_configuration_has_the_keys_and_the_faults_of_a_file() -> None:
    """Every fault at once, with the nearest key."""
    with pytest.raises(ConfigurationError) as refused:
        Scenario({"bid_spreed": 0.1, "leverage": 0})

    assert [problem.key for problem in refused.value.problems] == ["leverage", "bid_spreed"]
    assert refused.value.problems[1].nearest == "bid_spread"


def test_numbers_may_be_given_as_the_file_takes_them() -> None:
    """Floats are read as they are written, never through their binary value."""
    for value in [0.5, "0.5%", "50bp", Decimal("0.5")]:
        scenario = Scenario({"bid_spread": value})
        scenario.book(bid="99.9", ask="100.1")
        scenario.advance(1)

        assert scenario.quotes()[0] == "buy 1 at 99.5"


def test_market_rules_may_be_given() -> None:
    """Any instrument of the core."""
    scenario = Scenario({"order_amount": 0.15}, instrument=make_instrument(lot=Decimal("0.1"), tick=Decimal("0.5")))
    scenario.book(bid="99.5", ask="100.5")
    scenario.advance(1)

    assert scenario.quotes() == ["buy 0.1 at 99.5", "sell 0.1 at 100.5"]


@attrs.frozen(kw_only=True)
class _Settings:
    """A strategy's own keys."""

    distance: Decimal = Decimal(1)


@attrs.frozen
class _OneBid:
    """One bid so far below the best bid."""

    settings: _Settings

    def decide(self, view: View) -> Wanted:
        """A quote, once there is a bid to stand below."""
        if view.book.best_bid is None:
            return Wanted()

        ticks = view.book.best_bid - view.instrument.ticks_down(self.settings.distance)
        why = (Reason(Rule.SPREAD, "so far below the best bid", self.settings.distance),)

        return Wanted(
            quotes=(Quote(slot=Slot(OrderKind.QUOTE, Side.BUY), ticks=ticks, lots=5, generation=1, reasons=why),)
        )


def test_a_strategy_of_ones_own_is_declared_and_named_by_the_configuration() -> None:
    """Its settings are at the top, as in a file; exits are managed as for any other."""
    own = StrategyDeclaration(
        name="one_bid", summary="One bid", settings=_Settings, build=lambda settings, _: _OneBid(settings)
    )
    scenario = Scenario({"strategy": "one_bid", "distance": 2, "long_profit_taking_spread": 5}, plugins=[own])
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(0.1)
    assert scenario.quotes() == ["buy 0.005 at 97.9"]
    assert scenario.why("buy 0") == ["spread: so far below the best bid (2)"]

    scenario.fill("buy 0")
    scenario.advance(0.1)
    assert scenario.exits() == ["take profit: sell 0.005 at 102.8"]


class _NoAsks:
    """Refuses every ask."""

    def review(self, view: View, quote: Quote) -> Verdict:  # noqa: ARG002  # the protocol's signature
        """Bids pass."""
        if quote.slot.side is Side.SELL:
            return Refused(quote=quote, reason="not today")

        return Approved(quote=quote)


@attrs.frozen(kw_only=True)
class _NoSettings:
    """Nothing to set."""


def test_a_risk_module_of_ones_own_reviews_the_quotes() -> None:
    """It is named by its table, and what it refuses shows with its reason."""
    own = RiskModuleDeclaration(name="no_asks", summary="No asks", settings=_NoSettings, build=lambda _, __: _NoAsks())
    scenario = Scenario({"risk": {"no_asks": {}}}, plugins=[own])
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)

    assert (scenario.quotes(), scenario.withheld()) == (["buy 1 at 99.9"], {"sell 0": "risk"})
    assert scenario.why("sell 0")[-1] == "risk: no_asks: not today"


class _Raising:
    """A strategy with a fault."""

    def __init__(self, settings: object, instrument: Instrument) -> None:
        """Takes what `build` is given."""

    def decide(self, view: View) -> Wanted:
        """Never answers."""
        raise ZeroDivisionError(view.now)


def test_a_strategy_that_raises_is_contained_and_told() -> None:
    """As in a real run: no quotes, and a halt that names the plugin and what it raised."""
    own = StrategyDeclaration(name="raising", summary="Raises", settings=_NoSettings, build=_Raising)
    scenario = Scenario({"strategy": "raising"}, plugins=[own])
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)

    assert scenario.mode.startswith("halt: the strategy raising failed in decide (ZeroDivisionError")
    assert scenario.quotes() == []
    assert "Traceback" in scenario.notices[0]


# --- the market


def test_book_moves_one_side_and_leaves_the_other(scenario: Scenario) -> None:
    """What is not named stays; a book that would cross itself is refused."""
    scenario.book(ask="100.3")
    scenario.advance(15)
    assert scenario.why("buy 0")[0] == "reference: mid (100.1)"

    with pytest.raises(ValueError, match="cross"):
        scenario.book(ask="99.9")


def test_what_runs_into_an_order_trades_with_it(scenario: Scenario) -> None:
    """Real matching: an ask below our bid fills it."""
    scenario.book(bid="99.7", ask="99.8")

    assert scenario.fills() == ["buy 0: 1 at 99.9"]


def test_a_trade_takes_from_the_book_in_its_order(scenario: Scenario) -> None:
    """The crowd that was there first is served first, and a limit is kept."""
    scenario.trade("sell", 1000)
    assert scenario.fills() == []

    scenario.trade("sell", 0.4, limit="99.9")
    assert scenario.fills() == ["buy 0: 0.4 at 99.9"]


def test_fill_takes_an_order_wholly_or_partly_and_nothing_else(scenario: Scenario) -> None:
    """The book is the same afterwards."""
    scenario.fill("buy 0", "0.25")
    assert scenario.quotes() == ["buy 0.75 at 99.9", "sell 1 at 100.1"]

    scenario.fill("buy 0")
    assert scenario.position() == "long 1 at 99.9"
    scenario.advance(0.1)
    assert scenario.why("buy 0")[0] == "reference: mid (100)"


def test_fill_of_what_is_not_there_says_what_is(scenario: Scenario) -> None:
    """A wrong name, or a level behind another one."""
    with pytest.raises(ValueError, match="no order 'buy 7' rests; there are: buy 0, sell 0"):
        scenario.fill("buy 7")

    deep = Scenario({"order_levels": 2})
    deep.book(bid="99.9", ask="100.1")
    deep.advance(1)

    with pytest.raises(ValueError, match="cannot be filled before"):
        deep.fill("buy 1")


# --- time


def test_the_bot_is_woken_at_exactly_the_times_it_asked_for(scenario: Scenario) -> None:
    """One long step is the same as many short ones."""
    scenario.book(bid="99.8", ask="100")
    other = Scenario({"long_profit_taking_spread": 1})
    other.book(bid="99.9", ask="100.1")
    other.advance(1)
    other.book(bid="99.8", ask="100")

    scenario.advance(100)

    for _ in range(1000):
        other.advance(0.1)

    assert scenario.sent() == other.sent()
    assert scenario.now == other.now == 101


def test_commands_and_answers_take_their_time() -> None:
    """A request of 0.2 s and an answer of 0.3 s: on the venue after 0.2, known after 0.5."""
    scenario = Scenario()
    scenario.delay("place buy", requests=0.2, answers=0.3, stream=0.3)
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(0.1)
    assert scenario.quotes() == ["sell 1 at 100.1"]

    scenario.advance(0.15)
    assert (len(scenario.quotes()), scenario.believed_orders()[0]) == (2, "buy 0: pending")
    scenario.advance(0.3)
    assert scenario.believed_orders()[0] == "buy 0: open"


# --- faults


def test_refused_commands_are_told_by_the_beginning_of_their_text(scenario: Scenario) -> None:
    """`place take profit` and nothing else, once."""
    scenario.refuse("place take profit", "busy")
    scenario.fill("buy 0")
    scenario.advance(1)

    assert len(scenario.sent("place take profit")) == 2
    assert scenario.exits() == ["take profit: sell 1 at 100.9"]


def test_heal_ends_every_fault() -> None:
    """Faults without end, and delays."""
    scenario = Scenario()
    scenario.refuse("place", "busy", times=None)
    scenario.delay(answers=1)
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(5)
    assert scenario.quotes() == []

    scenario.heal()
    scenario.advance(60)
    assert scenario.quotes() == ["buy 1 at 99.9", "sell 1 at 100.1"]


def test_a_silent_feed_is_told_by_its_age_and_a_lost_one_at_once(scenario: Scenario) -> None:
    """Feeds live unless told otherwise."""
    scenario.silence("book")
    scenario.advance(9.9)
    assert scenario.mode == "run"
    scenario.advance(0.2)
    assert scenario.mode == "reduce: the book is stale"

    scenario.restore("book")
    scenario.disconnect("account")
    assert scenario.mode == "reduce: account stream lost: the connection ended"
    scenario.restore("account")
    scenario.advance(0.1)
    assert scenario.mode == "run"


# --- looks


def test_orders_show_side_price_amount_and_kind(scenario: Scenario) -> None:
    """As values, for whoever wants to calculate."""
    scenario.fill("buy 0")
    scenario.advance(0.1)
    (order,) = scenario.orders()

    assert order == OpenOrder(
        name="take profit",
        kind=OrderKind.TAKE_PROFIT,
        side=Side.SELL,
        position_side=PositionSide.NET,
        price=Decimal("100.9"),
        amount=Decimal(1),
        filled=Decimal(0),
        client_id="pm-scenario-r1-3",
    )


def test_an_external_reference_is_what_the_scenario_says() -> None:
    """Nothing is quoted before the source has spoken; then around its price."""
    scenario = Scenario(
        {"price_source": "custom_api", "price_source_custom_api": "https://example.org/price", "bid_spread": 1}
    )
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)
    assert scenario.withheld() == {"buy 0": "reference", "sell 0": "reference"}

    scenario.reference(price="100.02")
    scenario.advance(1.1)
    assert scenario.quotes() == ["buy 1 at 99.01", "sell 1 at 100.13"]

    scenario.silence("reference")
    scenario.advance(15.1)
    assert scenario.quotes() == []
