"""One dated picture of an account, as a venue answers it: positions of a market, assets, margin that is free."""

from __future__ import annotations

from decimal import Decimal
from enum import unique
from math import inf

import attrs

from perpmaker.model.margin import free_margin_share
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

    `equity`, `initial_margin` (of positions and orders) and `maintenance_margin` are of the account's margin pool, as
    the venue says them: what stands behind the market's positions, other markets and assets with it where they share
    it. None: not told.
    """

    positions: tuple[Position, ...]
    assets: tuple[Balance, ...]
    available: Decimal
    order_margin: Decimal = Decimal(0)
    bids: Decimal = Decimal(0)
    asks: Decimal = Decimal(0)
    asset_mode: AssetMode = AssetMode.SINGLE
    equity: Decimal | None = None
    initial_margin: Decimal | None = None
    maintenance_margin: Decimal | None = None
    asked_at: float = 0.0

    @property
    def venue_ms(self) -> int:
        """The newest time of the venue in it; 0 where it has none."""
        times = [position.venue_ms for position in self.positions]
        times += [balance.venue_ms for balance in self.assets]

        return max(times, default=0)


@attrs.frozen(kw_only=True)
class AccountFacts:
    """What the venue last said of the account's margin pool, in quote asset; nothing of it is reckoned on in between.

    None: not told. `quote_margin` is what of the initial margin is bound for orders of ours on this market. `asked_at`
    is when the venue was asked, in seconds of the engine's clock, and `mark` the market's mark price then.
    """

    equity: Decimal | None = None
    initial_margin: Decimal | None = None
    maintenance_margin: Decimal | None = None
    quote_margin: Decimal = Decimal(0)
    mark: Decimal | None = None
    asked_at: float = -inf

    @property
    def free_margin(self) -> Decimal | None:
        """The share of the equity that positions and orders do not bind; None where the venue does not tell it."""
        if self.equity is None or self.initial_margin is None:
            return None

        return free_margin_share(self.equity, self.initial_margin)

    @property
    def margin_ratio(self) -> Decimal | None:
        """The venue's own ratio, maintenance margin to equity: it liquidates at 1. None: not told, or no equity."""
        if self.equity is None or self.maintenance_margin is None or self.equity <= 0:
            return None

        return self.maintenance_margin / self.equity
