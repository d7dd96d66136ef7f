"""A venue's clock by the engine's."""

from __future__ import annotations

import attrs

from perpmaker.venue import ServerClock


@attrs.define
class Clock:
    """A clock that stands where a test sets it; the machine's wall clock is an hour wrong."""

    at: float = 100.0

    def now(self) -> float:
        """The engine's time."""
        return self.at

    def utc_ms(self) -> int:
        """The machine's idea of the time."""
        return 3_600_000


def test_the_middle_of_the_round_trip_is_the_venue_s_moment() -> None:
    """And half of it is what that may be wrong by."""
    clock = ServerClock(Clock())
    clock.observe(99.0, 99.5, 1_700_000_000_000)

    assert (clock.ms(), clock.ms(99.25), clock.uncertainty_s) == (1_700_000_000_750, 1_700_000_000_000, 0.25)


def test_without_a_measurement_it_is_the_machine_s_time() -> None:
    """Until the venue has said what it is, and again after it has refused a timestamp."""
    clock = ServerClock(Clock())
    before = (clock.known, clock.ms())
    clock.observe(100.0, 100.0, 1)
    known = (clock.known, clock.ms())
    clock.forget()

    assert [before, known, (clock.known, clock.ms())] == [(False, 3_600_000), (True, 1), (False, 3_600_000)]
