"""The Binance USDⓈ-M sandbox: the venue's wire protocol from the server's side, over the simulated exchange.

Written from the protocol reference alone and importing nothing of the connector, so that each checks the other.
"""

from __future__ import annotations

from perpmaker_binance_perpetual.sandbox.app import BinanceDialect


def dialect() -> BinanceDialect:
    """The dialect that `perpmaker sandbox binance_perpetual` serves."""
    return BinanceDialect()
