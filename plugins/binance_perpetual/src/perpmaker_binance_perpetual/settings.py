"""The settings of the table `[binance_perpetual]`, and the addresses they stand for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated
from urllib.parse import urlsplit

import attrs

from perpmaker import Range
from perpmaker.venue import (
    HTTP_SCHEMES,
    WEBSOCKET_SCHEMES,
    Environment,
    SandboxAccess,
    is_allowed_base,
    is_this_machine,
    key_fault,
    stream_base,
)

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
            fault = key_fault(key, value, self.environment, f"env:BINANCE_{key.upper()}")

            if fault is not None:
                yield key, fault

        hosts = _HOSTS.get(self.environment, frozenset())

        for key, url, schemes in (
            ("rest_url", self.rest_url, HTTP_SCHEMES),
            ("stream_url", self.stream_url, WEBSOCKET_SCHEMES),
        ):
            # Never one environment's keys to another environment's host.
            if url is not None and not is_allowed_base(url, schemes, hosts):
                yield key, f"must be an address of Binance's {self.environment.value}, or one on this machine"


def address_of(settings: Settings, environment: Environment, sandbox: SandboxAccess | None) -> Address:
    """Where this run goes; in the sandbox the streams are under the same host as REST."""
    if sandbox is not None:
        return Address(rest=sandbox.url, stream=stream_base(sandbox.url), keys=sandbox.url)

    known = ADDRESSES[environment]
    rest = (settings.rest_url or known.rest).rstrip("/")
    stream = (settings.stream_url or known.stream).rstrip("/")
    # A live key is asked about where it is used: on the venue itself, or on the machine that stands in for it.
    keys = rest if known.keys is not None and is_this_machine(urlsplit(rest).hostname or "") else known.keys

    return Address(rest=rest, stream=stream, keys=keys)
