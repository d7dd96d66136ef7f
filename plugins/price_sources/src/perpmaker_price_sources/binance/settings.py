"""The settings of the table `[binance]`, and the addresses they stand for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated
from urllib.parse import urlsplit

import attrs

from perpmaker import Range, SandboxAccess
from perpmaker_price_sources.address import is_loopback, literal_address

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
_PLAIN = re.compile(r"[!\"$->A-~]+")
"""Visible ASCII without @, ? and #. Spaces and line breaks urlsplit forgives, but not who sends the request."""


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
            ("rest_url", self.rest_url, ("https", "http")),
            ("stream_url", self.stream_url, ("wss", "ws")),
        ):
            if not _is_allowed(url, *schemes):
                yield key, f"must be an address of Binance's spot markets ({schemes[0]}://...), or one on this machine"


@attrs.frozen(kw_only=True)
class Address:
    """Where the market is reached: base URLs without a path."""

    rest: str
    stream: str


def address_of(settings: Settings, sandbox: SandboxAccess | None) -> Address:
    """Where this run goes; in the sandbox REST and streams are under one host."""
    if sandbox is not None:
        return Address(rest=sandbox.url, stream="ws" + sandbox.url.removeprefix("http"))

    return Address(rest=settings.rest_url.rstrip("/"), stream=settings.stream_url.rstrip("/"))


def _is_allowed(url: str, encrypted: str, plain: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False

    if not _PLAIN.fullmatch(url) or parts.path not in {"", "/"} or port == 0:
        return False

    host = parts.hostname or ""
    address = literal_address(host)

    if host == "localhost" or (address is not None and is_loopback(address)):
        return parts.scheme in {encrypted, plain}

    return parts.scheme == encrypted and host in _HOSTS
