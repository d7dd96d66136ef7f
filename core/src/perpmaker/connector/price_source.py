"""What a price source is to the core, and what it is handed when it is opened."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeAlias

import attrs

from perpmaker.connector.interface import ConnectorContext, DerivativeConnector
from perpmaker.model.event import ReferenceChanged
from perpmaker.model.instrument import Instrument
from perpmaker.state.view import BookView
from perpmaker.wire.pipe import Resolve, resolve_names


class ReferenceReceiver(Protocol):
    """An open price source."""

    async def receive(self) -> ReferenceChanged:
        """Wait for the next reference. ConnectivityError when the source ended."""


class TradedMarket(Protocol):
    """The market that is traded, for a source that makes its price of it."""

    @property
    def instrument(self) -> Instrument:
        """Its units and rules."""

    async def book(self) -> BookView:
        """Wait for its book, changed since it was last given: two sides, to be trusted, without our own orders."""


OpenConnector: TypeAlias = Callable[[], AbstractAsyncContextManager[DerivativeConnector]]
OpenSource: TypeAlias = Callable[[], AbstractAsyncContextManager[ReferenceReceiver]]


@attrs.frozen(kw_only=True)
class SourceRequest:
    """What a configuration asks of its price source, whichever it is.

    `market` is the market whose price is wanted: price_source_market, or the traded one where that is not given.
    `url` is price_source_custom_api, `interval_s` custom_api_update_interval.
    """

    market: str
    price_type: str = "mid_price"
    url: str | None = None
    interval_s: float = 5.0


@attrs.frozen(kw_only=True)
class SourceContext(ConnectorContext):
    """What the core hands a price source: what a connector gets, and what is asked of it.

    `connector` or `source` opens what price_source_derivative names, and is None where that is the other or nothing.
    `traded` is there for a source that is declared with `reads_traded_book`.
    """

    request: SourceRequest
    connector: OpenConnector | None = None
    source: OpenSource | None = None
    traded: TradedMarket | None = None
    resolve: Resolve = resolve_names
