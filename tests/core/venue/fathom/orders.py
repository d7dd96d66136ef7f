"""Commands about orders, which a gateway answers, and their ids, which are numbers."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from perpmaker import Instrument, NewOrder
from perpmaker import venue as kit

from .messages import Said
from .rest import CANCEL, PLACE, failure_of
from .translate import SIDES, TYPES

_WORDS = {meaning: word for word, meaning in (*SIDES.items(), *TYPES.items())}
_RUNS, _IDS = 2**20, 2**12  # how many runs there are in 32 bits, and ids of each


def ids_of(client_id: str) -> tuple[int, ...]:
    """Return the tag and the number, of 32 bits each, that an order bears on the venue."""
    return tuple(map(int, client_id.split("-")))


class FathomOrders:
    """The venue's words for orders; see `OrderDialect`. It cannot be told that an order only reduces a position."""

    most_placed = most_cancelled = 5

    def place(self, instrument: Instrument, orders: Sequence[NewOrder]) -> kit.Command:
        """Write new orders."""
        return kit.Command(PLACE, {"market": instrument.symbol, "orders": [_row(instrument, one) for one in orders]})

    def amend(self, instrument: Instrument, orders: Sequence[kit.AmendOrder]) -> kit.Command:
        """Refuse: the venue moves no orders."""
        raise NotImplementedError

    def cancel(self, instrument: Instrument, orders: Sequence[kit.CancelOrder]) -> kit.Command:
        """Write cancels."""
        return kit.Command(CANCEL, {"market": instrument.symbol, "orders": [ids_of(one.client_id) for one in orders]})

    def read(self, _: Instrument, body: bytes, _count: int) -> Sequence[kit.Element]:
        """Read the gateway's yes or no to each order."""
        return [failure_of(said.code, said.text) or kit.Taken(by_gateway=True) for said in kit.parser(list[Said])(body)]


def _row(instrument: Instrument, order: NewOrder) -> tuple[int | str | None, ...]:
    price = None if order.ticks is None else f"{instrument.price(order.ticks):f}"
    words = (_WORDS[order.side], _WORDS[order.type], f"{instrument.amount(order.lots):f}", price)

    return (*ids_of(order.client_id), *words)


class NumberIds:
    """Ids `TAG-NUMBER`; see `ClientIds`. The tag is the bot's; the number has 20 bits of the run and 12 that count."""

    def __init__(self, tag: int, begin_run: kit.BeginRun, live: Sequence[str]) -> None:
        self._tag, self._begin_run, self._mine = tag, begin_run, set[str]()
        self._taken = set(map(self.run_of, live))
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
        """Return the run of an id that is ours: the upper bits."""
        return str(ids_of(client_id)[1] // _IDS) if self.is_ours(client_id) else None

    def is_of_this_start(self, client_id: str) -> bool:
        """Look whether it is of a run that began here."""
        return self.run_of(client_id) in self._mine

    def _begin(self) -> None:
        numbers = (str(secrets.randbelow(_RUNS)) for _ in iter(int, 1))
        run = next(number for number in numbers if number not in self._taken | self._mine)
        self._begin_run(run)
        self._mine.add(run)
        self.run, self._left = run, _IDS
