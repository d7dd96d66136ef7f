"""What a venue that is a table is asked and told: questions about a market, and commands that are lists of orders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import attrs

from perpmaker.connector.interface import CancelOrder
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import NewOrder, OrderReport
from perpmaker.venue.answer import Failure
from perpmaker.venue.http_dialect import Endpoint, Parameters
from perpmaker.venue.order_client import Command
from perpmaker.venue.order_outcome import Element, Taken

Answered = TypeVar("Answered")


def _of_market(instrument: Instrument, *_: object) -> Parameters:
    return {"market": instrument.symbol}


@attrs.frozen
class Question(Generic[Answered]):
    """A question about a market, or a command, and what its answer says.

    Args:
        endpoint: what is asked. It parses the answer, or each row where the answer is a list.
        translate: what was parsed to the model's value, with the market that was asked about.
        ask: the parameters, by the market and what else is asked for; the market alone where nothing is.
    """

    endpoint: Endpoint[Any]
    translate: Callable[[Any, Instrument], Answered]
    ask: Callable[..., Parameters] = _of_market


@attrs.frozen(kw_only=True)
class OrderLists:
    """Commands that are lists of orders, as an `OrderDialect`.

    Args:
        new: where new orders go, and what writes its parameters.
        gone: the same for cancels.
        said: what an element of an answer says: the order, a no, or None for a yes that does not show the order.
        most_placed: how many new orders a request may hold.
        most_cancelled: how many cancels.
        by_gateway: whether a yes is only a gateway's, which proves nothing about the book.
    """

    new: tuple[Endpoint[Any], Callable[[Instrument, Sequence[NewOrder]], Parameters]]
    gone: tuple[Endpoint[Any], Callable[[Instrument, Sequence[CancelOrder]], Parameters]]
    said: Callable[[Any], OrderReport | Failure | None]
    most_placed: int = 1
    most_cancelled: int = 1
    by_gateway: bool = False

    def place(self, instrument: Instrument, orders: Sequence[NewOrder]) -> Command:
        """Write new orders."""
        endpoint, write = self.new

        return Command(endpoint, write(instrument, orders))

    def cancel(self, instrument: Instrument, orders: Sequence[CancelOrder]) -> Command:
        """Write cancels."""
        endpoint, write = self.gone

        return Command(endpoint, write(instrument, orders))

    def read(self, _: Instrument, body: bytes, _count: int) -> Sequence[Element]:
        """Read the venue's word on each order; both endpoints have to parse such a list."""
        return [self.said(one) or Taken(by_gateway=self.by_gateway) for one in self.new[0].parse(body)]
