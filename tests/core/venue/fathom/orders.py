"""Commands about orders, which a gateway answers, and their ids, which are numbers."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from perpmaker import AmendOrder, CancelOrder, Instrument, NewOrder
from perpmaker.venue import Command, Element, Taken

from .beyond import interface, payload
from .messages import Said
from .rest import CANCEL, PLACE, failure_of
from .translate import SIDES, TYPES

_WORDS = {meaning: word for word, meaning in (*SIDES.items(), *TYPES.items())}
_ANSWERS = payload.PayloadDecoder(list[Said])
_RUNS, _IDS = 2**20, 2**12
"""How many runs there are in 32 bits, and ids of each."""


def numbers_of(client_id: str) -> tuple[int, int]:
    """Return the tag and the number, of 32 bits each, that an order bears on the venue."""
    tag, number = client_id.split("-")

    return int(tag), int(number)


def run_of(client_id: str) -> str:
    """Return the run that a number was made in: its upper bits."""
    return str(numbers_of(client_id)[1] // _IDS)


class FathomOrders:
    """The venue's words for orders; see `OrderDialect`. It cannot be told that an order only reduces a position."""

    most_placed = most_cancelled = 5

    def place(self, instrument: Instrument, orders: Sequence[NewOrder]) -> Command:
        """Write new orders."""
        return Command(PLACE, {"market": instrument.symbol, "orders": [_terms(instrument, one) for one in orders]})

    def amend(self, instrument: Instrument, orders: Sequence[AmendOrder]) -> Command:
        """Refuse: the venue moves no orders."""
        raise NotImplementedError

    def cancel(self, instrument: Instrument, orders: Sequence[CancelOrder]) -> Command:
        """Write cancels."""
        return Command(CANCEL, {"market": instrument.symbol, "orders": [numbers_of(one.client_id) for one in orders]})

    def read(self, instrument: Instrument, body: bytes, count: int) -> Sequence[Element]:  # noqa: ARG002
        """Read the gateway's yes or no to each order."""
        return [failure_of(said.code, said.text) or Taken(by_gateway=True) for said in _ANSWERS.decode(body)]


def _terms(instrument: Instrument, order: NewOrder) -> tuple[int | str | None, ...]:
    price = None if order.ticks is None else f"{instrument.price(order.ticks):f}"
    words = (_WORDS[order.side], _WORDS[order.type])

    return (*numbers_of(order.client_id), *words, f"{instrument.amount(order.lots):f}", price)


class NumberIds:
    """Ids `TAG-NUMBER`; see `ClientIds`. The tag is the bot's; the number has 20 bits of the run and 12 that count."""

    def __init__(self, tag: int, begin_run: interface.BeginRun, taken: set[str]) -> None:
        self._tag, self._begin_run, self._taken, self._mine = tag, begin_run, taken, set[str]()
        self._begin()

    def next(self) -> str:
        """Count down; a run that is used up is followed by another one."""
        if self._left == 0:
            self._begin()

        self._left -= 1

        return f"{self._tag}-{int(self.run) * _IDS + self._left}"

    def is_ours(self, client_id: str) -> bool:
        """Look at the tag."""
        return client_id.startswith(f"{self._tag}-")

    def run_of(self, client_id: str) -> str | None:
        """Return the run of an id that is ours."""
        return run_of(client_id) if self.is_ours(client_id) else None

    def is_of_this_start(self, client_id: str) -> bool:
        """Look whether it is of a run that began here."""
        return self.run_of(client_id) in self._mine

    def _begin(self) -> None:
        """Begin a run at random that is not taken; durable before its first id."""
        while (run := str(secrets.randbelow(_RUNS))) in self._taken | self._mine:
            pass

        self._begin_run(run)
        self._mine.add(run)
        self.run, self._left = run, _IDS
