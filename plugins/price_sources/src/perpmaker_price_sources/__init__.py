"""Price sources for perpmaker: where the reference price of a strategy's quotes comes from."""

from __future__ import annotations

import attrs

from perpmaker import PriceSourceDeclaration, Register, hookimpl

__plugin_api__ = 1


@attrs.frozen(kw_only=True)
class CurrentMarketSettings:
    """The traded market's own book needs no settings beyond the strategy's."""


@hookimpl
def register_price_sources(register: Register[PriceSourceDeclaration]) -> None:
    """Declare `current_market`, which the engine derives from the traded book and so is never opened."""
    register(
        PriceSourceDeclaration(
            name="current_market",
            summary="The traded market's own book, without our orders, and its trades",
            settings=CurrentMarketSettings,
            open=None,
            price_types=("mid_price", "last_price", "last_own_trade_price", "best_bid", "best_ask"),
        )
    )
