"""Values of a Hummingbot configuration as TOML's: what a text means for a key, and where it has to be written anew."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final, TypeAlias

import attrs

from perpmaker.config.yaml_file import Value

Plain: TypeAlias = "str | bool | int | Decimal | list[Plain] | dict[str, Plain]"
"""A value as TOML has it."""

PERCENT: Final = frozenset(
    {
        *("bid_spread", "ask_spread", "minimum_spread", "order_refresh_tolerance_pct", "order_level_spread"),
        *("long_profit_taking_spread", "short_profit_taking_spread", "stop_loss_spread", "stop_loss_slippage_buffer"),
    }
)
SECONDS: Final = frozenset(
    {"order_refresh_time", "time_between_stop_loss_orders", "filled_order_delay", "custom_api_update_interval"}
)
AMOUNTS: Final = frozenset(
    {
        *("order_amount", "order_level_amount", "price_ceiling", "price_floor"),
        *("bid_order_optimization_depth", "ask_order_optimization_depth"),
    }
)
WHOLE: Final = frozenset({"leverage", "order_levels"})
FLAGS: Final = frozenset({"order_optimization_enabled"})
MARKETS: Final = frozenset({"market", "price_source_market"})

YES: Final = frozenset({"true", "yes", "y", "on", "1"})
NO: Final = frozenset({"false", "no", "n", "off", "0"})

_NUMBER = re.compile(r"([+-]?)(\d[\d_]*)?(\.\d*)?([eE][+-]?\d{1,2})?")
_UNIT = re.compile(r"(.*?)\s*(%|pct|percent|bps?|x|s|secs?|seconds?|m|mins?|minutes?|h|hours?)", re.IGNORECASE)
_SHARES: Final[Mapping[str, Decimal]] = {
    "%": Decimal(1),
    "pct": Decimal(1),
    "percent": Decimal(1),
    "bp": Decimal("0.01"),
}
_TIMES: Final[Mapping[str, int]] = {"s": 1, "m": 60, "h": 3600}
_QUOTES = ("USDT", "USDC", "BUSD", "FDUSD", "USD")
_PAIR = re.compile(r"(?P<base>[^-/_:\s]+)[-/_](?P<quote>[^-/_:\s]+)(?P<rest>(?:[:-](?:SWAP|PERP|USDT|USDC|USD))?)")
_MODES: Final[Mapping[str, str]] = {"oneway": "One-way", "hedge": "Hedge"}
_ROW = 3
_SIDES: Final[Mapping[str, str]] = {"buy": "buy", "bid": "buy", "sell": "sell", "ask": "sell"}


@attrs.frozen
class Read:
    """What a text means; `words` where it was written in another way than here, or cannot be what the key wants."""

    value: Plain
    words: str = ""


def read_value(key: str, value: Value) -> Read:
    """Return what a value means for a key of ours. What it cannot mean stays as it is, with words."""
    if key == "order_override":
        return _override(value)

    return _read_text(key, value.strip()) if isinstance(value, str) else Read(str(value)[:40], "is no single value")


def _read_text(key: str, text: str) -> Read:
    if key in FLAGS:
        return _flag(text)

    if key in PERCENT | SECONDS | AMOUNTS | WHOLE:
        return _number(key, text)

    if key in MARKETS:
        return _market(text)

    if key == "position_mode":
        return _renamed(text, _MODES.get(re.sub(r"[^a-z]", "", text.casefold()).removesuffix("mode")))

    return Read(text)


def is_yes(value: Value) -> bool:
    """Return whether a value says yes."""
    return isinstance(value, str) and value.strip().casefold() in YES


def is_off(value: Value) -> bool:
    """Return whether a value says no, or nothing."""
    return value is None or (isinstance(value, str) and value.strip().casefold() in NO)


def decimal_of(text: str) -> Decimal | None:
    """Return a number as it is written, exactly; None for a text that is none, or that YAML would read otherwise."""
    match = _NUMBER.fullmatch(text)

    if match is None or not (match[2] or len(match[3] or "") > 1):
        return None

    digits = (match[2] or "0").replace("_", "")

    if len(digits) > 1 and digits.startswith("0"):
        return None  # octal in one YAML, decimal in another

    return Decimal(f"{match[1]}{digits}{match[3] or ''}{match[4] or ''}")


def _renamed(text: str, known: str | None) -> Read:
    if known is None or known == text:
        return Read(text)

    return Read(known, f'is written "{known}" here')


def _flag(text: str) -> Read:
    folded = text.casefold()

    if folded in YES | NO:
        return Read(folded in YES)

    return Read(text, "must be true or false")


def _number(key: str, text: str) -> Read:
    number, words = decimal_of(text), ""

    if number is None:
        number, words = _with_unit(key, text)

    if number is None:
        return Read(text, words or _no_number(text))

    if key in WHOLE and number == number.to_integral_value():
        return Read(int(number), words)

    return Read(int(number) if _is_plain_whole(text, number) else number, words)


def _is_plain_whole(text: str, number: Decimal) -> bool:
    return text.lstrip("+-").isdigit() and number == number.to_integral_value()


def _with_unit(key: str, text: str) -> tuple[Decimal | None, str]:
    """A number with the unit that its key has anyway, or one that can be turned into it."""
    match = _UNIT.fullmatch(text)
    number = None if match is None else decimal_of(match[1])

    if match is None or number is None:
        return None, ""

    unit = match[2].casefold()
    share = _SHARES.get("bp" if unit == "bps" else unit)

    if key in PERCENT and share is not None:
        return (number * share).normalize() + 0, "a number is percent here, and needs no unit"

    if key in SECONDS and unit[0] in _TIMES:
        return number * _TIMES[unit[0]], "is in seconds here"

    if key == "leverage" and unit == "x":
        return number, "needs no x"

    return None, f"has a unit ({match[2]}) that is none of this key"


def _no_number(text: str) -> str:
    if "#" in text:
        return "holds a #: a comment needs a space before it"

    if re.fullmatch(r"[+-]?\d+,\d+", text):
        return "has a decimal comma: write a point"

    if re.fullmatch(r"[+-]?0\d+(\.\d+)?", text):
        return "begins with a 0 too many, which YAML takes for octal"

    if re.fullmatch(r"\d+(:\d+)+", text):
        return "has a colon, which YAML takes for minutes and seconds: write seconds"

    return "is no number"


def _market(text: str) -> Read:
    upper = text.upper()
    match = _PAIR.fullmatch(upper)

    if match is not None:
        return _renamed(text, f"{match['base']}-{match['quote']}")

    for quote in _QUOTES:
        if upper.isalnum() and upper.endswith(quote) and len(upper) > len(quote):
            return _renamed(text, f"{upper.removesuffix(quote)}-{quote}")

    return Read(text)


def _override(value: Value) -> Read:
    """The rows of order_override, however they are written: a table, a list of rows, or either as JSON in a text."""
    if isinstance(value, str):
        value = _of_json(value)

    if isinstance(value, list):
        value = {f"order_{at}": row for at, row in enumerate(value, 1)}
        words = "the rows got names"
    else:
        words = ""

    if not isinstance(value, dict):
        return Read(str(value)[:40], "must be a table of rows: name: [buy or sell, spread, amount]")

    rows: dict[str, Plain] = {}

    for name, row in value.items():
        read = _row(row)
        rows[name] = read.value
        words = words or (f"{name} {read.words}" if read.words else "")

    return Read(rows, words)


def _of_json(text: str) -> Value:
    """The value of a text of JSON, its numbers as they are written; the text itself where it is none."""
    try:
        found: Value = json.loads(text, parse_float=str, parse_int=str)
    except (ValueError, RecursionError):
        return text

    return found


def _row(value: Value) -> Read:
    if isinstance(value, str):
        value = [part.strip().strip("'\"") for part in value.strip().strip("[]").split(",")]

    if not isinstance(value, list) or len(value) != _ROW or not all(isinstance(part, str) for part in value):
        return Read(str(value)[:40], "must be a list of three: buy or sell, spread, amount")

    side, spread, amount = (str(part).strip() for part in value)
    read_spread, read_amount = _number("bid_spread", spread), _number("order_amount", amount)
    words = next((read.words for read in (read_spread, read_amount) if read.words), "")

    return Read([_SIDES.get(side.casefold(), side), read_spread.value, read_amount.value], words)
