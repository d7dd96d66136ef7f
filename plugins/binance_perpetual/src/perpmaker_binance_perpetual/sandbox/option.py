"""What can be set about the venue's behaviour, so that a test can make it slow, late, strict or forgetful."""

from __future__ import annotations

from typing import Any

import attrs
from attrs import validators


def _natural(_options: object, field: attrs.Attribute[int], value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{field.name} must be a whole number from 0 on, not {value!r}")


def _seconds(_options: object, field: attrs.Attribute[float], value: object) -> None:
    if not isinstance(value, int | float) or isinstance(value, bool) or not value > 0:
        raise ValueError(f"{field.name} must be a number of seconds above 0, not {value!r}")


@attrs.frozen(kw_only=True)
class Options:
    """The venue's knobs; times in the unit of their name.

    `server_time_offset_ms`: the venue's clock ahead of ours. `read_lag_ms`: what is asked about orders, trades and
    positions is answered as it was that long ago. `late_match_ms`: a command reaches the matching engine that much
    later than the sandbox's order latency has it; `checks_window_at_match`: there the window is checked again (-5028).
    `hidden_for_ms`: a new order is not found by queries for that long. `listen_key_life_s`: without renewal.
    `socket_life_s`: after which every socket is closed. `enforce_limits`, `weight_1m`, `orders_10s`, `orders_1m`: the
    rate limits. `rhythm_ms`: how often the fastest public streams speak (differences of the book, aggregate trades).
    `trade_lite`: send TRADE_LITE before each fill. `race_ms`: answers to commands and user events are each held back by
    up to that long, at random from `seed`, so that they and the kinds of events overtake each other. `withdrawals`,
    `ip_restricted`: what the key's permissions say.
    """

    server_time_offset_ms: int = attrs.field(default=0, validator=validators.instance_of(int))
    read_lag_ms: int = attrs.field(default=0, validator=_natural)
    late_match_ms: int = attrs.field(default=0, validator=_natural)
    checks_window_at_match: bool = attrs.field(default=True, validator=validators.instance_of(bool))
    hidden_for_ms: int = attrs.field(default=0, validator=_natural)
    listen_key_life_s: float = attrs.field(default=3600.0, validator=_seconds)
    socket_life_s: float = attrs.field(default=86_400.0, validator=_seconds)
    enforce_limits: bool = attrs.field(default=True, validator=validators.instance_of(bool))
    weight_1m: int = attrs.field(default=2400, validator=_natural)
    orders_10s: int = attrs.field(default=300, validator=_natural)
    orders_1m: int = attrs.field(default=1200, validator=_natural)
    rhythm_ms: int = attrs.field(default=100, validator=[_natural, validators.ge(1)])
    trade_lite: bool = attrs.field(default=True, validator=validators.instance_of(bool))
    race_ms: int = attrs.field(default=0, validator=_natural)
    seed: int = attrs.field(default=0, validator=validators.instance_of(int))
    withdrawals: bool = attrs.field(default=False, validator=validators.instance_of(bool))
    ip_restricted: bool = attrs.field(default=True, validator=validators.instance_of(bool))


def parse_options(values: dict[str, Any]) -> Options:
    """The options by name; ValueError naming what is not one, TypeError or ValueError for a value that cannot be."""
    known = {field.name for field in attrs.fields(Options)}
    unknown = sorted(set(values) - known)

    if unknown:
        raise ValueError(f"unknown options {', '.join(unknown)}; there are {', '.join(sorted(known))}")

    return Options(**values)
