"""The settings of the table `[binance]`, and the addresses they stand for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import attrs

from perpmaker import Range
from perpmaker.venue import HTTP_SCHEMES, WEBSOCKET_SCHEMES, Address, SandboxAccess, is_allowed_base, stream_base

NAME = "binance"

REST_URL = "https://data-api.binance.vision"
STREAM_URL = "wss://data-stream.binance.vision"
"""Market data only: no key works there, and none is asked for."""

_HOSTS = frozenset(
    {
        "data-api.binance.vision",
        "data-stream.binance.vision",
        "api.binance.com",
        "api1.binance.com",
        "api2.binance.com",
        "api3.binance.com",
        "api4.binance.com",
        "api-gcp.binance.com",
        "stream.binance.com",
    }
)


@attrs.frozen(kw_only=True)
class Settings:
    """How to reach Binance's spot markets.

    `deadline_s` is for each whole call. `rest_url` and `stream_url` replace the addresses of market data by another one
    of Binance's, or by one on this machine.
    """

    deadline_s: Annotated[float, Range(above=0, at_most=60)] = 3.0
    rest_url: str = REST_URL
    stream_url: str = STREAM_URL

    def faults(self) -> Iterator[tuple[str, str]]:
        """Addresses that are neither Binance's nor this machine's."""
        for key, url, schemes in (
            ("rest_url", self.rest_url, HTTP_SCHEMES),
            ("stream_url", self.stream_url, WEBSOCKET_SCHEMES),
        ):
            if not is_allowed_base(url, schemes, _HOSTS):
                yield key, f"must be an address of Binance's spot markets ({schemes[0]}://...), or one on this machine"


def address_of(settings: Settings, sandbox: SandboxAccess | None) -> Address:
    """Where this run goes; in the sandbox REST and streams are under one host."""
    if sandbox is not None:
        return Address(rest=sandbox.url, stream=stream_base(sandbox.url))

    return Address(rest=settings.rest_url.rstrip("/"), stream=settings.stream_url.rstrip("/"))
