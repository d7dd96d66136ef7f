"""The contract suite against Fathom, an exchange that was made up to be unlike the others.

With `--full`: the kit that it is made of is under the connectors of the three venues too, and Fathom's own ways have
tests of their own.
"""

from __future__ import annotations

from typing import Any

import pytest

from perpmaker import DerivativeConnectorDeclaration
from perpmaker.testing.contract import ConnectorContract

from .fathom.connector import register_derivative_connectors

DECLARED: list[DerivativeConnectorDeclaration[Any]] = []
register_derivative_connectors(DECLARED.append)

ROWS = ("order", "fill", "position")


@pytest.mark.full
class TestFathomContract(ConnectorContract):
    """Numbers for ids, a gateway that answers first, one stream for everything."""

    (declaration,) = DECLARED
    market = "ETH-USDT"
    lacks = dict.fromkeys(
        ("test_reduce_only_orders_without_a_position_are_refused", "test_a_reduce_only_order_closes_and_no_more"),
        "Fathom cannot be told that an order only reduces a position",
    )
    lacks["test_a_forced_fill_is_told_as_forced"] = "Fathom does not tell what it has done on its own account"
    lacks["test_settings_that_a_person_has_changed_are_read"] = "Fathom has no isolated margin"
    lacks |= {f"test_odd_rows_hide_no_{what}_of_ours": "Fathom's rows have no names" for what in ROWS}

    @pytest.fixture(params=["asyncio", pytest.param("trio", marks=pytest.mark.full)])
    def anyio_backend(self, request: pytest.FixtureRequest) -> Any:
        """Both event loops, on virtual time."""
        return request.getfixturevalue("virtual_asyncio" if request.param == "asyncio" else "virtual_trio")
