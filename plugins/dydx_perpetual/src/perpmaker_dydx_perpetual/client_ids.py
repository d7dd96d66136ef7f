"""Ids of orders: 32 bits of number and, in the metadata that the chain carries along, 32 bits that say whose it is."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from uuid import UUID, uuid5

from perpmaker.venue import OWN_PREFIX, BeginRun

TWIN = 2**31
"""Added to a stop's number it names the second order of the same stop."""

_IDS = 2**12
_RUNS = TWIN // _IDS
_MARK = 0x70 << 24
_BOT_BITS = 24
_INDEXER = UUID("0f9da948-a6fb-4c45-9edc-4685c3f3317d")
"""The Indexer's namespace (indexer/packages/postgres, getOrderId)."""


def subaccount_uuid(address: str, number: int) -> str:
    """Return the Indexer's id of a subaccount."""
    return str(uuid5(_INDEXER, f"{address}-{number}"))


def order_uuid(subaccount: str, number: int, clob_pair: int, flags: int) -> str:
    """Return the Indexer's id of an order, which is known before the order is sent."""
    return str(uuid5(_INDEXER, f"{subaccount}-{number}-{clob_pair}-{flags}"))


def tag_of(bot: str) -> int:
    """Return the metadata of a bot's orders; the venue's own front ends use small numbers."""
    return _MARK | int(bot, 16) & (1 << _BOT_BITS) - 1


def prefix_of(tag: int) -> str:
    """Return how the ids of a tag begin."""
    return f"{OWN_PREFIX}{tag & (1 << _BOT_BITS) - 1:06x}-"


def client_id_of(tag: int, number: int) -> str:
    """Return the core's text for an order of ours; the second order of a stop has that of the first."""
    return f"{prefix_of(tag)}{number % TWIN}"


def is_own_tag(metadata: object) -> bool:
    """Whether metadata is one that this program writes, for whichever bot."""
    return isinstance(metadata, int) and metadata >> _BOT_BITS << _BOT_BITS == _MARK


def number_of(client_id: str) -> int:
    """Return the number within an id of ours."""
    return int(client_id.rpartition("-")[2])


class NumberIds:
    """Ids `pm-BOT-NUMBER`; see `ClientIds`. The number has 19 bits of the run and 12 that count."""

    def __init__(self, tag: int, begin_run: BeginRun, live: Sequence[str]) -> None:
        self._prefix, self._begin_run, self._mine = prefix_of(tag), begin_run, set[str]()
        self._taken = {self.run_of(client_id) for client_id in live}
        self._begin()

    def next(self) -> str:
        """Count down; a run that is used up is followed by another one."""
        if self._left <= 1:  # the number 0 is no id on the wire
            self._begin()

        self._left -= 1

        return f"{self._prefix}{int(self.run) * _IDS + self._left}"

    def is_ours(self, client_id: str) -> bool:
        """Look at the prefix."""
        return client_id.startswith(self._prefix)

    def run_of(self, client_id: str) -> str | None:
        """Return the run of an id that is ours: the upper bits."""
        return str(number_of(client_id) // _IDS) if self.is_ours(client_id) else None

    def is_of_this_start(self, client_id: str) -> bool:
        """Look whether it is of a run that began here."""
        return self.run_of(client_id) in self._mine

    def _begin(self) -> None:
        numbers = (str(secrets.randbelow(_RUNS)) for _ in iter(int, 1))
        run = next(number for number in numbers if number not in self._taken | self._mine)
        self._begin_run(run)
        self._mine.add(run)
        self.run, self._left = run, _IDS
