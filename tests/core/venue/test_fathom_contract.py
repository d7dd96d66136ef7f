"""The contract suite against the connector of a venue that does not exist, which stands over the kit alone."""

from __future__ import annotations

from typing import Any

import pytest

from perpmaker import DerivativeConnectorDeclaration
from perpmaker.testing.contract import ConnectorContract

from .fathom.connector import register_derivative_connectors

DECLARED: list[DerivativeConnectorDeclaration[Any]] = []
register_derivative_connectors(DECLARED.append)


class TestFathomContract(ConnectorContract):
    """On virtual time. What the suite takes for granted and Fathom has not is left out."""

    (declaration,) = DECLARED
    market = "ETH-USDT"

    # It cannot be told that an order only reduces, which is why it is asked to keep no target beside a quote.
    test_reduce_only_orders_without_a_position_are_refused = None
    test_a_reduce_only_order_closes_and_no_more = None
    test_the_margin_mode_is_set_and_left_alone = None  # there is one: cross
    test_odd_rows_hide_no_position_of_ours = None  # its account is one object without a list

    @pytest.fixture
    def anyio_backend(self, virtual_time: Any) -> Any:
        """Sleeping costs nothing."""
        return virtual_time
