"""What a recording is told of a market: every public message of the venue, as it came, when it comes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import attrs

Raw: TypeAlias = str | bytes


@attrs.define
class Tape:
    """Takes the venue's own words, in the order and at the moment of their arrival.

    A connector that is opened with a tape uses no key. `keep` is called with each message of its public streams, before
    that is translated, and with each answer without which they cannot be understood, such as a snapshot of the book.
    """

    keep: Callable[[Raw], None]
    beginnings: int = 0
    """How often a recording has begun anew. With each, the venue is asked for all that later messages build upon."""
