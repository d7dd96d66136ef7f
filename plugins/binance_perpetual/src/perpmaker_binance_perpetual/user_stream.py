"""The account's stream: orders, fills, positions, balances and funding, for as long as its key is renewed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager

import anyio
import attrs

from perpmaker.connector.interface import EventReceiver
from perpmaker.connector.payload import PayloadDecoder
from perpmaker.errors import ConnectivityError, PayloadError, RefusedError, VenueError
from perpmaker.model.event import Channel, Event, OrderFilled, OrderReported, SettingsReported
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import OrderReport, PositionMode
from perpmaker.model.position import VenueSettings
from perpmaker.venue import Messages, StreamFeed, Tolerance
from perpmaker.wire.websocket import WebSocket, open_websocket
from perpmaker_binance_perpetual.account import translate_account_update, translate_margin_call
from perpmaker_binance_perpetual.refusals import LISTEN_KEY_GONE
from perpmaker_binance_perpetual.rows import RowReader
from perpmaker_binance_perpetual.stop_messages import ConditionalUpdate
from perpmaker_binance_perpetual.stops import StopNames, translate_stop_update
from perpmaker_binance_perpetual.stream_event import read_event
from perpmaker_binance_perpetual.streams import STREAM_NAME, StreamAccess, open_connections
from perpmaker_binance_perpetual.translate import translate_order_update
from perpmaker_binance_perpetual.user_messages import AccountConfigUpdate, OrderTradeUpdate
from perpmaker_binance_perpetual.user_rows import UserRows

_ORDER_TRADE_UPDATE = PayloadDecoder(OrderTradeUpdate)
_ACCOUNT_CONFIG_UPDATE = PayloadDecoder(AccountConfigUpdate)
_CONDITIONAL_UPDATE = PayloadDecoder(ConditionalUpdate)

_RENEWAL_S = 20 * 60.0
"""A third of the hour that a key lives."""

_RETRY_S = 30.0
_MOST_RETRIES = 10
_CLOCK_S = 4 * 60.0
_PATIENCE_S = 2.0
"""What a chore may take: private events wait in the socket meanwhile."""

_ORDERS = frozenset({"ORDER_TRADE_UPDATE", "ALGO_UPDATE"})
_OWNED = _ORDERS | {"ACCOUNT_CONFIG_UPDATE"}
"""Events about an order, or about a market: those of other markets are not looked into."""

_ELSEWHERE = frozenset({"TRADE_LITE", "STRATEGY_UPDATE", "GRID_UPDATE"})
"""Events that say nothing beyond what the others say, or nothing about what this program places."""


@attrs.frozen(kw_only=True)
class AccountView:
    """What the stream's translation needs to know of the account, and whom to tell of an order's two names.

    `stops` knows which orders our stops became, `reader` counts what is not ours and cannot be read.
    """

    settings: Callable[[], VenueSettings | None]
    remember: Callable[[OrderReport], object]
    stops: StopNames = attrs.field(factory=StopNames)
    reader: RowReader = attrs.field(factory=RowReader)


def account_feed(access: StreamAccess, instrument: Instrument, account: AccountView) -> StreamFeed:
    """Everything that happens to the account on this market. Silence means nothing here."""

    @asynccontextmanager
    async def opener() -> AsyncIterator[EventReceiver]:
        async with open_connections(access, lambda: _connect(access)) as socket:
            yield AccountReceiver(socket, access, instrument, account)

    return StreamFeed(channels=frozenset({Channel.ACCOUNT}), stall_s=None, opener=opener)


@asynccontextmanager
async def _connect(access: StreamAccess) -> AsyncIterator[WebSocket]:
    """A connection under the account's key, which is made, or renewed, for it."""
    key = await access.rest.create_listen_key()

    async with open_websocket(access.connect, f"{access.url}/private/ws?listenKey={key}") as socket:
        yield socket


class AccountReceiver:
    """Account events. What cannot be understood ends the stream: it may have been a fill, and a resync finds it."""

    def __init__(self, socket: Messages, access: StreamAccess, instrument: Instrument, account: AccountView) -> None:
        self.tolerance = Tolerance(access.clock, most=0, stream=STREAM_NAME)
        self._socket = socket
        self._rest = access.rest
        self._clock = clock = access.clock
        self._instrument = instrument
        self._account = account
        self._renew_at = clock.now() + _RENEWAL_S
        self._measure_at = clock.now() + _CLOCK_S
        self._failed_renewals = 0
        self._rows = UserRows(instrument.symbol, account.reader)
        self._translators: Mapping[str, Callable[[str | bytes], Iterable[Event]]] = {
            "ORDER_TRADE_UPDATE": self._translate_order,
            "ALGO_UPDATE": self._translate_stop,
            "ACCOUNT_UPDATE": self._translate_account,
            "ACCOUNT_CONFIG_UPDATE": self._translate_config,
            "MARGIN_CALL": self._translate_call,
        }

    async def receive(self) -> Sequence[Event]:
        """The next events, at least one; keeps the stream's key and the clock fresh meanwhile."""
        while True:
            with anyio.move_on_after(min(self._renew_at, self._measure_at) - self._clock.now()):
                events = self._take(await self._socket.receive())

                if events:
                    return events

            await self._do_chores()

    async def _do_chores(self) -> None:
        now = self._clock.now()

        if now >= self._renew_at:
            await self._renew()

        if now >= self._measure_at:
            self._measure_at = now + _CLOCK_S

            with anyio.move_on_after(_PATIENCE_S):
                await self._measure()

    async def _measure(self) -> None:
        try:
            await self._rest.sync_clock()
        except (VenueError, PayloadError):
            self._measure_at = self._clock.now() + _RETRY_S  # the last measurement still stands

    async def _renew(self) -> None:
        """Renew the key; one that is gone, or cannot be renewed in time, ends the stream."""
        self._renew_at = self._clock.now() + _RETRY_S

        try:
            with anyio.fail_after(_PATIENCE_S):
                await self._rest.renew_listen_key()
        except RefusedError as error:
            if error.code == str(LISTEN_KEY_GONE):
                raise ConnectivityError("the key of Binance's user stream is gone") from None

            self._count_failed_renewal()
        except (ConnectivityError, TimeoutError):
            self._count_failed_renewal()
        else:
            self._failed_renewals = 0
            self._renew_at = self._clock.now() + _RENEWAL_S

    def _count_failed_renewal(self) -> None:
        self._failed_renewals += 1

        if self._failed_renewals > _MOST_RETRIES:
            raise ConnectivityError("the key of Binance's user stream could not be renewed") from None

    def _take(self, message: str | bytes) -> Sequence[Event]:
        try:
            return tuple(self._translate(message))
        except PayloadError as error:
            self._leave_out(message, error)

        return ()

    def _leave_out(self, message: str | bytes, error: PayloadError) -> None:
        """Leave out what is not ours; ours, or what is no event at all, ends the stream."""
        try:
            name = read_event(message)

            if name in _ORDERS:
                self._rows.skip(message, name)
                return
        except PayloadError:
            pass

        self.tolerance.bear(error)

    def _translate(self, message: str | bytes) -> Iterable[Event]:
        name = read_event(message)

        if name == "listenKeyExpired":
            raise ConnectivityError("the key of Binance's user stream has expired")

        translate = self._translators.get(name)

        if translate is None:
            if name not in _ELSEWHERE:
                self.tolerance.note(name)

            return ()

        return () if name in _OWNED and not self._rows.is_ours(message) else translate(message)

    def _translate_account(self, message: str | bytes) -> Iterable[Event]:
        update = self._rows.account_update(message)

        return () if update is None else translate_account_update(update, self._instrument, self._mode())

    def _translate_call(self, message: str | bytes) -> Iterable[Event]:
        call = self._rows.margin_call(message)

        return () if call is None else translate_margin_call(call, self._instrument, self._account.settings())

    def _translate_order(self, message: str | bytes) -> Iterable[Event]:
        update = _ORDER_TRADE_UPDATE.decode(message).o
        events = tuple(translate_order_update(update, self._instrument))
        stop = self._account.stops.origin(update, self._instrument)

        if stop is not None:  # what became of the stop itself comes as ALGO_UPDATE; its fills come only here
            fills = (event.fill for event in events if isinstance(event, OrderFilled))

            return tuple(OrderFilled(fill=attrs.evolve(fill, client_id=stop)) for fill in fills)

        for event in events:
            if isinstance(event, OrderReported):
                self._account.remember(event.report)

        return events

    def _translate_stop(self, message: str | bytes) -> Iterable[Event]:
        update = _CONDITIONAL_UPDATE.decode(message)
        report = translate_stop_update(update.o, self._instrument, update.T)
        self._account.stops.tell(update.o.caid, None if update.o.ai is None else str(update.o.ai))

        return (OrderReported(report=report, by_stream=True),)

    def _translate_config(self, message: str | bytes) -> Iterable[Event]:
        change = _ACCOUNT_CONFIG_UPDATE.decode(message).ac
        known = self._account.settings()

        if change is None or known is None:
            return ()

        return (SettingsReported(settings=attrs.evolve(known, leverage=change.l)),)

    def _mode(self) -> PositionMode:
        settings = self._account.settings()

        return PositionMode.ONE_WAY if settings is None else settings.position_mode
