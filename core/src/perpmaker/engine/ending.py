"""How a run ends: quotes off, stops at work or at their level, the dead-man switch disarmed, and a verdict.

A clean end lets a stop that has fired go on for a while. Every other end that the program lives to see leaves the same
protection, directly and without the trader, which may be what failed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

import anyio
import attrs

from perpmaker.connector.interface import VenueStops
from perpmaker.engine.dead_man import DeadMan
from perpmaker.engine.journal import Journal, Step
from perpmaker.engine.known_orders import KnownOrders
from perpmaker.engine.left_behind import held, missing_exits, unprotected
from perpmaker.engine.recovery import Recovery
from perpmaker.engine.stopping import Closing, Stopping
from perpmaker.engine.trader import Trader
from perpmaker.errors import JournalError, StopNotProvenError
from perpmaker.execution.action import Place
from perpmaker.execution.dispatch import Dispatcher
from perpmaker.exits.last_stop import LastStop
from perpmaker.model.order import OrderReport, OrderType
from perpmaker.model.position import Position

RESCUE_S = 10.0
"""Seconds for leaving stops on the venue when the trader has failed."""

STOP_WAIT_S = 8.0
"""Seconds that a clean end waits for a stop that has fired, where nothing else is set."""

READ_S = 3.0
"""Seconds for reading the positions once more, where the whole account could not be read."""

POLL_S = 0.2


@attrs.define(kw_only=True)
class Ending:
    """Ends one bot. `last_stop` makes the stops of an end without the trader; None where the venue keeps none.

    `since_ms` answers from which venue time on fills are still to be read. `stop_wait_s` is how long a stop that has
    fired may go on.
    """

    trader: Trader
    recovery: Recovery
    dispatcher: Dispatcher
    known: KnownOrders
    journal: Journal
    dead_man: DeadMan | None
    last_stop: LastStop | None
    stop_wait_s: float
    since_ms: Callable[[], int]
    tell: Callable[[str], None]
    stopping: Stopping = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.stopping = Stopping(
            recovery=self.recovery,
            dispatcher=self.dispatcher,
            working=self.trader.working,
            kind_of=self.known.kind,
            settled=lambda: self.trader.is_settled,
        )

    async def carry_out(self) -> Closing:
        """Take quotes off, let a fired stop go on, and read the account as it is left."""
        closing = await self.stopping.carry_out()
        await self._let_stops_work()

        return await self.stopping.read_at_last(closing, self.since_ms())

    async def settle(self, closing: Closing) -> Closing:
        """Disarm the dead-man switch with its answer seen, and judge what is left; nothing else runs any more."""
        switch = await self._disarm()
        instrument = self.recovery.instrument
        shown = {report.client_id for report in closing.exits}
        missing = missing_exits(self.trader.wanted_exits, self.trader.working(), shown)
        positions = await self._read_positions() if closing.account is None else closing.account.positions
        open_ = unprotected(closing, positions, instrument, fired=self.trader.fired, missing=missing)
        words = [one for one in (closing.unproven, open_, switch) if one]

        return attrs.evolve(closing, unproven="; ".join(words) or None)

    async def rescue(self, error: BaseException) -> None:
        """Leave the same protection without the trader; StopNotProvenError when that could not be seen to be there."""
        left: str | None = "nothing could be read from the venue"

        with anyio.CancelScope(shield=True):
            quotes = await self.stopping.sweep()

            with anyio.move_on_after(RESCUE_S):
                left = await self._leave_stops()

            switch = await self._disarm()

        words = [one for one in (quotes, left, switch) if one]

        if words and not isinstance(error, anyio.get_cancelled_exc_class()):
            raise StopNotProvenError(f"ended by an error, and not proven clean: {'; '.join(words)}") from error

    async def _disarm(self) -> str | None:
        """Disarm the dead-man switch: what is to be said where the venue did not confirm it."""
        disarmed = self.dead_man is None or await self.dead_man.disarm()

        return None if disarmed else "the dead-man switch could not be disarmed"

    async def _read_positions(self) -> Sequence[Position] | None:
        """The positions alone, where the whole account with its history could not be read; None where not even they."""
        with anyio.move_on_after(READ_S), suppress(Exception):  # the declared seam to plugins: the verdict says it
            return (await self.recovery.account()).positions

        return None

    async def _let_stops_work(self) -> None:
        """Wait while a stop that has fired is not through; not at all where none has."""
        clock = self.recovery.clock
        began_at = clock.now()

        # What is waited for is the trader's state and the clock, not an event.
        while self.trader.fired and clock.now() < self.stopping.waits_until(began_at, self.stop_wait_s):  # noqa: ASYNC110
            await anyio.sleep(POLL_S / 4)

    async def _leave_stops(self) -> str | None:
        """See to it that a stop of ours rests for every open position: what could not be seen, in words."""
        tried = False

        while True:
            try:
                account = await self.recovery.account()
                reports = await self.recovery.open_orders()
            except Exception:  # noqa: BLE001  # the declared seam to plugins: what cannot be read is read again
                await anyio.sleep(POLL_S)
                continue

            naked = self._naked(account.positions, reports)

            if not naked:
                return None

            orders = [] if tried else self._last_stops(naked)

            if not orders:
                names = ", ".join(held(position, self.recovery.instrument) for position in naked)

                return f"{names} is open without a stop on the venue"

            tried = True
            await self.dispatcher.dispatch(orders)

    def _naked(self, positions: Sequence[Position], reports: Sequence[OrderReport]) -> list[Position]:
        """The open positions for which a stop is set, and none of ours rests."""
        if self.last_stop is None or self.last_stop.settings.stop_loss_spread is None:
            return []

        ours = [one for one in reports if self.known.client_ids.is_ours(one.client_id)]
        guarded = {one.position_side for one in ours if one.type is OrderType.VENUE_STOP}
        is_dust = self.recovery.instrument.is_dust

        return [one for one in positions if one.side not in guarded and not is_dust(one.amount)]

    def _last_stops(self, positions: Sequence[Position]) -> list[Place]:
        """The stops of these positions, recorded where that is still possible."""
        if self.last_stop is None or not isinstance(self.recovery.connector, VenueStops):
            return []

        mark, ids = self.trader.state.market.mark, self.known.client_ids
        orders = [self.last_stop.order(position, ids.next(), mark) for position in positions]
        places = [Place(order=order) for order in orders if order is not None]

        for place in places:
            self.known.remember(place.order)
            self.tell(f"a stop is left on the venue: {place.order.slot}")

        with suppress(JournalError):
            clock = self.recovery.clock
            self.journal.record_step(Step(at=clock.now(), events=(), actions=places, notices=()), clock.utc_ms())

        return places
