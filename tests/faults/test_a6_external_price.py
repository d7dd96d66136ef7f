"""A6: the time and the numbers of an external price are the source's word, and no truth."""

from __future__ import annotations

from contextlib import asynccontextmanager
from decimal import Decimal
from math import inf, nan
from typing import Any

import anyio
import attrs
import pytest

from perpmaker import PriceSourceDeclaration
from perpmaker.model.event import ReferenceChanged
from perpmaker.testing.scenario import Scenario

from .plugin_site import SOURCE, PluginSite


@attrs.frozen(kw_only=True)
class Settings:
    """Nothing to set."""


class Silent:
    """A source that says nothing: a scenario tells its words itself."""

    async def receive(self) -> ReferenceChanged:
        """Wait for ever."""
        await anyio.sleep_forever()
        raise AssertionError


@asynccontextmanager
async def never(*_: object) -> Any:
    """Open the source that says nothing."""
    yield Silent()


TIDE = PriceSourceDeclaration(
    name="tide", summary="Tide", settings=Settings, open=never, price_types=("mid_price", "custom")
)


def quoting(**keys: Any) -> Scenario:
    """A bot that quotes around an external price of 100."""
    scenario = Scenario({"price_source": "tide", **keys}, plugins=(TIDE,))
    scenario.book(bid="99.9", ask="100.1")
    scenario.reference(price=100)
    scenario.advance(1)
    assert len(scenario.quotes()) == 2

    return scenario


def say(scenario: Scenario, **word: Any) -> None:
    """The source says just this."""
    scenario._event_queue.append(ReferenceChanged(**word))
    scenario._settle()


@pytest.mark.parametrize(
    "ahead_s",
    [1.5, nan, -1_767_225_600.0, *(pytest.param(one, marks=pytest.mark.full) for one in (60.0, 1_767_225_600.0, inf))],
)
def test_A6_a_time_of_another_clock_is_no_price(ahead_s: float) -> None:
    """A price from the future, or plainly of another clock, takes the quotes off at once, and they stay off."""
    scenario = quoting()
    say(scenario, price=Decimal(100), at=scenario.now + ahead_s)
    scenario.advance(0.1)
    assert scenario.quotes() == []
    scenario.advance(3600)
    assert scenario.quotes() == []


def test_A6_a_time_that_is_no_number_is_no_price() -> None:
    """Whatever a plugin has put there, it is not compared with a clock."""
    for at in [None, "12", Decimal(1), True]:
        scenario = quoting()
        say(scenario, price=Decimal(100), at=at)
        scenario.advance(0.1)
        assert scenario.quotes() == []


def test_A6_a_time_of_a_moment_ahead_counts_as_now() -> None:
    """Not quite a second ahead is a rounding: the price is as old as its arrival, and goes stale from there."""
    scenario = quoting(price_source_max_age=4)
    scenario.silence("reference")
    say(scenario, price=Decimal(100), at=scenario.now + 0.9)
    scenario.advance(3.9)
    assert len(scenario.quotes()) == 2
    scenario.advance(0.2)
    assert scenario.quotes() == []


@pytest.mark.each_value
@pytest.mark.parametrize(
    "price", [Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), Decimal(0), Decimal(-1), 100.0, 100, "100", nan]
)
@pytest.mark.parametrize("field", ["price", "bid", "last"])
def test_A6_a_number_that_is_no_price_pulls_the_quotes_and_halts_nobody(field: str, price: Any) -> None:
    """Quotes go at once; the strategy is not blamed, and a good price brings them back."""
    scenario = quoting()
    say(scenario, **{"price": Decimal(100), field: price}, at=scenario.now)
    scenario.advance(0.1)
    assert scenario.quotes() == []
    assert scenario.mode == "run"
    scenario.reference(price=100)
    scenario.advance(2)
    assert len(scenario.quotes()) == 2


@pytest.mark.parametrize("away", ["102.1", "97.9"])
def test_A6_a_price_far_from_the_traded_market_pulls_until_it_was_nearer_for_5_s(away: str) -> None:
    """Further than price_source_max_deviation, on either side: all quotes off, and back after 5 s of being nearer."""
    scenario = quoting()
    scenario.reference(price=away)
    scenario.advance(0.1)
    assert scenario.quotes() == []
    scenario.reference(price=100)
    scenario.advance(4.9)
    scenario.reference(price=100)
    assert scenario.quotes() == []
    scenario.advance(0.2)
    assert len(scenario.quotes()) == 2


def test_A6_the_traded_market_that_walks_away_from_the_source_pulls_too() -> None:
    """The source says the same and is fresh; the book moves by 3 percent, and the step that sees it pulls."""
    scenario = quoting(bid_spread=5, ask_spread=5)
    scenario.book(bid="102.9", ask="103.1")
    scenario.advance(0.1)
    assert scenario.quotes() == []


def test_A6_a_wobble_within_the_5_s_begins_them_again() -> None:
    """Nearer for 3 s, far for a moment, nearer again: the 5 s count from the last moment at which it was far."""
    scenario = quoting()
    scenario.reference(price=103)
    scenario.reference(price=100)
    scenario.advance(3)
    scenario.reference(price=103)
    scenario.reference(price=100)
    scenario.advance(4)
    assert scenario.quotes() == []
    scenario.advance(1.1)
    assert len(scenario.quotes()) == 2


def test_A6_zero_turns_the_deviation_off() -> None:
    """Whoever wants to quote far from the market may."""
    scenario = quoting(price_source_max_deviation=0, bid_spread=10, ask_spread=10)
    scenario.reference(price=105)
    scenario.advance(0.1)
    assert len(scenario.quotes()) == 2


def test_A6_a_source_with_another_clock_is_told_by_its_name_before_the_run(site: PluginSite) -> None:
    """`time.time()` for `at` is the plugin's mistake: exit 6, its name and its distribution."""
    site.install(SOURCE.format(body="return ReferenceChanged(price=Decimal(60000), at=time.time())", opening="pass"))
    ended = site.command_here("check", site.configure(top='price_source = "tide"'))

    assert ended.code == 6
    assert "price source tide of perpmaker-tide 1.0" in ended.err
    assert "ahead of now" in ended.err
