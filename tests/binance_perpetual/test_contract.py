"""The contract suite against Binance's connector and its sandbox."""

from __future__ import annotations

from typing import Any

import pytest

from perpmaker import DerivativeConnectorDeclaration
from perpmaker.testing.contract import ConnectorContract
from perpmaker_binance_perpetual import register_derivative_connectors

DECLARED: list[DerivativeConnectorDeclaration[Any]] = []
register_derivative_connectors(DECLARED.append)


class TestBinanceContract(ConnectorContract):
    """On asyncio; with `--full` on trio too."""

    (declaration,) = DECLARED
    market = "ETH-USDT"

    @pytest.fixture(params=["asyncio", pytest.param("trio", marks=pytest.mark.full)])
    def anyio_backend(self, request: pytest.FixtureRequest) -> Any:
        """Both event loops, on virtual time."""
        return request.getfixturevalue("virtual_asyncio" if request.param == "asyncio" else "virtual_trio")
