"""How a run ends: quotes off, stops at work or at their level, the dead-man switch disarmed, and a verdict.

A clean end lets a stop that has fired go on for a while. Every other end that the program lives to see leaves the same
protection, directly and without the trader, which may be what failed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial

import anyio
import attrs

from perpmaker.decision.trader import Trader
from perpmaker.errors import StopNotProvenError
from perpmaker.execution.dispatch import Dispatcher
from perpmaker.exits.last_stop import LastStop
from perpmaker.journal.journal import Journal
from perpmaker.journal.order_intents import OrderIntents
from perpmaker.model.position import Position
from perpmaker.model.quote import VenueStop
from perpmaker.runtime.dead_man_switch import SwitchKeeper
from perpmaker.runtime.left_behind import Lacks, left_over, missing_exits, unprotected
from perpmaker.runtime.reconciliation import Reconciliation
from perpmaker.runtime.rescue import RESCUE_S, UNREAD, Rescue
from perpmaker.runtime.shutdown import HURRIED_S, Closing, Shutdown, exit_left

STOP_WAIT_S = 8.0
"""Seconds that a clean end waits for a stop that has fired, where nothing else is set."""

READ_S = 3.0
"""Seconds for reading the positions once more, where the whole account could not be read."""

POLL_S = 0.05

NO_HISTORY = "the history could not be read at the end: fills, fees and the result may lack some"


@attrs.define(kw_only=True)
class RunEnd:
    """Ends one bot. `last_stop` makes the stops of an end without the trader; None where the venue keeps none.

    `since_ms` answers from which venue time on fills are still to be read. `stop_wait_s` is how long a stop that has
    fired may go on. `unproven` is what an end by an error could not prove.
    """

    trader: Trader
    reconciliation: Reconciliation
    dispatcher: Dispatcher
    known: OrderIntents
    journal: Journal
    dead_man: SwitchKeeper | None
    last_stop: LastStop | None
    stop_wait_s: float
    since_ms: Callable[[], int]
    tell: Callable[[str], None]
    unproven: str | None = attrs.field(default=None, init=False)
    stopping: Shutdown = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.stopping = Shutdown(
            reconciliation=self.reconciliation,
            dispatcher=self.dispatcher,
            working=self.trader.working,
            kind_of=self.known.kind,
            settled=lambda: self.trader.is_settled,
            caps_resting_exits=self.reconciliation.connector.caps_resting_exits,
        )

    async def carry_out(self) -> Closing:
        """Take quotes off, let a fired stop go on, and read the account as it is left."""
        closing = await self.stopping.carry_out()
        await self._let_stops_work()

        return await self.stopping.read_at_last(closing, self.since_ms())

    async def judge(self, closing: Closing) -> Closing:
        """Disarm the dead-man switch with its answer seen, and judge what is left; nothing else runs any more.

        A position that lacks something by the last reading, or should have been closed, gets the stop that every other
        end leaves: the venue may have come back just now.
        """
        instrument = self.reconciliation.instrument
        positions = await self._positions_of(closing)
        open_ = unprotected(closing, positions, instrument, self._lacks(closing))
        is_lacking = open_ is not None and self.last_stop is not None and self.last_stop.is_set
        switch, left = await self._disarm_beside_stops(is_lacking=is_lacking)

        if is_lacking and (left != UNREAD or closing.account is not None):
            closing = await self.stopping.read_at_last(closing, self.since_ms())
            positions = await self._positions_of(closing)
            open_ = unprotected(closing, positions, instrument, self._lacks(closing, has_stops=left is None))

        over = left_over(closing.account, closing.exits, instrument)
        history = NO_HISTORY if closing.account is None and positions is not None else None
        words = [one for one in (closing.unproven, open_, over, history, switch) if one]

        for order in closing.exits:
            self.tell(f"left on the venue: {exit_left(order, instrument)} ({order.client_id})")

        return attrs.evolve(closing, unproven="; ".join(words) or None)

    def _lacks(self, closing: Closing, *, has_stops: bool = False) -> Lacks:
        """What the trader and the settings say of the positions that are left.

        `has_stops`: a stop of each was seen at its level, which the trader may know nothing of.
        """
        shown = {report.client_id for report in closing.exits}
        missing = missing_exits(self.trader.wanted_exits, self.trader.working(), shown)
        astray = (want.slot.position_side for want in self.trader.unsettled if isinstance(want, VenueStop))

        return Lacks(
            fired=self.trader.fired,
            missing=[want for want in missing if not (has_stops and isinstance(want, VenueStop))],
            astray=frozenset(() if has_stops else astray),
            needs_stop=lambda position: self.last_stop is not None and self.last_stop.is_set_for(position),
            to_close=self.stopping.close,
        )

    async def rescue(self, error: BaseException) -> None:
        """Leave the same protection without the trader; StopNotProvenError when that could not be seen to be there.

        Stops first: they are what a position is protected by. Once more at the end, because a quote may have been
        filled meanwhile. The dead-man switch is kept armed until then: it must neither take the targets of a rescue
        that lasts, nor leave the quotes of one that is killed.
        """
        self.unproven = await self.protect()

        if self.unproven is None:
            self.tell("ended by an error: own quotes are off, and each open position has what is set to protect it")
        elif not isinstance(error, anyio.get_cancelled_exc_class()):
            raise StopNotProvenError(f"ended by an error, and not proven clean: {self.unproven}") from error

    async def protect(self, *, after_fence: bool = False) -> str | None:
        """Leave stops and take quotes off without the trader, until two readings show none: what is not proven.

        `after_fence`: nothing that was sent can arrive any more, and the switch is not to be armed again.
        """
        rescue = self._rescuer()

        with anyio.CancelScope(shield=True):
            async with anyio.create_task_group() as beside:
                if not after_fence:
                    beside.start_soon(self._keep_switch)

                await _contained(rescue.leave_stops)
                quotes = await _contained(partial(self.stopping.sweep, 0.0 if after_fence else None))
                left = await _contained(rescue.leave_stops)
                beside.cancel_scope.cancel()

            switch = await self._disarm()

        return "; ".join(one for one in (quotes, left, switch) if one) or None

    def _rescuer(self) -> Rescue:
        return Rescue(
            trader=self.trader,
            reconciliation=self.reconciliation,
            dispatcher=self.dispatcher,
            known=self.known,
            journal=self.journal,
            last_stop=self.last_stop,
            to_close=self.stopping.close,
        )

    async def _disarm_beside_stops(self, *, is_lacking: bool) -> tuple[str | None, str | None]:
        """Disarm the switch, whose answer may take seconds, and meanwhile leave the stops that are lacking.

        Returns:
            What is to be said of the switch, and what was not seen to be protected; None where all was.
        """
        switch: list[str | None] = []
        left: str | None = UNREAD

        async def disarm() -> None:
            switch.append(await self._disarm())

        async with anyio.create_task_group() as group:
            group.start_soon(disarm)

            if is_lacking:
                left = await self._leave_stops()

        return switch[0], left

    async def _leave_stops(self) -> str | None:
        """Try to leave stops, for as long as an end by an error does: what is not proven. A hurry shortens it."""
        left: str | None = UNREAD

        with anyio.move_on_after(RESCUE_S):
            async with anyio.create_task_group() as group:
                group.start_soon(self._end_in_a_hurry, group.cancel_scope)
                left = await _contained(self._rescuer().leave_stops)
                group.cancel_scope.cancel()

        return left

    async def _end_in_a_hurry(self, scope: anyio.CancelScope) -> None:
        while not self.stopping.is_hurried:  # noqa: ASYNC110  # a wish is no event, and there may be a second one
            await anyio.sleep(POLL_S)

        await anyio.sleep(HURRIED_S)
        scope.cancel()

    async def _keep_switch(self) -> None:
        """Keep the dead-man switch armed, until cancelled."""
        if self.dead_man is not None:
            with suppress(Exception):  # of an end by an error nothing may become another error
                await self.dead_man.run()

    async def _disarm(self) -> str | None:
        """Disarm the dead-man switch: what is to be said where the venue did not confirm it."""
        disarmed = self.dead_man is None or await self.dead_man.disarm()

        return None if disarmed else "the dead-man switch could not be disarmed"

    async def _positions_of(self, closing: Closing) -> Sequence[Position] | None:
        """The positions that were read last, or they alone where the whole account could not be; None: not even so."""
        if closing.account is not None:
            return closing.account.positions

        with anyio.move_on_after(READ_S), suppress(Exception):  # the declared seam to plugins: the verdict says it
            return (await self.reconciliation.account()).positions

        return None

    async def _let_stops_work(self) -> None:
        """Wait while a stop that has fired is not through; not at all where none has."""
        clock = self.reconciliation.clock
        began_at = clock.now()

        # What is waited for is the trader's state and the clock, not an event.
        while self.trader.fired and clock.now() < self.stopping.waits_until(began_at, self.stop_wait_s):  # noqa: ASYNC110
            await anyio.sleep(POLL_S)


async def _contained(step: Callable[[], Awaitable[str | None]]) -> str | None:
    """Carry out one step of a rescue: what is not proven after it; a step that fails itself keeps no other one back."""
    try:
        return await step()
    except Exception as error:  # noqa: BLE001  # the declared last resort: it is in the words of the end
        return f"a step of the end failed itself ({type(error).__name__}: {error})"
