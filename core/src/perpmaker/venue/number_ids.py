"""Client ids for a venue that has room for two numbers only: one of the bot, and one of the run and the order."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Iterable, Sequence

from perpmaker.connector.interface import BeginRun
from perpmaker.errors import JournalError
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import OrderReport

_MOST_DRAWS = 1_000


class NumberIds:
    """Ids `TAG-NUMBER`; see `ClientIds`. Each run is a random number, and is durable before its first id.

    Args:
        tag: the bot's own number.
        begin_run: see `BeginRun`. A run that it knows already is drawn again.
        live: client ids of open orders: their runs are not drawn.
        runs: how many runs there are. The largest number is `runs * ids_of_run - 1`.
        ids_of_run: how many ids each run has. A run that is used up is followed by another one.
    """

    def __init__(
        self,
        tag: int,
        begin_run: BeginRun,
        live: Iterable[str] = (),
        *,
        runs: int = 2**20,
        ids_of_run: int = 2**12,
    ) -> None:
        self.run = ""
        self._prefix, self._begin_run = f"{tag}-", begin_run
        self._runs, self._ids_of_run = runs, ids_of_run
        self._mine: set[str] = set()
        self._taken = frozenset(map(self.run_of, live))
        self._begin()

    def next(self) -> str:
        """Count down; a run that is used up is followed by another one."""
        if self._left == 0:
            self._begin()

        self._left -= 1

        return f"{self._prefix}{int(self.run) * self._ids_of_run + self._left}"

    def is_ours(self, client_id: str) -> bool:
        """Look at the tag, and for a number behind it."""
        number = client_id.removeprefix(self._prefix)

        return number != client_id and number.isascii() and number.isdigit()

    def run_of(self, client_id: str) -> str | None:
        """Return the run of an id that is ours: the upper bits of its number."""
        return str(numbers_of(client_id)[1] // self._ids_of_run) if self.is_ours(client_id) else None

    def is_of_this_start(self, client_id: str) -> bool:
        """Look whether it is of a run that began here."""
        return self.run_of(client_id) in self._mine

    def _begin(self) -> None:
        for _ in range(_MOST_DRAWS):
            run = str(secrets.randbelow(self._runs))

            if run not in self._taken and run not in self._mine and self._begin_run(run):
                self._mine.add(run)
                self.run, self._left = run, self._ids_of_run

                return

        raise JournalError(f"{_MOST_DRAWS} runs were drawn for ids of orders, and each is in use already")


def numbers_of(client_id: str) -> tuple[int, int]:
    """Return the tag and the number that an order with an id `TAG-NUMBER` bears on the venue."""
    tag, number = client_id.split("-")

    return int(tag), int(number)


async def open_number_ids(
    fetch_open_orders: Callable[[Instrument], Awaitable[Sequence[OrderReport]]],
    instrument: Instrument,
    bot: str,
    begin_run: BeginRun,
) -> NumberIds:
    """Begin ids of which no open order of the venue bears the run; see `IdScheme`. The tag is the bot's six digits.

    A connector offers it with `partial(open_number_ids, self.fetch_open_orders)`.
    """
    reports = await fetch_open_orders(instrument)

    return NumberIds(int(bot, 16), begin_run, [one.client_id for one in reports])
