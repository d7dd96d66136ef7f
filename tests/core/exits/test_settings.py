from __future__ import annotations

from decimal import Decimal

from perpmaker.exits.settings import ExitSettings


def test_every_key_exists_with_its_default() -> None:
    """Targets at the entry price, no stop, renewal after 60 s, a buffer of 0.5 %, limit orders."""
    plain = ExitSettings()

    assert (plain.long_profit_taking_spread, plain.short_profit_taking_spread) == (0, 0)
    assert plain.stop_loss_spread is None
    assert plain.time_between_stop_loss_orders == 60.0
    assert plain.stop_loss_slippage_buffer == Decimal("0.005")
    assert plain.stop_loss_order == "limit"
    assert list(plain.faults()) == []


def test_what_is_not_built_is_refused_plainly() -> None:
    """A stop that should rest on the venue is refused until it is built, and never ignored."""
    faults = list(ExitSettings(stop_loss_order="venue").faults())

    assert [key for key, _ in faults] == ["stop_loss_order"]
    assert "not built yet" in faults[0][1]
