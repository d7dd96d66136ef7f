"""The scans over columns: which message is the next that concerns an account, or crosses a bound.

Nothing but integers and lists: this module may be compiled as it is. Most of it is done by slices, so that messages
which concern nobody cost next to nothing.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right


def first_touch(rows: list[int], row_at: list[int], ticks: int, first: int, end: int) -> int:
    """Return the first message from `first` on that tells of a level at this price. `end` where none before it does."""
    try:
        row = rows.index(ticks, row_at[first], row_at[end])
    except ValueError:
        return end

    return bisect_right(row_at, row, first, end + 1) - 1


def first_at_most(prices: list[int], limit: int, first: int, end: int) -> int:
    """Return the first message whose price is there and no greater than the limit. `end` where there is none."""
    if first >= end or min(prices[first:end]) > limit:
        return end

    for message in range(first, end):
        if 0 < prices[message] <= limit:
            return message

    return end


def first_at_least(prices: list[int], limit: int, first: int, end: int) -> int:
    """Return the first message whose price is no less than the limit. `end` where there is none."""
    if first >= end or max(prices[first:end]) < limit:
        return end

    for message in range(first, end):
        if prices[message] >= limit:
            return message

    return end


def first_outside(prices: list[int], low: int, high: int, first: int, end: int) -> int:
    """Return the first message whose price is outside of the bounds, 0 counting too. `end` where there is none."""
    if first >= end:
        return end

    part = prices[first:end]

    if min(part) >= low and max(part) <= high:
        return end

    for message in range(first, end):
        if not low <= prices[message] <= high:
            return message

    return end


def first_trade(kinds: list[int], prices: list[int], kind: int, low: int, high: int, first: int, end: int) -> int:  # noqa: PLR0917  # columns and what is looked for in them
    """Return the first trade of a kind whose price is between these, bounds included. `end` where there is none."""
    if first >= end:
        return end

    part = prices[first:end]

    if min(part) > high or max(part) < low:
        return end

    for message in range(first, end):
        if kinds[message] == kind and low <= prices[message] <= high:
            return message

    return end


def first_of_kind(kinds: list[int], kind: int, first: int, end: int) -> int:
    """Return the first message of a kind. `end` where there is none."""
    try:
        return kinds.index(kind, first, end)
    except ValueError:
        return end


def first_special(special: list[int], first: int, end: int) -> int:
    """Return the first of these messages from `first` on. `end` where none before it is."""
    place = bisect_left(special, first)

    return special[place] if place < len(special) and special[place] < end else end


def last_settled(kinds: list[int], change: int, book_ms: list[int], traded_ms: list[int], first: int, end: int) -> int:  # noqa: PLR0917  # columns
    """Return the last difference that knows of every trade before it. `first - 1` where there is none."""
    message = end - 1

    while message >= first and not (kinds[message] == change and book_ms[message] >= traded_ms[message]):
        message -= 1

    return message
