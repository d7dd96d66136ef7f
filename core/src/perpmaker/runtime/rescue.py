"""The stops of an end without the trader: placed directly through the connector, from what the venue shows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress

import anyio
import attrs

from perpmaker.connector.abilities import VenueStops
from perpmaker.decision.trader import Trader
from perpmaker.errors import JournalError
from perpmaker.execution.action import Place
from perpmaker.execution.dispatch import Dispatcher
from perpmaker.exits.last_stop import LastStop
from perpmaker.journal.journal import Journal
from perpmaker.journal.order_intents import OrderIntents
from perpmaker.journal.step import Step
from perpmaker.model.order import NewOrder, OrderReport, OrderType
from perpmaker.model.position import Position, open_positions
from perpmaker.runtime.left_behind import held
from perpmaker.runtime.pauses import Pauses
from perpmaker.runtime.reconciliation import Reconciliation

RESCUE_S = 10.0
"""Seconds for leaving stops on the venue when the trader has failed."""

UNREAD = "the positions could not be read: what protects them is unknown"
"""What is left to say where the venue has answered nothing."""

RESCUE_RETRY_S = 0.5
"""Seconds until a stop that the venue does not show is sent again."""


@attrs.frozen(kw_only=True)
class Rescue:
    """Leaves a stop for every open position. `last_stop` makes them; None where the venue keeps none.

    `to_close`: a person wanted no position to be left.
    """

    trader: Trader
    reconciliation: Reconciliation
    dispatcher: Dispatcher
    known: OrderIntents
    journal: Journal
    last_stop: LastStop | None
    to_close: bool = False

    async def leave_stops(self) -> str | None:
        """See to it that the stop of each open position rests at its level: what is not so, in words."""
        clock, left = self.reconciliation.clock, UNREAD
        until, sent_at = clock.now() + RESCUE_S, float("-inf")
        pause = Pauses(longest_s=RESCUE_RETRY_S)

        with anyio.move_on_after(RESCUE_S):
            while True:
                try:
                    account = await self.reconciliation.account()
                    reports = await self.reconciliation.open_orders()
                except Exception:  # noqa: BLE001  # the declared seam to plugins: what cannot be read is read again
                    await pause.wait()
                    continue

                open_ = open_positions(account.positions, self.reconciliation.instrument)
                left = self._words(open_, reports)
                orders = list(self._lacking(open_, reports))

                if not orders or clock.now() >= until:
                    break

                if clock.now() >= sent_at + RESCUE_RETRY_S:
                    sent_at = clock.now()
                    await self._send(orders)
                else:
                    await pause.wait()

        return left or None

    def _words(self, positions: Iterable[Position], reports: Sequence[OrderReport]) -> str:
        """The positions that are open although a stop is set, and fired, or is not there, or not at its own level."""
        if self.last_stop is None or self.last_stop.settings.stop_loss_spread is None:
            return ""

        words = []

        for position in positions:
            name = held(position, self.reconciliation.instrument)
            resting = self._resting(position, reports)
            wanted = self._wanted(position, "")

            if not resting:
                words.append(f"{name} is open without a stop on the venue")
            elif self.to_close:
                words.append(f"{name} is open although it was to be closed; a stop rests on the venue")
            elif position.side in self.trader.fired:
                words.append(f"{name} is open, its stop has fired and is not through; a stop rests on the venue")
            elif wanted is not None and not any(_is_as_near(one, wanted) for one in resting):
                words.append(f"{name} is open, and no stop for all of it rests at its own level")

        return "; ".join(words)

    def _lacking(self, positions: Iterable[Position], reports: Sequence[OrderReport]) -> Iterable[NewOrder]:
        """The stops that do not rest yet where they belong.

        Where one rests further out, as a backstop does, one of the position's size is placed beside it.
        """
        if self.last_stop is None or not isinstance(self.reconciliation.connector, VenueStops):
            return

        for position in positions:
            resting = self._resting(position, reports)
            beside = [one for one in reports if _closes_with_others(one, position)]
            wanted = self._wanted(position, self.known.client_ids.next())

            if wanted is None or any(_is_as_near(one, wanted) for one in resting):
                continue

            yield attrs.evolve(wanted, whole=wanted.whole and not any(one.whole for one in (*resting, *beside)))

    def _wanted(self, position: Position, client_id: str) -> NewOrder | None:
        """The stop of a position at its own level; None where none is set."""
        if self.last_stop is None:
            return None

        market = self.trader.state.market

        return self.last_stop.order(position, client_id, market.mark, market.last_trade)

    def _resting(self, position: Position, reports: Iterable[OrderReport]) -> list[OrderReport]:
        """Our stops of a position on the venue, and its own stop there, whoever has set it."""
        is_ours = self.known.client_ids.is_ours

        return [
            one
            for one in reports
            if one.type is OrderType.VENUE_STOP
            and one.position_side is position.side
            and (one.side.sign < 0) is (position.amount > 0)
            and (one.of_position or is_ours(one.client_id))
        ]

    async def _send(self, orders: Sequence[NewOrder]) -> None:
        """Send them, recorded where that is still possible."""
        clock, places = self.reconciliation.clock, [Place(order=order) for order in orders]

        for order in orders:
            self.known.remember(order)

        with suppress(JournalError):
            self.journal.record_step(Step(at=clock.now(), events=(), actions=places, notices=()), clock.utc_ms())

        await self.dispatcher.dispatch(places)


def _closes_with_others(report: OrderReport, position: Position) -> bool:
    """Whether a stop, whoever placed it, closes this position, so that the venue may take no second such one."""
    is_stop = report.type is OrderType.VENUE_STOP and report.position_side is position.side

    return is_stop and (report.side.sign < 0) is (position.amount > 0)


def _is_as_near(report: OrderReport, wanted: NewOrder) -> bool:
    """Whether a stop closes all that the wanted one does, no later than that; an unknown amount proves nothing."""
    sells = report.side.sign < 0
    is_near = (
        report.ticks is not None
        and wanted.ticks is not None
        and (report.ticks >= wanted.ticks if sells else report.ticks <= wanted.ticks)
    )

    covers = report.whole or (report.lots is not None and report.lots - report.filled_lots >= wanted.lots)

    return is_near and covers
