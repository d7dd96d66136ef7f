from __future__ import annotations

from decimal import Decimal

from perpmaker.exits.settings import ExitSettings


def test_every_key_exists_with_its_default() -> None:
    """Targets at the entry price, no stop, renewal after 60 s, a buffer of 0.5 %, limit orders."""
    plain = ExitSettings()

    assert (plain.long_profit_taking_spread, plain.short_profit_taking_spread) == (Decimal(0), Decimal(0))
    assert plain.stop_loss_spread is None
    assert plain.time_between_stop_loss_orders == 60.0
    assert plain.stop_loss_slippage_buffer == Decimal("0.005")
    assert plain.stop_loss_order == "limit"
