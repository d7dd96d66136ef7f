"""What the engine asks to be done: imperatives, carried out by dispatch or by the supervisor."""

from __future__ import annotations

from typing import TypeAlias

import attrs

from perpmaker.model.order import NewOrder, OrderKind


@attrs.frozen(kw_only=True)
class Place:
    """Send a new order. Its intent is journalled first."""

    order: NewOrder


@attrs.frozen(kw_only=True)
class Cancel:
    """Take an order off the venue. `kind` decides the priority (exits before quotes)."""

    client_id: str
    venue_id: str | None
    kind: OrderKind


@attrs.frozen(kw_only=True)
class Amend:
    """Move a resting order to a new price and total amount, atomically.

    Journalled first, as a new order is.

    `order` is what it is to be, under the client id that it has; `number` tells its amends apart, `before` is how it
    rests now.
    """

    order: NewOrder
    before: NewOrder
    venue_id: str | None
    number: int

    @property
    def shrinks_risk(self) -> bool:
        """Whether it brings the order no nearer to the market, for no more than before."""
        sign = self.order.side.sign

        return sign * ((self.order.ticks or 0) - (self.before.ticks or 0)) <= 0 and self.order.lots <= self.before.lots


@attrs.frozen(kw_only=True)
class Ask:
    """Ask the venue what became of an order. The answer is `OrderReported` or `OrderNotFound`.

    `kind` tells where to ask: stops that rest on the venue are in a namespace of their own.
    """

    client_id: str
    venue_id: str | None
    kind: OrderKind | None = None


@attrs.frozen(kw_only=True)
class AskPrice:
    """Ask for the mark price, because no stream brings what exits trigger on. The answer is `MarkChanged`."""

    reason: str


@attrs.frozen(kw_only=True)
class Resync:
    """Read everything about the account again. The answer is `Resynced`."""

    reason: str


@attrs.frozen(kw_only=True)
class Reconnect:
    """A channel is silent although its socket is open: end it and connect again."""

    channel: str
    reason: str


Action: TypeAlias = Place | Cancel | Amend | Ask | AskPrice | Resync | Reconnect
