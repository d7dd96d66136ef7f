"""What can be set about this venue's behaviour, besides what can be set of every venue."""

from __future__ import annotations

import attrs
from attrs import validators

from perpmaker.venue.sandbox import StopCustoms, natural, seconds


@attrs.frozen(kw_only=True)
class Options:
    """The venue's own options.

    `listen_key_life_s`: without renewal. `weight_1m`, `orders_10s`, `orders_1m`: the rate limits. `trade_lite`: send
    TRADE_LITE before each fill. `withdrawals`, `ip_restricted`: what the key's permissions say.

    What Binance does not say, and `perpmaker probe` asks: `switch_takes_stops`: a countdown that ends takes conditional
    orders too. `refuses_stop_beside_target`: none that closes the position is taken beside a reduce-only order of all
    of it. `keeps_stop_when_flat`: it rests on when its position is closed. `stop_trades_with_own`: one that is
    triggered trades with the account's own orders. `credits`: the account is in credits mode, and what is free stands
    in the row of that asset (`USDT`, `BNFCR`).
    """

    listen_key_life_s: float = attrs.field(default=3600.0, validator=seconds)
    weight_1m: int = attrs.field(default=2400, validator=natural)
    orders_10s: int = attrs.field(default=300, validator=natural)
    orders_1m: int = attrs.field(default=1200, validator=natural)
    trade_lite: bool = attrs.field(default=True, validator=validators.instance_of(bool))
    withdrawals: bool = attrs.field(default=False, validator=validators.instance_of(bool))
    ip_restricted: bool = attrs.field(default=True, validator=validators.instance_of(bool))
    switch_takes_stops: bool = attrs.field(default=False, validator=validators.instance_of(bool))
    refuses_stop_beside_target: bool = attrs.field(default=False, validator=validators.instance_of(bool))
    keeps_stop_when_flat: bool = attrs.field(default=True, validator=validators.instance_of(bool))
    stop_trades_with_own: bool = attrs.field(default=False, validator=validators.instance_of(bool))

    credits: str = attrs.field(default="", validator=validators.instance_of(str))

    @property
    def stop_customs(self) -> StopCustoms:
        """What the exchange does with conditional orders."""
        return StopCustoms(taken_by_switch=self.switch_takes_stops, end_when_flat=not self.keeps_stop_when_flat)
