"""The contract suite against Bybit's connector and its sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from perpmaker import DerivativeConnectorDeclaration
from perpmaker.testing.contract import ConnectorContract, Route
from perpmaker_bybit_perpetual import register_derivative_connectors

DECLARED: list[DerivativeConnectorDeclaration[Any]] = []
register_derivative_connectors(DECLARED.append)


class TestBybitContract(ConnectorContract):
    """On asyncio; with `--full` on trio too."""

    (declaration,) = DECLARED
    market = "ETH-USDT"
    # Ordinary accounts have ten commands of a kind in a second, and the suite's bursts need more: as better tiers have.
    settings: ClassVar[Mapping[str, Any]] = {"orders_per_s": 40}
    options: ClassVar[Mapping[str, Any]] = {"orders_per_s": 40}
    # A stop that is set already is looked up: what is asked last is then a question.
    routes: ClassVar[Mapping[str, Route]] = {"stop": Route("POST", "/v5/position/trading-stop")}

    @pytest.fixture(params=["asyncio", pytest.param("trio", marks=pytest.mark.full)])
    def anyio_backend(self, request: pytest.FixtureRequest) -> Any:
        """Both event loops, on virtual time."""
        return request.getfixturevalue("virtual_asyncio" if request.param == "asyncio" else "virtual_trio")
