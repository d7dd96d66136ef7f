"""Requests are counted in windows, and an address that does not stop is banned for longer each time."""

from __future__ import annotations

import pytest

from perpmaker.venue.sandbox import Bans, CountWindow, RefusalError, RequestCounts

BANS = Bans(after=2, first_ms=3_000, longest_ms=5_000)


class Venue:
    """The words and the clock of a venue."""

    ms = 1_000_000

    def now(self) -> int:
        """The venue's time."""
        return self.ms

    def too_many(self, name: str, window: CountWindow, left_ms: int) -> RefusalError:
        """With the name and the time."""
        return RefusalError(429, f"{name} {window.limit} {left_ms}")

    def banned(self, until_ms: int, left_ms: int) -> RefusalError:
        """With the times."""
        return RefusalError(418, f"{until_ms - self.ms} {left_ms}")


def counts(venue: Venue, *, bans: Bans | None = BANS, enforced: bool = True) -> RequestCounts:
    """Three requests a second of an address, two orders a second and three in ten of an account."""
    windows = {
        "calls": CountWindow(1_000, 3, of_address=True),
        "fast": CountWindow(1_000, 2),
        "slow": CountWindow(10_000, 3),
    }

    return RequestCounts(venue.now, windows, venue, bans=bans, enforced=enforced)


def refused(spend: object) -> tuple[int, str]:
    """Code and text with which something is refused."""
    assert callable(spend)

    with pytest.raises(RefusalError) as raised:
        spend()

    return raised.value.code, raised.value.text


def test_what_is_too_much_of_the_address_is_counted_all_the_same() -> None:
    """Until the next window begins, when everything is forgotten."""
    venue = Venue()
    counted = counts(venue)
    counted.spend_arrival({"calls": 3, "fast": 9})
    venue.ms += 400

    assert refused(lambda: counted.spend_arrival({"calls": 1})) == (429, "calls 3 600")
    assert counted.counted() == {"calls": 4, "fast": 0, "slow": 0}

    venue.ms += 600

    assert counted.counted()["calls"] == 0


def test_what_is_too_much_of_the_account_is_not_counted_in_any_window() -> None:
    """All or nothing."""
    venue = Venue()
    counted = counts(venue)
    counted.spend_own({"fast": 2, "slow": 2, "calls": 9})

    assert refused(lambda: counted.spend_own({"slow": 1, "fast": 1})) == (429, "fast 2 1000")

    venue.ms += 1_000
    counted.spend_own({"slow": 1, "fast": 1})

    assert counted.counted() == {"calls": 0, "fast": 1, "slow": 3}


def test_who_goes_on_is_banned_for_longer_each_time() -> None:
    """At most for the longest; refusals are counted anew in each window."""
    venue = Venue()
    counted = counts(venue)
    codes = []

    for _ in range(3):
        codes.append([refused(lambda: counted.spend_arrival({"calls": 4})) for _ in range(4)])
        venue.ms += int(codes[-1][-1][1].split()[1])

    assert [[code for code, _ in each] for each in codes] == [[429, 429, 418, 418]] * 3
    assert [each[-1][1] for each in codes] == ["3000 3000", "5000 5000", "5000 5000"]

    for _ in range(3):
        refused(lambda: counted.spend_arrival({"calls": 4}))
        refused(lambda: counted.spend_arrival({"calls": 4}))
        venue.ms += 1_000

    counted.spend_arrival({"calls": 3})


def test_a_venue_may_ban_nobody_and_may_only_count() -> None:
    """Without bans every request too many is refused alike; without enforcement none is."""
    venue = Venue()
    strict, lenient = counts(venue, bans=None), counts(venue, enforced=False)

    assert {refused(lambda: strict.spend_arrival({"calls": 4}))[0] for _ in range(9)} == {429}

    lenient.spend_arrival({"calls": 99})
    lenient.spend_own({"fast": 99})

    assert lenient.counted() == {"calls": 99, "fast": 99, "slow": 0}
