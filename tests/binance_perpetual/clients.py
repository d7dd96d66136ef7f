"""A client of Binance's REST endpoints over whatever answers."""

from __future__ import annotations

import httpx

from perpmaker.clock import Clock
from perpmaker.venue import Credentials, RequestBudget, RestClient
from perpmaker.wire.http import exchange_over
from perpmaker_binance_perpetual.rest import LIMITS, BinanceHttp


def client_over(
    http: httpx.AsyncClient, clock: Clock, credentials: Credentials | None = None, *, patience_s: float = 1.0
) -> RestClient:
    """Open nothing: the HTTP client does."""
    return RestClient(
        exchange_over(http),
        BinanceHttp(credentials, recv_window_ms=2000),
        clock,
        budget=RequestBudget("Binance", LIMITS, clock),
        place=f"{http.base_url.host}:443",
        patience_s=patience_s,
    )
