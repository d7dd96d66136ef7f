"""One dated picture of an account, as a venue answers it: positions of a market, assets, margin that is free."""

from __future__ import annotations

from decimal import Decimal
from enum import unique

import attrs

from perpmaker.model.position import Balance, Position
from perpmaker.model.word import Word


@unique
class AssetMode(Word):
    """Which assets of an account stand behind its positions.

    SINGLE: the settlement asset alone. MULTI: all assets together, valued in one. CREDITS: credits that the venue lends
    against assets. PORTFOLIO: all assets and positions together, by the venue's own risk model.
    """

    SINGLE = "single"
    MULTI = "multi"
    CREDITS = "credits"
    PORTFOLIO = "portfolio"


@attrs.frozen(kw_only=True)
class AccountSnapshot:
    """An account at one moment. Money is Decimal in the market's quote asset, but for `assets`.

    `positions` are those of the market: one NET in One-way, LONG and SHORT in Hedge, flat ones included. `available`
    is what the venue says may be taken as margin for new orders of the market; other markets, other assets and
    transfers are in it. `order_margin` is what the venue binds for the open orders of the market, everybody's;
    `bids` and `asks` are their notional. `asked_at` is the engine's time at which the core asked.
    """

    positions: tuple[Position, ...]
    assets: tuple[Balance, ...]
    available: Decimal
    order_margin: Decimal = Decimal(0)
    bids: Decimal = Decimal(0)
    asks: Decimal = Decimal(0)
    asset_mode: AssetMode = AssetMode.SINGLE
    asked_at: float = 0.0

    @property
    def venue_ms(self) -> int:
        """The newest time of the venue in it; 0 where it has none."""
        times = [position.venue_ms for position in self.positions]
        times += [balance.venue_ms for balance in self.assets]

        return max(times, default=0)
