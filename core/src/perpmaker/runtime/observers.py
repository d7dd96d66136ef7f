"""Who is told what happens: a person, by lines, and the observers, each behind a queue of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from time import monotonic, time_ns
from types import MappingProxyType
from typing import Any, Final, TypeVar

import anyio
import attrs

from perpmaker.plugins.declarations import ObserverDeclaration
from perpmaker.plugins.observer import Activity, Happening, Kind, ObserverContext
from perpmaker.plugins.start import Report, code_of
from perpmaker.runtime.observer_thread import FREQUENT, ObserverThread
from perpmaker.secret import SignerSource, redacted

LOOK_S: Final = 0.5
"""Seconds between two looks at whether an observer comes back."""

CLOSE_S: Final = 5.0
"""Seconds that observers are given at the end to take what still waits for them."""

CLOSE_POLL_S: Final = 0.02

MOST_TOLD: Final = 20
"""Lines that one observer may have a person told in a run."""

_Settings = TypeVar("_Settings")


@attrs.define(kw_only=True)
class About:
    """Which bot it is. `account` is empty until the venue has told it."""

    bot: str = ""
    environment: str = ""
    venue: str = ""
    market: str = ""
    account: str = ""


class Observers:
    """Hands what happens on: lines to `tell_person`, and all of it to the observers that want its kind.

    `record` is given what happened with its figures, for the log, and `say_person` the line of that; `tell_person` has
    other lines logged itself. It is given no quotes and no status.
    """

    def __init__(
        self,
        tell_person: Callable[[str], None],
        about: About | None = None,
        *,
        say_person: Callable[[str], None] | None = None,
        record: Callable[[Happening], None] | None = None,
    ) -> None:
        self.about = about or About()
        self._tell_person = tell_person
        self._say_person = say_person or tell_person
        self._record = record
        self._threads: list[ObserverThread] = []

    def add(
        self, declaration: ObserverDeclaration[_Settings], settings: _Settings, secrets: SignerSource, report: Report
    ) -> None:
        """Begin an observer, in a thread of its own. `report` is given what it may not do, for the traceback file."""
        code = code_of(declaration, report)
        context = ObserverContext(secrets=secrets, tell=_Limited(code.who, self.tell))
        build = partial(declaration.build, settings, context)
        self._threads.append(ObserverThread(code, build, frozenset(declaration.kinds), self.tell))

    def wants(self, kind: Kind) -> bool:
        """Return whether anybody wants this kind: what nobody wants need not be made."""
        return (self._record is not None and kind not in FREQUENT) or any(
            kind in thread.kinds and not thread.is_off for thread in self._threads
        )

    def tell(self, text: str) -> None:
        """Tell a person a line, and the observers that it was told."""
        self._tell_person(text)
        self._hand_on("notice", text, {})

    def say(self, activities: Iterable[Activity]) -> None:
        """Tell of what happened, in order."""
        for one in activities:
            if one.is_told:
                self._say_person(one.text)

            self.note(one.kind, one.text, one.facts)

    def note(self, kind: Kind, text: str, facts: Mapping[str, Any] | None = None) -> None:
        """Tell the observers, and the log."""
        happening = self._hand_on(kind, text, facts or {}, is_recorded=self._record is not None)

        if happening is not None and self._record is not None:
            self._record(happening)

    def _hand_on(
        self, kind: Kind, text: str, facts: Mapping[str, Any], *, is_recorded: bool = False
    ) -> Happening | None:
        if not is_recorded and not self.wants(kind):
            return None

        happening = Happening(
            kind=kind,
            text=redacted(text),
            facts=MappingProxyType(dict(facts)),
            at_ms=time_ns() // 1_000_000,  # the machine's time: observers have this told from their threads, too
            **attrs.asdict(self.about),
        )

        for thread in self._threads:
            if kind in thread.kinds:
                thread.put(happening)

        return happening

    async def watch(self) -> None:
        """Look again and again at whether the observers come back."""
        while self._threads:
            await anyio.sleep(LOOK_S)

            for thread in self._threads:
                thread.look()

    async def close(self, within_s: float = CLOSE_S) -> None:
        """Give the observers a moment to take what waits, and leave behind the one that does not."""
        for thread in self._threads:
            thread.end()

        until = monotonic() + within_s

        while monotonic() < until and any(thread.is_alive and not thread.is_late for thread in self._threads):
            await anyio.sleep(CLOSE_POLL_S)  # an event of the loop's is nothing that another thread may set

            for thread in self._threads:
                thread.look()

        for thread in self._threads:
            if thread.is_alive and not thread.is_off:
                self._tell_person(f"the {thread.who} has not taken all that happened within {within_s:g} s")
            elif thread.dropped:
                self._tell_person(f"the {thread.who} was not told {thread.dropped} things: it did not keep up")


class _Limited:
    """How an observer has a person told something: each text once, and not many of them."""

    def __init__(self, who: str, tell: Callable[[str], None]) -> None:
        self._who = who
        self._tell = tell
        self._told: set[str] = set()

    def __call__(self, text: str) -> None:
        line = redacted(" ".join(str(text).split()))

        if line not in self._told and len(self._told) < MOST_TOLD:
            self._told.add(line)
            self._tell(f"{self._who}: {line}")
