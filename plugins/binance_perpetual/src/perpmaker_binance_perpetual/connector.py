"""The connector: signing, REST, streams and translation composed into a `DerivativeConnector`."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from perpmaker.clock import Clock
from perpmaker.connector.interface import (
    AmendOrder,
    CancelOrder,
    ConnectorContext,
    Environment,
    Feed,
    KeyRights,
    VenueTime,
)
from perpmaker.errors import ConfigurationError, Problem
from perpmaker.model.account import AccountSnapshot
from perpmaker.model.event import MarkChanged
from perpmaker.model.income import IncomeRecord
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import Fill, NewOrder, OrderReport, Outcome, PositionMode
from perpmaker.model.position import MarginMode, VenueSettings
from perpmaker.secret import Secret, make_signer
from perpmaker.wire.exchange import Exchange
from perpmaker.wire.http import open_exchange, place_of
from perpmaker_binance_perpetual.account import translate_account, translate_income
from perpmaker_binance_perpetual.call import Caller, Credentials
from perpmaker_binance_perpetual.fill_names import FillNames
from perpmaker_binance_perpetual.history import read_income, read_trades
from perpmaker_binance_perpetual.market import default_terms, find_symbol, translate_instrument
from perpmaker_binance_perpetual.order_desk import OrderDesk
from perpmaker_binance_perpetual.prepare import fetch_settings, prepare_market
from perpmaker_binance_perpetual.request import side_by_side
from perpmaker_binance_perpetual.rest import Rest
from perpmaker_binance_perpetual.rows import is_own
from perpmaker_binance_perpetual.settings import NAME, Settings, address_of
from perpmaker_binance_perpetual.stop_desk import StopDesk
from perpmaker_binance_perpetual.streams import StreamAccess, book_feed, market_feed
from perpmaker_binance_perpetual.translate import translate_order, translate_premium, translate_user_trade
from perpmaker_binance_perpetual.user_stream import AccountView, account_feed

_NOW_MS = 2_000
"""A price that is older by the venue's clock is none of now."""


class BinancePerpetual:
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

    def __init__(
        self, *, account: str, settings: Settings, access: StreamAccess, caller: Caller, keys: Rest | None = None
    ) -> None:
        self.account = account
        self._settings = settings
        self._access = access
        self._rest = access.rest
        self._caller = caller
        self._clock: Clock = access.clock
        self._set: VenueSettings | None = None
        self._keys = keys
        self._orders = OrderDesk(access.rest)
        self._stops = StopDesk(access.rest)
        self._names = FillNames(access.rest, self._orders.names, self._stops.names)

    @property
    def fence_s(self) -> float:
        """The venue's window, plus what our idea of its clock may be wrong by, plus the lag of its answers."""
        uncertainty_s = max(self._settings.clock_uncertainty_s, self._caller.server_clock.uncertainty_s)

        return self._settings.recv_window_ms / 1000 + uncertainty_s + self._settings.read_lag_s

    def venue_time(self, at: float) -> VenueTime | None:
        """The venue's clock, as it was measured last."""
        clock = self._caller.server_clock
        uncertainty_s = max(self._settings.clock_uncertainty_s, clock.uncertainty_s)

        return VenueTime(clock.ms(at), uncertainty_s) if clock.known else None

    async def fetch_instrument(self, market: str) -> Instrument:
        """Rules from exchangeInfo, tiers from leverageBracket, the account's own fees, the funding interval.

        Without a key, tiers and fees are those that the venue documents for everybody.
        """
        info = await self._rest.exchange_info()
        self._caller.budget.adopt(info.rateLimits)
        symbol = find_symbol(info, market)
        brackets, fees = default_terms(symbol.symbol)

        if self._caller.has_key:
            brackets = await self._rest.leverage_brackets(symbol.symbol)
            fees = await self._rest.commission_rate(symbol.symbol)

        return translate_instrument(symbol, brackets, fees, await self._rest.funding_info(), info.rateLimits)

    async def prepare(
        self, instrument: Instrument, leverage: int, position_mode: PositionMode, margin_mode: MarginMode | None
    ) -> VenueSettings:
        """Set what differs and read it all back."""
        self._set = await prepare_market(self._rest, instrument, leverage, position_mode, margin_mode)

        return self._set

    async def fetch_settings(self, instrument: Instrument) -> VenueSettings:
        """What the market of the account is set to; nothing is changed."""
        self._set = await fetch_settings(self._rest, instrument)

        return self._set

    async def fetch_mark(self, instrument: Instrument) -> MarkChanged | None:
        """The mark price as the venue has it now; None when what it answers is old by its own clock."""
        mark = translate_premium(await self._rest.premium_index(instrument.symbol))

        return mark if self._caller.server_clock.ms() - mark.venue_ms <= _NOW_MS else None

    def feeds(self, instrument: Instrument) -> Sequence[Feed]:
        """The book, mark price and trades, and the account."""
        account = AccountView(
            settings=lambda: self._set,
            remember=self._orders.names.remember,
            stops=self._stops.names,
            reader=self._rest.reader,
        )

        return (
            book_feed(self._access, instrument),
            market_feed(self._access, instrument),
            account_feed(self._access, instrument, account),
        )

    # --- commands --------------------------------------------------------------------------------------------------

    async def place(self, instrument: Instrument, orders: Sequence[NewOrder]) -> Sequence[Outcome]:
        """Send new orders, exits apart from quotes, five in a batch."""
        return await self._orders.place(instrument, orders)

    async def cancel(self, instrument: Instrument, orders: Sequence[CancelOrder]) -> Sequence[Outcome]:
        """Take orders off, ten in a batch."""
        return await self._orders.cancel(instrument, orders)

    async def amend(self, instrument: Instrument, orders: Sequence[AmendOrder]) -> Sequence[Outcome]:
        """Move resting orders, five in a batch; each loses its place in the queue."""
        return await self._orders.amend(instrument, orders)

    async def place_stops(self, instrument: Instrument, orders: Sequence[NewOrder]) -> Sequence[Outcome]:
        """Send stops that close the whole position when the last price reaches their trigger."""
        return await self._stops.place(instrument, orders)

    async def cancel_stops(self, instrument: Instrument, orders: Sequence[CancelOrder]) -> Sequence[Outcome]:
        """Take stops off."""
        return await self._stops.cancel(instrument, orders)

    async def arm(self, instrument: Instrument, seconds: float) -> None:
        """Start the countdown after which the venue cancels this market's orders, or start it anew."""
        await self._rest.set_countdown(instrument.symbol, max(1, round(seconds * 1000)))

    async def disarm(self, instrument: Instrument) -> None:
        """Stop the countdown."""
        await self._rest.set_countdown(instrument.symbol, 0)

    # --- questions -------------------------------------------------------------------------------------------------

    async def fetch_order(self, instrument: Instrument, client_id: str, venue_id: str | None) -> OrderReport | None:
        """What the venue knows of an order; None when it says that it knows none of that id."""
        reference = {"origClientOrderId": client_id} if venue_id is None else {"orderId": venue_id}
        order = await self._rest.order(instrument.symbol, reference)

        return None if order is None else self._orders.names.remember(translate_order(order, instrument))

    async def fetch_open_orders(self, instrument: Instrument) -> Sequence[OrderReport]:
        """All open orders of the market, ours and foreign; conditional ones are in a list of their own."""
        orders = await self._rest.open_orders(instrument.symbol)
        reports = self._rest.reader.translate(
            orders,
            lambda order: translate_order(order, instrument),
            "orders",
            lambda order: is_own(order.clientOrderId),
        )

        return [self._orders.names.remember(report) for report in reports]

    async def fetch_stop(self, instrument: Instrument, client_id: str, _: str | None = None) -> OrderReport | None:
        """What the venue knows of a stop; None when it says that it knows none of that id."""
        return await self._stops.ask(instrument, client_id)

    async def fetch_open_stops(self, instrument: Instrument) -> Sequence[OrderReport]:
        """All stops of the market, ours and foreign."""
        return await self._stops.open(instrument)

    async def fetch_fills(self, instrument: Instrument, since_ms: int) -> Sequence[Fill]:
        """All fills of the market from a venue time on, oldest first, in pages of a thousand."""
        await self._know_clock()
        ordered = await read_trades(self._rest, instrument.symbol, since_ms, self._caller.server_clock.ms())
        await self._names.learn(instrument, [trade.orderId for trade in ordered])

        named = [(trade, self._names.client_id(trade.orderId) or "") for trade in ordered]

        return list(
            self._rest.reader.translate(
                named, lambda row: translate_user_trade(*row), "fills", lambda row: is_own(row[1])
            )
        )

    async def fetch_account(self, instrument: Instrument) -> AccountSnapshot:
        """The account, by three requests side by side.

        A flat position is as of the moment asked, less the lag that answers may have.
        """
        await self._know_clock()
        as_of_ms = self._caller.server_clock.ms() - round(self._settings.read_lag_s * 1000)
        rest = self._rest
        rows, account, config = await side_by_side(
            lambda: rest.position_risk(instrument.symbol),
            lambda: rest.account(instrument.quote),
            lambda: rest.account_config(urgent=True),
        )

        return translate_account(account, config, rows, instrument, as_of_ms=as_of_ms, reader=rest.reader)

    async def fetch_income(self, instrument: Instrument, since_ms: int) -> Sequence[IncomeRecord]:
        """Everything booked for the market from a venue time on."""
        await self._know_clock()
        rows = await read_income(self._rest, instrument.symbol, since_ms, self._caller.server_clock.ms())

        return list(self._rest.reader.translate(rows, translate_income, "income", lambda _: False))

    async def fetch_key_rights(self) -> KeyRights | None:
        """What the key may do; None on the testnet, which does not tell."""
        if self._keys is None:
            return None

        told = await self._keys.key_restrictions()

        return KeyRights(
            can_read=told.enableReading,
            can_trade=told.enableFutures,
            can_withdraw=told.enableWithdrawals,
            can_transfer=told.enableInternalTransfer or told.permitsUniversalTransfer,
            ip_restricted=told.ipRestrict,
        )

    async def _know_clock(self) -> None:
        if not self._caller.server_clock.known:
            await self._rest.sync_clock()


@asynccontextmanager
async def open_connector(settings: Settings, context: ConnectorContext) -> AsyncIterator[BinancePerpetual]:
    """Open the connector, bound to the venue's addresses; nothing is sent before it is asked for."""
    address = address_of(settings, context.environment, context.sandbox)
    credentials = _credentials(settings, context)

    def call(exchange: Exchange, url: str) -> Caller:
        return Caller(
            exchange,
            context.clock,
            place=place_of(url),
            credentials=credentials,
            recv_window_ms=settings.recv_window_ms,
            patience_s=settings.deadline_s,
        )

    keys_url = address.keys or address.rest

    async with (
        open_exchange(context.connect, address.rest, deadline_s=settings.deadline_s) as exchange,
        open_exchange(context.connect, keys_url, deadline_s=settings.deadline_s) as keys_exchange,
    ):
        caller, keys_caller = call(exchange, address.rest), call(keys_exchange, keys_url)
        keys_caller.server_clock = caller.server_clock  # it is measured on the futures host alone
        rest = Rest(caller, context.clock)
        access = StreamAccess(connect=context.connect, url=address.stream, rest=rest, clock=context.clock)

        yield BinancePerpetual(
            account=_account_name(credentials),
            settings=settings,
            access=access,
            caller=caller,
            keys=None if address.keys is None else Rest(keys_caller, context.clock),
        )


def _credentials(settings: Settings, context: ConnectorContext) -> Credentials | None:
    """The sandbox's test keys, or what the configuration's references stand for; missing ones are named.

    On paper there are none: whatever the file names, nothing that is signed is ever sent.
    """
    if context.sandbox is not None:
        signer = make_signer(Secret(context.sandbox.api_secret))

        return Credentials(api_key=context.sandbox.api_key, signer=signer)

    faults = tuple(
        Problem(file="the configuration", key=f"{NAME}.{key}", allowed=allowed) for key, allowed in settings.faults()
    )

    if faults:
        raise ConfigurationError(faults)

    if context.environment is Environment.PAPER:
        return None

    return Credentials(
        api_key=context.signers.reveal(settings.api_key or ""),
        signer=context.signers.signer(settings.api_secret or ""),
    )


def _account_name(credentials: Credentials | None) -> str:
    """A name of the account that does not give its key away."""
    if credentials is None:
        return "public"

    return hashlib.sha256(credentials.api_key.encode()).hexdigest()[:12]
