"""What can be asked about orders and stops, and what an answer proves.

The Indexer shows nothing of an order that it does not know yet, or has forgotten. Only the height of the chain says
that a short-term order cannot come any more, and heights may be ahead of the rows that they are told with.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import anyio
import attrs

from perpmaker import Clock, ConnectivityError, Instrument, OrderReport
from perpmaker.venue import OrderStatus, RestClient, parser

from . import messages, rest
from .account import AccountQuestions
from .chain import BlockClock
from .client_ids import number_of, order_uuid
from .market import Units
from .own_orders import OwnOrder, OwnOrders
from .transactions import CONDITIONAL, LONG_TERM, SHORT_TERM
from .translate import adopt, ended, is_ours, translate_order

_LISTED = "OPEN,BEST_EFFORT_OPENED,BEST_EFFORT_CANCELED,UNTRIGGERED"
"""What may still fill. A stateful order that one node has dropped is still in the chain's state."""

_SAME_S = 0.005
"""Seconds within which two questions are of the same moment."""

_CONDITIONAL_FLAGS, _PLAIN_FLAGS = (CONDITIONAL,), (SHORT_TERM, LONG_TERM)


Listed: TypeAlias = list[tuple[messages.Order, OrderReport]]


@attrs.define
class _Reading:
    """A list that is being asked for, since a moment of the engine's clock; None where it failed."""

    symbol: str
    at: float
    done: anyio.Event = attrs.field(factory=anyio.Event)
    rows: Listed | None = None

    def is_for(self, symbol: str, now: float) -> bool:
        """Whether a question of now is the same, and this one is not answered yet."""
        return self.symbol == symbol and now - self.at <= _SAME_S and not self.done.is_set()


@attrs.define(kw_only=True)
class OrderQuestions:
    """Asks about orders of a market. `patience_s` is how long a height may be waited for.

    Orders and stops are in one list of the Indexer: who asks for both at the same moment shares the answer.
    """

    client: RestClient
    account: AccountQuestions
    blocks: BlockClock
    clock: Clock
    units: dict[str, Units]
    subaccount: str
    patience_s: float
    _reading: _Reading | None = attrs.field(default=None, init=False)

    @property
    def own(self) -> OwnOrders:
        """The orders of this process."""
        return self.account.own

    # --- orders -------------------------------------------------------------------------------------------------------

    async def fetch_order(self, instrument: Instrument, client_id: str, venue_id: str | None) -> OrderReport | None:
        """Ask what the venue knows of an order; None where it knows none, or nothing that is certain yet."""
        own = self.own.first(client_id)

        for uuid in self._names(instrument, client_id, venue_id, _PLAIN_FLAGS):
            if (report := await self._ask(instrument, uuid)) is not None:
                return report

        if own is None or own.is_over or not own.last_block or self.clock.now() < own.fence_at:
            return None

        # The fence of our clock is past. That of the chain has to be as well, and the Indexer is asked once more.
        await self.blocks.pass_height(own.last_block + 1, patience_s=self.patience_s)
        await self._see_passed(own.last_block + 1)
        await anyio.sleep(self.account.read_lag_s)

        return await self._ask(instrument, own.venue_id)

    async def fetch_open_orders(self, instrument: Instrument) -> Sequence[OrderReport]:
        """Ask for all orders that may rest, those that wait for a trigger left out."""
        rows = await self._open_rows(instrument)

        return [report for row, report in rows if row.order_flags != CONDITIONAL]

    # --- stops --------------------------------------------------------------------------------------------------------

    async def fetch_stop(
        self, instrument: Instrument, client_id: str, venue_id: str | None = None
    ) -> OrderReport | None:
        """Ask what the venue knows of a stop: it is there as long as one of its two orders is."""
        names = self._names(instrument, client_id, venue_id, _CONDITIONAL_FLAGS)
        found = [report for uuid in names if (report := await self._ask(instrument, uuid)) is not None]
        is_open = [report for report in found if report.status is OrderStatus.OPEN]
        is_fired = any(report.triggered for report in found)

        for report in (*is_open, *found):
            return attrs.evolve(report, client_id=client_id, triggered=is_fired)

        return None

    async def fetch_open_stops(self, instrument: Instrument) -> Sequence[OrderReport]:
        """Ask for all stops that wait or work, each once."""
        rows = [(row, report) for row, report in await self._open_rows(instrument) if row.order_flags == CONDITIONAL]
        rows.sort(key=lambda pair: pair[0].client_id, reverse=True)

        return list({report.client_id: report for _, report in rows}.values())

    # --- parts --------------------------------------------------------------------------------------------------------

    def _names(
        self, instrument: Instrument, client_id: str, venue_id: str | None, flags: Sequence[int]
    ) -> Sequence[str]:
        """Return the Indexer's ids that an order may have."""
        if own := self.own.of(client_id):
            return [order.venue_id for order in own]

        if venue_id is not None:
            return [venue_id]

        pair = self.units[instrument.symbol].clob_pair

        return [order_uuid(self.subaccount, number_of(client_id), pair, each) for each in flags]

    async def _ask(self, instrument: Instrument, uuid: str) -> OrderReport | None:
        row = await self.client.find(rest.at(rest.ORDER, id=uuid))

        return None if row is None else self._certain(row, instrument, self._asked_ms())

    async def _open_rows(self, instrument: Instrument) -> Listed:
        now, reading = self.clock.now(), self._reading

        if reading is not None and reading.is_for(instrument.symbol, now):
            await reading.done.wait()

            if reading.rows is not None:
                return reading.rows

        reading = self._reading = _Reading(instrument.symbol, now)

        try:
            reading.rows = await self._ask_open_rows(instrument)
        finally:
            reading.done.set()

        return reading.rows

    async def _ask_open_rows(self, instrument: Instrument) -> Listed:
        at_ms = self._asked_ms()
        asked = {**self.account.of_account, "ticker": instrument.symbol, "status": _LISTED, "limit": rest.PAGE}
        listed = await self.client.read(rest.ORDERS, {**asked, "returnLatestOrders": "true"})
        reader = self.account.reader
        rows = reader.read(listed, parser(messages.Order), "orders", market=instrument.symbol, is_needed=is_ours)

        return list(self._certainly_open(rows, instrument, at_ms))

    def _certainly_open(
        self, rows: Iterator[messages.Order], instrument: Instrument, at_ms: int
    ) -> Iterator[tuple[messages.Order, OrderReport]]:
        for row in rows:
            report = self._certain(row, instrument, at_ms)

            if report is not None and report.status in {OrderStatus.OPEN, None}:
                yield row, report

    def _certain(self, row: messages.Order, instrument: Instrument, at_ms: int) -> OrderReport | None:
        """Return what is certain of an order; None where it is on its way out, and its height is not past."""
        own = adopt(row, instrument, self.own)
        report = translate_order(row, instrument, own, at_ms)

        if own is None or not own.is_short or report.status in {OrderStatus.FILLED, OrderStatus.CANCELLED}:
            return None if report.status is OrderStatus.CANCELLING else report

        own.filled = max(own.filled, instrument.amount(report.filled_lots))

        if own.is_over or self._is_past(own):
            own.is_over = True

            return ended(own, instrument, at_ms, by_venue=not own.is_leaving)

        return None if report.status is OrderStatus.CANCELLING else report

    async def _see_passed(self, height: int) -> None:
        """See that the Indexer has come so far too; ConnectivityError where it has not."""
        found = (await self.client.read(rest.HEIGHT)).height or 0

        if found <= height:
            raise ConnectivityError(
                f"the Indexer is at block {found}, and has to pass {height} to tell what became of it"
            )

    def _is_past(self, own: OwnOrder) -> bool:
        return self.blocks.is_fresh and self.blocks.shown > own.ends_at + 1

    def _asked_ms(self) -> int:
        """Return the venue's time that an answer is not older than."""
        return self.client.server_clock.ms() - round(self.account.read_lag_s * 1000)
