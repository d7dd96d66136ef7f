"""Answers of the Indexer that lack something: a price that is not there yet, and more fills than are read."""

from __future__ import annotations

from typing import Any, ClassVar

import anyio
import anyio.lowlevel
import pytest

from perpmaker import ConnectivityError, DerivativeConnectorDeclaration, Instrument
from perpmaker.model.order import OrderType, Side
from perpmaker.testing.contract.suite import Suite
from perpmaker.venue import RefusalReason, Rejected
from perpmaker_dydx_perpetual import account, register_derivative_connectors, rest

DECLARED: list[DerivativeConnectorDeclaration[Any]] = []
register_derivative_connectors(DECLARED.append)


@pytest.mark.anyio
class TestAnswers(Suite):
    """Over the sandbox, on virtual time."""

    (declaration,) = DECLARED
    market = "ETH-USD"
    options: ClassVar[dict[str, Any]] = {"block_ms": 350}

    @pytest.fixture
    def anyio_backend(self, virtual_time: Any) -> Any:
        """Virtual time."""
        return virtual_time

    async def test_a_market_order_without_an_oracle_price_is_not_sent(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A market that was listed just now has none: the order is refused with that reason, and nothing breaks."""
        async with self.open_room() as room:
            connector: Any = room.connector

            async def fetch_no_mark(_: Instrument) -> None:
                await anyio.lowlevel.checkpoint()

            monkeypatch.setattr(connector, "fetch_mark", fetch_no_mark)
            connector._oracles.clear()
            (outcome,) = await room.place(room.order(Side.BUY, type=OrderType.MARKET))
            assert isinstance(outcome, Rejected)
            assert outcome.refusal.reason is RefusalReason.BUSY
            assert "no oracle price" in outcome.refusal.text

    async def test_more_fills_than_are_read_are_an_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A history with a hole in it would lack fees and profit without a word."""
        monkeypatch.setattr(account, "_MOST_PAGES", 1)
        monkeypatch.setattr(rest, "PAGE", 1)

        async with self.open_room() as room:
            for _ in range(2):
                await room.hold()

            with pytest.raises(ConnectivityError, match="more than 1 fills of ETH-USD"):
                await room.connector.fetch_fills(room.instrument, 0)
