"""The connector: signing, REST, streams and translation composed into a `DerivativeConnector`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from perpmaker import Instrument
from perpmaker import venue as kit
from perpmaker_binance_perpetual import rest
from perpmaker_binance_perpetual.account import fetch_account, fetch_income, fetch_key_rights
from perpmaker_binance_perpetual.market import VENUE_NAME, MarketSettings, fetch_instrument
from perpmaker_binance_perpetual.messages import AccountConfig
from perpmaker_binance_perpetual.orders import OrderQuestions, OrderWords
from perpmaker_binance_perpetual.settings import NAME, Settings, key_url
from perpmaker_binance_perpetual.stops import StopNames, StopQuestions, StopWords
from perpmaker_binance_perpetual.streams import BOOK_STALL_S, MARKET_STALL_S, book_stream, market_stream
from perpmaker_binance_perpetual.translate import translate_premium
from perpmaker_binance_perpetual.user_stream import account_stream

_FRESH_S = 2.0
"""Seconds for which the account's configuration is taken as it was read, when a run is prepared."""


class BinancePerpetual(kit.ApiKeyConnector):
    """Binance USDⓈ-M futures, for one account; see `perpmaker.connector.interface.DerivativeConnector`."""

    name = NAME

    caps_resting_exits = True

    sizes_stops = False

    names_stops = True

    allows_two_stops = False
    """The venue refuses a second closePosition order in the direction of one that rests (-4130)."""

    switch_takes = (
        "every open order of this market, the profit-taking order and orders placed by hand among them; "
        "whether it takes conditional stops, Binance does not say"
    )

    def __init__(self, access: kit.VenueAccess, *, keys: kit.RestClient | None = None) -> None:
        super().__init__(access, OrderWords())
        stop_names, client = StopNames(), access.client
        self.venue = VENUE_NAME
        self._keys = keys
        self._config: tuple[float, AccountConfig | None] = (0.0, None)
        self._known: AccountConfig | None = None
        self._reader = reader = rest.row_reader()
        self._asked = asked = OrderQuestions(client, reader, self.orders.names, stop_names)
        stops, asked_stops = kit.OrderClient(client, StopWords(stop_names)), StopQuestions(client, reader, stop_names)

        self.amend = self.orders.amend
        self.fetch_order, self.fetch_open_orders = asked.fetch_order, asked.fetch_open_orders
        self.place_stops, self.cancel_stops = stops.place, stops.cancel
        self.fetch_stop, self.fetch_open_stops = asked_stops.fetch_stop, asked_stops.fetch_open_stops

    # --- the market ---------------------------------------------------------------------------------------------------

    async def fetch_instrument(self, market: str) -> Instrument:
        """Rules, tiers, the account's own fees, and the funding interval."""
        return await fetch_instrument(self.client, self._reader, market, has_key=self.access.credentials is not None)

    async def prepare(
        self, instrument: Instrument, leverage: int, position_mode: kit.PositionMode, margin_mode: kit.MarginMode | None
    ) -> kit.VenueSettings:
        """Set what differs and read it all back; what a reading of the account has told just now is not asked twice."""
        asked_at, config = self._config
        self._known = config if self.client.clock.now() - asked_at <= _FRESH_S else None

        return await super().prepare(instrument, leverage, position_mode, margin_mode)

    def settings_client(self, instrument: Instrument) -> MarketSettings:
        """What reads and sets the settings of a market."""
        known, self._known = self._known, None

        return MarketSettings(self.client, instrument, known)

    async def fetch_mark(self, instrument: Instrument) -> kit.MarkChanged | None:
        """The mark price as the venue has it now; None when what it answers is old by its own clock."""
        return self.of_now(translate_premium(await self.client.read(rest.PREMIUM_INDEX, {"symbol": instrument.symbol})))

    def feeds(self, instrument: Instrument) -> Sequence[kit.Feed]:
        """The book, mark price and trades, and the account."""
        access = self.access
        account = account_stream(access, instrument, self._asked, lambda: self.set_to)

        return (
            access.offer(book_stream(access, instrument), kit.Channel.BOOK, stall_s=BOOK_STALL_S),
            access.offer(
                market_stream(access, instrument), kit.Channel.MARK, kit.Channel.TRADES, stall_s=MARKET_STALL_S
            ),
            access.offer(account, kit.Channel.ACCOUNT),
        )

    # --- the dead-man switch ------------------------------------------------------------------------------------------

    async def arm(self, instrument: Instrument, seconds: float) -> None:
        """Start the countdown after which the venue cancels this market's orders, or start it anew."""
        await self._count_down(instrument, max(1, round(seconds * 1000)))

    async def disarm(self, instrument: Instrument) -> None:
        """Stop the countdown."""
        await self._count_down(instrument, 0)

    async def _count_down(self, instrument: Instrument, ms: int) -> None:
        await self.client.read(rest.COUNTDOWN, {"symbol": instrument.symbol, "countdownTime": ms})

    # --- the account --------------------------------------------------------------------------------------------------

    async def fetch_fills(self, instrument: Instrument, since_ms: int) -> Sequence[kit.Fill]:
        """All fills of the market from a venue time on, oldest first, in pages of a thousand."""
        return await self._asked.fetch_fills(instrument, since_ms, await self.client.now_ms())

    async def fetch_account(self, instrument: Instrument) -> kit.AccountSnapshot:
        """The account, by three requests side by side.

        A flat position is as of the moment asked, less the lag that answers may have.
        """
        as_of_ms = await self.client.now_ms() - round(self.access.read_lag_s * 1000)

        asked_at = self.client.clock.now()

        def see(config: AccountConfig) -> None:
            self._config = asked_at, config

        return await fetch_account(self.client, self._reader, instrument, as_of_ms=as_of_ms, see=see)

    async def fetch_income(self, instrument: Instrument, since_ms: int) -> Sequence[kit.IncomeRecord]:
        """Everything booked for the market from a venue time on."""
        now_ms = await self.client.now_ms()

        return await fetch_income(self.client, self._reader, instrument.symbol, since_ms, now_ms)

    async def fetch_key_rights(self) -> kit.KeyRights | None:
        """What the key may do; None on the testnet, which does not tell."""
        return None if self._keys is None else await fetch_key_rights(self._keys)

    def experiments(self) -> Sequence[kit.Experiment]:
        """What Binance's documents leave open."""
        from perpmaker_binance_perpetual.probing import experiments  # noqa: PLC0415  # only `perpmaker probe` and live runs

        return experiments()


@asynccontextmanager
async def open_connector(settings: Settings, context: kit.ConnectorContext) -> AsyncIterator[BinancePerpetual]:
    """Open the connector, bound to the venue's addresses; nothing is sent before it is asked for."""
    protocol, window_s = (
        partial(rest.BinanceHttp, recv_window_ms=settings.recv_window_ms),
        settings.recv_window_ms / 1000,
    )

    async with AsyncExitStack() as stack:
        opening = kit.open_access(settings, context, NAME, protocol=protocol, limits=rest.LIMITS, window_s=window_s)
        access = await stack.enter_async_context(opening)
        keys, url = None, key_url(settings, context.environment, context.sandbox)

        if url is not None:  # the clock is measured on the futures host alone
            client = kit.open_rest_client(
                context,
                url,
                protocol(access.credentials),
                budget=kit.RequestBudget(rest.VENUE, rest.LIMITS, context.clock),
                deadline_s=settings.deadline_s,
                server_clock=access.client.server_clock,
            )
            keys = await stack.enter_async_context(client)

        yield BinancePerpetual(access, keys=keys)
