from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import attrs

from perpmaker.strategy.settings import DEFAULT_MAX_AGE_S, StrategySettings

Make = Callable[..., StrategySettings]

KEYS = {
    "bid_spread": attrs.NOTHING,
    "ask_spread": attrs.NOTHING,
    "minimum_spread": None,
    "order_amount": attrs.NOTHING,
    "order_amount_basis": "contracts",
    "order_refresh_time": attrs.NOTHING,
    "order_refresh_tolerance_pct": Decimal(0),
    "order_levels": 1,
    "order_level_spread": Decimal("0.01"),
    "order_level_amount": Decimal(0),
    "order_override": {},
    "price_type": "mid_price",
    "price_source_max_age": None,
    "price_source_max_deviation": Decimal("0.02"),
    "price_ceiling": None,
    "price_floor": None,
    "order_optimization_enabled": False,
    "order_optimization_mode": "retreat",
    "bid_order_optimization_depth": Decimal(0),
    "ask_order_optimization_depth": Decimal(0),
    "filled_order_delay": 60.0,
    "max_margin": None,
    "when_in_position": "hold",
    "inventory_skew": None,
    "inventory_skew_distance": None,
    "skew_may_close_at_loss": False,
}


def test_every_key_exists_with_its_default() -> None:
    """The settings are exactly the strategy's keys, and a key left out means what the table says."""
    fields = attrs.fields_dict(StrategySettings)
    required = {name for name, default in KEYS.items() if default is attrs.NOTHING}
    plain = StrategySettings(
        bid_spread=Decimal("0.01"), ask_spread=Decimal("0.01"), order_amount=Decimal(1), order_refresh_time=30.0
    )

    assert set(fields) == set(KEYS)
    assert {name for name, field in fields.items() if field.default is attrs.NOTHING} == required
    assert {name: getattr(plain, name) for name in KEYS if name not in required} == {
        name: default for name, default in KEYS.items() if name not in required
    }


def test_max_age_is_ten_seconds_unless_given(settings: Make) -> None:
    """A reference is stale from ten seconds on where the file says nothing."""
    assert settings().max_age_s == DEFAULT_MAX_AGE_S == 10.0
    assert settings(price_source_max_age=3.0).max_age_s == 3.0


def test_keys_that_disagree_are_faults(settings: Make) -> None:
    """Every disagreement between keys is reported under the key to change."""
    for given, faulty in [
        ({"minimum_spread": "0.02"}, ["minimum_spread", "minimum_spread"]),
        ({"minimum_spread": "0.01"}, []),
        ({"minimum_spread": "-0.5"}, []),
        (
            {"minimum_spread": "0.005", "order_override": {"a": ("buy", Decimal("0.001"), Decimal(1))}},
            ["minimum_spread"],
        ),
        ({"price_ceiling": "90", "price_floor": "100"}, ["price_ceiling"]),
        ({"price_ceiling": "100", "price_floor": "100"}, ["price_ceiling"]),
        ({"price_ceiling": "100"}, []),
        ({"inventory_skew": "1"}, ["inventory_skew"]),
        ({"inventory_skew": "1", "when_in_position": "continue"}, []),
        ({"inventory_skew_distance": "0.1"}, ["inventory_skew_distance"]),
        ({"skew_may_close_at_loss": True}, ["skew_may_close_at_loss"]),
    ]:
        assert [key for key, _ in settings(**given).faults()] == faulty
