"""The ids of a venue that has no room for text: a number of the bot, and one of its run and the order."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from perpmaker.errors import JournalError
from perpmaker.venue import NumberIds

TAG = 0xD3AD0F


def ids_of(begun: list[str], live: Sequence[str] = ()) -> NumberIds:
    """The ids of a new start; a run that has begun already is drawn again."""

    def begin(run: str) -> bool:
        is_new = run not in begun
        begun.append(run)

        return is_new

    return NumberIds(TAG, begin, live)


def test_a_used_up_run_is_followed_by_another_one_that_is_durable_first() -> None:
    """No id comes twice, and each run was begun before its first id."""
    begun: list[str] = []
    ids, made = ids_of(begun), set[str]()

    for _ in range(3 * 2**12):
        one = ids.next()
        assert ids.run_of(one) == ids.run == begun[-1]
        assert ids.is_of_this_start(one)
        made.add(one)

    assert len(made) == 3 * 2**12
    assert len(set(begun)) == 3
    assert all(0 <= int(number) < 2**32 for one in made for number in one.split("-"))


def test_a_run_that_an_open_order_bears_is_not_taken_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chance may draw it; orders of others do not count, whatever their numbers."""
    draws = iter([7, 7, 9])
    monkeypatch.setattr("secrets.randbelow", lambda _: next(draws))
    ids = ids_of([], [f"{TAG}-{7 * 2**12 + 5}", f"{TAG + 1}-{9 * 2**12}"])

    assert ids.run == "9"
    assert (ids.run_of(f"{TAG}-{7 * 2**12 + 5}"), ids.run_of(f"{TAG + 1}-{9 * 2**12}")) == ("7", None)
    assert not ids.is_of_this_start(f"{TAG}-{7 * 2**12 + 5}")


def test_a_run_that_the_journal_knows_is_not_taken_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its orders are over, but what happened to them may still be told."""
    draws = iter([7, 9])
    monkeypatch.setattr("secrets.randbelow", lambda _: next(draws))
    ids = ids_of(["7"])

    assert ids.run == "9"
    assert not ids.is_of_this_start(f"{TAG}-{7 * 2**12}")


def test_numbers_that_are_all_in_use_end_the_start() -> None:
    """It says so, instead of drawing for ever."""
    with pytest.raises(JournalError, match="in use already"):
        NumberIds(TAG, lambda _: False)


def test_what_cannot_be_written_down_makes_no_id() -> None:
    """The journal says no: the start fails with its words."""

    def refuse(run: str) -> bool:
        raise JournalError(f"no room for {run}")

    with pytest.raises(JournalError, match="no room"):
        NumberIds(TAG, refuse, ())


@pytest.mark.parametrize(
    "client_id",
    [
        "by-hand",
        f"{TAG}-",
        "",
        *(
            pytest.param(one, marks=pytest.mark.full)
            for one in (
                "pm-1",
                f"{TAG}0-1",
                f"{TAG}-x1",
            )
        ),
    ],
)
def test_what_is_of_somebody_else_is_not_ours(client_id: str) -> None:
    """Whatever is in it."""
    ids = ids_of([])

    assert not ids.is_ours(client_id)
    assert ids.run_of(client_id) is None
    assert not ids.is_of_this_start(client_id)
