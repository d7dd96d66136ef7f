"""A venue as a table: its questions, commands and streams in its own words, and the connector that they make.

It is for venues whose account is an API key, with one net position a market and nothing to set but the leverage. What
a venue has besides is added in a class of its own, over `DeclaredConnector` or over `ApiKeyConnector`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import cached_property, partial
from typing import Any

import attrs

from perpmaker.connector.interface import ConnectorContext, Environment
from perpmaker.connector.payload import parser
from perpmaker.errors import PayloadError
from perpmaker.model.account import AccountSnapshot
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import Fill, OrderReport, PositionMode
from perpmaker.model.position import MarginMode, VenueSettings
from perpmaker.venue.access import VenueAccess, open_access
from perpmaker.venue.answer import Failure
from perpmaker.venue.api_key_connector import ApiKeyConnector
from perpmaker.venue.declared_stream import Stream
from perpmaker.venue.http_dialect import Access, Endpoint, Parameters
from perpmaker.venue.json_http import JsonHttp, Signing
from perpmaker.venue.key_settings import Address, ApiKeySettings
from perpmaker.venue.keys import Credentials
from perpmaker.venue.market_settings import check_settings
from perpmaker.venue.number_ids import open_number_ids
from perpmaker.venue.request_budget import Limit
from perpmaker.venue.rows import RowReader, Rows
from perpmaker.venue.steps import find_market
from perpmaker.venue.stream import StreamFeed
from perpmaker.venue.venue_words import Answered, OrderLists, Question

_SERVER_ERROR = 500


@attrs.frozen(kw_only=True)
class Venue:
    """What a venue's connector is made of. `settings` and `open` are for its declaration.

    Args:
        name: the name it is declared under, which its table in the configuration bears too.
        title: the venue's name, for people.
        live: where it is reached; None where there is no such environment.
        testnet: the same.
        limits: units allowed by each limit.
        window_s: seconds after its time for which the venue takes a request.
        clock: where the venue tells its time, without a signature.
        sign: see `Signing`.
        failure: the shape of a no and what it says; None where it is none. A status of 500 or more proves nothing.
        markets: where all markets are listed, without a signature. It parses a row; a senseless one is left out.
        listed: the name `BASE-QUOTE` of such a row, and why it takes no orders now; empty where it does.
        rules: a row to the rules of its market.
        order: one order, asked by market, client id and venue's id.
        open_orders: a list of all open orders of a market.
        fills: a list of all fills of a market, asked by market and venue time, milliseconds; oldest first.
        account: the account.
        leverage: the leverage that is set.
        set_leverage: sets it, asked by market and leverage.
        orders: the words of commands.
        streams: the streams of a market.
        market_of: the market that a row names, of whatever type.
        number_ids: whether client ids are two numbers; see `NumberIds`.
        connector: the class of the connector.
    """

    name: str
    title: str
    live: Address | None = None
    testnet: Address | None = None
    limits: Mapping[Limit, int]
    window_s: float
    clock: Endpoint[int]
    sign: Signing
    failure: tuple[Any, Callable[[Any], Failure | None]]
    markets: Endpoint[Any]
    listed: Callable[[Any], tuple[str, str]]
    rules: Callable[[Any], Instrument]
    order: Question[OrderReport]
    open_orders: Question[OrderReport]
    fills: Question[Fill]
    account: Question[AccountSnapshot]
    leverage: Question[int]
    set_leverage: tuple[Endpoint[Any], Callable[[Instrument, int], Parameters]]
    orders: OrderLists
    streams: Callable[[Instrument], Sequence[Stream]]
    market_of: Callable[[Mapping[str, Any]], object] = lambda row: row.get("market")
    number_ids: bool = False
    connector: type[DeclaredConnector] = attrs.field(factory=lambda: DeclaredConnector)

    @cached_property
    def settings(self) -> type[ApiKeySettings]:
        """The class of the settings of the table."""
        known = {Environment.LIVE: self.live, Environment.TESTNET: self.testnet}

        @attrs.frozen(kw_only=True)
        class Settings(ApiKeySettings):
            venue = self.title
            addresses = {environment: address for environment, address in known.items() if address is not None}  # noqa: RUF012  # never changed

        Settings.__doc__ = f"How to reach {self.title}; see `ApiKeySettings`."

        return Settings

    @asynccontextmanager
    async def open(self, settings: ApiKeySettings, context: ConnectorContext) -> AsyncIterator[DeclaredConnector]:
        """Open the connector; nothing is sent before it is asked for."""
        opening = open_access(
            settings, context, self.name, protocol=self._protocol, limits=self.limits, window_s=self.window_s
        )

        async with opening as access:
            yield self.connector(self, access)

    def _protocol(self, credentials: Credentials | None) -> JsonHttp:
        return JsonHttp(
            venue=self.title,
            clock=attrs.evolve(self.clock, access=Access.PUBLIC),
            read_failure=self._read_failure,
            credentials=credentials,
            sign=self.sign,
            table=self.name,
        )

    def _read_failure(self, status: int, body: bytes) -> Failure | None:
        shape, read = self.failure

        try:
            failure = read(parser(shape)(body))
        except PayloadError:
            return None

        if failure is None or status < _SERVER_ERROR:
            return failure

        return attrs.evolve(failure, reason=None)


class DeclaredConnector(ApiKeyConnector):
    """The connector of a venue that is a table, for one account; see `DerivativeConnector`."""

    def __init__(self, words: Venue, access: VenueAccess) -> None:
        super().__init__(access, words.orders)
        self.name, self.words = words.name, words
        self.rows = RowReader[dict[str, Any]].of(dict[str, Any], words.market_of)

        if words.number_ids:
            self.open_client_ids = partial(open_number_ids, self.fetch_open_orders)

    async def fetch_instrument(self, market: str) -> Instrument:
        """Ask for the rules of a market."""
        listed, markets = self.words.listed, self.words.markets
        answer = await self.client.read(attrs.evolve(markets, access=Access.PUBLIC, parse=parser(Rows)))
        rows = {listed(row)[0]: row for row in self.rows.read(answer, markets.parse, "markets")}

        return self.words.rules(find_market(rows, market, self.venue, closed=lambda row: listed(row)[1]))

    async def prepare(
        self, instrument: Instrument, leverage: int, position_mode: PositionMode, margin_mode: MarginMode | None
    ) -> VenueSettings:
        """Set the leverage: there is nothing else to set."""
        check_settings(
            instrument,
            self.venue,
            leverage=leverage,
            position_mode=position_mode,
            margin_mode=margin_mode,
            isolated=False,
        )

        return await super().prepare(instrument, leverage, position_mode, margin_mode)

    def settings_client(self, instrument: Instrument) -> _Leverage:
        """Return what reads and sets the leverage."""
        return _Leverage(self, instrument)

    def feeds(self, instrument: Instrument) -> Sequence[StreamFeed]:
        """Offer the streams."""
        return [stream.feed(self.access, instrument) for stream in self.words.streams(instrument)]

    async def fetch_order(self, instrument: Instrument, client_id: str, venue_id: str | None) -> OrderReport | None:
        """Ask what the venue knows of an order; None when it says that it knows none of that id."""
        question = self.words.order
        row = await self.client.find(question.endpoint, question.ask(instrument, client_id, venue_id))

        return None if row is None else question.translate(row, instrument)

    async def fetch_open_orders(self, instrument: Instrument) -> Sequence[OrderReport]:
        """Ask for all open orders."""
        return await self.ask_list(self.words.open_orders, instrument)

    async def fetch_fills(self, instrument: Instrument, since_ms: int) -> Sequence[Fill]:
        """Ask for all fills since a venue time."""
        return await self.ask_list(self.words.fills, instrument, since_ms)

    async def fetch_account(self, instrument: Instrument) -> AccountSnapshot:
        """Ask for the account."""
        return await self.ask(self.words.account, instrument)

    async def ask(self, question: Question[Answered], instrument: Instrument, *details: object) -> Answered:
        """Ask, and translate the answer."""
        answer = await self.client.read(question.endpoint, question.ask(instrument, *details))

        return question.translate(answer, instrument)

    async def ask_list(self, question: Question[Answered], instrument: Instrument, *details: object) -> list[Answered]:
        """Ask for a list, and translate the rows of this market, each of which must make sense."""
        endpoint = attrs.evolve(question.endpoint, parse=parser(Rows))
        answer = await self.client.read(endpoint, question.ask(instrument, *details))
        read, symbol = question.endpoint.parse, instrument.symbol
        rows = self.rows.read(answer, read, "rows", market=symbol, is_needed=lambda _: True)

        return [question.translate(row, instrument) for row in rows]


@attrs.frozen
class _Leverage:
    """The one setting of such a venue; see `SettingsClient`."""

    connector: DeclaredConnector
    instrument: Instrument

    async def fetch(self) -> VenueSettings:
        leverage = await self.connector.ask(self.connector.words.leverage, self.instrument)

        return VenueSettings(leverage=leverage, position_mode=PositionMode.ONE_WAY, margin_mode=MarginMode.CROSS)

    async def set_leverage(self, leverage: int) -> None:
        endpoint, write = self.connector.words.set_leverage
        await self.connector.client.read(endpoint, write(self.instrument, leverage))

    async def set_position_mode(self, mode: PositionMode) -> None:
        raise NotImplementedError(mode)  # it was checked before

    async def set_margin_mode(self, mode: MarginMode) -> None:
        raise NotImplementedError(mode)  # the same
