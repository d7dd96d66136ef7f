from __future__ import annotations

from random import Random

from perpmaker.runtime.backoff import CAP_S, FIRST_S, Backoff


def test_the_first_wait_is_under_100_ms_and_the_last_at_most_the_cap() -> None:
    """A stream that broke once is back at once; a venue that stays away is asked every few seconds."""
    backoff = Backoff(Random(1))  # noqa: S311  # jitter, not cryptography
    waits = [backoff.next_s() for _ in range(40)]

    assert 0 < waits[0] < FIRST_S
    assert all(CAP_S / 2 <= wait <= CAP_S for wait in waits[10:])


def test_waits_grow_and_begin_again_after_a_success() -> None:
    """What worked once counts as new."""
    backoff = Backoff(Random(1))  # noqa: S311  # jitter, not cryptography
    first, *_, tenth = [backoff.next_s() for _ in range(10)]
    backoff.reset()

    assert tenth > 1 > first
    assert backoff.next_s() < FIRST_S


def test_the_same_seed_waits_the_same_and_another_one_does_not() -> None:
    """Jitter is seeded: sessions can be repeated, and many bots do not come back in step."""

    def waits(seed: int) -> list[float]:
        backoff = Backoff(Random(seed))  # noqa: S311  # jitter, not cryptography

        return [backoff.next_s() for _ in range(5)]

    assert waits(1) == waits(1) != waits(2)
