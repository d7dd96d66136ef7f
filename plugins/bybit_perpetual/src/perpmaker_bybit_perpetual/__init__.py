"""Bybit v5 linear perpetual futures for perpmaker: the connector `bybit_perpetual` and its sandbox."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from perpmaker import DerivativeConnectorDeclaration, Register, hookimpl

if TYPE_CHECKING:
    from perpmaker.venue import ConnectorContext, DerivativeConnector
    from perpmaker_bybit_perpetual.sandbox.app import BybitDialect
    from perpmaker_bybit_perpetual.settings import Settings

__plugin_api__ = 1


@hookimpl
def register_derivative_connectors(register: Register[DerivativeConnectorDeclaration[Settings]]) -> None:
    """Declare `bybit_perpetual`; what it needs is imported when it is opened."""
    from perpmaker_bybit_perpetual.settings import NAME, Settings  # noqa: PLC0415  # nothing before it is needed

    register(
        DerivativeConnectorDeclaration(
            name=NAME,
            summary="Bybit v5 linear perpetual futures",
            settings=Settings,
            open=_open,
            sandbox=_sandbox,
        )
    )


def _open(settings: Settings, context: ConnectorContext) -> AbstractAsyncContextManager[DerivativeConnector]:
    from perpmaker_bybit_perpetual.connector import open_connector  # noqa: PLC0415  # httpx alone costs 0.1 s

    return open_connector(settings, context)


def _sandbox() -> BybitDialect:
    from perpmaker_bybit_perpetual.sandbox import dialect  # noqa: PLC0415  # only `perpmaker sandbox` needs it

    return dialect()
