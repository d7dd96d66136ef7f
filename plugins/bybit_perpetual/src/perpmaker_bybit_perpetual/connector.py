"""The connector: signing, REST, streams and translation composed into a `DerivativeConnector`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial

from perpmaker import ConfigurationError, Instrument, MarketRulesError, PayloadError, Problem
from perpmaker import venue as kit
from perpmaker_bybit_perpetual import probing, rest, streams, trade_stream
from perpmaker_bybit_perpetual.account import fetch_account, fetch_income, fetch_key_rights
from perpmaker_bybit_perpetual.market import MarketSettings, fetch_instrument
from perpmaker_bybit_perpetual.messages import Protection, Protections, Ticker
from perpmaker_bybit_perpetual.orders import OrderQuestions, OrderWords
from perpmaker_bybit_perpetual.settings import NAME, Settings
from perpmaker_bybit_perpetual.signing import ALGORITHMS
from perpmaker_bybit_perpetual.stops import StopClient
from perpmaker_bybit_perpetual.translate import translate_ticker
from perpmaker_bybit_perpetual.user_stream import ACCOUNT_STALL_S, account_stream


class BybitPerpetual(kit.ApiKeyConnector):
    """Bybit v5 linear perpetuals, for one account; see `perpmaker.connector.interface.DerivativeConnector`."""

    name = NAME

    caps_resting_exits = True

    sizes_stops = False

    names_stops = False
    """The position's own stop is an order of the venue's, without an id of ours."""

    allows_two_stops = True
    """A new stop takes the place of the old one, so that neither is ever missing."""

    is_protected = False

    def __init__(self, settings: Settings, access: kit.VenueAccess, findings: Mapping[str, str]) -> None:
        self._credentials, self._settings = access.credentials, settings
        self._socket = self._make_socket(access)
        super().__init__(access, OrderWords(rest.largest_batch(settings.orders_per_s)), self._socket)
        self._meets = findings.get(kit.stop_meets_own_quote().name) != probing.NO
        self._carries = findings.get(probing.POST_ONLY_WITH_STOP) != probing.NO
        self._reader = reader = rest.row_reader()
        self._asked = asked = OrderQuestions(self.client, reader, lambda: self.position_mode)
        stops = StopClient(self.client, asked)

        self.amend = self.orders.amend
        self.fetch_order, self.fetch_open_orders = asked.fetch_order, asked.fetch_open_orders
        self.place_stops, self.cancel_stops = stops.place_stops, stops.cancel_stops
        self.fetch_stop, self.fetch_open_stops = stops.fetch_stop, stops.fetch_open_stops

    @property
    def stops_meet_quotes(self) -> bool:
        """The position's stop takes no `smpType`: it trades with whatever rests, unless a probe has seen otherwise."""
        return self._meets

    @property
    def attaches_stops(self) -> bool:
        """Nothing cancels the quotes of an ordinary account when this program is gone: each carries its stop."""
        return self._carries and not self.is_protected

    def experiments(self) -> Sequence[kit.Experiment]:
        """What no document says."""
        return probing.experiments(self.client, is_protected=self.is_protected)

    def _make_socket(self, access: kit.VenueAccess) -> kit.CommandSocket | None:
        """The socket for commands, which has to be authenticated."""
        credentials, settings = access.credentials, self._settings

        if credentials is None or not settings.orders_by_socket:
            return None

        return kit.CommandSocket(
            client=access.client,
            words=trade_stream.TradeWords(settings.recv_window_ms),
            describe=lambda begin: streams.describe(access, trade_stream.PATH, begin, credentials=credentials),
            connect=access.connect,
            deadline_s=settings.deadline_s,
            silent_s=trade_stream.SILENT_S,
        )

    async def fetch_instrument(self, market: str) -> Instrument:
        """Rules, tiers, and the account's own fees."""
        has_key, orders_per_s = self._credentials is not None, self._settings.orders_per_s

        return await fetch_instrument(self.client, self._reader, market, has_key=has_key, orders_per_s=orders_per_s)

    async def prepare(
        self, instrument: Instrument, leverage: int, position_mode: kit.PositionMode, margin_mode: kit.MarginMode | None
    ) -> kit.VenueSettings:
        """Set what differs and read it all back; what is done beyond the price band only where that was asked for."""
        found = await super().prepare(instrument, leverage, position_mode, margin_mode)

        if self._settings.reject_out_of_band:
            await self._reject_out_of_band()

        return found

    async def _reject_out_of_band(self) -> None:
        """Have the account refuse orders beyond the price band, which is read back."""
        if (await self.client.read(rest.USER_SETTINGS)).lpaPerp:
            return

        await self.client.read(rest.SET_BAND_ACTION, {**rest.LINEAR, "modifyEnable": False})

        if not (await self.client.read(rest.USER_SETTINGS)).lpaPerp:
            raise MarketRulesError(
                "Bybit does not set this account to refuse orders beyond the price band: leave reject_out_of_band out."
            )

    def settings_client(self, instrument: Instrument) -> MarketSettings:
        """What reads and sets the settings of a market."""
        return MarketSettings(self.client, self._reader, instrument)

    async def fetch_remarks(self, _: Instrument) -> Sequence[str]:
        """What the account is set to besides, for all that trade there: it is shown, and never changed unasked."""
        said = await self.client.read(rest.USER_SETTINGS)
        does = "refuses an order" if said.lpaPerp else "moves the price of an order to the edge"
        band = f"Bybit {does} beyond its price band (an account setting; [{NAME}] reject_out_of_band)"
        match = f"self-match prevention of the Bybit account: smpType {said.smpType or 'not told'}; orders of this bot "
        match += "cancel what rests (CancelMaker), the position's stop has no such rule"

        return band, match

    async def fetch_mark(self, instrument: Instrument) -> kit.MarkChanged | None:
        """The mark price as the venue has it now; None when what it answers is old by its own clock."""
        at_ms, page = await self.client.read(rest.TICKERS, {**rest.LINEAR, "symbol": instrument.symbol})
        rows = list(self._reader.read(page.rows, kit.parser(Ticker), "tickers", market=instrument.symbol))

        if not rows:
            raise PayloadError(f"no ticker of {instrument.symbol}")

        return self.of_now(translate_ticker(rows[0], at_ms))

    def feeds(self, instrument: Instrument) -> Sequence[kit.Feed]:
        """The book, mark price and trades; with a key the account, and the socket that commands go over."""
        access, settings = self.access, self._settings
        book = streams.book_stream(access, instrument, settings.book_depth, is_strict=settings.strict_book)
        market, alive = streams.market_stream(access, instrument), (kit.Channel.MARK, kit.Channel.TRADES)
        feeds: list[kit.Feed] = [
            access.offer(book, kit.Channel.BOOK, stall_s=streams.STALL_S),
            access.offer(market, *alive, stall_s=streams.STALL_S),
        ]

        if self._credentials is not None:
            account = account_stream(
                access,
                instrument,
                self._credentials,
                self._reader,
                lambda: self.set_to,
                is_protected=settings.disconnect_protection,
            )
            feeds.append(access.offer(account, kit.Channel.ACCOUNT, stall_s=ACCOUNT_STALL_S))

        if self._socket is not None:
            feeds.append(self._socket)

        return feeds

    async def fetch_fills(self, instrument: Instrument, since_ms: int) -> Sequence[kit.Fill]:
        """All fills of the market from a venue time on, oldest first."""
        if self.set_to is None:  # only the position mode tells which position a fill was of
            await self.fetch_settings(instrument)

        return await self._asked.fetch_fills(instrument, since_ms, await self.client.now_ms())

    async def fetch_account(self, instrument: Instrument) -> kit.AccountSnapshot:
        """The account, by three requests side by side."""
        return await fetch_account(self.client, self._reader, instrument)

    async def fetch_income(self, instrument: Instrument, since_ms: int) -> Sequence[kit.IncomeRecord]:
        """Everything booked for the market from a venue time on."""
        now_ms = await self.client.now_ms()

        return await fetch_income(self.client, self._reader, instrument.symbol, since_ms, now_ms)

    async def fetch_key_rights(self) -> kit.KeyRights | None:
        """What the key may do."""
        return await fetch_key_rights(self.client)


class ProtectedBybit(BybitPerpetual):
    """The same for an account with disconnect protection, which Bybit enables for institutions.

    The venue counts from the end of the last private connection that asks for it; nothing is to be renewed.
    """

    is_protected = True

    switch_takes = (
        "every order of derivatives of the whole account, on all markets, profit-taking orders and orders placed by "
        "hand among them; it cannot be disarmed, and whether it takes stops, Bybit does not say"
    )

    async def prepare(
        self, instrument: Instrument, leverage: int, position_mode: kit.PositionMode, margin_mode: kit.MarginMode | None
    ) -> kit.VenueSettings:
        """Set what differs, and see that the account has the protection."""
        if self._product(await self.client.read(rest.PROTECTION)) is None:
            raise MarketRulesError(
                "this Bybit account has no disconnect protection, which Bybit enables for institutions: write "
                "disconnect_protection = false."
            )

        return await super().prepare(instrument, leverage, position_mode, margin_mode)

    async def arm(self, _: Instrument, seconds: float) -> None:
        """Set the time after which the venue cancels, where it is another; the connection itself keeps it from that."""
        window = str(min(300, max(3, round(seconds))))
        known = self._product(await self.client.read(rest.PROTECTION))

        if known is None or str(known.timeWindow) != window or known.dcpStatus != "ON":
            await self.client.read(rest.SET_PROTECTION, {"product": "DERIVATIVES", "timeWindow": int(window)})

    async def disarm(self, _: Instrument) -> None:
        """Refuse: the venue cancels once the connection is gone, and no command keeps it from that."""
        raise MarketRulesError("Bybit's disconnect protection cannot be disarmed")

    def _product(self, said: Protections) -> Protection | None:
        return next((one for one in said.dcpInfos if one.product == "DERIVATIVES"), None)


@asynccontextmanager
async def open_connector(settings: Settings, context: kit.ConnectorContext) -> AsyncIterator[BybitPerpetual]:
    """Open the connector, bound to the venue's addresses; nothing is sent before it is asked for."""
    protocol, limits = partial(_protocol, settings.recv_window_ms), rest.limits_of(settings.orders_per_s)
    window_s = settings.recv_window_ms / 1000

    async with kit.open_access(settings, context, NAME, protocol=protocol, limits=limits, window_s=window_s) as access:
        kind = ProtectedBybit if settings.disconnect_protection else BybitPerpetual
        yield kind(settings, access, context.findings)


def _protocol(recv_window_ms: int, credentials: kit.Credentials | None) -> rest.BybitHttp:
    if credentials is not None and credentials.signer.algorithm not in ALGORITHMS:
        allowed = "an HMAC secret or an RSA private key: Bybit takes no other"
        raise ConfigurationError((Problem(file="the configuration", key=f"{NAME}.api_secret", allowed=allowed),))

    return rest.BybitHttp(credentials, recv_window_ms)
