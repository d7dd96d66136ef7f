"""The connector `fathom`: the venue's words put together with the kit, and their declaration."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

import perpmaker
from perpmaker import Instrument, OrderReport
from perpmaker import venue as kit

from . import rest
from .messages import Execution, Order
from .orders import FathomOrders
from .sandbox.app import FathomDialect
from .settings import NAME, VENUE, Settings
from .streams import stream_feed
from .translate import rows_of, translate_account, translate_execution, translate_market, translate_order

__plugin_api__ = 1


class Fathom:
    """Fathom, for one account; see `DerivativeConnector`."""

    name = NAME
    caps_resting_exits = False

    def __init__(self, access: kit.VenueAccess) -> None:
        self.account, self._access, self._client = access.account, access, access.client
        orders = kit.OrderClient(access.client, FathomOrders())
        self.place, self.cancel = orders.place, orders.cancel
        self.open_client_ids = partial(kit.open_number_ids, self.fetch_open_orders)

    @property
    def fence_s(self) -> float:
        """See `DerivativeConnector`."""
        return self._access.fence_s

    async def fetch_instrument(self, market: str) -> Instrument:
        """Ask for the rules of a market."""
        rows = {row.market: row for row in await self._client.read(rest.MARKETS)}

        return translate_market(
            kit.find_market(rows, market, VENUE, closed=lambda row: "" if row.is_open else "closed")
        )

    async def prepare(
        self, instrument: Instrument, leverage: int, position_mode: kit.PositionMode, margin_mode: kit.MarginMode | None
    ) -> kit.VenueSettings:
        """Set the leverage: there is nothing else to set."""
        asked = {"leverage": leverage, "position_mode": position_mode, "margin_mode": margin_mode}
        kit.check_settings(instrument, VENUE, **asked, isolated=False)
        await self._client.read(rest.LEVERAGE, {"market": instrument.symbol, "leverage": leverage})
        row, cross = await self._client.read(rest.ACCOUNT, {"market": instrument.symbol}), kit.MarginMode.CROSS

        return kit.VenueSettings(leverage=row.leverage, position_mode=position_mode, margin_mode=cross)

    def feeds(self, instrument: Instrument) -> Sequence[kit.Feed]:
        """Offer one stream for everything."""
        return (stream_feed(self._access, instrument),)

    async def fetch_order(self, instrument: Instrument, client_id: str, venue_id: str | None) -> OrderReport | None:  # noqa: ARG002
        """Ask what the venue knows of an order."""
        row = await self._client.find(rest.ORDER, {"market": instrument.symbol, "client": client_id})

        return None if row is None else translate_order(row, instrument)

    async def fetch_open_orders(self, instrument: Instrument) -> Sequence[OrderReport]:
        """Ask for all open orders."""
        rows = await self._client.read(rest.ORDERS, {"market": instrument.symbol})

        return [translate_order(row, instrument) for row in rows_of(rows, kit.parser(Order), market=instrument.symbol)]

    async def fetch_fills(self, instrument: Instrument, since_ms: int) -> Sequence[kit.Fill]:
        """Ask for all fills since a venue time; the venue shows them at once."""
        rows = await self._client.read(rest.FILLS, {"market": instrument.symbol, "since": since_ms})

        return [translate_execution(row) for row in rows_of(rows, kit.parser(Execution), market=instrument.symbol)]

    async def fetch_account(self, instrument: Instrument) -> kit.AccountSnapshot:
        """Ask for the account: one answer has everything."""
        return translate_account(await self._client.read(rest.ACCOUNT, {"market": instrument.symbol}))


@asynccontextmanager
async def open_connector(settings: Settings, context: kit.ConnectorContext) -> AsyncIterator[Fathom]:
    """Open the connector; nothing is sent before it is asked for."""
    protocol, limits = rest.FathomHttp, rest.LIMITS

    async with kit.open_access(settings, context, NAME, protocol=protocol, limits=limits, window_s=rest.WINDOW_S) as it:
        yield Fathom(it)


@perpmaker.hookimpl
def register_derivative_connectors(register: perpmaker.Register[perpmaker.DerivativeConnectorDeclaration]) -> None:
    """Declare `fathom`, which has one net position a market."""
    declare = partial(perpmaker.DerivativeConnectorDeclaration, name=NAME, summary=VENUE, hedge_mode=False)
    register(declare(settings=Settings, open=open_connector, sandbox=FathomDialect))
