"""How a scenario speaks of orders, positions and reasons: short texts that a test compares with."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

import attrs

from perpmaker.model.instrument import Instrument
from perpmaker.model.order import NewOrder, OrderKind, PositionSide, Side, Slot
from perpmaker.model.quote import Reason

FOREIGN = "foreign"
FLAT = "flat"


class Sent(NamedTuple):
    """What the bot sent to the venue and when, in seconds since the scenario began: `(15.0, "cancel buy 0")`."""

    at: float
    what: str


@attrs.frozen(kw_only=True)
class OpenOrder:
    """An order of the account that rests on the venue. `amount` is what is left of it, in base; `filled` what is not.

    `name` is what the verbs call it: `buy 0`, `take profit`, `stop loss`; in Hedge mode exits end in `long` or `short`.
    """

    name: str
    kind: OrderKind
    side: Side
    position_side: PositionSide
    price: Decimal
    amount: Decimal
    filled: Decimal
    client_id: str

    def __str__(self) -> str:
        """Render as `buy 0.01 at 99.9`; exits and foreign orders begin with their name."""
        text = f"{self.side.value} {plain(self.amount)} at {plain(self.price)}"

        return text if self.kind is OrderKind.QUOTE else f"{self.name}: {text}"


def plain(value: Decimal) -> str:
    """A number without exponent and without trailing zeros."""
    return f"{value.normalize():f}"


def name_of(slot: Slot) -> str:
    """What the verbs call the order of a slot."""
    if slot.kind is OrderKind.QUOTE:
        return f"{slot.side.value} {slot.level}"

    kind = slot.kind.value.replace("_", " ")

    return kind if slot.position_side is PositionSide.NET else f"{kind} {slot.position_side.value}"


def order_text(order: NewOrder, instrument: Instrument) -> str:
    """A new order: `buy 0: 0.01 at 99.9`, `stop loss: sell 0.01 at market`."""
    price = "market" if order.ticks is None else plain(instrument.price(order.ticks))
    side = "" if order.slot.kind is OrderKind.QUOTE else f"{order.side.value} "

    return f"{name_of(order.slot)}: {side}{plain(instrument.amount(order.lots))} at {price}"


def position_text(amount: Decimal, entry: Decimal) -> str:
    """A position: `long 0.01 at 99.9`, or `flat`; an average entry to six places, since venues round it."""
    if not amount:
        return FLAT

    return f"{'long' if amount > 0 else 'short'} {plain(abs(amount))} at {plain(round(entry, 6))}"


def reason_text(reason: Reason) -> str:
    """One step of a chain: `reference: mid (100)`."""
    if reason.value is None:
        return f"{reason.rule.value}: {reason.text}"

    value = plain(reason.value) if isinstance(reason.value, Decimal) else str(reason.value)

    return f"{reason.rule.value}: {reason.text} ({value})"
