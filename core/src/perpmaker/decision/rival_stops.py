"""Tells a person of a stop that is not this program's and takes the place of ours on the venue."""

from __future__ import annotations

from collections.abc import Iterator

from perpmaker.exits.company import others
from perpmaker.exits.memory import ExitMemory
from perpmaker.model.order import OrderReport, Slot
from perpmaker.model.quote import VenueStop, WantedExits
from perpmaker.state.state import State


class RivalStops:
    """Says it once of each such stop, and again when what is done about it changes."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._said: dict[Slot, str] = {}

    @property
    def is_watching(self) -> bool:
        """Whether a person was told of one that was there when it was looked at last."""
        return bool(self._said)

    def notices(self, exits: WantedExits) -> Iterator[str]:
        """A line for what is new about stops of others, by the exits that were decided last."""
        memory = exits.memory

        if not isinstance(memory, ExitMemory) or not (memory.taken or self._said):
            return

        taken = {slot for slot, one in memory.taken.items() if not one.over and self._state.is_open(slot.position_side)}
        self._said = {slot: said for slot, said in self._said.items() if slot in taken}

        for slot in taken:
            want = next((one for one in exits.exits if isinstance(one, VenueStop) and one.slot == slot), None)
            said = self._words(slot, want)

            if said and self._said.get(slot) != said:
                self._said[slot] = said
                yield said

    def _words(self, slot: Slot, want: VenueStop | None) -> str:
        """What rests there, and what is done about it; nothing before the venue has been read."""
        found = next(others(self._state.foreign.resting, slot), None)

        if found is None:
            return ""

        head = f"a stop that is not perpmaker's rests on the venue and closes the whole position: {self._of(found)}"

        if want is None:
            return f"{head}; it fires no later than ours would, so none is placed beside it while it rests"

        price = self._state.instrument.price(want.ticks)

        return (
            f"{head}; ours belongs at {price:f} by the {want.trigger.value} price, so a stop of the position's size is "
            "placed there beside it"
        )

    def _of(self, report: OrderReport) -> str:
        """The stop as a person says it: `sell at 95 by the mark price (web-1)`."""
        at = "an unknown price" if report.ticks is None else f"{self._state.instrument.price(report.ticks):f}"
        by = "" if report.trigger is None else f" by the {report.trigger.value} price"

        return f"{report.side.value} at {at}{by} ({report.client_id})"
