"""What an observer is to the core, what it is handed when it is built, and what it is given while a bot runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final, Literal, Protocol, TypeAlias, get_args

import attrs

from perpmaker.secret import SignerSource

Kind: TypeAlias = Literal[
    "start",
    "end",
    "fill",
    "exit",
    "stop",
    "halt",
    "disconnect",
    "reconnect",
    "refusal",
    "notice",
    "quote",
    "status",
]
"""What happened: the run began or ended; an execution of ours; a closing order placed; a stop loss sent or executed; a
halt; a stream lost or restored; an order refused by the venue; any other line that a person is told; a quote sent,
moved or taken off; how the bot stands, every few seconds."""

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


@attrs.frozen(kw_only=True)
class Activity:
    """Something that happened: what it is, in a line for a person, and its figures by name (money is Decimal).

    `is_told`: the line is one that a person is told.
    """

    kind: Kind
    text: str
    facts: Mapping[str, Any] = _NOTHING
    is_told: bool = True


@attrs.frozen(kw_only=True)
class Happening:
    """Something that happened to a bot. It is frozen, and the same for every observer.

    `text` is the line that a person reads, `facts` are the figures in it by name: money is Decimal, times are ISO 8601.
    docs/plugins.md lists the names of each kind. `at_ms` is the time in milliseconds since 1970, UTC. `bot` is the name
    of the configuration file without its ending. `account` is empty until the venue has told it.
    """

    kind: Kind
    text: str
    facts: Mapping[str, Any]
    at_ms: int
    bot: str
    environment: str
    venue: str
    market: str
    account: str

    @property
    def at(self) -> str:
        """The time as ISO 8601 has it, in UTC with milliseconds."""
        return iso_of(self.at_ms)

    def plain(self) -> dict[str, Any]:
        """All of it as JSON has it, in one table with the facts; money as text, exactly."""
        head = {
            "at": self.at,
            "kind": self.kind,
            "text": self.text,
            "bot": self.bot,
            "environment": self.environment,
            "venue": self.venue,
            "market": self.market,
            "account": self.account,
        }

        return head | {name: plain_value(value) for name, value in self.facts.items() if name not in head}


def iso_of(at_ms: int) -> str:
    """Return a time in milliseconds since 1970 as ISO 8601, in UTC with milliseconds."""
    # Not by strftime: that asks the module `time`, in which a plugin may replace what it likes.
    whole = datetime.fromtimestamp(at_ms // 1000, UTC).replace(tzinfo=None)

    return f"{whole.isoformat(timespec='seconds')}.{at_ms % 1000:03d}Z"


def plain_value(value: object) -> object:
    """Return a value as JSON has it: money as text, exactly."""
    if isinstance(value, Decimal):
        return f"{value:f}"

    if isinstance(value, Mapping):
        return {str(name): plain_value(inner) for name, inner in value.items()}

    return [plain_value(inner) for inner in value] if isinstance(value, list | tuple) else value


class Observer(Protocol):
    """Something that is told what happens. All of it runs in a thread of its own, where it may wait and block."""

    def observe(self, happening: Happening) -> None:
        """Take in what happened. Whatever this raises turns the observer off, and changes nothing else.

        An observer that has a method `close` is closed with it at the end of the run, in a few seconds at most.
        """


@attrs.frozen(kw_only=True)
class ObserverContext:
    """What the core hands an observer: the texts behind references of the configuration, and a way to tell a person.

    `secrets.reveal(reference)` reads what `env:NAME`, `file:PATH` or `keyring:SERVICE/NAME` of a setting refers to.
    `tell` is given a line that a person should read. Each text is told once.
    """

    secrets: SignerSource
    tell: Callable[[str], None]
