"""The dYdX v4 sandbox: an Indexer, a node and a block clock over the simulated exchange."""

from __future__ import annotations

from perpmaker_dydx_perpetual.sandbox.app import DydxDialect


def dialect() -> DydxDialect:
    """Return the dialect that `perpmaker sandbox dydx_perpetual` serves."""
    return DydxDialect()
