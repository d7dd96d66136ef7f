"""The venue's clock, told by ours."""

from __future__ import annotations

from perpmaker.state.venue_clock import VenueClock


def test_the_venues_time_goes_on_as_ours_does() -> None:
    """A second here is a second there, however long ago it was measured; without a measurement there is none."""
    clock = VenueClock()
    assert clock.ms(20.0) is None
    clock.measure(1_000_000, 10.0, 0.0)

    assert [clock.ms(at) for at in (10.0, 20.0, 3610.0)] == [1_000_000, 1_010_000, 4_600_000]
