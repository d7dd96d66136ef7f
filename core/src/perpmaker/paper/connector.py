"""A connector whose market is the venue's and whose account is simulated: nothing is ever sent that would trade."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from decimal import Decimal
from typing import Any, TypeVar

import anyio
import anyio.lowlevel
import attrs

from perpmaker.clock import Clock
from perpmaker.connector.interface import AmendOrder, CancelOrder, ConnectorContext, DerivativeConnector, Feed
from perpmaker.errors import RefusedError
from perpmaker.model.account import AccountSnapshot
from perpmaker.model.event import Channel
from perpmaker.model.income import IncomeRecord
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import Fill, NewOrder, OrderReport, PositionMode
from perpmaker.model.outcome import Accepted, Outcome, Rejected
from perpmaker.model.position import MarginMode, VenueSettings
from perpmaker.paper.feed import AccountFeed, PublicFeed
from perpmaker.paper.translation import (
    account_of,
    fill_of,
    income_of,
    report_of,
    request_of,
    settings_of,
    stop_report_of,
    stop_request_of,
)
from perpmaker.paper.venue import ACCOUNT, PaperVenue
from perpmaker.plugins.declarations import DerivativeConnectorDeclaration
from perpmaker.simulation.order import ConditionalOrder
from perpmaker.simulation.rejection import RejectionError
from perpmaker.simulation.statement import AccountState

_Asked = TypeVar("_Asked", NewOrder, AmendOrder, CancelOrder)


def paper_declaration(
    declaration: DerivativeConnectorDeclaration[Any], balance: Decimal, *, order_latency_ms: int = 0
) -> DerivativeConnectorDeclaration[Any]:
    """The same venue, on paper: it is opened for its public data, and the account starts with so much quote asset."""

    @asynccontextmanager
    async def open_on_paper(settings: object, context: ConnectorContext) -> AsyncIterator[DerivativeConnector]:
        async with declaration.open(settings, context) as venue:
            yield PaperConnector(venue, balance=balance, clock=context.clock, order_latency_ms=order_latency_ms)

    opened: Callable[[Any, ConnectorContext], AbstractAsyncContextManager[DerivativeConnector]] = open_on_paper

    return attrs.evolve(declaration, open=opened)


class PaperConnector:
    """See `perpmaker.connector.interface.DerivativeConnector`. Of the venue only rules and public streams are used.

    The account lives and ends with this object, and so does its name: no journal of an earlier one is met again.
    Commands are under way for `order_latency_ms`, and their outcome is always known: one that is given up meanwhile
    never arrives.
    """

    fence_s = 0.0

    caps_resting_exits = True

    allows_two_stops = True

    sizes_stops = False

    names_stops = True

    def __init__(
        self, venue: DerivativeConnector, *, balance: Decimal, clock: Clock, order_latency_ms: int = 0
    ) -> None:
        self.name = venue.name
        self.account = f"{ACCOUNT}-{clock.utc_ms()}"
        self._public = venue
        self._balance = balance
        self._clock = clock
        self._latency_s = order_latency_ms / 1000
        self._under_way: deque[object] = deque()
        self._venue: PaperVenue | None = None

    async def fetch_instrument(self, market: str) -> Instrument:
        """The venue's rules; asked for the first time they make the exchange."""
        instrument = await self._public.fetch_instrument(market)

        if self._venue is None:
            self._venue = PaperVenue(instrument, self._balance, self._clock)

        return instrument

    async def prepare(
        self, instrument: Instrument, leverage: int, position_mode: PositionMode, margin_mode: MarginMode | None
    ) -> VenueSettings:
        """Set what differs and read it all back."""
        venue = self._at(instrument)
        exchange, now_ms = venue.exchange, venue.now_ms()

        try:
            if (state := exchange.account(ACCOUNT)).position_mode is not position_mode:
                exchange.set_position_mode(ACCOUNT, position_mode, now_ms)

            if margin_mode is not None and state.margin_mode is not margin_mode:
                exchange.set_margin_mode(ACCOUNT, margin_mode, now_ms)

            exchange.set_leverage(ACCOUNT, leverage, now_ms)
        except RejectionError as rejected:
            raise RefusedError(str(rejected), code=rejected.rejection.name) from None

        return await self.fetch_settings(instrument)

    async def fetch_settings(self, instrument: Instrument) -> VenueSettings:
        """What the account is set to."""
        return settings_of(self._state(instrument))

    def feeds(self, instrument: Instrument) -> Sequence[Feed]:
        """The venue's public streams, with our orders in them, and the account's."""
        venue = self._at(instrument)
        public = [feed for feed in self._public.feeds(instrument) if feed.channels - {Channel.ACCOUNT}]

        return (*(PublicFeed(inner=feed, venue=venue) for feed in public), AccountFeed(venue=venue))

    # --- commands --------------------------------------------------------------------------------------------------

    async def place(self, instrument: Instrument, orders: Sequence[NewOrder]) -> Sequence[Outcome]:
        """Place orders, one after the other."""
        venue = self._at(instrument)

        def place(order: NewOrder) -> OrderReport:
            return report_of(venue.exchange.place(ACCOUNT, request_of(venue.exchange, order), venue.now_ms()))

        return await self._act(orders, place)

    async def cancel(self, instrument: Instrument, orders: Sequence[CancelOrder]) -> Sequence[Outcome]:
        """Cancel orders, one after the other."""
        venue = self._at(instrument)

        def cancel(order: CancelOrder) -> OrderReport:
            return report_of(venue.exchange.cancel(ACCOUNT, client_id=order.client_id, now_ms=venue.now_ms()))

        return await self._act(orders, cancel)

    async def amend(self, instrument: Instrument, orders: Sequence[AmendOrder]) -> Sequence[Outcome]:
        """Move resting orders, one after the other; each loses its place in the queue."""
        venue = self._at(instrument)

        def amend(asked: AmendOrder) -> OrderReport:
            order = asked.order
            moved = venue.exchange.amend(
                ACCOUNT,
                client_id=order.client_id,
                price=instrument.price(order.ticks or 0),
                amount=instrument.amount(order.lots),
                now_ms=venue.now_ms(),
                amend_id=asked.number,
            )

            return report_of(moved)

        return await self._act(orders, amend)

    async def place_stops(self, instrument: Instrument, orders: Sequence[NewOrder]) -> Sequence[Outcome]:
        """Place stops that fire when mark or last price, as the order says, reaches their trigger."""
        venue = self._at(instrument)

        def place(order: NewOrder) -> OrderReport:
            request = stop_request_of(order, instrument)

            return self._stop_report(venue, venue.exchange.place_conditional(ACCOUNT, request, venue.now_ms()))

        return await self._act(orders, place)

    async def cancel_stops(self, instrument: Instrument, orders: Sequence[CancelOrder]) -> Sequence[Outcome]:
        """Take stops off."""
        venue = self._at(instrument)

        def cancel(order: CancelOrder) -> OrderReport:
            now_ms = venue.now_ms()
            stop = venue.exchange.cancel_conditional(ACCOUNT, client_id=order.client_id, now_ms=now_ms)

            return self._stop_report(venue, stop)

        return await self._act(orders, cancel)

    # --- questions -------------------------------------------------------------------------------------------------

    async def fetch_order(self, instrument: Instrument, client_id: str, venue_id: str | None) -> OrderReport | None:
        """What the exchange knows of an order."""
        del venue_id
        venue = self._at(instrument)
        venue.advance()
        order = venue.exchange.order(ACCOUNT, client_id=client_id)

        return None if order is None else report_of(order)

    async def fetch_open_orders(self, instrument: Instrument) -> Sequence[OrderReport]:
        """All open orders."""
        venue = self._at(instrument)
        venue.advance()

        return [report_of(order) for order in venue.exchange.open_orders(ACCOUNT)]

    async def fetch_stop(self, instrument: Instrument, client_id: str, _: str | None = None) -> OrderReport | None:
        """What the exchange knows of a stop."""
        venue = self._at(instrument)
        venue.advance()
        stop = venue.exchange.conditional(ACCOUNT, client_id=client_id)

        return None if stop is None else self._stop_report(venue, stop)

    async def fetch_open_stops(self, instrument: Instrument) -> Sequence[OrderReport]:
        """All stops that wait."""
        venue = self._at(instrument)
        venue.advance()

        return [self._stop_report(venue, stop) for stop in venue.exchange.conditional_orders(ACCOUNT)]

    async def fetch_fills(self, instrument: Instrument, since_ms: int) -> Sequence[Fill]:
        """All fills from a time on."""
        venue = self._at(instrument)
        venue.advance()

        return [fill_of(venue.exchange, execution) for execution in venue.exchange.executions(ACCOUNT, since_ms)]

    async def fetch_account(self, instrument: Instrument) -> AccountSnapshot:
        """The account as of now; it has one asset."""
        state = self._state(instrument)
        exchange = self._at(instrument).exchange

        return account_of(state, exchange.open_orders(ACCOUNT), instrument, exchange.now_ms)

    async def fetch_income(self, instrument: Instrument, since_ms: int) -> Sequence[IncomeRecord]:
        """Everything that changed the wallet from a time on."""
        venue = self._at(instrument)
        venue.advance()

        return [income_of(income, instrument) for income in venue.exchange.income(ACCOUNT, since_ms)]

    def _state(self, instrument: Instrument) -> AccountState:
        venue = self._at(instrument)
        venue.advance()

        return venue.exchange.account(ACCOUNT)

    def _stop_report(self, venue: PaperVenue, stop: ConditionalOrder) -> OrderReport:
        became = None if stop.order_id is None else venue.exchange.order(ACCOUNT, order_id=stop.order_id)

        return stop_report_of(stop, became)

    async def _act(self, orders: Sequence[_Asked], act: Callable[[_Asked], OrderReport]) -> Sequence[Outcome]:
        """Let the commands arrive, behind all that were sent before, and carry them out one after the other."""
        turn = object()
        self._under_way.append(turn)

        try:
            await anyio.sleep(self._latency_s)

            while self._under_way[0] is not turn:  # of timers that end at one moment, nobody knows which comes first
                await anyio.lowlevel.checkpoint()

            return [_outcome(order, act) for order in orders]
        finally:
            self._under_way.remove(turn)

    def _at(self, instrument: Instrument) -> PaperVenue:
        if self._venue is None or self._venue.instrument.market != instrument.market:
            raise ValueError(f"{instrument.market} is not the market of this paper account")

        return self._venue


def _outcome(order: _Asked, act: Callable[[_Asked], OrderReport]) -> Outcome:
    """What became of a command; the exchange always knows."""
    try:
        report = act(order)
    except RejectionError as rejected:
        return Rejected(client_id=order.client_id, refusal=rejected.refusal)

    return Accepted(client_id=order.client_id, venue_id=report.venue_id, venue_ms=report.venue_ms, report=report)
