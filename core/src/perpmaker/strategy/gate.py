"""Who may quote: what pulls the quotes of a side, and what only keeps new ones away.

Pulled: resting quotes go at once. Paused: nothing new is placed, a due refresh waits, what rests stays.
"""

from __future__ import annotations

from decimal import Decimal

import attrs

from perpmaker.model.order import PositionMode, PositionSide, Side
from perpmaker.model.quote import Reason, Rule, opening_side
from perpmaker.state.view import Mode, View
from perpmaker.strategy.ladder import position_side_of
from perpmaker.strategy.reference import Reference
from perpmaker.strategy.settings import StrategySettings


@attrs.frozen(kw_only=True)
class Gate:
    """What stands against the quotes of one side.

    Both None: nothing does. `until`: when a pause ends by itself.
    """

    pulled: Reason | None = None
    paused: Reason | None = None
    until: float | None = None


OPEN = Gate()

_BUY, _NET, _RUN, _ONE_WAY = Side.BUY, PositionSide.NET, Mode.RUN, PositionMode.ONE_WAY


def read_gate(view: View, settings: StrategySettings, side: Side, reference: Reference) -> Gate:
    """Return the gate of a side at this moment. What pulls goes before what pauses."""
    position_side = position_side_of(side, view.position_mode)

    if view.no_quotes_for and position_side in view.no_quotes_for:
        return Gate(pulled=Reason(Rule.STOPPED, "a stop loss has fired and the position is not flat yet"))

    if (band := _band(settings, side, reference)) is not None:
        return Gate(pulled=band)

    held = _held(view, settings, side, position_side)

    if held.pulled is not None:
        return held

    if view.is_capital_stale and not free_lots(view).get(side):
        age = Decimal(int(view.capital_age_s))

        return Gate(pulled=Reason(Rule.BUDGET, "the account was last read so many seconds ago: nothing enlarges", age))

    if view.blocked:
        return Gate(paused=Reason(Rule.MODE, "the outcome of an order is unknown: nothing new until it is proven"))

    return held if held.paused is not None else _delayed(view, settings, side, position_side)


def _band(settings: StrategySettings, side: Side, reference: Reference) -> Reason | None:
    """Why a side may not quote at this reference: at or above the ceiling no bids, at or below the floor no asks."""
    ceiling, floor = settings.price_ceiling, settings.price_floor

    if ceiling is None and floor is None:
        return None

    if side is Side.BUY and ceiling is not None and reference.price >= ceiling:
        return Reason(Rule.PRICE_BAND, "the reference is at or above price_ceiling: no bids", ceiling)

    if side is Side.SELL and floor is not None and reference.price <= floor:
        return Reason(Rule.PRICE_BAND, "the reference is at or below price_floor: no asks", floor)

    return None


def _held(view: View, settings: StrategySettings, side: Side, position_side: PositionSide) -> Gate:
    """What an open position means for a side, by when_in_position. Dust is no position."""
    position = view.positions.get(position_side)

    if settings.when_in_position == "continue" or position is None or not position.amount:
        return OPEN

    if view.instrument.is_dust(position.amount):
        return OPEN

    reason = Reason(Rule.HOLD, f"a position is open ({settings.when_in_position})", position.amount)
    adds = side is opening_side(position_side, 1 if position.amount > 0 else -1)

    if settings.when_in_position == "hold" and adds:
        return Gate(paused=reason)

    return Gate(pulled=reason)


def _delayed(view: View, settings: StrategySettings, side: Side, position_side: PositionSide) -> Gate:
    """The pause after a complete fill of a quote, or after a stop: both sides in One-way, that side in Hedge."""
    if not view.quote_filled_at and not view.stop_closed_at:
        return OPEN

    both = view.position_mode is _ONE_WAY
    filled = [at for filled_side, at in view.quote_filled_at.items() if both or filled_side is side]
    stopped = view.stop_closed_at.get(position_side)
    latest = max(filled if stopped is None else [*filled, stopped], default=None)

    if latest is None or view.now >= (until := latest + settings.filled_order_delay):
        return OPEN

    after = "a stop loss" if latest == stopped else "a complete fill"
    wait = Decimal(str(settings.filled_order_delay))

    return Gate(paused=Reason(Rule.FILLED_DELAY, f"{after}: nothing new for this many seconds", wait), until=until)


def free_lots(view: View) -> dict[Side, int]:
    """Lots per side that would only reduce the One-way position, and so need no margin."""
    position = view.positions.get(_NET)

    if position is None or not position.amount:
        return {}

    opening = opening_side(PositionSide.NET, 1 if position.amount > 0 else -1)

    return {opening.opposite: view.instrument.lots_down(abs(position.amount))}


def standing_reason(view: View) -> Reason | None:
    """Return why nothing at all may be quoted, whatever the market does. None when it may."""
    if view.mode is not _RUN:
        return Reason(Rule.MODE, f"{view.mode.value}: {view.mode_reason}" if view.mode_reason else view.mode.value)

    if view.capital is None:
        return Reason(Rule.BUDGET, "the account's balance is not known yet")

    return None
