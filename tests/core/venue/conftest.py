"""What the kit's tests share: a market of a venue that does not exist."""

from __future__ import annotations

from decimal import Decimal

import pytest

from perpmaker.model.instrument import Instrument
from perpmaker.testing.view import make_instrument


@pytest.fixture
def instrument() -> Instrument:
    """A market with ticks of 0.5 and lots of 0.01."""
    return make_instrument(
        market="ORE-GOLD",
        symbol="ORE_GOLD",
        base="ORE",
        quote="GOLD",
        tick=Decimal("0.5"),
        lot=Decimal("0.01"),
        min_amount=Decimal("0.01"),
        max_market_amount=Decimal(100),
        min_notional=Decimal(1),
        max_leverage=10,
        maker_fee=Decimal("0.0002"),
        taker_fee=Decimal("0.0005"),
    )
