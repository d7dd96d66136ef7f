"""What no document of a venue settles: experiments that a connector can make on a test network, and what they show."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

import attrs

from perpmaker.errors import VenueError

if TYPE_CHECKING:
    from perpmaker.connector.bench import Bench


class InconclusiveError(VenueError):
    """An experiment could not be brought to its end. The text says what the venue did instead."""


@attrs.frozen
class Finding:
    """What an experiment has shown: `answer` is the word of a conclusion, `seen` is what was seen, in words."""

    answer: str
    seen: str


@attrs.frozen
class Conclusion:
    """One of what an experiment may come to.

    `rule` is what perpmaker does on a venue that answers so. `refuses_live`: it cannot trade there safely, so that a
    live run is refused; with `only_with`, a key of the run (`dead_man_switch_s`), only while that is set.
    """

    word: str
    rule: str
    refuses_live: bool = attrs.field(default=False, kw_only=True)
    only_with: str = attrs.field(default="", kw_only=True)


CarryOut: TypeAlias = "Callable[[Bench], Awaitable[Finding]]"
"""Makes an experiment; InconclusiveError when the venue does not let it come to its end."""


@attrs.frozen(kw_only=True)
class Experiment:
    """One experiment: `question` is what is not known, `does` what it will do, as a person is told before.

    It begins with a market without position and orders, and may leave both: `Bench.clean` is called after it. It ends
    within `within_s` seconds.
    """

    name: str
    question: str
    does: str
    conclusions: tuple[Conclusion, ...]
    carry_out: CarryOut
    within_s: float = 60.0

    def conclusion(self, word: str) -> Conclusion | None:
        """Return the conclusion of that word. None for a word that an earlier version may have written."""
        return next((one for one in self.conclusions if one.word == word), None)


@runtime_checkable
class Probing(Protocol):
    """A connector that knows what no document of its venue settles."""

    def experiments(self) -> Sequence[Experiment]:
        """Return the experiments, each independent of the others."""
