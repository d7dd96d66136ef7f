"""The settings of the table `[binance_perpetual]`, and the addresses they stand for."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Annotated
from urllib.parse import urlsplit

import attrs

from perpmaker.connector.interface import Environment, SandboxAccess
from perpmaker.model.setting import Range
from perpmaker.secret import reference_fault

NAME = "binance_perpetual"


@attrs.frozen(kw_only=True)
class Address:
    """Where a venue is reached: base URLs without a path. `keys` tells what a key may do; None where nobody does."""

    rest: str
    stream: str
    keys: str | None = None


ADDRESSES = {
    Environment.LIVE: Address(
        rest="https://fapi.binance.com", stream="wss://fstream.binance.com", keys="https://api.binance.com"
    ),
    Environment.TESTNET: Address(rest="https://demo-fapi.binance.com", stream="wss://demo-fstream.binance.com"),
}
_HOSTS = {
    Environment.LIVE: frozenset({"fapi.binance.com", "fstream.binance.com"}),
    Environment.TESTNET: frozenset(
        {
            "demo-fapi.binance.com",
            "demo-fstream.binance.com",
            "testnet.binancefuture.com",
            "fstream.binancefuture.com",
            "stream.binancefuture.com",
        }
    ),
}
# On paper only public data is asked for, which is that of live.
ADDRESSES[Environment.PAPER] = attrs.evolve(ADDRESSES[Environment.LIVE], keys=None)
_HOSTS[Environment.PAPER] = _HOSTS[Environment.LIVE]
_KEYED = frozenset({Environment.LIVE, Environment.TESTNET})
_PLAIN = re.compile(r"[!\"$->A-~]+")
"""Visible ASCII without @, ? and #. Spaces and line breaks urlsplit forgives, but not who sends the request."""
_SCHEMES = {"rest_url": ("https", "http"), "stream_url": ("wss", "ws")}


@attrs.frozen(kw_only=True)
class Settings:
    """How to reach Binance and prove who we are.

    `api_key` and `api_secret` are references (`env:NAME`, `file:PATH`, `keyring:SERVICE/NAME`), needed for testnet and
    live; an HMAC secret or an Ed25519 private key. `recv_window_ms` is how long the venue accepts a request after it
    was signed; with `clock_uncertainty_s` and `read_lag_s` (how old an answer of the venue may be) it makes the fence
    after which an order that the venue does not know can never arrive. `deadline_s` is for each whole call.
    `rest_url` and `stream_url` replace the addresses of testnet, live or paper by another one of the same environment,
    or by one on this machine.
    """

    environment: Environment = Environment.SANDBOX
    api_key: str | None = attrs.field(default=None, repr=False)
    api_secret: str | None = attrs.field(default=None, repr=False)
    recv_window_ms: Annotated[int, Range(at_least=100, at_most=60_000)] = 2_000
    clock_uncertainty_s: Annotated[float, Range(at_least=0, at_most=10)] = 0.25
    read_lag_s: Annotated[float, Range(at_least=0, at_most=60)] = 0.5
    deadline_s: Annotated[float, Range(above=0, at_most=60)] = 3.0
    rest_url: str | None = None
    stream_url: str | None = None

    def faults(self) -> Iterator[tuple[str, str]]:
        """Keys where they are needed, and addresses that a key may be sent to."""
        for key, value in (("api_key", self.api_key), ("api_secret", self.api_secret)):
            fault = self._key_fault(key, value)

            if fault is not None:
                yield key, fault

        for key, url in (("rest_url", self.rest_url), ("stream_url", self.stream_url)):
            if url is not None and not _is_allowed(key, url, self.environment):
                yield key, f"must be an address of Binance's {self.environment.value}, or one on this machine"

    def _key_fault(self, key: str, value: str | None) -> str | None:
        if value:
            return reference_fault(value)

        if self.environment not in _KEYED:
            return None

        example = f'{key} = "env:BINANCE_{key.upper()}"'

        return f"is needed for {self.environment.value}: a reference such as {example}"


def address_of(settings: Settings, environment: Environment, sandbox: SandboxAccess | None) -> Address:
    """Where this run goes; in the sandbox the streams are under the same host as REST."""
    if sandbox is not None:
        return Address(rest=sandbox.url, stream="ws" + sandbox.url.removeprefix("http"), keys=sandbox.url)

    known = ADDRESSES[environment]
    rest = (settings.rest_url or known.rest).rstrip("/")
    stream = (settings.stream_url or known.stream).rstrip("/")
    # A live key is asked about where it is used: on the venue itself, or on the machine that stands in for it.
    keys = rest if known.keys is not None and _is_loopback(urlsplit(rest).hostname or "") else known.keys

    return Address(rest=rest, stream=stream, keys=keys)


def _is_allowed(key: str, url: str, environment: Environment) -> bool:
    """Whether an address may replace the venue's: never one environment's keys to another environment's host."""
    encrypted, plain = _SCHEMES[key]

    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # a bracket left open, a port that is none
        return False

    if not _PLAIN.fullmatch(url) or parts.path not in {"", "/"} or port == 0:
        return False

    if _is_loopback(parts.hostname or ""):
        return parts.scheme in {encrypted, plain}

    return parts.scheme == encrypted and parts.hostname in _HOSTS.get(environment, frozenset())


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
