"""The connector: signing, REST, streams and translation composed into a `DerivativeConnector`."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from perpmaker.venue import ConnectorContext, DerivativeConnector
from perpmaker_bybit_perpetual.settings import Settings


def open_connector(settings: Settings, context: ConnectorContext) -> AbstractAsyncContextManager[DerivativeConnector]:
    """Open the connector."""
    raise NotImplementedError(settings, context)
