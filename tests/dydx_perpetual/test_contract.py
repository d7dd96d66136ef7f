"""The contract suite against dYdX's connector and its sandbox."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from perpmaker import DerivativeConnectorDeclaration
from perpmaker.testing.contract import ConnectorContract
from perpmaker.testing.contract.spy import Route
from perpmaker_dydx_perpetual import register_derivative_connectors

DECLARED: list[DerivativeConnectorDeclaration[Any]] = []
register_derivative_connectors(DECLARED.append)

SEND = Route("POST", "/", "broadcast_tx_sync")


class TestDydxContract(ConnectorContract):
    """Blocks of a third of a second, and quotes that live for fifteen of them."""

    (declaration,) = DECLARED
    market = "ETH-USD"
    settings: ClassVar[dict[str, Any]] = {"quote_blocks": 15, "deadline_s": 1.0}
    options: ClassVar[dict[str, Any]] = {"block_ms": 350, "funding_late_s": 0}
    routes: ClassVar[dict[str, Route]] = {
        "place": SEND,
        "cancel": SEND,
        "amend": SEND,
        "place many": SEND,
        "stop": SEND,
    }
    settle_s = 2.0
    gone_s = 7.0
    lacks: ClassVar[dict[str, str]] = dict.fromkeys(
        ("test_reduce_only_orders_without_a_position_are_refused",), "nothing that only reduces rests on dYdX"
    )
    lacks["test_an_order_without_margin_is_refused_for_it"] = "dYdX demands no margin of orders that rest"
    lacks["test_odd_rows_hide_no_position_of_ours"] = "dYdX tells positions as a table by market, not as rows"
    lacks["test_settings_that_a_person_has_changed_are_read"] = "dYdX sets no margin mode of a market"

    @pytest.fixture(params=["asyncio", pytest.param("trio", marks=pytest.mark.full)])
    def anyio_backend(self, request: pytest.FixtureRequest) -> Any:
        """Both event loops, on virtual time."""
        return request.getfixturevalue("virtual_asyncio" if request.param == "asyncio" else "virtual_trio")
