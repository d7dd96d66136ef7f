"""Elements of an answer about orders: each is an order, a refusal, or nothing that can be read. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from perpmaker.connector.payload import PayloadDecoder
from perpmaker.errors import PayloadError
from perpmaker_binance_perpetual.messages import Order
from perpmaker_binance_perpetual.refusals import Answer
from perpmaker_binance_perpetual.stop_messages import AlgoOrder

_ORDER = PayloadDecoder(Order)
_ALGO_ORDER = PayloadDecoder(AlgoOrder)
_ELEMENTS = PayloadDecoder(list[msgspec.Raw])


def elements_of(answer: Answer) -> Sequence[bytes] | None:
    """The elements of a batch's answer, undecoded; None when it is no list."""
    try:
        return [bytes(element) for element in _ELEMENTS.decode(answer.body)]
    except PayloadError:
        return None


def order_of(body: bytes) -> Order | None:
    """The order in a body or in one element of a batch; None when it is none."""
    try:
        return _ORDER.decode(body)
    except PayloadError:
        return None


def algo_order_of(body: bytes) -> AlgoOrder | None:
    """The conditional order in a body; None when it is none."""
    try:
        return _ALGO_ORDER.decode(body)
    except PayloadError:
        return None
