"""What becomes of each key of Hummingbot's perpetual_market_making, of its versions 1 to 6 and of its relatives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

STRATEGY: Final = "perpetual_market_making"

KEPT: Final = (
    *("strategy", "derivative", "market", "leverage", "position_mode"),
    *("bid_spread", "ask_spread", "minimum_spread", "order_amount", "order_refresh_time"),
    *("order_refresh_tolerance_pct", "order_levels", "order_level_spread", "order_level_amount", "order_override"),
    *("price_ceiling", "price_floor", "order_optimization_enabled"),
    *("bid_order_optimization_depth", "ask_order_optimization_depth", "filled_order_delay"),
    *("long_profit_taking_spread", "short_profit_taking_spread", "stop_loss_spread"),
    *("time_between_stop_loss_orders", "stop_loss_slippage_buffer"),
    *("price_source", "price_type", "price_source_derivative", "price_source_market"),
    *("price_source_custom_api", "custom_api_update_interval"),
)
"""Keys that are called the same here."""

RENAMED: Final[Mapping[str, tuple[str, ...]]] = {
    "exchange": ("derivative",),
    "connector": ("derivative",),
    "connector_name": ("derivative",),
    "trading_pair": ("market",),
    "market_trading_pair": ("market",),
    "profit_taking_spread": ("long_profit_taking_spread", "short_profit_taking_spread"),
    "close_position_order_type": ("stop_loss_order",),
    "price_source_exchange": ("price_source_derivative",),
    "price_source_custom": ("price_source_custom_api",),
}
"""Keys that have another name here."""

UNNEEDED: Final = frozenset(
    {"template_version", "order_start_delay", "cancel_order_wait_time", "should_wait_order_cancel_confirmation"}
)
"""Keys that say nothing about trading."""

SWITCHES: Final[Mapping[str, str]] = {
    "ping_pong_enabled": "quotes here do not alternate between the sides: filled_order_delay and when_in_position say "
    "what follows a fill",
    "hanging_orders_enabled": "quotes of the other side do not hang on here: when_in_position says what they do beside "
    'a position ("hold" keeps those that add to it)',
    "add_transaction_costs": "spreads are not widened by fees here: add them to bid_spread and ask_spread "
    "(perpmaker check prints what the fees leave of a spread)",
    "take_if_crossed": "quotes never take here: one at or through the other side is withheld",
    "inventory_skew_enabled": "the shares of a spot account have no meaning beside a position: inventory_skew moves "
    "the ladder against the net position",
    "moving_price_band_enabled": "the price band does not move here: price_ceiling and price_floor",
    "split_order_levels_enabled": "order_override gives each level its own spread and amount",
}
"""Features that are not here, by the flag that turns them on there. Off, they need no word."""

OF_SWITCH: Final[Mapping[str, str]] = {
    "hanging_orders_cancel_pct": "hanging_orders_enabled",
    "inventory_target_base_pct": "inventory_skew_enabled",
    "inventory_range_multiplier": "inventory_skew_enabled",
    "price_ceiling_pct": "moving_price_band_enabled",
    "price_floor_pct": "moving_price_band_enabled",
    "price_band_refresh_time": "moving_price_band_enabled",
    "bid_order_level_spreads": "split_order_levels_enabled",
    "ask_order_level_spreads": "split_order_levels_enabled",
    "bid_order_level_amounts": "split_order_levels_enabled",
    "ask_order_level_amounts": "split_order_levels_enabled",
}
"""Keys that belong to such a feature, and say nothing without it."""

TRAILING: Final = frozenset({"position_management", "ts_activation_spread", "ts_callback_rate"})

NO_TRAILING: Final = (
    "there is no trailing stop here: each position has its profit-taking order. Set long_profit_taking_spread and "
    "short_profit_taking_spread; left out they are 0, and a position is closed at its entry price"
)

CONNECTORS: Final[Mapping[str, str]] = {"dydx_v4_perpetual": "dydx_perpetual", "bybit_v5_perpetual": "bybit_perpetual"}
"""Connectors that have another name here."""

IDLE: Final[Mapping[str, tuple[str, str]]] = {
    "price_source_derivative": ("price_source", "external_market"),
    "price_source_market": ("price_source", "external_market"),
    "price_source_custom_api": ("price_source", "custom_api"),
    "custom_api_update_interval": ("price_source", "custom_api"),
}
"""Keys that do something only where another key has a certain value."""
