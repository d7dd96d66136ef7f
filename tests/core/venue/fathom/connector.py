"""The connector `fathom`: the venue's words put together with the kit, and their declaration."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from difflib import get_close_matches
from functools import partial

import perpmaker
from perpmaker import ConnectorContext, Instrument, OrderReport
from perpmaker import venue as kit

from . import rest
from .beyond import account, client_id, event, interface, order, position
from .orders import FathomOrders, NumberIds, run_of
from .sandbox.app import FathomDialect
from .settings import ADDRESSES, NAME, VENUE, Settings
from .streams import stream_of
from .translate import translate_account, translate_execution, translate_market, translate_order

__plugin_api__ = 1

_CHANNELS = frozenset({event.Channel.BOOK, event.Channel.MARK, event.Channel.TRADES, event.Channel.ACCOUNT})


class Fathom:
    """Fathom, for one account; see `DerivativeConnector`."""

    name = NAME
    caps_resting_exits = False

    def __init__(
        self, client: kit.RestClient, context: ConnectorContext, base: str, keys: kit.Credentials | None
    ) -> None:
        self.account = "public" if keys is None else keys.account
        self._client, self._context, self._stream_of = client, context, partial(stream_of, client, base, keys)
        orders = kit.OrderClient(client, FathomOrders())
        self.place, self.cancel = orders.place, orders.cancel

    @property
    def fence_s(self) -> float:
        """The venue's window, what we may be wrong about its clock, and half a second that its answers may be old."""
        return rest.WINDOW_S + self._client.server_clock.uncertainty_s + 0.5

    async def fetch_instrument(self, market: str) -> Instrument:
        """Ask for the rules of a market."""
        rows = {row[0]: row for row in await self._client.read(rest.MARKETS)}

        if market not in rows:
            raise perpmaker.UnknownMarketError(market, VENUE, tuple(get_close_matches(market, rows, cutoff=0.5)))

        if not rows[market][3]:
            raise perpmaker.MarketClosedError(market, VENUE, "closed")

        return translate_market(rows[market])

    async def prepare(
        self, instrument: Instrument, leverage: int, position_mode: order.PositionMode, margin_mode: _MarginMode
    ) -> position.VenueSettings:
        """Set the leverage: there is nothing else to set."""
        if position_mode is not order.PositionMode.ONE_WAY or margin_mode is position.MarginMode.ISOLATED:
            raise perpmaker.MarketRulesError(f"{VENUE} has One-way positions in cross margin only: configure those.")

        kit.check_leverage(instrument, leverage, VENUE)
        await self._client.read(rest.LEVERAGE, {"market": instrument.symbol, "leverage": leverage})
        row, cross = await self._client.read(rest.ACCOUNT, {"market": instrument.symbol}), position.MarginMode.CROSS

        return position.VenueSettings(leverage=row[5], position_mode=position_mode, margin_mode=cross)

    def feeds(self, instrument: Instrument) -> Sequence[interface.Feed]:
        """Offer one stream for everything; its mark price comes each second, so that silence is its end."""
        opener = partial(kit.open_stream, self._stream_of(instrument), self._context.connect, self._context.clock)

        return (kit.StreamFeed(channels=_CHANNELS, stall_s=5.0, opener=opener),)

    async def open_client_ids(
        self, instrument: Instrument, bot: str, begin_run: interface.BeginRun
    ) -> client_id.ClientIds:
        """Begin with the numbers of a run that no open order bears."""
        taken = {run_of(report.client_id) for report in await self.fetch_open_orders(instrument)}

        return NumberIds(int(bot, 16), begin_run, taken)

    async def fetch_order(self, instrument: Instrument, client_id: str, venue_id: str | None) -> OrderReport | None:  # noqa: ARG002
        """Ask what the venue knows of an order."""
        row = await self._client.find(rest.ORDER, {"market": instrument.symbol, "client": client_id})

        return None if row is None else translate_order(row, instrument)

    async def fetch_open_orders(self, instrument: Instrument) -> Sequence[OrderReport]:
        """Ask for all open orders."""
        rows = await self._client.read(rest.ORDERS, {"market": instrument.symbol})

        return [translate_order(row, instrument) for row in rows]

    async def fetch_fills(self, instrument: Instrument, since_ms: int) -> Sequence[order.Fill]:
        """Ask for all fills since a venue time; the venue shows them at once."""
        rows = await self._client.read(rest.FILLS, {"market": instrument.symbol, "since": since_ms})

        return [translate_execution(row) for row in rows]

    async def fetch_account(self, instrument: Instrument) -> account.AccountSnapshot:
        """Ask for the account: one answer has everything."""
        return translate_account(await self._client.read(rest.ACCOUNT, {"market": instrument.symbol}))


_MarginMode = position.MarginMode | None


@asynccontextmanager
async def open_connector(settings: Settings, context: ConnectorContext) -> AsyncIterator[Fathom]:
    """Open the connector; nothing is sent before it is asked for."""
    base = ADDRESSES[context.environment] if context.sandbox is None else context.sandbox.url
    keys = kit.open_credentials(settings, context, NAME)
    clock = kit.ServerClock(context.clock, least_uncertainty_s=0.25)
    budget, http = kit.RequestBudget(VENUE, rest.LIMITS, context.clock), rest.FathomHttp(keys)

    async with kit.open_rest_client(context, base, http, budget=budget, deadline_s=1.5, server_clock=clock) as client:
        yield Fathom(client, context, base, keys)


@perpmaker.hookimpl
def register_derivative_connectors(register: perpmaker.Register[perpmaker.DerivativeConnectorDeclaration]) -> None:
    """Declare `fathom`, which has one net position a market."""
    declare = partial(perpmaker.DerivativeConnectorDeclaration, name=NAME, summary=VENUE, hedge_mode=False)
    register(declare(settings=Settings, open=open_connector, sandbox=FathomDialect))
