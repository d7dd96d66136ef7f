"""Settings of a market: what differs is set, and all of it is read back."""

from __future__ import annotations

import attrs
import pytest

from perpmaker.errors import MarketRulesError
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import PositionMode
from perpmaker.model.position import MarginMode, VenueSettings
from perpmaker.venue import apply_settings, check_leverage, check_settings

pytestmark = pytest.mark.anyio


@attrs.define
class Client:
    """A venue that does what it is told, but allows no leverage above 5."""

    settings: VenueSettings
    told: list[object] = attrs.field(factory=list)

    async def fetch(self) -> VenueSettings:
        """What is set."""
        return self.settings

    async def set_position_mode(self, mode: PositionMode) -> None:
        """Set it."""
        self.told.append(mode)
        self.settings = attrs.evolve(self.settings, position_mode=mode)

    async def set_margin_mode(self, mode: MarginMode) -> None:
        """Set it."""
        self.told.append(mode)
        self.settings = attrs.evolve(self.settings, margin_mode=mode)

    async def set_leverage(self, leverage: int) -> None:
        """Set it, as far as it goes."""
        self.told.append(leverage)
        self.settings = attrs.evolve(self.settings, leverage=min(leverage, 5))


def client() -> Client:
    """Leverage 3, one-way, cross."""
    return Client(VenueSettings(leverage=3, position_mode=PositionMode.ONE_WAY, margin_mode=MarginMode.CROSS))


async def test_nothing_is_set_that_is_so_already() -> None:
    """A setting that is sent may be refused, even where it changes nothing."""
    market = client()
    await apply_settings(market, leverage=3, position_mode=PositionMode.ONE_WAY, margin_mode=MarginMode.CROSS)

    assert market.told == []


async def test_what_differs_is_set_in_its_order() -> None:
    """The position mode first, the leverage last."""
    market = client()
    await apply_settings(market, leverage=4, position_mode=PositionMode.HEDGE, margin_mode=MarginMode.ISOLATED)

    assert market.told == [PositionMode.HEDGE, MarginMode.ISOLATED, 4]


async def test_a_margin_mode_that_nobody_asked_for_is_left() -> None:
    """It is a person's choice."""
    market = client()
    await apply_settings(market, leverage=3, position_mode=PositionMode.ONE_WAY, margin_mode=None)

    assert market.told == []


async def test_what_the_venue_then_says_is_the_result() -> None:
    """Not what was asked for."""
    found = await apply_settings(client(), leverage=9, position_mode=PositionMode.ONE_WAY, margin_mode=None)

    assert found.leverage == 5


def test_a_leverage_above_the_maximum_is_named_with_it(instrument: Instrument) -> None:
    """Before anything is asked."""
    check_leverage(instrument, 10, "Ore Exchange")

    with pytest.raises(MarketRulesError, match="above the maximum of ORE-GOLD on Ore Exchange, which is 10"):
        check_leverage(instrument, 11, "Ore Exchange")


@pytest.mark.parametrize(
    ("position_mode", "margin_mode", "words"),
    [
        (PositionMode.ONE_WAY, MarginMode.CROSS, None),
        (PositionMode.HEDGE, None, "Ore has no Hedge mode"),
        (PositionMode.ONE_WAY, MarginMode.ISOLATED, "Ore has no isolated margin"),
        *(pytest.param(*one, marks=pytest.mark.full) for one in ((PositionMode.ONE_WAY, None, None),)),
    ],
)
def test_what_a_venue_has_not_is_refused_with_what_to_set(
    instrument: Instrument, position_mode: PositionMode, margin_mode: MarginMode | None, words: str | None
) -> None:
    """A market without Hedge mode, of a venue with cross margin only."""
    market = attrs.evolve(instrument, has_hedge_mode=False)
    found = None

    try:
        check_settings(market, "Ore", leverage=1, position_mode=position_mode, margin_mode=margin_mode, isolated=False)
    except MarketRulesError as error:
        found = str(error)

    assert (found is None) if words is None else words in str(found)
