"""A small part of Binance's spot protocol from the server's side: what a price source asks, over a simulated market.

With the seed of a perpetual's sandbox beside it, the market of the same name moves as that one does.
"""

from __future__ import annotations

from perpmaker_price_sources.binance.sandbox.app import SpotDialect


def dialect() -> SpotDialect:
    """The dialect of the source `binance`."""
    return SpotDialect()
