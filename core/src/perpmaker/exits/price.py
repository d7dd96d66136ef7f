"""The prices that exits go by: the traded book while it is alive, else the mark, and nothing that is old."""

from __future__ import annotations

from enum import Enum, unique

from perpmaker.model.quote import Wake
from perpmaker.state.view import View

MAX_AGE_S = 5.0
"""No stop fires on data that is older."""

LOOK_AGAIN_S = 0.25
"""How soon to look again while the book is not usable and only a feed coming alive can change that."""

SHORTEST_S = 0.001
"""No instant is nearer than this, so that a clock that reads just short of it does not decide in circles."""


@unique
class Source(Enum):
    """What a trigger may be read from now."""

    BOOK = "best bid and ask"
    MARK = "mark price"
    NONE = "nothing fresh"


def read_source(view: View) -> Source:
    """Return the book while it is synchronised, alive and two-sided.

    Else a fresh mark price. Else nothing.
    """
    book = view.book

    if view.book_ok and view.book_age_s < MAX_AGE_S and book.best_bid is not None and book.best_ask is not None:
        return Source.BOOK

    return Source.MARK if view.mark is not None and view.mark_age_s < MAX_AGE_S else Source.NONE


def watch(view: View, source: Source) -> Wake:
    """Return when to look again so that no change of the source itself is missed."""
    if source is Source.BOOK:
        return Wake(at=view.now + max(SHORTEST_S, MAX_AGE_S - view.book_age_s), bid_low=1, ask_low=1)

    at = view.now + LOOK_AGAIN_S

    return Wake(at=at) if source is Source.NONE else Wake(at=at, mark_low=view.mark, mark_high=view.mark)
