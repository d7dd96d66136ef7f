"""Binance's streams as feeds: the book, the market's prices and trades, and the account.

Since 2026-04 the venue has one path for each class: `/public` the book, `/market` mark price and trades, `/private`
the account. Market streams subscribed on another path are acknowledged there and then stay silent.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TypeVar
from urllib.parse import quote

import anyio
import attrs

from perpmaker.clock import Clock
from perpmaker.connector.interface import EventReceiver
from perpmaker.connector.payload import PayloadDecoder
from perpmaker.errors import ConnectivityError, PayloadError, RateLimitedError
from perpmaker.model.event import Channel, Event, FeedAlive
from perpmaker.model.instrument import Instrument
from perpmaker.wire.pipe import Connect
from perpmaker.wire.websocket import open_websocket
from perpmaker_binance_perpetual.book import DepthSync
from perpmaker_binance_perpetual.messages import AggregateTrade, DepthUpdate, MarkPriceUpdate, StreamEvent
from perpmaker_binance_perpetual.rest import Rest
from perpmaker_binance_perpetual.rotation import Messages, open_rotation
from perpmaker_binance_perpetual.translate import translate_mark, translate_trade

T = TypeVar("T")

_STREAM_EVENT = PayloadDecoder(StreamEvent)
_DEPTH_UPDATE = PayloadDecoder(DepthUpdate)
_MARK_PRICE = PayloadDecoder(MarkPriceUpdate)
_AGGREGATE_TRADE = PayloadDecoder(AggregateTrade)

_BOOK_STALL_S = 10.0
_MARK_STALL_S = 5.0
_SNAPSHOT_INTERVAL_S = 1.0
_SHUTDOWN = "serverShutdown"
_MOST_NAMES = 100


class Tolerance:
    """Counts what could not be understood; too much of it in a short time means that the stream is of no use."""

    def __init__(self, clock: Clock, *, most: int, within_s: float = 10.0) -> None:
        self.malformed = 0
        self.unknown: Counter[str] = Counter()
        self._clock = clock
        self._most = most
        self._within_s = within_s
        self._recent: deque[float] = deque()

    def bear(self, error: PayloadError) -> None:
        """A frame was dropped; ConnectivityError when it is one too many."""
        now = self._clock.now()
        self.malformed += 1
        self._recent.append(now)

        while self._recent[0] <= now - self._within_s:
            self._recent.popleft()

        if len(self._recent) > self._most:
            raise ConnectivityError(f"Binance's stream cannot be understood: {error}") from None

    def note(self, name: str) -> None:
        """An event of a name that this version does not know, kept out and counted."""
        if name in self.unknown or len(self.unknown) < _MOST_NAMES:
            self.unknown[name] += 1


def read_event(message: str | bytes) -> str:
    """The name of a streamed event; ConnectivityError when it announces the server's end."""
    event = _STREAM_EVENT.decode(message).e
    name = event if isinstance(event, str) else ""

    if name == _SHUTDOWN:
        raise ConnectivityError("Binance announced that it will close this connection")

    return name


@attrs.frozen(kw_only=True)
class StreamAccess:
    """What every stream needs: the network, the streams' base URL, REST beside it, and time."""

    connect: Connect
    url: str
    rest: Rest
    clock: Clock


@attrs.frozen(kw_only=True)
class StreamFeed:
    """One stream that the connector offers; `opener` connects, subscribes, and yields what is received."""

    channels: frozenset[Channel]
    stall_s: float | None
    opener: Callable[[], AbstractAsyncContextManager[EventReceiver]]

    def open(self) -> AbstractAsyncContextManager[EventReceiver]:
        """Connect and subscribe; what arrives after that is received."""
        return self.opener()


def stream_prefix(instrument: Instrument) -> str:
    """The symbol as the names of its streams begin, in a URL: lower case, and percent-encoded beyond ASCII."""
    return quote(instrument.symbol.lower(), safe="")


def book_feed(access: StreamAccess, instrument: Instrument) -> StreamFeed:
    """The traded book, differences every 100 ms."""

    @asynccontextmanager
    async def opener() -> AsyncIterator[EventReceiver]:
        url = f"{access.url}/public/ws/{stream_prefix(instrument)}@depth@100ms"

        async with open_rotation(lambda: open_websocket(access.connect, url), access.clock) as socket:
            yield BookReceiver(socket, access, instrument)

    return StreamFeed(channels=frozenset({Channel.BOOK}), stall_s=_BOOK_STALL_S, opener=opener)


def market_feed(access: StreamAccess, instrument: Instrument) -> StreamFeed:
    """Mark price every second, and everybody's trades."""

    @asynccontextmanager
    async def opener() -> AsyncIterator[EventReceiver]:
        symbol = stream_prefix(instrument)
        url = f"{access.url}/market/ws/{symbol}@markPrice@1s/{symbol}@aggTrade"

        async with open_rotation(lambda: open_websocket(access.connect, url), access.clock) as socket:
            yield MarketReceiver(socket, access.clock, instrument)

    channels = frozenset({Channel.MARK, Channel.TRADES})

    return StreamFeed(channels=channels, stall_s=_MARK_STALL_S, opener=opener)


class BookReceiver:
    """Book events: a snapshot, then differences without a gap; after a gap the same again on the same socket.

    The socket is open before the snapshot is asked for and keeps what arrives meanwhile, so nothing is missed between.
    """

    def __init__(self, socket: Messages, access: StreamAccess, instrument: Instrument) -> None:
        self.tolerance = Tolerance(access.clock, most=5)
        self._socket = socket
        self._rest = access.rest
        self._clock = access.clock
        self._symbol = instrument.symbol
        self._sync = DepthSync(instrument)
        self._next_snapshot_at = -math.inf

    async def receive(self) -> Sequence[Event]:
        """The next events, at least one; see `EventReceiver`."""
        while True:
            events = await self._step()

            if events:
                return events

    async def _step(self) -> Sequence[Event]:
        if not self._sync.wants_snapshot:
            return self._take(await self._socket.receive())

        wait_s = self._next_snapshot_at - self._clock.now()

        if wait_s <= 0:
            return await self._restore()

        with anyio.move_on_after(wait_s):
            return self._take(await self._socket.receive())

        return ()

    async def _restore(self) -> Sequence[Event]:
        """Ask for a snapshot, at most once a second, later where the venue says so."""
        self._next_snapshot_at = self._clock.now() + _SNAPSHOT_INTERVAL_S

        try:
            return self._sync.restore(await self._rest.depth(self._symbol))
        except RateLimitedError as error:
            self._next_snapshot_at = self._clock.now() + max(_SNAPSHOT_INTERVAL_S, error.retry_after_s)
        except PayloadError as error:
            self.tolerance.bear(error)

        return ()

    def _take(self, message: str | bytes) -> Sequence[Event]:
        try:
            return self._sync.offer(_DEPTH_UPDATE.decode(message))
        except PayloadError as error:
            self._complain(message, error)

        return ()

    def _complain(self, message: str | bytes, error: PayloadError) -> None:
        """What is no difference may still be an event of another kind."""
        try:
            name = read_event(message)
        except PayloadError:
            name = ""

        if name in {"", "depthUpdate"}:
            self.tolerance.bear(error)
        else:
            self.tolerance.note(name)


class MarketReceiver:
    """Mark prices and trades. Each mark price also proves that the stream of trades is alive, however quiet."""

    def __init__(self, socket: Messages, clock: Clock, instrument: Instrument) -> None:
        self.tolerance = Tolerance(clock, most=5)
        self._socket = socket
        self._instrument = instrument
        self._newest_id = 0

    async def receive(self) -> Sequence[Event]:
        """The next events, at least one; see `EventReceiver`."""
        while True:
            events = self._take(await self._socket.receive())

            if events:
                return events

    def _take(self, message: str | bytes) -> Sequence[Event]:
        try:
            return self._translate(message)
        except PayloadError as error:
            self.tolerance.bear(error)

        return ()

    def _translate(self, message: str | bytes) -> Sequence[Event]:
        name = read_event(message)

        if name == "aggTrade":
            return self._trade(_AGGREGATE_TRADE.decode(message))

        if name == "markPriceUpdate":
            mark = _MARK_PRICE.decode(message)

            if mark.s == self._instrument.symbol:
                return translate_mark(mark), FeedAlive(channel=Channel.TRADES)

            return ()

        self.tolerance.note(name)

        return ()

    def _trade(self, trade: AggregateTrade) -> Sequence[Event]:
        """A trade, once, also when two connections bring it."""
        if trade.s != self._instrument.symbol or 0 < trade.a <= self._newest_id:
            return ()

        self._newest_id = trade.a

        return (translate_trade(trade, self._instrument),)
