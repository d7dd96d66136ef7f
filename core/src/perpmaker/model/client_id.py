"""Our own ids of orders, by which a restart knows its own orders: what the core asks of them, and the usual ones."""

from __future__ import annotations

import re
from typing import Final, Protocol

OWN_PREFIX: Final = "pm-"
"""How every client id begins that the core makes, whichever bot's it is."""

MAX_LENGTH = 36
_PART = re.compile(r"[A-Za-z0-9_]+")
_SEQUENCE_DIGITS = 8


def is_own_id(client_id: object) -> bool:
    """Return whether an id is one that the core makes. What cannot be attributed is somebody else's."""
    return isinstance(client_id, str) and client_id.startswith(OWN_PREFIX)


class ClientIds(Protocol):
    """The ids of one start of a bot. In the core an id is a text; what it is on the wire, the connector knows."""

    @property
    def run(self) -> str:
        """The run that ids are made in now; another one once the sequence of the first is used up."""

    def next(self) -> str:
        """The next id; never one that was handed out before."""

    def is_ours(self, client_id: str) -> bool:
        """Whether an id was made by this bot, in this run or in an earlier one."""

    def run_of(self, client_id: str) -> str | None:
        """The run that an id of this bot was made in; None for every other id."""

    def is_of_this_start(self, client_id: str) -> bool:
        """Whether an id was made since the process began, in whichever run."""


class TextIds:
    """Ids of text, `pm-<bot>-<run>-<seq>`, at most 36 characters of `[A-Za-z0-9_-]`, counting from `first`.

    `bot` names the configuration, `run` this start of it; both of `[A-Za-z0-9_]`, together at most 23 characters.
    ValueError when they do not make a valid id.
    """

    def __init__(self, bot: str, run: str, *, first: int = 1) -> None:
        for part in (bot, run):
            if not _PART.fullmatch(part):
                raise ValueError(f"{part!r} cannot be part of a client id: letters, digits and _ only")

        self.prefix = f"{OWN_PREFIX}{bot}-"
        self.run = run
        self._next = first

        if len(self.prefix) + len(run) + 1 + _SEQUENCE_DIGITS > MAX_LENGTH:
            raise ValueError(f"bot {bot!r} and run {run!r} are too long for client ids of {MAX_LENGTH} characters")

    def next(self) -> str:
        """The next id of this run."""
        sequence, self._next = self._next, self._next + 1

        return f"{self.prefix}{self.run}-{sequence}"

    def is_ours(self, client_id: str) -> bool:
        """Whether an id was made by this bot, in this run or in an earlier one."""
        return client_id.startswith(self.prefix)

    def run_of(self, client_id: str) -> str | None:
        """The run that an id of this bot was made in; None for every other id."""
        if not self.is_ours(client_id):
            return None

        return client_id.removeprefix(self.prefix).rpartition("-")[0]

    def is_of_this_start(self, client_id: str) -> bool:
        """Whether an id is of this run: a start has one."""
        return client_id.startswith(f"{self.prefix}{self.run}-")
