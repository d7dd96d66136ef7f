"""`exposure_limit`: no quote may lead to a position above a cap, even if everything that may still fill does.

For the position that a quote adds to::

    held     the position, where it is on the quote's side; else nothing, because an exit may close it first
    pending  every other order that adds to it and is live, in flight, being cancelled or of unknown outcome,
             what others have resting on this market of the account, and the quotes approved before this one in
             the same decision
    room     cap - held - pending, in whole lots: the quote is cut to it, or refused

A net position above `max_position` was made by others, or under another cap: it is not quoted against either. Its exits
stand, and nothing of it is traded away on the way.

Everything is counted in integer lots, and notional in units of one tick x one lot.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_CEILING, Decimal
from typing import Annotated, TypeAlias

import attrs

from perpmaker import (
    Approved,
    Instrument,
    NewOrder,
    OrderReport,
    OrderType,
    PositionSide,
    Quote,
    Range,
    Reason,
    Refused,
    Rule,
    Side,
    Slot,
    Verdict,
    View,
    WorkingOrder,
)

NAME = "exposure_limit"

_OPPOSITE = {
    PositionSide.LONG: (Side.SELL, PositionSide.SHORT),
    PositionSide.SHORT: (Side.BUY, PositionSide.LONG),
}
"""Of Hedge mode: the side that adds to the other position, and that position."""


@attrs.frozen(kw_only=True)
class ExposureLimitSettings:
    """The table [risk.exposure_limit]: each cap that is given holds. `max_position` in base, the others in quote.

    `max_account_notional` caps long and short together, with what the other markets of the account may come to hold
    that the same process trades (`perpmaker run a.toml b.toml`): a market of another process is not seen. Nothing is
    quoted under it before all of them have read their account.
    """

    max_position: Annotated[Decimal | None, Range(above=0)] = None
    max_notional: Annotated[Decimal | None, Range(above=0)] = None
    max_account_notional: Annotated[Decimal | None, Range(above=0)] = None

    def faults(self) -> Iterator[tuple[str, str]]:
        """Yield (key, what is allowed): without a single cap the module would do nothing."""
        if self.max_position is None and self.max_notional is None and self.max_account_notional is None:
            yield "max_position", "is missing: give max_position, max_notional or max_account_notional"


Exposure: TypeAlias = tuple[int, int]
"""What may come to be held: lots, and their notional in units of one tick x one lot."""


@attrs.frozen(kw_only=True)
class Caps:
    """The settings in a market's own steps: lots, and units of one tick x one lot; None is no cap."""

    instrument: Instrument
    lots: int | None
    units: int | None
    account_units: int | None


class ExposureLimit:
    """Reviews quotes against the caps; pure: all that it keeps is what follows from settings and market."""

    def __init__(self, settings: ExposureLimitSettings, instrument: Instrument) -> None:
        self._settings = settings
        self._caps = self._in_steps(instrument)

    def review(self, view: View, quote: Quote) -> Verdict:
        """Approve the quote as it is where it fits, cut it to what is left, or refuse it."""
        if (against := self._against(view, quote)) is not None:
            return Refused(quote=quote, reason=against)

        if self._caps.account_units is not None and view.elsewhere_unread:
            names = ", ".join(view.elsewhere_unread)
            reason = f"{self._words('max_account_notional')} waits for {names}, whose account has not been read yet"

            return Refused(quote=quote, reason=reason)

        room, cap = min(self._rooms(view, quote))
        resting = view.orders.get(quote.slot)
        lots = resting.remaining_lots if resting is not None and _is(resting, quote) else quote.lots

        if lots <= room:
            return Approved(quote=quote)

        if not _is_order(view.instrument, quote.ticks, room):
            left = view.instrument.amount(max(0, room))
            return Refused(quote=quote, reason=f"{self._words(cap)} leaves {left:f} {view.instrument.base}")

        cut = Reason(Rule.RISK, f"{NAME}: cut to what {self._words(cap)} leaves", view.instrument.amount(room))

        return Approved(quote=attrs.evolve(quote, lots=room, reasons=(*quote.reasons, cut)))

    def _against(self, view: View, quote: Quote) -> str | None:
        """Say that the quote would close a position larger than this bot makes one; None where it would not."""
        cap, position = self._settings.max_position, view.positions.get(quote.slot.position_side)

        if cap is None or position is None or abs(position.amount) <= cap:
            return None

        if quote.slot.position_side is not PositionSide.NET or quote.slot.side.sign * position.amount > 0:
            return None

        held, base = f"{abs(position.amount).normalize():f}", view.instrument.base

        return f"a position of {held} {base} is above {self._words('max_position')}: it is not quoted against"

    def _rooms(self, view: View, quote: Quote) -> Iterator[tuple[int, str]]:
        """(lots that are left for the quote, the setting that leaves them) for each cap."""
        if self._caps.instrument is not view.instrument:
            self._caps = self._in_steps(view.instrument)

        caps, position_side = self._caps, quote.slot.position_side
        held, value = _exposure(view, quote.slot.side, position_side, quote.slot)

        if caps.lots is not None:
            yield caps.lots - held, "max_position"

        if caps.units is not None:
            yield (caps.units - value) // quote.ticks, "max_notional"

        if caps.account_units is not None:
            beside = 0 if position_side is PositionSide.NET else _exposure(view, *_OPPOSITE[position_side], None)[1]
            elsewhere = _up(view.elsewhere / (view.instrument.tick * view.instrument.lot))
            yield (caps.account_units - value - beside - elsewhere) // quote.ticks, "max_account_notional"

    def _in_steps(self, instrument: Instrument) -> Caps:
        """The caps of a market with these steps."""
        settings, unit = self._settings, instrument.tick * instrument.lot

        return Caps(
            instrument=instrument,
            lots=None if settings.max_position is None else instrument.lots_down(settings.max_position),
            units=None if settings.max_notional is None else int(settings.max_notional / unit),
            account_units=None if settings.max_account_notional is None else int(settings.max_account_notional / unit),
        )

    def _words(self, cap: str) -> str:
        """A setting as it stands in the file."""
        return f"{cap} = {getattr(self._settings, cap):f}"


def _exposure(view: View, side: Side, position_side: PositionSide, but: Slot | None) -> Exposure:
    """What a position may come to without the order or quote of one slot."""
    lots, units = _held(view, side, position_side)

    for slot, order in view.orders.items():
        if slot != but and _adds(order.order, side, position_side):
            lots, units = lots + order.remaining_lots, units + _units(order)

    for order in view.beside:  # a slot that holds several: each of them may fill
        if _adds(order.order, side, position_side):
            lots, units = lots + order.remaining_lots, units + _units(order)

    for report in view.foreign:  # somebody else's, on the same account: what they fill is held here too
        if report.side is side and report.position_side is position_side and not _only_closes(report):
            left = _up(report.left(view.instrument.lot) / view.instrument.lot)
            lots, units = lots + left, units + left * (report.ticks or 0)

    for slot, quote in view.approved.items():
        if slot.side is side and slot.position_side is position_side and slot != but:
            more = _beyond(view.orders.get(slot), quote)
            lots, units = lots + more[0], units + more[1]

    return lots, units


def _held(view: View, side: Side, position_side: PositionSide) -> Exposure:
    """The position, as far as it is on this side; part of a lot counts as one, so that dust is never too little."""
    position = view.positions.get(position_side)

    if position is None or side.sign * position.amount <= 0:
        return 0, 0

    lots = abs(position.amount) / view.instrument.lot
    price = position.entry if view.mark is None else view.mark

    return _up(lots), _up(lots * price / view.instrument.tick)


def _beyond(resting: WorkingOrder | None, quote: Quote) -> Exposure:
    """What a quote comes to beyond the order of its slot: while one replaces the other either may fill, never both."""
    if resting is None:
        return quote.lots, quote.lots * quote.ticks

    if _is(resting, quote):
        return 0, 0

    return max(0, quote.lots - resting.remaining_lots), max(0, quote.lots * quote.ticks - _units(resting))


def _adds(order: NewOrder, side: Side, position_side: PositionSide) -> bool:
    """Whether a fill of the order can add to this position."""
    slot = order.slot

    return slot.side is side and slot.position_side is position_side and not order.reduce_only


def _only_closes(report: OrderReport) -> bool:
    """Whether an order of somebody else can do nothing but shrink a position."""
    return report.reduce_only or report.type is OrderType.VENUE_STOP


def _units(order: WorkingOrder) -> int:
    """The notional of what of an order may still fill."""
    return order.remaining_lots * order.highest_ticks


def _is(order: WorkingOrder, quote: Quote) -> bool:
    """Whether the quote is the order that rests already, so that approving it sends nothing."""
    resting = order.order

    return (resting.ticks, resting.lots, resting.generation) == (quote.ticks, quote.lots, quote.generation)


def _is_order(instrument: Instrument, ticks: int, lots: int) -> bool:
    """Whether the market takes an order of this size at all."""
    amount = instrument.amount(lots)

    return lots > 0 and amount >= instrument.min_amount and amount * instrument.price(ticks) >= instrument.min_notional


def _up(number: Decimal) -> int:
    """The smallest whole number not below."""
    return int(number.to_integral_value(ROUND_CEILING))
