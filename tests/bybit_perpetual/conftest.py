"""What the connector's tests share: a market with the steps that it has on the venue."""

from __future__ import annotations

from decimal import Decimal

import pytest

from perpmaker.model.instrument import Instrument, MarginTier
from perpmaker.testing.view import make_instrument


@pytest.fixture
def instrument() -> Instrument:
    """BTC-USDT."""
    tier = MarginTier(
        floor=Decimal(0),
        cap=Decimal(2_000_000),
        maintenance_ratio=Decimal("0.005"),
        deduction=Decimal(0),
        max_leverage=100,
    )

    return make_instrument(
        tick=Decimal("0.1"),
        max_amount=Decimal(1190),
        max_market_amount=Decimal(500),
        min_notional=Decimal(5),
        maker_fee=Decimal("0.0002"),
        taker_fee=Decimal("0.00055"),
        tiers=(tier,),
    )
