"""The Bybit v5 sandbox: the venue's wire protocol for linear perpetuals, over the simulated exchange.

Written from the protocol reference alone and importing nothing of the connector, so that each checks the other.
"""

from __future__ import annotations

from perpmaker_bybit_perpetual.sandbox.app import BybitDialect


def dialect() -> BybitDialect:
    """The dialect that `perpmaker sandbox bybit_perpetual` serves."""
    return BybitDialect()
