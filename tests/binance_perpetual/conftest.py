"""What the connector's tests share: a market, its rules, and the values that tests vary."""

from __future__ import annotations

from decimal import Decimal

import pytest

from perpmaker.model.instrument import Instrument, MarginTier
from perpmaker.testing.view import make_instrument


@pytest.fixture(scope="session")
def instrument() -> Instrument:
    """BTC-USDT with the steps it has on the venue."""
    tier = MarginTier(
        floor=Decimal(0),
        cap=Decimal(50_000),
        maintenance_ratio=Decimal("0.004"),
        deduction=Decimal(0),
        max_leverage=125,
    )

    return make_instrument(
        tick=Decimal("0.1"),
        max_market_amount=Decimal(100),
        min_notional=Decimal(50),
        max_leverage=125,
        maker_fee=Decimal("0.0002"),
        taker_fee=Decimal("0.0005"),
        tiers=(tier,),
    )
