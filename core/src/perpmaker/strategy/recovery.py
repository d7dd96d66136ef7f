"""What the price band or the minimum spread took off comes back a second after the condition has become good.

So a price that flaps about a bound makes at most one round of orders a second.
"""

from __future__ import annotations

from collections.abc import Iterable

from perpmaker.model.order import Side, Slot
from perpmaker.model.quote import Reason, Rule
from perpmaker.strategy.memory import Memory
from perpmaker.strategy.reference import RECOVERY_S
from perpmaker.strategy.wake import Alarm

_INSIDE = Reason(Rule.PRICE_BAND, "the reference is inside the price band again, but not for a second yet")
_TAKEN_OFF = Reason(Rule.MINIMUM_SPREAD, "was nearer than minimum_spread: placed again a second later")


class Recovery:
    """Tells, for one decision at `now`, which sides and levels still wait, and what to remember of it."""

    def __init__(self, memory: Memory, now: float, alarm: Alarm) -> None:
        self._now = now
        self._alarm = alarm
        self.inside_since = dict(memory.inside_since)
        self.back_at = {slot: at for slot, at in memory.back_at.items() if at > now} if memory.back_at else {}

    def waits(self, side: Side, pulled: Reason | None) -> Reason | None:
        """Return what keeps a side off: what pulls it now, or the price band less than a second ago."""
        if pulled is not None:
            if pulled.rule is Rule.PRICE_BAND:
                self.inside_since[side] = None

            return pulled

        if side not in self.inside_since:
            return None

        since = self.inside_since[side]
        since = self._now if since is None else since

        if self._now >= since + RECOVERY_S:
            del self.inside_since[side]

            return None

        self.inside_since[side] = since
        self._alarm.at(since + RECOVERY_S)

        return _INSIDE

    def take_off(self, slots: Iterable[Slot]) -> None:
        """Note levels whose orders are nearer than the minimum spread now."""
        self.back_at.update(dict.fromkeys(slots, self._now + RECOVERY_S))

    def waits_for(self, slot: Slot) -> Reason | None:
        """Return why a level that the minimum spread took off is not placed yet."""
        at = self.back_at.get(slot)

        if at is None:
            return None

        self._alarm.at(at)

        return _TAKEN_OFF
