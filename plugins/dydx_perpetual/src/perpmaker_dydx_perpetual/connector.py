"""The connector: everything of it together."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from perpmaker.venue import ConnectorContext, DerivativeConnector

from .settings import Settings


def open_connector(settings: Settings, context: ConnectorContext) -> AbstractAsyncContextManager[DerivativeConnector]:
    """Open the connector."""
    raise NotImplementedError(settings, context)
