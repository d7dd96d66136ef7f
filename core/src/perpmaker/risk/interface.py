"""What a risk module is to the engine, and what it answers."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from enum import unique
from typing import Final, Protocol, TypeAlias

import attrs

from perpmaker.model.quote import Quote, TargetFactors, Wake
from perpmaker.model.word import Word
from perpmaker.state.view import View


@attrs.frozen(kw_only=True)
class Approved:
    """The quote may be sent, possibly smaller or further from the market than it was. Never the other way."""

    quote: Quote


@attrs.frozen(kw_only=True)
class Refused:
    """The quote may not be sent, for a `reason` that is shown to people.

    `module`, whose it is, is filled in.
    """

    quote: Quote
    reason: str
    module: str = ""


Verdict: TypeAlias = Approved | Refused


@unique
class DemandKind(Word):
    """What a module may demand of a whole market; `rank`: the highest one of several counts.

    PULL: all quotes go, and come back once it is not demanded any more. FLATTEN: every position is closed at market.
    HALT: quotes go, exits stay. The last two last until a person resumes, through restarts.
    """

    PULL = "pull"
    FLATTEN = "flatten"
    HALT = "halt"

    rank: int

    def __init__(self, value: str) -> None:
        self.rank = ("pull", "flatten", "halt").index(value)


@attrs.frozen(kw_only=True)
class Demand:
    """What a module demands, for a `reason` that is shown to people. `module`, whose it is, is filled in."""

    kind: DemandKind
    reason: str
    module: str = ""


class RiskModule(Protocol):
    """Pure: reviews each wanted quote. Closing orders never pass through here.

    Beside `review` a module may have what the protocols below have; each but the last is asked once a decision, in
    their order, before exits and quotes are decided.
    """

    def review(self, view: View, quote: Quote) -> Verdict:
        """Approve the quote (as it is, or cut, or moved away) or refuse it with a reason."""


class Remembering(Protocol):
    """A module with a memory: a value, which is never changed, and lasts for a run.

    What has to outlive a run is a demand that latches, or follows from the view.
    """

    def remember(self, view: View) -> object:
        """Answer the memory of now; `view.memory` is the last one, None at first, and then this one for all below."""


class Demanding(Protocol):
    """A module that looks at the whole market."""

    def demand(self, view: View) -> Demand | None:
        """Demand something, or nothing."""


class TargetChanging(Protocol):
    """A module that moves targets nearer to the entry price or further from it; its declaration says so."""

    def target_factors(self, view: View) -> TargetFactors | None:
        """By how much the profit-taking spreads change; None leaves them."""


class Waking(Protocol):
    """A module whose answers change with time, a price or the funding rate alone."""

    def wake(self, view: View) -> Wake:
        """When to ask again, though nothing of what strategies are asked again for has happened."""


class Advising(Protocol):
    """A module that can tell before a start that its settings make no sense here."""

    def advise(self, view: View) -> Iterable[str]:
        """What a person should know, by market and account as they are before a start; asked for the report alone."""


@attrs.frozen(kw_only=True)
class RiskRequest:
    """What a file asks besides the table of a module, for checks of its settings: spreads are fractions, None is off.

    `is_isolated`: the file asks for isolated margin; where it leaves the account's mode, nobody knows yet.
    """

    leverage: int
    is_isolated: bool
    long_profit_taking_spread: Decimal
    short_profit_taking_spread: Decimal
    stop_loss_spread: Decimal | None


OPTIONAL: Final = ("remember", "demand", "target_factors", "wake", "advise")
"""The methods that a module need not have."""
