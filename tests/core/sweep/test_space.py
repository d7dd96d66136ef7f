"""What `--over` asks for: values, every combination of them, and words for what cannot be meant."""

from __future__ import annotations

import pytest

from perpmaker.errors import SweepError
from perpmaker.sweep.space import check_axes, grid, parse_axis


def test_a_range_has_its_ends_and_equal_distances() -> None:
    """Decimals as a person writes them, whole numbers as whole numbers."""
    assert parse_axis("bid_spread=0.02..0.1:5").values == ("0.02", "0.04", "0.06", "0.08", "0.1")
    assert parse_axis("order_levels = 1..10:10").values == tuple(str(number) for number in range(1, 11))
    assert parse_axis("risk.loss_limit.max_loss=-1..0:3").values == ("-1", "-0.5", "0")
    assert parse_axis("order_amount=0..1:4").values == ("0", "0.333333333", "0.666666667", "1")
    assert parse_axis("order_refresh_time=10..1000:3").values == ("10", "505", "1000")


def test_values_may_be_listed() -> None:
    """Of words too; they are taken as they are."""
    assert parse_axis("position_mode=Hedge, One-way").values == ("Hedge", "One-way")
    assert parse_axis("price_type=mid_price").values == ("mid_price",)


def test_a_grid_is_every_combination_and_the_last_key_changes_fastest() -> None:
    """Numbered in that order, so that a point has one number wherever it is played."""
    points = list(grid([parse_axis("a=1,2"), parse_axis("b=3..5:3")]))

    assert [str(point) for point in points] == ["a=1 b=3", "a=1 b=4", "a=1 b=5", "a=2 b=3", "a=2 b=4", "a=2 b=5"]
    assert [point.number for point in points] == list(range(6))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("bid_spread", "is none of KEY=LOW"),
        ("bid spread=1,2", "is none of KEY=LOW"),
        ("bid_spread=", "is none of KEY=LOW"),
        ("bid_spread=1..0:3", "1 is not below 0"),
        ("bid_spread=a..2:3", "'a' is not a number"),
        ("bid_spread=0..inf:3", "inf is not a number that can be set"),
        ("bid_spread=0..1:1", "no count of values"),
        ("bid_spread=0..1:x", "no count of values"),
        ("bid_spread=0..1:", "no count of values"),
        ("bid_spread=1,,2", "a value is empty, or there twice"),
        ("bid_spread=1,1", "a value is empty, or there twice"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_words(text: str, words: str) -> None:
    """What was given stands in them, and what it should look like."""
    with pytest.raises(SweepError) as refused:
        parse_axis(text)

    assert words in str(refused.value)
    assert repr(text) in str(refused.value)


def test_a_key_twice_and_a_grid_without_end_are_refused() -> None:
    """Before anything is played."""
    with pytest.raises(SweepError, match="names a twice"):
        check_axes([parse_axis("a=1,2"), parse_axis("a=3,4")])

    with pytest.raises(SweepError, match="1,000,000 points"):
        check_axes([parse_axis(f"{key}=0..1:1000") for key in "ab"])
