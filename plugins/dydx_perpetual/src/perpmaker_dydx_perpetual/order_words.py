"""The chain's words for commands about orders of either kind, and what a node answers to them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs

from perpmaker import Instrument, NewOrder
from perpmaker.venue import AmendOrder, CancelOrder, Command, Element, Endpoint, Taken

from . import rest
from . import transactions as chain
from .orders import Writer
from .own_orders import OwnOrder


def _taken(body: bytes, count: int) -> Sequence[Element] | None:
    """Read a node's yes, which is a gateway's: nothing is proven of the book."""
    return [Taken(by_gateway=True)] * count if rest.was_taken(body) else None


@attrs.frozen
class ShortTermWords:
    """The chain's words for orders that end at a height; see `OrderDialect`."""

    writer: Writer

    most_placed = 1
    most_cancelled = 100

    def place(self, instrument: Instrument, orders: Sequence[NewOrder]) -> Command:
        """Write a new order."""
        return self._placing(instrument, self.writer.new(instrument, orders[0]))

    def amend(self, instrument: Instrument, orders: Sequence[AmendOrder]) -> Command:
        """Write a replacement: the same id with a later end, another price or total."""
        own = self.writer.own.first(orders[0].client_id)
        assert own is not None, "the connector refuses what it does not know"  # noqa: S101  # see there

        return self.renew(instrument, attrs.evolve(own, ticks=orders[0].order.ticks, lots=orders[0].order.lots), own)

    def renew(self, instrument: Instrument, wanted: OwnOrder, own: OwnOrder) -> Command:
        """Write the next version of an order, and keep it."""
        end = own.next_end(self.writer.blocks.expected, self.writer.life)
        own.ends_at = own.ends_at if end is None else end
        own.ticks, own.lots = wanted.ticks, wanted.lots

        return self._placing(instrument, own)

    def cancel(self, instrument: Instrument, orders: Sequence[CancelOrder]) -> Command:
        """Write one cancel of all."""
        own = [one for order in orders for one in self.writer.own.of(order.client_id)]
        message: chain.ChainMessage = self.writer.cancel_many(instrument, own)

        if len(own) == 1:
            message = self.writer.cancel(instrument, own[0])

        return Command(rest.TELL, {"messages": (message,)}, self.writer.fence_at(max(one.ends_at for one in own)))

    def read(self, instrument: Instrument, body: bytes, count: int) -> Sequence[Element] | None:  # noqa: ARG002  # as all dialects
        """Read the node's answer."""
        return _taken(body, count)

    def _placing(self, instrument: Instrument, own: OwnOrder) -> Command:
        messages = (self.writer.place(instrument, own),)
        own.last_block, own.fence_at = own.ends_at, self.writer.fence_at(own.ends_at)

        return Command(rest.PLACE, {"messages": messages}, own.fence_at)


@attrs.define
class StatefulWords:
    """The chain's words for orders that it keeps itself: targets and stops; see `OrderDialect`.

    Each transaction names the last block that may carry it. `are_pairs`: stops have a second order.
    """

    writer: Writer
    are_pairs: bool = True

    most_placed = 1
    most_cancelled = 20

    def place(self, instrument: Instrument, orders: Sequence[NewOrder]) -> Command:
        """Write a target, or both orders of a stop in one transaction."""
        order, writer = orders[0], self.writer

        if order.type.is_conditional:
            pair = writer.new_stop(instrument, order, is_pair=self.are_pairs)

            return self._command(rest.PLACE, tuple(writer.place_stop(instrument, own) for own in pair), pair)

        own = writer.new(instrument, order)

        return self._command(rest.PLACE, (writer.place(instrument, own),), [own])

    def cancel(self, instrument: Instrument, orders: Sequence[CancelOrder]) -> Command:
        """Write the cancels of all in one transaction, which fails as a whole."""
        return self._command(rest.TELL, tuple(self._cancels(instrument, orders)))

    def _cancels(self, instrument: Instrument, orders: Sequence[CancelOrder]) -> Iterator[chain.CancelOrder]:
        for order in orders:
            for own in self.writer.own.of(order.client_id):
                if not own.is_over:
                    yield self.writer.cancel(instrument, own)

    def read(self, instrument: Instrument, body: bytes, count: int) -> Sequence[Element] | None:  # noqa: ARG002  # as all dialects
        """Read the node's answer."""
        return _taken(body, count)

    def _command(
        self, endpoint: Endpoint[object], messages: tuple[chain.ChainMessage, ...], new: Sequence[OwnOrder] = ()
    ) -> Command:
        if not self.writer.blocks.is_fresh:  # only a cancel is sent then, which harms nothing whenever it comes
            return Command(endpoint, {"messages": messages})

        last_block = self.writer.blocks.expected + self.writer.life
        fence_at = self.writer.fence_at(last_block)

        for own in new:
            own.last_block, own.fence_at = last_block, fence_at

        return Command(endpoint, {"messages": messages, "last_block": last_block}, fence_at)
