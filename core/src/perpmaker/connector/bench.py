"""What experiments are made with: the smallest orders of one market, sent and watched through a connector.

Everything is asked of the venue, and nothing is believed of a stream: an experiment takes seconds, and what counts is
what the venue says afterwards.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from decimal import ROUND_CEILING, Decimal
from typing import TypeVar

import anyio
import attrs

from perpmaker.clock import Clock
from perpmaker.connector.abilities import PriceReading, VenueStops
from perpmaker.connector.interface import CancelOrder, DerivativeConnector
from perpmaker.connector.probing import InconclusiveError
from perpmaker.model.client_id import ClientIds
from perpmaker.model.event import BookSnapshot, Channel
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import (
    Fill,
    NewOrder,
    OrderKind,
    OrderReport,
    OrderType,
    PositionMode,
    PositionSide,
    Side,
    Slot,
    StopTrigger,
)
from perpmaker.model.outcome import Outcome, Rejected
from perpmaker.model.refusal import RefusalReason

POLL_S = 0.5
"""How often the venue is asked whether something has happened."""

RATE_PAUSE_S = 5.0
"""How long at least nothing is sent after the venue, or our own budget of requests, has asked for a pause."""

LATELY_MS = 600_000

SHOWN_WITHIN_S = 10.0
"""By when the venue shows what became of a command."""

_ROOM = Decimal("1.25")
"""How much more than the smallest notional is bought, so that a moving price does not fall below it."""

_Seen = TypeVar("_Seen")


@attrs.define
class Bench:
    """One market, found without position and orders, and what is done there with the smallest amounts.

    `mode` is the account's position mode, which is left as it is; in Hedge the long position is used. `ids`
    are those of experiments alone, so that what an earlier probe left is known.
    """

    connector: DerivativeConnector
    instrument: Instrument
    ids: ClientIds
    mode: PositionMode
    clock: Clock
    _venue_ids: dict[str, str] = attrs.field(factory=dict, init=False)

    @property
    def position_side(self) -> PositionSide:
        """The position that is opened."""
        return PositionSide.NET if self.mode is PositionMode.ONE_WAY else PositionSide.LONG

    @property
    def stops(self) -> VenueStops:
        """The connector, where it keeps stops. InconclusiveError where it does not."""
        if not isinstance(self.connector, VenueStops):
            raise InconclusiveError(f"{self.connector.name} keeps no stops")

        return self.connector

    # --- prices and amounts -------------------------------------------------------------------------------------------

    async def mark(self) -> Decimal:
        """Return the mark price of now, in quote. InconclusiveError where the venue tells none."""
        if isinstance(self.connector, PriceReading):
            for _ in range(round(SHOWN_WITHIN_S / POLL_S)):
                if (mark := await self.connector.fetch_mark(self.instrument)) is not None:
                    return mark.mark

                await anyio.sleep(POLL_S)

        raise InconclusiveError("the venue tells no mark price of now")

    async def best(self) -> tuple[int, int]:
        """Return the best bid and ask of the book of now, in ticks.

        InconclusiveError where the venue shows none in time.
        """
        with anyio.move_on_after(SHOWN_WITHIN_S):
            for feed in self.connector.feeds(self.instrument):
                if Channel.BOOK in feed.channels:
                    async with feed.open() as receiver:
                        while True:
                            for event in await receiver.receive():
                                if isinstance(event, BookSnapshot) and event.bids and event.asks:
                                    return max(ticks for ticks, _ in event.bids), min(ticks for ticks, _ in event.asks)

        raise InconclusiveError("the venue shows no book with two sides")

    async def ticks(self, percent: Decimal | int) -> int:
        """Return the price so many percent above the mark (below it where negative), in ticks."""
        return self.instrument.ticks_down(await self.mark() * (1 + Decimal(percent) / 100))

    async def least_lots(self) -> int:
        """Return the smallest amount that the market takes, with some room for a price that moves."""
        instrument = self.instrument
        least = max(instrument.min_amount, instrument.lot, instrument.min_notional * _ROOM / await self.mark())

        return int((least / instrument.lot).to_integral_value(ROUND_CEILING))

    async def held_lots(self) -> int:
        """Return the position that the venue shows, in lots. Negative for a short one."""
        account = await self.connector.fetch_account(self.instrument)

        return sum(self.instrument.lots_down(one.amount) for one in account.positions if one.side is self.position_side)

    # --- orders -------------------------------------------------------------------------------------------------------

    def order(
        self,
        kind: OrderKind,
        side: Side,
        lots: int,
        *,
        type: OrderType,  # noqa: A002  # as the order's own field
        ticks: int | None = None,
    ) -> NewOrder:
        """Return an order with an id of its own.

        One that closes is reduce-only, and a stop is fired by the mark.
        """
        return NewOrder(
            client_id=self.ids.next(),
            slot=Slot(kind, side, position_side=self.position_side),
            lots=lots,
            ticks=ticks,
            type=type,
            reduce_only=kind.is_exit,
            trigger=StopTrigger.MARK,
        )

    async def send(self, order: NewOrder) -> Outcome:
        """Send an order, a stop among them, and return what the venue answered. A spent budget is waited for."""
        is_stop = order.type is OrderType.VENUE_STOP
        send = self.stops.place_stops if is_stop else self.connector.place

        while True:
            (outcome,) = await send(self.instrument, [order])

            if not isinstance(outcome, Rejected) or outcome.refusal.reason is not RefusalReason.RATE_LIMIT:
                return outcome

            await anyio.sleep(max(outcome.refusal.retry_after_s, RATE_PAUSE_S))

    async def place(self, order: NewOrder) -> OrderReport:
        """Send an order and return it as the venue shows it then.

        InconclusiveError where it is refused or lost.
        """
        outcome = await self.send(order)

        if isinstance(outcome, Rejected):
            raise InconclusiveError(f"{_words(order)} was refused: {refusal_words(outcome)}")

        report = await self.until(lambda: self.look(order), lambda seen: seen is not None)

        if report is None:
            raise InconclusiveError(f"{_words(order)} was sent, and the venue does not show it")

        return report

    async def look(self, order: NewOrder) -> OrderReport | None:
        """The order as the venue shows it now; None where it shows none."""
        is_stop = order.type is OrderType.VENUE_STOP
        ask = self.stops.fetch_stop if is_stop else self.connector.fetch_order
        report = await ask(self.instrument, order.client_id, self._venue_ids.get(order.client_id))

        if report is not None:
            self._venue_ids[order.client_id] = report.venue_id

        return report

    async def rests(self, order: NewOrder) -> bool:
        """Return whether the order rests, by the venue's list of what is open."""
        ask = self.stops.fetch_open_stops if order.type is OrderType.VENUE_STOP else self.connector.fetch_open_orders

        return any(report.client_id == order.client_id for report in await ask(self.instrument))

    async def goes(self, order: NewOrder, within_s: float) -> bool:
        """Return whether an order that rests stops doing so within so many seconds."""
        return not await self.until(lambda: self.rests(order), lambda rests: not rests, within_s)

    async def fills(self) -> Sequence[Fill]:
        """The fills of the last minutes, oldest first."""
        return await self.connector.fetch_fills(self.instrument, self.clock.utc_ms() - LATELY_MS)

    async def until(
        self,
        ask: Callable[[], Awaitable[_Seen]],
        is_so: Callable[[_Seen], bool],
        within_s: float = SHOWN_WITHIN_S,
    ) -> _Seen:
        """Ask again and again until the answer is so or the time is over. The last answer."""
        until = anyio.current_time() + within_s

        while True:
            answer = await ask()

            if is_so(answer) or anyio.current_time() >= until:
                return answer

            await anyio.sleep(POLL_S)

    # --- the position -------------------------------------------------------------------------------------------------

    async def enter(self) -> int:
        """Buy the smallest amount at market and return the position in lots, once the venue shows it."""
        lots = await self.least_lots()
        await self.place(self.order(OrderKind.QUOTE, Side.BUY, lots, type=OrderType.MARKET))
        held = await self.until(self.held_lots, lambda held: held > 0)

        if held <= 0:
            raise InconclusiveError(f"bought {self.instrument.amount(lots)} at market, and the venue shows no position")

        return held

    async def leave(self) -> None:
        """Close the position at market, and wait until the venue shows none."""
        held = await self.held_lots()

        if held:
            side = Side.SELL if held > 0 else Side.BUY
            await self.send(self.order(OrderKind.CLOSE, side, abs(held), type=OrderType.MARKET))
            held = await self.until(self.held_lots, lambda held: not held)

        if held:
            raise InconclusiveError(f"a position of {self.instrument.amount(held)} could not be closed")

    async def remains(self) -> Sequence[str]:
        """Return what the venue shows of open orders, stops and positions of the market, in words.

        None: it is empty.
        """
        open_orders = await self.connector.fetch_open_orders(self.instrument)
        has_stops = isinstance(self.connector, VenueStops)
        stops = await self.stops.fetch_open_stops(self.instrument) if has_stops else ()
        held = await self.held_lots()
        position = [f"a position of {self.instrument.amount(held)} {self.instrument.base}"] if held else []

        orders = [f"order {one.client_id}" for one in open_orders]

        return [*orders, *(f"stop {one.client_id}" for one in stops), *position]

    async def clean(self) -> Sequence[str]:
        """Take off what experiments have sent and close the position, in several tries.

        What is left then, in words.
        """
        left: Sequence[str] = ()

        for _ in range(3):
            await self.cancel_all()

            try:
                await self.leave()
            except InconclusiveError as error:
                left = [str(error)]
                continue

            left = await self.until(self.remains, lambda remains: not remains)

            if not left:
                break

        return left

    async def cancel_all(self) -> None:
        """Cancel every order and stop of experiments, also those of a probe that died."""
        resting = [one for one in await self.connector.fetch_open_orders(self.instrument) if self._is_ours(one)]

        if resting:
            await self.connector.cancel(self.instrument, [_cancel(one) for one in resting])

        if isinstance(self.connector, VenueStops):
            stops = await self.stops.fetch_open_stops(self.instrument)
            ours = [one for one in stops if one.of_position or self._is_ours(one)]

            if ours:
                await self.connector.cancel_stops(self.instrument, [_cancel(one) for one in ours])

    def _is_ours(self, report: OrderReport) -> bool:
        """Whether an order is of an experiment, of this probe or of one that died."""
        return self.ids.is_ours(report.client_id)


def _cancel(report: OrderReport) -> CancelOrder:
    return CancelOrder(client_id=report.client_id, venue_id=report.venue_id)


def refusal_words(refused: Rejected) -> str:
    """Return what the venue said when it refused."""
    return f"{refused.refusal.code} {refused.refusal.text}".strip() or refused.refusal.reason.value


def _words(order: NewOrder) -> str:
    return f"{order.slot.kind.words} {order.side.value}"
