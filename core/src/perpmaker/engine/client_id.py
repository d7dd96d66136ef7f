"""Our own ids of orders: `pm-<bot>-<run>-<seq>`, at most 36 characters, so that a restart knows its own orders."""

from __future__ import annotations

import re

from perpmaker.model.order import OWN_PREFIX

MAX_LENGTH = 36
_PART = re.compile(r"[A-Za-z0-9_]+")
_SEQUENCE_DIGITS = 8


class ClientIds:
    """Hands out the ids of one run, counting from `first`.

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
