"""Commands about orders, which a gateway answers. It cannot be told that an order only reduces a position."""

from __future__ import annotations

from collections.abc import Sequence

from perpmaker import Instrument, NewOrder
from perpmaker import venue as kit

from .translate import SIDES, TYPES

_WORDS = {meaning: word for word, meaning in (*SIDES.items(), *TYPES.items())}


def write_orders(instrument: Instrument, orders: Sequence[NewOrder]) -> dict[str, object]:
    """Write new orders."""
    return {"market": instrument.symbol, "orders": [_row(instrument, one) for one in orders]}


def write_cancels(instrument: Instrument, orders: Sequence[kit.CancelOrder]) -> dict[str, object]:
    """Write cancels."""
    return {"market": instrument.symbol, "orders": [kit.numbers_of(one.client_id) for one in orders]}


def _row(instrument: Instrument, order: NewOrder) -> tuple[int | str | None, ...]:
    price = None if order.ticks is None else f"{instrument.price(order.ticks):f}"
    words = (_WORDS[order.side], _WORDS[order.type], f"{instrument.amount(order.lots):f}", price)

    return (*kit.numbers_of(order.client_id), *words)
