"""Settings of the account: set, proven, and watched, on virtual time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import attrs
import pytest

from perpmaker.clock import LoopClock
from perpmaker.connector.abilities import SettingsReading
from perpmaker.decision.drift_check import WantedSettings
from perpmaker.errors import ConnectivityError, ExitCode, MarketRulesError, VenueError
from perpmaker.execution.dispatch import Gate
from perpmaker.model.event import Event, SettingsReported
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import PositionMode
from perpmaker.model.position import MarginMode, VenueSettings
from perpmaker.runtime.account_setup import SettingsWatch, prepare
from perpmaker.testing.view import make_instrument

pytestmark = pytest.mark.anyio

WANTED = WantedSettings(leverage=3, position_mode=PositionMode.ONE_WAY, margin_mode=MarginMode.ISOLATED)
RIGHT = VenueSettings(leverage=3, position_mode=PositionMode.ONE_WAY, margin_mode=MarginMode.ISOLATED)


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Half a minute passes at once."""
    return virtual_time


@attrs.define
class Venue:
    """Shows `settings`, and what was asked for only from the `obeys`-th time on."""

    settings: VenueSettings
    obeys: float = 1
    asked: int = 0
    fault: VenueError | None = None
    name: str = "fake"
    meanwhile: Callable[[], None] = lambda: None

    async def prepare(
        self, instrument: Instrument, leverage: int, position_mode: PositionMode, margin_mode: MarginMode | None
    ) -> VenueSettings:
        """Set everything, or say so."""
        del instrument
        self.asked += 1

        if self.asked >= self.obeys:
            kept = margin_mode or self.settings.margin_mode
            self.settings = VenueSettings(leverage=leverage, position_mode=position_mode, margin_mode=kept)

        return self.settings

    async def fetch_settings(self, instrument: Instrument) -> VenueSettings:
        """What holds."""
        del instrument
        self.meanwhile()

        if self.fault is not None:
            raise self.fault

        return self.settings


async def test_F42_settings_that_take_a_moment_to_show_are_waited_for() -> None:
    """The venue said yes and shows it at the fourth look."""
    venue = Venue(attrs.evolve(RIGHT, leverage=20), obeys=4)

    assert await prepare(cast("Any", venue), make_instrument(), WANTED, LoopClock()) == RIGHT
    assert venue.asked == 4


async def test_F42_settings_that_are_not_confirmed_within_30_s_end_the_start() -> None:
    """Accepted and not applied: both values are named, and it is a refusal."""
    for found, words in [
        (attrs.evolve(RIGHT, leverage=20), "leverage is 20, not 3"),
        (attrs.evolve(RIGHT, position_mode=PositionMode.HEDGE), "position_mode is Hedge, not One-way"),
        (attrs.evolve(RIGHT, margin_mode=MarginMode.CROSS), "margin_mode is cross, not isolated"),
    ]:
        clock = LoopClock()
        began_at = clock.now()

        with pytest.raises(MarketRulesError, match=words) as refused:
            await prepare(cast("Any", Venue(found, obeys=float("inf"))), make_instrument(), WANTED, clock)

        assert refused.value.exit_code is ExitCode.REFUSED
        assert 30 <= clock.now() - began_at <= 33


async def test_a_margin_mode_to_be_kept_is_whatever_it_is() -> None:
    """Nothing is wrong about it."""
    keep = attrs.evolve(WANTED, margin_mode=None)
    venue = Venue(attrs.evolve(RIGHT, margin_mode=MarginMode.CROSS), obeys=float("inf"))

    assert (await prepare(cast("Any", venue), make_instrument(), keep, LoopClock())).margin_mode is MarginMode.CROSS


def watch(venue: Venue, emitted: list[Event]) -> SettingsWatch:
    """A watch that emits into a list."""
    assert isinstance(venue, SettingsReading)

    def emit(events: Sequence[Event]) -> None:
        emitted.extend(events)

    return SettingsWatch(
        connector=cast("Any", venue), instrument=make_instrument(), gate=Gate(clock=LoopClock()), emit=emit
    )


async def test_F43_what_the_account_is_set_to_is_read_and_told() -> None:
    """Without setting anything, whatever it is: the trader judges."""
    emitted: list[Event] = []
    changed = attrs.evolve(RIGHT, position_mode=PositionMode.HEDGE)
    await watch(Venue(changed), emitted).look()

    assert emitted == [SettingsReported(settings=changed)]


async def test_F43_a_read_that_the_stream_overtakes_is_dropped() -> None:
    """The venue told of a change while it was being asked: the answer may be the older of the two."""
    emitted: list[Event] = []
    venue = Venue(RIGHT)
    watching = watch(venue, emitted)
    venue.meanwhile = lambda: watching.see([SettingsReported(settings=attrs.evolve(RIGHT, leverage=50))])
    await watching.look()

    assert emitted == []


async def test_settings_that_cannot_be_read_now_are_read_next_time() -> None:
    """A venue that is away is no news of them."""
    emitted: list[Event] = []
    await watch(Venue(RIGHT, fault=ConnectivityError("gone")), emitted).look()

    assert emitted == []
