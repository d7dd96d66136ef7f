"""What can be set about this venue's behaviour, besides what can be set of every venue."""

from __future__ import annotations

import attrs
from attrs import validators

from perpmaker.venue.sandbox import natural, seconds


@attrs.frozen(kw_only=True)
class Options:
    """The venue's own options.

    `listen_key_life_s`: without renewal. `weight_1m`, `orders_10s`, `orders_1m`: the rate limits. `trade_lite`: send
    TRADE_LITE before each fill. `withdrawals`, `ip_restricted`: what the key's permissions say.
    """

    listen_key_life_s: float = attrs.field(default=3600.0, validator=seconds)
    weight_1m: int = attrs.field(default=2400, validator=natural)
    orders_10s: int = attrs.field(default=300, validator=natural)
    orders_1m: int = attrs.field(default=1200, validator=natural)
    trade_lite: bool = attrs.field(default=True, validator=validators.instance_of(bool))
    withdrawals: bool = attrs.field(default=False, validator=validators.instance_of(bool))
    ip_restricted: bool = attrs.field(default=True, validator=validators.instance_of(bool))
