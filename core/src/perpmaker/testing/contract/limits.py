"""The venue's limits, its clock, and our secrets."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import anyio
import pytest

from perpmaker.connector.abilities import KeyPermissions, KeyRights, Timekeeping, VenueTime
from perpmaker.errors import PerpmakerError
from perpmaker.model.event import Channel
from perpmaker.model.order import NewOrder, OrderKind, OrderType, Side
from perpmaker.model.outcome import Accepted, Rejected
from perpmaker.model.refusal import RefusalReason
from perpmaker.testing.contract.room import Room
from perpmaker.testing.contract.suite import Suite
from perpmaker.wire.fault import Reply

MOST_ORDERS = 3000
"""Orders after which a venue is taken to have no limit that matters."""

BATCH = 10
LONGEST_WINDOW_S = 61.0
"""Seconds after which a limit by the minute is new."""

AHEAD_MS = 90_000
"""Milliseconds by which the venue's clock is ahead in a test."""


class LimitContract(Suite):
    """What is spent, kept back and never said."""

    async def test_limits_are_obeyed_with_a_reserve_for_cancels(self) -> None:
        """Quotes are refused here, unsent, before the venue would; cancels and exits still go, and later quotes too."""
        async with self.open_room() as room:
            resting = await room.rest()
            refused = await self._use_up(room)

            if refused is None:
                pytest.skip(f"{room.connector.name} takes {MOST_ORDERS} orders without a pause")

            sent = len(room.spy.asked)
            (again,) = await room.place(self._harmless(room))
            assert isinstance(again, Rejected), again
            assert len(room.spy.asked) == sent, "an order that is refused for our own limit was sent"
            (gone,) = await room.cancel(resting)
            (exit_,) = await room.place(room.order(kind=OrderKind.CLOSE, type=OrderType.MARKET, lots=room.lots))
            await anyio.sleep(max(again.refusal.retry_after_s, LONGEST_WINDOW_S))
            (later,) = await room.place(self._harmless(room))

            assert refused.refusal.reason is RefusalReason.RATE_LIMIT
            assert isinstance(gone, Accepted), gone
            assert isinstance(exit_, Accepted), exit_
            assert isinstance(later, Accepted), later

    async def test_a_clock_that_is_off_is_followed(self) -> None:
        """Where the venue's clock is minutes ahead of ours, orders are taken all the same."""
        async with self.open_room(server_time_offset_ms=AHEAD_MS) as room:
            order = await room.rest()
            assert order.client_id in await room.open_ids()

    async def test_the_venues_clock_is_known(self) -> None:
        """To within the uncertainty that is told."""
        async with self.open_room(server_time_offset_ms=AHEAD_MS) as room:
            connector = room.require(Timekeeping)
            await room.rest()
            time = connector.venue_time(room.clock.now())

            assert isinstance(time, VenueTime)
            assert abs(time.ms - room.clock.utc_ms() - AHEAD_MS) <= time.uncertainty_s * 1000

    async def test_the_key_is_described(self) -> None:
        """A key of the sandbox may trade; whether it may move money away is said."""
        async with self.open_room() as room:
            rights = await room.require(KeyPermissions).fetch_key_rights()

            assert rights is None or (isinstance(rights, KeyRights) and rights.can_trade)

    async def test_secrets_are_in_no_repr_log_or_error(self) -> None:
        """Not in what the connector is, writes or raises, nor in a traceback with all that led to it."""
        with _logged() as lines:
            async with self.open_room() as room:
                access = room.context.sandbox
                assert access is not None
                said = [repr(room.connector), str(room.connector), repr(vars(room.connector))]
                said += [room.connector.account, room.connector.name]
                said += await self._complaints(room)

        said += lines
        assert len(said) > BATCH
        assert not [text for text in said if access.api_secret in text]

    async def test_what_a_cancelled_call_leaves_is_usable(self) -> None:
        """A call that is given up breaks no connection for the next one."""
        async with self.open_room() as room:
            for wait_s in (0.0005, 0.0015, 0.0025):
                with anyio.move_on_after(wait_s):
                    await room.connector.fetch_open_orders(room.instrument)

            order = await room.rest()
            assert await room.open_ids() == [order.client_id]

    async def _use_up(self, room: Room) -> Rejected | None:
        """Place orders that neither rest nor trade until one is refused, batch by batch, then one by one."""
        size = BATCH

        for _ in range(MOST_ORDERS // BATCH):
            outcomes = await room.place(*[self._harmless(room) for _ in range(size)])
            refused = [outcome for outcome in outcomes if isinstance(outcome, Rejected)]

            if refused and size == 1:
                return refused[0]

            size = 1 if refused else size

        return None

    def _harmless(self, room: Room) -> NewOrder:
        return room.order(Side.BUY, away=5, type=OrderType.IOC)

    async def _complaints(self, room: Room) -> list[str]:
        """Let everything go wrong that can; all that was said of it."""
        said: list[str] = []
        routes = [
            await room.place_route(),
            await room.route("open orders", room.open_ids),
            await room.route("account", lambda: room.connector.fetch_account(room.instrument)),
        ]

        for reply in (Reply(status=500), Reply(status=403, body="no"), Reply(body="<html>"), Reply(cut_at=1)):
            for route in routes:
                if not route.is_socket:
                    room.fault(route, "body", when="after", arg=reply)

            outcomes = await room.place(room.order())
            said += [repr(outcomes)]

            for ask in (room.open_ids, lambda: room.connector.fetch_account(room.instrument)):
                try:
                    said += [repr(await ask())]
                except PerpmakerError as error:
                    said += ["".join(traceback.format_exception(error)), repr(error), str(error)]

        heard = await room.listen(Channel.ACCOUNT)
        await room.rest()
        await room.settle()
        said += [repr(heard), repr(heard.error)]

        return said


@contextmanager
def _logged() -> Iterator[list[str]]:
    """Collect what is logged, by whichever library."""
    lines: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    root, collector = logging.getLogger(), Collector(logging.DEBUG)
    level = root.level
    root.addHandler(collector)
    root.setLevel(logging.DEBUG)

    try:
        yield lines
    finally:
        root.removeHandler(collector)
        root.setLevel(level)
