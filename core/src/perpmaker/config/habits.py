"""Words for what people write by habit: other file formats, other programs' keys and names, texts without quotes.

None of these words repeats a value of the file, which may be a secret.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Final

PAGE: Final = "docs/from_hummingbot.md"
"""The page that tells how each key of a Hummingbot configuration is carried over."""

_NOT_NEEDED: Final = "is not needed: leave it out"
_NO_TRAILING_STOP: Final = f"there is no trailing stop: leave it out ({PAGE})"
_ONE_LADDER: Final = f"there is no such order of this strategy: leave it out ({PAGE})"

FOREIGN_KEYS: Final[Mapping[str, str]] = {
    "template_version": _NOT_NEEDED,
    "position_management": f"{_NOT_NEEDED}; long_profit_taking_spread and short_profit_taking_spread say it",
    "ts_activation_spread": _NO_TRAILING_STOP,
    "ts_callback_rate": _NO_TRAILING_STOP,
    "close_position_order_type": "is now called stop_loss_order",
    "ping_pong_enabled": f"{_NOT_NEEDED}; when_in_position says what quotes do beside a position",
    "hanging_orders_enabled": f"{_NOT_NEEDED}; when_in_position says what quotes do beside a position",
    "hanging_orders_cancel_pct": f"{_NOT_NEEDED}; minimum_spread and the price band take quotes off",
    "add_transaction_costs": f"{_NOT_NEEDED}; `perpmaker check` prints what the fees leave of a spread",
    "take_if_crossed": f"{_NOT_NEEDED}; quotes never take",
    "order_start_delay": _NOT_NEEDED,
    "max_order_age": _NOT_NEEDED,
    "cancel_order_wait_time": _NOT_NEEDED,
    "should_wait_order_cancel_confirmation": _NOT_NEEDED,
    "profit_taking_spread": "is now two keys: long_profit_taking_spread and short_profit_taking_spread",
    "exchange": "is now called derivative",
    "connector": "is now called derivative",
    "connector_name": "is now called derivative",
    "trading_pair": "is now called market",
    "market_trading_pair": "is now called market",
    "pair": "is now called market",
    "symbol": "is now called market",
    "price_source_exchange": "is now called price_source_derivative",
    "price_source_custom": "is now called price_source_custom_api",
    "custom_api_url": "is now called price_source_custom_api",
    "inventory_skew_enabled": "is now inventory_skew, which goes by the net position and max_position of "
    "[risk.exposure_limit]",
    "inventory_target_base_pct": _ONE_LADDER,
    "inventory_range_multiplier": _ONE_LADDER,
    "moving_price_band_enabled": "is not there: price_ceiling and price_floor are the price band",
    "price_ceiling_pct": "is not there: price_ceiling and price_floor are the price band",
    "price_floor_pct": "is not there: price_ceiling and price_floor are the price band",
    "price_band_refresh_time": "is not there: price_ceiling and price_floor are the price band",
    "split_order_levels_enabled": "is not needed: order_override gives each level its own spread and amount",
    "bid_order_level_spreads": "is now order_override, a row for each level",
    "ask_order_level_spreads": "is now order_override, a row for each level",
    "bid_order_level_amounts": "is now order_override, a row for each level",
    "ask_order_level_amounts": "is now order_override, a row for each level",
    "total_amount_quote": "is now order_amount, in base asset",
    "testnet": 'is now environment = "testnet" in the table of the connector',
    "sandbox_mode": 'is now environment = "sandbox" in the table of the connector',
    "dry_run": 'is now environment = "paper" in the table of the connector',
    "paper_trade": 'is now environment = "paper" in the table of the connector',
}
"""What is said of a key of another program, by its name: where it has gone, or that nothing needs it."""

_ENVIRONMENTS: Final[Mapping[str, str]] = {
    "_testnet": "testnet",
    "_demo": "testnet",
    "_paper_trade": "paper",
    "_paper": "paper",
    "_sandbox": "sandbox",
    "_live": "live",
    "_mainnet": "live",
}
"""Endings of a connector's name by which other programs tell the environment."""

_YAML_LINE = re.compile(r"\s*-?\s*[A-Za-z_][\w.-]*\s*:(\s|$)")
_TOML_LINE = re.compile(r"\s*[A-Za-z0-9_.\"'-]+\s*=")
_VALUE = re.compile(r"\s*([A-Za-z0-9_.-]+)\s*=\s*(.*?)\s*(#.*)?$")
_YAML_NAMES = (".yml", ".yaml")

_OF_VALUE: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (re.compile(r"(?i)true|false|yes|no|on|off"), "must be true or false, in small letters"),
    (re.compile(r"(?i)|none|null|nil|~"), "has no value: leave the key out"),
    (re.compile(r"[+-]?\d+,\d+"), "has a decimal comma: write a point"),
    (re.compile(r"[+-]?[\d.]+\s*(%|bp)"), 'has a unit: leave it out, or put both in quotes, such as "0.1%"'),
    (re.compile(r"[+-]?(\.\d+|\d+\.)"), "is no number of TOML: a digit stands on both sides of the point"),
    (re.compile(r"[+-]?0\d+(\.\d+)?"), "is no number of TOML: it begins with a 0 too many"),
    (re.compile(r"[+-]?[\d.]+\s*[A-Za-z]+"), "must be a number alone, or a text in quotes"),
    (re.compile(r"[^\d\"'\[{+-][^\"']*"), 'is a text without its quotes: write = "..."'),
)
"""What is said of a value that is none of TOML, by its form."""


def other_format(name: str, text: str) -> str | None:
    """Name the format of a text that TOML cannot read, in words. None when it looks like TOML with faults."""
    if text.lstrip().startswith("{") and _is_json(text):
        return "is JSON: perpmaker reads TOML (docs/configuration.md has every key)"

    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    yaml = sum(_YAML_LINE.match(line) is not None for line in lines)
    toml = sum(_TOML_LINE.match(line) is not None for line in lines)

    if yaml > toml or (name.lower().endswith(_YAML_NAMES) and not toml):
        return f"is YAML, and perpmaker reads TOML: `perpmaker import` carries a Hummingbot configuration over ({PAGE})"

    return None


def line_words(line: str) -> str | None:
    """Say what habit a faulty line shows, and what TOML wants instead. None when it shows none."""
    if any(quote in line for quote in "“”„‘’«»"):  # noqa: RUF001  # these are what is looked for
        return 'has typographic quotes: write straight ones (")'

    if line.lstrip().startswith(("//", ";", "--")):
        return "is no comment: one begins with #"

    match = _VALUE.match(line)

    if match is not None:
        value = match[2].removesuffix(",").removesuffix(";").strip()

        return next((words for form, words in _OF_VALUE if form.fullmatch(value)), None)

    if _YAML_LINE.match(line):
        return "is written as in YAML: TOML wants key = value"

    return None


def split_environment(name: str, is_known: Callable[[str], bool]) -> tuple[str, str] | None:
    """Split a name such as `binance_perpetual_testnet` into a known connector and the environment it means."""
    for ending, environment in _ENVIRONMENTS.items():
        connector = name.removesuffix(ending)

        if connector != name and is_known(connector):
            return connector, environment

    return None


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False

    return True
