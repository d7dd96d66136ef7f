"""`exposure_limit`: no quote may lead to a position above a cap, even if everything that may still fill does.

For the position that a quote adds to::

    held     the position, where it is on the quote's side; else nothing, because an exit may close it first
    pending  every other order that adds to it and is live, in flight, being cancelled or of unknown outcome,
             and the quotes approved before this one in the same decision
    room     cap - held - pending, in whole lots: the quote is cut to it, or refused

Everything is counted in integer lots, and notional in units of one tick x one lot.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_CEILING, Decimal
from typing import Annotated

import attrs

from perpmaker import Approved, Range, Refused, Verdict, View
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import NewOrder, PositionSide, Side, Slot, WorkingOrder
from perpmaker.model.position import Position
from perpmaker.model.quote import Quote, Reason, Rule

NAME = "exposure_limit"


@attrs.frozen(kw_only=True)
class ExposureLimitSettings:
    """The table [risk.exposure_limit]: each cap that is given holds. `max_position` in base, the others in quote.

    `max_account_notional` caps long and short together, which differ from each alone only in Hedge mode. It counts
    this market only: a bot sees no other one.
    """

    max_position: Annotated[Decimal | None, Range(above=0)] = None
    max_notional: Annotated[Decimal | None, Range(above=0)] = None
    max_account_notional: Annotated[Decimal | None, Range(above=0)] = None

    def faults(self) -> Iterator[tuple[str, str]]:
        """Yield (key, what is allowed): without a single cap the module would do nothing."""
        if self.max_position is None and self.max_notional is None and self.max_account_notional is None:
            yield "max_position", "is missing: give max_position, max_notional or max_account_notional"


@attrs.frozen
class Exposure:
    """What may come to be held: lots, and their notional in units of one tick x one lot."""

    lots: int = 0
    units: int = 0

    def __add__(self, other: Exposure) -> Exposure:
        return Exposure(self.lots + other.lots, self.units + other.units)


class ExposureLimit:
    """Reviews quotes against the caps; pure: it keeps nothing from one review to the next."""

    def __init__(self, settings: ExposureLimitSettings, _: Instrument) -> None:
        self._settings = settings

    def review(self, view: View, quote: Quote) -> Verdict:
        """Approve the quote as it is where it fits, cut it to what is left, or refuse it."""
        room, cap = min(self._rooms(view, quote), key=lambda found: found[0])
        resting = view.orders.get(quote.slot)
        lots = resting.remaining_lots if resting is not None and _is(resting, quote) else quote.lots

        if lots <= room:
            return Approved(quote=quote)

        if not _is_order(view.instrument, quote.ticks, room):
            left = view.instrument.amount(max(0, room))
            return Refused(quote=quote, module=NAME, reason=f"{cap} leaves {left:f} {view.instrument.base}")

        cut = Reason(Rule.RISK, f"{NAME}: cut to what {cap} leaves", view.instrument.amount(room))

        return Approved(quote=attrs.evolve(quote, lots=room, reasons=(*quote.reasons, cut)))

    def _rooms(self, view: View, quote: Quote) -> Iterator[tuple[int, str]]:
        """(lots that are left for the quote, the cap that leaves them) for each cap."""
        settings, instrument = self._settings, view.instrument
        unit = instrument.tick * instrument.lot
        side, position_side = quote.slot.side, quote.slot.position_side
        exposure = _held(view, side, position_side) + _pending(view, side, position_side, quote.slot)
        account = exposure if position_side is PositionSide.NET else exposure + _opposite(view, position_side)

        if (cap := settings.max_position) is not None:
            yield instrument.lots_down(cap) - exposure.lots, f"max_position = {cap:f}"

        if (cap := settings.max_notional) is not None:
            yield (int(cap / unit) - exposure.units) // quote.ticks, f"max_notional = {cap:f}"

        if (cap := settings.max_account_notional) is not None:
            yield (int(cap / unit) - account.units) // quote.ticks, f"max_account_notional = {cap:f}"


def _held(view: View, side: Side, position_side: PositionSide) -> Exposure:
    """The position, as far as it is on this side; part of a lot counts as one, so that dust is never too little."""
    position = view.positions.get(position_side)

    if position is None or side.sign * position.amount <= 0:
        return Exposure()

    amount, price = abs(position.amount), _price(view, position)
    instrument = view.instrument

    return Exposure(_up(amount / instrument.lot), _up(amount * price / (instrument.tick * instrument.lot)))


def _pending(view: View, side: Side, position_side: PositionSide, but: Slot | None) -> Exposure:
    """What may still fill of this side besides one slot, each slot by the larger of what is there and what comes."""
    worst: dict[Slot, Exposure] = {}
    beside = Exposure()

    for order in view.orders.values():
        if order.slot != but and _adds(order.order, side, position_side):
            worst[order.slot] = _remaining(order)

    for order in view.beside:  # a slot that holds several: each of them may fill
        if _adds(order.order, side, position_side):
            beside += _remaining(order)

    for slot, quote in view.approved.items():
        if slot != but and slot.side is side and slot.position_side is position_side:
            resting = view.orders.get(slot)

            if resting is None or not _is(resting, quote):
                coming = Exposure(quote.lots, quote.lots * quote.ticks)
                known = worst.get(slot, Exposure())
                worst[slot] = Exposure(max(known.lots, coming.lots), max(known.units, coming.units))

    return sum(worst.values(), beside)


def _opposite(view: View, position_side: PositionSide) -> Exposure:
    """Of Hedge mode: the other position, and what may still add to it."""
    if position_side is PositionSide.LONG:
        side, other = Side.SELL, PositionSide.SHORT
    else:
        side, other = Side.BUY, PositionSide.LONG

    return _held(view, side, other) + _pending(view, side, other, None)


def _adds(order: NewOrder, side: Side, position_side: PositionSide) -> bool:
    """Whether a fill of the order can add to this position."""
    return order.side is side and order.position_side is position_side and not order.reduce_only


def _remaining(order: WorkingOrder) -> Exposure:
    """What of an order may still fill."""
    return Exposure(order.remaining_lots, order.remaining_lots * (order.order.ticks or 0))


def _is(order: WorkingOrder, quote: Quote) -> bool:
    """Whether the quote is the order that rests already, so that approving it sends nothing."""
    resting = order.order

    return (resting.ticks, resting.lots, resting.generation) == (quote.ticks, quote.lots, quote.generation)


def _is_order(instrument: Instrument, ticks: int, lots: int) -> bool:
    """Whether the market takes an order of this size at all."""
    amount = instrument.amount(lots)

    return lots > 0 and amount >= instrument.min_amount and amount * instrument.price(ticks) >= instrument.min_notional


def _price(view: View, position: Position) -> Decimal:
    """What a position is valued at."""
    return position.entry if view.mark is None else view.mark


def _up(number: Decimal) -> int:
    """The smallest whole number not below."""
    return int(number.to_integral_value(ROUND_CEILING))
