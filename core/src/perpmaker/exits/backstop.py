"""Where the stop that rests on the venue belongs: at the stop's own level, or behind it as a backstop.

With `limit` and `market` the local line closes the position. The stop on the venue then lies a quarter further out, so
that it works only when nobody else does: after a crash, in a hang, in blindness.
"""

from __future__ import annotations

from decimal import Decimal

import attrs

from perpmaker.exits.level import before_liquidation
from perpmaker.exits.price import LOOK_AGAIN_S, MAX_AGE_S
from perpmaker.exits.settings import ExitSettings
from perpmaker.exits.stop import ticks_away
from perpmaker.exits.wake import by
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import StopTrigger
from perpmaker.model.position import Position
from perpmaker.model.quote import Wake
from perpmaker.state.view import Mode, View

BEHIND = Decimal("1.25")
"""Distance of the backstop from the entry price, in distances of the stop itself."""

PAST_MARKET = Decimal("0.01")
"""How far past the price that it watches a stop is left at an end, where that is beyond the stop's level already."""


@attrs.frozen(kw_only=True)
class StopPlace:
    """Trigger in ticks, the price that fires the stop, and why it is there in words."""

    ticks: int
    trigger: StopTrigger
    words: str


def place_stop(
    view: View, settings: ExitSettings, position: Position, *, sign: int, level: int, blind: bool
) -> StopPlace | None:
    """Tell where the venue's stop of a position belongs now.

    None where none is wanted. `level` is the stop's own.

    `blind`: the streams do not show the market, so that the venue has to do the work.
    """
    by_venue = settings.stop_loss_order == "venue"
    at_end = view.mode is Mode.STOP

    if not (by_venue or at_end or settings.venue_backstop) or level <= 0:
        return None

    trigger = trigger_on_venue(settings)

    if at_end:
        ticks = before_market(view.instrument, _watched(view, trigger), sign, level)

        return StopPlace(ticks=ticks, trigger=trigger, words="left on the venue at an end")

    if by_venue:
        return StopPlace(ticks=level, trigger=trigger, words="rests on the venue, which fires it")

    if blind:
        return StopPlace(ticks=level, trigger=trigger, words="the streams are silent: the venue fires it")

    ticks = _behind(view, settings, position, sign)

    return StopPlace(ticks=ticks if ticks > 0 else level, trigger=trigger, words="backstop on the venue")


def is_reached(view: View, place: StopPlace | None, sign: int) -> bool:
    """Whether a fresh mark price is at or beyond where the venue's stop belongs: ours fires by then at the latest."""
    if place is None or place.trigger is not StopTrigger.MARK:
        return False

    return view.mark_age_s < MAX_AGE_S and _is_beyond(view, place, sign)


def watch_reached(view: View, wake: Wake, place: StopPlace | None, sign: int) -> Wake:
    """Return when to look again: once the mark price has reached the venue's stop."""
    if place is None or place.trigger is not StopTrigger.MARK:
        return wake

    if _is_beyond(view, place, sign):  # by an old mark price, which counts once it is told again
        return by(view, wake, view.now + LOOK_AGAIN_S)

    near = view.instrument.price(place.ticks) + sign * view.instrument.tick / 2

    if sign > 0:
        return attrs.evolve(wake, mark_low=near if wake.mark_low is None else max(wake.mark_low, near))

    return attrs.evolve(wake, mark_high=near if wake.mark_high is None else min(wake.mark_high, near))


def _is_beyond(view: View, place: StopPlace, sign: int) -> bool:
    return view.mark is not None and sign * (view.mark - view.instrument.price(place.ticks)) <= 0


def _behind(view: View, settings: ExitSettings, position: Position, sign: int) -> int:
    """A quarter further from the entry price than the stop, but well before liquidation."""
    instrument, entry = view.instrument, position.entry
    price = entry * (1 - sign * BEHIND * (settings.stop_loss_spread or Decimal(0)))

    return ticks_away(instrument, before_liquidation(position, sign, price), sign)


def trigger_on_venue(settings: ExitSettings) -> StopTrigger:
    """Return the price by which the venue fires a stop that rests there: of a backstop it is the mark price."""
    return settings.venue_trigger if settings.stop_loss_order == "venue" else StopTrigger.MARK


def _watched(view: View, trigger: StopTrigger) -> Decimal | None:
    """The price that fires a stop on the venue, as known now."""
    if trigger is not StopTrigger.LAST:
        return view.mark

    return None if view.last_trade is None else view.instrument.price(view.last_trade)


def before_market(instrument: Instrument, watched: Decimal | None, sign: int, level: int) -> int:
    """Return the stop's level.

    A little past the price that it watches where that is beyond, so that the venue takes it.
    """
    if watched is None or sign * (watched - instrument.price(level)) > 0:
        return level

    return past_market(instrument, watched, sign)


def past_market(instrument: Instrument, watched: Decimal, sign: int) -> int:
    """Return a trigger a little past a price of the market."""
    return max(1, ticks_away(instrument, watched * (1 - sign * PAST_MARKET), sign))
