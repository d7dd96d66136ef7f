"""What follows from how orders ended: pauses of their slots, room for exits that were refused, words for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from perpmaker.decision.band_alarm import BandAlarm
from perpmaker.decision.exit_conflict import ExitConflict
from perpmaker.decision.exit_refusals import ExitRefusals, words_of
from perpmaker.decision.notices import Notices
from perpmaker.decision.rival_stops import RivalStops
from perpmaker.decision.slot_backoff import SlotBackoffs
from perpmaker.decision.trading_state import TradingState
from perpmaker.exits.memory import ExitMemory
from perpmaker.model.order import OrderKind, OrderStatus, Slot
from perpmaker.model.quote import WantedExits
from perpmaker.model.refusal import RefusalReason
from perpmaker.state.state import State
from perpmaker.state.view import End, SlotEnd


class OrderEnd:
    """Takes in each end once."""

    def __init__(
        self, state: State, trading_state: TradingState, retries: SlotBackoffs, exit_conflict: ExitConflict
    ) -> None:
        self._state = state
        self._trading_state = trading_state
        self._retries = retries
        self._exit_conflict = exit_conflict
        self._notices = Notices()
        self._missing = ExitRefusals(state)
        self._band_alarm = BandAlarm(state)
        self._rival_stops = RivalStops(state)

    def next_at(self, now: float) -> float | None:
        """When there is something to say again, should nothing happen until then."""
        missing_at, band_at = self._missing.next_at(now), self._band_alarm.next_at(now)

        if missing_at is None or band_at is None:
            return band_at if missing_at is None else missing_at

        return min(missing_at, band_at)

    def notices(self, exits: WantedExits, now: float) -> Iterable[str]:
        """Take in what ended since this was asked last; a line for people of what they should know.

        `exits` are those that were decided last.
        """
        orders = self._state.orders

        if orders.endings.has_news or orders.amend_refusals or orders.survey().others or not self._is_calm(exits):
            return self._notices_of(exits, now)

        return ()

    def _is_calm(self, exits: WantedExits) -> bool:
        """Whether no exit is missing, kept off by the price band, or kept out by somebody else's."""
        memory = exits.memory

        return not (
            exits.withheld
            or (isinstance(memory, ExitMemory) and (memory.fired or memory.taken))
            or self._missing.is_watching
            or self._band_alarm.is_watching
            or self._rival_stops.is_watching
        )

    def _notices_of(self, exits: WantedExits, now: float) -> Iterator[str]:
        for slot, end in self._state.orders.endings.take_news():
            self._retries.ended(slot, end, now)

            if slot.kind.is_exit:
                yield from self._exit_ended(slot, end, now)
            elif end.end is End.RULE and slot.kind.is_quote:
                text = f"{slot} was taken off by the venue ({end.detail or 'by its own rules'}): it pauses for 60 s"
                yield from self._notices.say((slot, end.end), text, now)

        refusals, self._state.orders.amend_refusals = self._state.orders.amend_refusals, []

        for slot, refusal in refusals:
            self._retries.not_amended(slot, refusal, now)

            if refusal.reason is RefusalReason.PRICE_BAND and not refusal.code:  # no answer, the stream tells
                yield from self._notices.say((slot, refusal.reason), f"{slot} is replaced: {refusal.text}", now)

        yield from self._missing.due(now)
        yield from self._band_alarm.notices(exits, now)
        yield from self._rival_stops.notices(exits)

    def _exit_ended(self, slot: Slot, end: SlotEnd, now: float) -> Iterator[str]:
        """An exit is gone: a position may stand without it."""
        refusal = end.refusal
        yield from self._missing.ended(slot, end, now)

        if refusal is not None and refusal.reason is RefusalReason.REDUCE_ONLY:
            self._exit_conflict.refused(slot, now)
            self._doubt_cancels(slot, now)
            self._trading_state.require(f"the venue refused {slot} as not reducing", now)

        if refusal is not None and refusal.reason is RefusalReason.STOP_EXISTS:
            self._trading_state.require(f"the venue refused {slot}: another stop rests there", now)
        elif slot.kind is OrderKind.VENUE_STOP and not end.end.is_meant:
            yield from self._lost_stop(slot, end, now)

    def _doubt_cancels(self, slot: Slot, now: float) -> None:
        """Other closing orders of the position whose cancels are not answered may rest on: they are asked for."""
        for record in self._state.orders.live.values():
            other, status = record.working.slot, record.working.status

            if (
                status is OrderStatus.CANCELLING
                and other.kind.holds_position
                and other.position_side is slot.position_side
            ):
                record.ask(now)
                self._state.orders.version += 1

    def _lost_stop(self, slot: Slot, end: SlotEnd, now: float) -> Iterator[str]:
        """A position stands without the stop that the venue was to keep."""
        if self._state.is_open(slot.position_side):
            what = "fired it, and then did not execute it" if end.triggered else f"does not keep it ({end.end.words})"
            words = f": {words_of(end.refusal)}" if end.refusal is not None else ""
            text = f"{slot}: the venue {what}{words}; the stop is watched here"
            yield from self._notices.say((slot, end.end, end.triggered), text, now)
