"""Commands about orders, which a gateway answers."""

from __future__ import annotations

from collections.abc import Sequence

from perpmaker import Instrument, NewOrder
from perpmaker import venue as kit

from .messages import Said
from .rest import CANCEL, PLACE, failure_of
from .translate import SIDES, TYPES

_WORDS = {meaning: word for word, meaning in (*SIDES.items(), *TYPES.items())}


class FathomOrders:
    """The venue's words for orders; see `OrderDialect`. It cannot be told that an order only reduces a position."""

    most_placed = most_cancelled = 5

    def place(self, instrument: Instrument, orders: Sequence[NewOrder]) -> kit.Command:
        """Write new orders."""
        return kit.Command(PLACE, {"market": instrument.symbol, "orders": [_row(instrument, one) for one in orders]})

    def cancel(self, instrument: Instrument, orders: Sequence[kit.CancelOrder]) -> kit.Command:
        """Write cancels."""
        return kit.Command(
            CANCEL, {"market": instrument.symbol, "orders": [kit.numbers_of(one.client_id) for one in orders]}
        )

    def read(self, _: Instrument, body: bytes, _count: int) -> Sequence[kit.Element]:
        """Read the gateway's yes or no to each order."""
        return [failure_of(said.code, said.text) or kit.Taken(by_gateway=True) for said in kit.parser(list[Said])(body)]


def _row(instrument: Instrument, order: NewOrder) -> tuple[int | str | None, ...]:
    price = None if order.ticks is None else f"{instrument.price(order.ticks):f}"
    words = (_WORDS[order.side], _WORDS[order.type], f"{instrument.amount(order.lots):f}", price)

    return (*kit.numbers_of(order.client_id), *words)
