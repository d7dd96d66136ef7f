"""Settings of the account: set, proven, and watched, on virtual time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import attrs
import pytest

from perpmaker.clock import LoopClock
from perpmaker.connector.interface import SettingsReading
from perpmaker.engine.preparation import SettingsWatch, WantedSettings, prepare
from perpmaker.errors import ConnectivityError, ExitCode, MarketRulesError, VenueError
from perpmaker.execution.dispatch import Gate
from perpmaker.model.event import Event, Halted, SettingsReported
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import PositionMode
from perpmaker.model.position import MarginMode, VenueSettings
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

    async def read_settings(self, instrument: Instrument) -> VenueSettings:
        """What holds."""
        del instrument

        if self.fault is not None:
            raise self.fault

        return self.settings


async def test_F42_settings_that_take_a_moment_to_show_are_waited_for() -> None:
    """The venue said yes and shows it at the fourth look."""
    venue = Venue(attrs.evolve(RIGHT, leverage=20), obeys=4)

    assert await prepare(cast("Any", venue), make_instrument(), WANTED, LoopClock()) == RIGHT
    assert venue.asked == 4


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (attrs.evolve(RIGHT, leverage=20), "leverage is 20, not 3"),
        (attrs.evolve(RIGHT, position_mode=PositionMode.HEDGE), "position_mode is Hedge, not One-way"),
        (attrs.evolve(RIGHT, margin_mode=MarginMode.CROSS), "margin_mode is cross, not isolated"),
    ],
)
async def test_F42_settings_that_are_not_confirmed_within_30_s_end_the_start(found: VenueSettings, words: str) -> None:
    """Accepted and not applied: both values are named, and it is a refusal."""
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
    """A watch that began with what is right."""
    assert isinstance(venue, SettingsReading)

    def emit(events: Sequence[Event]) -> None:
        emitted.extend(events)

    return SettingsWatch(
        settings=RIGHT,
        connector=cast("Any", venue),
        instrument=make_instrument(),
        gate=Gate(clock=LoopClock()),
        emit=emit,
    )


async def test_F43_a_position_mode_changed_in_mid_run_halts_the_market() -> None:
    """Read every half minute: both values are named."""
    emitted: list[Event] = []
    await watch(Venue(RIGHT), emitted).look()
    assert emitted == []

    await watch(Venue(attrs.evolve(RIGHT, position_mode=PositionMode.HEDGE)), emitted).look()
    (halted,) = emitted
    assert isinstance(halted, Halted)
    assert "position_mode is Hedge, not One-way" in halted.reason


async def test_F43_a_leverage_changed_on_the_stream_halts_the_market() -> None:
    """The venue tells of it by itself."""
    emitted: list[Event] = []
    watching = watch(Venue(RIGHT), emitted)
    watching.see([SettingsReported(settings=RIGHT)])
    assert emitted == []

    watching.see([SettingsReported(settings=attrs.evolve(RIGHT, leverage=50))])
    assert isinstance(emitted[0], Halted)


async def test_settings_that_cannot_be_read_now_are_read_next_time() -> None:
    """A venue that is away is no reason to halt."""
    emitted: list[Event] = []
    await watch(Venue(RIGHT, fault=ConnectivityError("gone")), emitted).look()

    assert emitted == []
